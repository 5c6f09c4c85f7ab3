"""The sweep on the tape gives the numbers of the sweep over Values, to the bit, and the threads of a trace one tape."""

from __future__ import annotations

import gc
import struct
import threading

import pytest
from hypothesis import assume, given, settings

from autograd_tiny import Op
from autograd_tiny.check import programs
from autograd_tiny.compiler import jit
from autograd_tiny.engine import ops
from autograd_tiny.engine.op import EDGES
from autograd_tiny.transforms import reverse
from autograd_tiny.transforms.derivatives import grad, hessian, jacobian, value_and_grad
from autograd_tiny.transforms.program import program_of
from autograd_tiny.transforms.tape import Tape
from autograd_tiny.transforms.tracer import Tracer, recording

ROWS = [op for op in ops.FUNCTIONS.values() if op.name not in ("logsumexp", "fsum", "dot")]
cube = Op("cube", lambda x: x * x * x, (lambda y, x: 3 * x * x,))


def bits(xs):
    """Bits of numbers; what is absent leaves a sum, or is selected as a 0 without sign."""
    return [struct.pack("d", x or 0.0) if x == x else "nan" for x in xs]


def recorded(f, xs):
    """Record f, and compute the steps one by one."""
    with recording():
        leaves = [Tracer.leaf(x, f"x{i}") for i, x in enumerate(xs)]
        ys = f(leaves)
    return program_of(leaves, ys).run(xs, lambda op, operands: op.ieee(*operands))


@given(programs([*ROWS, cube], max_size=20))
@settings(max_examples=300)
def test_the_gradient_is_that_of_the_eager_sweep(program):
    def f(x):
        return program.run(x)[0]

    xs = list(program.example)
    try:
        expected = grad(f)(xs)
    except EDGES:
        assume(False)
    assume(all(abs(x) < 1e300 for x in expected))  # at a pole, what is absent is selected in another way
    assert bits(recorded(grad(f), xs)) == bits(expected)


@given(programs([ops.add, ops.sub, ops.mul, ops.sin, ops.tanh, ops.exp, ops.square, cube], max_size=8))
@settings(max_examples=50)
def test_second_derivatives_are_those_of_the_eager_sweep(program):
    def f(x):
        return program.run(x)[0]

    def flat(x):
        return [d for row in hessian(f)(x) for d in row]

    xs = list(program.example)
    try:
        expected = flat(xs)
    except EDGES:
        assume(False)
    assume(all(abs(x) < 1e300 for x in expected))
    assert bits(recorded(flat, xs)) == bits(expected)


def test_a_template_is_made_once_per_op_and_kind_of_operands():
    reverse.template.cache_clear()
    jit(grad(lambda x: sum((x[i % 2] * x[1] + 2.0).tanh() for i in range(100)))).program([0.5, 0.25])
    assert reverse.template.cache_info().misses == 5  # add of 0 and x, of two, of x and 2; mul; tanh


def test_rules_of_a_user_run_at_every_row():
    met = []
    twice = Op("twice", lambda x: 2 * x, (lambda y, x: met.append(1) or 2.0,))
    program = jit(grad(lambda x: twice(twice(x)))).program(1.0)
    assert len(met) == 2
    assert program.run([1.0]) == [4.0]


def tapes():
    return sum(isinstance(x, Tape) for x in gc.get_objects())


def test_a_tape_goes_with_its_trace():
    """Without the cyclic collector: a tape of 100,000 rows takes 14 MB."""
    g = jit(lambda x: hessian(lambda x: (x[0] * x[1]).exp() / x[1] ** 2 if x[0] > 0 else x[0])(x), backend="python")
    gc.collect()
    gc.disable()
    try:
        before = tapes()
        g([0.5, 2.0])
        assert tapes() == before
    finally:
        gc.enable()


def test_threads_of_a_trace_write_to_one_tape():
    def f(x):
        found = [None] * 8

        def work(k):
            y = x[0] * (k + 0.25)
            for i in range(400):
                y = y * x[1] + float(i % 7) + k
            found[k] = y

        threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(found)

    xs = [0.5, 0.75]
    g = jit(value_and_grad(f), backend="python")
    assert g(xs) == value_and_grad(f)(xs)


@pytest.mark.parametrize("made", [lambda t: t * 2, lambda t: t.exp(), lambda t: ops.maximum(t, 0.0)])
def test_a_number_kept_from_a_trace_is_refused(made):
    kept = []
    jit(lambda x: kept.append(x * x) or x, backend="python")(2.0)
    with pytest.raises(TypeError, match="belongs to a recording that has ended"):
        made(kept[0])
    with pytest.raises(TypeError, match="is an input of another trace: pass it as an argument"):
        jit(lambda x: x + made(kept[0])).program(3.0)


def test_numbers_of_two_traces_do_not_mix():
    inner = jit(lambda x, y: x * y, backend="python")
    assert jit(lambda a: inner(2.0, a) + jacobian(lambda b: [b * a, a])(a)[0], backend="python")(3.0) == 9.0

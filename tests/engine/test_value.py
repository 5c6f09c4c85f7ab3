"""The engine on random graphs, deep graphs, threads and subclasses."""

from __future__ import annotations

import gc
import math
import struct
import sys
import threading
import weakref
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny import Value
from autograd_tiny.check import programs
from autograd_tiny.engine import ops
from autograd_tiny.engine.chain_rule import contributions
from autograd_tiny.engine.symbol import Symbol
from autograd_tiny.engine.value import NO_GRAD, sweep, topological_order
from autograd_tiny.transforms.derivatives import grad, jvp


def same(x, y):
    return x == y or (math.isnan(x) and math.isnan(y))


@given(programs())
def test_adjoints_are_the_exact_sums_of_their_contributions(program):
    y = program.value()
    y.backward()
    order = topological_order(y)
    terms = {v: [] for v in order}
    terms[y].append(Fraction(1))
    for v in order:
        for x, d in zip(v.operands, v.local_derivatives, strict=True):
            if isinstance(x, Value) and math.isfinite(d * v.grad):
                terms[x].append(Fraction(d) * Fraction(v.grad))
            elif isinstance(x, Value):
                terms[x] = None
                return
    for v, added in terms.items():
        bound = (len(added) + 2) * Fraction(2) ** -52 * sum(map(abs, added)) + Fraction(5e-324)
        assert abs(Fraction(v.grad) - sum(added)) <= bound, v


@given(programs())
def test_local_derivatives_taken_forward_are_the_rules(program):
    y = program.value()
    for v in topological_order(y):
        for x, taken, closure in zip(v.operands, v.local_derivatives, v.closures, strict=True):
            if isinstance(x, Value):
                assert same(taken, closure())


@given(programs(inputs=8))
def test_backward_grad_and_forward_mode_agree(program):
    at, leaves = list(program.example), [Value(x) for x in program.example]
    program.run(leaves)[0].backward()
    by_grad = grad(lambda xs: program.run(xs)[0])(at)
    sizes = paths_sizes(program)
    for i, (leaf, g) in enumerate(zip(leaves, by_grad, strict=True)):
        assert same(leaf.grad, g)
        tangents = [float(k == i) for k in range(len(at))]
        forward = jvp(lambda xs: program.run(xs)[0], (at,), (tangents,))[1]
        if math.isfinite(g) and math.isfinite(forward):
            assert forward == g or abs(forward - g) <= 1e-13 * sizes[i] + 1e-300  # no size past a pole


def paths_sizes(program):
    """Sum, for each input, the magnitudes of the products along all paths; rounding errors are relative to it."""
    leaves = [Value(x) for x in program.example]
    order = topological_order(*program.run(leaves))
    size = dict.fromkeys(order, 0.0) | {order[-1]: 1.0}
    for _, _, x, contribution in contributions(order, size):
        size[x] += abs(contribution)
    return [size[leaf] for leaf in leaves]


@given(programs(max_size=6, inputs=8))
def test_second_order_is_the_same_over_either_mode(program):
    def slope(xs):
        return grad(lambda xs: program.run(xs)[0])(xs)

    at = list(program.example)
    over_forward = jvp(slope, (at,), ([1.0] * len(at),))[1]
    over_reverse = grad(lambda xs: sum(slope(xs)))(at)
    size = max(map(abs, [*over_forward, *over_reverse, *slope(at)]))
    for f, r in zip(over_forward, over_reverse, strict=True):
        if math.isfinite(f) and math.isfinite(r):
            assert math.isclose(f, r, rel_tol=1e-6, abs_tol=1e-9 * (1 + size))


@given(programs())
def test_order_is_topological_complete_and_repeatable(program):
    y = program.value()
    order = topological_order(y)
    place = {v: i for i, v in enumerate(order)}
    assert len(place) == len(order)
    assert order[-1] is y
    assert all(place[x] < place[v] for v in order for x in v.parents)
    assert topological_order(y) == order


def test_symbols_and_several_outputs_have_an_order_too():
    a, b = Symbol("a"), Symbol("b")
    first, second = a * b, (a * b).sin() + a
    assert [str(s) for s in topological_order(first, second)] == [
        "a",
        "b",
        "a * b",
        "a * b",
        "sin(a * b)",
        "sin(a * b) + a",
    ]
    assert topological_order(first, second, stop=[a, first])[0] is b
    assert topological_order() == []


@given(programs(), st.booleans())
def test_the_two_loops_that_hold_the_chain_rule_agree_to_the_last_bit(program, twice):
    y = program.value()
    if twice:
        y.backward()
    order = topological_order(y)
    adjoint = {v: v.grad if v.op is None else 0.0 for v in order}
    adjoint[y] += 1.0
    for _, _, x, contribution in contributions(order, adjoint):
        adjoint[x] += contribution
    for v in order:
        v.grad = v.grad if v.op is None else 0.0
    y.grad += 1.0
    sweep(order)
    assert [struct.pack("d", adjoint[v]) for v in order] == [struct.pack("d", v.grad) for v in order]


def test_a_node_that_nothing_reaches_hands_nothing_on():
    a, b = Value(2.0), Value(3.0)
    c, d = a * b, a + b
    assert list(contributions([a, b, c, d], {d: 5.0})) == [(d, 0, a, 5.0), (d, 1, b, 5.0)]
    assert list(contributions([a, b, d], {d: 5.0}, lambda v: (None, 2.0), max)) == [(d, 1, b, 5.0)]


def test_the_public_sweep_is_what_backward_does():
    a, b = Value(2.0), Value(-3.0)
    c = a * b + a
    order = topological_order(c)
    assert a.grad is NO_GRAD
    c.grad = 1.0
    sweep(order)
    assert (a.grad, b.grad) == (-2.0, 2.0)


@pytest.mark.long
def test_a_chain_of_a_million_nodes():
    x = y = Value(1.0)
    for _ in range(1_000_000):
        y = y + 1e-6
    y.backward()
    assert x.grad == 1.0
    assert len(topological_order(y)) == 1_000_001
    del y  # freed without recursion


def test_a_dropped_graph_is_freed_with_the_collector_off():
    class Marked(float):
        """A float that supports weak references."""

    gc.collect()
    gc.disable()
    try:
        x = Value(2.0)
        watched = Marked(3.0)
        y = x * 2
        y.name = watched  # freed together with the node
        gone = weakref.ref(watched)
        del watched
        z = ops.fsum(y, y, x).exp()
        z.backward()
        before = sys.getrefcount(x)
        del y, z
        assert gone() is None
        assert sys.getrefcount(x) < before
    finally:
        gc.enable()


def test_a_node_is_small():
    gc.collect()
    x = Value(1.0)
    before = len(gc.get_objects())
    nodes = [x]
    for _ in range(1000):
        nodes.append(nodes[-1] * 1.0)
    assert (len(gc.get_objects()) - before) / 1000 < 1.3
    assert sys.getsizeof(nodes[-1]) + 2 * sys.getsizeof(1.0) <= 180


def test_four_threads():
    expected = grad(grad(lambda x: (x * x).tanh()))(0.5)
    results = []

    def work():
        for _ in range(200):
            results.append(grad(grad(lambda x: (x * x).tanh()))(0.5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 800


def test_a_value_cannot_be_subclassed():
    with pytest.raises(TypeError, match="Op"):
        type("Mine", (Value,), {})

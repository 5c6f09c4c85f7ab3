"""The engine on random graphs, and at sizes and in ways that break others."""

from __future__ import annotations

import gc
import math
import sys
import threading
import weakref
from fractions import Fraction

import pytest
from graphs import LEAVES, programs, run
from hypothesis import given

from autograd_tiny import Value
from autograd_tiny.engine import ops
from autograd_tiny.engine.value import UNTOUCHED, sweep, topological_order
from autograd_tiny.transforms.derivatives import grad, jvp


def same(x, y):
    return x == y or (math.isnan(x) and math.isnan(y))


@given(programs())
def test_adjoints_are_the_exact_sums_of_their_contributions(program):
    leaves = [Value(x) for x in LEAVES]
    y = run(program, leaves)
    y.backward()
    order = topological_order(y)
    terms = {v: [] for v in order}
    terms[y].append(Fraction(1))
    for v in order:
        for x, d in zip(v.operands, v.locals, strict=True):
            if isinstance(x, Value) and math.isfinite(d * v.grad):
                terms[x].append(Fraction(d) * Fraction(v.grad))
            elif isinstance(x, Value):
                terms[x] = None
                return
    for v, contributions in terms.items():
        bound = (len(contributions) + 2) * Fraction(2) ** -52 * sum(map(abs, contributions)) + Fraction(5e-324)
        assert abs(Fraction(v.grad) - sum(contributions)) <= bound, v


@given(programs())
def test_local_derivatives_taken_forward_are_the_rules(program):
    y = run(program, [Value(x) for x in LEAVES])
    for v in topological_order(y):
        for x, taken, partial in zip(v.operands, v.locals, v.partials, strict=True):
            if isinstance(x, Value):
                assert same(taken, partial())


@given(programs())
def test_backward_grad_and_forward_mode_agree(program):
    leaves = [Value(x) for x in LEAVES]
    run(program, leaves).backward()
    by_grad = grad(lambda xs: run(program, xs))(list(LEAVES))
    for i, (leaf, g) in enumerate(zip(leaves, by_grad, strict=True)):
        assert same(leaf.grad, g)
        tangents = [float(k == i) for k in range(len(LEAVES))]
        forward = jvp(lambda xs: run(program, xs), (list(LEAVES),), (tangents,))[1]
        if math.isfinite(g) and math.isfinite(forward):
            assert math.isclose(forward, g, rel_tol=1e-9, abs_tol=1e-9)


@given(programs(max_size=6))
def test_second_order_is_the_same_over_either_mode(program):
    def slope(xs):
        return grad(lambda xs: run(program, xs))(xs)

    ones = [1.0] * len(LEAVES)
    over_forward = jvp(slope, (list(LEAVES),), (ones,))[1]
    over_reverse = grad(lambda xs: ops.fsum(*slope(xs)))(list(LEAVES))
    for f, r in zip(over_forward, over_reverse, strict=True):
        if math.isfinite(f) and math.isfinite(r):
            assert math.isclose(f, r, rel_tol=1e-6, abs_tol=1e-6)


@given(programs())
def test_order_is_topological_complete_and_repeatable(program):
    y = run(program, [Value(x) for x in LEAVES])
    order = topological_order(y)
    place = {v: i for i, v in enumerate(order)}
    assert len(place) == len(order)
    assert order[-1] is y
    assert all(place[x] < place[v] for v in order for x in v.parents)
    assert topological_order(y) == order


def test_the_public_sweep_is_what_backward_does():
    a, b = Value(2.0), Value(-3.0)
    c = a * b + a
    order = topological_order(c)
    assert a.grad is UNTOUCHED
    c.grad = 1.0
    sweep(order)
    assert (a.grad, b.grad) == (-2.0, 2.0)


@pytest.mark.slow
def test_a_chain_of_a_million_nodes():
    x = y = Value(1.0)
    for _ in range(1_000_000):
        y = y + 1e-6
    y.backward()
    assert x.grad == 1.0
    assert len(topological_order(y)) == 1_000_001
    del y  # freed with no recursion


def test_a_dropped_graph_is_freed_with_the_collector_off():
    class Marked(float):
        """A float that can be watched."""

    gc.collect()
    gc.disable()
    try:
        x = Value(2.0)
        watched = Marked(3.0)
        y = x * 2
        y.name = watched  # anything the node holds goes with it
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

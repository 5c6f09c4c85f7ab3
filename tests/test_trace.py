"""The recorded steps are what backward() does, bit for bit."""

from __future__ import annotations

import math

import pytest
from graphs import LEAVES, programs, run
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny import Op, Value, ops
from autograd_tiny.digits import equals, is_exact, short
from autograd_tiny.events import Backward, Forward, Seed, rule
from autograd_tiny.names import LONGEST, name_nodes
from autograd_tiny.show import lines
from autograd_tiny.trace import trace
from autograd_tiny.value import UNTOUCHED, topological_order


def bits(x):
    return math.copysign(1, x), x if x == x else "nan"


@given(programs(), st.booleans())
def test_the_events_added_up_are_backward(program, twice):
    leaves = [Value(x) for x in LEAVES]
    y = run(program, leaves)
    if twice:
        y.backward()
    recorded = trace(y)
    order = topological_order(y)
    adjoint = {node: 0.0 if v.op else v.grad for node, v in zip(recorded.nodes, order, strict=True)}
    y.backward()
    for step in recorded:
        if isinstance(step, Seed):
            assert step.before == adjoint[step.node]
            adjoint[step.node] = step.after
        elif isinstance(step, Backward):
            assert bits(step.before) == bits(adjoint[step.operand])
            assert bits(step.upstream) == bits(adjoint[step.node])
            assert bits(step.contribution) == bits(step.upstream * step.local)
            assert bits(step.after) == bits(step.before + step.contribution)
            adjoint[step.operand] = step.after
    for node, v in zip(recorded.nodes, order, strict=True):
        assert bits(adjoint[node]) == bits(v.grad)
        assert (node.data, node.op) == (v.data, v.op)


@given(programs())
def test_a_node_hands_on_only_a_final_gradient(program):
    recorded = trace(run(program, [Value(x) for x in LEAVES]))
    final = {recorded.output}
    for step in recorded:
        if isinstance(step, Backward):
            assert step.node in final
            assert step.operand is step.node.operands[step.i]
            assert step.operand not in final
            if step.final:
                final.add(step.operand)
    assert final == set(recorded.nodes)
    assert sum(isinstance(step, Forward) for step in recorded) == len(recorded.nodes)


@given(programs())
def test_every_step_can_be_shown(program):
    recorded = trace(run(program, [Value(x) for x in LEAVES]))
    shown = lines(recorded)
    nodes_that_hand_on = sum(any(not isinstance(x, float) for x in node.operands) for node in recorded.nodes)
    assert len(shown) == len(recorded) + 2 + nodes_that_hand_on


def test_tracing_touches_no_gradient():
    a = Value(3.0)
    trace(a * a)
    assert a.grad is UNTOUCHED
    with pytest.raises(TypeError, match=r"got 3\.0"):
        trace(3.0)


def test_names():
    a, b = Value(1.0, "a"), Value(2.0)
    c = a - (b - a)
    d = c * c / 3.0
    d.name = "d"
    e = d.relu() + (a - (b - a))
    titles = [named.title for named in name_nodes(topological_order(e)).values()]
    assert titles == ["a", "v2", "v2 - a", "a - (v2 - a)", "v5 = (a - (v2 - a)) * (a - (v2 - a))", "d = v5 / 3",
                      "relu(d)", "v8 = v2 - a", "a - v8", "relu(d) + (a - v8)"]  # fmt: skip
    assert all(len(named.label.text) <= LONGEST for named in name_nodes(topological_order(e)).values())
    many = ops.fsum(*(Value(float(i), f"x{i}") for i in range(9)))
    assert name_nodes(topological_order(many))[many].title == "fsum(x0, x1, …, x8)"


def test_rules():
    x, w = Value(2.0, "x"), Value(-3.0, "w")
    branching = Op("branching", lambda x: 2 * x, (lambda y, x: 2.0 if x > 0 else 0.0,))
    steps = [s for s in trace(branching((x * w + x).sigmoid() ** 2)) if isinstance(s, Backward)]
    assert [rule(s) for s in steps] == [
        "", "local = 2 * sigmoid(x * w + x) ** 1", "∂sigmoid(x)/∂x = y * sigmoid(-x)    where y = sigmoid(x)",
        "", "", "local = w", "local = x",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("x", "shown", "sign"),
    [
        (2.0, "2", "="),
        (-0.0, "-0", "="),
        (6.88, "6.88", "="),
        (0.41997, "0.4200", "≈"),
        (1234.5, "1234", "≈"),
        (999999.0, "999999", "="),
        (1e6, "1e+06", "="),
        (1e300, "1e+300", "="),
        (1 / 3 * 1e-5, "3.333e-06", "≈"),
        (math.inf, "inf", "="),
        (math.nan, "nan", "="),
    ],
)
def test_digits(x, shown, sign):
    assert (short(x), equals(x), is_exact(x)) == (shown, sign, sign == "=")


@given(st.floats(-1e308, 1e308))
def test_shown_digits_are_the_number_rounded(x):
    assert float(short(x)) == pytest.approx(x, rel=5.01e-4)
    assert is_exact(x) == (float(short(x)) == x)

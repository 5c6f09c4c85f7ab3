"""Test that the recorded steps are those of backward(), bit for bit."""

from __future__ import annotations

import math
import re
import tracemalloc
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny import Op, Value
from autograd_tiny.check import programs
from autograd_tiny.engine import ops, value
from autograd_tiny.engine.digits import counted, equals, is_exact, short
from autograd_tiny.engine.names import LONGEST_LABEL, name_nodes
from autograd_tiny.engine.op import Variadic
from autograd_tiny.engine.provenance import tracing
from autograd_tiny.engine.value import NO_GRAD, topological_order
from autograd_tiny.nn.modules import MLP
from autograd_tiny.stepper.attribution import paths, why
from autograd_tiny.stepper.breakpoints import BreakpointError
from autograd_tiny.stepper.diagnosis import diagnose
from autograd_tiny.stepper.events import Backward, Forward, Seed, rule
from autograd_tiny.stepper.museum import BUGS, exhibit
from autograd_tiny.stepper.narration import explain_step
from autograd_tiny.stepper.traces import trace
from autograd_tiny.stepper.views.terminal import lines


def bits(x):
    return math.copysign(1, x), x if x == x else "nan"


@given(programs(), st.booleans())
def test_the_events_added_up_are_backward(program, twice):
    y = program.value()
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
            product = step.upstream * step.local  # 0 × ∞ where it passes a pole
            assert math.isnan(product) if step.passes_pole else bits(step.contribution) == bits(product)
            assert bits(step.after) == bits(step.before + step.contribution)
            adjoint[step.operand] = step.after
    for node, v in zip(recorded.nodes, order, strict=True):
        assert bits(adjoint[node]) == bits(v.grad)
        assert (node.data, node.op) == (v.data, v.op)


@given(programs())
def test_a_node_hands_on_only_a_final_gradient(program):
    recorded = trace(program.value())
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
    recorded = trace(program.value())
    shown = lines(recorded)
    nodes_that_hand_on = sum(any(not isinstance(x, float) for x in node.operands) for node in recorded.nodes)
    assert len(shown) == len(recorded) + 2 + nodes_that_hand_on


def test_tracing_touches_no_gradient():
    a = Value(3.0)
    trace(a * a)
    assert a.grad is NO_GRAD
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
    assert all(len(named.label.text) <= LONGEST_LABEL for named in name_nodes(topological_order(e)).values())
    many = ops.fsum(*(Value(float(i), f"x{i}") for i in range(9)))
    assert name_nodes(topological_order(many))[many].title == "fsum(x0, x1, …, x8)"


def test_rules():
    x, w = Value(2.0, "x"), Value(-3.0, "w")
    branching = Op("branching", lambda x: 2 * x, (lambda y, x: 2.0 if x > 0 else 0.0,))
    steps = [s for s in trace(branching((x * w + x).sigmoid() ** 2)) if isinstance(s, Backward)]
    assert [rule(s) for s in steps] == [
        "", "local = 2 * sigmoid(x * w + x) ** 1", "∂sigmoid(x)/∂x = y * (1 - y)    where y = sigmoid(x)",
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


def nested():
    """A trace with names, modules and lines."""
    with tracing() as recording:
        model = MLP(2, [2, 1], seed=0)
        y = model([Value(1.0, "x"), 2.0])
        loss = y * y
    loss.name = "loss"
    return trace(loss, recording)


def test_a_recording_knows_lines_and_modules():
    steps = nested()
    inside = {node.scope for node in steps.nodes if node.op is not None}
    assert inside == {"", "layers[0].neurons[0]", "layers[0].neurons[1]", "layers[1].neurons[0]"}
    assert steps.output.source.startswith("test_trace.py:")
    assert value._new is object.__new__


def test_an_interrupted_recording_leaves_the_engine_as_it_was():
    with pytest.raises(ValueError, match="outside the domain"), tracing():
        Value(-1.0).log()
    assert value._new is object.__new__


@given(programs(), st.booleans(), st.data())
def test_time_goes_both_ways(program, twice, data):
    y = program.value()
    if twice:
        y.backward()
    steps = trace(y)
    there = [[*steps.at(n)._grads] for n in range(-1, len(steps))]
    state = steps.at(len(steps) - 1)
    for n in data.draw(st.lists(st.integers(-1, len(steps) - 1), max_size=6)):
        assert list(map(repr, state.seek(n)._grads)) == list(map(repr, there[n + 1]))


@pytest.mark.parametrize(
    ("text", "n"),
    [("nan", None), ("kink", 8), ("reuse", 7), ("final", 6), ("node a", 0), ("op relu", 3), ("op *", 1),
     ("data > 3", 1), ("|grad| >= 6", None), ("grad >= 1", 5), ("|local| == 0", 8), ("dead", None)],
)  # fmt: skip
def test_breakpoints(text, n):
    a = Value(3.0, "a")
    steps = trace((a * a - 9.0).relu() + a)  # five values, the seed, then +, relu, -, *
    assert steps.find(text) == n


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("often", "'often' is not a breakpoint; write one of: nan, inf"),
        ("|grad > 3", "is not a breakpoint"),
        ("grad > x", "'x' is not a number"),
        ("node ab", "there is no node ab (did you mean a?)"),
        ("op tahn", "there is no op tahn (did you mean tanh?)"),
        ("", "'' is not a breakpoint"),
    ],
)
def test_breakpoints_that_are_refused(text, message):
    with pytest.raises(BreakpointError, match=re.escape(message)):
        trace(Value(1.0, "a").tanh()).find(text)


@given(programs())
def test_uses_and_paths_sum_to_the_gradient(program):
    y = program.value()
    steps = trace(y)
    for node in steps.nodes:
        uses = why(steps, node)
        if node is not steps.output:
            assert bits(uses[-1].after) == bits(steps.at(len(steps) - 1).grad(node))
        found = paths(steps, node, 10_000)
        if found.total <= 10_000:
            assert len(found.largest) == found.total
            total = (
                math.fsum(path.product for path in found.largest)
                if all(math.isfinite(p.product) for p in found.largest)
                else math.nan
            )
            grad = steps.at(len(steps) - 1).grad(node)
            size = sum(abs(path.product) for path in found.largest)
            assert (
                not math.isfinite(total)
                or not math.isfinite(grad)
                or total == pytest.approx(grad, rel=1e-9, abs=1e-12 * size)
            )


def doublings(n):
    b = Value(1.0, "a")
    for _ in range(n):
        b = b + b
    return trace(b)


def test_the_number_of_paths_is_exact_and_shown_in_few_digits():
    steps = doublings(20_000)
    found = paths(steps, steps.nodes[0], 1)
    assert found.total == 2**20_000
    assert repr(found).startswith("<about 3.98e6020 paths, the largest [<path 1.0: b → v20000 → ")
    assert len(repr(found)) < 1000


def test_paths_keep_no_counts_that_are_used_up():
    peaks = []
    for n in (4_000, 16_000):
        steps = doublings(n)
        last = steps.nodes[0]
        tracemalloc.start()
        paths(steps, last, 1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 6 * peaks[0]  # 4 times; keeping all counts it would be 16 times


@pytest.mark.parametrize("n", [10**60, 9_994 * 10**70, 9_996 * 10**70, 10**400 - 1, 10**400, 2**100_000], ids=counted)
def test_large_counts(n):
    number = counted(n).removeprefix("about ")
    digits, tens = number.split("e")
    shown = Fraction(digits) * 10 ** int(tens)
    assert abs(shown - n) <= Fraction(51, 10_000) * n
    assert len(digits) == 4


def test_a_wide_sum_is_looked_at_once():
    asked = []

    def told(result):
        asked.append(result)
        return result

    rule = Variadic(lambda y, *xs: told((1.0,) * len(xs)))
    wide = Op("wide", lambda *xs: math.fsum(xs), rule, avoid=lambda *xs: told(1.0))
    steps = trace(wide(*(Value(float(i), f"x{i}") for i in range(300))))
    asked.clear()
    assert not diagnose(steps)
    lines(steps)
    assert len(asked) <= 4


def test_diagnoses():
    x, zero = Value(0.0, "x"), Value(0.0, "zero")
    assert "the first value that is not finite: exp" not in str(diagnose(Value(1.0).exp()))
    assert "0 × inf: the upstream gradient is 0" in str(diagnose(x.sqrt() * zero))
    assert "x is given as nan" in str(diagnose(Value(math.nan, "x") * 2.0))
    big = Value(1e200, "big")
    assert "is inf, the first value that is not finite: 1e+200 * 1e+200 overflows" in str(diagnose(big * big))
    assert "dead: 1 of 2 values passes no gradient: relu(x)" in str(diagnose(Value(-1.0, "x").relu()))
    assert "saturated: 1 of 2 values" in str(diagnose(Value(5.0, "x").tanh()))
    a = Value(2.0, "a")
    b = a * 3.0
    a.data = 5.0
    assert "a * 3 is 6, but 5 * 3 is 15: a was changed after the forward pass" in str(diagnose(b))
    wrong = Op("cube", lambda x: x**3, (lambda y, x: 2 * x * x,))
    assert "wrong: ∂cube(a)/∂a is 50.0 and should be 75.0" in str(diagnose(wrong(a), check=True))
    assert not diagnose(a * a)
    assert str(diagnose(a * a)).startswith("nothing found")


def test_a_value_shows_itself_in_a_notebook():
    bundle = (Value(2.0, "a") * 3.0)._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<?xml")
    assert bundle["text/plain"] == "Value(data=6.0)"
    assert 'sandbox="allow-scripts"' in trace(Value(2.0, "a") * 3.0)._repr_mimebundle_()["text/html"]


def test_the_museum():
    a = Value(3.0, "a")
    b = a * a
    b.name = "b"
    steps = trace(b * (b + a))
    wrong = {bug: exhibit(steps, bug).leaves[0][2] for bug in BUGS}
    # By hand; the right one is 135: 9·3; 9 + 2·12·3; 135 + 18 + 2·51·3, because b has 21 + 12 + 18; 0.
    assert wrong == {"assign": 27.0, "order": 81.0, "stale": 459.0, "seed": 0.0}
    assert all(right == 135.0 for bug in BUGS for _, right, _ in exhibit(steps, bug).leaves)
    assert "b passes its gradient on to a: right 21, wrong 12" in str(exhibit(steps, "order"))
    assert "it makes no difference here" in str(exhibit(trace(Value(2.0, "x").tanh()), "assign"))
    with pytest.raises(ValueError, match="'rust' is not in the museum; its bugs are assign, order, stale, seed"):
        exhibit(steps, "rust")


@pytest.mark.parametrize(
    "f",
    [
        lambda x, w: (x * w + 1.0).tanh(),
        lambda x, w: (x / w).sigmoid(),
        lambda x, w: x**3 - w / x,
        lambda x, w: x.atan(),
    ],
)
def test_the_code_of_a_step_computes_its_contribution(f):
    y = f(Value(0.5, "x"), Value(2.0, "w"))
    y.name = "y"
    steps = trace(y)
    for n, step in enumerate(steps):
        if isinstance(step, Backward) and step.node is steps.output:
            factor = explain_step(steps, n).code.partition(".grad * ")[2]
            known = {**ops.TABLE, "x": 0.5, "w": 2.0, "y": y.data}
            assert eval(f"3.0 * {factor}", known) == pytest.approx(3.0 * step.local, rel=1e-3)

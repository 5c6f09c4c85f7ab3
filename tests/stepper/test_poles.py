"""Steps past a pole: a trace shows what `backward()` computes, and its file keeps it."""

from __future__ import annotations

import math

import pytest

from autograd_tiny import Value, ops
from autograd_tiny.stepper.narration import explain_step
from autograd_tiny.stepper.trace_json import from_json, to_json
from autograd_tiny.stepper.traces import trace

PAST_POLES = [
    ("a root squared", lambda v: v[0].sqrt() ** 2, [0.0], [1.0]),
    ("a root times itself", lambda v: (3.0 * v[0]).sqrt().square() + v[0], [0.0], [4.0]),
    ("a norm squared", lambda v: (v[0] ** 2 + v[1] ** 2).sqrt() ** 2, [0.0, 0.0], [0.0, 0.0]),
    ("a root in a hypot, squared", lambda v: v[0].sqrt().hypot(v[1]) ** 2, [0.0, 3.0], [1.0, 6.0]),
    ("a branch not taken", lambda v: ops.where(v[1], v[1], v[0].sqrt()), [0.0, 3.0], [0.0, 1.0]),
    ("a flat piece", lambda v: v[0].relu().sqrt() * v[1], [-1.0, 3.0], [0.0, 0.0]),
    ("a root of a square", lambda v: (abs(v[0]) * abs(v[0])).sqrt(), [0.0], [math.nan]),
    ("a square that a root is of", lambda v: (v[0].sqrt() * v[0].sqrt()).cbrt(), [0.0], [math.inf]),
    ("a zero that is a number", lambda v: v[0].sqrt() * v[0].cbrt() + v[1], [0.0, 3.0], [math.nan, 1.0]),
]
CASES = pytest.mark.parametrize(
    ("f", "at", "exact"), [row[1:] for row in PAST_POLES], ids=[row[0] for row in PAST_POLES]
)


@CASES
def test_a_trace_is_backward_past_poles(f, at, exact):
    leaves = [Value(x, f"x{i}") for i, x in enumerate(at)]
    y = f(leaves)
    steps = trace(y)
    state = steps.at(len(steps))
    found = [state.grad(steps.node(x.name)) for x in leaves]
    y.backward()
    assert repr(found) == repr([x.grad for x in leaves])
    assert found == pytest.approx(exact, nan_ok=True)


@CASES
def test_its_file_keeps_the_steps(f, at, exact):
    steps = trace(f([Value(x, f"x{i}") for i, x in enumerate(at)]))
    again = from_json(to_json(steps))
    assert [repr(step.contribution) for step in again[steps.seed + 1 :]] == [
        repr(step.contribution) for step in steps[steps.seed + 1 :]
    ]


def test_the_text_says_so():
    steps = trace(Value(0.0, "s").sqrt() ** 2)
    assert "s.grad += 1, past the pole of 0 × inf : 0 → 1" in str(steps[-1])
    assert "0 × inf passes the pole as 1" in explain_step(steps, len(steps) - 1).equation

"""Test what is said of each op: every row of the table has a phrase, and those read aloud are right."""

from __future__ import annotations

import pytest

from autograd_tiny import Value
from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Op
from autograd_tiny.stepper.habits import habit
from autograd_tiny.stepper.traces import trace


@pytest.mark.parametrize("name", ops.FUNCTIONS)
def test_every_row_has_a_phrase(name):
    assert habit(ops.FUNCTIONS[name])


def contributions(y):
    return [step.contribution for step in trace(y * 7.0)[trace(y * 7.0).seed + 2 :]]


def test_copies_swaps_picks_and_steps():
    a, b = Value(2.0, "a"), Value(3.0, "b")
    assert habit(ops.add).startswith("+ copies")
    assert contributions(a + b) == [7, 7]
    assert habit(ops.mul).startswith("× swaps")
    assert contributions(a * b) == [21, 14]
    assert habit(ops.maximum).startswith("maximum picks")
    assert contributions(a.maximum(b)) == [0, 7]


def test_an_op_of_the_users_has_none():
    assert habit(Op("tanh", ops.tanh.forward, (lambda y, x: 2 * x,))) == ""

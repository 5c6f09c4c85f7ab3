"""Graphs built, swept, zeroed, shared and interrupted in any order, against a model with integers."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from autograd_tiny import Op, Value
from autograd_tiny.engine import ops

LARGEST_DATA = 1000


def refuses(*xs):
    raise RuntimeError("a rule that fails")


broken_rule = Op("broken_rule", lambda x: x, (refuses,))


class Machine(RuleBasedStateMachine):
    """Model: `derivative[v]` holds ∂v/∂u for each u below v, `grad` the expected gradients."""

    values = Bundle("values")

    def __init__(self):
        super().__init__()
        self.derivative: dict[Value, dict[Value, float]] = {}
        self.grad: dict[Value, float] = {}

    def add(self, v, parts):
        total = {v: 1.0}
        for x, d in parts:
            for u, below in self.derivative[x].items():
                total[u] = total.get(u, 0.0) + d * below
        self.derivative[v], self.grad[v] = total, 0.0
        return v

    @initialize(target=values)
    def first(self):
        return self.add(Value(2.0), [])

    @rule(target=values, x=st.integers(-3, 3))
    def leaf(self, x):
        return self.add(Value(x), [])

    @rule(target=values, a=values, b=values, op=st.sampled_from([ops.add, ops.sub, ops.mul]))
    def apply(self, a, b, op):
        if max(abs(a.data), abs(b.data)) > LARGEST_DATA:
            return a
        da, db = {"add": (1.0, 1.0), "sub": (1.0, -1.0), "mul": (b.data, a.data)}[op.name]
        return self.add(op(a, b), [(a, da), (b, db)])

    @rule(target=values, a=values)
    def with_a_constant(self, a):
        return self.add(3.0 - a * 2, [(a, -2.0)]) if abs(a.data) < LARGEST_DATA else a

    @rule(y=values)
    def backward(self, y):
        y.backward()
        for u, d in self.derivative[y].items():
            self.grad[u] = d + (self.grad[u] if not u.operands else 0.0)

    @rule(v=values)
    def zero(self, v):
        if not v.operands:
            v.grad = 0.0
            self.grad[v] = 0.0

    @rule(v=values)
    def fail_midway(self, v):
        with pytest.raises(ValueError, match="outside the domain"):
            (v * 0 - 1).log()
        with pytest.raises(RuntimeError, match="a rule that fails"):
            broken_rule(v) + v

    @invariant()
    def gradients_are_the_models(self):
        for v, g in self.grad.items():
            assert v.grad == g


TestMachine = Machine.TestCase
TestMachine.settings = settings(stateful_step_count=30)

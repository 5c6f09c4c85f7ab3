"""Formulas of rules: no rule branches, and the formula agrees with the computation."""

from __future__ import annotations

import ast
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny import Op
from autograd_tiny.engine import ops
from autograd_tiny.engine.symbol import Symbol, explain, operand_symbols


@pytest.mark.parametrize("op", ops.TABLE.values(), ids=lambda op: op.name)
def test_every_rule_spells_itself_and_parses(op):
    lines = explain(op).splitlines()
    assert len(lines) == len(operand_symbols(op))
    for line in lines:
        assert line.startswith("∂")
        ast.parse(line.split(" = ", 1)[1].split("    where ")[0])


INFIX = [op for op in ops.TABLE.values() if op.infix]


@st.composite
def spelled(draw, depth=4):
    """Draw a Symbol of infix ops and its float value at a = 2, b = 3."""
    if not depth or draw(st.booleans()):
        return draw(st.sampled_from([(Symbol("a"), 2.0), (Symbol("b"), 3.0), (1.0, 1.0), (-2.0, -2.0), (0.5, 0.5)]))
    op = draw(st.sampled_from(INFIX))
    xs = [draw(spelled(depth=depth - 1)) for _ in op.partials]
    return _apply(op, xs)


def _apply(op, xs):
    try:
        value = op.forward(*(v for _, v in xs))
    except (ValueError, ArithmeticError):
        return Symbol("a"), 2.0
    symbols = [x for x, _ in xs]
    return (Symbol.apply(op, tuple(symbols)), value) if math.isfinite(value) else (Symbol("b"), 3.0)


@given(spelled())
def test_parentheses_are_where_python_needs_them(pair):
    symbol, value = pair
    assert eval(str(symbol), {"a": 2.0, "b": 3.0}) == value  # the text is this test's own


def test_a_rule_that_branches_is_refused():
    x = Symbol("x")
    for branch in (lambda: 1 if x else 0, lambda: x > 0, lambda: max(x, 0.0)):
        with pytest.raises(TypeError, match="where"):
            branch()


@pytest.mark.parametrize(("n", "grow"), [(5000, lambda z, x: z + x), (200, lambda z, x: z * z)])
def test_a_long_rule_is_explained(n, grow):
    """Explain a long sum, and a square taken 200 times: the full text would double each time."""

    def rule(y, x):
        z = x
        for _ in range(n):
            z = grow(z, x)
        return z * y

    told = explain(Op("long", lambda x: x, (rule,)))
    assert "…" in told
    assert told.endswith("where y = long(x)")

"""Passes: program text -> expected program text, and equal outputs on random programs, bit for bit."""

from __future__ import annotations

import ast
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny.check import programs, special_reals
from autograd_tiny.compiler import Program, Step
from autograd_tiny.compiler.lower import lowered, prepared
from autograd_tiny.compiler.passes import PASSES, folded, optimized, with_shared_steps, without_dead_steps
from autograd_tiny.engine import ops
from autograd_tiny.engine.expression import INFIX, SIGNS


def read(text):
    """Parse a program from a text such as ``x, y: v2 = x * y; v3 = exp(v2); return v3``: one op in each step."""
    inputs, _, body = text.partition(": ")
    *lines, results = body.split("; ")
    places = {name: i for i, name in enumerate(inputs.split(", "))}

    def operand(node):
        return places[node.id] if isinstance(node, ast.Name) else float(ast.unparse(node))

    steps = []
    for line in lines:
        name, _, formula = line.partition(" = ")
        match ast.parse(formula, mode="eval").body:
            case ast.BinOp(left, op, right):
                row, operands = INFIX[SIGNS[type(op)], 2], [left, right]
            case ast.UnaryOp(op, x):
                row, operands = INFIX[SIGNS[type(op)], 1], [x]
            case ast.Call(f, operands):
                row = ops.TABLE[f.id]
        steps.append(Step(row, tuple(map(operand, operands))))
        places[name] = len(places)
    found = [operand(ast.parse(y, mode="eval").body) for y in results.removeprefix("return ").split(", ")]
    return Program(tuple(inputs.split(", ")), tuple(steps), tuple(found))


def written(program):
    return f"{', '.join(program.inputs)}: {'; '.join(repr(program).splitlines()[1:])}"


CASES = [
    (without_dead_steps, "x: v1 = exp(x); v2 = -x; return v2", "x: v1 = -x; return v1"),
    (without_dead_steps, "x: v1 = exp(x); v2 = v1 * x; v3 = v2 - 1; return x", "x: return x"),
    (without_dead_steps, "x, y: v2 = exp(x); return v2, 3", "x, y: v2 = exp(x); return v2, 3"),
    (with_shared_steps, "x: v1 = exp(x); v2 = exp(x); return v1, v2", "x: v1 = exp(x); return v1, v1"),
    (
        with_shared_steps,
        "x, y: v2 = x * y; v3 = y * x; v4 = v2 + v3; return v4",
        "x, y: v2 = x * y; v3 = v2 + v2; return v3",
    ),
    (with_shared_steps, "x, y: v2 = x - y; v3 = y - x; return v2, v3", "x, y: v2 = x - y; v3 = y - x; return v2, v3"),
    (with_shared_steps, "x: v1 = x + 0.0; v2 = x + -0.0; return v1, v2", "x: v1 = x + 0; v2 = x + -0; return v1, v2"),
    (folded, "x: v1 = exp(0.0); v2 = v1 * x; return v2", "x: return x"),
    (folded, "x: v1 = 2 * 3; v2 = v1 + 0.5; v3 = v2 - x; return v3, v1", "x: v1 = 6.5 - x; return v1, 6"),
    (folded, "x, y: v2 = where(1.0, x, y); v3 = where(0.0, x, y); return v2, v3", "x, y: return x, y"),
    *[
        (folded, f"x: v1 = {same}; return v1", "x: return x")
        for same in ("x * 1", "1 * x", "-0.0 + x", "x - 0.0", "x / 1")
    ],
    *[
        (folded, f"x: v1 = {other}; return v1", f"x: v1 = {other}; return v1")
        for other in ("x * 0", "x * -1", "x + 0", "x - -0", "0 - x", "0 / x", "1 / x")
    ],
    (lowered, "x: v1 = reciprocal(x); v2 = square(v1); return v2", "x: v1 = 1 / x; v2 = v1 * v1; return v2"),
    (lowered, "x, y: v2 = maximum(x, y); return v2",
     "x, y: v2 = greater(x, y); v3 = not_equal(x, x); v4 = where(v3, x, y); v5 = where(v2, x, v4); return v5"),
    (optimized, "x: v1 = exp(0.0); v2 = v1 * x; v3 = sin(v2); v4 = sin(x); v5 = exp(v4); v6 = v3 - v4; return v6",
     "x: v1 = sin(x); v2 = v1 - v1; return v2"),
    (prepared, "x: v1 = square(x); v2 = x * x; v3 = v1 / v2; return v3", "x: v1 = x * x; v2 = v1 / v1; return v2"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "before", "after"), CASES, ids=[f"{f.__name__}: {text}" for f, text, _ in CASES])
def test_what_a_pass_makes_of_a_program(change, before, after):
    assert written(change(read(before))) == after


def test_every_pass_has_a_case():
    assert {*PASSES, optimized, lowered, prepared} == {change for change, _, _ in CASES}


@pytest.mark.parametrize("change", [*dict.fromkeys(PASSES), optimized])
@given(drawn=programs(max_size=20), other=st.lists(special_reals(), min_size=3, max_size=3))
@settings(max_examples=40)
def test_a_pass_keeps_every_bit(change, drawn, other):
    program = drawn.with_outputs(range(len(drawn.inputs) + len(drawn.steps))[-4:])
    again = change(program)
    assert len(again.steps) <= len(program.steps)
    for xs in (drawn.example, other[: len(drawn.inputs)]):
        assert bits(ieee(again, xs)) == bits(ieee(program, xs))


@given(drawn=programs(max_size=20))
@settings(max_examples=40)
def test_passes_leave_no_work(drawn):
    """After one round of the passes, none finds anything to do."""
    once = prepared(drawn)
    assert all(written(change(once)) == written(once) for change in PASSES)


@given(drawn=programs(max_size=20))
@settings(max_examples=100)
def test_lowering_needs_no_passes_before(drawn):
    """A recording is lowered as it is, in one pass, and its lowered form is that of the optimized program."""
    program = drawn.with_outputs(range(len(drawn.inputs) + len(drawn.steps))[-4:])
    once, twice = prepared(program), prepared(optimized(program))
    assert (once.inputs, repr(once.steps), repr(once.outputs)) == (twice.inputs, repr(twice.steps), repr(twice.outputs))


def ieee(program, xs):
    return program.run(xs, lambda op, operands: op.ieee(*operands))


def bits(ys):
    return [struct.pack("d", y) if y == y else "nan" for y in ys]

"""Every row of the table against the exact oracle: value, local derivatives, first and second order, both modes."""

from __future__ import annotations

import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import BIG, ROWS, arity, operands

from autograd_tiny.check.exact import digits, exact_value, in_exact_numbers, second, slack, slope, slopes
from autograd_tiny.engine import ops
from autograd_tiny.engine.ieee import local_derivatives
from autograd_tiny.transforms.derivatives import grad, hessian, jvp

pytestmark = pytest.mark.slow


def forward(op, xs):
    """Return the float result, or None if Python raises or the result is not finite."""
    try:
        y = op.forward(*xs)
    except (ValueError, ArithmeticError):
        return None
    return y if math.isfinite(y) else None


@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)
@given(data=st.data())
def test_value_and_local_derivatives_within_8_ulp(op, data):
    high = 1e4 if op.name == "logsumexp" else BIG  # the exact exp of larger numbers takes half a minute
    xs = data.draw(operands(op, -high, high))
    y = forward(op, xs)
    if y is None:
        return
    in_exact_numbers(digits(xs), lambda real: within_8_ulp(op, xs, y, real))


def within_8_ulp(op, xs, y, real):
    here = tuple(map(real, xs))
    exact = exact_value(op, *here)
    allowed = slack(lambda at: exact_value(op, *map(real, at)), xs, real, exact)
    assert abs(real(y) - exact) <= allowed, f"{op.name}{xs} = {y}"
    if not op.avoid(*xs):
        return
    for i, d in enumerate(local_derivatives(op, y, xs)):
        found = slopes(op, i, here, exact)
        if len(found) < 2:
            continue  # at the boundary of the domain
        low, high = min(found), max(found)
        if abs(high) > BIG:
            continue
        allowed = slack(lambda at, i=i: slope(op, i, tuple(map(real, at)), near=here), xs, real)
        if 0 < abs(y) < sys.float_info.min:
            allowed += abs(high) * 8 * math.ulp(y) / abs(y)  # the result passed to the rule is itself rounded
        assert math.isfinite(d), f"∂{op.name}{xs}[{i}] = {d}, exact {float(low)}"
        assert low - allowed <= real(d) <= high + allowed, (
            f"∂{op.name}{xs}[{i}] = {d}, exact {float(low)}, off by {float((d - low) / allowed * 8)} ulp"
        )


@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)
@given(data=st.data())
def test_first_and_second_order_in_both_modes(op, data):
    xs = data.draw(operands(op, -20, 20))
    if forward(op, xs) is None or abs(op.avoid(*xs)) < 1e-3 or any(0 < abs(x) < 1e-3 for x in xs):
        return
    if op in (ops.pow, ops.power_rule1) and xs[0] < 0:
        return  # an integer exponent is an isolated point: no derivative with respect to it
    every = tuple(range(len(xs)))
    first = grad(op, argnums=every)(*xs)
    found = hessian(op, argnums=every)(*xs)
    forward_mode = [jvp(op, xs, tuple(float(k == i) for k in every))[1] for i in every]
    over_reverse = [jvp(grad(op, argnums=every), xs, tuple(float(k == i) for k in every))[1] for i in every]

    def compare(real):
        for i in every:
            d = slope(op, i, tuple(map(real, xs)))
            near = 1e-9 * (1 + abs(d))
            assert abs(first[i] - d) <= near, f"reverse ∂{op.name}{xs}[{i}] = {first[i]}, exact {float(d)}"
            assert abs(forward_mode[i] - d) <= near, f"forward ∂{op.name}{xs}[{i}]"
            for j in every:
                dd = second(op, i, j, xs, real)
                near = 1e-6 * (1 + abs(dd) + abs(d))
                assert abs(found[i][j] - dd) <= near, f"∂²{op.name}{xs}[{i}][{j}] = {found[i][j]}, exact {float(dd)}"
                assert abs(over_reverse[i][j] - dd) <= near, f"forward over reverse ∂²{op.name}{xs}[{i}][{j}]"

    in_exact_numbers(200, compare)


@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)
def test_a_row_is_complete(op):
    assert ops.TABLE[op.name] is op
    assert getattr(ops, op.name) is op
    assert len(op.domain) in (0, arity(op))

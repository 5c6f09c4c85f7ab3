"""Every row of the table against the exact oracle: value, local derivatives, first and second order, both modes."""

from __future__ import annotations

import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf
from rows import BIG, ROWS, arity, operands

from autograd_tiny.check.exact import digits, exact_value, second, slack, slope, slopes
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
    with mp.workdps(digits(xs)):
        allowed = slack(lambda at: exact_value(op, *map(mpf, at)), xs)
        assert abs(mpf(y) - exact_value(op, *map(mpf, xs))) <= allowed, f"{op.name}{xs} = {y}"
        if not op.avoid(*xs):
            return
        for i, d in enumerate(local_derivatives(op, y, xs)):
            found = slopes(op, i, tuple(map(mpf, xs)))
            if len(found) < 2:
                continue  # at the boundary of the domain
            low, high = min(found), max(found)
            if abs(high) > BIG:
                continue
            allowed = slack(lambda at, i=i: slope(op, i, tuple(map(mpf, at))), xs)
            if 0 < abs(y) < sys.float_info.min:
                allowed += abs(high) * 8 * math.ulp(y) / abs(y)  # the result passed to the rule is itself rounded
            assert math.isfinite(d), f"∂{op.name}{xs}[{i}] = {d}, exact {mp.nstr(low, 17)}"
            assert low - allowed <= mpf(d) <= high + allowed, (
                f"∂{op.name}{xs}[{i}] = {d}, exact {mp.nstr(low, 17)}, off by {mp.nstr((d - low) / allowed * 8, 3)} ulp"
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
    with mp.workdps(200):
        for i in every:
            d = slope(op, i, tuple(map(mpf, xs)))
            near = 1e-9 * (1 + abs(d))
            assert abs(first[i] - d) <= near, f"reverse ∂{op.name}{xs}[{i}] = {first[i]}, exact {mp.nstr(d, 17)}"
            tangents = tuple(float(k == i) for k in every)
            assert abs(jvp(op, xs, tangents)[1] - d) <= near, f"forward ∂{op.name}{xs}[{i}]"
            over = jvp(grad(op, argnums=every), xs, tangents)[1]
            for j in every:
                dd = second(op, i, j, xs)
                near = 1e-6 * (1 + abs(dd) + abs(d))
                assert abs(found[i][j] - dd) <= near, (
                    f"∂²{op.name}{xs}[{i}][{j}] = {found[i][j]}, exact {mp.nstr(dd, 17)}"
                )
                assert abs(over[j] - dd) <= near, f"forward over reverse ∂²{op.name}{xs}[{i}][{j}]"


@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)
def test_a_row_is_complete(op):
    assert ops.TABLE[op.name] is op
    assert getattr(ops, op.name) is op
    assert len(op.domain) in (0, arity(op))

"""Every row of one operand where numbers end: at ±inf, at the largest floats, and in subnormal tails."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf
from rows import BIG, ROWS, arity

from autograd_tiny.check.exact import digits, exact_value, slope
from autograd_tiny.compiler import jit
from autograd_tiny.engine import ops
from autograd_tiny.engine.ieee import local_derivatives
from autograd_tiny.transforms.derivatives import grad, hessian, value_and_grad

inf, nan = math.inf, math.nan
UNARY = [op for op in ROWS if arity(op) == 1]
WITHOUT_LIMIT = {"sin", "cos", "tan", "lgamma", "digamma", "trigamma"}  # at one of ±inf at least
TAILS = {"sigmoid", "softplus", "silu", "elu", "tanh", "log_sigmoid", "exp", "expm1", "exp2"}


def within(op, x):
    return not op.domain or op.domain[0].has(x)


@pytest.mark.parametrize("x", [inf, -inf])
@pytest.mark.parametrize("op", [op for op in UNARY if op.name not in WITHOUT_LIMIT], ids=lambda op: op.name)
def test_the_slope_at_infinity_is_the_limit(op, x):
    far = math.copysign(1e300, x)
    if not (within(op, x) and within(op, far)):
        return
    (at,), (near,) = local_derivatives(op, op.ieee(x), (x,)), local_derivatives(op, op.ieee(far), (far,))
    assert at == near or (math.isinf(at) and abs(near) > 1e99) or abs(at - near) < 1e-99, f"{op.name}′({x}) = {at}"
    assert not math.isnan(op.ieee(x)), f"{op.name}({x}) is nan"


@pytest.mark.parametrize("op", [op for op in UNARY if op.name in TAILS], ids=lambda op: op.name)
@given(x=st.one_of(st.floats(-750.0, 750.0), st.sampled_from([BIG, -BIG, 5e-324, -5e-324, 0.0])))
def test_subnormal_results_are_within_8_units_of_the_last_place(op, x):
    y = op.ieee(x)
    (d,) = local_derivatives(op, y, (x,))
    with mp.workdps(digits((x,))):
        for got, exact in ((y, exact_value(op, mpf(x))), (d, slope(op, 0, (mpf(x),)))):
            if abs(exact) < 2.3e-308:
                assert abs(mpf(got) - exact) <= 8 * 5e-324, f"{op.name}({x}): {got}, exact {mp.nstr(exact, 17)}"


@pytest.mark.parametrize("backend", ["python", "numpy", "llvm"])
@pytest.mark.parametrize("op", [ops.silu, ops.gelu, ops.sigmoid, ops.softplus, ops.tanh], ids=lambda op: op.name)
def test_compiled_slopes_at_the_ends_are_those_of_values(op, backend):
    compiled = jit(value_and_grad(op), backend=backend)
    for x in (inf, -inf, 0.0, -0.0, BIG, -BIG, 5e-324, -740.0, -746.0, 740.0):
        assert compiled(x) == pytest.approx(value_and_grad(op)(x), rel=1e-14, abs=4e-323), x


def test_second_derivatives_of_silu_and_gelu_at_the_ends_are_zero():
    for op in (ops.silu, ops.gelu):
        for x in (inf, -inf, BIG, -BIG):
            assert hessian(op)(x) == 0.0, (op, x)
            assert grad(op)(x) == (x > 0), (op, x)

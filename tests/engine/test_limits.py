"""Every row of one operand where numbers end: at ±inf, at the largest floats, and in subnormal tails."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rows import BIG, ROWS, arity

from autograd_tiny import Value
from autograd_tiny.check.exact import digits, exact_value, in_exact_numbers, slope
from autograd_tiny.compiler import jit
from autograd_tiny.engine import ops
from autograd_tiny.engine.ieee import local_derivatives
from autograd_tiny.transforms.derivatives import grad, hessian, value_and_grad

inf, nan = math.inf, math.nan
UNARY = [op for op in ROWS if arity(op) == 1]
WITHOUT_LIMIT = {"sin", "cos", "tan", "lgamma", "digamma", "trigamma"}  # at one of ±inf at least
TAILS = {"sigmoid", "softplus", "silu", "elu", "tanh", "log_sigmoid", "exp", "expm1", "exp2"}


COMPILED_GELU = jit(ops.gelu, backend="python")


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

    def compare(real):
        for got, exact in ((y, exact_value(op, real(x))), (d, slope(op, 0, (real(x),)))):
            if abs(exact) < 2.3e-308:
                assert abs(real(got) - exact) <= 8 * 5e-324, f"{op.name}({x}): {got}, exact {float(exact)}"

    in_exact_numbers(digits((x,)), compare)


@given(x=st.one_of(st.floats(-38.6, -33.0), st.sampled_from([-35.0, -38.4, -38.5, -38.56])))
@example(x=-38.45)
def test_gelu_far_left_is_within_8_units_of_its_operand_or_result(x):
    def compare(real):
        exact, moved = (exact_value(ops.gelu, real(y)) for y in (x, x + math.ulp(x)))
        allowed = 8 * (abs(moved - exact) + abs(exact) * 2.0**-52) + real(5e-324)
        for got in (ops.gelu(x), COMPILED_GELU(x)):
            assert abs(real(got) - exact) <= allowed, f"gelu({x}): {got}, exact {float(exact)}"

    in_exact_numbers(digits((x,)), compare)


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


REMAINDERS = [(5.5, 2.0), (-5.5, 2.0), (5.5, -2.0), (-5.5, -2.0), (6.0, -3.0), (-0.0, 2.0), (1.0, 0.1), (-1e-20, 1.0)]


@pytest.mark.parametrize("backend", ["python", "numpy", "llvm"])
@pytest.mark.parametrize(("a", "b"), REMAINDERS)
def test_remainders_and_quotients_are_pythons(a, b, backend):
    assert str(ops.mod(a, b)) == str((Value(a) % b).data) == str((a % Value(b)).data) == str(a % b)
    assert (Value(a) // b).data == (a // Value(b)).data == a // b
    assert ops.fmod(a, b) == math.fmod(a, b)
    assert grad(lambda a, b: a % b, (0, 1))(a, b) == (1.0, -(a // b))
    assert grad(lambda a, b: a // b, (0, 1))(a, b) == (0.0, 0.0)
    assert jit(lambda a, b: a % b, backend=backend)(a, b) == a % b
    assert jit(grad(lambda a, b: a % b, (0, 1)), backend=backend)(a, b) == (1.0, -(a // b))


@pytest.mark.parametrize("f", [lambda x: x % 0, lambda x: x // 0, lambda x: 1 % (x * 0)])
def test_a_remainder_by_zero_raises(f):
    with pytest.raises(ZeroDivisionError, match=r"3\.0 (%|//) 0\.0: |1\.0 % 0\.0: "):
        f(Value(3.0))


# (operands, value, slopes) of log Σ eˣ
SUMS = [
    ((-inf, -inf), -inf, (0.5, 0.5)),
    ((inf, 3.0), inf, (1.0, 0.0)),
    ((inf, inf), inf, (0.5, 0.5)),
    ((inf, -inf), inf, (1.0, 0.0)),
    ((-inf, 3.0), 3.0, (0.0, 1.0)),
    ((1000.0, 1000.0), 1000.0 + math.log(2.0), (0.5, 0.5)),
    ((-1000.0, 1000.0), 1000.0, (0.0, 1.0)),
    ((0.0, -50.0), math.exp(-50.0), (1.0, math.exp(-50.0))),
    ((nan, 1.0), nan, (nan, nan)),
    ((1.0, nan), nan, (nan, nan)),
]


@pytest.mark.parametrize("backend", [None, "python", "numpy", "llvm"])
@pytest.mark.parametrize("op", [ops.logaddexp, ops.logsumexp], ids=lambda op: op.name)
@pytest.mark.parametrize(("xs", "value", "slopes"), SUMS)
def test_a_logarithm_of_a_sum_of_exponentials_at_its_ends(op, xs, value, slopes, backend):
    f = value_and_grad(op, (0, 1))
    y, ds = (jit(f, backend=backend) if backend else f)(*xs)
    assert y == pytest.approx(value, rel=1e-15, nan_ok=True)
    assert ds == pytest.approx(slopes, rel=1e-14, nan_ok=True)


@given(xs=st.lists(st.floats(-1000.0, 1000.0), min_size=1, max_size=10))
def test_softmax_weights_sum_to_one_and_the_hessian_is_theirs(xs):
    first = grad(lambda xs: ops.logsumexp(*xs))(xs)
    assert math.fsum(first) == pytest.approx(1.0, rel=1e-14)
    second = hessian(lambda xs: ops.logsumexp(*xs))(xs)
    for i, row in enumerate(second):
        assert row == pytest.approx([first[i] * ((i == k) - d) for k, d in enumerate(first)], abs=1e-14)


def test_the_cross_entropy_of_far_logits_is_finite():
    def loss(zs):
        return ops.logsumexp(*zs) - zs[3]

    zs = [1000.0 * (-1) ** k for k in range(10)]
    for f in (value_and_grad(loss), jit(value_and_grad(loss))):
        y, ds = f(zs)
        assert y == 1000.0 + math.log(5.0) + 1000.0
        assert list(ds) == pytest.approx([0.2, 0, 0.2, -1, 0.2, 0, 0.2, 0, 0.2, 0], abs=1e-12)


def test_nothing_sums_to_minus_infinity():
    assert ops.logsumexp() == -inf
    assert ops.logsumexp(Value(3.0)).data == 3.0


def test_logit_and_its_inverse():
    assert ops.expit is ops.sigmoid
    for p in (1e-300, 1e-9, 0.3, 0.5, 0.75, 1 - 2**-53):
        assert ops.expit(ops.logit(p)) == pytest.approx(p, rel=1e-13)
    with pytest.raises(ValueError, match=r"logit\(1\.0\): outside the domain \(0, 1\)"):
        Value(1.0).logit()

"""NumPy's functions on arrays of numbers that are differentiated, and NumPy's scalars beside them."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest

from autograd_tiny import Value
from autograd_tiny.compiler import jit
from autograd_tiny.transforms.derivatives import grad, jvp, value_and_grad

np = pytest.importorskip("numpy")

A, B = np.array([0.3, 0.7, -0.2]), np.array([0.5, -0.4, 0.9])
M = np.array([[0.3, 0.7, -0.2], [1.1, -0.6, 0.4]])

# Functions of an array that give one number, on arrays of floats and of Values alike.
FUNCTIONS = {
    "add, subtract": lambda x: np.sum(np.add(x, A) * np.subtract(1.0, x)),
    "multiply, divide": lambda x: np.sum(np.multiply(x, 3.0) / np.divide(x, 2.0) * x),
    "power, square": lambda x: np.sum(np.power(x, 3) + np.square(x)),
    "negative, positive, abs": lambda x: np.sum(np.negative(x) + np.positive(x) * 2 + np.abs(x) + np.fabs(x)),
    "exp": lambda x: np.sum(np.exp(x) + np.exp2(x) + np.expm1(x)),
    "log": lambda x: np.sum(np.log(x * x) + np.log2(x * x) + np.log10(x * x) + np.log1p(x)),
    "sqrt, cbrt": lambda x: np.sum(np.sqrt(x * x + 1) + np.cbrt(x) + np.reciprocal(x)),
    "sin": lambda x: np.sum(np.sin(x) + np.cos(x) * np.tan(x)),
    "arcsin": lambda x: np.sum(np.arcsin(x) + np.arccos(x) * np.arctan(x) + np.arctan2(x, 2.0)),
    "sinh": lambda x: np.sum(np.sinh(x) + np.cosh(x) * np.tanh(x)),
    "arcsinh": lambda x: np.sum(np.arcsinh(x) + np.arccosh(x + 2) * np.arctanh(x)),
    "degrees": lambda x: np.sum(np.degrees(x) + np.rad2deg(x)),
    "radians": lambda x: np.sum(np.radians(x) + np.deg2rad(x)),
    "hypot": lambda x: np.sum(np.hypot(x, B)),
    "logaddexp": lambda x: np.sum(np.logaddexp(x[0], x[1]) + np.logaddexp(0.5, x[2])),
    "mod": lambda x: np.sum(x % 0.25 + np.mod(x, 0.3) + np.remainder(2.0, x)),
    "floor_divide": lambda x: np.sum(x // 0.25 * x + np.floor_divide(x, 0.3)),
    "fmod": lambda x: np.sum(np.fmod(x, 0.25)),
    "conjugate": lambda x: np.sum(np.conjugate(x) * np.conj(x)),
    "sign": lambda x: np.sum(np.sign(x) * x),
    "maximum, minimum": lambda x: np.sum(np.maximum(x, B) * np.minimum(x, 0.5)),
    "clip": lambda x: np.sum(np.clip(x, -0.1, 0.5) * x),
    "where": lambda x: np.sum(np.where(x > 0, x * x, -x)),
    "mean": lambda x: np.mean(x * x),
    "var": lambda x: np.var(x),
    "std": lambda x: np.std(x),
    "std, ddof": lambda x: np.std(x, ddof=1),
    "prod": lambda x: np.prod(x),
    "cumsum, cumprod": lambda x: np.sum(np.cumsum(x) * np.cumprod(x)),
    "diff": lambda x: np.sum(np.diff(x) ** 2),
    "max, min": lambda x: np.max(x) * np.min(x),
    "sort": lambda x: np.dot(np.sort(x), A),
    "argmax": lambda x: x[np.argmax(x)] * x[np.argmin(x)],
    "dot": lambda x: np.dot(x, B) * (x @ x),
    "matmul": lambda x: np.sum((M @ x) ** 2),
    "inner, vdot": lambda x: np.inner(x, B) + np.vdot(x, x),
    "outer": lambda x: np.sum(np.outer(x, x) * np.outer(A, B)),
    "einsum": lambda x: np.einsum("i,i->", x, x),
    "einsum, optimized": lambda x: np.einsum("ij,j,j->", M, x, x, optimize=True) * 1.0,
    "tensordot": lambda x: np.tensordot(x, x, 1) * 1.0,
    "norm": lambda x: np.linalg.norm(x),
    "average": lambda x: np.average(x * x, weights=[1.0, 2.0, 3.0]),
    "trapezoid": lambda x: np.sum((x[1:] + x[:-1]) / 2),
    "convolve": lambda x: np.sum(np.convolve(x, [1.0, 2.0]) ** 2),
    "stack": lambda x: np.sum(np.concatenate([x, x * x]) * np.stack([x, x]).ravel()),
    "trace": lambda x: np.trace(np.outer(x, x)),
    "cross": lambda x: np.sum(np.cross(x, A) * B),
    "kron": lambda x: np.sum(np.kron(x, A) ** 2),
    "interp by hand": lambda x: np.sum(np.polyval([1.0, 2.0, 3.0], x)),
    "add.reduce": lambda x: np.add.reduce(x) * np.multiply.reduce(x),
}
AT = np.array([0.31, 0.73, -0.22])


def slope(f, i):
    h = 1e-6
    step = h * (np.arange(3) == i)
    return (f(AT + step) - f(AT - step)) / (2 * h)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_of_numpy_has_its_value_and_gradient(name):
    f = FUNCTIONS[name]
    expected = [slope(f, i) for i in range(3)]
    vs = np.array([Value(x) for x in AT])
    y = f(vs)
    y.backward()
    assert y.data == pytest.approx(f(AT), rel=1e-12)
    assert [v.grad for v in vs] == pytest.approx(expected, rel=1e-6, abs=1e-8)
    value, gradient = value_and_grad(f)(AT)
    assert value == pytest.approx(f(AT), rel=1e-12)
    assert list(gradient) == pytest.approx(expected, rel=1e-6, abs=1e-8)
    assert list(jit(grad(f))(AT)) == pytest.approx(expected, rel=1e-6, abs=1e-8)
    assert jvp(f, (AT,), (np.array([0.0, 1.0, 0.0]),))[1] == pytest.approx(expected[1], rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf, 0.0])
def test_tests_of_a_number_are_bools(x):
    assert np.isnan(Value(x)) is math.isnan(x)
    assert np.isinf(Value(x)) is math.isinf(x)
    assert np.isfinite(Value(x)) is math.isfinite(x)
    assert grad(lambda v: v * (2.0 if np.isfinite(v) else 3.0))(1.0) == 2.0


@pytest.mark.parametrize("test", [np.isnan, np.isinf, np.isfinite])
def test_a_test_of_a_traced_number_is_a_guard(test):
    f = jit(grad(lambda v: v * (2.0 if test(v) else 3.0)), backend="python")
    for x in (1.0, math.inf, math.nan, -math.inf, 2.0):
        assert f(x) == (2.0 if test(x) else 3.0)


# Ufuncs without a loop for objects, each with the numbers that follow the first.
UFUNCS = {
    np.logaddexp: (0.5,), np.logaddexp2: (0.5,), np.heaviside: (0.5,), np.float_power: (3.0,), np.exp2: (), np.cbrt: (),
}  # fmt: skip
SPECIAL = ["expit", "logit", "log_expit", "erf", "erfc", "gammaln", "psi", "ndtr", "log1p", "expm1", "exp2", "cbrt"]


@pytest.mark.parametrize("f", [*UFUNCS, *SPECIAL])
def test_a_ufunc_of_floats_is_the_op_of_its_name(f):
    more = UFUNCS.get(f, ())
    if isinstance(f, str):
        f = getattr(pytest.importorskip("scipy.special"), f)
    v, h = Value(0.7), 1e-6
    y = f(v, *more)
    y.backward()
    expected = (f(0.7 + h, *more) - f(0.7 - h, *more)) / (2 * h)
    assert y.data == pytest.approx(f(0.7, *more), rel=1e-12)
    assert v.grad == pytest.approx(expected, abs=1e-8)
    assert jit(grad(lambda x: f(x, *more)), backend="python")(0.7) == v.grad
    assert jvp(lambda x: f(x, *more), (0.7,), (1.0,))[1] == pytest.approx(v.grad, rel=1e-12)


def test_heaviside_at_0_and_divmod():
    assert np.heaviside(Value(0.0), 0.25).data == 0.25
    assert [y.data for y in divmod(Value(7.0), 2)] == list(divmod(7.0, 2))
    assert [y.data for y in divmod(7, Value(2.0))] == list(divmod(7, 2.0))


@pytest.mark.parametrize("f", [np.modf, np.signbit, np.spacing, lambda v: np.copysign(v, 1.0), np.frexp])
def test_a_ufunc_without_an_op_is_refused(f):
    for face in (lambda: f(Value(1.0)), lambda: grad(f)(1.0), lambda: jit(f)(1.0), lambda: jvp(f, (1.0,), (1.0,))):
        with pytest.raises(TypeError, match=r"takes floats, got .*: its gradient would be lost"):
            face()


@pytest.mark.parametrize("f", [np.floor, np.ceil, np.trunc, np.rint, np.round])
def test_rounding_is_refused(f):
    for x in (Value(1.5), np.array([Value(1.5)])):
        with pytest.raises(TypeError, match=r"rounding a Value would cut its gradient"):
            f(x)


NUMBERS = [2, 2.0, True, Decimal("2.5"), Fraction(5, 2)] + [
    kind(2) for kind in (np.float64, np.float32, np.float16, np.longdouble, np.int64, np.int8, np.uint8)
]
SIGNS = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
    "**": lambda a, b: a**b, "%": lambda a, b: a % b, "//": lambda a, b: a // b,
}  # fmt: skip


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("x", NUMBERS, ids=lambda x: type(x).__name__)
def test_a_number_of_any_type_on_either_side_gives_a_value(sign, x):
    f = SIGNS[sign]
    for y, expected in ((f(Value(3.0), x), f(3.0, float(x))), (f(x, Value(3.0)), f(float(x), 3.0))):
        assert type(y) is Value
        assert y.data == expected
    for order in (lambda v: f(v, x), lambda v: f(x, v)):
        assert jit(grad(order))(3.0) == grad(order)(3.0) == jvp(order, (3.0,), (1.0,))[1]


@pytest.mark.parametrize("sign", SIGNS)
def test_an_array_on_either_side_spreads(sign):
    f, xs = SIGNS[sign], np.array([1.0, 2.5])
    for found, expected in ((f(Value(3.0), xs), f(3.0, xs)), (f(xs, Value(3.0)), f(xs, 3.0))):
        assert [type(y) for y in found] == [Value, Value]
        assert [y.data for y in found] == list(expected)
    assert type(f(Value(3.0), np.array(2.0))) is type(f(np.array(2.0), Value(3.0))) is Value


@pytest.mark.parametrize("x", [np.complex128(1j), "2", None, object()])
@pytest.mark.parametrize("sign", SIGNS)
def test_what_is_no_real_number_is_refused_on_either_side(sign, x):
    for f in (lambda: SIGNS[sign](Value(3.0), x), lambda: SIGNS[sign](x, Value(3.0))):
        with pytest.raises(TypeError):
            f()

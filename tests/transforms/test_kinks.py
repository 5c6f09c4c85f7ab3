"""Second derivatives at kinks: the exact one where there is one, else nan; never a number that is silently wrong."""

from __future__ import annotations

import math

import pytest

from autograd_tiny import ops
from autograd_tiny.compiler import jit
from autograd_tiny.engine.op import Variadic
from autograd_tiny.transforms import grad, hessian, hvp, jacobian

nan = math.nan
AXES = ((1.0, 0.0), (0.0, 1.0))

# (name, function, point, Hessian)
NONE, FLAT = [[nan]], [[0.0]]
KINKS = [
    ("abs", lambda v: abs(v[0]), [0.0], NONE),
    ("abs of a value that is 0", lambda v: abs(v[0] - 2.0) * v[0], [2.0], NONE),
    ("relu", lambda v: v[0].relu(), [0.0], NONE),
    ("relu squared", lambda v: v[0].relu() ** 2, [0.0], NONE),
    ("leaky_relu", lambda v: v[0].leaky_relu(0.1), [0.0], NONE),
    ("elu", lambda v: v[0].elu(2.0), [0.0], NONE),
    ("x * sign(x)", lambda v: v[0] * v[0].sign(), [0.0], NONE),
    ("x * heaviside(x)", lambda v: v[0] * v[0].heaviside(), [0.0], NONE),
    ("sqrt(x**2)", lambda v: (v[0] ** 2).sqrt(), [0.0], NONE),
    ("maximum of a tie", lambda v: ops.maximum(v[0], v[1]), [2.0, 2.0], [[nan, nan], [nan, nan]]),
    ("minimum with a number", lambda v: ops.minimum(v[0] ** 2, 4.0), [2.0], NONE),
    ("clip at its end", lambda v: v[0].clip(0, 1), [1.0], NONE),
    ("hypot at the origin", lambda v: v[0].hypot(v[1]), [0.0, 0.0], [[nan, nan], [nan, nan]]),
    ("hypot on an axis", lambda v: v[0].hypot(v[1]), [0.0, 2.0], [[0.5, 0.0], [0.0, 0.0]]),
    ("abs beside its kink", lambda v: abs(v[0]) ** 2, [-3.0], [[2.0]]),
    ("relu beside its kink", lambda v: v[0].relu() ** 2, [1e-300], [[2.0]]),
    ("a branch that is chosen", lambda v: ops.where(ops.greater(v[0], 0.0), v[0] ** 2, 0.0), [0.0], FLAT),
    ("a sign beside its step", lambda v: v[0] * v[0].sign(), [-1.0], FLAT),
    ("tanh", lambda v: v[0].tanh(), [0.0], FLAT),
]
CASES = pytest.mark.parametrize(("f", "at", "exact"), [row[1:] for row in KINKS], ids=[row[0] for row in KINKS])


def flat(x):
    return [y for item in x for y in flat(item)] if isinstance(x, (list, tuple)) else [float(x)]


def same(found, exact):
    """Compare two structures of numbers, nan being equal to nan."""
    for x, y in zip(flat(found), flat(exact), strict=True):
        assert (x != x and y != y) or math.isclose(x, y, rel_tol=1e-12, abs_tol=1e-300), (found, exact)


@CASES
def test_hessians_at_kinks(f, at, exact):
    same(hessian(f)(at), exact)


@CASES
@pytest.mark.parametrize("backend", ["python", "numpy", "llvm"])
def test_hessians_at_kinks_compiled(f, at, exact, backend):
    same(jit(hessian(f), backend=backend)(at), exact)


@CASES
def test_hessian_vector_products_at_kinks(f, at, exact):
    for k in range(len(at)):
        same(hvp(f, at, list(AXES[k][: len(at)])), [row[k] for row in exact])


@pytest.mark.parametrize(
    "op", [op for op in ops.TABLE.values() if not isinstance(op.partials, Variadic) and len(op.partials) < 3]
)
def test_no_row_has_a_finite_second_derivative_where_its_first_one_jumps(op):
    """Of every row, at every tie of simple numbers: compare the slopes just beside it."""
    every = tuple(range(len(op.partials)))
    chosen = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"}
    if op.name in chosen | {"fmod", "mod", "magnitude_rule"}:  # steps; and that one is for even functions
        return
    for at in ([0.0], [1.0], [-1.0]) if len(every) == 1 else ([0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [-2.0, -2.0]):
        for i in every:

            def beside(h, at=at, i=i):
                return grad(op, argnums=i)(*[x + h * (k == i) for k, x in enumerate(at)])

            try:
                low, high = beside(-1e-9), beside(1e-9)
                second = hessian(op, argnums=every)(*at)[i][i]
            except (ValueError, ArithmeticError):
                continue
            if abs(high - low) > 1e-3 * (1 + abs(low)):
                assert not math.isfinite(second), f"{op.name}{at}[{i}]: {low} and {high} beside it, second {second}"


def test_the_third_derivative_of_tanh_crosses_zero():
    assert grad(grad(grad(lambda x: x.tanh())))(0.0) == -2.0
    assert jacobian(hessian(lambda x: x.tanh()))(0.0) == -2.0

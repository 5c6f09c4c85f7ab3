"""The normalised sinc and its derivatives of every order: at and near 0, far away and compiled."""

from __future__ import annotations

import math
import shutil
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny import Value, ops
from autograd_tiny.compiler import jit
from autograd_tiny.transforms import grad, hessian, hvp, jvp

mpmath = pytest.importorskip("mpmath")
inf = math.inf
POINTS = [
    0.0,
    5e-324,
    -1e-310,
    1e-12,
    1e-3,
    0.09,
    0.3,
    0.5,
    1.0,
    -1.4302966531242027,
    -2.5,
    17.25,
    1e9 + 0.5,
    1e300,
    inf,
]
SIZES = st.one_of(st.floats(1e-8, 0.1), st.floats(0.0, 60.0), st.floats(0.0, 1e18), st.floats(0.0, 1e-300))
NEEDS = {"python": "", "numpy": "numpy", "llvm": "llvmlite", "c": "numpy", "jax": "jax"}


def exact(n, x):
    """Integrate cos over the frequencies from 0 to π, by the series or the closed form of mpmath."""
    with mpmath.workdps(60 if abs(x) > 1e-8 else 400):
        t = mpmath.mpf(x)
        if abs(t) > 3:  # the n-th derivative of e^(iπx)/(πx), by the incomplete gamma function
            z = 1j * mpmath.pi * t
            whole = (mpmath.factorial(n) - mpmath.gammainc(n + 1, -z)) / (-z) ** (n + 1)
        else:
            whole = mpmath.hyp1f1(n + 1, n + 2, 1j * mpmath.pi * t) / (n + 1)
        return mpmath.pi**n * mpmath.re(1j**n * whole)


@pytest.mark.parametrize("n", range(9))
@given(size=SIZES, sign=st.sampled_from([-1, 1]))
def test_within_8_units_of_the_exact_derivative(n, size, sign):
    x = sign * size
    y, z, slope = ops.sinc_derivative(n)(x), exact(n, x), exact(n + 1, x)
    room = 8 * max(math.ulp(float(z)), float(abs(slope) * math.ulp(x)))
    assert abs(y - z) <= room, (n, x, y, float(z))


@pytest.mark.parametrize("n", range(12))
def test_derivatives_at_zero(n):
    at_zero = 0.0 if n % 2 else (-1) ** (n // 2) * math.pi**n / (n + 1)
    assert reduce(lambda f, _: grad(f), range(n), ops.sinc)(0.0) == pytest.approx(at_zero, rel=1e-15)


def test_modes_agree_at_zero():
    second = -(math.pi**2) / 3
    x = Value(0.0)
    x.sinc().backward()
    assert x.grad == jvp(ops.sinc, (0.0,), (1.0,))[1] == 0.0
    assert hessian(ops.sinc)(0.0) == hvp(ops.sinc, 0.0, 1.0) == pytest.approx(second, rel=1e-15)
    assert jvp(grad(ops.sinc), (0.0,), (1.0,))[1] == grad(lambda x: jvp(ops.sinc, (x,), (1.0,))[1])(0.0)


@pytest.mark.parametrize("x", [inf, -inf])
def test_it_is_flat_at_infinity(x):
    assert ops.sinc(x) == grad(ops.sinc)(x) == hessian(ops.sinc)(x) == 0.0
    assert math.isnan(ops.sinc(math.nan))


@pytest.mark.parametrize("backend", NEEDS)
def test_compiled(backend):
    if NEEDS[backend]:
        pytest.importorskip(NEEDS[backend])
    if backend == "c" and not shutil.which("cc"):
        pytest.skip("no C compiler")
    for f in (ops.sinc, grad(ops.sinc), hessian(ops.sinc)):
        compiled = jit(f, backend=backend)
        for x in POINTS:
            room = max(1e-15 * min(1.0, abs(x)), 1e-300)
            assert float(compiled(x)) == pytest.approx(f(x), rel=1e-14, abs=room), (backend, f, x)


def test_a_sinc_by_where_has_the_derivatives_of_the_branch_taken():
    chosen = grad(grad(lambda x: ops.where(ops.equal(x, 0.0), 1.0, x.sin() / ops.where(x, x, 1.0))))
    assert chosen(0.0) == 0.0
    assert grad(grad(lambda x: (x / math.pi).sinc()))(0.0) == pytest.approx(-1 / 3, rel=1e-15)

"""Powers and their derivatives at every pair of special values: eager, by each backend, and exact."""

from __future__ import annotations

import math
import shutil
from math import inf, nan

import pytest

from autograd_tiny import Value
from autograd_tiny.compiler import jit
from autograd_tiny.engine import ops
from autograd_tiny.engine.ieee import local_derivatives
from autograd_tiny.transforms.derivatives import grad

pytestmark = pytest.mark.slow

mpmath = pytest.importorskip("mpmath")
MAGNITUDES = [0.0, 5e-324, 1e-308, 0.3, 0.5, 1.0, 1.5, 2.0, 3.0, 2.0**51 - 0.5, 2.0**51 + 1, 2.0**53 + 2, 1e308, inf]
SPECIAL = [*MAGNITUDES, *(-x for x in MAGNITUDES), nan]
PAIRS = [(a, b) for a in SPECIAL for b in SPECIAL]
NEEDS = {"python": "", "numpy": "numpy", "llvm": "llvmlite", "c": "numpy"}


def same(x, y):
    return (x != x and y != y) or x == y or (math.isfinite(x) and math.isclose(x, y, rel_tol=1e-12, abs_tol=1e-323))


def eager(a, b):
    """Compute a**b and both local derivatives by the table, with the IEEE 754 limit if a float raises."""
    y = ops.pow.ieee(a, b)
    return y, *local_derivatives(ops.pow, y, (a, b))


def exact_slope(a, b):
    """Compute b · a**(b-1) rounded to float; ±inf is an even exponent; None if the result is undefined."""
    infinite = abs(b) == inf
    if b == 0:
        return 0.0
    if b != b or (a != a and b != 1):
        return nan
    whole = infinite or b % 1 == 0
    if a < 0 and not whole:
        return nan
    if math.copysign(1, a) < 0 and not whole:
        return None  # at -0.0 only one side is in the domain
    sign = math.copysign(1, b) * (math.copysign(1, a) if infinite or b % 2 == 0 else 1)
    if b == 1:
        return 1.0
    if a == 0:
        return 0.0 if b > 1 else sign * inf
    with mpmath.workdps(400):
        log = mpmath.mpf(10) ** 6 if abs(a) == inf else mpmath.log(abs(a))
        size = mpmath.mpf(10) ** 400 if infinite else abs(mpmath.mpf(b))
        power = mpmath.log(size) + (math.copysign(1, b) * size - 1) * log
        return sign * (0.0 if power < -1000 else inf if power > 1000 else float(mpmath.exp(power)))


def test_slopes_are_those_of_mathematics():
    wrong = {}
    for a, b in PAIRS:
        expected = exact_slope(a, b)
        if expected is not None and not same(expected, got := eager(a, b)[1]):
            wrong[a, b] = got, expected
    assert wrong == {}


@pytest.mark.parametrize("a", SPECIAL)
def test_a_backward_pass_has_the_slopes_of_the_table(a):
    for b in SPECIAL:
        x, z = Value(a), Value(b)
        try:
            y = x**z
        except (ValueError, ArithmeticError):
            continue
        y.backward()
        assert all(map(same, (y.data, x.grad, z.grad), eager(a, b))), b


@pytest.mark.parametrize("backend", NEEDS)
def test_compiled_powers_have_the_same_slopes(backend):
    if NEEDS[backend]:
        pytest.importorskip(NEEDS[backend])
    if backend == "c" and not any(map(shutil.which, ("cc", "gcc", "clang"))):
        pytest.skip("there is no C compiler")

    def compiled(f, **options):
        return jit(f, backend=backend, **options)

    both = compiled(lambda a, b: [a**b, grad(ops.pow)(a, b), grad(ops.pow, 1)(a, b)])
    batched = compiled(lambda a, b: [a**b, grad(ops.pow)(a, b), grad(ops.pow, 1)(a, b)], batch=("a", "b"))
    table = map(list, batched(*map(list, zip(*PAIRS, strict=True))))
    wrong = {}
    for (a, b), row in zip(PAIRS, table, strict=True):
        for got in (both(a, b), row):
            if not all(map(same, eager(a, b), map(float, got))):
                wrong[a, b] = got, eager(a, b)
    assert wrong == {}


def test_a_power_whose_exponent_is_known_has_the_same_slopes():
    for b in SPECIAL:
        slope = jit(grad(lambda a, b=b: a**b), backend="python")
        base = jit(grad(lambda z, b=b: b**z), backend="python")
        for a in SPECIAL:
            assert same(slope(a), eager(a, b)[1]), (a, b)
            assert same(base(a), eager(b, a)[2]), (b, a)


@pytest.mark.parametrize("n", [2, 3])
def test_higher_slopes_agree_too(n):
    row = ops.falling_power(n)
    f = jit(row, backend="python")
    wrong = {pair: (f(*pair), row.ieee(*pair)) for pair in PAIRS if not same(row.ieee(*pair), f(*pair))}
    assert wrong == {}

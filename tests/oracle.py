"""The exact oracle: a row's own forward function evaluated in mpmath, and its slopes; no rule is asked.

`exact(op)` runs the forward function with ``math`` rebound to mpmath, so that nothing about an op is spelled twice.
"""

from __future__ import annotations

import builtins
import functools
import math
import operator
import types

import mpmath
from mpmath import mp, mpf

from autograd_tiny import ops, special

ULPS = 8


class _Math:
    """The module ``math`` in mpmath's numbers."""

    inf, nan = mp.inf, mp.nan
    pow = staticmethod(operator.pow)
    fabs = staticmethod(lambda x: x if x != x else abs(x))
    fsum = staticmethod(lambda xs: mpmath.fsum(xs))
    erfc = staticmethod(lambda x: mpmath.erfc(min(x, 10**6)))  # mpmath overflows far out, where it is nothing
    log2 = staticmethod(lambda x: mpmath.log(x, 2))
    cbrt = staticmethod(lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)))
    lgamma = staticmethod(lambda x: mpmath.re(mpmath.loggamma(x)))
    copysign = staticmethod(lambda x, s: abs(x) * (1 if s >= 0 else -1))

    @property
    def pi(self) -> mpf:
        return +mp.pi

    def __getattr__(self, name: str):
        return getattr(mpmath, name)


_math = _Math()
_no_float = {**vars(builtins), "float": lambda x: mpf(x)}


@functools.cache
def rebound(f):
    """f with every name of ``math``, and of functions that use it, bound to mpmath."""
    if isinstance(f, functools.partial):
        return functools.partial(rebound(f.func), *f.args)
    if f is special.polygamma:
        return mpmath.psi
    if f is special.lgamma:
        return _Math.lgamma
    if isinstance(f, types.BuiltinFunctionType):
        return getattr(_math, f.__name__) if f.__module__ == "math" else f
    names = dict(f.__globals__)
    for name, item in names.items():
        if item is math:
            names[name] = _math
        elif item is special:
            names[name] = types.SimpleNamespace(sigmoid=rebound(special.sigmoid))
        elif name in ("inf", "nan"):
            names[name] = getattr(mp, name)
        elif name in f.__code__.co_names and (
            isinstance(item, types.FunctionType) or getattr(item, "__module__", "") == "math"
        ):
            names[name] = rebound(item)
    names["__builtins__"] = _no_float
    return types.FunctionType(f.__code__, names, f.__name__, f.__defaults__, f.__closure__)


def exact(op, *xs):
    """The value of op at mpmath numbers; ValueError where it is not real."""
    y = rebound(op.forward)(*xs)
    if isinstance(y, mpmath.mpc):
        if y.imag:
            raise ValueError("complex")
        y = y.real
    return y


def digits(xs) -> int:
    """Enough decimal digits to see a relative step of 1e-40 in a function as flat as x² or 1 - exp(-x²)."""
    far = max(min(x * x, 760) for x in xs)
    return 130 + int(0.44 * far + 2.5 * max((abs(math.log10(abs(x))) for x in xs if x), default=0))


def slope(op, i, xs, side=1):
    """The one-sided slope of op by operand i, from the side +1 or -1."""
    h = min(1, *(abs(mpf(x)) for x in xs if x), 1) * mpf(10) ** -40 * side
    if op in (ops.pow, ops.power_rule1):
        h /= max(abs(xs[1]), 1)  # (1 + h)**1e46 is steep
    moved = (*xs[:i], mpf(xs[i]) + h, *xs[i + 1 :])
    return (exact(op, *moved) - exact(op, *xs)) / h


def second(op, i, j, xs):
    """∂²op/∂xs[i]∂xs[j] by central differences with steps of 1e-40."""
    h = mpf(10) ** -40

    def at(s, t):
        return exact(op, *(x + h * (s * (k == i) + t * (k == j)) for k, x in enumerate(map(mpf, xs))))

    return (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / (4 * h * h)


def slopes(op, i, xs):
    """The slopes from the sides that lie inside the domain."""
    found = []
    for side in (1, -1):
        try:
            found.append(slope(op, i, xs, side))
        except (ValueError, ZeroDivisionError, TypeError):
            continue
    return found


def slack(f, xs):
    """What ULPS units in the last place of each operand, and of the result, are worth in f."""
    total = mpf(0)
    base = f(xs)
    for k, x in enumerate(xs):
        step = mpf(math.ulp(x)) / 2**20
        try:
            near = f((*xs[:k], mpf(x) + step, *xs[k + 1 :]))
        except (ValueError, ZeroDivisionError):
            continue  # outside the domain, such as a whole exponent made broken
        total += abs(near - base) * 2**20
    return ULPS * (total + max(abs(base) * mpf(2) ** -52, mpf(5e-324)))

"""Ball arithmetic of python-flint, where it is installed: numbers with a proven bound on their error, and fast.

A function runs on Balls as it runs on mpmath's numbers. What a Ball cannot decide, such as a comparison of balls that
overlap or a function that is missing here, raises Undecided: the caller asks mpmath instead.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import Any

from mpmath import libmp, mp, mpf  # type: ignore[import-untyped]

from autograd_tiny.engine import special

try:
    import flint as flint
except ImportError:
    flint = None  # type: ignore[assignment]

acb: Any = getattr(flint, "acb", None)
arb: Any = getattr(flint, "arb", None)
ctx: Any = getattr(flint, "ctx", None)

SPARE = 32  # bits beyond the precision asked for, at first
doubts = 0  # how often Undecided was raised: a function may have caught it


class Undecided(Exception):
    """Raised where balls do not determine a result."""

    def __init__(self, *args: object) -> None:
        global doubts
        doubts += 1
        super().__init__(*args)


def are_there() -> bool:
    """Return True if python-flint is installed."""
    return arb is not None


@contextmanager
def precision(digits: int) -> Iterator[None]:
    """Compute to a number of decimal digits in this block."""
    before, ctx.prec = ctx.prec, libmp.dps_to_prec(digits)
    try:
        yield
    finally:
        ctx.prec = before


def middle(x: Any) -> Any:
    """Return the middle of a ball of flint as an exact number; any other number as it is."""
    return x.mid() if x.__class__ is arb else x


def as_mpf(x: Any) -> Any:
    """Convert an exact number of flint to mpmath's."""
    if x.__class__ is not arb:
        return mpf(x)
    mantissa, exponent = x.mid().man_exp()
    return mp.make_mpf(libmp.from_man_exp(int(mantissa), int(exponent)))


def value(f: Callable[..., Any], xs: Sequence[Any], trusted: bool) -> Any:
    """Compute f at exact numbers, at growing precision until the ball is narrower than a unit of the precision.

    An error that f raises is its own if f is `trusted`, as a row of the op table is; else it is Undecided.
    """
    bits = ctx.prec
    try:
        for spare in (SPARE, bits, 4 * bits):
            ctx.prec, before = bits + spare, doubts
            try:
                y = as_arb(f(*map(Ball, xs)))
            except Undecided:
                continue
            except Exception as error:  # f may raise anything: believed below only where a row of the table did
                if trusted and doubts == before:
                    raise
                raise Undecided from error
            if doubts == before and y.is_finite() and (y.is_exact() or y.rel_accuracy_bits() >= bits):
                return y.mid()
    finally:
        ctx.prec = bits
    raise Undecided("the ball stays wide")


def as_arb(x: Any) -> Any:
    """Convert a number to a ball of flint; Undecided for what is none."""
    kind = x.__class__
    if kind is Ball:
        return x.arb
    if kind is arb:
        return x
    if kind in (int, bool) or (kind is float and math.isfinite(x)):
        return arb(x)
    raise Undecided(f"{x!r:.60} is no ball")


def _undecided(*args: Any) -> Any:
    raise Undecided


def _arithmetic(op: Callable[[Any, Any], Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    return (lambda self, other: Ball(op(self.arb, as_arb(other)))), (
        lambda self, other: Ball(op(as_arb(other), self.arb))
    )


def _divide(a: Any, b: Any) -> Any:
    if b == 0:
        raise ZeroDivisionError("division by zero")
    return _finite(a / b)


def _power(a: Any, b: Any) -> Any:
    """Compute a**b as mpmath does: 0**0 is 1, and a negative base needs a whole exponent."""
    if b.is_exact() and b.is_integer():
        if a == 0 and b < 0:
            raise ZeroDivisionError("0 to a negative power")
        return _finite(a ** b.unique_fmpz())
    if a > 0:
        return _finite(a**b)
    if a == 0 and b > 0:
        return arb(0)
    if a == 0 and b < 0:
        raise ZeroDivisionError("0 to a negative power")
    if a < 0 and b.is_exact():
        raise ValueError("the result is complex, not real")
    raise Undecided


def _finite(y: Any) -> Any:
    return y if y.is_finite() else _undecided()


def _comparison(op: Callable[[Any, Any], Any], negation: Callable[[Any, Any], Any]) -> Callable[..., bool]:
    def compare(self: Any, other: Any) -> bool:
        if other.__class__ is float and not math.isfinite(other):
            return bool(op(0.0, other))
        a, b = self.arb, as_arb(other)
        if op(a, b):
            return True
        return False if negation(a, b) else _undecided()

    return compare


class Ball:
    """Real number known to lie in an interval of flint."""

    __slots__ = ("arb",)

    def __init__(self, x: Any = 0) -> None:
        self.arb = as_arb(x)

    __add__, __radd__ = _arithmetic(operator.add)
    __sub__, __rsub__ = _arithmetic(operator.sub)
    __mul__, __rmul__ = _arithmetic(operator.mul)
    __truediv__, __rtruediv__ = _arithmetic(_divide)
    __pow__, __rpow__ = _arithmetic(_power)
    __lt__ = _comparison(operator.lt, operator.ge)
    __ge__ = _comparison(operator.ge, operator.lt)
    __gt__ = _comparison(operator.gt, operator.le)
    __le__ = _comparison(operator.le, operator.gt)
    __eq__ = _comparison(operator.eq, operator.ne)
    __ne__ = _comparison(operator.ne, operator.eq)
    __float__ = __int__ = __index__ = __complex__ = __hash__ = __getattr__ = _undecided
    __round__ = __trunc__ = __floor__ = __ceil__ = __mod__ = __rmod__ = __floordiv__ = __rfloordiv__ = _undecided

    def __neg__(self) -> Ball:
        return Ball(-self.arb)

    def __pos__(self) -> Ball:
        return self

    def __abs__(self) -> Ball:
        return Ball(abs(self.arb))

    def __bool__(self) -> bool:
        return self != 0


numbers.Real.register(Ball)  # as mpmath's numbers are


def _function(name: str, outside: Callable[[Any], Any] = lambda x: False) -> Callable[[Any], Ball]:
    """Make a function of Balls from a method of flint; ValueError where the result is certainly not real."""
    method: Any = getattr(arb, name, None)

    def function(x: Any) -> Ball:
        x = as_arb(x)
        if outside(x):
            raise ValueError("the result is complex, not real")
        return Ball(_finite(method(x)))

    return staticmethod(function)


def _positive(x: Any) -> Any:
    if x == 0:
        raise ValueError("log 0")
    return x < 0


class Math:
    """Stand-in for ``math``, and for NumPy on scalars, in Balls; a function that it lacks is Undecided."""

    inf, nan = math.inf, math.nan
    exp, expm1, erf = _function("exp"), _function("expm1"), _function("erf")
    sin, cos, tan, atan = map(_function, ("sin", "cos", "tan", "atan"))
    sinh, cosh, tanh, asinh = map(_function, ("sinh", "cosh", "tanh", "asinh"))
    sqrt = _function("sqrt", lambda x: x < 0)
    asin, acos = (_function(name, lambda x: abs(x) > 1) for name in ("asin", "acos"))
    atanh = _function("atanh", lambda x: abs(x) > 1)
    acosh = _function("acosh", lambda x: x < 1)
    _log = _function("log", _positive)
    log1p = staticmethod(lambda x: Ball(_log1p(as_arb(x))))
    arcsin, arccos, arctan, arcsinh, arccosh, arctanh = asin, acos, atan, asinh, acosh, atanh
    exp2 = staticmethod(lambda x: Ball(2) ** x)
    pow = power = staticmethod(lambda a, b: Ball(a) ** b)
    fabs = abs = absolute = staticmethod(lambda x: abs(Ball(x)))
    square = staticmethod(lambda x: x * x)
    fsum = staticmethod(lambda xs: sum(xs, Ball(0)))
    erfc = staticmethod(lambda x: Ball(_finite(as_arb(min(x, 10**6)).erfc())))  # as the stand-in of mpmath
    atan2 = arctan2 = staticmethod(lambda a, b: Ball(_atan2(as_arb(a), as_arb(b))))
    hypot = staticmethod(lambda a, b: Math.sqrt(Ball(a) * a + Ball(b) * b))
    copysign = staticmethod(lambda x, s: abs(Ball(x)) * (1 if s >= 0 else -1))
    maximum, minimum = staticmethod(max), staticmethod(min)
    where = staticmethod(lambda condition, a, b: a if condition else b)

    @staticmethod
    def log(x: Any, *base: Any) -> Any:
        return Math._log(x) / Math._log(*base) if base else Math._log(x)

    @staticmethod
    def log2(x: Any) -> Any:
        return Math._log(x) / Math._log(2)

    @staticmethod
    def log10(x: Any) -> Any:
        return Math._log(x) / Math._log(10)

    @staticmethod
    def cbrt(x: Any) -> Ball:
        x = as_arb(x)
        return Ball(0) if x == 0 else Ball(_finite(x.root(3))) if x > 0 else -Ball(_finite((-x).root(3)))

    @staticmethod
    def floor(x: Any) -> Ball:
        return Ball(_whole(as_arb(x).floor()))

    @staticmethod
    def ceil(x: Any) -> Ball:
        return Ball(_whole(as_arb(x).ceil()))

    @staticmethod
    def fmod(a: Any, b: Any) -> Any:
        quotient = Ball(a) / b
        return a - b * (Math.floor(quotient) if quotient > 0 else Math.ceil(quotient))

    @staticmethod
    def lgamma(x: Any) -> Ball:
        x = as_arb(x)
        if x > 0:
            return Ball(_finite(x.lgamma()))
        return Ball(_finite((arb.pi() / abs(x.sin_pi())).log() - (1 - x).lgamma()))

    @property
    def pi(self) -> Ball:
        return Ball(arb.pi())

    @property
    def e(self) -> Ball:
        return Ball(arb.const_e())

    @property
    def tau(self) -> Ball:
        return Ball(2 * arb.pi())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _undecided


def _log1p(x: Any) -> Any:
    if x == -1:
        raise ValueError("log 0")
    if x < -1:
        raise ValueError("the result is complex, not real")
    return _finite(x.log1p())


def _atan2(a: Any, b: Any) -> Any:
    return _finite(arb.atan2(a, b)) if a != 0 or b > 0 else _undecided()


def _whole(y: Any) -> Any:
    return y if y.is_exact() else _undecided()


def polygamma(n: int, x: Any) -> Ball:
    """Compute the (n+1)-th derivative of log Γ."""
    x = as_arb(x)
    if n == 0:
        return Ball(_finite(x.digamma()))
    if x > 0:
        return Ball(_finite(acb(x).polygamma(n).real))
    c = x.cot_pi()  # reflected, DLMF 5.15.6
    across = sum((p * c**k for k, p in enumerate(special.cot_polynomial(n)) if p), arb(0))
    return Ball(_finite((-1) ** n * acb(1 - x).polygamma(n).real - arb.pi() ** (n + 1) * across))


def sinc(n: int, x: Any) -> Any:
    """Compute the n-th derivative of sin(πx)/(πx): by its Taylor series near 0, else by Leibniz's rule."""
    x, pi = as_arb(x), arb.pi()
    u = pi * x
    if abs(u) > 1:
        s, c = x.sin_cos_pi()  # exact at whole x
        waves = s, c, -s, -c
        parts = (
            math.comb(n, k) * (-1) ** k * math.factorial(k) * waves[(n - k) % 4] / u ** (k + 1) for k in range(n + 1)
        )
        return Ball(_finite(pi**n * reduce(operator.add, parts)))
    last = 2 * (ctx.prec + n)
    terms, power = [], arb(1)
    for m in range(n, last):
        if m % 2 == 0:
            terms.append((-1) ** (m // 2) * power / (m + 1))
        power = power * u / (m - n + 1)
        if m - n > 20 and abs(power) < arb(2) ** (-ctx.prec - 8) * abs(u):
            break
    else:
        raise Undecided
    rest = 2 * abs(power)  # the terms left fall faster than halves
    return Ball(_finite(pi**n * (reduce(operator.add, terms, arb(0)) + arb(0, rest.upper()))))

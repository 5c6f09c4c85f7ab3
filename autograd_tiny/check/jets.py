"""Taylor series with balls of python-flint as coefficients: numbers on which a function runs over a whole box.

The function's derivatives are read from its series; none of the table's rules is used. What is not the same on all of
the box, such as the side of a branch, raises Undecided or, where splitting the box at a number helps, Seam.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, reduce
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

from autograd_tiny.check import balls
from autograd_tiny.check.balls import Undecided, arb, ctx, flint
from autograd_tiny.check.exact import Arithmetic, arithmetic, forward_in
from autograd_tiny.engine import expansions, special
from autograd_tiny.engine.op import Op
from autograd_tiny.engine.operand import Operand

ORDER = {1: 14, 2: 6, 3: 4}  # of the remainder, by the number of arguments
PRECISION = 128  # bits


class Seam(Undecided):
    """Raised where a branch changes at a number of one argument."""

    def __init__(self, argument: int, at: float) -> None:
        super().__init__(f"a branch at {at!r}")
        self.argument, self.at = argument, at


class Line(NamedTuple):
    """The number slope · argument + offset, exactly."""

    argument: int | None
    slope: Any
    offset: Any


class Shape(NamedTuple):
    """Monomials of a polynomial of several arguments up to a degree, by degree, and their products."""

    powers: tuple[tuple[int, ...], ...]
    place: dict[tuple[int, ...], int]
    products: tuple[tuple[tuple[int, int], ...], ...]  # for each monomial, the others with the place of the product


@cache
def shape(n: int, degree: int) -> Shape:
    """Make the table of monomials."""
    chosen = [c for d in range(degree + 1) for c in combinations_with_replacement(range(n), d)]
    powers = tuple(tuple(c.count(i) for i in range(n)) for c in chosen)
    place = {p: k for k, p in enumerate(powers)}
    sums = [[(j, tuple(map(operator.add, p, q))) for j, q in enumerate(powers)] for p in powers]
    return Shape(powers, place, tuple(tuple((j, place[s]) for j, s in row if s in place) for row in sums))


class Many:
    """Polynomial of several arguments, cut off above a degree."""

    __slots__ = ("coefficients", "shape")

    def __init__(self, shape: Shape, coefficients: list[Any]) -> None:
        self.shape, self.coefficients = shape, coefficients

    def __add__(self, other: Any) -> Many:
        if not isinstance(other, Many):
            return Many(self.shape, [self.coefficients[0] + other, *self.coefficients[1:]])
        return Many(self.shape, list(map(operator.add, self.coefficients, other.coefficients)))

    def __neg__(self) -> Many:
        return Many(self.shape, [-c for c in self.coefficients])

    def __mul__(self, other: Any) -> Many:
        if not isinstance(other, Many):
            return Many(self.shape, [c * other for c in self.coefficients])
        found, b = [arb(0)] * len(self.coefficients), other.coefficients
        for a, row in zip(self.coefficients, self.shape.products, strict=True):
            if a != 0 or not a.is_exact():
                for j, k in row:
                    found[k] = found[k] + a * b[j]
        return Many(self.shape, found)

    def of(self, outer: Sequence[Any]) -> Many:
        """Compose with a series about the constant coefficient."""
        inner = Many(self.shape, [arb(0), *self.coefficients[1:]])
        result = Many(self.shape, [arb(0)] * len(self.coefficients))
        for c in reversed(outer):
            result = result * inner + c
        return result


class Jet(Operand):
    """Series of a number about a point or a box; a kind of number, to which ops of the table apply."""

    __slots__ = ("is_square", "line", "series")
    rank = 1

    def __init__(self, series: Any, line: Line | None = None, is_square: bool = False) -> None:
        self.series, self.line, self.is_square = series, line, is_square

    @staticmethod
    def apply(op: Op, xs: tuple[Any, ...]) -> Any:
        if (kind := Operand.outranking(xs, Jet.rank)) is not None:
            return kind.apply(op, xs)
        return forward_in(op, JETS)(*xs)

    @property
    def constant(self) -> Any:
        """The ball of the value itself."""
        return _list(self.series)[0]

    @property
    def data(self) -> float:
        """The number of a constant; Undecided for any other, since it varies in the box."""
        if self.line is None or self.line.argument is not None:
            raise Undecided("a number taken out of the function, as by .data")
        return float(self.line.offset)

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Operand) and other.rank > Jet.rank:
            return NotImplemented
        a, b = self.line, _line(other)
        line = Line(a.argument, a.slope, a.offset + b.offset) if a and b and b.argument is None else None
        return Jet(_checked(self.series + _series(other)), line)

    __radd__ = __add__

    def __neg__(self) -> Any:
        return Jet(-self.series, self.line and Line(self.line.argument, -self.line.slope, -self.line.offset))

    def __sub__(self, other: Any) -> Any:
        return NotImplemented if _higher(other) else self + (-other)

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        if _higher(other):
            return NotImplemented
        a, b = self.line, _line(other)
        line = Line(a.argument, a.slope * b.offset, a.offset * b.offset) if a and b and b.argument is None else None
        return Jet(_checked(self.series * _series(other)), line if line and line.slope != 0 else None, self is other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        if _higher(other):
            return NotImplemented
        return self * _inverse(other if isinstance(other, Jet) else constant(_number(other)))

    def __rtruediv__(self, other: Any) -> Any:
        return _inverse(self) * other

    def __pow__(self, other: Any, m: Any = None) -> Any:
        return NotImplemented if _higher(other) else power(self, other)

    def __rpow__(self, other: Any) -> Any:
        return power(other, self)

    def __abs__(self) -> Any:
        return self if self >= 0 else -self

    def __pos__(self) -> Any:
        return self

    def __lt__(self, other: Any) -> bool:
        return not self >= other

    def __gt__(self, other: Any) -> bool:
        return _order(self, other) > 0

    def __le__(self, other: Any) -> bool:
        return _order(self, other) <= 0

    def __ge__(self, other: Any) -> bool:
        return (self.is_square and other.__class__ in (int, float) and other == 0) or _order(self, other) >= 0

    def __eq__(self, other: object) -> bool:
        return self is other or _order(self, other) == 0

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return self != 0

    def __repr__(self) -> str:
        return f"<series about {self.constant}>"


class Box(NamedTuple):
    """Product of intervals."""

    lows: tuple[float, ...]
    highs: tuple[float, ...]


_box: list[Box] = []  # that functions run over


@contextmanager
def over(box: Box) -> Iterator[None]:
    """Compute over a box in this block."""
    before = ctx.prec, ctx.cap
    ctx.prec, ctx.cap = PRECISION, ORDER[len(box.lows)] + 2
    _box.append(box)
    try:
        yield
    finally:
        _box.pop()
        ctx.prec, ctx.cap = before


def arguments_about(center: Sequence[Any]) -> list[Jet]:
    """Make the arguments of a function, as series about a point or the ball of a box."""
    n = len(center)
    if n == 1:
        return [Jet(flint.arb_series([center[0], 1]), Line(0, arb(1), arb(0)))]
    table = shape(n, ORDER[n] + 1)
    jets = []
    for i, c in enumerate(center):
        coefficients = [arb(0)] * len(table.powers)
        coefficients[0] = arb(c)
        coefficients[table.place[tuple(int(k == i) for k in range(n))]] = arb(1)
        jets.append(Jet(Many(table, coefficients), Line(i, arb(1), arb(0))))
    return jets


def constant(c: Any) -> Jet:
    """Make the series of a ball that does not depend on the arguments."""
    n, line = len(_box[-1].lows), Line(None, arb(0), c) if c.is_exact() else None
    if n == 1:
        return Jet(flint.arb_series([c]), line)
    table = shape(n, ORDER[n] + 1)
    return Jet(Many(table, [c, *[arb(0)] * (len(table.powers) - 1)]), line)


def terms(y: Any, n: int) -> dict[tuple[int, ...], Any]:
    """List the coefficients of a result by the powers of the arguments."""
    if not isinstance(y, Jet):
        return {(0,) * n: _number(y)}
    if isinstance(y.series, Many):
        return dict(zip(y.series.shape.powers, y.series.coefficients, strict=True))
    return {(k,): c for k, c in enumerate(_list(y.series))}


def _list(series: Any) -> list[Any]:
    return series.coefficients if isinstance(series, Many) else [series[k] for k in range(max(len(series), 1))]


def _higher(x: Any) -> bool:
    return isinstance(x, Operand) and x.rank > Jet.rank


def _number(x: Any) -> Any:
    return balls.as_arb(x)


def _series(x: Any) -> Any:
    return x.series if isinstance(x, Jet) else _number(x)


def _line(x: Any) -> Line | None:
    if isinstance(x, Jet):
        return x.line
    b = _number(x)
    return Line(None, arb(0), b) if b.is_exact() else None


def _checked(series: Any) -> Any:
    if all(c.is_finite() for c in _list(series)):
        return series
    raise Undecided("a pole, or a number outside the domain")


def _order(a: Any, b: Any) -> int:
    """Sign of a - b, if it is the same inside all of the box."""
    if b.__class__ is float and not math.isfinite(b):
        return 0 if b != b else -1 if b > 0 else 1
    p, q = _line(a), _line(b)
    if p and q and (p.argument == q.argument or q.argument is None):
        slope, offset = p.slope - q.slope, p.offset - q.offset
        if slope == 0 or p.argument is None:
            return _sign(offset)
        box, i = _box[-1], p.argument
        ends = [_sign(slope * x + offset) for x in (box.lows[i], box.highs[i])]
        if min(ends) < 0 < max(ends):
            raise Seam(i, float((-offset / slope).mid()))
        return ends[0] or ends[1] or _sign(slope * box.lows[i] + offset)
    d = (a - b).constant if isinstance(a - b, Jet) else _number(a - b)
    return _sign(d)


def _sign(d: Any) -> int:
    if d > 0:
        return 1
    if d < 0:
        return -1
    if d == 0:
        return 0
    raise Undecided("a branch")


def _composed(x: Any, outer: Callable[[Any], Any]) -> Any:
    """Apply a function given by its series about a number."""
    x = x if isinstance(x, Jet) else constant(_number(x))
    try:
        about = outer(flint.arb_series([x.constant, 1]))
    except (ValueError, ZeroDivisionError) as error:
        raise Undecided(str(error)) from None
    if isinstance(x.series, Many):
        return Jet(_checked(x.series.of([about[k] for k in range(ctx.cap)])))
    if len(x.series) < 2:
        return constant(about[0]) if about[0].is_finite() else _checked(about)
    return Jet(_checked(about(flint.arb_series([0, *_list(x.series)[1:]], x.series.prec))))


def _inverse(x: Any) -> Any:
    if x.constant.contains(0):
        raise Undecided("a pole")
    return _composed(x, lambda s: s.inv())


def power(a: Any, b: Any) -> Any:
    """Compute a**b."""
    if not isinstance(b, Jet):
        n = _number(b)
        if n.is_exact() and n.is_integer() and abs(n) < 1000:
            k = int(n.unique_fmpz())
            if k == 2:
                return a * a
            result, square = 1.0, a
            for digit in reversed(f"{abs(k):b}"):
                result = result * square if digit == "1" else result
                square = square * square
            return result if k >= 0 else 1 / result
        if isinstance(a, Jet) and n == arb(0.5):
            return JetMath.sqrt(a)
    return JetMath.exp(b * JetMath.log(a))


def _function(outer: Callable[[Any], Any], outside: Callable[[Any], bool] = lambda c: False) -> Any:
    """Make a function of Jets; ValueError where it is certainly not real."""

    def function(x: Any) -> Any:
        if outside(x.constant if isinstance(x, Jet) else _number(x)):
            raise ValueError("not real")
        return _composed(x, outer)

    return staticmethod(function)


_log: Any = _function(lambda s: s.log(), lambda c: c <= 0).__func__
_root: Any = _function(lambda s: (s.log() / 3).exp()).__func__


def _beyond_1(c: Any) -> bool:
    return bool(abs(c) > 1)


class JetMath:
    """Stand-in for ``math``, and for NumPy on scalars, in series."""

    inf, nan = math.inf, math.nan
    exp = _function(lambda s: s.exp())
    expm1 = _function(lambda s: s.exp() - 1)
    exp2 = _function(lambda s: (s * arb(2).log()).exp())
    log = staticmethod(lambda x, *base: _log(x) / (_log(*base) if base else 1))
    log1p = _function(lambda s: (1 + s).log(), lambda c: c <= -1)
    log2 = _function(lambda s: s.log() / arb(2).log(), lambda c: c <= 0)
    log10 = _function(lambda s: s.log() / arb(10).log(), lambda c: c <= 0)
    sqrt = _function(lambda s: s.sqrt(), lambda c: c < 0)
    sin, cos, tan = _function(lambda s: s.sin()), _function(lambda s: s.cos()), _function(lambda s: s.tan())
    asin, acos = _function(lambda s: s.asin(), _beyond_1), _function(lambda s: s.acos(), _beyond_1)
    atan = _function(lambda s: s.atan())
    arcsin, arccos, arctan = asin, acos, atan
    sinh = _function(lambda s: (s.exp() - (-s).exp()) / 2)
    cosh = _function(lambda s: (s.exp() + (-s).exp()) / 2)
    tanh = _function(lambda s: _tanh(s))
    asinh = arcsinh = _function(lambda s: _odd(s, lambda s: (s + (s * s + 1).sqrt()).log()))
    acosh = arccosh = _function(lambda s: (s + (s - 1).sqrt() * (s + 1).sqrt()).log())
    atanh = arctanh = _function(lambda s: ((1 + s).log() - (1 - s).log()) / 2)
    erf, erfc = _function(lambda s: s.erf()), _function(lambda s: s.erfc())
    gamma, lgamma = _function(lambda s: s.gamma()), _function(lambda s: s.lgamma())
    pow = power = staticmethod(power)
    fabs = abs = absolute = staticmethod(lambda x: abs(x))
    square = staticmethod(lambda x: x * x)
    fsum = staticmethod(lambda xs: reduce(operator.add, xs, 0.0))
    hypot = staticmethod(lambda *xs: JetMath.sqrt(reduce(operator.add, [x * x for x in xs])))
    copysign = staticmethod(lambda x, s: abs(x) * (1 if s >= 0 else -1))
    maximum, minimum = staticmethod(max), staticmethod(min)
    where = staticmethod(lambda condition, a, b: a if condition else b)
    cbrt = staticmethod(lambda x: _root(x) if x > 0 else -_root(-x))
    pi = property(lambda self: constant(arb.pi()))
    e = property(lambda self: constant(arb.const_e()))
    tau = property(lambda self: constant(2 * arb.pi()))

    @staticmethod
    def atan2(a: Any, b: Any) -> Any:
        if b > 0:
            return JetMath.atan(a / b)
        return JetMath.atan(-b / a) + constant(arb.pi() / 2) * (1 if a > 0 else -1)

    arctan2 = atan2

    @staticmethod
    def floor(x: Any) -> Any:
        whole = _number(x.constant if isinstance(x, Jet) else x).floor()
        if not whole.is_exact():
            raise Undecided("a jump")
        return constant(whole)

    @staticmethod
    def ceil(x: Any) -> Any:
        return -JetMath.floor(-x)

    @staticmethod
    def fmod(a: Any, b: Any) -> Any:
        quotient = a / b
        return a - b * (JetMath.floor(quotient) if quotient > 0 else JetMath.ceil(quotient))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise Undecided(f"no series of {name}")


def _tanh(s: Any) -> Any:
    return _odd(s, lambda s: 1 - 2 / ((2 * s).exp() + 1))


def _odd(s: Any, f: Callable[[Any], Any]) -> Any:
    """Compute an odd function where it loses no digits."""
    return f(s) if not s[0] < 0 else -f(-s)


def _polygamma(n: int, x: Any) -> Any:
    def about(s: Any) -> Any:
        before, ctx.cap = ctx.cap, ctx.cap + n + 1
        try:
            found = s.lgamma()
            for _ in range(n + 1):
                found = found.derivative()
        finally:
            ctx.cap = before
        return found

    return _composed(x, about)


def _sinc(n: int, x: Any) -> Any:
    def about(s: Any) -> Any:
        before, ctx.cap = ctx.cap, ctx.cap + n
        try:
            found = s.sin_pi() / (arb.pi() * s)
            for _ in range(n):
                found = found.derivative()
        finally:
            ctx.cap = before
        return found

    return _composed(x, about)


def _falling_power(n: int, a: Any, b: Any) -> Any:
    factor = special.falling(n, b)
    return factor if not isinstance(factor, Jet) and factor == 0 else factor * power(a, b - n)


def _real(x: Any = 0) -> Any:
    return x if isinstance(x, Jet) else constant(_number(x))


JETS: Arithmetic = arithmetic(
    arb,
    _real,
    JetMath(),
    {special.falling_power: _falling_power, special.polygamma: _polygamma, expansions.sinc: _sinc},
)

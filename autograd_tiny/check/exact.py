"""The exact oracle: run a forward function in mpmath and take its slopes; no derivative rule is used.

A slope is a one-sided derivative. `rebound(f)` is f with ``math`` and NumPy bound to mpmath, so an op is written once.
"""

from __future__ import annotations

import builtins
import functools
import math
import operator
import sys
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import mpmath  # type: ignore[import-untyped]
from mpmath import mp, mpf

from autograd_tiny.engine import expansions, ops, special
from autograd_tiny.engine.op import Op

ULPS = 8
OUTSIDE = (ValueError, ZeroDivisionError, TypeError, OverflowError)  # raised where a function has no real value
NUMERIC = ("math", "numpy", "jax.numpy", "autograd.numpy", "autograd.numpy.numpy_wrapper", "torch")


class NotExact(TypeError):
    """Raised for a function that cannot be run in mpmath: it leaves Python, or uses a function that mpmath lacks."""


_lock = threading.RLock()


@contextmanager
def no_floats() -> Iterator[None]:
    """Refuse to make a float of an exact number, such as in ``math.exp(x)`` of code that was not rebound.

    A function that catches the error is not believed either: NotExact is raised at the end.

    >>> with no_floats():
    ...     math.exp(mpf(1))
    Traceback (most recent call last):
    autograd_tiny.check.exact.NotExact: an exact number was made a float
    """
    left: list[Any] = []
    thread = threading.get_ident()

    def guard(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def guarded(x: Any) -> Any:
            caller = sys._getframe(1).f_globals.get("__name__", "")
            if threading.get_ident() != thread or caller.partition(".")[0] == "mpmath":
                return original(x)  # another thread's number, or an estimate within mpmath
            left.append(x)
            raise NotExact("an exact number was made a float")

        return guarded

    ways = ((mp.mpf, "__float__"), (mp.mpf, "as_integer_ratio"), (mp.mpc, "__complex__"))
    with _lock:
        before = [(kind, way, getattr(kind, way)) for kind, way in ways if hasattr(kind, way)]
        for kind, way, original in before:
            setattr(kind, way, guard(original))
        try:
            yield
        except Exception:  # f may have made another error of ours: it is raised again below
            if not left:
                raise
        finally:
            for kind, way, original in before:
                setattr(kind, way, original)
    if left:
        raise NotExact("an exact number was made a float")


class _Math:
    """Stand-in for ``math``, and for NumPy on scalars, in mpmath's numbers."""

    inf, nan = mp.inf, mp.nan
    pow = power = staticmethod(operator.pow)
    fabs = abs = absolute = staticmethod(lambda x: x if x != x else builtins.abs(x))
    fsum = staticmethod(lambda xs: mpmath.fsum(xs))
    erfc = staticmethod(lambda x: mpmath.erfc(min(x, 10**6)))  # 0 there; mpmath overflows
    log = staticmethod(lambda x, *base: _log(x, *base))
    log2 = staticmethod(lambda x: _log(x, 2))
    log10 = staticmethod(lambda x: _log(x, 10))
    exp2 = staticmethod(lambda x: mpmath.power(2, x))
    fmod = staticmethod(lambda a, b: a - b * _truncated(a / b))
    log1p = staticmethod(lambda x: _log(1 + x))
    expm1 = staticmethod(lambda x: mpmath.expm1(x))
    cbrt = staticmethod(lambda x: mpmath.sign(x) * mpmath.cbrt(builtins.abs(x)))
    lgamma = staticmethod(lambda x: mpmath.re(mpmath.loggamma(x)))
    copysign = staticmethod(lambda x, s: builtins.abs(x) * (1 if s >= 0 else -1))
    arcsin, arccos, arctan = staticmethod(mpmath.asin), staticmethod(mpmath.acos), staticmethod(mpmath.atan)
    arcsinh, arccosh, arctanh = staticmethod(mpmath.asinh), staticmethod(mpmath.acosh), staticmethod(mpmath.atanh)
    arctan2, maximum, minimum = staticmethod(mpmath.atan2), staticmethod(max), staticmethod(min)
    where = staticmethod(lambda condition, a, b: a if condition else b)
    square = staticmethod(lambda x: x * x)
    float64 = asarray = array = staticmethod(lambda x, *args, **kwargs: x)
    isnan, isinf = staticmethod(mpmath.isnan), staticmethod(mpmath.isinf)
    isfinite = staticmethod(mpmath.isfinite)

    @property
    def pi(self) -> mpf:
        return +mp.pi

    @property
    def e(self) -> mpf:
        return +mp.e

    @property
    def tau(self) -> mpf:
        return 2 * mp.pi

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if not hasattr(mpmath, name):
            raise NotExact(f"mpmath has no function {name}")
        if not _means_the_same(name):
            raise NotExact(f"mpmath's {name} is another function")
        return getattr(mpmath, name)


@functools.lru_cache(maxsize=256)
def _means_the_same(name: str) -> bool:
    """True unless mpmath's function of a name differs from that of ``math`` or NumPy, as its sinc does."""
    for module in (math, sys.modules.get("numpy")):
        own, theirs = getattr(module, name, None), getattr(mpmath, name)
        if callable(own) and callable(theirs):
            for xs in ((0.3,), (0.3, 0.7)):
                try:
                    if abs(float(own(*xs)) - float(theirs(*xs))) > 1e-9:
                        return False
                except Exception:  # of another number of arguments, or not of numbers
                    continue
    return True


def _truncated(x: mpf) -> mpf:
    return mpmath.floor(x) if x > 0 else mpmath.ceil(x)


def _log(x: mpf, *base: Any) -> mpf:
    if not x:
        raise ValueError("log 0")
    return mpmath.log(x, *base)


_math = _Math()
_builtins = {**vars(builtins), "float": lambda x=0: mpf(x)}
_known: dict[Any, Callable[..., Any]] = {
    special.polygamma: lambda n, x: _polygamma(n, x),
    expansions.sinc: lambda n, x: _sinc(n, x),
    special.lgamma: _Math.lgamma,
    special.gelu: lambda x: x * _Math.erfc(-x / mpmath.sqrt(2)) / 2,
    special.mod: lambda a, b: a - b * mpmath.floor(a / b),
    special.floordiv: lambda a, b: mpmath.floor(a / b),
}


def rebound(f: Callable[..., Any]) -> Callable[..., Any]:
    """Make a copy of f that computes in mpmath's numbers.

    >>> with mp.workdps(30):
    ...     print(rebound(lambda x: math.expm1(x))(mpf(10) ** -20))
    1.000000000000000000005e-20

    Raises NotExact if f is not plain Python over ``math`` or NumPy's scalar functions.
    """
    return _rebound(f, {})


@functools.lru_cache(maxsize=512)  # a program may keep making ops
def _forward(op: Op) -> Callable[..., Any]:
    return rebound(op.forward)


def _rebound(f: Any, done: dict[int, Any]) -> Any:
    if f in _known:
        return _known[f]
    if hasattr(f, "written"):  # the framework's code, instead of the call on floats
        return _rebound(f.written, done)
    if id(f) in done:
        return done[id(f)]
    if isinstance(f, Op):
        return lambda *xs: exact_value(f, *xs, *f.defaults[len(f.defaults) - _missing(f, xs) :])
    if isinstance(f, functools.partial):
        return functools.partial(_rebound(f.func, done), *f.args, **f.keywords)
    if isinstance(f, types.MethodType):
        return functools.partial(_rebound(f.__func__, done), f.__self__)
    if isinstance(f, types.FunctionType):
        return _rebound_function(f, done)
    if isinstance(f, functools._lru_cache_wrapper):
        return _rebound(f.__wrapped__, done)
    module, name = getattr(f, "__module__", None), getattr(f, "__name__", "")
    numpy_function = type(f).__module__.startswith("numpy") and getattr(sys.modules.get("numpy"), name, None) is f
    if module in (*NUMERIC, "_operator") or numpy_function:
        return getattr(operator, name) if module == "_operator" else getattr(_math, name)
    call = vars(type(f)).get("__call__")
    if isinstance(call, types.FunctionType):
        return functools.partial(_rebound(call, done), f)
    raise NotExact(f"{f!r:.60} is not plain Python: it cannot be run in mpmath")


def _rebound_function(f: types.FunctionType, done: dict[int, Any]) -> types.FunctionType:
    names: dict[str, Any] = {"__builtins__": _builtins, "__name__": f.__name__}
    cells = tuple(types.CellType() for _ in f.__closure__ or ())
    new = types.FunctionType(f.__code__, names, f.__name__, f.__defaults__, cells)
    new.__kwdefaults__ = f.__kwdefaults__
    done[id(f)] = new
    used = _names(f.__code__)
    for name, item in f.__globals__.items():
        if name in used:
            names[name] = _item(item, done)
    for old, cell in zip(f.__closure__ or (), cells, strict=True):
        try:
            cell.cell_contents = _item(old.cell_contents, done)
        except ValueError:  # an empty cell
            continue
    return new


def _item(item: Any, done: dict[int, Any]) -> Any:
    """Rebind a global or closure variable of a function: numeric modules and functions become exact, others stay."""
    if isinstance(item, types.ModuleType):
        if item.__name__ in NUMERIC:
            return _math
        if item is special or item is ops:
            return types.SimpleNamespace(
                **{n: _rebound(x, done) for n, x in vars(item).items() if isinstance(x, (Op, types.FunctionType))}
            )
        return item
    if item.__class__ is float and not math.isfinite(item):
        return mpf(item)
    functions = (Op, types.FunctionType, functools.partial, functools._lru_cache_wrapper)
    if isinstance(item, functions) or getattr(item, "__module__", "") in NUMERIC:
        try:
            return _rebound(item, done)
        except NotExact:
            return item
    return item


def _names(code: types.CodeType) -> set[str]:
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _missing(op: Op, xs: Sequence[Any]) -> int:
    return len(op.partials) - len(xs) if isinstance(op.partials, tuple) else 0


def exact_value(op: Op, *xs: Any) -> mpf:
    """Compute op at mpmath numbers; raises ValueError if the result is not real."""
    return as_real(_forward(op)(*xs))


def as_real(y: Any) -> mpf:
    """Convert y to a real number; raises ValueError if it is complex."""
    if isinstance(y, mpmath.mpc):
        if y.imag:
            raise ValueError("the result is complex, not real")
        y = y.real
    return y if isinstance(y, mpf) else mpf(y)


def _polygamma(n: int, x: mpf) -> mpf:
    """Polygamma by reflection below -100, where mpmath would recur through each integer up to 0 (DLMF 5.15.6)."""
    if x > -100:
        return mpmath.psi(n, x)
    if x == mpmath.floor(x):
        raise ZeroDivisionError("a pole")
    c = mpmath.cot(mpmath.pi * x)
    across = sum(p * c**k for k, p in enumerate(special.cot_polynomial(n)) if p)
    return (-1) ** n * mpmath.psi(n, 1 - x) - mpmath.pi ** (n + 1) * across


def _sinc(n: int, x: mpf) -> mpf:
    """n-th derivative of sin(πx)/(πx): of its Taylor series near 0, else by Leibniz's rule for sin(u) · 1/u."""
    u, factorial = mp.pi * x, mpmath.factorial
    if abs(u) > 1:
        parts = [(mpmath.binomial(n, k) * (-1) ** k * factorial(k) / u ** (k + 1), n - k) for k in range(n + 1)]
        return mp.pi**n * sum(part * mpmath.sin(u + m * mp.pi / 2) for part, m in parts)
    powers = range(n + n % 2, 2 * (mp.dps + n), 2)
    return mp.pi**n * sum((-1) ** (m // 2) * u ** (m - n) / (factorial(m - n) * (m + 1)) for m in powers)


def digits(xs: Sequence[Any]) -> int:
    """Number of digits that resolves a relative step of 1e-40 in functions as flat as x² or 1 - exp(-x²)."""
    far = max(min(x * x, 760) for x in xs)
    return 130 + int(0.44 * far + 2.5 * max((abs(math.log10(abs(x))) for x in xs if x), default=0))


def slope(op: Op, i: int, xs: Sequence[Any], side: int = 1, step: int = 40) -> mpf:
    """One-sided slope of op with respect to operand i, on side +1 or -1, over a relative step of 10**-step."""
    h = min(1, *(abs(mpf(x)) for x in xs if x), 1) * mpf(10) ** -step * side
    if op in (ops.pow, ops.power_rule1):
        h /= max(abs(xs[1]), 1)  # (1 + h)**1e46 is steep
    moved = (*xs[:i], mpf(xs[i]) + h, *xs[i + 1 :])
    return (exact_value(op, *moved) - exact_value(op, *xs)) / h


def second(op: Op, i: int, j: int, xs: Sequence[float]) -> mpf:
    """Second derivative ∂²op/∂xs[i]∂xs[j] by central differences with steps of 1e-40."""
    h = mpf(10) ** -40

    def at(s: int, t: int) -> mpf:
        return exact_value(op, *(x + h * (s * (k == i) + t * (k == j)) for k, x in enumerate(map(mpf, xs))))

    return (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / (4 * h * h)


def slopes(op: Op, i: int, xs: Sequence[Any]) -> list[mpf]:
    """One-sided slopes on the sides that lie inside the domain."""
    found = []
    for side in (1, -1):
        try:
            found.append(slope(op, i, xs, side))
        except OUTSIDE:
            continue
    return found


def slack(f: Callable[[Sequence[Any]], mpf], xs: Sequence[float]) -> mpf:
    """Change of f for ULPS units in the last place of each operand and of the result."""
    total = mpf(0)
    base = f(xs)
    for k, x in enumerate(xs):
        step = mpf(math.ulp(x)) / 2**20
        try:
            near = f((*xs[:k], mpf(x) + step, *xs[k + 1 :]))
        except OUTSIDE:
            continue  # outside the domain, such as an integer exponent moved off an integer
        total += abs(near - base) * 2**20
    # An intermediate result may be subnormal, and then be multiplied by an operand.
    return ULPS * (total + max(abs(base) * mpf(2) ** -52, mpf(5e-324) * (1 + max(map(abs, xs)))))


class Facts(NamedTuple):
    """Exact value and slopes of an op at float operands, with the error allowed for each."""

    value: mpf
    below: mpf  # the value if -0.0 is read as just below 0, as on the branch cut of atan2; else the same
    value_slack: mpf
    slopes: tuple[tuple[mpf, mpf] | None, ...]  # lowest and highest one-sided slope; None at a pole
    slacks: tuple[mpf, ...]

    def is_kink(self) -> bool:
        return any(slopes is not None and _apart(slopes) for slopes in self.slopes)


def _apart(sides: Sequence[mpf]) -> bool:
    """True if the slopes on the two sides differ by more than a step of 1e-40 explains."""
    return bool(max(sides) - min(sides) > mpf(10) ** -18 * max(map(abs, sides)))


def facts_of(op: Op, xs: tuple[float, ...]) -> Facts:
    """Compute value, slopes and the error of 8 ulp for op at xs; raises one of OUTSIDE if it is not real there."""
    return _facts(op, xs, tuple(not x and math.copysign(1.0, x) < 0 for x in xs))  # -0.0 == 0.0 would share a cache key


@functools.lru_cache(maxsize=8192)  # 2.4 KB each; a run of `engine_property` needs 6,500
def _facts(op: Op, xs: tuple[float, ...], below: tuple[bool, ...]) -> Facts:
    with mp.workdps(digits(xs)):
        value_slack = slack(lambda at: exact_value(op, *map(mpf, at)), xs)
        value = exact_value(op, *map(mpf, xs))
        found: list[tuple[mpf, mpf] | None] = []
        slacks: list[mpf] = []
        for i in range(len(xs)):
            sides = slopes(op, i, tuple(map(mpf, xs)))
            corner = len(sides) == 1 and len(xs) > 2 and not op.avoid(*xs)  # of a domain: its slope is a convention
            if not sides or corner or _is_pole(op, i, xs, sides):
                found.append(None)
                slacks.append(mpf(0))
                continue
            found.append((min(sides), max(sides)))
            if _apart(sides) or not op.avoid(*xs):  # across a kink a step does not measure rounding
                rounding = ULPS * max(mpf(2) ** -52 * max(map(abs, sides)), mpf(5e-324))
                slacks.append(rounding + _own_error(op, i, xs))
                continue
            side = 1 if _inside(op, i, xs) else -1
            steep = functools.partial(_slope_at, op, i, side)
            slacks.append(slack(steep, xs))
        return Facts(value, _below(op, xs, below, value), value_slack, tuple(found), tuple(slacks))


def _below(op: Op, xs: tuple[float, ...], below: tuple[bool, ...], value: mpf) -> mpf:
    if not any(below):
        return value
    try:
        return exact_value(op, *(-(mpf(10) ** -400) if b else mpf(x) for x, b in zip(xs, below, strict=True)))
    except OUTSIDE:
        return value


def _own_error(op: Op, i: int, xs: tuple[float, ...]) -> mpf:
    """Truncation error of a slope over a step of 1e-40: x**3 at 0 gives 1e-80, the limit is 0."""
    error = mpf(0)
    for side in (1, -1):
        try:
            coarse, fine = (slope(op, i, tuple(map(mpf, xs)), side, step) for step in (30, 40))
            error = max(error, abs(coarse - fine))
        except OUTSIDE:
            continue
    return error


def _slope_at(op: Op, i: int, side: int, at: Sequence[Any]) -> mpf:
    return slope(op, i, tuple(map(mpf, at)), side)


def _inside(op: Op, i: int, xs: Sequence[float]) -> bool:
    try:
        slope(op, i, tuple(map(mpf, xs)))
    except OUTSIDE:
        return False
    return True


def _is_pole(op: Op, i: int, xs: tuple[float, ...], sides: list[mpf]) -> bool:
    """True if a slope has no limit as the step shrinks: at 0, that of √x grows, that of x**1.01 hardly falls."""
    if max(map(abs, sides)) > sys.float_info.max:
        return True
    if len(sides) == 2 and op.avoid(*xs):
        return False
    for side in (1, -1):
        try:
            coarse, fine = slope(op, i, tuple(map(mpf, xs)), side, 30), slope(op, i, tuple(map(mpf, xs)), side)
        except OUTSIDE:
            continue
        if abs(fine - coarse) > mpf(10) ** -18 * (1 + abs(fine)):
            return True
    return False


def direction(op: Op, xs: tuple[float, ...], along: tuple[int, ...]) -> tuple[mpf, mpf] | None:
    """Lowest and highest one-sided slope of op along a direction such as (1, 1)."""
    found = []
    with mp.workdps(digits(xs)):
        h = mpf(10) ** -40
        base = exact_value(op, *map(mpf, xs))
        for side in (1, -1):
            try:
                found.append(
                    (exact_value(op, *(mpf(x) + side * h * d for x, d in zip(xs, along, strict=True))) - base)
                    / (side * h)
                )
            except OUTSIDE:
                continue
    return (min(found), max(found)) if found else None

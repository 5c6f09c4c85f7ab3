"""The exact oracle: run a forward function in balls or mpmath and take its slopes; no derivative rule is used.

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
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import mpmath  # type: ignore[import-untyped]
from mpmath import mp, mpf

from autograd_tiny.check import balls
from autograd_tiny.engine import expansions, ops, special
from autograd_tiny.engine.op import Op

ULPS = 8
STEP, COARSE = 2.0**-133, 2.0**-100  # of slopes, relative: 1e-40 and 1e-30, which add to a float without rounding
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
                    if abs(theirs(*xs) - float(own(*xs))) > 1e-9:
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


@dataclass(frozen=True, eq=False)
class Arithmetic:
    """What a function is bound to instead of floats: numbers, their functions, and what it must not run itself."""

    number: Callable[..., Any]  # an exact one
    real: Callable[..., Any]  # what a function takes
    math: Any
    builtins: dict[str, Any]
    known: dict[Any, Callable[..., Any]]


def arithmetic(number: Any, real: Callable[..., Any], math: Any, known: dict[Any, Callable[..., Any]]) -> Arithmetic:
    both: dict[Any, Callable[..., Any]] = {
        special.lgamma: math.lgamma,
        special.gelu: lambda x: x * math.erfc(-x / math.sqrt(2)) / 2,
        special.mod: lambda a, b: a - b * math.floor(a / b),
        special.floordiv: lambda a, b: math.floor(a / b),
    }
    return Arithmetic(number, real, math, {**vars(builtins), "float": lambda x=0: real(x)}, {**both, **known})


MPMATH = arithmetic(
    mpf, mpf, _Math(), {special.polygamma: lambda n, x: _polygamma(n, x), expansions.sinc: lambda n, x: _sinc(n, x)}
)
BALLS = arithmetic(
    balls.arb, balls.Ball, balls.Math(), {special.polygamma: balls.polygamma, expansions.sinc: balls.sinc}
)


def rebound(f: Callable[..., Any], to: Arithmetic = MPMATH) -> Callable[..., Any]:
    """Make a copy of f that computes in mpmath's numbers, or in those of another arithmetic.

    >>> with mp.workdps(30):
    ...     print(rebound(lambda x: math.expm1(x))(mpf(10) ** -20))
    1.000000000000000000005e-20

    Raises NotExact if f is not plain Python over ``math`` or NumPy's scalar functions.
    """
    return _rebound(f, {}, to)


@functools.lru_cache(maxsize=512)  # a program may keep making ops
def forward_in(op: Op, to: Arithmetic) -> Callable[..., Any]:
    return rebound(op.forward, to)


def _rebound(f: Any, done: dict[int, Any], to: Arithmetic) -> Any:
    if f in to.known:
        return to.known[f]
    if hasattr(f, "written"):  # the framework's code, instead of the call on floats
        return _rebound(f.written, done, to)
    if id(f) in done:
        return done[id(f)]
    if isinstance(f, Op):
        return lambda *xs: _value(to, f, *xs, *f.defaults[len(f.defaults) - _missing(f, xs) :])
    if isinstance(f, functools.partial):
        return functools.partial(_rebound(f.func, done, to), *f.args, **f.keywords)
    if isinstance(f, types.MethodType):
        return functools.partial(_rebound(f.__func__, done, to), f.__self__)
    if isinstance(f, types.FunctionType):
        return _rebound_function(f, done, to)
    if isinstance(f, functools._lru_cache_wrapper):
        return _rebound(f.__wrapped__, done, to)
    module, name = getattr(f, "__module__", None), getattr(f, "__name__", "")
    numpy_function = type(f).__module__.startswith("numpy") and getattr(sys.modules.get("numpy"), name, None) is f
    if module in (*NUMERIC, "_operator") or numpy_function:
        return getattr(operator, name) if module == "_operator" else getattr(to.math, name)
    call = vars(type(f)).get("__call__")
    if isinstance(call, types.FunctionType):
        return functools.partial(_rebound(call, done, to), f)
    raise NotExact(f"{f!r:.60} is not plain Python: it cannot be run in mpmath")


def _rebound_function(f: types.FunctionType, done: dict[int, Any], to: Arithmetic) -> types.FunctionType:
    names: dict[str, Any] = {"__builtins__": to.builtins, "__name__": f.__name__}
    cells = tuple(types.CellType() for _ in f.__closure__ or ())
    new = types.FunctionType(f.__code__, names, f.__name__, f.__defaults__, cells)
    done[id(f)] = new
    new.__defaults__ = f.__defaults__ and tuple(_item(item, done, to) for item in f.__defaults__)
    new.__kwdefaults__ = {name: _item(item, done, to) for name, item in (f.__kwdefaults__ or {}).items()} or None
    used = _names(f.__code__)
    for name, item in f.__globals__.items():
        if name in used:
            names[name] = _item(item, done, to)
    for old, cell in zip(f.__closure__ or (), cells, strict=True):
        try:
            cell.cell_contents = _item(old.cell_contents, done, to)
        except ValueError:  # an empty cell
            continue
    return new


def _item(item: Any, done: dict[int, Any], to: Arithmetic) -> Any:
    """Rebind a global or closure variable of a function: numeric modules and functions become exact, others stay."""
    if isinstance(item, types.ModuleType):
        if item.__name__ in NUMERIC:
            return to.math
        if item is special or item is ops:
            return types.SimpleNamespace(
                **{n: _rebound(x, done, to) for n, x in vars(item).items() if isinstance(x, (Op, types.FunctionType))}
            )
        return item
    if item.__class__ is float and not math.isfinite(item):
        return to.real(item) if to is MPMATH else item  # balls are finite
    functions = (Op, types.FunctionType, functools.partial, functools._lru_cache_wrapper)
    if isinstance(item, functions) or getattr(item, "__module__", "") in NUMERIC:
        try:
            return _rebound(item, done, to)
        except NotExact:
            return item
    return item


def _names(code: types.CodeType) -> set[str]:
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _missing(op: Op, xs: Sequence[Any]) -> int:
    return len(op.partials) - len(xs) if isinstance(op.partials, tuple) else 0


def exact_value(op: Op, *xs: Any) -> Any:
    """Compute op at numbers of mpmath or flint; raises ValueError if the result is not real, or balls.Undecided."""
    if xs and xs[0].__class__ is balls.arb:
        return balls.value(forward_in(op, BALLS), xs, trusted=bool(op.pickle_recipe) or ops.TABLE.get(op.name) is op)
    return as_real(forward_in(op, MPMATH)(*xs))


def _value(to: Arithmetic, op: Op, *xs: Any) -> Any:
    return exact_value(op, *xs) if to is MPMATH else forward_in(op, to)(*xs)


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


def slope(
    op: Op,
    i: int,
    xs: Sequence[Any],
    side: int = 1,
    step: float = STEP,
    near: Sequence[Any] | None = None,
    base: Any = None,
) -> Any:
    """One-sided slope of op with respect to operand i, on side +1 or -1; all xs are exact, `base` is the value there.

    The step is relative to the smallest operand, or to that of the point `near`, which may have zeros where xs do not.
    """
    h = min(1, *(abs(x) for x in near or xs if x != 0), 1) * (step * side)
    if op in (ops.pow, ops.power_rule1):
        h = h / max(abs(xs[1]), 1)  # (1 + h)**1e46 is steep
    moved = (*xs[:i], balls.middle(xs[i] + h), *xs[i + 1 :])
    return balls.middle((exact_value(op, *moved) - (exact_value(op, *xs) if base is None else base)) / h)


def second(op: Op, i: int, j: int, xs: Sequence[float], real: Callable[[Any], Any] = mpf) -> Any:
    """Second derivative ∂²op/∂xs[i]∂xs[j] by central differences with steps of 1e-40."""
    h = real(STEP)

    def at(s: int, t: int) -> Any:
        moved = (x + h * (s * (k == i) + t * (k == j)) for k, x in enumerate(map(real, xs)))
        return exact_value(op, *map(balls.middle, moved))

    return balls.middle((at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / (4 * h * h))


def slopes(op: Op, i: int, xs: Sequence[Any], base: Any = None) -> list[Any]:
    """One-sided slopes on the sides that lie inside the domain."""
    found = []
    for side in (1, -1):
        try:
            found.append(slope(op, i, xs, side, base=base))
        except OUTSIDE:
            continue
    return found


def slack(
    f: Callable[[Sequence[Any]], Any], xs: Sequence[Any], real: Callable[[Any], Any] = mpf, base: Any = None
) -> Any:
    """Change of f for ULPS units in the last place of each operand and of the result; `base` is f at xs."""
    total = real(0)
    base = f(xs) if base is None else base
    for k, x in enumerate(xs):
        step = real(math.ulp(x)) / 2**20
        try:
            near = f((*xs[:k], real(x) + step, *xs[k + 1 :]))
        except OUTSIDE:
            continue  # outside the domain, such as an integer exponent moved off an integer
        total += abs(near - base) * 2**20
    # An intermediate result may be subnormal, and then be multiplied by an operand.
    size = real(max(map(abs, xs)))
    return balls.middle(ULPS * (total + max(abs(base) * 2.0**-52, real(5e-324) * (1 + size))))


class Facts(NamedTuple):
    """Exact value and slopes of an op at float operands, with the error allowed for each."""

    value: mpf
    below: mpf  # the value if -0.0 is read as just below 0, as on the branch cut of atan2; else the same
    value_slack: mpf
    slopes: tuple[tuple[mpf, mpf] | None, ...]  # lowest and highest one-sided slope; None at a pole
    slacks: tuple[mpf, ...]

    kink: bool  # the slopes on the two sides of an operand differ
    rough: tuple[tuple[float, float, float], ...]  # value and slopes in floats, low, high and a safe part of the slack
    by: str  # the numbers it was computed in: balls or mpmath


def _apart(sides: Sequence[mpf]) -> bool:
    """True if the slopes on the two sides differ by more than a step of 1e-40 explains."""
    return bool(max(sides) - min(sides) > 1e-18 * max(map(abs, sides)))


def facts_of(op: Op, xs: tuple[float, ...]) -> Facts:
    """Compute value, slopes and the error of 8 ulp for op at xs; raises one of OUTSIDE if it is not real there."""
    return _facts(op, xs, tuple(not x and math.copysign(1.0, x) < 0 for x in xs))  # -0.0 == 0.0 would share a cache key


@functools.lru_cache(maxsize=9216)  # 2.4 KB each; a run of `engine_property` needs 7,500
def _facts(op: Op, xs: tuple[float, ...], below: tuple[bool, ...]) -> Facts:
    return in_exact_numbers(digits(xs), lambda real: _facts_in(real, op, xs, below))


def in_exact_numbers(digits: int, job: Callable[[Callable[[Any], Any]], Any]) -> Any:
    """Run a job in numbers of flint, or in mpmath's where they do not decide; it is given what converts a float."""
    if balls.are_there():
        with suppress(balls.Undecided), balls.precision(digits):
            return job(BALLS.number)
    with mp.workdps(digits):
        return job(MPMATH.number)


def _facts_in(real: Callable[[Any], Any], op: Op, xs: tuple[float, ...], below: tuple[bool, ...]) -> Facts:
    """Compute the facts in numbers of mpmath or flint."""
    here = tuple(map(real, xs))
    value = exact_value(op, *here)
    value_slack = slack(lambda at: exact_value(op, *map(real, at)), xs, real, value)
    found: list[tuple[Any, Any] | None] = []
    slacks: list[Any] = []
    kink = False
    for i in range(len(xs)):
        sides = slopes(op, i, here, value)
        corner = len(sides) == 1 and len(xs) > 2 and not op.avoid(*xs)  # of a domain: its slope is a convention
        if not sides or corner or _is_pole(op, i, xs, here, sides):
            found.append(None)
            slacks.append(real(0))
            continue
        found.append((min(sides), max(sides)))
        apart = _apart(sides)
        kink = kink or apart
        if apart or not op.avoid(*xs):  # across a kink a step does not measure rounding
            rounding = ULPS * max(2.0**-52 * max(map(abs, sides)), real(5e-324))
            slacks.append(balls.middle(rounding + _own_error(op, i, here)))
            continue
        side = 1 if len(sides) == 2 or _inside(op, i, here) else -1
        steep = functools.partial(_slope_at, op, i, side, real, here)
        error = 0 if all(xs) else _own_error(op, i, here)  # at 0 the step of a slope is large beside the operand's ulp
        slacks.append(balls.middle(slack(steep, xs, real, sides[0]) + error))
    as_mpf = balls.as_mpf
    value_slack, slacks = as_mpf(value_slack), list(map(as_mpf, slacks))
    pairs = tuple(None if pair is None else (as_mpf(pair[0]), as_mpf(pair[1])) for pair in found)
    value, under = as_mpf(value), as_mpf(_below(op, xs, below, value, real))
    rough = [
        _rough(value, value, value_slack),
        *(_rough(*(p or (mpf(0), mpf(0))), s) for p, s in zip(pairs, slacks, strict=True)),
    ]
    by = "balls" if real is BALLS.number else "mpmath"
    return Facts(value, under, value_slack, pairs, tuple(slacks), kink, tuple(rough), by)


def _rough(low: mpf, high: mpf, slack: mpf) -> tuple[float, float, float]:
    """Round an interval and its slack to floats, the slack lessened by more than the rounding; below 0 if unsure."""
    a, b, room = float(low), float(high), float(slack)
    room = 0.99 * room - 2.0**-51 * max(abs(a), abs(b))
    return (a, b, room) if 1e-290 < room < math.inf else (0.0, 0.0, -1.0)


def _below(op: Op, xs: tuple[float, ...], below: tuple[bool, ...], value: Any, real: Callable[[Any], Any]) -> Any:
    if not any(below):
        return value
    try:
        return exact_value(op, *(-(real(0.5) ** 1330) if b else real(x) for x, b in zip(xs, below, strict=True)))
    except OUTSIDE:
        return value


def _own_error(op: Op, i: int, here: tuple[Any, ...]) -> Any:
    """Truncation error of a slope over a step of 1e-40: x**3 at 0 gives 1e-80, the limit is 0."""
    error: Any = 0
    for side in (1, -1):
        try:
            coarse, fine = (slope(op, i, here, side, step) for step in (COARSE, STEP))
            error = max(error, abs(coarse - fine))
        except OUTSIDE:
            continue
    return error


def _slope_at(op: Op, i: int, side: int, real: Callable[[Any], Any], near: Sequence[Any], at: Sequence[Any]) -> Any:
    return slope(op, i, tuple(map(real, at)), side, near=near)


def _inside(op: Op, i: int, here: Sequence[Any]) -> bool:
    try:
        slope(op, i, here)
    except OUTSIDE:
        return False
    return True


def _is_pole(op: Op, i: int, xs: tuple[float, ...], here: tuple[Any, ...], sides: list[Any]) -> bool:
    """True if a slope has no limit as the step shrinks: at 0, that of √x grows, that of x**1.01 hardly falls."""
    if max(map(abs, sides)) > sys.float_info.max:
        return True
    if len(sides) == 2 and op.avoid(*xs):
        return False
    for side in (1, -1):
        try:
            coarse, fine = slope(op, i, here, side, COARSE), slope(op, i, here, side)
        except OUTSIDE:
            continue
        if abs(fine - coarse) > 1e-18 * (1 + abs(fine)):
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

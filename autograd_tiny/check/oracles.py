"""Slopes of a function of floats: exact, by its framework, by a complex step, by two stencils."""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mpmath import mp, mpf  # type: ignore[import-untyped]

from autograd_tiny.check import balls
from autograd_tiny.check.exact import (
    BALLS,
    MPMATH,
    OUTSIDE,
    STEP,
    ULPS,
    Arithmetic,
    NotExact,
    as_real,
    digits,
    no_floats,
    rebound,
    slack,
)
from autograd_tiny.check.frameworks import Foreign

Function = Callable[..., Any]


class Slope(NamedTuple):
    """Slopes of a function with respect to one argument, or along a direction, and the error of 8 ulp."""

    low: Any  # the lower of the slopes on the two sides
    high: Any
    slack: Any


class Slopes(NamedTuple):
    """Slopes of a function with respect to each argument; None if there is no finite slope."""

    each: list[Slope | None]
    along: Callable[[Sequence[float]], Slope | None]  # slopes along a direction, next to the point as well
    by: str = ""  # the numbers of the exact oracle: balls or mpmath

    def kinks(self) -> list[int]:
        """List the arguments along which the two sides differ."""
        return [i for i, slope in enumerate(self.each) if slope and slope.high - slope.low > 2 * slope.slack]


class Subject(NamedTuple):
    """Function to check, as the oracles need it."""

    name: str
    plain: Function  # to be run in mpmath or on complex numbers
    call: Function  # on floats
    foreign: Foreign | None


def exact(f: Subject, xs: tuple[float, ...]) -> Slopes:
    """Compute one-sided slopes of f in balls, or in mpmath where they cannot tell; None for one without a slope."""
    if not balls.are_there():
        return _exact(f, xs, MPMATH)
    try:
        with balls.precision(digits(xs)):
            found = _exact(f, xs, BALLS)
    except balls.Undecided:
        return _exact(f, xs, MPMATH)

    def along(direction: Sequence[float]) -> Slope | None:
        try:
            with balls.precision(digits(xs)):
                return found.along(direction)
        except balls.Undecided:
            return _exact(f, xs, MPMATH).along(direction)

    return Slopes(found.each, along, "balls")


def _exact(f: Subject, xs: tuple[float, ...], to: Arithmetic) -> Slopes:
    run, real = rebound(f.plain, to), to.number
    scale = min([1.0, *(abs(x) for x in xs if x)])

    at = functools.partial(_in_mpmath if to is MPMATH else _in_balls, f.name, run)

    def sides(point: Sequence[Any], along: Sequence[Any], scale: Any, most: int = 2) -> list[tuple[Any, Any]] | None:
        """Limits of the slopes on the first `most` sides inside the domain, with their errors; None without a limit."""
        point = list(map(real, point))
        base, found = at(point), []
        for side in (1, -1):

            def slope(step: float, side: int = side) -> Any:
                h = side * scale * step
                moved = [x + h * v if v else x for x, v in zip(point, along, strict=True)]
                return balls.middle((at(moved) - base) / h)

            try:
                limit = _limit(slope)
            except NotExact:
                raise
            except OUTSIDE:
                continue
            if limit is None:
                return None
            found.append(limit)
            if len(found) == most:
                break
        if not found:
            raise NotExact("it cannot be computed next to the point")
        return found

    def one(i: int) -> Slope | None:
        axis = [int(k == i) for k in range(len(xs))]
        own = real(min(1, abs(xs[i]) or 1))
        found = sides(xs, axis, own)
        if found is None:
            return None
        low, high, error = min(s for s, _ in found), max(s for s, _ in found), max(e for _, e in found)
        rounding = ULPS * max(2.0**-52 * max(abs(low), abs(high)), real(5e-324)) + error
        if high - low > error + 1e-18 * max(abs(low), abs(high)):
            return _slope(low, high, rounding)  # across a kink a step does not measure rounding

        def nearest(point: Sequence[Any]) -> Any:
            near = sides(point, axis, own, 1)
            if near is None:
                raise ValueError("no slope")
            return near[0][0]

        def mirrored(point: Sequence[Any]) -> Any:
            return nearest([balls.middle(2 * real(x) - moved) for x, moved in zip(xs, point, strict=True)])

        # A jump of the slope lies on one side only; elsewhere it changes as much on both.
        return _slope(low, high, max(min(slack(nearest, xs, real), slack(mirrored, xs, real)), rounding) + error)

    def along(direction: Sequence[float]) -> Slope | None:
        with mp.workdps(digits(xs)):
            found = sides(xs, direction, real(scale))
            if found is None:
                return None
            slopes, rng = [s for s, _ in found], random.Random(0)
            for _ in range(4 * 2 ** min(len(xs), 3)):
                off = [real(rng.uniform(-1, 1)) * scale * 2.0**-83 for _ in xs]
                near = [balls.middle(x + d) for x, d in zip(map(real, xs), off, strict=True)]
                h = real(scale) * STEP
                try:
                    moved = at([x + h * v for x, v in zip(near, direction, strict=True)])
                    slopes.append(balls.middle((moved - at(near)) / h))
                except NotExact:
                    raise
                except OUTSIDE:
                    continue
            size = max(map(abs, slopes))
            error = max(e for _, e in found)
            return _slope(min(slopes), max(slopes), size * 2.0**-48 + error + real(5e-324))

    with mp.workdps(digits(xs)):
        try:
            at(list(map(real, xs)))
        except OUTSIDE as error:  # f is fine at these floats
            raise NotExact(str(error)) from None
        return Slopes([one(i) for i in range(len(xs))], along, "mpmath")


def _in_balls(name: str, run: Function, point: Sequence[Any]) -> Any:
    return balls.value(run, [balls.middle(x) for x in point], trusted=False)


def _in_mpmath(name: str, run: Function, point: Sequence[Any]) -> Any:
    with no_floats():
        try:
            y = run(*point)
        except (ValueError, ArithmeticError, TypeError, NotExact):
            raise
        except Exception as error:  # a method that only the framework's numbers have, a lookup by float
            raise NotExact(_said(error, "exact numbers")) from None
    if isinstance(y, (list, tuple, str, bytes)) or y is None:
        raise NotExact(f"{name} returned {y!r:.60}, not one number")
    try:
        return as_real(y)
    except TypeError as error:
        raise NotExact(f"{name} returned {y!r:.60}: {error}") from None


def _said(error: Exception, numbers: str) -> str:
    if isinstance(error, AttributeError) and error.name:
        return f"it uses .{error.name} of a number, which {numbers} do not have"
    return f"{type(error).__name__}: {error}"


def _slope(low: Any, high: Any, slack: Any) -> Slope:
    return Slope(*map(balls.as_mpf, (low, high, slack)))


def _limit(slope: Callable[[float], Any]) -> tuple[Any, Any] | None:
    """Limit of a one-sided slope as the step shrinks, and its error; None if there is none.

    At 0, the slopes of x**3 fall as the step's square, those of x**1.4 as its 0.4th power, and those of √x grow.
    """
    far, near = slope(2.0**-100), slope(2.0**-133)
    if abs(near - far) <= 1e-18 * (1 + abs(near)):
        return near, balls.middle(abs(near - far))
    nearest = slope(2.0**-166)
    ratio = balls.middle((nearest - near) / (near - far))
    if abs(ratio) > 0.5:
        return None
    rest = balls.middle((nearest - near) * ratio / (1 - ratio))
    return balls.middle(nearest + rest), abs(rest)


def framework(f: Subject, xs: tuple[float, ...]) -> Slopes:
    """Differentiate f by its own framework, without the custom rule; a jump close by is taken for a kink."""
    if f.foreign is None:
        raise NotExact("it belongs to no known framework")
    here = f.foreign.without_rule(*xs)
    found: list[Slope | None] = []
    for i, (x, d) in enumerate(zip(xs, here, strict=True)):
        h = 1e-9 * max(1.0, abs(x))
        near = [d, *(f.foreign.without_rule(*xs[:i], x + side, *xs[i + 1 :])[i] for side in (-h, h))]
        if not all(map(math.isfinite, near)):
            found.append(None)
            continue
        size = max(map(abs, near))
        kink = max(near) - min(near) > 1e-4 * size
        low, high = (min(near), max(near)) if kink else (d, d)
        found.append(Slope(mpf(low), mpf(high), mpf(size) * 64 * 2**-52 + mpf(5e-324)))
    return Slopes(found, _unknown)


def _unknown(direction: Sequence[float]) -> None:
    """Stand-in for the slopes along a direction, where an oracle has none."""


def complex_step(f: Subject, xs: tuple[float, ...]) -> Slopes:
    """Compute Im f(x + ih) / h, exact if f is analytic (Squire and Trapp 1998), which two stencils confirm."""
    found: list[Slope | None] = []
    for i, x in enumerate(xs):
        h = 1e-200
        try:
            y = f.plain(*(complex(x, h) if k == i else z for k, z in enumerate(xs)))
        except Exception as error:  # code for real numbers may raise anything
            raise NotExact(_said(error, "complex numbers")) from None
        if not isinstance(y, complex) or abs(y.real - f.call(*xs)) > 1e-12 * abs(y.real):
            raise NotExact("it has no complex version")
        d = y.imag / h
        found.append(Slope(mpf(d), mpf(d), mpf(abs(d)) * 64 * 2**-52 + mpf(5e-324)))
    for own, rough in zip(found, stencil(f, xs).each, strict=True):
        if own and rough and abs(own.low - rough.low) > 1e-5 * abs(rough.low) + rough.slack:
            raise NotExact("its complex version is another function, as with abs")
    return Slopes(found, _unknown)


def stencil(f: Subject, xs: tuple[float, ...]) -> Slopes:
    """Compare two five-point stencils of different step size, which must agree; at a kink, stencils on either side."""

    def along(direction: Sequence[float]) -> Slope:
        reach = max(1.0, *(abs(x) for x, v in zip(xs, direction, strict=True) if v))
        known: dict[float, float] = {}

        def at(t: float) -> float:
            if t not in known:
                try:
                    known[t] = float(f.call(*(x + t * v for x, v in zip(xs, direction, strict=True))))
                except Exception as error:  # next to the point f may raise anything
                    raise NotExact(f"next to the point: {type(error).__name__}: {error}") from None
            return known[t]

        steps = reach * 1e-3, reach * 2.7e-4
        a, b = ((at(-2 * h) - 8 * at(-h) + 8 * at(h) - at(2 * h)) / (12 * h) for h in steps)
        right, left = (
            [(-11 * at(0.0) + 18 * at(h) - 9 * at(2 * h) + 2 * at(3 * h)) / (6 * h) for h in (s * k for k in steps)]
            for s in (1, -1)
        )
        size = max(map(abs, known.values())) / reach
        varies = (max(known.values()) - min(known.values())) / (6 * steps[0])
        if not math.isfinite(size + a + b):
            raise NotExact("it is nan or inf next to the point")
        apart, before = abs(right[1] - left[1]), abs(right[0] - left[0])
        if apart > 1e-3 * varies + 1e-9 * size and apart > 0.9 * before:  # and not smaller with the step
            drift = max(abs(s[0] - s[1]) for s in (right, left))
            if drift > 1e-5 * varies + 1e-9 * size:
                raise NotExact(f"a kink or a jump lies close by: the slopes are {left[1]!r} and {right[1]!r}")
            low, high = sorted((left[1], right[1]))
            return Slope(mpf(low), mpf(high), mpf(20 * drift + 1e-9 * size))
        if abs(a - b) > 1e-6 * (abs(a) + abs(b)) + 1e-9 * size:
            raise NotExact(f"two stencils disagree: {a!r} and {b!r}")
        return Slope(mpf(min(a, b)), mpf(max(a, b)), mpf(20 * abs(a - b) + 1e-9 * (abs(a) + size)))

    return Slopes([along([float(k == i) for k in range(len(xs))]) for i in range(len(xs))], along)


ORACLES: dict[str, Callable[[Subject, tuple[float, ...]], Slopes]] = {
    "exact": exact,
    "framework": framework,
    "complex": complex_step,
    "stencil": stencil,
}

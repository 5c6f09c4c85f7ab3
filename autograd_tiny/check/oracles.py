"""Slopes of a function of floats: exact, by its framework, by a complex step, by two stencils."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mpmath import mp, mpf  # type: ignore[import-untyped]

from autograd_tiny.check.exact import OUTSIDE, NotExact, as_real, digits, rebound, slack
from autograd_tiny.check.frameworks import Foreign

Function = Callable[..., Any]
STEP = mpf(10) ** -40


class Slope(NamedTuple):
    """Slopes of a function with respect to one argument, and the error of 8 units in the last place."""

    low: Any  # the lower of the slopes on the two sides
    high: Any
    slack: Any


Slopes = list[Slope | None]  # one per argument; None if there is no slope


class Subject(NamedTuple):
    """Function to check, as the oracles need it."""

    name: str
    plain: Function  # to be run in mpmath or on complex numbers
    call: Function  # on floats
    foreign: Foreign | None


def exact(f: Subject, xs: tuple[float, ...]) -> Slopes:
    """Compute one-sided slopes of f in mpmath; None for an argument without a slope."""
    run = rebound(f.plain)
    with mp.workdps(digits(xs)):

        def at(point: Sequence[Any]) -> Any:
            try:
                y = run(*map(mpf, point))
            except AttributeError as error:  # a method that only the framework's numbers have
                raise NotExact(str(error)) from None
            if isinstance(y, (list, tuple, str, bytes)) or y is None:
                raise NotExact(f"{f.name} returned {y!r:.60}, not one number")
            try:
                return as_real(y)
            except TypeError as error:
                raise NotExact(f"{f.name} returned {y!r:.60}: {error}") from None

        def slope(i: int, side: int, point: Sequence[Any], h: Any) -> Any:
            moved = [*point]
            moved[i] = mpf(point[i]) + side * h
            return (at(moved) - at(point)) / (side * h)

        def one(i: int) -> Slope | None:
            scale = min(1, abs(mpf(xs[i])) or 1)
            sides, inside = [], 1
            for side in (1, -1):
                try:
                    coarse, fine = (slope(i, side, xs, scale * STEP * k) for k in (10**10, 1))
                except OUTSIDE:
                    continue
                if abs(fine - coarse) > mpf(10) ** -18 * (1 + abs(fine)):
                    return None  # a pole, or a function whose slope has no limit
                sides.append(fine)
                inside = side
            if not sides:
                return None
            return Slope(min(sides), max(sides), slack(lambda point: slope(i, inside, point, scale * STEP), xs))

        at(xs)
        return [one(i) for i in range(len(xs))]


def framework(f: Subject, xs: tuple[float, ...]) -> Slopes:
    """Differentiate f by its own framework, without the custom rule; a jump close by is taken for a kink."""
    if f.foreign is None:
        raise NotExact("it belongs to no known framework")
    here = f.foreign.without_rule(*xs)
    found: Slopes = []
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
    return found


def complex_step(f: Subject, xs: tuple[float, ...]) -> Slopes:
    """Compute Im f(x + ih) / h, exact up to rounding if f is defined on complex numbers (Squire and Trapp 1998)."""
    found: Slopes = []
    for i, x in enumerate(xs):
        h = 1e-200
        y = f.plain(*(complex(x, h) if k == i else z for k, z in enumerate(xs)))
        if not isinstance(y, complex) or abs(y.real - f.call(*xs)) > 1e-12 * abs(y.real):
            raise NotExact("it has no complex version")
        d = y.imag / h
        found.append(Slope(mpf(d), mpf(d), mpf(abs(d)) * 64 * 2**-52 + mpf(5e-324)))
    return found


def stencil(f: Subject, xs: tuple[float, ...]) -> Slopes:
    """Compare two five-point stencils of different step size, which must agree."""
    found: Slopes = []
    for i, x in enumerate(xs):

        def at(t: float, i: int = i) -> float:
            return float(f.call(*(t if k == i else z for k, z in enumerate(xs))))

        reach = max(abs(x), 1.0)
        a, b = (
            (at(x - 2 * h) - 8 * at(x - h) + 8 * at(x + h) - at(x + 2 * h)) / (12 * h)
            for h in (reach * 1e-3, reach * 2.7e-4)
        )
        room = 20 * abs(a - b) + 1e-9 * (abs(a) + abs(at(x)) / reach)
        if not math.isfinite(a + b) or abs(a - b) > 1e-6 * (abs(a) + abs(b)) + 1e-9:
            raise NotExact(f"two stencils disagree: {a!r} and {b!r}")
        found.append(Slope(mpf(min(a, b)), mpf(max(a, b)), mpf(room)))
    return found


ORACLES: dict[str, Callable[[Subject, tuple[float, ...]], Slopes]] = {
    "exact": exact,
    "framework": framework,
    "complex": complex_step,
    "stencil": stencil,
}

"""Proofs by ball arithmetic and bisection that a gradient is right on all of a box."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from autograd_tiny.check import balls
from autograd_tiny.check.balls import Undecided, arb
from autograd_tiny.check.exact import NotExact, rebound
from autograd_tiny.check.frameworks import arguments
from autograd_tiny.check.functions import gradcheck
from autograd_tiny.check.jets import JETS, ORDER, Box, Jet, Seam, arguments_about, over, terms
from autograd_tiny.check.oracles import ORACLES, Subject
from autograd_tiny.check.report import GradcheckError
from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.extras import missing
from autograd_tiny.transforms.dual import Dual, forward_level

Function = Callable[..., Any]
NARROWEST = {1: 2.0**-32, 2: 2.0**-7, 3: 2.0**-5}  # width of a box that is split no more, of the width of the domain
AFTER_A_WITNESS = 4000  # boxes
OUTSIDE = "the function or its gradient is not defined there"


class Part(NamedTuple):
    """Part of the domain that is wrong, with a witness, or open, with the reason."""

    box: Box
    reason: str
    witness: tuple[float, ...] = ()
    got: float = math.nan  # the gradient there, and the slope
    exact: float = math.nan
    argument: int = 0


@dataclass(frozen=True)
class Proof:
    """Outcome of a proof, "proven", "wrong" or "open", with the parts that are wrong or open; true if proven.

    `boxes` counts the boxes on which the gradient was proven right.
    """

    outcome: str
    subject: str
    names: tuple[str, ...]
    domain: Box
    tol: float
    boxes: int
    wrong: tuple[Part, ...] = ()
    open: tuple[Part, ...] = ()
    seams: tuple[str, ...] = ()  # where a branch changes

    def __bool__(self) -> bool:
        return self.outcome == "proven"

    def __str__(self) -> str:
        where = self._where(self.domain)
        claim = f"|grad - {self.subject}′| <= {self.tol:g} on {where}"
        if self.outcome == "proven":
            seams = f"; branches change at {', '.join(self.seams)}" if self.seams else ""
            return f"proven: {claim} ({counted(self.boxes, 'box')}{seams})"
        lines = [f"{self.outcome}: {claim}"]
        for part in self.wrong[:5]:
            at = ", ".join(f"{name} = {x!r}" for name, x in zip(self.names, part.witness, strict=True))
            which = f"∂{self.subject}/∂{self.names[part.argument]}"
            lines.append(f"    wrong on {self._where(part.box)}: at {at} {which} is {part.exact!r}, got {part.got!r}")
        lines += [f"    open on {self._where(part.box)}: {part.reason}" for part in self.open[:5]]
        left = max(len(self.wrong) - 5, 0) + max(len(self.open) - 5, 0)
        return "\n".join([*lines, *([f"    and {counted(left, 'more box')}"] if left else [])])

    def _where(self, box: Box) -> str:
        sides = zip(self.names, box.lows, box.highs, strict=True)
        return ", ".join(f"{name} in [{low!r}, {high!r}]" for name, low, high in sides)


def prove(
    f: Function,
    grad: Function | None = None,
    x: Any = (-10, 10),
    tol: float = 1e-9,
    *,
    seconds: float = 10.0,
    **domains: tuple[float, float],
) -> Proof:
    """Prove that |grad - f′| <= tol on all of a box, or find where it is not so; needs python-flint.

    >>> import math
    >>> def softplus(x): return math.log1p(math.exp(-abs(x))) + max(x, 0.0)
    >>> print(prove(softplus, lambda x: 1 / (1 + math.exp(-x)), x=(-2, 2)).outcome)
    proven
    >>> proof = prove(lambda x: x * x, lambda x: 2 * x if not 0.5 < x < 0.5625 else 2.0, x=(-2, 2))
    >>> proof.outcome, proof.wrong[0].box
    ('wrong', Box(lows=(0.5,), highs=(0.5625,)))

    f and grad are plain functions of one to three numbers; without `grad`, f runs on Values, and the rules of its ops
    are what is proven. `x` is an interval, or a tuple of intervals, one per argument; `y=(0, 1)` names one. What is
    proven is the formula in real numbers: rounding is what `gradcheck` judges. A gradient at a number where a branch
    changes is that of one side. Boxes that are not decided after `seconds`, or when they are narrow, stay open.

    Raises ImportError without python-flint, TypeError or ValueError for a function or an interval that is none.
    """
    if not balls.are_there():
        raise missing("prove", ["python-flint"])
    names, domain = _domain(f, x, domains)
    if not tol > 0:
        raise ValueError(f"tol={tol!r}: expected a number above 0")
    search = _Search(_difference(f, grad, len(names)), names, domain, tol, time.monotonic() + seconds)
    search.run()
    if len(names) == 1:
        for at in sorted({at for _, at in search.seams}):
            search.at_a_seam(f, grad, at)
    outcome = "wrong" if search.wrong else "open" if search.open else "proven"
    seams = tuple(f"{names[i]} = {at!r}" for i, at in sorted(search.seams))
    parts = _joined(search.wrong), _joined(search.open)
    return Proof(outcome, _name(f), names, domain, tol, search.proven, *parts, seams)


def _name(f: Any) -> str:
    name = str(getattr(f, "__name__", None) or getattr(f, "name", None) or type(f).__name__)
    return "f" if name == "<lambda>" else name


def _domain(f: Function, x: Any, domains: dict[str, Any]) -> tuple[tuple[str, ...], Box]:
    if not callable(f):
        raise TypeError(f"prove takes a function and its derivative, got {f!r:.60}")
    found = arguments(f)
    several = isinstance(x, (tuple, list)) and x and isinstance(x[0], (tuple, list))
    names = found or tuple(f"x{i}" for i in range(len(x) if several else 1))
    if several:
        given = dict(zip(names, x, strict=False))
        if len(x) != len(names):
            raise ValueError(
                f"{_name(f)} has {counted(len(names), 'argument')} but x has {counted(len(x), 'interval')}"
            )
    else:
        given = {} if "x" not in names and len(names) > 1 else {"x" if "x" in names else names[0]: x}
    given |= domains
    for name in given:
        if name not in names:
            raise TypeError(f"{_name(f)} has no argument {name}; it has {', '.join(names)}")
    for name in names:
        if name not in given:
            raise TypeError(f"{_name(f)} needs an interval for {name}: {name}=(-10, 10)")
    if not 1 <= len(names) <= 3:
        raise ValueError(f"{_name(f)} has {counted(len(names), 'argument')}: prove takes one to three")
    sides = [_interval(name, given[name]) for name in names]
    return names, Box(tuple(low for low, _ in sides), tuple(high for _, high in sides))


def _interval(name: str, side: Any) -> tuple[float, float]:
    try:
        low, high = map(float, side)
    except (TypeError, ValueError):
        raise TypeError(f"{name}={side!r:.60} is not an interval: write {name}=(-10, 10)") from None
    if not -math.inf < low < high < math.inf:
        raise ValueError(f"{name}=({low!r}, {high!r}): expected finite numbers, the lower one first")
    return low, high


def _difference(f: Function, grad: Function | None, n: int) -> Callable[[list[Jet]], list[tuple[Any, Any]]]:
    """Make the function that gives the gradient and the slopes, as terms, for each argument."""
    plain = _in_series(f) if grad is not None else f
    by_hand = _in_series(grad) if grad is not None else None

    def run(xs: list[Jet]) -> list[tuple[Any, Any]]:
        y = terms(_number(plain(*xs), _name(f)), n)
        slopes = [_derivative(y, i) for i in range(n)]
        found = by_hand(*xs) if by_hand is not None else _by_rules(f, xs)
        found = tuple(found) if isinstance(found, (tuple, list)) else (found,)
        if len(found) != n:
            raise TypeError(f"the gradient returned {counted(len(found), 'number')}: expected {n}")
        return [(terms(_number(g, "the gradient"), n), slope) for g, slope in zip(found, slopes, strict=True)]

    return run


def _in_series(f: Function) -> Function:
    return f if f in (abs, max, min, pow) else rebound(f, JETS)


def _number(y: Any, what: str) -> Any:
    if isinstance(y, (Jet, int, float)):
        return y
    raise TypeError(f"{what} returned {y!r:.60} of type {type(y).__name__}, not one number")


def _by_rules(f: Function, xs: list[Jet]) -> list[Any]:
    found = []
    for i in range(len(xs)):
        with forward_level() as level:
            y = f(*(Dual(x, 1.0 if k == i else 0.0, level) for k, x in enumerate(xs)))
            found.append(y.tangent if isinstance(y, Dual) else 0.0)
    return found


def _derivative(series: dict[tuple[int, ...], Any], i: int) -> dict[tuple[int, ...], Any]:
    lowered = {}
    for powers, c in series.items():
        if powers[i]:
            lowered[(*powers[:i], powers[i] - 1, *powers[i + 1 :])] = c * powers[i]
    return lowered


class _Search:
    """Boxes still to be decided, and those decided."""

    def __init__(self, difference: Any, names: tuple[str, ...], domain: Box, tol: float, until: float) -> None:
        self.difference, self.names, self.domain, self.tol, self.until = difference, names, domain, tol, until
        self.proven = 0
        self.weights: list[float] = []  # share of each argument in the bound of the last box
        self.wrong: list[Part] = []
        self.open: list[Part] = []
        self.seams: set[tuple[int, float]] = set()

    def run(self) -> None:
        queue, left = deque([self.domain]), math.inf
        while queue:
            box = queue.popleft()
            if time.monotonic() > self.until or left <= 0:
                reason = "the time is up" if left > 0 else "not looked at further, since others are wrong"
                self.open += [Part(b, reason) for b in (box, *queue)]
                return
            left -= 1
            self.weights = []
            part, at = self.decided(box)
            if part is None:
                self.proven += 1
            elif part.witness and not part.reason:  # wrong throughout
                self.wrong.append(part)
                left = min(left, AFTER_A_WITNESS // len(self.names) ** 3)
            elif part.reason == OUTSIDE:
                self.open.append(part)
            else:
                halves = _halves(box, at, self.weights, self.domain)
                if halves:
                    queue.extend(halves)
                elif at and _is_between_floats(box, at.argument):  # the branch is at no float: look at those beside it
                    self.seams |= {(at.argument, end[at.argument]) for end in box}
                else:
                    (self.wrong if part.witness else self.open).append(part)
                if part.witness:
                    left = min(left, AFTER_A_WITNESS // len(self.names) ** 3)

    def decided(self, box: Box) -> tuple[Part | None, Seam | None]:
        """Decide a box: None if proven, else the part, and the seam at which to split it."""
        n = len(box.lows)
        middle = [low + (high - low) / 2 for low, high in zip(box.lows, box.highs, strict=True)]
        radii = [arb(high) - m if arb(high) - m > arb(m) - low else arb(m) - low
                 for low, high, m in zip(box.lows, box.highs, middle, strict=True)]  # fmt: skip
        with over(box):
            try:
                wide = self.difference(arguments_about([arb(m, r.upper()) for m, r in zip(middle, radii, strict=True)]))
            except Seam as seam:
                self.seams.add((seam.argument, seam.at))
                return Part(box, str(seam)), seam
            except Undecided as error:
                return Part(box, str(error) or "balls do not decide"), None
            except (ValueError, ArithmeticError):
                return Part(box, OUTSIDE), None
            except (TypeError, AttributeError) as error:
                raise TypeError(f"prove needs a plain function of numbers, or one of ops on Values: {error}") from None
            try:
                thin = self.difference(arguments_about([arb(m) for m in middle]))
            except (Undecided, ValueError, ArithmeticError) as error:
                return Part(box, str(error) or "balls do not decide"), None
        worst: Part | None = None
        for i, (about, rest) in enumerate(zip(thin, wide, strict=True)):
            center, room, shares = _bound(about, rest, radii, ORDER[n])
            off = abs(center)
            if off + room <= self.tol:
                continue
            witness: tuple[float, ...] = ()
            reason = "the bound is not narrow enough"
            if off > self.tol:  # the difference in the middle, a ball without any doubt
                witness, reason = tuple(middle), "" if off - room > self.tol else "wrong in a part of it"
            got, exact = (float(t.get((0,) * n, arb(0)).mid()) for t in about)
            part = Part(box, reason, witness, got, exact, i)
            if worst is None or (part.witness and not worst.witness):
                worst, self.weights = part, shares
        return worst, None

    def at_a_seam(self, f: Function, grad: Function | None, at: float) -> None:
        """Check where a branch changes by the exact slopes at that number."""
        point = Box((at,), (at,))
        try:
            if grad is None:
                if not gradcheck(f, at):
                    raise NotExact("the slope there is not decided")
                return
            (slope,) = ORACLES["exact"](Subject(_name(f), lambda x: f(x), f, None), (at,)).each
            got = float(grad(at))
        except GradcheckError:
            self.wrong.append(Part(point, "", (at,)))
            return
        except (NotExact, ValueError, ArithmeticError, TypeError) as error:
            self.open.append(Part(point, f"at the branch: {error}"))
            return
        if slope is None:
            self.open.append(Part(point, "no finite slope at the branch"))
        elif not slope.low - self.tol <= got <= slope.high + self.tol:
            self.wrong.append(Part(point, "", (at,), got, float(slope.low)))


def _bound(about: Any, rest: Any, radii: Sequence[Any], order: int) -> tuple[Any, Any, list[float]]:
    """Difference in the middle of a box, how much it may change within, and what each argument adds to that.

    Taylor's formula: the terms in the middle, and those of the last degree over all of the box, for the best degree.
    """
    center, inner = arb(0), [arb(0)] * (order + 1)
    outer, shares = [arb(0)] * (order + 1), [[0.0] * len(radii) for _ in range(order + 1)]
    for powers in {**about[0], **about[1], **rest[0], **rest[1]}:
        degree = sum(powers)
        if degree > order:
            continue
        scale = arb(1)
        for r, p in zip(radii, powers, strict=True):
            scale = scale * r**p
        here, everywhere = (g.get(powers, arb(0)) - d.get(powers, arb(0)) for g, d in (about, rest))
        if not degree:
            center = here
            continue
        inner[degree] = inner[degree] + abs(here) * scale
        outer[degree] = outer[degree] + (size := abs(everywhere) * scale)
        for i, p in enumerate(powers):
            shares[degree][i] += float(size.upper()) * p
    best, room, before = order, arb("inf"), arb(0)
    for degree in range(1, order + 1):
        found = (before + outer[degree]).upper()
        if found.is_finite() and (found < room or not room.is_finite()):
            best, room = degree, found
        before = before + inner[degree]
    return center, room, shares[best]


def _is_between_floats(box: Box, i: int) -> bool:
    return bool(math.nextafter(box.lows[i], math.inf) == box.highs[i])


def _halves(box: Box, seam: Seam | None, weights: list[float], domain: Box) -> list[Box]:
    """Split a box at a seam, or across the side with the largest share of the bound; [] if it is too narrow."""
    widths = [high - low for low, high in zip(box.lows, box.highs, strict=True)]
    shares = [w / (high - low) for w, low, high in zip(widths, domain.lows, domain.highs, strict=True)]
    if not (max(weights, default=0.0) > 0 and all(map(math.isfinite, weights))):
        weights = shares
    i = seam.argument if seam else weights.index(max(weights))
    at = seam.at if seam else box.lows[i] + widths[i] / 2
    if seam:  # next to the end, if it is not inside
        at = min(max(at, math.nextafter(box.lows[i], math.inf)), math.nextafter(box.highs[i], -math.inf))
    if not box.lows[i] < at < box.highs[i] or (not seam and shares[i] < NARROWEST[len(widths)]):
        return []
    lower = Box(box.lows, (*box.highs[:i], at, *box.highs[i + 1 :]))
    return [lower, Box((*box.lows[:i], at, *box.lows[i + 1 :]), box.highs)]


def _joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Join intervals that touch, with the first one's witness; boxes of several arguments stay as they are."""
    if not parts or len(parts[0].box.lows) > 1:
        return tuple(parts)
    joined: list[Part] = []
    for part in sorted(parts, key=lambda part: part.box):
        if joined and part.box.lows[0] <= joined[-1].box.highs[0]:
            last = joined.pop()
            wider = max(last, part, key=lambda p: p.box.highs[0] - p.box.lows[0])
            highest = max(last.box.highs[0], part.box.highs[0])
            part = wider._replace(box=Box(last.box.lows, (highest,)))
        joined.append(part)
    return tuple(joined)

"""Judge a learner's answer with this package's checker: what is wrong, where, with a number that shows it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, NamedTuple

from autograd_tiny.check.engines import Engine, MicrogradLike, ValueEngine
from autograd_tiny.check.functions import gradcheck
from autograd_tiny.check.properties import check_engine
from autograd_tiny.check.report import Finding, GradcheckError, Report
from autograd_tiny.engine.chain_rule import contributions
from autograd_tiny.engine.digits import counted, short
from autograd_tiny.engine.expression import evaluate
from autograd_tiny.engine.value import Value, topological_order

NUDGE = 0.001
Names = Any  # a module, or anything else whose attributes are the learner's names


class Wrong(Exception):
    """Raised with what is wrong, in words."""


class Slopes(NamedTuple):
    """An exercise in local derivatives: the learner's function, what it differentiates, and points to check."""

    name: str
    written: str  # max(a, b)
    f: Callable[..., float]
    arguments: tuple[str, ...]
    points: tuple[tuple[float, ...], ...]

    def print_of(self, names: Names) -> list[float]:
        """Compute the learner's numbers at all points; equal lists come from equal answers."""
        return [x for point in self.points for x in self._slopes(names, point)]

    def judge(self, names: Names) -> str:
        """Return what was checked; raises Wrong."""
        self.print_of(names)
        for point in self.points:
            try:
                gradcheck(self.f, point, grad=getattr(names, self.name))
            except GradcheckError as error:
                raise Wrong(self._told(names, point, error.report.findings[0])) from None
        return f"{self.name} is exact at {counted(len(self.points), 'point')}"

    def _slopes(self, names: Names, point: tuple[float, ...]) -> list[float]:
        found, count = getattr(names, self.name)(*point), len(self.arguments)
        several = tuple(found) if isinstance(found, (tuple, list)) else (found,)
        if len(several) != count or not all(isinstance(x, Real) for x in several):
            expected = "a number" if count == 1 else f"{count} numbers"
            raise Wrong(f"{self.name}({_numbers(point)}) returned {found!r:.60}: expected {expected}")
        return [float(x) for x in several]

    def _told(self, names: Names, point: tuple[float, ...], finding: Finding) -> str:
        """Describe a finding, beside what a small nudge of the same arguments really does."""
        at = ", ".join(f"{name} = {short(x)}" for name, x in zip(self.arguments, point, strict=True))
        together = re.search(r" along \((.*)\)$", finding.what)
        if together:  # at a kink or a tie
            ways = [float(x) for x in together[1].split(",")]
            moved = " and ".join(name for name, way in zip(self.arguments, ways, strict=True) if way)
            slopes = " and ".join(map(short, self._slopes(names, point)))
            what = f"at {at} your slopes {slopes} say that {self.written} moves by {short(finding.got)} for each unit"
        else:
            moved = finding.what.rpartition("∂")[2]
            ways = [float(name == moved) for name in self.arguments]
            got, exact = _apart(finding.got, float(finding.exact))
            what = f"at {at} your slope for {moved} is {got}, and the exact one is {exact}"
            if short(finding.got) == short(float(finding.exact)):
                return f"{what}\nnearly: a formula is exact, and a difference of nearby values loses digits"
        there = self.f(*(x + NUDGE * way for x, way in zip(point, ways, strict=True))) - self.f(*point)
        per_unit = short(float(f"{there / NUDGE:.4g}"))
        move = "move" if together else "moves"
        nudged = f"when {moved} {move} by {NUDGE:g}, {self.written} moves by {there:.4g}, {per_unit} for each unit"
        return f"{what}\ntry it: {nudged}"


PROGRAMS: tuple[tuple[str, dict[str, float]], ...] = (
    ("y = a * b", {"a": 2.0, "b": 3.0}),
    ("c = a * b; y = c * d", {"a": 2.0, "b": 3.0, "d": 5.0}),
    ("y = a + a", {"a": 3.0}),
    ("b = a + a; y = b * a", {"a": 3.0}),
    ("b = a * a; c = b + a; y = b * c", {"a": 2.0}),
    ("b = a * a; c = b + a; y = c * b", {"a": 2.0}),
    ("b = a * c; d = tanh(b); e = d * a; y = b + e", {"a": 0.5, "c": -0.4}),
)
DEEP = PROGRAMS[1], *PROGRAMS[4:]  # in these an order that is wrong gives a gradient that is wrong


class Passes(NamedTuple):
    """An exercise in the backward pass: the learner's engine, and programs to run through it."""

    name: str
    engine: Callable[[Any], Engine]
    look: Callable[[Any, Value], None] = lambda given, y: None  # raises Wrong for what can be said without a number
    programs: tuple[tuple[str, dict[str, float]], ...] = PROGRAMS

    def print_of(self, names: Names) -> list[float]:
        """Compute the learner's gradients in all programs; equal lists come from equal answers."""
        found = []
        for text, inputs in self.programs:
            engine = self.engine(getattr(names, self.name))
            y = evaluate(text, inputs)
            values: dict[Value, Any] = {}
            for v in topological_order(y):
                operands = tuple(values[x] for x in v.operands)
                try:
                    values[v] = engine.apply(v.op, operands) if v.op else engine.leaf(v.data)
                except (NotImplementedError, TypeError) as error:
                    if isinstance(error, TypeError) and "unsupported operand" not in str(error):
                        raise
                    raise Wrong(f"{self.name} has no {v.op.name if v.op else 'number'} yet") from None
                if v.op and values[v] is None:
                    raise Wrong(f"{v.op.name} returned None: expected a {self.name}")
            engine.backward(values[y])
            found += [engine.grad(v) or 0.0 for v in values.values()]
        return found

    def judge(self, names: Names) -> str:
        """Return what was checked; raises Wrong."""
        given, numbers = getattr(names, self.name), 0
        self.print_of(names)  # an error of the learner's code is raised here, with its line
        for text, inputs in self.programs:
            at = ", ".join(f"{name} = {short(x)}" for name, x in inputs.items())
            try:
                self.look(given, evaluate(text, inputs))
                report = check_engine(self.engine(given), text, again=False, **inputs)
            except Wrong as error:
                raise Wrong(f"in {text}: {error}") from None
            if not report:
                raise Wrong(f"in {text} with {at}: {_first(report, evaluate(text, inputs))}")
            numbers += report.checked
        return f"{self.name} gives {counted(numbers, 'number')} of {counted(len(self.programs), 'program')} exactly"


def _first(report: Report, y: Value) -> str:
    """Describe the first finding, with the names of the program's text."""
    first, order = report.findings[0], topological_order(y)
    if math.isnan(first.got) and first.note:  # it raised
        return f"it {first.note}"
    numbered = [v for v in order if v.op is None] + [v for v in order if v.op is not None]
    what = re.sub(r"^adjoint of (.*)$", r"\1.grad", first.what)
    what = re.sub(r"\bv(\d+)\b", lambda found: numbered[int(found[1])].name or found[0], what)
    got, exact = _apart(first.got, float(first.exact))
    return f"{what} is {got}, and right is {exact}"


def _apart(got: float, exact: float) -> tuple[str, str]:
    """Format two numbers with as many digits as show that they differ."""
    return (short(got), short(exact)) if short(got) != short(exact) else (repr(got), repr(exact))


class _Handing(ValueEngine):
    """This package's engine, with the learner's step of the sweep."""

    def __init__(self, hand_down: Callable[[Value], object]) -> None:
        self.hand_down = hand_down

    def backward(self, y: Value) -> None:
        order = topological_order(y)
        for v in order:
            v.grad = 0.0
        y.grad = 1.0
        for v in reversed(order):
            if v.op is not None:
                self.hand_down(v)


class _Ordered(ValueEngine):
    """This package's engine, with the learner's order."""

    def __init__(self, order: Callable[[Value], Sequence[Value]]) -> None:
        self.order = order

    def backward(self, y: Value) -> None:
        for v in topological_order(y):
            v.grad = 0.0
        y.grad = 1.0
        order = self.order(y)
        _look_at_list(order)
        adjoint = {v: v.grad for v in topological_order(y)}
        for _, _, x, contribution in contributions(order, adjoint):
            adjoint[x] += contribution
        for v, grad in adjoint.items():
            v.grad = grad


def _look_at_list(order: object) -> None:
    if not isinstance(order, (list, tuple)) or not all(isinstance(v, Value) for v in order):
        raise Wrong(f"order returned {order!r:.60}: expected a list of Values")


def _look_at_order(order: Callable[[Value], Sequence[Value]], y: Value) -> None:
    """Raise Wrong if the order is none, with the gradient that comes of it."""
    right, found = topological_order(y), order(y)
    _look_at_list(found)
    if not set(found) <= set(right):
        raise Wrong("the list has a value that the output was not computed from")
    engine = _Ordered(lambda y: found)
    engine.backward(y)
    wrong = {v: v.grad for v in right}
    for v in right:
        v.grad = 0.0
    y.backward()
    names = {v: v.name or f"the result of {v.op.name if v.op else 'a leaf'}" for v in right}
    off = [v for v in right if not v.op and wrong[v] != v.grad]
    shown = f"{names[off[0]]}.grad is then {short(wrong[off[0]])}, and right is {short(off[0].grad)}" if off else ""
    for v in right:
        if v not in found:
            raise Wrong(f"{names[v]} is not in the list")
    for v in right:
        count = sum(x is v for x in found)
        if count > 1:
            raise Wrong(f"{names[v]} is in the list {count} times, and belongs there once{_and(shown)}")
    place = {v: k for k, v in enumerate(found)}
    for v in found:
        for x in v.operands:
            if isinstance(x, Value) and place[x] > place[v]:
                raise Wrong(f"{names[v]} comes before its operand {names[x]}{_and(shown)}")


def _and(text: str) -> str:
    return f"; {text}" if text else ""


def _numbers(xs: Sequence[float]) -> str:
    return ", ".join(map(short, xs))


def _sin_of_square(x: float) -> float:
    return math.sin(x * x)


def _product(a: float, b: float) -> float:
    return a * b


def _larger(a: float, b: float) -> float:
    return max(a, b)


POINTS = ((0.5,), (0.0,), (-1.0,), (2.0,), (-0.3,), (1.2,))
PAIRS = ((2.0, 3.0), (-1.5, 0.5), (0.0, 4.0), (1.0, -2.0))
EXERCISES: dict[str, Slopes | Passes] = {
    "tanh": Slopes("slope", "tanh(x)", math.tanh, ("x",), POINTS),
    "product": Slopes("slopes", "a * b", _product, ("a", "b"), PAIRS),
    "larger": Slopes("slopes", "max(a, b)", _larger, ("a", "b"), (*PAIRS, (5.0, 4.0), (2.0, 2.0), (-1.0, -1.0))),
    "chain": Slopes("slope", "sin(x * x)", _sin_of_square, ("x",), ((0.5,), (-1.0,), (2.0,), (-0.3,), (1.2,))),
    "accumulate": Passes("hand_down", _Handing),
    "order": Passes("order", _Ordered, _look_at_order, DEEP),
    "engine": Passes("Number", MicrogradLike),
}

"""Flags: properties of a step worth a second look, one row of a table each.

Breakpoints, their grammar, the narration, `diagnose`, the JSON of a trace and the page take their flags from `FLAGS`:
a new flag is a new row.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from autograd_tiny.engine.op import EDGES
from autograd_tiny.stepper.events import Backward, Forward, Node, Seed, Step

SMALLEST_NORMAL = 2.2250738585072014e-308  # floats below it lose digits
FLAT = 0.05  # an operand is saturated if its slope is this much smaller than the slope at 0


class Flag(NamedTuple):
    """A row of the table: the test of a step, and the words for it."""

    holds: Callable[[Step], bool]
    hint: str  # shown beside the name in a list of breakpoints
    sentence: str = ""  # added to the narration of such a step; the page marks steps that have one
    symptom: str = ""  # a verb phrase for `diagnose`, after "3 of 20 values"; "" if it does not count them
    by_op: bool = False  # depends on the op's curve; a trace read from JSON takes it from the file


def flags_of(step: Step) -> tuple[str, ...]:
    """Name the flags of a step, in the order of the table.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> x = Value(-1.0, "x"); steps = trace(x.relu() + x)
    >>> [flags_of(step) for step in steps][-3:]
    [(), ('reuse',), ('dead', 'reuse')]
    """
    return tuple(name for name in FLAGS if has_flag(step, name))


def has_flag(step: Step, name: str) -> bool:
    """Test a step for one flag."""
    flag = FLAGS[name]
    if flag.by_op and isinstance(step, Backward) and step.node.shapes is not None:
        return step.node.shapes[step.i] == name
    return flag.holds(step)


def _on_result(test: Callable[[float], bool]) -> Callable[[Step], bool]:
    """Test the number that a step computes: data forward, the gradient so far backward."""
    return lambda step: not isinstance(step, Seed) and test(step.node.data if isinstance(step, Forward) else step.after)


def _on_use(test: Callable[[Backward], bool]) -> Callable[[Step], bool]:
    return lambda step: isinstance(step, Backward) and test(step)


def _underflows(step: Backward) -> bool:
    """The product of two numbers other than 0 is 0, or too small to keep its digits."""
    return abs(step.contribution) < SMALLEST_NORMAL and bool(step.upstream and step.local)


def _is_kink(step: Backward) -> bool:
    """The op has no single slope there."""
    return _point(step.node)[1] is False and math.isfinite(step.local)


def _is_dead(step: Backward) -> bool:
    """The slope of a function is 0, and 0 next to it."""
    op, x = step.node.op, _point(step.node)[0][step.i]
    if step.local != 0 or op is None or op.infix or _point(step.node)[1] is not True:
        return False
    near = 1e-6 * max(1.0, abs(x))
    return _slope(step, x - near) == _slope(step, x + near) == 0


def _is_saturated(step: Backward) -> bool:
    """The slope is below 5 % of the slope at 0, and falling."""
    (x, *others), smooth = _point(step.node)
    if others or not x or not step.local or not smooth:
        return False
    slope = abs(step.local)
    return slope < FLAT * _slope(step, 0.0) and _slope(step, 2 * x) <= slope


def _slope(step: Backward, x: float) -> float:
    """Compute |∂node/∂operand| with x in place of the operand; nan outside the op's domain."""
    op, xs = step.node.op, _point(step.node)[0]
    assert op is not None
    at = (*xs[: step.i], x, *xs[step.i + 1 :])
    try:
        d = op.local_derivatives(op.forward(*at), at)[step.i]
        assert d is not None
        return abs(float(d))
    except (TypeError, *EDGES):
        return math.nan


@lru_cache(maxsize=1)
def _point(node: Node) -> tuple[tuple[float, ...], bool | None]:
    """Return the operands' numbers, and whether the op is smooth there; None if it cannot tell."""
    assert node.op is not None
    xs = tuple(x.data if isinstance(x, Node) else x for x in node.operands)
    try:
        return xs, bool(node.op.avoid(*xs))
    except (TypeError, *EDGES):
        return xs, None


FLAGS = {
    "nan": Flag(
        _on_result(math.isnan),
        hint="the value or gradient is nan",
        sentence="nan: not a number",
    ),
    "inf": Flag(
        _on_result(math.isinf),
        hint="the value or gradient is infinite",
        sentence="inf: larger than any float",
    ),
    "underflow": Flag(
        _on_use(_underflows),
        hint="the product is too small for a float",
        sentence="the product is too small for a float: it underflows",
        symptom="lose their gradient to underflow",
    ),
    "kink": Flag(
        _on_use(_is_kink),
        hint="the slope differs on the two sides",
        sentence="a kink: the slope differs on its two sides, and one of them, or 0, is used",
        by_op=True,
    ),
    "dead": Flag(
        _on_use(_is_dead),
        hint="the slope is 0, and 0 nearby",
        sentence="dead: the slope is 0 here and around, so nothing passes",
        symptom="pass no gradient",
        by_op=True,
    ),
    "saturated": Flag(
        _on_use(_is_saturated),
        hint="the slope is below 5 % of that at 0",
        sentence="saturated: the slope is less than 5 % of that at 0, so little passes",
        symptom="pass less than 5 % of theirs at 0",
        by_op=True,
    ),
    "reuse": Flag(
        _on_use(lambda step: step.of > 1),
        hint="the operand has other uses",
    ),
}

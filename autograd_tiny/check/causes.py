"""The likely cause of a wrong derivative: named only if it explains the derivative at other points as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from autograd_tiny.check.exact import OUTSIDE, facts_of
from autograd_tiny.check.graph import EngineNode, outside
from autograd_tiny.check.points import arity_of, into
from autograd_tiny.check.report import Finding, WrongAccumulation, WrongLocal, likeness
from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.op import EDGES, Op

FEWEST, MOST = 3, 7  # points
GENERIC = (
    (0.7, 1.3, 2.45, 2.2), (1.9, 0.6, 2.6, -1.1), (-1.2, 2.4, 3.8, 0.35), (2.7, -0.85, 1.6, 1.15),
    (0.35, 1.75, 3.1, -2.3), (-2.15, 0.55, 1.05, 2.9), (1.45, -2.05, 0.25, 1.85), (3.2, 1.15, 2.35, -0.65),
)  # fmt: skip
HINT = "\n        hint: "


def explained(
    finding: Finding,
    nodes: Sequence[EngineNode],
    derivatives: Callable[[Op, tuple[float, ...]], Sequence[float | None]],
) -> Finding:
    """Add to a wrong local derivative what the rule does at generic points, and its cause if it is the same there."""
    if finding.kind is not WrongLocal or finding.node is None or finding.operand is None:
        return finding
    op, i = nodes[finding.node].op, finding.operand
    assert op is not None
    told = [""]
    for xs in _generic(op):
        try:
            facts, taken = facts_of(op, xs), derivatives(op, xs)[i]
        except (*OUTSIDE, *EDGES, NotImplementedError):  # op or engine is not defined at this point: ask the next
            continue
        slope = facts.slopes[i]
        if slope is None or taken is None:
            continue
        if outside(taken, *slope, facts.slacks[i]) is None:
            told.append("right")
        else:
            others = [float(s[0]) for k, s in enumerate(facts.slopes) if k != i and s]
            told.append(likeness(taken, float(slope[0]), others))
    words = common(finding.cause, told[1:])
    return replace(finding, note=f"{finding.note}: {words}" if words else finding.note)


def common(cause: str, told: Sequence[str]) -> str:
    """Choose what to say: the cause if it is that of all the points, or at how many of them all is right."""
    if len(told) < FEWEST:
        return ""
    if right := told.count("right"):
        return f"right at {right} of {counted(len(told), 'other point')}"
    return cause if cause and {cause.partition(":")[0]} == {text.partition(":")[0] for text in told} else ""


def _generic(op: Op) -> Iterator[tuple[float, ...]]:
    found = (tuple(x[: arity_of(op)]) for x in GENERIC)
    inside = (tuple(into(*p) for p in zip(op.domain, xs, strict=True)) if op.domain else xs for xs in found)
    return islice(inside, MOST)


def with_hint(finding: Finding, others: Iterator[Sequence[Finding]]) -> Finding:
    """Keep the hint of a wrong sum only if the same graph gives it at other inputs, too."""
    text, _, hint = finding.note.partition(HINT)
    if finding.kind is not WrongAccumulation or not hint:
        return finding
    first = [found[0] for found in islice(others, MOST) if found]
    hints = [other.note.partition(HINT)[2] for other in first if other.kind is WrongAccumulation]
    return finding if len(hints) >= FEWEST and set(hints) == {hint} else replace(finding, note=text)

"""Caption of a picture: exact counts of what it folds or leaves out, and a call that shows more."""

from __future__ import annotations

from typing import NamedTuple

from autograd_tiny.engine.digits import counted
from autograd_tiny.pictures.measure import shortened, wrapped

CAPTION_WIDTH = 110  # characters per line


class CaptionFacts(NamedTuple):
    """Counts and options that a caption reports."""

    values: int  # in the whole graph
    boxes: int
    left_out: int
    sums: bool  # True if any sum is folded
    samples: int  # largest number folded into one box
    modules: tuple[str, ...]  # paths of the collapsed ones
    focus: str
    depth: int | None
    capped: bool
    more: str  # a call that shows more, and how many boxes it draws


def caption(facts: CaptionFacts) -> tuple[str, ...]:
    """The lines below the picture; empty if every value has a box of its own.

    >>> caption(CaptionFacts(1000, 36, 0, True, 1, (), "", None, False, "draw(y, fold='nothing'), 1,000 boxes"))
    ('1,000 values in 36 boxes: a sum is one box.', "More: draw(y, fold='nothing'), 1,000 boxes.")
    """
    lines = []
    drawn = facts.values - facts.left_out
    if drawn > facts.boxes:
        how = []
        if facts.sums:
            how.append("a sum is one box")
        if facts.samples > 1:
            how.append(f"like values of up to {facts.samples:,} samples are one box")
        if facts.modules:
            some = ", ".join(shortened(path, 30) for path in facts.modules[:2])
            each = (
                f"{len(facts.modules):,} modules are one box each" if len(facts.modules) > 1 else "a module is one box"
            )
            how.append(f"{each} ({some}{', …' if len(facts.modules) > 2 else ''})")
        lines.append(f"{counted(drawn, 'value')} in {counted(facts.boxes, 'box')}: {'; '.join(how)}.")
    if facts.left_out:
        parts = []
        if facts.focus:
            parts.append(f"the paths from {shortened(facts.focus, 40)} to the output")
        if facts.depth is not None:
            parts.append(f"values at most {counted(facts.depth, 'step')} from the output")
        if facts.capped:
            parts.append(f"the {counted(facts.boxes, 'box')} nearest to the output")
        left = (
            f"{facts.left_out:,} of {counted(facts.values, 'value')} {'is' if facts.left_out == 1 else 'are'} left out"
        )
        lines.append(f"Drawn: {', of these '.join(parts)}; {left}.")
    if lines and facts.more:
        lines.append(f"More: {facts.more}.")
    return tuple(part for line in lines for part in wrapped(line, CAPTION_WIDTH, 3))

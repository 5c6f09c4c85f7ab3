"""What a picture folds or leaves out, with exact counts, and the call that shows more."""

from __future__ import annotations

from typing import NamedTuple

from autograd_tiny.pictures.measure import shortened, wrapped

WIDE = 110  # characters of a line


class CaptionFacts(NamedTuple):
    """What a caption tells of: counts, and how the picture came to be."""

    values: int  # of the whole graph
    boxes: int
    left_out: int
    sums: bool  # whether any is folded
    samples: int  # the most that are folded into one box
    modules: tuple[str, ...]  # collapsed
    focus: str
    depth: int | None
    capped: bool
    more: str  # the call that shows more, and how much


def caption(facts: CaptionFacts) -> tuple[str, ...]:
    """The lines below the picture; none where every value has a box of its own.

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
            how.append(f"what is alike in up to {facts.samples:,} samples is one box")
        if facts.modules:
            some = ", ".join(shortened(path, 30) for path in facts.modules[:2])
            each = (
                f"{len(facts.modules):,} modules are one box each" if len(facts.modules) > 1 else "a module is one box"
            )
            how.append(f"{each} ({some}{', …' if len(facts.modules) > 2 else ''})")
        lines.append(f"{_counted(drawn, 'value')} in {_counted(facts.boxes, 'box')}: {'; '.join(how)}.")
    if facts.left_out:
        parts = []
        if facts.focus:
            parts.append(f"the paths from {shortened(facts.focus, 40)} to the output")
        if facts.depth is not None:
            parts.append(f"what is {_counted(facts.depth, 'step')} or fewer from the output")
        if facts.capped:
            parts.append(f"the {_counted(facts.boxes, 'box')} nearest to the output")
        left = (
            f"{facts.left_out:,} of {_counted(facts.values, 'value')} {'is' if facts.left_out == 1 else 'are'} left out"
        )
        lines.append(f"Drawn: {', of these '.join(parts)}; {left}.")
    if lines and facts.more:
        lines.append(f"More: {facts.more}.")
    return tuple(part for line in lines for part in wrapped(line, WIDE, 3))


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 'es' if what.endswith('x') else 's'}"

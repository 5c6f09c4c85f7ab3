"""Text of a box: its name or expression, its numbers, and a tooltip with all digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from autograd_tiny.engine.digits import counted, spread
from autograd_tiny.engine.names import LONGEST_LABEL, Named, number, numbered, spell
from autograd_tiny.engine.op import Spelled, Variadic
from autograd_tiny.engine.value import Value
from autograd_tiny.pictures.fold import Indexed, sign
from autograd_tiny.pictures.measure import printable
from autograd_tiny.pictures.picture import Line
from autograd_tiny.pictures.theme import Color

FEW_TERMS = 8  # largest number of values in a written-out sum, or operands of an op


class Quantity(NamedTuple):
    """A quantity that a box can show on a line; `label` is its word in the option `show`."""

    label: str
    color: Color
    of: Callable[[Value], float | None]  # None if not computed

    def line(self, text: str) -> Line:
        return Line(self.label, text, self.color)


DATA = Quantity("data", Color.VALUE, lambda v: v.data)
GRAD = Quantity("grad", Color.GRAD, lambda v: v.grad if v.has_grad else None)
QUANTITIES = (DATA, GRAD)  # the order of the lines


def summarized(xs: Sequence[float | None]) -> str:
    """Summarize numbers on one line by their range and mean; – stands for a missing one.

    >>> summarized([1.0, 3.0]), summarized([None]), summarized([2.0, None])
    ('1 … 3 (mean 2)', '–', '2, 1 –')
    """
    known = [x for x in xs if x is not None]
    lacking = len(xs) - len(known)
    if not known:
        return "–"
    return f"{spread(known)}, {lacking:,} –" if lacking else spread(known)


class Titles:
    """Titles of the boxes of one picture. Values are given by their index."""

    def __init__(self, graph: Indexed, named: dict[Value, Named], names: bool) -> None:
        self.graph, self.named, self.names = graph, named, names

    def title(self, roots: list[int], one: list[int], whole: list[int]) -> str:
        """Title of like values `roots`; `one` are the drawn values of the first, `whole` also those cut off."""
        first = self.graph.order[roots[0]]
        if first.op is None:
            if self.named and len(roots) == 1:
                return self.named[first].label.text
            return self._name(roots) or (numbered(roots[0]) if len(roots) == 1 else "leaf")
        if not self.names:
            return self._counted(whole) if len(one) > 1 else first.op.name
        if isinstance(first.op.partials, Variadic) and len(first.operands) > FEW_TERMS:
            written = f"{first.op.name} of {len(first.operands):,}"
            return f"{name} = {written}" if (name := self._name(roots)) else written
        if self.named:
            return self.named[first].title
        written = self._spelled(roots, set(one)).text if len(one) <= FEW_TERMS else ""
        if not written or (len(one) > 1 and len(written) > LONGEST_LABEL):
            written = self._counted(whole)
        name = self._name(roots)
        return f"{name} = {written}" if name else written

    def _counted(self, one: list[int]) -> str:
        """``sum of n terms``: one more term than adds, not counting the 0 that Python's `sum` starts from."""
        adds = [self.graph.order[i] for i in one if sign(self.graph.order[i]) == "+"]
        zeros = sum(x.__class__ is float and x == 0 for v in adds for x in v.operands)
        return f"sum of {counted(1 + len(adds) - zeros, 'term')}"

    def _name(self, roots: list[int]) -> str:
        """The name that all values share, or ""."""
        names = {self.graph.name(i): None for i in roots}
        return str(next(iter(names))) if len(names) == 1 else ""

    def _spelled(self, alike: list[int], inside: set[int]) -> Spelled:
        """The expression that like values share, with … for operands that differ."""
        values = [self.graph.order[i] for i in alike]
        op, operands = values[0].op, []
        assert op is not None
        slot = 0
        for k, x in enumerate(values[0].operands):
            if not isinstance(x, Value):
                operands.append(number(x) if all(v.operands[k] == x for v in values) else Spelled("…"))
                continue
            places = [self.graph.parents[i][slot] for i in alike]
            slot += 1
            if places[0] in inside:
                operands.append(self._spelled(places, inside))
            elif name := self._name(places):
                operands.append(Spelled(name, 99 if name.isidentifier() else 98))
            elif x.op is None and len(dict.fromkeys(places)) == 1:
                operands.append(Spelled(numbered(places[0])))
            else:
                operands.append(Spelled("…"))
        return spell(op, operands)


def tooltip(title: str, v: Value, source: str) -> str:
    """All digits of one value, and its source line."""
    digits = [str(q.line("–" if (x := q.of(v)) is None else repr(x))) for q in QUANTITIES]
    return "\n".join(filter(None, [printable(title), *digits, source]))

"""What a box says: the name or the op of what is in it, its numbers, and in full what does not fit."""

from __future__ import annotations

from autograd_tiny.engine.digits import spread
from autograd_tiny.engine.names import LONGEST, Named, number, spell
from autograd_tiny.engine.op import Spelled, Variadic
from autograd_tiny.engine.value import Value
from autograd_tiny.pictures.fold import Indexed, sign
from autograd_tiny.pictures.measure import printable

FEW = 8  # values of a sum that is written out, operands of any other op


class Titles:
    """The titles of the boxes of one picture, by the places of the values in them."""

    def __init__(self, graph: Indexed, named: dict[Value, Named], names: bool) -> None:
        self.graph, self.named, self.names = graph, named, names

    def title(self, roots: list[int], one: list[int], whole: list[int]) -> str:
        """Of values that are alike, `roots`; `one` is all that the box holds of the first, `whole` also what is cut."""
        first = self.graph.order[roots[0]]
        if first.op is None:
            return self._name(roots) or (f"v{roots[0] + 1}" if len(roots) == 1 else "leaf")
        if not self.names:
            return self._counted(whole) if len(one) > 1 else first.op.name
        if isinstance(first.op.partials, Variadic) and len(first.operands) > FEW:
            written = f"{first.op.name} of {len(first.operands):,}"
            return f"{name} = {written}" if (name := self._name(roots)) else written
        if self.named:
            return self.named[first].title
        written = self._spelled(roots, set(one)).text if len(one) <= FEW else ""
        if not written or (len(one) > 1 and len(written) > LONGEST):
            written = self._counted(whole)
        name = self._name(roots)
        return f"{name} = {written}" if name else written

    def _counted(self, one: list[int]) -> str:
        """A sum of so many terms: one more than it has adds, but for the 0 that Python's `sum` starts from."""
        adds = [self.graph.order[i] for i in one if sign(self.graph.order[i]) == "+"]
        return (
            f"sum of {1 + len(adds) - sum(x.__class__ is float and x == 0 for v in adds for x in v.operands):,} terms"
        )

    def _name(self, roots: list[int]) -> str:
        """The name, where all have the same."""
        names = {self.graph.order[i].name: None for i in roots}
        return str(next(iter(names)) or "") if len(names) == 1 else ""

    def _spelled(self, alike: list[int], inside: set[int]) -> Spelled:
        """The op of values that are alike on what is the same for all of them; … where it is not."""
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
                operands.append(Spelled(f"v{places[0] + 1}"))
            else:
                operands.append(Spelled("…"))
        return spell(op, operands)


def gradient(values: list[Value]) -> str:
    """The gradients; – where none was computed.

    >>> gradient([Value(1.0)])
    '–'
    """
    touched = [v.grad for v in values if v.has_grad]
    lacking = len(values) - len(touched)
    if not touched:
        return "–"
    return f"{spread(touched)}, {lacking:,} –" if lacking else spread(touched)


def tooltip(title: str, v: Value, source: str) -> str:
    """All digits of one value, and the line that made it."""
    grad = repr(v.grad) if v.has_grad else "–"
    lines = [printable(title), f"data {v.data!r}", f"grad {grad}", source]
    return "\n".join(filter(None, lines))

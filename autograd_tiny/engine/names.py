"""What to call each node of a graph: its own name, what it was computed from while that is short, or v7."""

from __future__ import annotations

from typing import NamedTuple

from autograd_tiny.engine.digits import short
from autograd_tiny.engine.op import Op, Spelled
from autograd_tiny.engine.value import Value

LONGEST_LABEL = 28  # characters of a label


class Named(NamedTuple):
    """How a node is shown: `label` where others use it, `written` as its op on their labels, "" for a leaf."""

    label: Spelled
    written: str

    @property
    def title(self) -> str:
        """Both, where they differ: ``loss = v3 + v6``."""
        label = self.label.text
        return label if not self.written or self.written == label else f"{label} = {self.written}"


def name_nodes(order: list[Value]) -> dict[Value, Named]:
    """A label for every node of a topological order, no two alike unless the user named two nodes alike.

    >>> from autograd_tiny.engine.value import topological_order
    >>> a = Value(2.0, "a"); c = (a + 1.0) * a
    >>> [named.title for named in name_nodes(topological_order(c)).values()]
    ['a', 'a + 1', '(a + 1) * a']
    """
    named: dict[Value, Named] = {}
    taken = {v.name for v in order}
    for i, v in enumerate(order):
        spelled = Spelled("")
        if v.op is not None:
            spelled = spell(v.op, [named[x].label if isinstance(x, Value) else number(x) for x in v.operands])
        label = spelled
        if v.name:
            label = Spelled(str(v.name), 99 if str(v.name).isidentifier() else 98)
        elif v.op is None or len(spelled.text) > LONGEST_LABEL or spelled.text in taken:
            k = i
            while (text := numbered(k)) in taken:
                k += len(order)
            label = Spelled(text)
        taken.add(label.text)
        named[v] = Named(label, spelled.text)
    return named


def numbered(place: int) -> str:
    """What the value at a place of an order is called, where nobody named it: v1, v2, …"""
    return f"v{place + 1}"


def number(x: float) -> Spelled:
    """A constant in four digits."""
    return Spelled(short(x), Spelled.number(x).binds)


def spell(op: Op, operands: list[Spelled]) -> Spelled:
    """The op on these operands; a sum of many shows the first two and the last."""
    return op.spell(*(operands if len(operands) <= 6 else [*operands[:2], Spelled("…"), operands[-1]]))

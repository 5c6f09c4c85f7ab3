"""Labels of the nodes of a graph: the name of the node, its formula if that is short, or v7."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from autograd_tiny.engine.digits import short
from autograd_tiny.engine.op import Op, Spelled
from autograd_tiny.engine.value import Value

LONGEST_LABEL = 28  # characters of a label


class Named(NamedTuple):
    """Label of a node for use as an operand, and `written`, its op on the labels of its operands ("" for a leaf)."""

    label: Spelled
    written: str

    @property
    def title(self) -> str:
        """Label and formula, if they differ: ``loss = v3 + v6``."""
        label = self.label.text
        return label if not self.written or self.written == label else f"{label} = {self.written}"


def name_nodes(order: list[Value], variables: Mapping[Value, str] | None = None) -> dict[Value, Named]:
    """Give every node of a topological order a label, unique unless the user gave two nodes one name.

    A node without a name is called by its variable, if that is known and no other node has that name.

    >>> from autograd_tiny.engine.value import topological_order
    >>> a = Value(2.0, "a"); c = (a + 1.0) * a
    >>> [named.title for named in name_nodes(topological_order(c)).values()]
    ['a', 'a + 1', '(a + 1) * a']
    """
    named: dict[Value, Named] = {}
    known = unique(order, variables or {})
    taken = {v.name or known.get(v) for v in order}
    for i, v in enumerate(order):
        spelled = Spelled("")
        if v.op is not None:
            spelled = spell(v.op, [named[x].label if isinstance(x, Value) else number(x) for x in v.operands])
        label = spelled
        if name := v.name or known.get(v):
            label = Spelled(str(name), 99 if str(name).isidentifier() else 98)
        elif v.op is None or len(spelled.text) > LONGEST_LABEL or spelled.text in taken:
            k = i
            while (text := numbered(k)) in taken:
                k += len(order)
            label = Spelled(text)
        taken.add(label.text)
        named[v] = Named(label, spelled.text)
    return named


def unique(order: Iterable[Value], variables: Mapping[Value, str]) -> dict[Value, str]:
    """Choose the variables that name a node without a name, each name once; the first of a name has it."""
    nodes = set(order) if variables else set()
    taken, found = {v.name for v in nodes}, {}
    for v, name in variables.items():
        if v in nodes and not v.name and name not in taken:
            found[v] = name
            taken.add(name)
    return found


def numbered(place: int) -> str:
    """Return the default label of the value at an index of an order: v1, v2, …"""
    return f"v{place + 1}"


def number(x: float) -> Spelled:
    """Format a constant with four significant digits."""
    return Spelled(short(x), Spelled.number(x).binds)


def spell(op: Op, operands: list[Spelled]) -> Spelled:
    """Format the op on these operands; of more than six, the first two and the last are shown."""
    return op.spell(*(operands if len(operands) <= 6 else [*operands[:2], Spelled("…"), operands[-1]]))

"""The order in which a graph was computed: as recorded, else as a program would most likely have written it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from autograd_tiny.engine.provenance import Where
from autograd_tiny.engine.value import Value, topological_order


def execution_order(order: list[Value], where: Mapping[Value, Where]) -> list[Value]:
    """Sort a topological order into the order of the code, each leaf before its first use; the output stays last.

    >>> from autograd_tiny.engine.provenance import tracing
    >>> with tracing() as recording:
    ...     a = Value(2.0, "a")
    ...     late, early = a.exp(), a * a
    >>> [v.op.name if v.op else v.name for v in execution_order(topological_order(early + late), recording.where)]
    ['a', 'exp', 'mul', 'add']

    Values that were not recorded are computed before the statement that uses them, as if each value that is used
    twice, named, or a function of another op's result had a statement of its own: layers of a network come in order.
    """
    placed = [v for v in order if v in where and where[v].place is not None]
    placed.sort(key=lambda v: where[v].place or 0)
    inner = [v for v in order if v.op is not None]
    statements = placed if len(placed) == len(inner) else _statements([*placed, order[-1]], inner)
    return topological_order(*statements, order[-1])


def _statements(ends: Iterable[Value], inner: list[Value]) -> list[Value]:
    """List the results of statements, each after those that it uses."""
    uses = Counter(x for v in inner for x in _computed(v))
    own = {v for v in inner if v.name or uses[v] > 1 or (v.op and not v.op.infix and _computed(v))} | set(ends)
    found: list[Value] = []
    seen: set[Value] = set()
    stack: list[Value | None] = [*reversed([*ends])]
    while stack:
        v = stack.pop()
        if v is None:  # marker: what the statement under it uses is done
            found.append(stack.pop())  # type: ignore[arg-type]
        elif v not in seen:
            seen.add(v)
            stack += (v, None, *reversed(_used(v, own)))
    return found


def _used(statement: Value, own: set[Value]) -> list[Value]:
    """List the results of other statements in a statement, from left to right."""
    found: list[Value] = []
    stack = _computed(statement)[::-1]
    while stack:
        v = stack.pop()
        if v in own:
            found.append(v)
        else:
            stack += reversed(_computed(v))
    return found


def _computed(v: Value) -> list[Value]:
    return [x for x in v.parents if x.op is not None]

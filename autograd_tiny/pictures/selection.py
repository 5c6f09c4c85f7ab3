"""Choose a part of a graph: paths from a value to the output, values near the output, highlighted paths."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from autograd_tiny.engine.value import Value
from autograd_tiny.pictures.fold import Groups, Indexed


def named(graph: Indexed, what: Value | str, option: str) -> list[int]:
    """Indices of a value, or of all values of a name or a label, such as v7; raises ValueError if there is none."""
    if isinstance(what, Value):
        found = [i for i, v in enumerate(graph.order) if v is what]
        if not found:
            raise ValueError(f"{option}: {what!r:.60} is not in the drawn graph")
        return found
    if not isinstance(what, str):
        raise TypeError(f"{option} takes a Value or its name, got {what!r:.60} of type {type(what).__name__}")
    names = [graph.name(i) for i in range(len(graph.order))]
    found = [i for i, name in enumerate(names) if name == what]
    if not found:
        found = [i for i, named in enumerate(graph.labels().values()) if named.label.text == what]
    if not found:
        names = list(dict.fromkeys(str(name) for name in names if name))
        near = difflib.get_close_matches(what, names, 3) or names[:6]
        some = f"; the names are {', '.join(near)}" if near else "; none is named: name one by Value(2.0, 'x')"
        raise ValueError(f"{option}: no value is called {what!r:.60}{some}")
    return found


def on_the_way(graph: Indexed, start: list[int]) -> list[bool]:
    """Flags, True for each value on a path from one of `start` to the output."""
    kept = [False] * len(graph.order)
    for i in start:
        kept[i] = True
    for i, xs in enumerate(graph.parents):
        if not kept[i]:
            kept[i] = any(kept[j] for j in xs)
    return kept


def within(graph: Indexed, depth: int) -> list[bool]:
    """Flags, True for each value whose shortest path to the output has at most `depth` steps."""
    far = len(graph.order)
    distance = [far] * far
    distance[-1] = 0
    for i in range(far - 1, -1, -1):
        for j in graph.parents[i]:
            distance[j] = min(distance[j], distance[i] + 1)
    return [d <= depth for d in distance]


def nearest(graph: Indexed, groups: Groups, kept: list[bool], limit: int, start: list[int]) -> list[bool]:
    """Flags, True for each kept value in one of the `limit` groups nearest to `start`."""
    below: dict[int, dict[int, None]] = {}
    for i, xs in enumerate(graph.parents):
        if kept[i]:
            row = below.setdefault(groups[i], {})
            for j in xs:
                if kept[j]:
                    row[groups[j]] = None
    found = dict.fromkeys(groups[i] for i in start if kept[i])
    queue = list(found)
    for group in queue:  # grows while iterating
        for other in below.get(group, ()):
            if len(found) < limit and other not in found:
                found[other] = None
                queue.append(other)
    return [k and g in found for k, g in zip(kept, groups, strict=True)]


class Highlight:
    """Values and uses to highlight: all paths from a value, or the given paths."""

    def __init__(self, graph: Indexed, what: Any = None) -> None:
        self.values: dict[int, None] = {}
        self.uses: dict[tuple[int, int], None] = {}  # indices of operand and result
        if what is None:
            return
        if isinstance(what, (Value, str)):
            on = on_the_way(graph, named(graph, what, "highlight"))
            self.values = dict.fromkeys(i for i, yes in enumerate(on) if yes)
            self.uses = dict.fromkeys((j, i) for i in self.values for j in graph.parents[i] if on[j])
            return
        place = {v: i for i, v in enumerate(graph.order)}
        for path in _paths(what):
            places = [self._place(graph, place, step) for step in path]
            self.values.update(dict.fromkeys(places))
            for i, j in itertools.pairwise(places):
                low, high = min(i, j), max(i, j)
                if low not in graph.parents[high]:
                    a, b = graph.order[i], graph.order[j]
                    raise ValueError(
                        f"highlight: a path has no step from {a!r:.60} to {b!r:.60}: neither is an operand of the other"
                    )
                self.uses[low, high] = None

    @staticmethod
    def _place(graph: Indexed, place: dict[Value, int], step: Any) -> int:
        if isinstance(step, Value) and step in place:
            return place[step]
        i = getattr(step, "number", None)  # a node of a trace, numbered in topological order
        if isinstance(i, int) and i < len(graph.order) and graph.order[i].op is step.op:
            return i
        raise ValueError(f"highlight: {step!r:.60} is not in the drawn graph")


def _paths(what: Any) -> list[Sequence[Any]]:
    """Paths as sequences of Values or trace nodes, from one path, several, or an object with `nodes`."""
    if hasattr(what, "largest"):  # the result of attribution.paths
        what = what.largest
    if hasattr(what, "nodes"):
        return [what.nodes]
    if isinstance(what, str) or not isinstance(what, Iterable):
        raise TypeError(f"highlight takes a Value, its name, or paths, got {what!r:.60} of type {type(what).__name__}")
    items = list(what)
    if any(isinstance(item, Value) or hasattr(item, "number") for item in items):
        return [items]
    return [path for item in items for path in _paths(item)]

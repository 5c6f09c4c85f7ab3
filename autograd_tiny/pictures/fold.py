"""Fold a large graph into few boxes, step by step: sums, like values of several samples, modules.

A partition of the values is a list with one entry per value: the index, in topological order, of the value that leads
its group. Each step maps a partition to a coarser one. No value is lost, because each stays in some group.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from autograd_tiny.engine.names import Named, name_nodes, unique
from autograd_tiny.engine.op import Variadic
from autograd_tiny.engine.value import Value
from autograd_tiny.pictures.scopes import split

Groups = list[int]


class Indexed(NamedTuple):
    """A topological order with, for each value, the indices of its parents, its number of uses and its module."""

    order: list[Value]
    parents: list[tuple[int, ...]]
    uses: list[int]
    scopes: list[str]
    variables: Mapping[Value, str] = MappingProxyType({})  # that hold values without a name

    @classmethod
    def of(
        cls, order: list[Value], scopes: dict[Value, str], variables: Mapping[Value, str] = MappingProxyType({})
    ) -> Indexed:
        place = {v: i for i, v in enumerate(order)}
        parents = [tuple([place[x] for x in v.operands if x.__class__ is Value]) for v in order]
        uses = [0] * len(order)
        for xs in parents:
            for j in xs:
                uses[j] += 1
        return cls(order, parents, uses, [scopes.get(v, "") for v in order], unique(order, variables))

    def name(self, i: int) -> str:
        """Name of a value, or of the variable that holds it, or ""."""
        v = self.order[i]
        return v.name or self.variables.get(v, "")

    def labels(self) -> dict[Value, Named]:
        """Label of each value, as a trace prints it."""
        return name_nodes(self.order, self.variables)


def singly(graph: Indexed) -> Groups:
    """Put each value in a group of its own."""
    return list(range(len(graph.order)))


def sums(graph: Indexed) -> Groups:
    """Merge each add with the adds and products used only by it: a dot product is one group, led by its result.

    A named value keeps a group of its own, and no sum extends into another module.
    """
    groups = singly(graph)
    signs = [sign(v) for v in graph.order]
    for i in range(len(groups) - 1, -1, -1):
        if signs[i] == "+":
            for j in graph.parents[i]:
                alone = graph.uses[j] == 1 and graph.order[j].name is None
                if alone and signs[j] in ("+", "*") and graph.scopes[j] == graph.scopes[i]:
                    groups[j] = groups[i]
    return groups


def sign(v: Value) -> str:
    """The infix sign of the op of v, such as ``+`` or ``*``; "" if it has none."""
    return v.op.infix[0] if v.op is not None and v.op.infix and v.b is not None else ""


OUTSIDE, SHARED = 0, -1  # in no sample, in several samples


def samples(graph: Indexed, units: Groups) -> Groups:
    """Merge values that belong to one sample with the like values of the other samples.

    Samples are terms of a sum, seen from the output, that apply the same ops. Two values are alike if they apply the
    same op to like operands, regardless of constants. Two leaves are alike if they have the same name or, if unnamed,
    the same uses.
    """
    samples = _samples(graph, units)
    if all(sample <= OUTSIDE for sample, _ in samples):
        return units
    likes = _likes(graph, samples)
    first: dict[int, int] = {}
    return [first.setdefault(likes[u], u) for u in units]


def _samples(graph: Indexed, units: Groups) -> list[tuple[int, int]]:
    """Sample of each value, and the index of the sum that has this sample as a term."""
    shapes = _shapes(graph)
    sample: list[tuple[int, int] | None] = [None] * len(units)
    sample[-1] = (OUTSIDE, OUTSIDE)
    adding = [_adds(v) for v in graph.order]
    terms: dict[int, Counter[int]] = defaultdict(Counter)
    for i, u in enumerate(units):
        if adding[i]:
            terms[u].update([shapes[j] for j in graph.parents[i] if not _inner(graph, units, i, j)])
    count = 0
    for i in range(len(units) - 1, -1, -1):
        mine = sample[i]
        adds = adding[i] and mine == (OUTSIDE, OUTSIDE)
        for j in graph.parents[i]:
            theirs = mine
            if adds and shapes[j] and not _inner(graph, units, i, j) and terms[units[i]][shapes[j]] > 1:
                count += 1
                theirs = count, units[i]
            sample[j] = theirs if sample[j] in (None, theirs) else (SHARED, SHARED)
    return sample  # type: ignore[return-value]


def _adds(v: Value) -> bool:
    return sign(v) == "+" or (v.op is not None and isinstance(v.op.partials, Variadic))


def _inner(graph: Indexed, units: Groups, i: int, j: int) -> bool:
    """Return whether operand j is an add in the same sum as i, and therefore not a term."""
    return units[j] == units[i] and sign(graph.order[j]) == "+"


def _shapes(graph: Indexed) -> list[int]:
    """A number per value, equal if the ops below are equal, regardless of the leaves; 0 for a leaf."""
    known: dict[object, int] = {}
    shapes: list[int] = []
    for v, xs in zip(graph.order, graph.parents, strict=True):
        key = (v.op, *[shapes[j] for j in xs])
        shapes.append(known.setdefault(key, len(known) + 1) if v.op is not None else 0)
    return shapes


def _likes(graph: Indexed, samples: list[tuple[int, int]]) -> list[int]:
    """A number per value, equal for values that are alike."""
    uses = _uses_of_unnamed(graph, samples)
    known: dict[object, int] = {}
    likes: list[int] = []
    for i, (v, xs, (sample, of)) in enumerate(zip(graph.order, graph.parents, samples, strict=True)):
        key: object
        if sample <= OUTSIDE:
            key = i
        elif v.op is None:
            key = of, v.name or tuple(sorted(uses[i]))
        else:
            key = of, v.op, graph.scopes[i], *[likes[j] for j in xs]
        likes.append(known.setdefault(key, len(known)))
    return likes


def _uses_of_unnamed(
    graph: Indexed, samples: list[tuple[int, int]]
) -> dict[int, list[tuple[str, int, tuple[int, ...]]]]:
    """Uses of each leaf of one sample: the op, the operand index, and the shared values among the other operands."""
    found: dict[int, list[tuple[str, int, tuple[int, ...]]]] = defaultdict(list)
    for v, xs in zip(graph.order, graph.parents, strict=True):
        for slot, j in enumerate(xs):
            if graph.order[j].op is None and samples[j][0] > OUTSIDE and v.op is not None:
                beside = () if len(xs) > 3 else tuple(k for k in xs if samples[k][0] <= OUTSIDE)
                found[j].append((v.op.name, slot if len(xs) <= 3 else 0, beside))
    return found


def modules(graph: Indexed, groups: Groups, module: Mapping[str, str]) -> Groups:
    """Merge the groups of one module; `module` maps each scope to the module to collapse, "" for none."""
    first: dict[str, int] = {}
    into = {g: first.setdefault(path, g) for g in dict.fromkeys(groups) if (path := module[graph.scopes[g]])}
    return [into.get(g, g) for g in groups]


def to_depth(depth: int) -> Callable[[str], str]:
    """A function that keeps the first `depth` steps of a path.

    >>> to_depth(1)("layers[0].neurons[3]")
    'layers[0]'
    """
    return lambda path: ".".join(split(path)[:depth])

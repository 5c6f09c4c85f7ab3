"""From Values to pictures: the finest that a person can read, and coarser ones."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_tiny.pictures.builder import Boxes, Rung
from autograd_tiny.pictures.fold import Groups, modules, samples, singly, sums, to_depth
from autograd_tiny.pictures.options import READABLE, Asked
from autograd_tiny.pictures.picture import Picture
from autograd_tiny.pictures.scopes import split


def pictures(asked: Asked) -> Iterator[Picture]:
    """What was asked for, then coarser pictures, each made only when the renderer does not get through with the last.

    >>> from autograd_tiny import Value
    >>> a = Value(3.0, "a")
    >>> [box.title for box in next(pictures(Asked(a * a + a))).boxes]
    ['a', 'a * a', 'a * a + a']
    """
    finer: list[Rung] = []
    drawn = 0
    for rung in _rungs(asked):
        enough = rung.boxes <= asked.limit if asked.fold is None else rung.fold == asked.fold
        if asked.fold is None and isinstance(asked.given.get("collapse"), int):  # all modules: to see few boxes
            enough = enough and rung.fold == "samples"
        if rung.boxes < drawn or (enough and not drawn):
            yield Boxes(asked, rung, asked.limit).picture(finer)
            drawn = min(rung.boxes, asked.limit)
        finer.append(rung)
    rung = min(finer, key=lambda rung: rung.boxes)
    for limit in (asked.limit, READABLE, READABLE // 4):
        if not drawn or min(rung.boxes, limit) < drawn:
            yield Boxes(asked, rung, limit).picture([])
            drawn = min(rung.boxes, limit)


def _rungs(asked: Asked) -> Iterator[Rung]:
    """The ways to fold, each coarser than the one before."""
    graph = asked.graph
    units = singly(graph)
    yield _rung(asked, "nothing", 0, units, units)
    units = sums(graph)
    yield _rung(asked, "sums", 0, units, units)
    alikes = samples(graph, units)
    for depth in (0, *range(max(len(split(scope)) for scope in dict.fromkeys(graph.scopes)), 0, -1)):
        yield _rung(asked, "samples", depth, units, alikes)


def _rung(asked: Asked, fold: str, depth: int, units: Groups, alikes: Groups) -> Rung:
    """Modules are collapsed that were asked for, and the others at a depth."""
    asked_for, of_itself = asked.collapse, to_depth(depth) if depth else None
    module = {
        scope: (asked_for(scope) if asked_for else "") or (of_itself(scope) if of_itself else "")
        for scope in dict.fromkeys(asked.graph.scopes)
    }
    groups = modules(asked.graph, alikes, module) if any(module.values()) else alikes
    paths = {g: path for g in dict.fromkeys(groups) if (path := module[asked.graph.scopes[g]])}
    boxes = len({g for g, kept in zip(groups, asked.kept, strict=True) if kept})
    return Rung(fold, depth, units, alikes, groups, paths, boxes)

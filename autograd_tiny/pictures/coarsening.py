"""Draw a Value as the finest readable picture, then as coarser ones."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_tiny.pictures.builder import FoldLevel, PictureBuilder
from autograd_tiny.pictures.fold import Groups, modules, samples, singly, sums, to_depth
from autograd_tiny.pictures.options import READABLE_BOXES, Options
from autograd_tiny.pictures.picture import Picture
from autograd_tiny.pictures.scopes import split


def pictures(options: Options) -> Iterator[Picture]:
    """Yield the picture requested, then coarser ones for a renderer that times out; each is built on demand.

    >>> from autograd_tiny import Value
    >>> a = Value(3.0, "a")
    >>> [box.title for box in next(pictures(Options(a * a + a))).boxes]
    ['a', 'a * a', 'a * a + a']
    """
    finer: list[FoldLevel] = []
    drawn = 0
    for level in _levels(options):
        enough = level.boxes <= options.limit if options.fold is None else level.fold == options.fold
        if options.fold is None and isinstance(options.given.get("collapse"), int):  # a depth asks for few boxes
            enough = enough and level.fold == "samples"
        if level.boxes < drawn or (enough and not drawn):
            yield PictureBuilder(options, level, options.limit).picture(finer)
            drawn = min(level.boxes, options.limit)
        finer.append(level)
    level = min(finer, key=lambda level: level.boxes)
    for limit in (options.limit, READABLE_BOXES, READABLE_BOXES // 4):
        if not drawn or min(level.boxes, limit) < drawn:
            yield PictureBuilder(options, level, limit).picture([])
            drawn = min(level.boxes, limit)


def _levels(options: Options) -> Iterator[FoldLevel]:
    """Fold levels, from fine to coarse."""
    graph = options.graph
    units = singly(graph)
    yield _level(options, "nothing", 0, units, units)
    units = sums(graph)
    yield _level(options, "sums", 0, units, units)
    alikes = samples(graph, units)
    for depth in (0, *range(max(len(split(scope)) for scope in dict.fromkeys(graph.scopes)), 0, -1)):
        yield _level(options, "samples", depth, units, alikes)


def _level(options: Options, fold: str, depth: int, units: Groups, alikes: Groups) -> FoldLevel:
    """Collapse the modules given in `options`, and all others at `depth`."""
    asked_for, of_itself = options.collapse, to_depth(depth) if depth else None
    module = {
        scope: (asked_for(scope) if asked_for else "") or (of_itself(scope) if of_itself else "")
        for scope in dict.fromkeys(options.graph.scopes)
    }
    groups = modules(options.graph, alikes, module) if any(module.values()) else alikes
    paths = {g: path for g in dict.fromkeys(groups) if (path := module[options.graph.scopes[g]])}
    boxes = len({g for g, kept in zip(groups, options.kept, strict=True) if kept})
    return FoldLevel(fold, depth, units, alikes, groups, paths, boxes)

"""Lay out the boxes and arrows of a trace with Graphviz; fall back to simple layers if it fails or times out."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from typing import NamedTuple

from autograd_tiny.engine.digits import short
from autograd_tiny.pictures.measure import shortened, text_width
from autograd_tiny.pictures.rendering import render
from autograd_tiny.pictures.rendering.plain import Point, places
from autograd_tiny.pictures.scopes import split
from autograd_tiny.stepper.events import Backward, Node
from autograd_tiny.stepper.traces import Trace
from autograd_tiny.stepper.views.short_names import short_title

HEIGHT, GAP = 62.0, 26.0  # points: height of a box of two lines and a tray, distance between boxes
NARROWEST = text_width(f"grad {short(-1.2345e-05)}") + 14  # room for a gradient still to come
LONGEST_NAME = 28  # characters of a name in a box
BOLD = 1.1  # width of bold letters, to that of others
MOST_BY_RENDERER = 1500  # values; Graphviz takes seconds for more
MARGIN, TITLE = 8.0, 12.0  # points: from a box to the frame around it, height of the frame's title
MOST_SUMMANDS = 3  # of a gradient, written in its tray; of more only their number is


class Frame(NamedTuple):
    """Rectangle around the boxes of a module; its name is the last step of the module's path."""

    module: str
    name: str
    sides: tuple[float, float, float, float]  # left, top, right, bottom


class Layout(NamedTuple):
    """Size of the picture, (x, y, width) of each box with x and y at its centre, a spline per use, frames; y down."""

    width: float
    height: float
    boxes: list[tuple[float, float, float]]
    arrows: list[list[Point]]
    frames: list[Frame]  # outer ones first


def title(node: Node) -> str:
    """Return the first line of a box: the short name, with the expression if there is room for it."""
    return shortened(short_title(node, LONGEST_NAME), LONGEST_NAME)


def _box_widths(trace: Trace) -> list[float]:
    """The width that holds a box's title, and the summands of its gradient."""
    trays: dict[int, list[str]] = defaultdict(list)
    sums: dict[int, str] = {}
    for step in trace[trace.seed + 1 :]:
        assert isinstance(step, Backward)
        trays[step.operand.number].append(short(step.contribution))
        sums[step.operand.number] = short(step.after)
    start = trace.at(-1)
    widths = []
    for node in trace.nodes:
        shares = trays[node.number]
        if left := start.grad(node):
            shares = [short(left), *shares]
        several = 1 < len(shares) <= MOST_SUMMANDS
        tray = f"grad {' + '.join(shares)} = {sums[node.number]}" if several else f"grad {short(-1.2e-05)} (10 of 10)"
        tray = tray if len(shares) > 1 else ""
        widths.append(max(NARROWEST, text_width(title(node)) * BOLD + 16, text_width(tray) + 14))
    return widths


def layout(trace: Trace) -> Layout:
    """Place the boxes from left to right, operands before results.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> a = Value(3.0, "a"); found = layout(trace(a * a))
    >>> len(found.boxes), len(found.arrows)  # two values, and a is used twice
    (2, 2)
    """
    if len(trace.nodes) <= MOST_BY_RENDERER:
        try:
            return _by_renderer(trace)
        except render.RenderError:
            pass
    return _in_layers(trace)


def _by_renderer(trace: Trace) -> Layout:
    uses, widths = trace._uses, _box_widths(trace)
    lines = [f"n{i} [width={width / 72:.3f}, height={HEIGHT / 72:.3f}]" for i, width in enumerate(widths)]
    order = sorted(range(len(uses.targets)), key=lambda k: (uses.consumers[k], uses.slots[k]))
    lines += [f"n{uses.targets[k]} -> n{uses.consumers[k]}" for k in order]
    longest = max((text_width(f"× {short(d)}") for d in _locals(trace)), default=0.0)
    graph = f"rankdir=LR; ordering=in; nodesep=0.18; ranksep={max(36.0, longest + 4) / 72:.3f}"
    shapes = 'edge [arrowhead=none]; node [shape=box, fixedsize=true, label=""]'
    modules = _modules(trace)
    lines.insert(0, _clusters(modules))
    found = places("digraph {" + ";".join(filter(None, [graph, shapes, *lines])) + "}")
    curves = found.by_ends()
    boxes = [found.boxes[f"n{node.number}"] for node in trace.nodes]
    arrows: list[list[Point]] = [[] for _ in order]
    for k in order:
        points = curves[f"n{uses.targets[k]}", f"n{uses.consumers[k]}"].pop(0).points
        arrows[k] = [(x, found.height - y) for x, y in points]
    placed = [(box.x, found.height - box.y, box.width) for box in boxes]
    return Layout(found.width, found.height, placed, arrows, _frames(modules, placed))


def _locals(trace: Trace) -> set[float]:
    """The local derivatives that stand at arrows."""
    return {d for node in trace.nodes for d in node.local_derivatives if d is not None}


def _modules(trace: Trace) -> dict[tuple[str, ...], list[int]]:
    """The nodes directly in each module, by the module's path, outer modules before those inside."""
    found: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for node in trace.nodes:
        path = tuple(split(node.scope))
        for depth in range(1, len(path)):
            found[path[:depth]]  # a module around others has an entry, too
        if path:
            found[path].append(node.number)
    return dict(sorted(found.items(), key=lambda item: len(item[0])))


def _clusters(modules: dict[tuple[str, ...], list[int]], around: tuple[str, ...] = ()) -> str:
    """Write the modules directly inside one as subgraphs, which keep their boxes together."""
    written = []
    for k, (path, numbers) in enumerate(modules.items()):
        if path[:-1] == around:
            inside = ";".join(filter(None, [_clusters(modules, path), *(f"n{i}" for i in numbers)]))
            written.append(f"subgraph cluster_{len(path)}_{k} {{margin={MARGIN + TITLE / 2:.0f};{inside}}}")
    return ";".join(written)


def _frames(modules: dict[tuple[str, ...], list[int]], boxes: list[tuple[float, float, float]]) -> list[Frame]:
    """Draw a rectangle around the boxes of each module, and around the modules inside it."""
    around: dict[tuple[str, ...], tuple[float, float, float, float]] = {}
    for path in reversed(modules):
        parts = [
            (x - w / 2, y - HEIGHT / 2, x + w / 2, y + HEIGHT / 2) for x, y, w in map(boxes.__getitem__, modules[path])
        ]
        parts += [rectangle for inner, rectangle in around.items() if inner[:-1] == path]
        left, top, right, bottom = (
            f(side) for f, side in zip((min, min, max, max), zip(*parts, strict=True), strict=True)
        )
        around[path] = left - MARGIN, top - MARGIN - TITLE, right + MARGIN, bottom + MARGIN
    return [Frame(".".join(path), path[-1], around[path]) for path in modules]


def _in_layers(trace: Trace) -> Layout:
    """Place each value one layer to the right of its last operand, in topological order within a layer."""
    depth = [0] * len(trace.nodes)
    layers: dict[int, list[int]] = defaultdict(list)
    for node in trace.nodes:
        depth[node.number] = 1 + max((depth[x.number] for x in node.operands if isinstance(x, Node)), default=-1)
    last = max(depth)
    for node in trace.nodes:  # move leaves next to their first use
        if node.op is None:
            depth[node.number] = last
    for consumer, target in zip(trace._uses.consumers, trace._uses.targets, strict=True):
        if trace.nodes[target].op is None:
            depth[target] = min(depth[target], max(depth[consumer] - 1, 0))
    for node in trace.nodes:
        layers[depth[node.number]].append(node.number)
    widths = _box_widths(trace)
    wide = [max((widths[i] for i in layers[d]), default=0.0) for d in range(last + 1)]
    left = [0.0, *itertools.accumulate(w + 2 * GAP for w in wide)]
    height = max(map(len, layers.values())) * (HEIGHT + GAP / 2)
    boxes = [(0.0, 0.0, 0.0)] * len(depth)
    for d, row in layers.items():
        for k, i in enumerate(row):
            boxes[i] = left[d] + wide[d] / 2, (k + 0.5) * height / len(row), widths[i]
    arrows = []
    for consumer, slot, target in zip(trace._uses.consumers, trace._uses.slots, trace._uses.targets, strict=True):
        (x0, y0, w0), (x1, y1, w1) = boxes[target], boxes[consumer]
        a, b, lift = x0 + w0 / 2, x1 - w1 / 2, 8.0 * slot
        third = math.copysign(max(abs(b - a) / 3, 1.0), b - a)
        arrows.append([(a, y0), (a + third, y0 + lift), (b - third, y1 + lift), (b, y1 + lift - 8)])
    return Layout(left[-1], height, boxes, arrows, [])

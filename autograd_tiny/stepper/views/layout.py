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
from autograd_tiny.stepper.events import Node
from autograd_tiny.stepper.traces import Trace

HEIGHT, GAP = 52.0, 26.0  # points: height of a box of three lines, distance between boxes
NARROWEST = text_width(f"grad {short(-1.2345e-05)}")  # room for a gradient still to come
LONGEST_NAME = 30  # characters of a name in a box
MOST_BY_RENDERER = 1500  # values; Graphviz takes seconds for more


class Layout(NamedTuple):
    """Size of the picture, (x, y, width) of each box with x and y at its centre, a spline per use; points, y down."""

    width: float
    height: float
    boxes: list[tuple[float, float, float]]
    arrows: list[list[Point]]


def title(node: Node) -> str:
    """Return the first line of a box: the name, with the expression if it has one, shortened."""
    return shortened(node.named.title, LONGEST_NAME)


def box_width(node: Node) -> float:
    return max(NARROWEST, text_width(title(node)) + 12)


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
    uses = trace._uses
    lines = [f"n{node.number} [width={box_width(node) / 72:.3f}, height={HEIGHT / 72:.3f}]" for node in trace.nodes]
    order = sorted(range(len(uses.targets)), key=lambda k: (uses.consumers[k], uses.slots[k]))
    lines += [f"n{uses.targets[k]} -> n{uses.consumers[k]}" for k in order]
    graph = "rankdir=LR; ordering=in; nodesep=0.18; ranksep=0.75"
    shapes = 'edge [arrowhead=none]; node [shape=box, fixedsize=true, label=""]'
    found = places("digraph {" + ";".join([graph, shapes, *lines]) + "}")
    curves = found.by_ends()
    boxes = [found.boxes[f"n{node.number}"] for node in trace.nodes]
    arrows: list[list[Point]] = [[] for _ in order]
    for k in order:
        points = curves[f"n{uses.targets[k]}", f"n{uses.consumers[k]}"].pop(0).points
        arrows[k] = [(x, found.height - y) for x, y in points]
    return Layout(found.width, found.height, [(box.x, found.height - box.y, box.width) for box in boxes], arrows)


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
    wide = [max((box_width(trace.nodes[i]) for i in layers[d]), default=0.0) for d in range(last + 1)]
    left = [0.0, *itertools.accumulate(w + 2 * GAP for w in wide)]
    height = max(map(len, layers.values())) * (HEIGHT + GAP / 2)
    boxes = [(0.0, 0.0, 0.0)] * len(depth)
    for d, row in layers.items():
        for k, i in enumerate(row):
            boxes[i] = left[d] + wide[d] / 2, (k + 0.5) * height / len(row), box_width(trace.nodes[i])
    arrows = []
    for consumer, slot, target in zip(trace._uses.consumers, trace._uses.slots, trace._uses.targets, strict=True):
        (x0, y0, w0), (x1, y1, w1) = boxes[target], boxes[consumer]
        a, b, lift = x0 + w0 / 2, x1 - w1 / 2, 8.0 * slot
        third = math.copysign(max(abs(b - a) / 3, 1.0), b - a)
        arrows.append([(a, y0), (a + third, y0 + lift), (b - third, y1 + lift), (b, y1 + lift - 8)])
    return Layout(left[-1], height, boxes, arrows)

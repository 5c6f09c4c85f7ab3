"""Boxes and arrows of a trace as an SVG of a page: its colours are classes, so that they follow the page's style."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from autograd_tiny.pictures.measure import SIZE
from autograd_tiny.pictures.rendering.plain import Curve, Places, Point, places
from autograd_tiny.pictures.writers.graph import Graph
from autograd_tiny.stepper.events import Node
from autograd_tiny.stepper.traces import Trace

Use = tuple[int, int]  # the number of a node, and which of its operands
Size = tuple[float, float]
HEAD, HALF = 7.0, 3.2  # length and half the width of an arrow's head
STYLE = """\
.graph text{font:11px Helvetica,Arial,'Liberation Sans',sans-serif;text-anchor:middle;fill:var(--ink)}
.graph .title{font-weight:bold}.graph .data{fill:var(--value)}.graph .grad{fill:var(--grad)}
.graph rect{fill:var(--paper);stroke:var(--ink)}
.graph .arrow{fill:none;stroke:var(--line);stroke-width:1.2}.graph .head{fill:var(--line)}
"""


class Shown(NamedTuple):
    """A box or an arrow as it is shown: its lines, each with its class, and its own class."""

    lines: Sequence[tuple[str, str]] = ()
    look: str = ""


class Window(NamedTuple):
    """A part of a layout, from its left upper corner on, y downwards."""

    x: float
    y: float
    width: float
    height: float

    def meets(self, points: Sequence[Point]) -> bool:
        """Return True if the box around the points lies within the window, in part at least."""
        xs, ys = zip(*points, strict=True)
        return (
            min(xs) < self.x + self.width and max(xs) > self.x and min(ys) < self.y + self.height and max(ys) > self.y
        )

    def holds(self, other: Window) -> bool:
        return (
            self.x <= other.x
            and self.y <= other.y
            and self.x + self.width >= other.x + other.width
            and self.y + self.height >= other.y + other.height
        )


def placed(trace: Trace, boxes: Sequence[Size], labels: Mapping[Use, Size], rankdir: str = "LR") -> Places:
    """Lay out boxes and labels of these sizes."""
    graph = Graph("page", format="svg")
    graph.attr(rankdir=rankdir, ordering="in", nodesep="0.2", ranksep="0.15")
    graph.attr("node", shape="box", fixedsize="true", label="")
    graph.attr("edge", arrowhead="none", fontsize=str(SIZE))
    for node, (width, height) in zip(trace.nodes, boxes, strict=True):
        graph.node(f"n{node.number}", width=f"{width / 72:.4f}", height=f"{height / 72:.4f}")
    for (k, i), (width, height) in labels.items():
        size = f'fixedsize="true" width="{width:.0f}" height="{height:.0f}"'
        operand = trace.nodes[k].operands[i]
        assert isinstance(operand, Node)
        graph.edge(f"n{operand.number}", f"n{k}", f'<<table border="0" {size}><tr><td></td></tr></table>>')
    return places(graph.source)


def uses(trace: Trace) -> list[Use]:
    """List the uses of all values in the order of the nodes, an arrow each."""
    return [(v.number, i) for v in trace.nodes for i, x in enumerate(v.operands) if isinstance(x, Node)]


def whole(found: Places) -> Window:
    """The window that shows all of a layout."""
    xs = [0.0, found.width, *(x for curve in found.curves for x, _ in curve.points)]
    return Window(min(xs) - 4, -4.0, max(xs) - min(xs) + 8, found.height + 8)


def near(found: Places, numbers: Sequence[int], room: Size, before: Window | None = None) -> Window:
    """Choose a window of at most this size, or large enough for the boxes with these numbers.

    It is the window before, if that shows them, so that pictures that follow each other move as little as they can.
    """
    all_of_it, boxes = whole(found), [found.boxes[f"n{k}"] for k in numbers]
    left, right = min(b.x - b.width / 2 for b in boxes), max(b.x + b.width / 2 for b in boxes)
    upper = min(found.height - b.y - b.height / 2 for b in boxes)
    lower = max(found.height - b.y + b.height / 2 for b in boxes)
    needed = Window(left, upper, right - left, lower - upper)
    if before and before.holds(needed):
        return before
    width = min(all_of_it.width, max(room[0], needed.width + 16))
    height = min(all_of_it.height, max(room[1], needed.height + 16))
    x = min(max((left + right - width) / 2, all_of_it.x), all_of_it.x + all_of_it.width - width)
    y = min(max((upper + lower - height) / 2, all_of_it.y), all_of_it.y + all_of_it.height - height)
    return Window(x, y, width, height)


def drawn(
    trace: Trace,
    found: Places,
    boxes: Sequence[Shown],
    arrows: Mapping[Use, Shown],
    leading: float,
    title: str,
    look: str = "",
    window: Window | None = None,
) -> str:
    """Write the SVG of a layout, or of a window of it; `arrows` has an entry per use, in the order of the layout."""
    splines, top = found.by_ends(), found.height
    window = window or whole(found)
    parts, labels = [], []
    for (k, i), shown in arrows.items():
        operand = trace.nodes[k].operands[i]
        assert isinstance(operand, Node)
        curve = splines[f"n{operand.number}", f"n{k}"].pop(0)
        if not window.meets([(x, top - y) for x, y in curve.points]):
            continue
        parts.append(_arrow(curve, shown.look, top))
        if curve.label:
            labels.append(_lines(shown.lines, curve.label[0], top - curve.label[1], leading))
    for n, shown in enumerate(boxes):
        x, y, width, height = found.boxes[f"n{n}"]
        left, upper = x - width / 2, top - y - height / 2
        if window.meets([(left, upper), (left + width, upper + height)]):
            box = f'<rect x="{left:.1f}" y="{upper:.1f}" width="{width:.1f}" height="{height:.1f}" rx="5"/>'
            parts.append(f'<g class="box {shown.look}">{box}{_lines(shown.lines, x, top - y, leading)}</g>')
    numbers = " ".join(f"{x:.0f}" for x in window)
    view = f'viewBox="{numbers}" width="{window.width:.0f}" height="{window.height:.0f}"'
    named = f'role="img" aria-label="{html.escape(title)}"'
    return f'<svg class="graph {look}" {view} {named}>{"".join(parts + labels)}</svg>'


def _lines(lines: Sequence[tuple[str, str]], x: float, y: float, leading: float) -> str:
    """Write lines of text, centred at a point."""
    first = y - (len(lines) - 1) * leading / 2 + SIZE * 0.35
    return "".join(
        f'<text x="{x:.1f}" y="{first + n * leading:.1f}" class="{look}">{html.escape(text)}</text>'
        for n, (text, look) in enumerate(lines)
        if text
    )


def _arrow(curve: Curve, look: str, top: float) -> str:
    """Write the spline, shortened by the head's length, and the head."""
    points = [(x, top - y) for x, y in curve.points]
    (x, y), tip = next(p for p in reversed(points[:-1]) if p != points[-1]), points[-1]
    length = math.hypot(tip[0] - x, tip[1] - y)
    dx, dy = (tip[0] - x) / length, (tip[1] - y) / length
    base = tip[0] - HEAD * dx, tip[1] - HEAD * dy
    path = [*points[:-1], base]
    corners = [tip, (base[0] - HALF * dy, base[1] + HALF * dx), (base[0] + HALF * dy, base[1] - HALF * dx)]
    line = f"M{_point(path[0])}C{' '.join(map(_point, path[1:]))}"
    head = f"M{'L'.join(map(_point, corners))}z"
    return f'<g class="use {look}"><path class="arrow" d="{line}"/><path class="head" d="{head}"/></g>'


def _point(at: Point) -> str:
    return f"{at[0]:.1f},{at[1]:.1f}"

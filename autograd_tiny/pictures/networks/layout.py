"""Lay out circles in columns and the lines between them."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

from autograd_tiny.engine.digits import counted, short
from autograd_tiny.engine.value import Value
from autograd_tiny.pictures.labels import GRAD, summarized
from autograd_tiny.pictures.measure import shortened, text_width
from autograd_tiny.pictures.networks.graph import Key, Line, Network
from autograd_tiny.pictures.picture import Box, Picture
from autograd_tiny.pictures.theme import Color
from autograd_tiny.pictures.writers.graph import Graph
from autograd_tiny.pictures.writers.quoting import attribute, tooltip

Point = tuple[float, float]
Run = tuple[str, Color]  # a piece of text and its colour

LARGE_COLUMN = 8  # most circles in a column of large circles
MOST_LABELLED = 12  # most lines between two columns that are labelled
MOST_LISTED = 8  # most parameters listed in a tooltip
LABEL_SIZE = (62.0, 24.0)  # points, for a weight and its gradient


class Sizes(NamedTuple):
    """Sizes in points. Large circles contain their numbers, small ones have them on the right."""

    radius: float
    row: float
    gap: float  # between columns
    font: float
    widest: float  # widest line


LARGE, SMALL = Sizes(34, 124, 190, 10, 4), Sizes(10, 34, 190, 8, 2)


def arranged(picture: Picture, found: Network, columns: list[list[Key]]) -> Graph:
    """The picture of a network as a graph with a position for every node and edge.

    Its layout engine is `nop2`, which keeps the positions given by `pos`.
    """
    drawing = _Drawing(picture, found, columns)
    for column in columns:
        drawing.column(column)
    drawing.lines()
    drawing.caption()
    return drawing.graph


class _Drawing:
    """A graph under construction, and the positions of its circles."""

    def __init__(self, picture: Picture, found: Network, columns: list[list[Key]]) -> None:
        self.picture, self.found = picture, found
        self.boxes = dict(zip((key for column in columns for key in column), picture.boxes, strict=True))
        self.size = size = LARGE if max(map(len, columns)) <= LARGE_COLUMN else SMALL
        self.graph = Graph("network", format="svg", graph_attr={"layout": "nop2", "outputorder": "edgesfirst"})
        self.graph.attr("node", fixedsize="true", fontname="Helvetica", margin="0", fillcolor=Color.PAPER.light)
        self.graph.attr("edge", color=Color.LINE.light, arrowhead="none")
        self.graph.picture = picture
        self.written = 0
        self.number: dict[Key, int] = {}  # of the column
        self.at: dict[Key, Point] = {}
        self.out: dict[Key, float] = {}  # x where lines begin: the centre of a circle, or the end of its text
        x = 0.0
        for i, column in enumerate(columns):
            top = (len(column) - 1) / 2 * size.row
            self.number.update(dict.fromkeys(column, i))
            self.at.update((key, (x, top - k * size.row)) for k, key in enumerate(column))
            room = max(_room(self.boxes[key], _parent(column)) for key in column) if size is SMALL else 0.0
            self.out.update(dict.fromkeys(column, x + size.radius + room if room else x))
            x += 2 * size.radius + room + size.gap

    def text(
        self, x: float, y: float, runs: list[Run], size: float, *, left: bool = False, plain: bool = False, **look: Any
    ) -> None:
        """Place runs of text side by side, centred on x or starting there.

        Each run has its own position, because font widths differ. A run hides the lines behind it unless it is plain.
        """
        widths = [text_width(text, size) + size * 0.4 for text, _ in runs]
        x = x if left else x - sum(widths) / 2
        kind = (
            {"shape": "plaintext"} if plain else {"shape": "box", "style": "filled", "color": "none", "penwidth": "0"}
        )
        for (text, color), width in zip(runs, widths, strict=True):
            self.graph.node(
                f"t{self.written}", attribute(text) + r"\l" if left else attribute(text), pos=_pos((x + width / 2, y)),
                width=f"{width / 72:.4f}", height=f"{size / 60:.4f}", fontsize=f"{size:g}", fontcolor=color.light,
                **({"tooltip": tooltip(text)} | kind | look),
            )  # fmt: skip
            self.written += 1
            x += width

    def column(self, column: list[Key]) -> None:
        parent, size = _parent(column), self.size
        look: dict[str, Any]
        if parent:
            x, y = self.at[column[0]]
            look = {"id": attribute(parent)} if self.picture.link else {}
            self.text(x, y + size.radius + size.font * 2.4, [(shortened(parent, 32), Color.INK)], size.font + 1, **look)
        for key in column:
            box, (x, y) = self.boxes[key], self.at[key]
            look = {"tooltip": tooltip(box.tooltip)}
            if self.picture.link and box.scope:
                look["URL"] = attribute(f"{self.picture.link}#{quote(box.scope)}")
            circle = look | {
                "shape": "circle",
                "style": "filled",
                "color": Color.LINE.light,
                "width": f"{size.radius / 36:.4f}",
            }
            circle |= {
                "output": {"color": Color.INK.light, "penwidth": "2"},
                "leaf": {"fillcolor": Color.LEAF.light},
            }.get(box.kind, {})
            circle |= {"style": "filled,dashed"} if key.kind == "more" else {}
            circle |= {"id": attribute(box.scope)} if "URL" in look else {}
            self.graph.node(box.key, "", pos=_pos((x, y)), **circle)
            name, numbers = _name(box, parent), _box_numbers(box)
            if size is SMALL:
                self.text(x + size.radius + 3, y + 5, [(name, Color.INK)], size.font, left=True, plain=True, **look)
                self.text(x + size.radius + 3, y - 5, numbers, size.font, left=True, plain=True, **look)
                continue
            self.text(x, y + size.radius + size.font * 0.8, [(name, Color.INK)], size.font, **look)
            rows = [(part, color) for text, color in numbers for part in re.split(" (?=±)", text)]
            for i, row in enumerate(rows):
                self.text(x, y + ((len(rows) - 1) / 2 - i) * 12, [row], size.font, plain=True, **look)
            if len(biases := self.found.circles[key].biases) == 1:
                name = shortened(str(biases[0].name or "").rpartition(".")[2], 12)
                self.text(x, y - size.radius - 8, [(name, Color.INK), *_numbers(biases[0])], 8, **look)

    def lines(self) -> None:
        """Draw the lines, the strongest last and on top."""
        arrows = dict(zip(self.found.lines, self.picture.arrows, strict=True))
        strength = {ends: _strength(line) for ends, line in self.found.lines.items()}
        strongest = max((s for s in strength.values() if math.isfinite(s)), default=0.0) or 1.0
        for ends in sorted(arrows, key=lambda ends: strength[ends]):
            arrow, line = arrows[ends], self.found.lines[ends]
            tip = tooltip("\n".join(told(line.weights)) or counted(line.uses, "use"))
            look = _look(line, self.size.widest / strongest)
            if self.number[ends[1]] <= self.number[ends[0]]:  # does not run from left to right
                look |= {"arrowhead": "normal", "arrowsize": "0.6"}
            self.graph.edge(arrow.tail, arrow.head, pos=self.spline(*ends), tooltip=tip, **look)
        if self.size is LARGE:
            self.label_lines()

    def spline(self, tail: Key, head: Key) -> str:
        """Spline from one circle to another, bent around the columns between them."""
        (_, y0), (x3, y3), x0, radius = self.at[tail], self.at[head], self.out[tail], self.size.radius
        next_to = self.number[head] == self.number[tail] + 1
        bend = 0.0 if next_to or x0 == x3 else math.copysign(self.size.row * 0.8, y0 + y3)
        x1, y1 = x0 + (x3 - x0) / 3, y0 + (y3 - y0) / 3 + bend
        x2, y2 = x3 - (x3 - x0) / 3, y3 - (y3 - y0) / 3 + bend
        start = (x0, y0) if self.size is SMALL else _rim((x0, y0), (x1, y1), radius)
        end, back = _rim((x3, y3), (x2, y2), radius), self.number[head] <= self.number[tail]
        curve = (start, (x1, y1), (x2, y2), _rim((x3, y3), (x2, y2), radius + 7) if back else end)
        return " ".join([f"e,{_pos(end)}"] * back + [_pos(point) for point in curve])

    def label_lines(self) -> None:
        """Label lines with weight and gradient if there are few, placed so that labels overlap least."""
        between: dict[int, list[tuple[Key, Key]]] = defaultdict(list)
        for (tail, head), line in self.found.lines.items():
            if self.number[head] == self.number[tail] + 1 and len(line.weights) == 1:
                between[self.number[tail]].append((tail, head))
        taken: list[Point] = []
        for pairs in between.values():
            for tail, head in pairs if len(pairs) <= MOST_LABELLED else ():
                (w,) = self.found.lines[tail, head].weights
                places = list(_along(self.at[tail], self.at[head]))
                x, y = max(places, key=lambda place: min([_apart(place, other) for other in taken], default=1.0))
                taken.append((x, y))
                for run, up in zip(_numbers(w), (4.8, -4.8), strict=True):
                    self.text(x, y + up, [run], 8)

    def caption(self) -> None:
        lowest = min(y for _, y in self.at.values()) - self.size.radius - 34
        for i, text in enumerate(self.picture.caption):
            self.text(-self.size.radius, lowest - 14 * i, [(text, Color.INK)], 10, left=True, plain=True)


def _name(box: Box, parent: str) -> str:
    return shortened(box.title.removeprefix(f"{parent}.") if parent else box.title, 28)


def _box_numbers(box: Box) -> list[Run]:
    return [(line.text, line.color) for line in box.lines]


def _room(box: Box, parent: str) -> float:
    """Width of the text to the right of a small circle, in points."""
    size = SMALL.font
    numbers = sum(text_width(text, size) + size * 0.4 for text, _ in _box_numbers(box))
    return max(text_width(_name(box, parent), size) + size * 0.4, numbers) + 4


def _parent(column: list[Key]) -> str:
    """The module that contains all modules of a column, its heading: ``layers[0]``; "" if there is none."""
    parents = {key.of.rpartition(".")[0] for key in column if key.kind == "module"}
    return parents.pop() if len(parents) == 1 else ""


def _strength(line: Line) -> float:
    return sum(abs(w.data) for w in line.weights) / len(line.weights) if line.weights else 0.0


def _look(line: Line, scale: float) -> dict[str, str]:
    """Style of a line: dashed if negative, dotted if it has several weights, so that colour is never the only cue."""
    strength = _strength(line)
    if not math.isfinite(strength):
        return {"color": Color.GRAD.light, "penwidth": "5"}
    if not line.weights:
        return {}
    look = {"penwidth": f"{max(strength * scale, 0.6):.2f}"}
    signs = {w.data < 0 for w in line.weights}
    if len(line.weights) > 1:
        return look | {"style": "dotted"}
    return look | (
        {"color": Color.NEGATIVE.light, "style": "dashed"} if signs == {True} else {"color": Color.VALUE.light}
    )


def _rim(middle: Point, towards: Point, radius: float) -> Point:
    dx, dy = towards[0] - middle[0], towards[1] - middle[1]
    far = math.hypot(dx, dy) or 1.0
    return middle[0] + dx / far * radius, middle[1] + dy / far * radius


def _along(a: Point, b: Point) -> Iterator[Point]:
    for t in (0.38, 0.62, 0.5, 0.44, 0.56, 0.35, 0.65):
        yield a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])


def _apart(a: Point, b: Point) -> float:
    """Distance of two labels, at most 1; less than 1 if they overlap."""
    return min(1.0, max(abs(a[0] - b[0]) / LABEL_SIZE[0], abs(a[1] - b[1]) / LABEL_SIZE[1]))


def told(parameters: Iterable[Value]) -> list[str]:
    """A line per parameter with value and gradient, for the first few."""
    parameters = list(parameters)
    told = [f"{shortened(str(w.name or 'unnamed'))} = {parameter(w)}" for w in parameters[:MOST_LISTED]]
    return told + [f"… {len(parameters) - MOST_LISTED:,} more"] * (len(parameters) > MOST_LISTED)


def _numbers(w: Value) -> list[Run]:
    return [(short(w.data), Color.VALUE), (_gradient(w), Color.GRAD)]


def parameter(w: Value) -> str:
    """Value and gradient of a parameter: ``0.5, grad -1``."""
    return f"{short(w.data)}, {_gradient(w)}"


def _gradient(w: Value) -> str:
    return str(GRAD.line(summarized([GRAD.of(w)])))


def _pos(point: Point) -> str:
    return f"{point[0]:.2f},{point[1]:.2f}"

"""Circles in columns and the lines between them, each put in its place."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

import graphviz  # type: ignore[import-untyped]

from autograd_tiny.digits import short
from autograd_tiny.draw.graph import GRAD, INK, LINE, VALUE, Graph
from autograd_tiny.draw.layers import Key, Line, Network
from autograd_tiny.draw.picture import Box, Picture
from autograd_tiny.measure import shortened, text_width
from autograd_tiny.value import UNTOUCHED, Value

Point = tuple[float, float]
Run = tuple[str, str]  # a piece of text and its colour

NEGATIVE = "#9b5fc0"  # purple: 4 : 1 on white and on black
PALE = "#eef3f8"
FEW = 8  # circles in a column that can be large
LABELLED = 12  # lines between two columns that have room for their numbers
LABEL = (62.0, 24.0)  # points: the weight and its gradient


class Sizes(NamedTuple):
    """In points: large circles hold their numbers, small ones have them on their right."""

    radius: float
    row: float
    gap: float  # between two columns
    font: float
    widest: float  # line


LARGE, SMALL = Sizes(34, 124, 190, 10, 4), Sizes(10, 34, 190, 8, 2)


def arranged(picture: Picture, found: Network, columns: list[list[Key]]) -> Graph:
    """The picture of a network as a graph in which everything has its position.

    Its text needs no layout: `nop2`, which it names, is the engine of Graphviz that puts things where `pos` says.
    """
    boxes = dict(zip((key for column in columns for key in column), picture.boxes, strict=True))
    size = LARGE if max(map(len, columns)) <= FEW else SMALL
    graph = Graph("network", format="svg", graph_attr={"layout": "nop2", "outputorder": "edgesfirst"})
    graph.attr("node", shape="circle", fixedsize="true", style="filled", fillcolor="white", color=LINE)
    graph.attr("node", fontname="Helvetica", fontsize=f"{size.font}", fontcolor=INK, margin="0")
    graph.attr("edge", color=LINE, arrowhead="none")
    graph.picture = picture
    write = _Writer(graph)
    at: dict[Key, tuple[int, float, float]] = {}  # column, x, y
    out: dict[Key, float] = {}  # where the lines begin: at the rim of a circle, or after its text
    x = 0.0
    for i, column in enumerate(columns):
        top = (len(column) - 1) / 2 * size.row
        at.update((key, (i, x, top - k * size.row)) for k, key in enumerate(column))
        room = [_column_of_text(boxes[key], _parent(column)) for key in column] if size is SMALL else [0.0]
        out.update((key, x + size.radius + max(room)) for key in column)
        x += 2 * size.radius + max(room) + size.gap
        if parent := _parent(column):
            write.runs(
                at[column[0]][1], top + size.radius + size.font * 2.4, [(shortened(parent, 32), INK)], size.font + 1
            )
    for key, box in boxes.items():
        _circle(write, box, key, at[key], size, picture.link, _parent(columns[at[key][0]]))
        if size is LARGE and len(found.circles[key].biases) == 1:
            (b,) = found.circles[key].biases
            runs = [(shortened(str(b.name or "").rpartition(".")[2], 12), INK), *_numbers(b)]
            write.runs(at[key][1], at[key][2] - size.radius - 8, runs, 8)
    lines = sorted(zip(found.lines.items(), picture.arrows, strict=True), key=lambda item: _strength(item[0][1]))
    strongest = max((_strength(line) for (_, line), _ in lines if math.isfinite(_strength(line))), default=0.0)
    for ((tail, head), line), arrow in lines:
        look = _look(line, size.widest / (strongest or 1.0))
        graph.edge(
            arrow.tail,
            arrow.head,
            pos=_spline(at[tail], at[head], out[tail], size),
            **look,
            tooltip=_escaped(arrow.label or f"{line.uses:,} uses"),
        )
    if size is LARGE:
        _label_lines(write, found, at)
    lowest = min(y for _, _, y in at.values()) - size.radius - 34
    for i, text in enumerate(picture.caption):
        write.runs(-size.radius, lowest - 14 * i, [(text, INK)], 10, left=True)
    return graph


class _Writer:
    """Writes lines of text, each piece in its place: between pieces no font can be trusted to be as wide as another."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.written = graph, 0

    def runs(self, x: float, y: float, runs: list[Run], size: float, left: bool = False, fill: str = "white") -> None:
        """Pieces of text beside each other, their middle or their left end at x."""
        widths = [text_width(text, size) + size * 0.4 for text, _ in runs]
        x = x if left else x - sum(widths) / 2
        for (text, color), width in zip(runs, widths, strict=True):
            label = _escaped(text) + (r"\l" if left or len(runs) > 1 else "")
            self.graph.node(
                f"t{self.written}", label, shape="box", color="none", fillcolor=fill, fontcolor=color, fontsize=f"{size:g}",
                pos=_pos((x + width / 2, y)), width=f"{width / 72:.4f}", height=f"{size / 60:.4f}", penwidth="0",
            )  # fmt: skip
            self.written += 1
            x += width


def _circle(
    write: _Writer, box: Box, key: Key, at: tuple[int, float, float], size: Sizes, link: str, parent: str
) -> None:
    _, x, y = at
    look = {"output": {"color": INK, "penwidth": "2"}, "leaf": {"fillcolor": PALE}}.get(box.kind, {})
    if key.kind == "more":
        look = {"style": "filled,dashed"}
    if link and box.scope:
        look |= {"id": box.scope, "URL": f"{link}#{quote(box.scope)}"}
    write.graph.node(
        box.key, "", pos=_pos((x, y)), width=f"{size.radius / 36:.4f}", tooltip=_escaped(box.tooltip), **look
    )
    name, numbers = _name(box, parent), _box_numbers(box)
    if size is SMALL:
        write.runs(x + size.radius + 3, y + 5, [(name, INK)], size.font, left=True)
        write.runs(x + size.radius + 3, y - 5, numbers, size.font, left=True)
        return
    write.runs(x, y + size.radius + size.font * 0.8, [(name, INK)], size.font)
    rows = [(part, color) for text, color in numbers for part in re.split(" (?=±)", text)]
    for i, row in enumerate(rows):
        write.runs(x, y + ((len(rows) - 1) / 2 - i) * 12, [row], size.font, fill="none")


def _name(box: Box, parent: str) -> str:
    return shortened(box.title.removeprefix(f"{parent}.") if parent else box.title, 28)


def _box_numbers(box: Box) -> list[Run]:
    return [(box.data.removeprefix("data "), VALUE), (box.grad.removeprefix("grad "), GRAD)]


def _column_of_text(box: Box, parent: str) -> float:
    """How much room the text on the right of a small circle takes."""
    size = SMALL.font
    numbers = sum(text_width(text, size) + size * 0.4 for text, _ in _box_numbers(box))
    return max(text_width(_name(box, parent), size) + size * 0.4, numbers) + 4


def _parent(column: list[Key]) -> str:
    """The module that all modules of a column are in, which is written over them: ``layers[0]``."""
    parents = {key.of.rpartition(".")[0] for key in column if key.kind == "module"}
    return parents.pop() if len(parents) == 1 else ""


def _strength(line: Line) -> float:
    return sum(abs(w.data) for w in line.weights) / len(line.weights) if line.weights else 0.0


def _look(line: Line, scale: float) -> dict[str, str]:
    """Never by the colour alone: what is negative is dashed, what stands for several weights is dotted."""
    strength = _strength(line)
    if not math.isfinite(strength):
        return {"color": GRAD, "penwidth": "5"}
    if not line.weights:
        return {}
    look = {"penwidth": f"{max(strength * scale, 0.3):.2f}"}
    signs = {w.data < 0 for w in line.weights}
    if len(line.weights) > 1:
        return look | {"style": "dotted"}
    return look | ({"color": NEGATIVE, "style": "dashed"} if signs == {True} else {"color": VALUE})


def _spline(tail: tuple[int, float, float], head: tuple[int, float, float], out: float, size: Sizes) -> str:
    """From one circle to another, around the columns that lie between them."""
    (i, x0, y0), (j, x3, y3) = tail, head
    if size is SMALL:
        x0 = out
    bend = 0.0 if j == i + 1 else math.copysign(size.row * 0.8, y0 + y3)
    x1, y1 = x0 + (x3 - x0) / 3, y0 + (y3 - y0) / 3 + bend
    x2, y2 = x3 - (x3 - x0) / 3, y3 - (y3 - y0) / 3 + bend
    start = (x0, y0) if size is SMALL else _rim((x0, y0), (x1, y1), size.radius)
    return " ".join(map(_pos, (start, (x1, y1), (x2, y2), _rim((x3, y3), (x2, y2), size.radius))))


def _rim(middle: Point, towards: Point, radius: float) -> Point:
    dx, dy = towards[0] - middle[0], towards[1] - middle[1]
    far = math.hypot(dx, dy) or 1.0
    return middle[0] + dx / far * radius, middle[1] + dy / far * radius


def _label_lines(write: _Writer, found: Network, at: dict[Key, tuple[int, float, float]]) -> None:
    """The weight and its gradient on each line where there are few, each where it covers no other."""
    between: dict[int, list[tuple[Key, Key]]] = defaultdict(list)
    for (tail, head), line in found.lines.items():
        if at[head][0] == at[tail][0] + 1 and len(line.weights) == 1:
            between[at[tail][0]].append((tail, head))
    taken: list[Point] = []
    for pairs in between.values():
        for tail, head in pairs if len(pairs) <= LABELLED else ():
            (_, x0, y0), (_, x1, y1) = at[tail], at[head]
            x, y = max(
                _places((x0, y0), (x1, y1)), key=lambda place: min([_apart(place, p) for p in taken], default=1.0)
            )
            taken.append((x, y))
            (w,) = found.lines[tail, head].weights
            for run, up in zip(_numbers(w), (5, -5), strict=True):
                write.runs(x, y + up, [run], 8)


def _places(a: Point, b: Point) -> Iterator[Point]:
    for t in (0.38, 0.62, 0.5, 0.44, 0.56, 0.35, 0.65):
        yield a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])


def _apart(a: Point, b: Point) -> float:
    """1 where two labels do not touch, less where they do."""
    return min(1.0, max(abs(a[0] - b[0]) / LABEL[0], abs(a[1] - b[1]) / LABEL[1]))


def _numbers(w: Value) -> list[Run]:
    return [(short(w.data), VALUE), (f"grad {'–' if w.grad is UNTOUCHED else short(w.grad)}", GRAD)]


def _escaped(text: str) -> str:
    return str(graphviz.escape(text))


def _pos(point: Point) -> str:
    return f"{point[0]:.2f},{point[1]:.2f}"

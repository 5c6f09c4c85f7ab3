"""Where a renderer puts boxes and arrows: Graphviz' plain output, read."""

from __future__ import annotations

from typing import NamedTuple

from autograd_tiny.pictures.rendering import render

POINTS = 72  # to an inch, in which the plain output counts

Point = tuple[float, float]


class Place(NamedTuple):
    """The middle and the size of a box."""

    x: float
    y: float
    width: float
    height: float


class Curve(NamedTuple):
    """A B-spline from box to box, four points and three more for each further piece, and the middle of its label."""

    tail: str
    head: str
    points: list[Point]
    label: Point | None


class Places(NamedTuple):
    """In points, y upwards: the size of the whole, each box by its name, the arrows in the order they were written."""

    width: float
    height: float
    boxes: dict[str, Place]
    curves: list[Curve]

    def by_ends(self) -> dict[tuple[str, str], list[Curve]]:
        """The curves between each two boxes, in order: as many as there are arrows."""
        found: dict[tuple[str, str], list[Curve]] = {}
        for curve in self.curves:
            found.setdefault((curve.tail, curve.head), []).append(curve)
        return found


def places(source: str) -> Places:
    """Where the renderer puts what a graph in the DOT language says; a box's name is one word.

    >>> found = places("digraph { rankdir=LR; a -> b; a -> b }")
    >>> list(found.boxes), len(found.curves), found.boxes["a"].x < found.boxes["b"].x
    (['a', 'b'], 2, True)

    Raises RenderError. Source: https://graphviz.org/docs/outputs/plain/
    """
    boxes: dict[str, Place] = {}
    curves: list[Curve] = []
    width = height = 0.0
    for line in render.render(source, "plain").decode().split("\n"):
        match line.split():
            case ["graph", _, wide, high]:
                width, height = _points([wide, high])
            case ["node", name, *rest]:
                boxes[name] = Place(*_points(rest[:4]))
            case ["edge", tail, head, count, *rest]:
                n = 2 * int(count)
                # After the spline, where there is a label: its text, of any number of words, its place; style, colour.
                label = _pairs(rest[-4:-2])[0] if len(rest) > n + 2 else None
                curves.append(Curve(tail, head, _pairs(rest[:n]), label))
    return Places(width, height, boxes, curves)


def _pairs(words: list[str]) -> list[Point]:
    numbers = _points(words)
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _points(words: list[str]) -> list[float]:
    return [float(word) * POINTS for word in words]

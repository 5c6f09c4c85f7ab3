"""Parse Graphviz plain output into box positions and splines."""

from __future__ import annotations

from typing import NamedTuple

from autograd_tiny.pictures.rendering import render

POINTS = 72  # per inch, the unit of the plain output

Point = tuple[float, float]


class Place(NamedTuple):
    """Centre and size of a box, in points."""

    x: float
    y: float
    width: float
    height: float


class Curve(NamedTuple):
    """A B-spline from box to box, of four points plus three per further piece, and the centre of its label."""

    tail: str
    head: str
    points: list[Point]
    label: Point | None


class Places(NamedTuple):
    """A layout in points, y upwards: total size, boxes by name, splines in the order of the edges."""

    width: float
    height: float
    boxes: dict[str, Place]
    curves: list[Curve]

    def by_ends(self) -> dict[tuple[str, str], list[Curve]]:
        """Splines by (tail, head), one per edge; parallel ones from the top down, or from left to right.

        If only some of them have a label, they keep the order of the edges, so that each label stays with its own.
        """
        found: dict[tuple[str, str], list[Curve]] = {}
        for curve in self.curves:
            found.setdefault((curve.tail, curve.head), []).append(curve)
        return {
            ends: curves
            if 0 < sum(curve.label is None for curve in curves) < len(curves)
            else sorted(curves, key=_across)
            for ends, curves in found.items()
        }


def places(source: str) -> Places:
    """Lay out a graph in the DOT language with the renderer; a node name must be one word.

    >>> found = places("digraph { rankdir=LR; a -> b; a -> b }")
    >>> list(found.boxes), len(found.curves), found.boxes["a"].x < found.boxes["b"].x
    (['a', 'b'], 2, True)

    Raises RenderError if the renderer fails. Source: https://graphviz.org/docs/outputs/plain/
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
                # After the spline: optionally a label of any number of words and its position, then style and colour.
                label = _pairs(rest[-4:-2])[0] if len(rest) > n + 2 else None
                curves.append(Curve(tail, head, _pairs(rest[:n]), label))
    return Places(width, height, boxes, curves)


def _across(curve: Curve) -> float:
    """Place of a spline among parallel ones, of which all run from left to right or all downwards."""
    x, y = curve.points[0]
    return x - y


def _pairs(words: list[str]) -> list[Point]:
    numbers = _points(words)
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _points(words: list[str]) -> list[float]:
    return [float(word) * POINTS for word in words]

"""A picture as plain data: boxes, arrows, and how much of the graph they stand for.

A picture is built from Values, Symbols or a network, and written as DOT, Mermaid or TikZ. Builders and writers do not
depend on each other. The picture of a network has its own writer, networks/layout.py, which computes positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from autograd_tiny.pictures.measure import shortened
from autograd_tiny.pictures.scopes import split
from autograd_tiny.pictures.theme import Color

Kind = Literal["leaf", "inner", "output"]


class Line(NamedTuple):
    """A line of a box: the label of a quantity, and its digits.

    >>> print(Line("data", "-1 … 2.5"))
    data -1 … 2.5
    """

    label: str
    text: str
    color: Color = Color.INK

    def __str__(self) -> str:
        return f"{self.label} {self.text}"


@dataclass(frozen=True, slots=True)
class Box:
    """One value, or `count` values folded into one box."""

    key: str  # unique in the picture and stable between runs: n0, n1, … in topological order
    title: str  # name or expression
    lines: tuple[Line, ...] = ()  # shown below the title
    kind: Kind = "inner"
    scope: str = ""  # path of its module: ``layers[0].neurons[3]``
    count: int = 1  # number of values; 0 for a stub
    inside: int = 0  # uses of a value within this box
    note: str = ""  # lines set apart, such as a warning
    tooltip: str = ""
    bold: bool = False  # highlighted


@dataclass(frozen=True, slots=True)
class Arrow:
    """One use of a value, or `count` uses between the same two boxes, from operand to result."""

    tail: str
    head: str
    count: int = 1
    label: str = ""  # the local derivative, if shown
    bold: bool = False  # highlighted


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes in topological order, arrows in the order of the operands of their heads.

    Every value of the graph is in a box or in `left_out`, every use is an arrow, inside a box, or in `uses_left_out`.
    """

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    rankdir: str = "LR"  # TB, LR, BT or RL, Graphviz' words
    caption: tuple[str, ...] = ()  # lines about what was folded or left out, and a call that shows more
    left_out: int = 0
    uses_left_out: int = 0
    link: str = ""  # file of another picture that uses the same ids for modules

    @property
    def title(self) -> str:
        """Title of the picture, from its output."""
        return next(
            (f"The graph of {shortened(box.title)}" for box in reversed(self.boxes) if box.kind == "output"), "A graph"
        )

    @property
    def values(self) -> int:
        """Number of values in the graph, drawn or left out."""
        return sum(box.count for box in self.boxes) + self.left_out

    @property
    def uses(self) -> int:
        """Number of uses of values in the graph, drawn or left out."""
        return sum(a.count for a in self.arrows) + sum(box.inside for box in self.boxes) + self.uses_left_out


@dataclass(slots=True)
class Frame:
    """A module with its boxes and inner modules, in the order of their first boxes; the outermost path is ""."""

    path: str = ""
    boxes: list[Box] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)

    def title(self, box: Box) -> str:
        """Title of a box relative to this frame: ``w[0]`` in the frame of the neuron."""
        return box.title.replace(f"{self.path}.", "") if self.path else box.title


def framed(boxes: Sequence[Box]) -> Frame:
    """Put the boxes into the frames of their modules; a module of folded modules only has no frame.

    >>> frame = framed([Box("n0", "a"), *(Box(f"n{i}", f"f.w[{i}]", scope="f") for i in (1, 2))])
    >>> [box.title for box in frame.boxes], [frame.frames[0].title(box) for box in frame.frames[0].boxes]
    (['a'], ['w[1]', 'w[2]'])

    A module that contains one module or one box has no frame, either.
    """
    outermost = Frame()
    known = {"": outermost}
    for box in boxes:
        path, frame = "", outermost
        for step in split(box.scope):
            path = f"{path}.{step}" if path else step
            if path not in known:
                known[path] = Frame(path)
                frame.frames.append(known[path])
            frame = known[path]
        frame.boxes.append(box)
    place = {box.key: k for k, box in enumerate(boxes)}
    return _pruned(outermost, place)


def _pruned(frame: Frame, place: dict[str, int]) -> Frame:
    inner = [_pruned(f, place) for f in frame.frames]
    needless = [f for f in inner if not f.frames and (len(f.boxes) == 1 or all(box.scope != f.path for box in f.boxes))]
    kept = [f.frames[0] if not f.boxes and len(f.frames) == 1 else f for f in inner if f not in needless]
    boxes = [*frame.boxes, *(box for f in needless for box in f.boxes)]
    return Frame(frame.path, sorted(boxes, key=lambda box: place[box.key]), kept)

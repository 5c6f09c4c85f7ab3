"""What is drawn, as plain data: boxes, arrows, and how much of the graph they stand for.

A picture is made from Values, from Symbols or from a network, and written as DOT, Mermaid or TikZ: who makes one and
who writes one know nothing of each other. The picture of a network has a writer of its own, networks/layout.py, which
puts circles and lines in their places.
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
    """A line of a box: what it tells of, and that in digits.

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
    """One value, or `count` of them folded into one."""

    key: str  # unique within the picture, the same in each run: n0, n1, … in topological order
    title: str  # the name, or what it is
    lines: tuple[Line, ...] = ()  # below the title
    kind: Kind = "inner"
    scope: str = ""  # the module it belongs to: ``layers[0].neurons[3]``
    count: int = 1  # values in it
    inside: int = 0  # uses of a value by another that both are in it
    note: str = ""  # lines set apart: what is wrong with it
    tooltip: str = ""
    bold: bool = False  # highlighted


@dataclass(frozen=True, slots=True)
class Arrow:
    """One use of a value, or `count` of them between the same two boxes, from operand to result."""

    tail: str
    head: str
    count: int = 1
    label: str = ""  # the local derivative, where it is shown
    bold: bool = False  # highlighted


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes in topological order, arrows in the order of the operands of their heads.

    Every value of the graph is in a box or in `left_out`, every use is an arrow, inside a box, or in `uses_left_out`.
    """

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    rankdir: str = "LR"  # TB, LR, BT or RL, Graphviz' words
    caption: tuple[str, ...] = ()  # lines: what was folded or left out, and the call that shows more
    left_out: int = 0
    uses_left_out: int = 0
    link: str = ""  # the file of another picture, where the same modules have the same ids

    @property
    def title(self) -> str:
        """What it is a picture of: its output."""
        return next(
            (f"The graph of {shortened(box.title)}" for box in reversed(self.boxes) if box.kind == "output"), "A graph"
        )

    @property
    def values(self) -> int:
        """How many values of the graph it accounts for."""
        return sum(box.count for box in self.boxes) + self.left_out

    @property
    def uses(self) -> int:
        """How many uses of values it accounts for."""
        return sum(a.count for a in self.arrows) + sum(box.inside for box in self.boxes) + self.uses_left_out


@dataclass(slots=True)
class Frame:
    """A module with the boxes and the modules in it, in the order of their first boxes; the outermost has no path."""

    path: str = ""
    boxes: list[Box] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)

    def title(self, box: Box) -> str:
        """What a box is called within this frame: ``w[0]`` in that of the neuron."""
        return box.title.replace(f"{self.path}.", "") if self.path else box.title


def framed(boxes: Sequence[Box]) -> Frame:
    """The boxes in the frames of their modules; what holds only modules folded into a box each has no frame.

    >>> frame = framed([Box("n0", "a"), *(Box(f"n{i}", f"f.w[{i}]", scope="f") for i in (1, 2))])
    >>> [box.title for box in frame.boxes], [frame.frames[0].title(box) for box in frame.frames[0].boxes]
    (['a'], ['w[1]', 'w[2]'])

    Nor has a module of one module, or of one box.
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

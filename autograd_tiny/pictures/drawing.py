"""`draw`: the graph of a Value, an op, a function or a program as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from autograd_tiny.engine.op import Op
from autograd_tiny.engine.provenance import Recording
from autograd_tiny.engine.value import Value
from autograd_tiny.pictures.coarsening import pictures
from autograd_tiny.pictures.networks.picture import network
from autograd_tiny.pictures.options import DIRECTIONS, SHOWN, Asked, word_of
from autograd_tiny.pictures.symbolic import picture_of_function, picture_of_op
from autograd_tiny.pictures.writers.dot import graph_of
from autograd_tiny.pictures.writers.graph import GRAD, INK, LINE, VALUE, Graph
from autograd_tiny.pictures.writers.mermaid import mermaid
from autograd_tiny.pictures.writers.tikzpicture import tikz

__all__ = ["GRAD", "INK", "LINE", "VALUE", "Graph", "draw", "network", "shown"]


SECONDS = 5.0  # a notebook waits no longer for the picture of a Value


Graph.texts |= {".mmd": mermaid, ".tex": tikz}  # they lie above graph.py


def draw(
    y: Any,
    *,
    rankdir: str = "LR",
    show: str | Iterable[str] = SHOWN,
    fold: str | None = None,
    collapse: str | int | Sequence[str] | None = None,
    depth: int | None = None,
    focus: Value | str | None = None,
    highlight: Any = None,
    limit: int | None = None,
    notes: Mapping[Value, str] | None = None,
    recording: Recording | None = None,
    link: str = "",
) -> Graph:
    """The graph below y: in each box what it is, its value and its gradient (– where none was computed).

    >>> a = Value(2.0, "a")
    >>> print(draw(a * a).source.count("->"))  # a is used twice
    2

    `draw(y).write("y.svg")` writes the picture. Arrows come in the order of the operands; constants stand in the text.
    Beyond 100 values it is folded, first each sum into a box, then what is alike in the samples of a batch, then
    modules; the caption counts what was folded or left out.

    - `show`: words of "names data grad scopes local"; local is the derivative on each arrow
    - `fold`: "nothing", "sums" or "samples"; `collapse`: modules to fold, ``"layers[0]"``, or the depth of their paths
    - `focus`: only the paths from a value, or those of a name, to the output; `depth`: only so many steps before it
    - `highlight`: a value, or paths, as `questions.paths` gives them or sequences of Values, in thick lines
    - `limit`: boxes of values at most, and a … where others were cut off, further from the output
    - `rankdir`: LR, TB, RL or BT
    - `notes`: text for the boxes of some values, in a thick frame; `recording`: of `tracing()`, for modules and lines
    - `link`: the file of another picture that shows the same modules

    Of an op it draws the local derivatives as its row spells them, of a function what it computes of its parameters, of
    a program of a compiled function the graph that it was recorded from.
    Raises TypeError for anything else, ValueError for a word, a name or a number that does not fit.
    """
    if hasattr(y, "value"):  # a program of a compiled function
        y = y.value()
    if not isinstance(y, Value):
        if any((show is not SHOWN, fold, collapse, depth, focus, highlight, limit, notes, recording, link)):
            raise TypeError(f"draw takes no options but rankdir for a picture of {y!r:.60}")
        if not callable(y):
            raise TypeError(f"draw takes a Value, an Op or a function of numbers, got {y!r:.60}")
        word_of("rankdir", rankdir, DIRECTIONS)
        return graph_of(replace(picture_of_op(y) if isinstance(y, Op) else picture_of_function(y), rankdir=rankdir))
    asked = Asked(
        y, rankdir=rankdir, show=show, fold=fold, collapse=collapse, depth=depth, focus=focus, highlight=highlight,
        limit=limit, notes=notes, recording=recording, link=link,
    )  # fmt: skip
    graph = graph_of(next(pictures(asked)))
    graph.coarser = lambda why: (
        graph_of(replace(picture, caption=(*picture.caption, why))) for picture in islice(pictures(asked), 1, None)
    )
    return graph


def shown(y: Value) -> dict[str, str]:
    """What a notebook shows of a Value: its picture where it can be drawn in time, and its text."""
    text = {"text/plain": repr(y)}
    try:
        graph = draw(y)
        graph.seconds = SECONDS
        return {"image/svg+xml": graph.pipe("svg", encoding="utf-8"), **text}
    except Exception:  # a cell that fails to show its result must not hide it
        return text

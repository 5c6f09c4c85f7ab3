"""`draw`: the graph of a Value, an op, a function or a program as a picture."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import Any, Unpack

from autograd_tiny.engine.op import Op
from autograd_tiny.engine.value import Value
from autograd_tiny.pictures.coarsening import pictures
from autograd_tiny.pictures.networks.picture import network
from autograd_tiny.pictures.options import DrawOptions, Options, asked_for, documented, word_of
from autograd_tiny.pictures.symbolic import picture_of_function, picture_of_op
from autograd_tiny.pictures.writers.formats import FORMATS
from autograd_tiny.pictures.writers.graph import Graph, graph_of

__all__ = ["Graph", "draw", "network", "shown"]

SECONDS = 5.0  # a notebook waits no longer for the picture of a Value


@documented
def draw(y: Any, **options: Unpack[DrawOptions]) -> Graph:
    """The graph below y: in each box what it is, its value and its gradient (– where none was computed).

    >>> a = Value(2.0, "a")
    >>> print(draw(a * a).source.count("->"))  # a is used twice
    2

    `draw(y).write("y.svg")` writes the picture. Arrows come in the order of the operands; constants stand in the text.
    Beyond 100 values it is folded, first each sum into a box, then what is alike in the samples of a batch, then
    modules; the caption counts what was folded or left out.

    {options}

    Of an op it draws the local derivatives as its row spells them, of a function what it computes of its parameters, of
    a program of a compiled function the graph that it was recorded from; these take no option but rankdir.
    Raises TypeError for anything else, or an option that is not one, ValueError for a word, a name or a number that
    does not fit.
    """
    if hasattr(y, "value"):  # a program of a compiled function
        y = y.value()
    return _draw_value(y, options) if isinstance(y, Value) else _draw_symbols(y, options)


def _draw_value(y: Value, given: DrawOptions) -> Graph:
    options = Options(y, **given)
    graph = graph_of(next(pictures(options)))
    graph.coarser = lambda why: (
        graph_of(replace(picture, caption=(*picture.caption, why))) for picture in islice(pictures(options), 1, None)
    )
    return graph


def _draw_symbols(f: Any, given: DrawOptions) -> Graph:
    asked = asked_for(given)
    rankdir = word_of("rankdir", asked.pop("rankdir", "LR"))
    if asked:
        raise TypeError(f"draw takes no options but rankdir for a picture of {f!r:.60}, got {', '.join(asked)}")
    if not callable(f):
        raise TypeError(f"draw takes a Value, an Op or a function of numbers, got {f!r:.60}")
    return graph_of(replace(picture_of_op(f) if isinstance(f, Op) else picture_of_function(f), rankdir=rankdir))


def shown(y: Value) -> dict[str, str]:
    """What a notebook shows of a Value: its picture where it can be drawn in time, and its text."""
    text = {"text/plain": repr(y)}
    try:
        graph = draw(y)
        graph.seconds = SECONDS
        svg = FORMATS[".svg"]
        return {svg.mime: svg.write(graph).decode(), **text}
    except Exception:  # a cell that fails to show its result must not hide it
        return text

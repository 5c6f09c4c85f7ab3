"""`draw`: draw the graph of a Value, an op, a function or a program."""

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

NOTEBOOK_SECONDS = 5.0  # longest time a notebook waits for the picture of a Value


@documented
def draw(y: Any, *path: Any, **options: Unpack[DrawOptions]) -> Graph:
    """Draw the graph that computed y; a box shows an expression, its value and its gradient (– if not computed).

    >>> a = Value(2.0, "a")
    >>> print(draw(a * a).source.count("->"))  # a is used twice
    2

    `draw(y).write("y.svg")` writes the picture. Arrows follow the order of the operands; constants appear in the
    expressions. A graph of more than 100 values is folded: first each sum into a box, then like values of all samples
    of a batch, then modules. The caption counts what was folded or left out.

    {options}

    An op is drawn with its local derivatives, a function with the expressions it computes from its parameters, a
    program of a compiled function as the graph it was traced from. Ops and functions take only the option rankdir.
    Raises TypeError for any other object and for an unknown option, ValueError for a word, name or number that is not
    valid.
    """
    if path:
        raise TypeError(f"draw takes no file, got {path[0]!r:.60}: write draw(y).write({str(path[0])!r:.60})")
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
        raise TypeError(f"draw takes only the option rankdir for {f!r:.60}, got {', '.join(asked)}")
    if not callable(f):
        raise TypeError(f"draw takes a Value, an Op or a function of numbers, got {f!r:.60}")
    return graph_of(replace(picture_of_op(f) if isinstance(f, Op) else picture_of_function(f), rankdir=rankdir))


def shown(y: Value) -> dict[str, str]:
    """Notebook output of a Value, by MIME type: its text, and its picture if it can be drawn in time."""
    text = {"text/plain": repr(y)}
    try:
        graph = draw(y)
        graph.seconds = NOTEBOOK_SECONDS
        svg = FORMATS[".svg"]
        return {svg.mime: svg.write(graph).decode(), **text}
    except Exception:  # a cell that fails to show its result must not hide it
        return text

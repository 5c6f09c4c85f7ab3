"""The graph of a Value as a picture: one box per value, an arrow for each use of it."""

from __future__ import annotations

import html
from collections.abc import Mapping

from autograd_tiny import render
from autograd_tiny.digits import short
from autograd_tiny.draw.graph import GRAD, INK, LINE, VALUE, Graph
from autograd_tiny.measure import shortened
from autograd_tiny.names import name_nodes
from autograd_tiny.value import UNTOUCHED, Value, topological_order

LIMIT = 1000  # values; beyond it a layout takes seconds and shows nothing


def draw(y: Value, rankdir: str = "LR", limit: int = LIMIT, notes: Mapping[Value, str] | None = None) -> Graph:
    """The graph below y: in each box what it is, its value and its gradient (– where none was computed).

    >>> a = Value(2.0, "a")
    >>> print(draw(a * a).source.count("->"))  # a is used twice
    2

    The arrows into a box come in the order of its operands; constants stand in its text. `draw(y).write("y.svg")`
    draws. A value in `notes` gets a thick frame and the note's text in its box. Raises TypeError when y is no Value, ValueError when there are more than `limit` values.
    """
    if not isinstance(y, Value):
        raise TypeError(f"draw takes a Value, got {y!r:.60}")
    order = topological_order(y)
    if len(order) > limit:
        raise ValueError(
            f"too large to draw: {len(order):,} values, and the limit is {limit:,}. Draw a value nearer to the leaves, "
            f"or the same function of fewer points, or raise the limit: draw(y, limit={len(order)})"
        )
    graph = Graph(
        "gradient",
        format="svg",
        graph_attr={"rankdir": rankdir, "ordering": "in", "nodesep": "0.15", "ranksep": "0.35"},
    )
    graph.attr("node", shape="box", style="rounded,filled", fontname="Helvetica", fontsize="11", margin="0.12,0.04")
    graph.attr("node", fillcolor="white", color=LINE, fontcolor=INK)
    graph.attr("edge", color=LINE, arrowsize="0.6")
    number = {v: f"n{i}" for i, v in enumerate(order)}
    for v, named in name_nodes(order).items():
        leaf = {"fillcolor": "#eef3f8"} if v.op is None else {}
        frame = {"color": INK, "penwidth": "2"} if v is y else {}
        note = (notes or {}).get(v, "")
        if note:
            frame = {"color": GRAD, "penwidth": "4"}
        graph.node(number[v], _label(named.title, v, note), **leaf, **frame)
        for x in v.parents:
            graph.edge(number[x], number[v])
    return graph


def shown(y: Value) -> dict[str, str]:
    """What a notebook shows of a Value: its picture where it can be drawn, and its text."""
    try:
        picture = draw(y).pipe("svg", encoding="utf-8")
    except (ValueError, render.RenderError):
        return {"text/plain": repr(y)}
    return {"image/svg+xml": picture, "text/plain": repr(y)}


def _label(title: str, v: Value, note: str) -> str:
    grad = "–" if v.grad is UNTOUCHED else short(v.grad)
    rows = [
        f"<b>{html.escape(shortened(title))}</b>",
        f'<font color="{VALUE}">data {short(v.data)}</font>',
        f'<font color="{GRAD}">grad {grad}</font>',
    ]
    rows += [f"<b>{html.escape(line)}</b>" for line in note.splitlines()]
    cells = "".join(f"<tr><td>{row}</td></tr>" for row in rows)
    return f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="1">{cells}</table>>'

"""Write a picture in the DOT language."""

from __future__ import annotations

import html
import itertools
import urllib.parse
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from autograd_tiny.pictures.measure import SIZE, printable, shortened, text_width
from autograd_tiny.pictures.picture import Arrow, Box, Frame, Line, Picture, framed
from autograd_tiny.pictures.theme import Color
from autograd_tiny.pictures.writers.quoting import attribute, tooltip
from autograd_tiny.pictures.writers.svg import BOX

LEADING = 15  # points from baseline to baseline
BOLD = 1.07  # width of bold letters relative to regular ones
LONGEST_TITLE = 60  # characters
MANY_ARROWS = 150  # more arrows need more space between the boxes


def fill(graph: Any, picture: Picture) -> None:
    """Write the picture into an empty graphviz.Digraph.

    >>> from graphviz import Digraph
    >>> graph = Digraph(); fill(graph, Picture((Box("n0", "a"),), ()))
    >>> graph.source.count("n0")
    1
    """
    apart = "0.35" if len(picture.arrows) <= MANY_ARROWS else "1.5"
    graph.attr(rankdir=picture.rankdir, ordering="in", nodesep="0.15", ranksep=apart)
    graph.attr(fontname="Helvetica", fontsize=str(SIZE), fontcolor=Color.INK.light)
    if picture.caption:
        graph.attr(label=_caption(picture.caption), labelloc="b", labeljust="l")
    graph.attr("node", shape="box", style="rounded,filled", fixedsize="true", fontname="Helvetica", fontsize=str(SIZE))
    graph.attr("node", fillcolor=Color.PAPER.light, color=Color.LINE.light, fontcolor=Color.INK.light)
    graph.attr(
        "edge",
        color=Color.LINE.light,
        arrowsize="0.6",
        fontname="Helvetica",
        fontsize=str(SIZE - 1),
        fontcolor=Color.INK.light,
    )
    _inside(graph, framed(picture.boxes), picture.link, itertools.count())
    title = {box.key: shortened(box.title, LONGEST_TITLE) for box in picture.boxes}
    for arrow in picture.arrows if any(arrow.label for arrow in picture.arrows) else _upwards(picture.arrows):
        look = {"color": Color.INK.light, "penwidth": "2.5"} if arrow.bold else {}
        if arrow.label:
            look["label"] = attribute(f" {arrow.label} ")
        uses = f": {arrow.count:,} uses" if arrow.count > 1 else ""
        told = tooltip(f"{title[arrow.tail]} → {title[arrow.head]}{uses}")
        graph.edge(arrow.tail, arrow.head, tooltip=told, **look)


def _upwards(arrows: Sequence[Arrow]) -> list[Arrow]:
    """Order arrows so that parallel ones, of the same ends, are drawn in the order of the operands from the top down.

    Graphviz draws them from the bottom up, those with a label from the top down.
    """
    alike: dict[tuple[str, str], list[Arrow]] = {}
    for arrow in arrows:
        alike.setdefault((arrow.tail, arrow.head), []).append(arrow)
    return [alike[arrow.tail, arrow.head].pop() for arrow in arrows]


def _caption(lines: tuple[str, ...]) -> str:
    wide, high = max(map(text_width, lines)), LEADING * len(lines) + 8
    text = "".join(f'{written(line)}<br align="left"/>' for line in lines)
    size = f'fixedsize="true" width="{wide:.0f}" height="{high}"'
    cell = f'<td {size} align="left" balign="left" valign="bottom">{text}</td>'
    return f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="0" {size}><tr>{cell}</tr></table>>'


def written(text: str) -> str:
    r"""Escape text for an HTML-like label, in which `\N` would be replaced by the name of the node."""
    return html.escape(text).replace("\\", "\\\\")


def _inside(graph: Any, frame: Frame, link: str, number: Iterator[int]) -> None:
    """Add the boxes and inner frames of a frame."""
    for box in frame.boxes:
        # A module folded into one box is a link target of the other picture.
        _node(graph, box, frame.title(box), _linked(link, box.scope) if box.scope != frame.path else {})
    for inner in frame.frames:
        with graph.subgraph(name=f"cluster{next(number)}") as cluster:
            label = attribute(shortened(frame.title(Box("", inner.path)), LONGEST_TITLE))
            cluster.attr(label=label, style="rounded", color=Color.LINE.light, labelloc="t", labeljust="l", margin="8")
            cluster.attr(tooltip=tooltip(printable(inner.path)), **_linked(link, inner.path))
            _inside(cluster, inner, link, number)


def _linked(link: str, scope: str) -> dict[str, str]:
    if not link:
        return {}
    return {"id": attribute(scope), "URL": attribute(f"{link}#{urllib.parse.quote(scope)}")}


def _node(graph: Any, box: Box, title: str, link: dict[str, str]) -> None:
    rows = list(_rows(box, title))
    width = max(text_width(text) * (BOLD if bold else 1) for text, bold, _ in rows) + 16
    look = {"class": BOX}
    if not box.count:
        look |= {"shape": "plaintext", "style": ""}
    elif box.kind == "leaf":
        look |= {"fillcolor": Color.LEAF.light}
    if box.kind == "output":
        look |= {"color": Color.INK.light, "penwidth": "2"}
    if box.bold:
        look |= {"color": Color.INK.light, "penwidth": "3.5"}
    if box.note:
        look |= {"color": Color.GRAD.light, "penwidth": "4"}
    if box.count > 1:
        look |= {"peripheries": "2"}
    graph.node(
        box.key,
        table(row for _, _, row in rows),
        width=f"{width / 72:.3f}",
        height=f"{(LEADING * len(rows) + 8) / 72:.3f}",
        tooltip=tooltip(box.tooltip or box.title),
        **look,
        **link,
    )


def _rows(box: Box, title: str) -> Iterator[tuple[str, bool, str]]:
    """Lines of a box: plain text, True if bold, and markup."""
    title = shortened(title, LONGEST_TITLE) or " "
    yield title, True, f"<b>{written(title)}</b>"
    for row in box.lines:
        yield str(row), False, colored(row)
    for line in box.note.splitlines():
        text = shortened(line, LONGEST_TITLE) or " "
        yield text, True, f"<b>{written(text)}</b>"


def table(rows: Iterable[str]) -> str:
    """An HTML-like label of rows of markup."""
    cells = "".join(f"<tr><td>{row}</td></tr>" for row in rows)
    return f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="1">{cells}</table>>'


def colored(line: Line) -> str:
    """Markup of a line of an HTML-like label."""
    return f'<font color="{line.color.light}">{written(str(line))}</font>'

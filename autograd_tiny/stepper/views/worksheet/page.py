"""A work sheet as a page to print: the graph with blanks, the questions, and the answers on a page of their own."""

from __future__ import annotations

import html
from importlib.resources import files

from autograd_tiny.engine.digits import short
from autograd_tiny.pictures.measure import text_width, wrapped
from autograd_tiny.pictures.rendering.plain import Places
from autograd_tiny.pictures.theme import style_sheet
from autograd_tiny.stepper.traces import Trace
from autograd_tiny.stepper.views.boxes import STYLE, Shown, drawn, placed, uses
from autograd_tiny.stepper.views.page import csp_hash
from autograd_tiny.stepper.views.worksheet.questions import (
    Answer,
    Part,
    given,
    numbered_uses,
    questions,
    rules,
    shown,
    title,
)

LEADING = 19.0  # points between the lines of a box, for a pen
WIDE, HIGH = 520.0, 330.0  # points of the graph on A4
BLANK = "________"
HEADER = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '{style_hash}'; img-src data:; \
base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{given}</p>
"""


def page(trace: Trace, answers: bool = False) -> str:
    """Return the page as text.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> a = Value(3.0, "a")
    >>> "grad 6" in page(trace(a * a)), "grad 6" in page(trace(a * a), answers=True)
    (False, True)

    It loads nothing and runs no script. Raises ValueError for more than 60 values, RenderError if Graphviz fails.
    """
    parts, heading = questions(trace), html.escape(title(trace))
    style = style_sheet() + STYLE + (files(__package__) / "worksheet.css").read_text(encoding="utf-8")
    found = _layout(trace)
    text = [HEADER.format(title=heading, given=html.escape(given(trace)), style=style, style_hash=csp_hash(style))]
    text.append(f"<figure>{_graph(trace, found, False)}</figure>\n")
    for n, part in enumerate(parts, 1):
        task = f"<p>{html.escape(part.task)}</p>"
        text.append(f"<section><h2>{n}. {part.heading}</h2>{task}{_table(part, False)}</section>\n")
    if answers:
        text.append(f'<div id="answers"><h1>Answers</h1>\n<figure>{_graph(trace, found, True)}</figure>\n')
        for n, part in enumerate(parts, 1):
            text.append(f"<section><h2>{n}. {part.heading}</h2>{_table(part, True)}</section>\n")
        if used := rules(trace):
            lines = "".join(f"<li>{html.escape(line)}</li>" for line in used)
            text.append(f"<section><h2>Rules</h2><ul>{lines}</ul></section>\n")
        text.append("</div>\n")
    return "".join([*text, "</main>\n</body>\n</html>\n"])


def _table(part: Part, answers: bool) -> str:
    head = "".join(f'<th scope="col">{html.escape(column)}</th>' for column in part.columns)
    body = "".join(f"<tr>{''.join(_cell(cell, answers) for cell in row)}</tr>" for row in part.rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(cell: str | Answer, answers: bool) -> str:
    look = "" if isinstance(cell, str) else ' class="right"' if answers else ' class="blank"'
    return f"<td{look}>{html.escape(shown(cell, answers))}</td>"


def _layout(trace: Trace) -> Places:
    """Lay out the graph from left to right or from top to bottom, whichever leaves larger letters."""
    blank = text_width(f"data {BLANK}") + 20
    boxes = []
    for node in trace.nodes:
        name = wrapped(node.named.title, 22, 2)
        boxes.append((max(blank, *(text_width(line) + 20 for line in name)), LEADING * (len(name) + 2) + 8))
    labels = dict.fromkeys(uses(trace), (text_width("99: ______") + 4, LEADING))
    layouts = [placed(trace, boxes, labels, rankdir) for rankdir in ("TB", "LR")]
    return max(layouts, key=lambda found: _scale(found.width, found.height))


def _scale(width: float, height: float) -> float:
    return min(WIDE / width, HIGH / height, 1.0)


def _graph(trace: Trace, found: Places, answers: bool) -> str:
    """Draw the graph; the given numbers and the seed are there, the others are blank unless `answers`."""
    numbers, end, boxes = numbered_uses(trace), trace.at(len(trace) - 1), []
    for node in trace.nodes:
        grad = end.grad(node)
        data = short(node.data) if answers or node.op is None else BLANK
        known = (answers or node is trace.output) and grad is not None
        lines = [
            *((line, "title") for line in wrapped(node.named.title, 22, 2)),
            (f"data {data}", "data"),
            (f"grad {short(grad) if known and grad is not None else BLANK}", "grad"),
        ]
        boxes.append(Shown(lines, "leaf" if node.op is None else ""))
    arrows = {}
    for k, i in uses(trace):
        local = trace.nodes[k].local_derivatives[i]
        text = short(local) if answers and local is not None else "______"
        arrows[k, i] = Shown([(f"{numbers[k, i]}: {text}", "local")])
    return drawn(trace, found, boxes, arrows, LEADING, "The graph, an arrow for each use of a value")

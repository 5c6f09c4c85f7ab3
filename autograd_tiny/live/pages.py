"""Write a graph, or a function at its arguments, as one page that computes: each leaf can be moved."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from autograd_tiny.engine.digits import counted, short
from autograd_tiny.engine.files import save
from autograd_tiny.engine.provenance import Recording
from autograd_tiny.engine.value import Value
from autograd_tiny.live.encoding import Guarded, graph, written
from autograd_tiny.live.generating import flush, script
from autograd_tiny.pictures.theme import Color, style_sheet
from autograd_tiny.stepper.events import Node
from autograd_tiny.stepper.traces import Trace, trace
from autograd_tiny.stepper.views.layout import HEIGHT, layout, title
from autograd_tiny.stepper.views.page import csp_hash

MOST_ON_PAGE = 3000  # values; a larger picture is unreadable
MOST_ROWS = 300  # leaves that can be moved
STEP = 0.01
ROOM, LARGEST = 1100, 1.7  # CSS pixels that a small picture grows to, and how far
NARROW = 420  # CSS pixels of a picture that may shrink


@dataclass(frozen=True, repr=False)
class Page:
    """A page as text; a notebook shows it in a sandboxed frame."""

    text: str

    def write(self, path: str | Path) -> Path:
        """Write the page to a file, whole or not at all, and return its path."""
        return save(Path(path), self.text.encode(errors="backslashreplace"))

    def _repr_html_(self) -> str:
        style = f"width:100%;height:640px;border:1px solid {Color.LINE.light}"
        text = html.escape(self.text, quote=True)
        return (
            f'<iframe sandbox="allow-scripts" srcdoc="{text}" title="A graph that computes" style="{style}"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<page of {len(self.text.encode(errors='backslashreplace')):,} bytes: write(path) writes it>"


def live(target: Value | Callable[..., Any], *args: Any) -> Page:
    """Make a page on which every leaf can be moved, and data and gradients follow; it needs no network.

    >>> a = Value(1.0, "a"); b = a + a; c = b + b; c.name = "c"
    >>> "Move a by 0.01, and c moves by 0.04" in live(c).text
    True

    Raises ValueError for more than 3,000 values, TypeError as `encode` does.
    """
    return page_of(*graph(target, args))


def page_of(y: Value, guards: Sequence[Guarded] = (), recording: Recording | None = None) -> Page:
    """Make the page of a graph, with the comparisons it depends on, and with the names that a recording knows."""
    steps = trace(y, recording)
    nodes = steps.nodes
    if len(nodes) > MOST_ON_PAGE:
        raise ValueError(
            f"too large for a page: {len(nodes):,} values, and the limit is {MOST_ON_PAGE:,}; take a value nearer to "
            "the leaves, or fewer data points"
        )
    program = written(y, guards)
    labels = [node.named.label.text for node in nodes]
    program["names"][: len(nodes)] = labels
    program["leaves"] = [[i, program["names"][i]] for i, _ in program["leaves"]]
    gradients = [float(g) for g in program["grad"]]
    moved = _best(program, gradients)
    rows = sorted(_shown(nodes, gradients))
    here = files("autograd_tiny.live")
    style, code = (flush((here / file).read_text(encoding="utf-8")) for file in ("page.css", "page.js"))
    style, code = style_sheet() + style, f"{script()}\n{code}"
    data = {"program": program, "tried": moved, "step": STEP}
    return Page(
        Template((here / "page.html").read_text(encoding="utf-8")).substitute(
            TITLE=html.escape(title(steps.output)),
            STYLE=style,
            STYLE_HASH=csp_hash(style),
            SCRIPT=code,
            SCRIPT_HASH=csp_hash(code),
            SAY=html.escape(_sentence(labels, moved, gradients)),
            PICTURE=_picture(steps, gradients),
            CAPTION=html.escape(_caption(nodes, rows)),
            LEAVES="\n".join(_row(i, labels[i], nodes[i].data, gradients[i]) for i in rows),
            DATA=_data(data),
        )
    )


def _data(data: dict[str, Any]) -> str:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _best(program: dict[str, Any], gradients: list[float]) -> int | None:
    """Choose the leaf to try: of those that can move, one of the largest finite gradient."""
    steps, rows = program["steps"], program["rows"]
    stuck = [False] * len(steps)
    for i in range(len(steps) - 1, -1, -1):
        row, *xs = steps[i]
        if stuck[i] or (row >= 0 and "stuck" in rows[row] and isinstance(rows[row], dict)):
            for x in xs:
                if x >= 0:
                    stuck[x] = True
    found = [i for i, _ in program["leaves"] if not stuck[i] and math.isfinite(gradients[i])]
    return max(found, key=lambda i: abs(gradients[i]), default=None)


def _sentence(names: list[str], moved: int | None, gradients: list[float]) -> str:
    if moved is None:
        return f"No leaf that can move has a finite gradient here: move one, and see where {names[-1]} gets one."
    step = short(STEP * gradients[moved])
    follows = f"{names[-1]} moves by {step}" if gradients[moved] else f"{names[-1]} does not move"
    return f"Move {names[moved]} by {STEP}, and {follows}:"


def _shown(nodes: tuple[Node, ...], gradients: list[float]) -> list[int]:
    """List the leaves that get a row: those of the largest gradients."""
    leaves = [i for i, node in enumerate(nodes) if node.op is None]
    return sorted(leaves, key=lambda i: -abs(gradients[i]) if math.isfinite(gradients[i]) else -math.inf)[:MOST_ROWS]


def _caption(nodes: tuple[Node, ...], rows: list[int]) -> str:
    count = sum(node.op is None for node in nodes)
    few = f"The {len(rows)} of {counted(count)} leaves with the largest gradients"
    return "The leaves" if count == len(rows) else few


def _row(i: int, name: str, x: float, g: float) -> str:
    """Write the row of a leaf; its controls are enabled by the script."""
    label = html.escape(name)
    reach = 2 * max(1.0, abs(x)) if math.isfinite(x) and abs(x) < 1e300 else 2.0
    middle = x if math.isfinite(x) and abs(x) < 1e300 else 0.0
    bounds = f'min="{middle - reach!r}" max="{middle + reach!r}" value="{x!r}"'
    typed = f'inputmode="decimal" autocomplete="off" value="{x!r}" aria-label="{label}"'
    return (
        f'<tr data-leaf="{i}"><th scope="row">{label}</th>'
        f'<td><input type="range" {bounds} step="any" aria-label="{label}, slider" disabled></td>'
        f'<td><input type="text" {typed} disabled></td>'
        f'<td class="grad">{short(g)}</td></tr>'
    )


def _picture(steps: Trace, gradients: list[float]) -> str:
    """Write the boxes and arrows as SVG; the script finds a box by its number."""
    found = layout(steps)
    margin = 4.0
    width, height = found.width + 2 * margin, found.height + 2 * margin
    scale = min(max(ROOM / width, 1.0), LARGEST)
    size = f'width="{scale * width:.0f}" height="{scale * height:.0f}"'
    fits = ' class="small"' if width <= NARROW else ""  # a phone shows it whole
    parts = [f'<svg{fits} {size} viewBox="{-margin} {-margin} {width:.1f} {height:.1f}">']
    for (x0, y0), *curve in found.arrows:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in curve)
        (xa, ya), (xb, yb) = curve[-2], curve[-1]
        angle = math.degrees(math.atan2(yb - ya, xb - xa))
        parts.append(f'<path d="M{x0:.1f},{y0:.1f}C{points}"/>')
        turn = f"translate({xb:.1f} {yb:.1f}) rotate({angle:.0f})"
        parts.append(f'<path class="head" d="M0,0L-7,3.2L-7,-3.2Z" transform="{turn}"/>')
    for i, (node, (x, y, wide)) in enumerate(zip(steps.nodes, found.boxes, strict=True)):
        kind = "leaf" if node.op is None else "output" if node is steps.output else "inner"
        left, top = x - wide / 2, y - HEIGHT / 2
        lines = {"title": title(node), "value": f"data {short(node.data)}", "grad": f"grad {short(gradients[i])}"}
        parts.append(f'<g class="{kind}" data-node="{i}"><title>{html.escape(node.named.title)}</title>')
        parts.append(f'<rect x="{left:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{HEIGHT}" rx="6"/>')
        for (word, text), down in zip(lines.items(), (16, 31, 45), strict=True):
            parts.append(f'<text class="{word}" x="{x:.1f}" y="{top + down:.1f}">{html.escape(text)}</text>')
        parts.append("</g>")
    return "".join([*parts, "</svg>"])

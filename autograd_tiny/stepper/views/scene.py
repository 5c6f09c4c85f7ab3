"""Texts of every step of a trace, and box sizes that hold the longest of them.

A frame is not a `Picture`: its boxes, labels and caption keep their size over all steps. The lines of a box and their
style are those of pictures.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

from autograd_tiny.engine.digits import short
from autograd_tiny.pictures.labels import DATA, GRAD
from autograd_tiny.pictures.measure import SIZE, text_width, wrapped
from autograd_tiny.pictures.picture import Line
from autograd_tiny.pictures.theme import Color
from autograd_tiny.pictures.writers.dot import LEADING, colored, table, written
from autograd_tiny.pictures.writers.graph import Graph
from autograd_tiny.stepper.events import Backward, Forward, Node, Seed
from autograd_tiny.stepper.narration import explain_step
from autograd_tiny.stepper.traces import State, Trace

MOST_VALUES = 1000  # a larger layout takes seconds and cannot be read
LONGEST_LINE, MOST_LINES = 104, 4  # characters of a line of the caption, lines of each of its parts
LONGEST_TITLE = 26  # characters of each of the two lines of a box's title
PALE = {Color.VALUE: Color.PALE_VALUE, Color.GRAD: Color.PALE_GRAD}


class Box(NamedTuple):
    """Text and look of a value's box at one step."""

    title: tuple[str, ...]
    lines: tuple[Line, ...]
    role: str  # active, target, known, waiting
    color: Color  # of the pass


class Scene:
    """The texts of every step, each passed through `spelled`, and the size of each box."""

    def __init__(self, trace: Trace, longest: int = LONGEST_LINE, spelled: Callable[[str], str] = str) -> None:
        if len(trace.nodes) > MOST_VALUES:
            raise ValueError(
                f"too large to draw: {len(trace.nodes):,} values, and the limit is {MOST_VALUES:,}. Trace a value "
                "nearer to the leaves, or the same function on fewer data points"
            )
        self.trace = trace
        before = trace.at(-1)
        shown = [[*_lines(node.data, None), *_lines(None, before.grad(node))] for node in trace.nodes]
        self.locals: dict[tuple[int, int], str] = {}
        for step in trace:
            if isinstance(step, Backward):
                self.locals[step.node.number, step.i] = f"local {short(step.local)}"
            if not isinstance(step, Forward):
                shown[(step.operand if isinstance(step, Backward) else step.node).number] += _lines(None, step.after)
        self.titles = [wrapped(spelled(node.named.title), LONGEST_TITLE, 2) for node in trace.nodes]
        texts = ([*title, *map(str, lines)] for title, lines in zip(self.titles, shown, strict=True))
        self.widths = [max(map(text_width, lines)) + 20 for lines in texts]
        self.heights = [LEADING * (len(title) + len(_lines(None, None))) + 8.0 for title in self.titles]
        self.captions = [_caption(trace, n, longest, spelled) for n in range(len(trace))]
        self.wide = max(text_width(line) for lines in self.captions for line, _ in lines)
        self.high = LEADING * max(map(len, self.captions))

    def box(self, node: Node, state: State) -> Box:
        step = self.trace[state.n]
        color = Color.VALUE if isinstance(step, Forward) else Color.GRAD
        role = "known" if state.known(node) else "waiting"
        if isinstance(step, Backward) and node is step.operand:
            role = "target"
        elif node is step.node:
            role = "active"
        lines = _lines(node.data if state.known(node) else None, state.grad(node))
        return Box(self.titles[node.number], lines, role, color)

    def active(self, n: int, use: tuple[int, int]) -> Color | None:
        """Return the colour of a use's arrow if step n passes along it, else None."""
        step = self.trace[n]
        if step.node.number != use[0] or isinstance(step, Seed):
            return None
        return Color.VALUE if isinstance(step, Forward) else Color.GRAD if step.i == use[1] else None

    def graph(self, n: int, arrowhead: str = "normal") -> Graph:
        state = self.trace.at(n)
        lines = [(written(line), head) for line, head in self.captions[n]]
        rows = [f"<b>{line}</b>" if head else line for line, head in lines]
        text = "".join(f'{row}<br align="left"/>' for row in rows)
        caption = _room(self.wide, self.high, text, 6)
        graph = Graph("frame", format="svg")
        graph.attr(rankdir="LR", ordering="in", nodesep="0.2", ranksep="0.1", label=caption, labelloc="b")
        graph.attr(labeljust="l", fontname="Helvetica", fontsize=str(SIZE), fontcolor=Color.INK.light)
        graph.attr(
            "node", shape="box", fixedsize="true", fontname="Helvetica", fontsize=str(SIZE), fontcolor=Color.INK.light
        )
        graph.attr("edge", arrowsize="0.6", arrowhead=arrowhead, fontname="Helvetica", fontsize=str(SIZE - 1))
        for node in self.trace.nodes:
            box, width, height = self.box(node, state), self.widths[node.number] / 72, self.heights[node.number] / 72
            graph.node(f"n{node.number}", _rows(box), width=f"{width:.4f}", height=f"{height:.4f}", **_look(box))
        for node in self.trace.nodes:
            for i, operand in [(i, x) for i, x in enumerate(node.operands) if isinstance(x, Node)]:
                use = node.number, i
                color = self.active(n, use)
                text = (
                    f'<font color="{Color.INK.light}"><b>{self.locals[use]}</b></font>' if color is Color.GRAD else ""
                )
                label = _room(text_width(self.locals[use]) + 6, LEADING, text)
                look = {"color": color.light, "penwidth": "4"} if color else {"color": Color.LINE.light}
                graph.edge(f"n{operand.number}", f"n{node.number}", label, **look)
        return graph


def _look(box: Box) -> dict[str, str]:
    """Style a box; its role shows without colours, too: the active box is filled, the target's frame dashed."""
    match box.role:
        case "active":
            return {
                "style": "rounded,filled",
                "fillcolor": PALE[box.color].light,
                "color": box.color.light,
                "penwidth": "3",
            }
        case "target":
            return {"style": "rounded,dashed", "color": box.color.light, "penwidth": "3"}
        case "known":
            return {"style": "rounded", "color": Color.INK.light}
        case _:
            return {"style": "rounded", "color": Color.LINE.light}


def _rows(box: Box) -> str:
    color = Color.WAITING if box.role == "waiting" else Color.INK
    title = (f'<font color="{color.light}"><b>{written(line) or " "}</b></font>' for line in box.title)
    return table(itertools.chain(title, map(colored, box.lines)))


def _room(width: float, height: float, inside: str, padding: int = 0) -> str:
    """Write a label of fixed size."""
    size = f'fixedsize="true" width="{width + 2 * padding:.0f}" height="{height + 2 * padding:.0f}"'
    cell = f'<td {size} cellpadding="{padding}" align="left" balign="left" valign="top">{inside}</td>'
    return f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="0" {size}><tr>{cell}</tr></table>>'


def _lines(data: float | None, grad: float | None) -> tuple[Line, ...]:
    """Write the data and grad lines of a box; – for None."""
    numbers = ((DATA, data), (GRAD, grad))
    return tuple(quantity.line("–" if x is None else short(x)) for quantity, x in numbers)


def _caption(trace: Trace, n: int, longest: int, spelled: Callable[[str], str]) -> list[tuple[str, bool]]:
    """List the lines of the caption, each with True if it belongs to the headline."""
    parts = [wrapped(spelled(part), longest, MOST_LINES) for part in explain_step(trace, n)[:3]]
    return [(line, i == 0) for i, lines in enumerate(parts) for line in lines]

"""The questions of a work sheet, and the same with their answers, all from the trace; as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from autograd_tiny.engine.digits import equals, short
from autograd_tiny.engine.symbol import explain
from autograd_tiny.pictures.measure import printable
from autograd_tiny.stepper.events import Backward, Forward, Node, rule
from autograd_tiny.stepper.narration import explain_step, left_over
from autograd_tiny.stepper.traces import Trace

MOST_VALUES = 60  # a longer sheet is more than a lesson
NUDGE = 0.01


class Answer(NamedTuple):
    """A cell to fill in: what is right, and the blank for it."""

    text: str
    blank: str = "________"

    def __str__(self) -> str:
        return self.text


class Part(NamedTuple):
    """A group of questions: a table with a row per question."""

    heading: str
    task: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str | Answer, ...]]


def title(trace: Trace) -> str:
    """Name the sheet after its output."""
    return f"Work sheet: {printable(trace.output.named.title)}"


def given(trace: Trace) -> str:
    """List the numbers that are given."""
    leaves = [node for node in trace.nodes if node.op is None]
    text = ", ".join(f"{printable(v.name)} {equals(v.data)} {short(v.data)}" for v in leaves)
    return f"Given: {text}." if text else ""


def numbered_uses(trace: Trace) -> dict[tuple[int, int], int]:
    """Number the arrows in the order of the sweep, from 1."""
    passes = [step for step in trace if isinstance(step, Backward)]
    return {(step.node.number, step.i): k for k, step in enumerate(passes, 1)}


def questions(trace: Trace) -> list[Part]:
    """List the parts of the sheet in the order in which they are computed.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> a = Value(3.0, "a")
    >>> for part in questions(trace(a * a)):
    ...     print(part.heading, *part.rows[0], sep=" | ")
    Forward | a * a | 3 * 3 = 9
    Local derivatives | 1 | ∂(a * a)/∂a | mul | a = 3
    Backward | 1 | a | 1 | 3 | 3 | 3
    Sums | a | 3 + 3 | 6
    Nudges | a | 0.06

    Raises ValueError for more than 60 values, and for a value that is given.
    """
    if len(trace.nodes) > MOST_VALUES:
        raise ValueError(
            f"too large for a work sheet: {len(trace.nodes):,} values, and the limit is {MOST_VALUES}; "
            "take the same function with fewer data points or neurons"
        )
    if trace.output.op is None:
        raise ValueError(f"{trace.output.name} is given: there is nothing to compute on a work sheet")
    passes, y = [step for step in trace if isinstance(step, Backward)], printable(trace.output.name)
    parts = [
        Part(
            "Forward",
            "Compute each value, in the order of the code, and write it into its box.",
            ("value", "data"),
            [
                (printable(step.node.named.title), Answer(_computed(trace, n)))
                for n, step in enumerate(trace[: trace.seed])
                if isinstance(step, Forward) and step.node.op is not None
            ],
        ),
        Part(
            "Local derivatives",
            "For each arrow: how much does the value at its tip move, for each unit that the value at its tail moves? "
            "Write the rule and its number here.",
            ("arrow", "local derivative", "rule of", "formula = number"),
            [
                (str(k), _local(step), step.node.op.name, Answer(_by_rule(step)))
                for k, step in enumerate(passes, 1)
                if step.node.op is not None
            ],
        ),
        Part(
            "Backward",
            f"Begin with the seed, ∂{_whole(y)}/∂{_whole(y)} = 1. Take the arrows in this order: a value passes its "
            "gradient on once all that it receives has arrived. Upstream is the gradient at the arrow's tip. "
            f"{left_over(trace)}".strip(),
            ("arrow", "to", "upstream", "× local", "= product", "gradient so far"),
            [
                (
                    str(k),
                    printable(step.operand.name),
                    *(Answer(short(x)) for x in (step.upstream, step.local, step.contribution, step.after)),
                )
                for k, step in enumerate(passes, 1)
            ],
        ),
        Part(
            "Sums",
            "The gradient of a value that is used more than once is the sum of what its arrows bring.",
            ("value", "sum", "gradient"),
            [
                (printable(node.name), _sum(brought), Answer(short(gradient)))
                for node, (brought, gradient) in _received(passes).items()
                if len(brought) > 1
            ],
        ),
        Part(
            "Nudges",
            f"What a gradient is good for: one value moves by {NUDGE:g}, the others stay. By about how much does {y} "
            "move?",
            ("value that moves", f"move of {y}"),
            [
                (printable(node.name), Answer(short(float(f"{NUDGE * _slope(passes, node):.6g}"))))
                for node in trace.nodes
                if node.op is None and node is not trace.output
            ],
        ),
    ]
    return [part for part in parts if part.rows]


def shown(cell: str | Answer, answers: bool) -> str:
    """Return the text of a cell, blank or with its answer."""
    return str(cell) if answers or isinstance(cell, str) else cell.blank


def rules(trace: Trace) -> list[str]:
    """List the rules that the answers use, from the table of ops."""
    found = {}
    for node in trace.nodes:
        if node.op is not None and node.op.name not in found:
            try:
                found[node.op.name] = explain(node.op).splitlines()
            except (TypeError, ValueError, ArithmeticError):  # a rule that branches
                found[node.op.name] = []
    return [line for lines in found.values() for line in lines]


def markdown(trace: Trace, answers: bool = False) -> str:
    """Write the sheet as Markdown, for the terminal."""
    parts = questions(trace)
    lines = [f"# {title(trace)}", "", given(trace), ""]
    for n, part in enumerate(parts, 1):
        lines += [f"## {n}. {part.heading}", "", part.task, "", *_table(part, False), ""]
    if answers:
        lines += ["# Answers", ""]
        for n, part in enumerate(parts, 1):
            lines += [f"## {n}. {part.heading}", "", *_table(part, True), ""]
        if used := rules(trace):
            lines += ["## Rules", "", *(f"    {line}" for line in used), ""]
    return "\n".join(lines)


def _table(part: Part, answers: bool) -> list[str]:
    """Write a table of Markdown whose columns are aligned in plain text, too."""
    cells: list[tuple[str, ...]] = [part.columns, *(tuple(shown(cell, answers) for cell in row) for row in part.rows)]
    cells = [tuple(re.sub(r"([\\|])", r"\\\1", cell) for cell in row) for row in cells]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    rows = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    rules = "-|-".join("-" * width for width in widths)
    return [f"| {rows[0]} |", f"|-{rules}-|", *(f"| {row} |" for row in rows[1:])]


def _computed(trace: Trace, n: int) -> str:
    step = trace[n]
    return explain_step(trace, n).equation.removeprefix(step.node.named.title).lstrip(" =")


def _local(step: Backward) -> str:
    return printable(f"∂{_whole(step.node.name)}/∂{_whole(step.operand.name)}")


def _by_rule(step: Backward) -> str:
    """Write the rule of a step on its operands and its number: ``w1 = -3``."""
    text, number = rule(step).removeprefix("local = "), short(step.local)
    return printable(f"{text} {equals(step.local)} {number}") if text and text != number else number


def _slope(passes: Sequence[Backward], node: Node) -> float:
    """Sum what reaches a value in this pass, without what was left over."""
    return sum(step.contribution for step in passes if step.operand is node)


def _received(passes: Sequence[Backward]) -> dict[Node, tuple[list[float], float]]:
    """Collect what reaches each value, in the order of the sweep, and its gradient; what was left over comes first."""
    found: dict[Node, tuple[list[float], float]] = {}
    for step in passes:
        before = found[step.operand][0] if step.operand in found else [step.before] if step.before else []
        found[step.operand] = [*before, step.contribution], step.after
    return found


def _sum(brought: Sequence[float]) -> Answer:
    numbers = [short(brought[0]), *(f"({text})" if text.startswith("-") else text for text in map(short, brought[1:]))]
    return Answer(" + ".join(numbers), " + ".join("____" for _ in brought))


def _whole(text: str) -> str:
    return text if re.fullmatch(r"[\w.\[\]]+(\([^()]*\))?", text) else f"({text})"

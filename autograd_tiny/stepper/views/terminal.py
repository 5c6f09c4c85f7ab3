"""Print a trace in the terminal: one line for each step of forward and backward."""

from __future__ import annotations

from itertools import groupby

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from autograd_tiny.engine.digits import equals, short
from autograd_tiny.engine.names import number, spell
from autograd_tiny.engine.terminal import clean, new_console
from autograd_tiny.engine.value import NO_GRAD, Value
from autograd_tiny.pictures.theme import Color
from autograd_tiny.stepper.events import Backward, Forward, Node, Seed, rule
from autograd_tiny.stepper.narration import left_over, numbered_use
from autograd_tiny.stepper.traces import Trace, as_trace

VALUE, GRAD = Color.VALUE.either, Color.GRAD.either


def print_trace(trace: Trace | Value, console: Console | None = None) -> None:
    """Print every step: the values computed, then for each use upstream × local, and the grad before → after.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> print_trace(trace(Value(2.0, "a") * Value(-3.0, "b")), Console(width=80))
    FORWARD
      1  a = 2
      2  b = -3
      3  a * b = 2 * -3 = -6
    BACKWARD  operand.grad += upstream × local
      4  ∂(a * b)/∂(a * b) = 1, the seed  grad 0 → 1
         from a * b
      5    a += 1 × -3 = -3  grad – → -3  use 1 of 1, final  local = b
      6    b += 1 × 2 = 2    grad – → 2   use 1 of 1, final  local = a
    """
    trace = as_trace(trace, "print_trace")
    console = console or new_console()
    for line in lines(trace):
        console.print(line, soft_wrap=True, highlight=False)


def lines(trace: Trace) -> list[Text]:
    """List the lines of `print_trace`."""
    digits = len(str(len(trace)))
    rows: list[Text] = [Text("FORWARD", "bold")]
    if left := left_over(trace):
        rows[0].append(clean(f"  {left}"), "dim")
    numbered = list(enumerate(trace, 1))
    for n, step in numbered:
        if isinstance(step, Forward):
            rows.append(_numbered(n, digits).append_text(_forward(step.node)))
    rows.append(Text.assemble(("BACKWARD", "bold"), ("  operand.grad += upstream × local", "dim")))
    for n, step in numbered:
        if isinstance(step, Seed):
            name = step.node.name if step.node.named.label.binds == 99 else f"({step.node.name})"
            change = _change(step.before, step.after)
            rows.append(
                _numbered(n, digits).append(clean(f"∂{name}/∂{name} = 1, the seed")).append(f"  grad {change}", GRAD)
            )
    backward = [(n, step) for n, step in numbered if isinstance(step, Backward)]
    table = [_cells(step) for _, step in backward]
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    for node, group in groupby(zip(backward, table, strict=True), key=lambda item: item[0][1].node):
        rows.append(Text.assemble(" " * (digits + 4), ("from ", "dim"), clean(node.named.title)))
        for (n, _), cells in group:
            name, share, change, use, spelled = (
                cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)
            )
            row = _numbered(n, digits).append(f"  {name} += {share}").append(f"  grad {change}", GRAD)
            rows.append(row.append(f"  {use}  {spelled}".rstrip(), "dim"))
    return rows


def _forward(node: Node) -> Text:
    if node.op is None:
        return Text.assemble(clean(f"{node.name} {equals(node.data)} "), (short(node.data), VALUE))
    numbers = [x.data if isinstance(x, Node) else x for x in node.operands]
    computed = spell(node.op, [number(x) for x in numbers]).text
    sign = equals(node.data, *numbers)
    return Text.assemble(clean(f"{node.named.title} = {computed} {sign} "), (short(node.data), VALUE))


def _cells(step: Backward) -> tuple[str, ...]:
    sign = "passes the pole as" if step.passes_pole else equals(step.upstream, step.local, step.contribution)
    share = f"{short(step.upstream)} × {short(step.local)} {sign} {short(step.contribution)}"
    use = numbered_use(step)
    return clean(step.operand.name), share, _change(step.before, step.after), use, clean(rule(step))


def _change(before: float, after: float) -> str:
    return f"{'–' if before is NO_GRAD else short(before)} → {short(after)}"


def _numbered(n: int, digits: int) -> Text:
    return Text().append(f"{n:>{digits + 2}}  ", "dim")

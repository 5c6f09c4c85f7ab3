"""A program as Python that needs only the standard library; it replays some hundred times as fast as a graph is built."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from autograd_tiny.compile.lower import opaque, prepared
from autograd_tiny.compile.program import Place, Program
from autograd_tiny.op import EDGES

INFIX = frozenset(("+", "-", "*", "/", "<", "<=", ">", ">=", "==", "!="))
WORDS = {"neg": "-{}", "select": "({1} if {0} else {2})"}


def source(program: Program) -> str:
    """The text of a function of one sample: a list of floats in, a list of floats out.

    >>> from autograd_tiny import ops
    >>> from autograd_tiny.compile.program import Step
    >>> print(source(Program(("x",), (Step(ops.sigmoid, (0,)),), (1,))))
    import math
    <BLANKLINE>
    <BLANKLINE>
    def f(inputs):
        x0, = inputs
        v1 = math.fabs(x0)
        ...
    """
    program = prepared(program)
    n = len(program.inputs)
    called = {op: f"op{i}" for i, op in enumerate(opaque(program))}
    lines = ["import math", "", "", "def f(inputs):"]
    if n:
        lines.append(f"    {', '.join(f'x{i}' for i in range(n))}, = inputs")
    names = [f"x{i}" for i in range(n)]
    for place, (op, operands) in enumerate(program.steps, n):
        xs = [_text(x, names) for x in operands]
        if op.machine in INFIX:
            written = f"{xs[0]} {op.machine} {xs[1]}"
            written = f"float({written})" if op.machine[0] in "<>=!" else written
        elif op.machine:
            written = WORDS.get(op.machine, f"math.{op.machine}({', '.join('{}' for _ in xs)})").format(*xs)
        else:
            written = f"{called[op]}({', '.join(xs)})"
        names.append(f"v{place}")
        lines.append(f"    v{place} = {written}")
    lines.append(f"    return [{', '.join(_text(y, names) for y in program.outputs)}]")
    return "\n".join(lines) + "\n"


def _text(x: Place, names: Sequence[str]) -> str:
    if isinstance(x, int):
        return names[x]
    text = repr(x) if math.isfinite(x) else f"{'-' if x < 0 else ''}math.{'inf' if x == x else 'nan'}"
    return f"({text})" if text[0] == "-" else text


def build(program: Program, **options: Any) -> Callable[..., Any]:
    """The program as a kernel: `kernel(shared, batched, size)`; where Python raises, the sample is run under IEEE 754."""
    scope: dict[str, Any] = {f"op{i}": op.ieee for i, op in enumerate(opaque(prepared(program)))}
    exec(compile(source(program), "<program>", "exec"), scope)  # our own text: names, numbers and words of the table
    f = scope["f"]

    def one(xs: list[float]) -> list[float]:
        try:
            return f(xs)
        except EDGES:
            return program.run(xs, lambda op, operands: op.ieee(*operands))

    def kernel(shared: Any, batched: Sequence[Iterable[Any]] = (), size: int | None = None) -> Any:
        fixed = _floats(shared)
        if size is None:
            return one(fixed)
        results = [one(fixed + [x for row in rows for x in _floats(row)]) for rows in zip(*batched, strict=True)]
        columns = [list(column) for column in zip(*results, strict=True)]
        return [_sum(column) for column in columns] if program.reduce else columns

    return kernel


def _sum(ys: list[float]) -> float:
    try:
        return math.fsum(ys)
    except (ValueError, OverflowError):  # inf - inf, or beyond the largest float
        return sum(ys)


def _floats(xs: Any) -> list[float]:
    return xs.tolist() if hasattr(xs, "tolist") else list(xs)

"""Compile a program to Python that needs only the standard library: some hundred times faster than building a graph."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from autograd_tiny.compiler.backends.text import parameters, text
from autograd_tiny.compiler.lower import prepared
from autograd_tiny.engine.op import EDGES
from autograd_tiny.transforms.program import Program


def build(program: Program, *, contract: bool = False, threads: int = 1) -> Callable[..., Any]:
    """Compile a program to `kernel(shared, batched, size)`; a sample that raises is run again under IEEE 754.

    >>> from autograd_tiny.engine import ops
    >>> from autograd_tiny.transforms.program import Step
    >>> build(Program(("x",), (Step(ops.reciprocal, (0,)),), (1,)))([0.0])
    [inf]

    `contract` and `threads` have no effect.
    """
    return prepared_kernel(prepared(program))


def prepared_kernel(program: Program) -> Callable[..., Any]:
    """Compile a program that is prepared already."""
    scope: dict[str, Any] = {}
    code = compile(text(program, "python"), "<program>", "exec")
    exec(code, scope)  # our own text: generated names, numbers and words of the table only
    ops = {name: op.ieee for (op, _), name in parameters(program).items()}
    f = partial(scope["f"], **ops) if ops else scope["f"]

    def one(xs: list[float]) -> list[float]:
        try:
            return f(xs)
        except EDGES:
            return program.run(xs, lambda op, operands: op.ieee(*operands))

    def kernel(shared: Any, batched: Sequence[Iterable[Any]] = (), size: int | None = None) -> Any:
        fixed = _floats(shared)
        if size is None:
            return one(fixed)
        results = [one(fixed + [x for row in rows for x in row]) for rows in zip(*map(_floats, batched), strict=True)]
        columns = [list(column) for column in zip(*results, strict=True)]
        return [_sum(column) for column in columns] if program.reduce else columns

    return kernel


def _floats(xs: Any) -> list[Any]:
    return xs.tolist() if hasattr(xs, "tolist") else list(xs)


def _sum(xs: list[float]) -> float:
    try:
        return math.fsum(xs)
    except EDGES:  # inf - inf, or overflow on the way
        return sum(xs)

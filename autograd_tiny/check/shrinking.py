"""The simplest program that is wrong in the same way: faster than hypothesis, which knows nothing of graphs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from autograd_tiny.check.strategies import NICE, pruned
from autograd_tiny.engine import ops
from autograd_tiny.engine.op import EDGES, Op
from autograd_tiny.transforms.program import Program, Step

MOST = 600  # programs tried


def simplest(program: Program, is_wrong: Callable[[Program], bool], table: Sequence[Op]) -> Program:
    """Simplify a wrong program as long as it stays wrong: fewer steps, fewer inputs, simpler ops and numbers.

    >>> program = pruned([3.0, 5.0], [Step(ops.mul, (0, 1)), Step(ops.tanh, (2,)), Step(ops.add, (3, 2))], True)
    >>> simplest(program, lambda p: any(op is ops.tanh for op, _ in p.steps), [ops.add, ops.tanh]).expression()
    'tanh(x0)'
    """
    tried, tries = {_key(program)}, 0
    found = True
    while found:
        found = False
        for candidate in _simpler(program, table):
            if _key(candidate) in tried or tries > MOST:
                continue
            tried.add(_key(candidate))
            tries += 1
            if is_wrong(candidate):
                program, found = candidate, True
                break
    return program


def _key(program: Program) -> tuple[object, ...]:
    return program.steps, repr(program.example)  # repr, because 0.0 == -0.0


def _simpler(program: Program, table: Sequence[Op]) -> Iterator[Program]:
    """Generate simpler programs that floats can compute, the much simpler ones first."""
    n, steps, example = len(program.inputs), list(program.steps), list(program.example)
    can_add = ops.add in table

    def made(steps: list[Step], example: list[float] = example) -> Iterator[Program]:
        if steps and _computes(steps, example):
            yield pruned(example, steps, can_add)

    for k in range(1, len(steps)):  # stop early
        yield from made(steps[:k])
    for k, (_, operands) in enumerate(steps):  # leave a step out, with one of its operands instead
        for place in dict.fromkeys(x for x in operands if isinstance(x, int)):
            yield from made([_with(step, n + k, place, gone=True) for step in steps[:k] + steps[k + 1 :]])
    for i in range(1, n):  # one input instead of two
        for j in range(i):
            yield from made([_with(step, i, j) for step in steps])
    for k, (op, operands) in enumerate(steps):
        for i, x in enumerate(operands):  # earlier operands
            for other in range(min(x, n)) if isinstance(x, int) else ():
                moved = (*operands[:i], other, *operands[i + 1 :])
                yield from made([*steps[:k], Step(op, moved), *steps[k + 1 :]])
        if op in table:  # an op that comes before it in the table
            for row in [row for row in table[: table.index(op)] if _alike(row, op)][:2]:
                yield from made([*steps[:k], Step(row, operands), *steps[k + 1 :]])
    for i, x in enumerate(example):
        for nice in NICE[: NICE.index(x)] if x in NICE else (*NICE, float(round(x)) if abs(x) < 1e6 else x):
            if nice != x:
                yield from made(steps, [*example[:i], nice, *example[i + 1 :]])


def _with(step: Step, old: int, new: int, gone: bool = False) -> Step:
    """Replace an operand; if its step is gone, the values after it move up by one."""

    def place(x: int | float) -> int | float:
        if not isinstance(x, int):
            return x
        x = new if x == old else x
        return x - 1 if gone and x > old else x

    return Step(step.op, tuple(map(place, step.operands)))


def _alike(row: Op, op: Op) -> bool:
    return isinstance(row.partials, tuple) and isinstance(op.partials, tuple) and len(row.partials) == len(op.partials)


def _computes(steps: Sequence[Step], example: Sequence[float]) -> bool:
    floats = list(example)
    for op, operands in steps:
        try:
            y = op.forward(*(floats[x] if isinstance(x, int) else x for x in operands))
        except EDGES:
            return False
        if not math.isfinite(y):
            return False
        floats.append(y)
    return True

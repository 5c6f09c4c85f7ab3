"""Dead-code elimination, constant folding, common-subexpression elimination.

Each pass maps a program to a shorter one with the same outputs, bit for bit; `PASSES` has their order.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

from autograd_tiny.transforms.program import Place, Program, Step

Change = Callable[[int, Step], Step | Place]  # (new place, step) -> replacement


def without_dead_steps(program: Program) -> Program:
    """Remove steps on which no output depends (dead-code elimination).

    >>> from autograd_tiny.engine import ops
    >>> without_dead_steps(Program(("x",), (Step(ops.exp, (0,)), Step(ops.neg, (0,))), (2,)))
    program of 1 input, 1 step, 1 output
    v1 = -x
    return v1
    """
    n = len(program.inputs)
    alive = bytearray(n + len(program.steps))
    for y in program.outputs:
        if isinstance(y, int):
            alive[y] = 1
    for place in range(len(alive) - 1, n - 1, -1):
        if alive[place]:
            for x in program.steps[place - n].operands:
                if x.__class__ is int:
                    alive[x] = 1
    if alive.count(1, n) == len(program.steps):
        return program
    living = iter(alive[n:])
    return _rebuilt(program, lambda place, step: step if next(living) else 0.0)


def with_shared_steps(program: Program) -> Program:
    """Compute equal steps once (common-subexpression elimination); b + a and b * a equal a + b and a * b.

    >>> from autograd_tiny.engine import ops
    >>> with_shared_steps(Program(("x",), (Step(ops.exp, (0,)), Step(ops.exp, (0,))), (1, 2))).outputs
    (1, 1)
    """
    known: dict[object, int] = {}

    def shared(place: int, step: Step) -> Step | Place:
        op, operands = step
        key: list[object] = [x if x.__class__ is int else _bits(x) for x in operands]
        if op.machine in ("+", "*") and str(key[1]) < str(key[0]):
            key.reverse()
        found = known.setdefault((op, *key), place)
        return step if found == place else found

    return _rebuilt(program, shared)


def folded(program: Program) -> Program:
    """Evaluate steps of constants and drop neutral ones: x * 1, x / 1, x - 0. Keep 0 * x, which may be nan.

    >>> from autograd_tiny.engine import ops
    >>> folded(Program(("x",), (Step(ops.exp, (0.0,)), Step(ops.mul, (1, 0))), (2,))).outputs  # e⁰ · x
    (0,)
    """
    return _rebuilt(program, _folded)


# Dead steps go first to save work, sharing comes after folding because folding makes steps equal.
PASSES: tuple[Callable[[Program], Program], ...] = (without_dead_steps, folded, with_shared_steps, without_dead_steps)


def optimized(program: Program) -> Program:
    """Apply all passes.

    >>> from autograd_tiny.engine import ops
    >>> optimized(Program(("x",), (Step(ops.exp, (0.0,)), Step(ops.mul, (1, 0)), Step(ops.neg, (0,))), (2,)))
    program of 1 input, 0 steps, 1 output
    return x
    """
    for change in PASSES:
        program = change(program)
    return program


def _folded(place: int, step: Step) -> Step | Place:
    op, operands = step
    for x in operands:
        if x.__class__ is int:
            break
    else:
        return float(op.ieee(*operands))
    sign = op.machine
    if sign == "select" and isinstance(operands[0], float):
        return operands[1] if operands[0] else operands[2]
    if sign in _UNITS and (operands[0].__class__ is float or operands[1].__class__ is float):
        for x, other, unit in zip(operands, operands[::-1], _UNITS[sign], strict=True):
            if unit is not None and x.__class__ is float and _bits(x) == _bits(unit):
                return other
    return step


# Neutral left and right operand, for every float including signed zeros.
_UNITS = {"+": (-0.0, -0.0), "-": (None, 0.0), "*": (1.0, 1.0), "/": (None, 1.0)}


def _bits(x: float) -> bytes:
    """Bits of a float, to tell -0.0 from 0.0 and to make nan equal itself."""
    return struct.pack("d", x) if x == x else b"nan"


def _rebuilt(program: Program, change: Change) -> Program:
    """Replace each step by the result of `change`: a step, or the place or constant with the same value."""
    n = len(program.inputs)
    new: list[Place] = list(range(n))
    steps: list[Step] = []
    for step in program.steps:
        operands = tuple([new[x] if x.__class__ is int else x for x in step.operands])
        found = change(n + len(steps), Step(step.op, operands))
        if found.__class__ is Step:
            steps.append(found)
            found = n + len(steps) - 1
        new.append(found)  # type: ignore[arg-type]
    outputs = tuple([new[y] if isinstance(y, int) else y for y in program.outputs])
    return replace(program, steps=tuple(steps), outputs=outputs)

"""A program made shorter: what nothing uses goes, what is computed twice is computed once, what is known is computed now.

Each pass gives a program with the same outputs, bit for bit.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import replace

from autograd_tiny.compile.program import Place, Program, Step


def optimized(program: Program) -> Program:
    """All passes: one walk forwards that folds and shares, one back that drops."""
    return without_dead_steps(with_shared_steps(folded(program)))


def without_dead_steps(program: Program) -> Program:
    """Only the steps that an output depends on.

    >>> from autograd_tiny import ops
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
                if isinstance(x, int):
                    alive[x] = 1
    return _rebuilt(program, lambda old, place, step: step if alive[old] else 0.0)


def with_shared_steps(program: Program) -> Program:
    """The same op on the same operands once: a * b and b * a too, where the op's sign says that they are the same.

    >>> from autograd_tiny import ops
    >>> with_shared_steps(Program(("x",), (Step(ops.exp, (0,)), Step(ops.exp, (0,))), (1, 2))).outputs
    (1, 1)
    """
    known: dict[object, int] = {}

    def shared(old: int, place: int, step: Step) -> Step | Place:
        operands: tuple[object, ...] = tuple([x if isinstance(x, int) else _bits(x) for x in step.operands])
        if step.op.machine in ("+", "*"):
            operands = tuple(sorted(operands, key=str))
        found = known.setdefault((step.op, operands), place)
        return step if found == place else found

    return _rebuilt(program, shared)


def folded(program: Program) -> Program:
    """Steps of constants only are computed, and those that change nothing left out: x * 1, x / 1, x - 0, +x; 0 * x stays.

    >>> from autograd_tiny import ops
    >>> folded(Program(("x",), (Step(ops.exp, (0.0,)), Step(ops.mul, (1, 0))), (2,))).outputs  # e⁰ · x
    (0,)
    """
    return _rebuilt(program, lambda old, place, step: _folded(step))


def _folded(step: Step) -> Step | Place:
    op, operands = step
    if not any(isinstance(x, int) for x in operands):
        return float(op.ieee(*operands))
    sign = op.machine
    if sign == "select" and isinstance(operands[0], float):
        return operands[1] if operands[0] else operands[2]
    if len(operands) == 2 and sign in _UNITS:
        for x, other, unit in zip(operands, operands[::-1], _UNITS[sign], strict=True):
            if unit is not None and isinstance(x, float) and _bits(x) == _bits(unit):
                return other
    return step


# The operand that leaves the other as it is, on the left and on the right, for every float and its sign.
_UNITS = {"+": (-0.0, -0.0), "-": (None, 0.0), "*": (1.0, 1.0), "/": (None, 1.0)}


def _bits(x: float) -> bytes:
    """A float as what it is: -0.0 is not 0.0, and nan is itself."""
    return struct.pack("d", x) if not math.isnan(x) else b"nan"


def _rebuilt(program: Program, changed: Callable[[int, int, Step], Step | Place]) -> Program:
    """Each step replaced by `changed(its old place, its new place, step)`: a step, or a place that has its value."""
    n = len(program.inputs)
    new: list[Place] = list(range(n))
    steps: list[Step] = []
    place = n
    for old, step in enumerate(program.steps, n):
        moved = Step(step.op, tuple([new[x] if isinstance(x, int) else x for x in step.operands]))
        found = changed(old, place, moved)
        if isinstance(found, Step):
            steps.append(found)
            found, place = place, place + 1
        new.append(found)
    outputs = tuple([new[y] if isinstance(y, int) else y for y in program.outputs])
    return replace(program, steps=tuple(steps), outputs=outputs)

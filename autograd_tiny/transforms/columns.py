"""A program as columns: op codes and operands in flat typed arrays, the form that analyses and loops work on."""

from __future__ import annotations

from array import array
from typing import NamedTuple

from autograd_tiny.engine.op import Op
from autograd_tiny.transforms.program import Place, Program

NONE = -(1 << 31)  # of a column: the op has no such operand


class Columns(NamedTuple):
    """Steps of a program as columns; a place is the index of an input or a step, or ~i for constant i.

    >>> from autograd_tiny.engine import ops
    >>> from autograd_tiny.transforms.program import Step
    >>> columns = columns_of(Program(("x",), (Step(ops.mul, (0, 2.5)), Step(ops.exp, (1,))), (2,)))
    >>> [op.name for op in columns.ops], columns.code.tolist(), [x.tolist() for x in columns.operands]
    (['mul', 'exp'], [0, 1], [[0, 1], [-1, -2147483648]])
    >>> columns.constants.tolist(), columns.outputs.tolist()
    ([2.5], [2])

    `operands` has as many columns as the widest op has operands. NumPy views a column without a copy: np.asarray.
    """

    inputs: int
    ops: list[Op]  # ops[code[i]] is the op of step i, whose place is inputs + i
    code: array[int]
    operands: tuple[array[int], ...]
    constants: array[float]
    outputs: array[int]


def columns_of(program: Program) -> Columns:
    """Write the steps of a program as columns; equal constants, to the bit, share a place."""
    codes: dict[Op, int] = {}
    code = array("i", [codes.setdefault(step.op, len(codes)) for step in program.steps])
    known: dict[str, int] = {}

    def placed(x: Place) -> int:
        return x if isinstance(x, int) else ~known.setdefault(float(x).hex(), len(known))

    width = max((len(step.operands) for step in program.steps), default=0)
    rows = [[placed(x) for x in step.operands] for step in program.steps]
    operands = tuple(array("i", [row[k] if k < len(row) else NONE for row in rows]) for k in range(width))
    outputs = array("i", [placed(y) for y in program.outputs])
    constants = array("d", map(float.fromhex, known))
    return Columns(len(program.inputs), list(codes), code, operands, constants, outputs)

"""Write a program as JSON data, and read it in another process; nothing in a file is executed."""

from __future__ import annotations

import sys
from array import array
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from itertools import count, repeat
from operator import ge
from typing import Any

from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Op
from autograd_tiny.transforms.columns import NONE, Steps, columns_of
from autograd_tiny.transforms.program import Program
from autograd_tiny.transforms.tracer import CUT

FAMILIES: dict[str, Callable[..., Op]] = {
    family.__name__: family for family in (ops.polygamma, ops.falling_power, ops.sinc_derivative)
}


class Unwritable(TypeError):
    """A trace holds an op or a container of the user, which only the program that made it knows."""


def program_written(program: Program) -> dict[str, Any]:
    """Describe a program by lists, strings and numbers.

    Raises Unwritable for an op that is not in the table.
    """
    columns = columns_of(program)
    return {
        "inputs": list(program.inputs),
        "ops": [_op_written(op) for op in columns.ops],
        "code": _text(columns.code),
        "operands": [_text(column) for column in columns.operands[:3]],
        "more": [[i, *places] for i, places in program.steps.more.items()],
        "constants": _text(columns.constants),
        "outputs": _text(columns.outputs),
        "widths": list(program.widths),
        "reduce": program.reduce,
        "example": _text(array("d", program.example)),
    }


def program_read(data: Any, is_ours: bool = False) -> Program:
    """Make the program that `program_written` described; raises ValueError, KeyError or TypeError for anything else.

    Steps are not checked if it `is_ours`, of a signed file.
    """
    inputs = tuple(map(str, data["inputs"]))
    known = [_op_read(op) for op in data["ops"]]
    code, constants, places = _array("i", data["code"]), _array("d", data["constants"]), _array("i", data["outputs"])
    operands = [_array("i", column) for column in data["operands"]]
    more = {i: tuple(wide) for i, *wide in data["more"]}  # operands from the fourth on
    if not is_ours:
        _check(len(inputs), known, code, operands, data["more"], len(constants), places)
    columns = [*operands, *[[NONE] * len(code)] * (3 - len(operands))]
    steps = Steps(len(inputs), known, (code, *columns), more, constants)
    outputs = tuple([y if y >= 0 else constants[~y] for y in places])
    widths, reduce = tuple(data["widths"]), data["reduce"]
    if any(w.__class__ is not int or w < 0 for w in widths) or sum(widths) > len(inputs) or reduce not in (None, "sum"):
        raise ValueError("the batch does not fit the inputs")
    return Program(inputs, steps, outputs, widths, reduce, tuple(_array("d", data["example"])))


def _check(
    n: int,
    known: list[Op],
    code: array[int],
    operands: list[array[int]],
    rows: list[list[int]],
    constants: int,
    places: array[int],
) -> None:
    """Raise ValueError unless each step takes as many earlier values as its op has operands."""
    low = -constants
    given: list[Iterable[int]] = []  # per column, 1 where a step has that operand
    for column in operands:
        if len(column) != len(code):
            raise ValueError(f"{len(code)} steps have {len(column)} operands")
        least, is_full = min(column, default=0), True
        if least == NONE:
            least, is_full = min(filter(NONE.__ne__, column), default=0), False
        given.append(repeat(True, len(code)) if is_full else map(NONE.__ne__, column))
        if least < low or any(map(ge, column, count(n))):
            i, x = next((i, x) for i, x in enumerate(column) if x != NONE and not low <= x < n + i)
            raise ValueError(f"step {i} takes place {x}, which is none of {n + i} values and {-low} constants")
    more: dict[int, tuple[int, ...]] = {}  # operands from the fourth on
    for i, *wide in rows:
        if i.__class__ is not int or not 0 <= i < len(code) or i in more or len(operands) < 3:
            raise ValueError(f"there is no step {i!r:.20} with more operands")
        if not all(x.__class__ is int and low <= x < n + i for x in wide):
            raise ValueError(f"step {i} takes a place that is none of {n + i} values and {-low} constants")
        more[i] = tuple(wide)
    if more:
        counts = array("i", bytes(4 * len(code)))
        for i, xs in more.items():
            counts[i] = len(xs)
        given.append(counts)
    if len(operands) > 3:
        raise ValueError(f"there are {len(operands)} columns of operands")
    if not all(low <= y < n + len(code) for y in places):
        raise ValueError(f"an output is none of {n + len(code)} values and {-low} constants")
    for which, *there in dict.fromkeys(zip(code, *given, strict=True)):
        op, first, taken = known[which] if 0 <= which < len(known) else None, sum(there[:3]), sum(there)
        if op is None or not first or not all(there[:first]) or 3 > first < taken or not _takes(op, taken):
            raise ValueError(f"a step has operation {which} of {taken} operands")


def _text(column: array[Any]) -> str:
    """Spell the bytes of a column, from low to high, in base 64: a tenth of the time that numbers take."""
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    return b64encode(column.tobytes()).decode()


def _array(kind: str, text: Any) -> array[Any]:
    """Read what `_text` spelled; raises ValueError or TypeError for anything else."""
    column = array(kind, b64decode(text, validate=True))
    if sys.byteorder == "big":
        column.byteswap()
    return column


def _takes(op: Op, count: int) -> bool:
    """Return True if an op can have so many operands."""
    return op.partials.__class__ is not tuple or len(op.partials) == count


def _op_written(op: Op) -> Any:
    if ops.TABLE.get(op.name) is op or op is CUT:
        return op.name
    factory, *args = op.pickle_recipe or (None,)
    if FAMILIES.get(getattr(factory, "__name__", "")) is factory and factory is not None:
        return [factory.__name__, *args]
    raise Unwritable(f"the op {op.name} is not in the table, so that no file can name it")


def _op_read(data: Any) -> Op:
    if isinstance(data, str):
        return CUT if data == CUT.name else ops.TABLE[data]
    name, *args = data
    if not all(x.__class__ is int for x in args):
        raise ValueError(f"{name!r:.20} takes integers")
    return FAMILIES[name](*args)

"""Write the trace of a function as JSON data, and read it in another process; nothing in a file is executed."""

from __future__ import annotations

import sys
from array import array
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence
from itertools import count, repeat
from operator import ge
from typing import Any

from autograd_tiny.compiler.arguments import Results
from autograd_tiny.compiler.variants import Variant, Variants
from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Op
from autograd_tiny.engine.tree import array_of, is_array
from autograd_tiny.engine.value import Value
from autograd_tiny.transforms.columns import NONE, Steps, columns_of
from autograd_tiny.transforms.program import Program
from autograd_tiny.transforms.tracer import CUT

FAMILIES: dict[str, Callable[..., Op]] = {
    family.__name__: family for family in (ops.polygamma, ops.falling_power, ops.sinc_derivative)
}


class Unwritable(TypeError):
    """A trace holds an op or a container of the user, which only the program that made it knows."""


def written(variant: Variant) -> dict[str, Any]:
    """Describe a path of a function by lists, strings and numbers; captured Values are not part of it.

    Raises Unwritable for an op that is not in the table, and for a result in a container of the user's own.
    """
    results = variant.results
    return {
        "program": _program_written(variant.recorded),
        "conditions": _program_written(variant.conditions) if variant.held else None,
        "held": list(variant.held),
        "results": _tree_written(results.model),
        "each": results.each,
        "plain": variant.plain,
    }


def read(data: Any, variants: Variants, captured: Sequence[Value]) -> Variant:
    """Make the path that `written` described; raises ValueError, KeyError or TypeError for anything else."""
    program = _program_read(data["program"])
    no_conditions = Program(program.inputs, (), (), program.widths, example=program.example)
    conditions = no_conditions if data["conditions"] is None else _program_read(data["conditions"])
    held, results = tuple(map(_number, data["held"])), Results(_tree_read(data["results"]), bool(data["each"]))
    if len(held) != len(conditions.outputs) or conditions.inputs != program.inputs:
        raise ValueError("the comparisons do not belong to the program")
    plain = bool(data["plain"]) and not captured
    return Variant(program, conditions, held, results, plain, tuple(captured), variants.build)


def _program_written(program: Program) -> dict[str, Any]:
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


def _program_read(data: Any) -> Program:
    inputs = tuple(map(str, data["inputs"]))
    known = [_op_read(op) for op in data["ops"]]
    code, constants, places = _array("i", data["code"]), _array("d", data["constants"]), _array("i", data["outputs"])
    operands = [_array("i", column) for column in data["operands"]]
    n, low = len(inputs), -len(constants)
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
    for i, *wide in data["more"]:
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
    columns = [*operands, *[[NONE] * len(code)] * (3 - len(operands))]
    steps = Steps(n, known, (code, *columns), more, constants)
    outputs = tuple([y if y >= 0 else constants[~y] for y in places])
    widths, reduce = tuple(data["widths"]), data["reduce"]
    if any(w.__class__ is not int or w < 0 for w in widths) or sum(widths) > n or reduce not in (None, "sum"):
        raise ValueError("the batch does not fit the inputs")
    return Program(inputs, steps, outputs, widths, reduce, tuple(_array("d", data["example"])))


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


def _tree_written(tree: Any) -> Any:
    """Describe a container of zeros: its kind, and its items, keys or shape."""
    if tree is None or tree.__class__ is float:
        return tree
    if tree.__class__ in (list, tuple):
        return [tree.__class__.__name__, *map(_tree_written, tree)]
    if tree.__class__ is dict and all(key.__class__ in (str, int) for key in tree):
        return ["dict", *[[key, _tree_written(item)] for key, item in tree.items()]]
    if is_array(tree) and tree.dtype != object and tree.__class__.__module__ == "numpy":
        return ["array", *tree.shape]
    raise Unwritable(f"the result is held by {tree!r:.60} of type {type(tree).__name__}: return lists, dicts or arrays")


def _tree_read(data: Any) -> Any:
    if data is None or data.__class__ is float:
        return data
    kind, *items = data
    if kind in ("list", "tuple"):
        made = [_tree_read(item) for item in items]
        return made if kind == "list" else tuple(made)
    if kind == "dict":
        return {key: _tree_read(item) for key, item in items}
    if kind == "array" and all(n.__class__ is int and n >= 0 for n in items):
        size = 1
        for n in items:
            size *= n
        return array_of([0.0] * size, tuple(items))
    raise ValueError(f"{kind!r:.20} is no container")


def _number(x: Any) -> float:
    if x.__class__ is not float:
        raise ValueError(f"expected a number, got {x!r:.20}")
    return float(x)

"""Write the trace of a function as JSON data, and read it in another process; nothing in a file is executed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autograd_tiny.compiler.arguments import Results
from autograd_tiny.compiler.variants import Variant, Variants
from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Op
from autograd_tiny.engine.tree import array_of, is_array
from autograd_tiny.engine.value import Value
from autograd_tiny.transforms.columns import NONE, Place, Steps, columns_of
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
        "program": _program_written(variant.program),
        "conditions": _program_written(variant.conditions),
        "held": list(variant.held),
        "results": _tree_written(results.model),
        "each": results.each,
        "plain": variant.plain,
    }


def read(data: Any, variants: Variants, captured: Sequence[Value]) -> Variant:
    """Make the path that `written` described; raises ValueError, KeyError or TypeError for anything else."""
    program, conditions = _program_read(data["program"]), _program_read(data["conditions"])
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
        "code": columns.code.tolist(),
        "operands": [column.tolist() for column in columns.operands],
        "constants": list(map(float.hex, columns.constants)),
        "outputs": columns.outputs.tolist(),
        "widths": list(program.widths),
        "reduce": program.reduce,
        "example": list(map(float.hex, program.example)),
    }


def _program_read(data: Any) -> Program:
    inputs, operands = tuple(map(str, data["inputs"])), data["operands"]
    known = [_op_read(op) for op in data["ops"]]
    constants = list(map(float.fromhex, data["constants"]))
    n = len(inputs)

    def place(x: Any, end: int) -> Place:
        if x.__class__ is not int or not -len(constants) <= x < end:
            raise ValueError(f"place {x!r:.20} is none of {end} values and {len(constants)} constants")
        return x if x >= 0 else constants[~x]

    code, low = data["code"], -len(constants)
    for column in operands:
        for at, x in enumerate(column, n):
            if x != NONE and not (x.__class__ is int and low <= x < at):
                place(x, at)  # raises
    kinds: dict[Any, int] = {}  # the first step of each op with operands in the same columns
    given = [[x != NONE for x in column] for column in operands]
    for i, kind in enumerate(zip(code, *given, strict=True)):
        kinds.setdefault(kind, i)
    for (which, *there), i in kinds.items():
        op, count = known[which] if which.__class__ is int and 0 <= which < len(known) else None, sum(there)
        if op is None or not count or not all(there[:count]) or not _takes(op, count):
            raise ValueError(f"step {i} has operation {which!r:.20} of {count} operands")
    columns = [*operands, *[[NONE] * len(code)] * (3 - len(operands))]
    wide = {i: tuple([x for x in row if x != NONE]) for i, row in enumerate(zip(*columns[3:], strict=True))}
    more = {i: row for i, row in wide.items() if row}
    steps = Steps(n, known, (code, *columns[:3]), more, constants)
    outputs = tuple([place(y, n + len(steps)) for y in data["outputs"]])
    widths, reduce = tuple(data["widths"]), data["reduce"]
    if any(w.__class__ is not int or w < 0 for w in widths) or sum(widths) > n or reduce not in (None, "sum"):
        raise ValueError("the batch does not fit the inputs")
    return Program(inputs, steps, outputs, widths, reduce, tuple(map(float.fromhex, data["example"])))


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

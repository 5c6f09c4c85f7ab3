"""Write the trace of a function as JSON data, and read it in another process; nothing in a file is executed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd_tiny.compiler.arguments import Results
from autograd_tiny.compiler.programs import Unwritable, program_read, program_written
from autograd_tiny.compiler.variants import Variant, Variants
from autograd_tiny.engine.tree import array_of, is_array
from autograd_tiny.engine.value import Value
from autograd_tiny.transforms.program import Program


def written(variant: Variant) -> dict[str, Any]:
    """Describe a path of a function by lists, strings and numbers; captured Values are not part of it.

    Raises Unwritable for an op that is not in the table, and for a result in a container of the user's own.
    """
    results = variant.results
    return {
        "program": program_written(variant.recorded),
        "conditions": program_written(variant.conditions) if variant.held else None,
        "held": list(variant.held),
        "results": _tree_written(results.model),
        "each": results.each,
        "plain": variant.plain,
    }


def read(data: Any, variants: Variants, captured: Sequence[Value], is_ours: bool = False) -> Variant:
    """Make the path that `written` described; raises ValueError, KeyError or TypeError for anything else.

    The steps are not checked if it `is_ours`, of a signed file.
    """
    program = program_read(data["program"], is_ours)
    no_conditions = Program(program.inputs, (), (), program.widths, example=program.example)
    conditions = no_conditions if data["conditions"] is None else program_read(data["conditions"], is_ours)
    held, results = tuple(map(_number, data["held"])), Results(_tree_read(data["results"]), bool(data["each"]))
    if len(held) != len(conditions.outputs) or conditions.inputs != program.inputs:
        raise ValueError("the comparisons do not belong to the program")
    plain = bool(data["plain"]) and not captured
    return Variant(program, conditions, held, results, plain, tuple(captured), variants.build)


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

"""Nested lists, tuples, dicts, arrays and Modules of scalars: their leaves in order, and the same shape around new leaves."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from autograd_tiny.engine.op import real
from autograd_tiny.engine.operand import Operand


def leaves(tree: Any, path: str = "argument") -> Iterator[tuple[str, Any]]:
    """Each scalar of a tree with the path that leads to it.

    >>> list(leaves({"w": [1.0, 2.0], "b": 3.0}, "x"))
    [("x['w'][0]", 1.0), ("x['w'][1]", 2.0), ("x['b']", 3.0)]

    Raises TypeError for anything that is neither a real number nor a list, tuple, dict, NumPy array or Module of such.
    """
    if isinstance(tree, dict):
        for key, item in tree.items():
            yield from leaves(item, f"{path}[{key!r}]")
    elif isinstance(tree, (list, tuple)):
        for i, item in enumerate(tree):
            yield from leaves(item, f"{path}[{i}]")
    elif is_module(tree):
        for name, parameter in tree.named_parameters():
            yield f"{path}.{name}", parameter
    elif is_array(tree):
        for place, item in zip(indices(tree.shape), tree.ravel().tolist(), strict=True):
            yield from leaves(item, f"{path}[{place}]")
    elif isinstance(tree, Operand):
        yield path, tree
    else:
        try:
            yield path, real(tree)
        except TypeError as error:
            raise TypeError(
                f"{path}: {error}; scalars and lists, tuples, dicts, arrays and Modules of them work"
            ) from None


def rebuild(tree: Any, new: Iterable[Any], modules_as_dicts: bool = False) -> Any:
    """The tree with its leaves replaced, in order; a Module as a new Module, or as a dict from parameter names.

    >>> rebuild({"w": [1.0, 2.0], "b": 3.0}, [10, 20, 30])
    {'w': [10, 20], 'b': 30}
    """
    return _rebuild(tree, iter(new), modules_as_dicts)


def _rebuild(tree: Any, new: Iterator[Any], modules_as_dicts: bool) -> Any:
    if isinstance(tree, dict):
        return {key: _rebuild(item, new, modules_as_dicts) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        items = [_rebuild(item, new, modules_as_dicts) for item in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    if is_module(tree):
        values = {name: next(new) for name, _ in tree.named_parameters()}
        return values if modules_as_dicts else tree.with_parameters(values.values())
    if is_array(tree):
        return array_of([next(new) for _ in range(tree.size)], tree.shape)
    return next(new)


def holds_operands(tree: Any) -> bool:
    """Whether a Value or a Dual was given in the tree itself; the parameters of a Module do not count."""
    if isinstance(tree, dict):
        return any(map(holds_operands, tree.values()))
    if isinstance(tree, (list, tuple)):
        return any(map(holds_operands, tree))
    if is_array(tree):
        return bool(tree.dtype == object) and any(map(holds_operands, tree.ravel().tolist()))
    return isinstance(tree, Operand)


def is_array(tree: Any) -> bool:
    """Whether it is a NumPy array, or looks like one, of one dimension at least."""
    return hasattr(tree, "ravel") and hasattr(tree, "dtype") and bool(tree.shape)


def array_of(items: list[Any], shape: tuple[int, ...]) -> Any:
    """A NumPy array of floats, or of objects where an item is no float; arrays of one shape become one array."""
    import numpy as np

    if items and all(is_array(x) and x.shape == items[0].shape for x in items):
        return np.stack(items).reshape(*shape, *items[0].shape)
    array = np.empty(len(items), float if all(x.__class__ is float for x in items) else object)
    array[:] = items
    return array.reshape(shape)


def indices(shape: tuple[int, ...]) -> Iterator[str]:
    """How each element of an array is indexed, in order: ``0, 0``, ``0, 1``, …"""
    return (", ".join(map(str, place)) for place in itertools.product(*map(range, shape)))


def is_module(tree: Any) -> bool:
    """Whether it has named parameters, as those of `nn` have."""
    return hasattr(tree, "named_parameters") and hasattr(tree, "with_parameters")

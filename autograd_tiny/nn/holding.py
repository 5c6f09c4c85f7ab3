"""The walk from a Module to its parameters, through containers, slots, bound methods, partials and plain objects."""

from __future__ import annotations

import dataclasses
import functools
import types
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Set, ValuesView
from typing import Any

from autograd_tiny.engine.chain_rule import topological_order
from autograd_tiny.engine.op import Op
from autograd_tiny.engine.operand import Operand
from autograd_tiny.engine.tree import COMPUTED, attributes, below, is_module, kind_of, numbered

Items = Iterable[tuple[str, Any]]
ATOMS = frozenset({float, int, bool, str, bytes, complex, type(None), Op})
BUILTIN = (list, dict, tuple, deque)
CACHED = functools._lru_cache_wrapper
VIEWS = (Set, ValuesView, types.MappingProxyType)
ONCE = frozenset({map, filter, zip, types.GeneratorType})
FUNCTIONS = (types.FunctionType, types.MethodType, functools.partial, CACHED, staticmethod)
OPAQUE: tuple[Any, ...] = (type, types.ModuleType, weakref.ref, *FUNCTIONS, *VIEWS)


def parameters_of(module: Any) -> list[tuple[str, Any]]:
    """List the parameters below a Module once, each with its path.

    A parameter is a number without operands, or a computed one that the Module was made with. Raises TypeError, naming
    the attribute, for a parameter that only a set, a view or the keys of a dict hold: they have no order to rely on.
    """
    numbers: list[tuple[str, Any]] = []
    unordered: list[tuple[str, Any, Any]] = []
    computed: set[int] = set()
    seen: dict[int, Any] = {}
    stack: list[tuple[str, Any]] = [("", module)]
    while stack:
        path, item = stack.pop()
        if item.__class__ in ATOMS or id(item) in seen:
            continue
        seen[id(item)] = item  # kept alive, so that its id is not used again
        if isinstance(item, Operand):
            numbers.append((path, item))
            continue
        if item.__class__ is list and all(issubclass(kind, Operand) for kind in {*map(type, item)}):  # most numbers
            new = dict(zip(map(id, item), item, strict=True))
            named = [*zip(map(path.__add__, numbered(len(item))), item, strict=True)]
            if len(new) == len(item) and seen.keys().isdisjoint(new):
                numbers += named
            else:  # the first of equal ones counts
                first: dict[int, tuple[str, Any]] = {}
                for at, x in named:
                    if id(x) not in seen:
                        first.setdefault(id(x), (at, x))
                numbers += first.values()
            seen |= new
            continue
        if is_module(item):
            noted = getattr(item, COMPUTED, ())
            if id(noted) not in seen:  # the Modules of a copy share one list
                seen[id(noted)] = noted
                computed.update(map(id, noted))
        unordered += [(path, item, x) for x in unordered_in(item)]
        inside = [*held(item)]
        if is_module(item):
            _refuse_once(item, inside)
        stack += [((path + suffix).removeprefix("."), inner) for suffix, inner in reversed(inside)]
    if computed:
        found = [(path, x) for path, x in numbers if id(x) in computed or is_leaf(x)]
    else:
        found = [pair for pair in numbers if getattr(pair[1], "op", pair) is None]
    ids = {id(x) for _, x in found} if unordered else ()
    for path, holder, x in unordered:
        if is_leaf(x) and id(x) not in ids:
            raise TypeError(
                f"{type(module).__name__}.{path} holds a parameter, {x!r:.60}, in a {type(holder).__name__}, "
                "which has no order to rely on: keep it in a list, or as a value of a dict"
            )
    return found


def _refuse_once(module: Any, inside: Items) -> None:
    for suffix, inner in inside:
        if inner.__class__ in ONCE:
            raise TypeError(
                f"{type(module).__name__}{suffix} is a {type(inner).__name__}, which can be read only once: keep a list"
            )


def computed_in(module: Any) -> list[Any]:
    """List the computed numbers that a Module holds itself, without those that depend on its parameters."""
    computed = [x for x in own_numbers(module) if not is_leaf(x)]
    leaves = {id(x) for _, x in parameters_of(module)} if computed else set()
    return [x for x in computed if not _depends(x, leaves)]


def own_numbers(module: Any) -> list[Any]:
    """List the numbers that a Module holds outside of other Modules."""
    found, seen = [], {}
    stack = [inner for _, inner in attributes(module)]
    while stack:
        item = stack.pop()
        if item.__class__ in ATOMS or id(item) in seen or is_module(item):
            continue
        seen[id(item)] = item
        if isinstance(item, Operand):
            found.append(item)
        else:
            stack += [inner for _, inner in held(item)]
    return found


def held(x: Any) -> Items:
    """List what may be or hold a parameter, each with its path suffix; closures hold constants."""
    if is_object(x):
        return [(f".{name}", inner) for name, inner in attributes(x)]
    if isinstance(x, types.MethodType):
        return [(".__self__", x.__self__)]
    if isinstance(x, functools.partial):
        keywords = [(f".keywords[{key!r}]", y) for key, y in x.keywords.items()]
        return [(".func", x.func), *[(f".args[{i}]", y) for i, y in enumerate(x.args)], *keywords]
    if x.__class__ not in BUILTIN and isinstance(x, BUILTIN) and hasattr(x, "__dict__"):
        return [*below(x), *[(f".{name}", inner) for name, inner in attributes(x)]]
    return below(x)


def is_object(x: Any) -> bool:
    """Return True for a Module, a dataclass or another object with attributes that is neither function nor type."""
    if is_module(x) or (dataclasses.is_dataclass(x) and not isinstance(x, type)):
        return True
    return kind_of(x) is None and not isinstance(x, OPAQUE) and not is_wrapper(x) and bool(attributes(x))


def is_wrapper(x: Any) -> bool:
    """Return True for an object around a function, as `jit` and `grad` return."""
    return callable(x) and hasattr(x, "__wrapped__") and hasattr(x, "recipe")


def unordered_in(x: Any) -> list[Any]:
    """List the numbers in a set or a view, and in the keys of a dict: a walk does not meet them in an order."""
    if isinstance(x, dict):
        return [y for key in x for y in _numbers_in(key)] if any(map(_may_hold, x)) else []
    return [*_numbers_in(x)] if isinstance(x, VIEWS) else []


def _may_hold(key: Any) -> bool:
    return isinstance(key, (Operand, tuple, frozenset))


def _numbers_in(x: Any) -> Iterator[Any]:
    if isinstance(x, Operand):
        yield x
    elif isinstance(x, (tuple, list, VIEWS)):
        for inner in x.values() if isinstance(x, types.MappingProxyType) else x:
            yield from _numbers_in(inner)


def is_leaf(x: Any) -> bool:
    return getattr(x, "op", x) is None


def _depends(x: Any, leaves: set[int]) -> bool:
    return hasattr(x, "op") and any(id(node) in leaves for node in topological_order(x))

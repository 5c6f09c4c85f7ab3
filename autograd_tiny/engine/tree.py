"""Containers of numbers: flatten them to leaves, rebuild them around new leaves, and key their structure.

A registry holds the kinds of container: lists, tuples, named tuples, dicts, deques, None, dataclasses, NumPy arrays,
Series and DataFrames of pandas, Modules, and types added with `register`. Transforms, `jit`, `nn` and `tracing` walk
containers through it.
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
import sys
import types
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from operator import is_
from types import MemberDescriptorType
from typing import Any, NamedTuple

from autograd_tiny.engine import tables
from autograd_tiny.engine.op import Op, real
from autograd_tiny.engine.operand import Operand

Items = Iterable[tuple[str, Any]]
_LIBRARIES = {*sys.stdlib_module_names, "autograd_tiny"} - {"__main__"}
NUMBERS = "biuf"  # dtype kinds of NumPy's real numbers
INSTEAD = {  # subclasses of arrays that compute otherwise, and what to pass
    "matrix": "np.asarray(x) is the array",
    "MaskedArray": "x.compressed() leaves out what is masked, x.filled(0.0) replaces it",
}
COMPUTED = "_computed"  # attribute of a Module: the numbers that have operands, and count as its parameters


class Kind(NamedTuple):
    """A kind of container: functions to list its items, to rebuild it, and to key everything else about it."""

    items: Callable[[Any], Items]  # each item with its path suffix: "[0]", ".w"
    build: Callable[[Any, list[Any]], Any]  # a container like the given one, with other items
    key: Callable[[Any], Hashable] = lambda x: ()


_PLAIN = frozenset({float, int, bool})
_registry: dict[type, Kind] = {}
_found: dict[type, Kind | None] = {}  # by exact type, for speed


def register(
    kind: type,
    items: Callable[[Any], Items],
    build: Callable[[Any, list[Any]], Any],
    key: Callable[[Any], Hashable] = lambda x: (),
) -> None:
    """Register a type and its subclasses as containers for transforms, `jit` and `nn`.

    >>> class Point:
    ...     def __init__(self, x, y):
    ...         self.x, self.y = x, y
    >>> register(Point, lambda p: [(".x", p.x), (".y", p.y)], lambda p, items: Point(*items))
    >>> from autograd_tiny import grad
    >>> found = grad(lambda p: p.x * p.y)(Point(2.0, 3.0))
    >>> found.x, found.y
    (3.0, 2.0)

    `items` lists each item with its path suffix, always in the same order; `build` makes a container like the one given
    with other items; `key` returns a hashable for everything else, and `jit` traces again if it differs.
    Raises TypeError if `kind` is not a type, and ValueError if it is already registered.
    """
    if not isinstance(kind, type):
        raise TypeError(f"register takes a type, got {kind!r:.60} of type {type(kind).__name__}")
    if kind in _registry:
        raise ValueError(f"{kind.__name__} is already registered")
    _registry[kind] = Kind(items, build, key)
    _found.clear()
    _classes.clear()


def kind_of(x: Any) -> Kind | None:
    """Return the kind of container of x; None if x is not a container."""
    try:
        return _found[x.__class__]
    except KeyError:
        kind = _found[x.__class__] = _look_up(x.__class__)
        return kind


def _look_up(cls: type) -> Kind | None:
    for base in cls.__mro__:
        if base is tuple and hasattr(cls, "_fields"):
            return _NAMED_TUPLE
        if base in _registry:
            return _registry[base]
    if hasattr(cls, "named_parameters") and hasattr(cls, "with_parameters"):
        return _MODULE
    if tables.is_table(cls):
        return _TABLE
    if all(hasattr(cls, name) for name in ("ravel", "reshape", "dtype", "__setitem__")):  # a NumPy scalar has no items
        return None if any(base.__name__ in INSTEAD for base in cls.__mro__) else _ARRAY
    return _DATACLASS if dataclasses.is_dataclass(cls) else None


def leaves(tree: Any, path: str = "argument") -> Iterator[tuple[str, Any]]:
    """Yield each number of a tree with its path.

    >>> list(leaves({"w": [1.0, 2.0], "b": 3.0}, "x"))
    [("x['b']", 3.0), ("x['w'][0]", 1.0), ("x['w'][1]", 2.0)]

    Raises TypeError, naming the path, for a leaf that is not a real number.
    """
    kind = kind_of(tree)
    if kind is not None:
        try:
            for suffix, item in _items(kind, tree, path):
                if item.__class__ is float or (isinstance(item, Operand) and kind_of(item) is None):
                    yield path + suffix, item  # without a call
                else:
                    yield from leaves(item, path + suffix)
        except RecursionError:
            raise _endless(path) from None
    elif isinstance(tree, Operand):
        yield path, tree
    else:
        try:
            yield path, real(tree)
        except TypeError as error:
            right = instead(tree) or f"; expected numbers, or {_containers()} of numbers"
            raise TypeError(f"{path}: {error}{right}") from None
        except OverflowError as error:
            raise OverflowError(f"{path}: {error}") from None


def flat(tree: Any, path: str = "argument") -> list[Any]:
    """List what `leaves` yields, without the paths, which take most of its time; raises the same errors.

    >>> flat({"w": [1.0, 2.0], "b": 3.0})
    [3.0, 1.0, 2.0]
    """
    kind = kind_of(tree)
    if kind is None or kind is _ARRAY or kind is _TABLE:
        return [x for _, x in leaves(tree, path)]
    items = [x for _, x in tree.named_parameters()] if kind is _MODULE else items_of(kind, tree)
    if all(x.__class__ is float or (isinstance(x, Operand) and not kind_of(x)) for x in _one_of_each(items)):
        return items
    try:
        return [y for suffix, x in _items(kind, tree, path) for y in flat(x, path + suffix)]
    except RecursionError:
        raise _endless(path) from None


def _one_of_each(items: list[Any]) -> Iterable[Any]:
    """Return an item of each class."""
    return {item.__class__: item for item in items}.values()


def _endless(path: str) -> TypeError:
    return TypeError(f"{path[:30]}{'…' * (len(path) > 30)}: nested too deeply, or inside itself")


def _items(kind: Kind, tree: Any, path: str) -> Items:
    try:
        return kind.items(tree)
    except TypeError as error:
        raise TypeError(f"{path}: {error}") from None


def items_of(kind: Kind, tree: Any) -> list[Any]:
    """List the items of a container of this kind, without their paths."""
    if kind.items is _numbered:
        return [*tree]
    return [tree[key] for key in sorted_keys(tree)] if kind.items is _keyed else [item for _, item in kind.items(tree)]


def instead(x: Any) -> str:
    """Return the advice for an array of a refused kind, after a semicolon; empty for anything else."""
    return next((f"; {INSTEAD[base.__name__]}" for base in x.__class__.__mro__ if base.__name__ in INSTEAD), "")


def _containers() -> str:
    others = [f"{kind.__name__}s" for kind in _registry if kind is not type(None)]
    return ", ".join([*others, "dataclasses", "arrays, Series, DataFrames and Modules"])


def rebuild(tree: Any, new: Iterable[Any], as_gradient: bool = False) -> Any:
    """Rebuild the tree with new leaves, in order; `as_gradient` turns a Module into a dict keyed by parameter name.

    >>> rebuild({"w": [1.0, 2.0], "b": 3.0}, [10, 20, 30])
    {'w': [20, 30], 'b': 10}
    """
    if is_module(tree) and not as_gradient and isinstance(new, list):
        return _MODULE.build(tree, new)
    return _rebuild(tree, iter(new), as_gradient)


def _rebuild(tree: Any, new: Iterator[Any], as_gradient: bool) -> Any:
    kind = kind_of(tree)
    if kind is None:
        return next(new)
    if kind is _ARRAY and tree.dtype.kind in NUMBERS:
        return _array_like(tree, [next(new) for _ in range(tree.size)])
    if as_gradient and kind is _MODULE:
        return {name: next(new) for name, _ in tree.named_parameters()}
    old = items_of(kind, tree)
    if all(kind_of(item) is None for item in _one_of_each(old)):
        items = [*itertools.islice(new, len(old))]  # without a call for each
    else:
        items = [next(new) if item.__class__ is float else _rebuild(item, new, as_gradient) for item in old]
    return kind.build(tree, items)


def structure(tree: Any, path: str = "argument") -> Hashable:
    """Return a cache key for traces: types, lengths, shapes and names, but no values.

    >>> structure({"w": [1.0, 2.0], "b": 3.0})
    (<class 'dict'>, (), ("['b']", <class 'float'>), ("['w']", (<class 'list'>, (), 2)))

    Raises TypeError, naming the path, for a leaf that is not a real number.
    """
    cls = tree.__class__
    if cls in _PLAIN:
        return float
    kind = kind_of(tree)
    if (kind is _ARRAY and tree.dtype.kind in NUMBERS) or kind is _MODULE:
        return cls, kind.key(tree)
    if kind is not None and kind.items is _numbered and _PLAIN.issuperset(map(type, tree)):
        return cls, kind.key(tree), len(tree)
    if kind is not None:
        try:
            items = [(suffix, structure(item, path + suffix)) for suffix, item in _items(kind, tree, path)]
        except RecursionError:
            raise _endless(path) from None
        if kind.items is _numbered and all(item is float for _, item in items):  # such as NumPy's
            return cls, kind.key(tree), len(tree)
        return (cls, kind.key(tree), *items)
    for _ in leaves(tree, path):  # raises, naming the path, if it is not a number
        pass
    return float


def holds_operands(tree: Any) -> bool:
    """Return True if the tree holds a Value or a Dual; parameters of a Module do not count."""
    kind = kind_of(tree)
    if kind is None:
        return isinstance(tree, Operand)
    if kind is _MODULE or (kind is _ARRAY and tree.dtype != object) or (kind is _TABLE and tables.is_numeric(tree)):
        return False
    try:
        items = items_of(kind, tree)
        return {*map(type, items)} != {float} and any(map(holds_operands, items))
    except RecursionError:
        raise _endless("an argument") from None


def below(x: Any) -> Items:
    """List the items of a container, or the attributes of a Module, each with its path suffix."""
    if is_module(x):
        return [(f".{name}", item) for name, item in attributes(x)]
    kind = kind_of(x)
    return () if kind is None or (kind is _ARRAY and x.dtype != object) else kind.items(x)


def attributes(x: Any) -> Items:
    """List what an object holds by name: numbers and containers of its class, its slots, and its own attributes.

    >>> class Line:
    ...     slope = 2.0
    ...     weights = [1.0]
    ...     def __init__(self):
    ...         self.at_zero = 3.0
    >>> attributes(Line())
    [('weights', [1.0]), ('at_zero', 3.0)]
    """
    own = getattr(x, "__dict__", {})
    found = {}
    for cls in reversed(x.__class__.__mro__[:-1]):
        for name, item in _of_class(cls):
            if name in own:
                continue
            if not isinstance(item, MemberDescriptorType):
                found[name] = item
            elif hasattr(x, name):
                found[name] = getattr(x, name)
    return [*found.items(), *[(name, item) for name, item in own.items() if name != COMPUTED]]


def _of_class(cls: type) -> Items:
    """List the numbers, containers and slots of a class: found once, and again when the class has changed."""
    own = vars(cls)
    names, items, found = _classes.get(cls, ([], [], []))
    if names != [*own] or not all(map(is_, items, own.values())):
        here = [(name, item) for name, item in own.items() if name[:2] != "__"]
        kinds = (MemberDescriptorType, Operand)
        found = [(name, x) for name, x in here if isinstance(x, kinds) or (x is not None and kind_of(x) is not None)]
        _classes[cls] = [*own], [*own.values()], found
    return found


_classes: dict[type, tuple[list[str], list[Any], Items]] = {}  # names, items, and those that count


def is_array(x: Any) -> bool:
    """Return True if x is a NumPy array or has its interface."""
    return kind_of(x) is _ARRAY


def is_table(x: Any) -> bool:
    """Return True if x is a Series or a DataFrame of pandas."""
    return kind_of(x) is _TABLE


def is_named_tuple(x: Any) -> bool:
    """Return True if x is a named tuple."""
    return kind_of(x) is _NAMED_TUPLE


def is_dataclass(x: Any) -> bool:
    """Return True if x is an object of a dataclass, and no other kind of container."""
    return kind_of(x) is _DATACLASS


def is_module(x: Any) -> bool:
    """Return True if x has named parameters, as a Module of `nn` has."""
    return kind_of(x) is _MODULE


def array_of(items: list[Any], shape: tuple[int, ...]) -> Any:
    """Make a NumPy array of floats, or of objects if any item is not a float; arrays of one shape are stacked."""
    import numpy as np

    if items and all(is_array(x) and x.shape == items[0].shape for x in items):
        return np.stack(items).reshape(*shape, *items[0].shape)
    array = np.empty(len(items), float if all(x.__class__ is float for x in items) else object)
    array[:] = items
    return array.reshape(shape)


def _array_like(x: Any, items: list[Any]) -> Any:
    """Make an array of the shape of x; lists and tuples of one shape in the place of its numbers are further axes."""
    if items and items[0].__class__ in (list, tuple) and all(kind_of(number) is None for number in x.ravel().tolist()):
        shapes = {_shape(item) for item in items}
        if len(shapes) == 1 and (shape := shapes.pop()) is not None:
            items = [array_of([number for _, number in leaves(item)], shape) for item in items]
    return array_of(items, x.shape)


def _shape(x: Any) -> tuple[int, ...] | None:
    """Return the shape of a number or of lists and tuples of numbers; None for anything else."""
    if x.__class__ not in (list, tuple):
        return () if kind_of(x) is None else None
    inner = {_shape(item) for item in x}
    shape = inner.pop() if len(inner) == 1 else None
    return None if shape is None else (len(x), *shape)


def indices(shape: tuple[int, ...]) -> Iterator[str]:
    """Yield the index of each element of an array as text, in order: ``0, 0``, ``0, 1``, …"""
    if len(shape) == 1:
        return map(str, range(shape[0]))
    return (", ".join(map(str, place)) for place in itertools.product(*map(range, shape)))


def sorted_keys(x: dict[Any, Any]) -> list[Any]:
    """Sort the keys, so that the structure does not depend on insertion order."""
    try:
        return sorted(x)
    except TypeError:
        return sorted(x, key=lambda key: (type(key).__qualname__, repr(key)))


def _dict_like(x: dict[Any, Any], items: list[Any]) -> dict[Any, Any]:
    new = copy.copy(x)  # keeps the class and the order of keys
    dict.update(new, zip(sorted_keys(x), items, strict=True))  # a Counter adds in its own
    return new


def _list_like(x: list[Any], items: list[Any]) -> list[Any]:
    if x.__class__ is list:
        return items
    new = copy.copy(x)
    list.__setitem__(new, slice(None), items)
    return new


def _tuple_like(x: tuple[Any, ...], items: list[Any]) -> tuple[Any, ...]:
    if x.__class__ is tuple:
        return tuple(items)
    new = tuple.__new__(x.__class__, items)  # its own constructor may take them otherwise
    if hasattr(x, "__dict__"):
        vars(new).update(vars(x))
    return new


def _dataclass_like(x: Any, items: list[Any]) -> Any:
    new = copy.copy(x)  # not through __init__, which may convert its arguments
    for field, item in zip(dataclasses.fields(x), items, strict=True):
        object.__setattr__(new, field.name, item)
    return new


def _deque_like(x: deque[Any], items: list[Any]) -> deque[Any]:
    new = copy.copy(x)  # keeps the class and the greatest length
    new.clear()
    new.extend(items)
    return new


def numbered(count: int) -> Sequence[str]:
    """List the path suffixes of the items of a list."""
    return _NUMBERED[:count] if count <= len(_NUMBERED) else [f"[{i}]" for i in range(count)]


def _numbered(x: Any) -> Items:
    return [*zip(numbered(len(x)), x, strict=True)]


def _keyed(x: Any) -> Items:
    return [(f"[{key!r}]", x[key]) for key in sorted_keys(x)]


_NUMBERED = tuple([f"[{i}]" for i in range(256)])


_NAMED_TUPLE = Kind(
    lambda x: [(f".{name}", item) for name, item in zip(x._fields, x, strict=True)], lambda x, items: x._make(items)
)
_DATACLASS = Kind(
    lambda x: [(f".{field.name}", getattr(x, field.name)) for field in dataclasses.fields(x)], _dataclass_like
)


def _elements(x: Any) -> Items:
    if x.dtype.names:
        raise TypeError(f"expected real numbers, got an array of records, of dtype {x.dtype}")
    return zip([f"[{i}]" if i else "" for i in indices(x.shape)], x.ravel().tolist(), strict=True)


_TABLE = Kind(tables.items, tables.build, tables.key)
_ARRAY = Kind(
    _elements,
    _array_like,
    lambda x: x.shape,
)


class _Same(NamedTuple):
    """An object keyed by identity, kept alive so that its id is not reused."""

    thing: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.thing is other.thing

    def __hash__(self) -> int:
        return id(self.thing)


def _module_key(x: Any, above: tuple[Any, ...] = ()) -> Hashable:
    """Key everything about a Module except its parameters: class, sizes, activation; `above` are what holds it."""
    if isinstance(x, Operand):
        return float
    if isinstance(x, Op):  # a dataclass, but never changed
        return x
    if is_array(x) and x.dtype != object:
        return x.__class__, x.dtype.str, x.shape, x.tobytes()
    if any(x is item for item in above):  # a Module that knows its parent
        return len(above)
    if x.__class__ is list and all(issubclass(kind, Operand) for kind in {*map(type, x)}):  # most parameters
        return list, len(x)
    if kind_of(x) is not None:
        return (x.__class__, *[(suffix, _module_key(item, (*above, x))) for suffix, item in below(x)])
    if _is_open(x):
        return _Same(x), *[(name, _module_key(item, (*above, x))) for name, item in vars(x).items()]
    return x if x.__class__.__hash__ else _Same(x)


def _is_open(x: Any) -> bool:
    """Return True for an object whose attributes may change: one without a hash of its own, outside of libraries."""
    cls = x.__class__
    if cls.__hash__ not in (None, object.__hash__) or isinstance(x, type) or not hasattr(x, "__dict__"):
        return False
    return cls is types.SimpleNamespace or cls.__module__.partition(".")[0] not in _LIBRARIES


_MODULE = Kind(
    lambda x: [(f".{name}", parameter) for name, parameter in x.named_parameters()],
    lambda x, items: x.with_parameters(items),
    _module_key,
)

register(list, _numbered, _list_like)
register(tuple, _numbered, _tuple_like)
register(dict, _keyed, _dict_like)
register(type(None), lambda x: (), lambda x, items: None)
register(deque, _numbered, _deque_like)

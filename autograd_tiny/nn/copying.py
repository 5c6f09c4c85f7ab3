"""Copies of Modules in which other objects stand in the place of some: nothing in a copy refers to the original.

A copy follows what may hold a parameter, and closures, weak references, sets and keys besides.
"""

from __future__ import annotations

import copy
import functools
import types
import weakref
from collections.abc import Callable, Iterator, Set, ValuesView
from typing import Any, NamedTuple

from autograd_tiny.engine.faces import FACES
from autograd_tiny.engine.operand import Operand
from autograd_tiny.engine.tree import COMPUTED, attributes, is_module, kind_of
from autograd_tiny.nn.holding import (
    ATOMS,
    BUILTIN,
    CACHED,
    held,
    is_leaf,
    is_object,
    is_wrapper,
    own_numbers,
)


def copied(item: Any, new: dict[int, Any], *, modules: bool = True) -> Any:
    """Copy what leads to an object replaced according to `new`, keyed by id, or to a Module; the rest is shared.

    Copied Modules note the numbers in `new` as their parameters. Without `modules`, Modules are shared, too.
    """
    computed = [x for x in new.values() if isinstance(x, Operand) and not is_leaf(x)]
    return _Copy(dict(new), _leading(item, new, modules), computed).of(item)


def state_of(module: Any, state: Any) -> Any:
    """Return the state for pickles without graphs: computed parameters as leaves, other computed numbers as floats."""
    counted = set(map(id, getattr(module, COMPUTED, ())))
    inside = [x for x in own_numbers(module) if not (is_leaf(x) or FACES["is differentiated"](x))]
    new = {id(x): x.detach() if id(x) in counted else x.data for x in inside}
    made = copied(state, new, modules=False)
    (made[0] if isinstance(made, tuple) else made).pop(COMPUTED, None)
    return made


def deep_copied(module: Any, memo: dict[int, Any]) -> Any:
    """Copy a Module and all it holds, where `copy.deepcopy` would keep closures and weak references to the original."""
    memo[id(module)] = made = object.__new__(module.__class__)
    functions, leading = [], [*_leading(module, {}).values()]
    for x in leading:
        if isinstance(x, types.FunctionType) and id(x) not in memo:
            memo[id(x)] = _empty(x)
            functions.append(x)
        elif isinstance(x, weakref.ref) and id(x()) in memo:
            memo[id(x)] = weakref.ref(memo[id(x())])
    for x in leading:
        if isinstance(x, (CACHED, staticmethod)) and id(x) not in memo:
            again = copy.deepcopy(x.__wrapped__, memo)
            memo[id(x)] = staticmethod(again) if isinstance(x, staticmethod) else _cached_like(x, again)
    state = copy.deepcopy(module.__getstate__(), memo)
    for part in state if isinstance(state, tuple) else (state,):
        for name, item in (part or {}).items():
            object.__setattr__(made, name, item)
    for f in functions:
        _fill(memo[id(f)], f, functools.partial(copy.deepcopy, memo=memo))
    return made


def _leading(item: Any, new: dict[int, Any], modules: bool = True) -> dict[int, Any]:
    """List what below an item leads to a Module or to one of `new`, by id."""
    seen: dict[int, Any] = {}  # keeps alive what it lists, so that no id is used again
    holders: dict[int, list[int]] = {}
    reached: list[int] = []
    stack = [item]
    while stack:
        x = stack.pop()
        if x.__class__ in ATOMS or id(x) in seen:
            continue
        seen[id(x)] = x
        if id(x) in new or isinstance(x, Operand) or (is_module(x) and not modules):
            continue
        if x.__class__ is list and all(issubclass(kind, Operand) for kind in {*map(type, x)}):  # most numbers
            reached += [id(x)] if not new.keys().isdisjoint(map(id, x)) else []
            continue
        for inner in _parts(x):
            holders.setdefault(id(inner), []).append(id(x))
            stack.append(inner)
    found: dict[int, Any] = {}
    reached += [key for key, x in seen.items() if key in new or (modules and is_module(x))]
    while reached:
        if (key := reached.pop()) not in found:
            found[key] = seen[key]
            reached += holders.get(key, ())
    return found


class _Copy(NamedTuple):
    """A copy under way."""

    new: dict[int, Any]  # by the id of what it replaces
    changed: dict[int, Any]  # what is copied, by id
    computed: list[Any]  # parameters with operands

    def of(self, x: Any) -> Any:
        if id(x) in self.new:
            return self.new[id(x)]
        if id(x) not in self.changed:
            return x
        made = self._object(x) if is_object(x) else self._container(x) if kind_of(x) else self._callable(x)
        self.new[id(x)] = made
        return made

    def _object(self, x: Any) -> Any:
        cls = x.__class__
        self.new[id(x)] = made = object.__new__(cls) if cls.__new__ is object.__new__ else copy.copy(x)
        for name, inner in attributes(x):
            is_cache = isinstance(getattr(cls, name, None), functools.cached_property)
            if is_cache and isinstance(inner, Operand) and id(inner) not in self.new:
                continue  # computed from the old parameters: to be computed again
            object.__setattr__(made, name, self.of(inner))
        if is_module(x) and self.computed:
            vars(made)[COMPUTED] = self.computed
        return made

    def _container(self, x: Any) -> Any:
        kind, new = kind_of(x), self.new
        made: Any
        if x.__class__ is list:  # may hold itself
            new[id(x)] = made = [None] * len(x)
            made[:] = [new[i] if (i := id(inner)) in new else self.of(inner) for inner in x]
        elif isinstance(x, dict):
            new[id(x)] = made = copy.copy(x)
            for key, inner in list(x.items()):
                made[key] = self.of(inner)
            for key in [key for key in x if id(key) in self.changed]:
                made[self.of(key)] = made.pop(key)
        else:
            made = kind.build(x, [self.of(inner) for _, inner in kind.items(x)])  # type: ignore[union-attr]
        for name, inner in attributes(x) if isinstance(x, BUILTIN) and hasattr(x, "__dict__") else ():
            if id(inner) in self.changed:
                object.__setattr__(made, name, self.of(inner))
        return made

    def _callable(self, x: Any) -> Any:
        """Copy a function, a bound method or what else is neither a container nor an object with attributes."""
        if isinstance(x, types.MethodType):
            return types.MethodType(self.of(x.__func__), self.of(x.__self__))
        if isinstance(x, functools.partial):
            return x.__class__(self.of(x.func), *map(self.of, x.args), **{k: self.of(y) for k, y in x.keywords.items()})
        if isinstance(x, weakref.ref):
            return weakref.ref(self.of(x()))
        if isinstance(x, Set):
            return x.__class__(map(self.of, x))  # type: ignore[call-arg]
        if isinstance(x, types.FunctionType):
            self.new[id(x)] = _empty(x)
            return _fill(self.new[id(x)], x, self.of)
        if isinstance(x, staticmethod):
            return staticmethod(self.of(x.__func__))
        if isinstance(x, CACHED):
            return _cached_like(x, self.of(x.__wrapped__))
        if isinstance(x, types.MappingProxyType):
            return types.MappingProxyType({key: self.of(inner) for key, inner in x.items()})
        kind, args = x.recipe
        return kind(*map(self.of, args))


def _cached_like(cached: Any, f: Any) -> Any:
    return functools.lru_cache(**cached.cache_parameters())(f)


def _empty(f: Any) -> Any:
    """Copy a function, with empty cells instead of its closure and without its defaults."""
    cells = tuple(types.CellType() for _ in f.__closure__ or ())
    made = types.FunctionType(f.__code__, f.__globals__, f.__name__, None, cells or None)
    vars(made).update(vars(f))
    made.__qualname__, made.__doc__, made.__module__ = f.__qualname__, f.__doc__, f.__module__
    return made


def _fill(made: Any, f: Any, again: Callable[[Any], Any]) -> Any:
    """Give a copied function the defaults and the closure of f, copied by `again`."""
    made.__defaults__ = f.__defaults__ and tuple(map(again, f.__defaults__))
    made.__kwdefaults__ = f.__kwdefaults__ and {key: again(x) for key, x in f.__kwdefaults__.items()}
    for cell, old in zip(made.__closure__ or (), f.__closure__ or (), strict=True):
        for content in _contents(old):
            cell.cell_contents = again(content)
    return made


def _parts(x: Any) -> list[Any]:
    """List what a copy follows: what may hold a parameter, and closures, weak references, sets and keys."""
    if isinstance(x, types.FunctionType):
        cells = [content for cell in x.__closure__ or () for content in _contents(cell)]
        return [*cells, *(x.__defaults__ or ()), *(x.__kwdefaults__ or {}).values()]
    if isinstance(x, weakref.ref):
        return [x()]
    if isinstance(x, types.MethodType):
        return [x.__func__, x.__self__]
    if isinstance(x, (CACHED, staticmethod)):
        return [x.__wrapped__]
    if is_wrapper(x):
        return [*x.recipe[1]]
    if isinstance(x, types.MappingProxyType):
        return [*x.values()]
    return [*[inner for _, inner in held(x)], *(x if isinstance(x, (dict, Set, ValuesView)) else ())]


def _contents(cell: Any) -> Iterator[Any]:
    try:
        yield cell.cell_contents
    except ValueError:  # not yet bound
        return

"""Parameters of a Module that were found before, as long as nothing that it holds has changed since."""

from __future__ import annotations

import types
import weakref
from collections.abc import Collection
from itertools import chain, compress
from operator import attrgetter, is_, is_not
from typing import Any

from autograd_tiny.engine.tree import is_array, is_dataclass, is_module, kind_of, kinds
from autograd_tiny.engine.value import Value
from autograd_tiny.nn.holding import ATOMS, CACHED, VIEWS, held, unordered_in, walked

LIMIT, MODULES = 1 << 17, 256  # items compared for all Modules together, which they keep alive, and Modules
FEW = 16  # things held; a walk through fewer takes little longer than to compare them
_KEYS = frozenset({str, int, float, bool, bytes, type(None)})
_CLOSED = (type, types.ModuleType, types.FunctionType, types.MethodType, weakref.ref, CACHED, staticmethod)
_IMMUTABLE = 1 << 8  # flag of the classes that no assignment changes
_attributes_of, _bases_of = attrgetter("__dict__"), attrgetter("__mro__")
Holders = tuple[list[Any], list[Any], list[Any], list[type], list[Any]]  # lists, dicts, objects, classes, others
_kept: dict[int, _Found] = {}  # by the id of the Module; the latest last


def known_parameters(module: Any) -> list[tuple[str, Any]]:
    """List the parameters of a Module as `parameters_of` does, without a walk where all that it holds is unchanged."""
    found = _kept.get(id(module))
    if found is not None and found.module() is module and found.is_true(module):
        return found.parameters[:]
    parameters, seen, computed = walked(module)
    _kept.pop(id(module), None)
    if len(seen) < FEW or computed or not all(p.__class__ is Value for _, p in parameters):
        return parameters
    if (holders := _holders(module, seen)) is not None:
        _kept[id(module)] = _Found(module, parameters, holders)
        size = sum(other.size for other in list(_kept.values()))
        for other in list(_kept):
            if (size > LIMIT or len(_kept) > MODULES) and other != id(module):
                size -= getattr(_kept.pop(other, None), "size", 0)
    return parameters[:]


class _Found:
    """Parameters that a walk found, and what it went through: sizes, names and items, which must be the same again.

    Numbers with operands are not kept alive: they are None here, and looked at again.
    """

    def __init__(self, module: Any, parameters: list[tuple[str, Any]], holders: Holders) -> None:
        key = id(module)
        self.module = weakref.ref(module, lambda _: _kept.pop(key, None))
        self.parameters, self.holders = parameters, holders
        self.sizes, self.names, items = self._now(module)
        self.size, self.items = len(items), _without_graphs(items)

    def is_true(self, module: Any) -> bool:
        sizes, names, items = self._now(module)
        if sizes != self.sizes or not all(map(is_, names, self.names)):
            return False
        if not all(map(is_, items, self.items)):
            changed = compress(zip(items, self.items, strict=True), map(is_not, items, self.items))
            if not all(_is_idle(x) and _is_idle(old) for x, old in changed):
                return False
            self.items = _without_graphs(items)
        return True

    def _now(self, module: Any) -> tuple[list[Any], list[Any], list[Any]]:
        lists, dicts, objects, classes, others = self.holders
        scopes = [*dicts, vars(module), *map(_attributes_of, objects), *map(_attributes_of, classes)]
        each = [*map(held, others)]
        unordered = [*chain.from_iterable(map(unordered_in, others))]
        sizes: list[Any] = [kinds(), len(unordered), *map(len, lists), *map(len, scopes)]
        sizes += [suffix for items in each for suffix, _ in items]
        names = [*chain.from_iterable(scopes), type(module), *map(type, objects), *map(_bases_of, classes), *unordered]
        items = [*chain.from_iterable(lists), *chain.from_iterable([scope.values() for scope in scopes])]
        return sizes, names, items + [x for items in each for _, x in items]


def _without_graphs(items: list[Any]) -> list[Any]:
    return [None if x.__class__ is Value and x.op is not None else x for x in items]


def _is_idle(x: Any) -> bool:
    """Return True for what neither is nor holds a parameter: a number with operands, a float, a string."""
    return x.__class__ in ATOMS or (x.__class__ is Value and x.op is not None)


def _holders(module: Any, seen: Collection[Any]) -> Holders | None:
    """Sort what a walk went through by how it is read, without the Module itself; None if no comparison would do."""
    holders: Holders = [], [], [], [], []
    lists, dicts, objects, _, others = holders
    classes: dict[type, None] = {}
    plain: dict[type, bool] = {}
    for x in seen:
        cls = type(x)
        if cls is Value or cls is tuple:
            continue
        if cls is not x.__class__:  # a proxy
            return None
        if cls is list:
            lists.append(x)
        elif cls is dict and _KEYS.issuperset(map(type, x)):
            dicts.append(x)
        elif not isinstance(x, _CLOSED) and not (is_array(x) and x.dtype != object):
            if cls not in plain:
                plain[cls] = _is_plain(x, cls)
                classes.update(dict.fromkeys(cls.__mro__))
            is_plain = plain[cls] and getattr(x, "__dict__", None).__class__ is dict
            if x is not module:
                (objects if is_plain else others).append(x)
            elif not is_plain:
                return None
    holders[3].extend(cls for cls in classes if not cls.__flags__ & _IMMUTABLE)
    return holders


def _is_plain(x: Any, cls: type) -> bool:
    """Return True for a Module or another object whose attributes are all in its class and its dict."""
    if not (is_module(x) or is_dataclass(x) or kind_of(x) is None) or isinstance(x, VIEWS):
        return False
    if hasattr(cls, "recipe"):  # such as `jit` returns, whose attributes change at each call and count for nothing
        return False
    is_asking = hasattr(cls, "__getattr__") and not is_module(x)
    if is_asking or any("__getattribute__" in vars(base) for base in cls.__mro__[:-1]):
        return False
    own = [item for base in cls.__mro__ for item in vars(base).values()]
    return not any(isinstance(item, types.MemberDescriptorType) for item in own)

"""Watch what a function reads besides its arguments: closures, globals, defaults, attributes and items."""

from __future__ import annotations

import argparse
import array
import builtins
import dis
import enum
import functools
import hashlib
import os
import sys
import sysconfig
import types
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from decimal import Decimal
from fractions import Fraction
from itertools import chain
from operator import is_
from typing import Any, NoReturn

from autograd_tiny.compiler.randomness import is_generator, is_iterator
from autograd_tiny.compiler.readers import Reader, reader_of
from autograd_tiny.engine.op import Op
from autograd_tiny.engine.operand import Operand
from autograd_tiny.engine.tree import is_array, is_module
from autograd_tiny.engine.value import Value

LIMIT = 4096  # entries watched per function
_ABSENT: Any = object()
ANY: Any = object()  # value that may change
CLASS: Any = object()  # marks an object whose class is watched
_PLAIN = {type(None), bool, int, float, complex, str, bytes, range, slice, type(...), Fraction, Decimal}
_FROZEN = {str, bytes}
_READ = {"data", "detach", "stop_gradient"}  # make constants of a Value
_DYNAMIC = {"getattr", "vars", "__dict__", "asdict", "astuple", "fields", "attrgetter"}  # read attributes by any name
_MAKING = frozenset({"__init__", "__new__", "__post_init__", "__repr__"})  # an object that is there needs them no more
_OPEN = (types.SimpleNamespace, argparse.Namespace)  # objects of the standard library that hold settings
_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_LIBRARY = (_HERE, *{os.path.abspath(p) for n, p in sysconfig.get_paths().items() if n.endswith(("lib", "stdlib"))})

Check = tuple[Callable[[Any, Any], Iterable[str] | None], Any, Any, str]  # changed(holder, seen), both, and its path


Watcher = Callable[[list[tuple[Any, ...]]], Callable[[], bool] | None]  # of what holds what: see `llvm.reader.watcher`


class Surroundings:
    """What f reads besides its arguments: numbers, strings, arrays and containers of them, by closures and globals.

    >>> rate = {"k": 2.0}
    >>> around = Surroundings(lambda x: rate["k"] * x)
    >>> first = around.now()
    >>> rate["k"] = 5.0
    >>> around.now() == first
    False
    >>> rate["k"] = 2.0
    >>> around.now() == first
    True

    `now()` is a hashable key of their contents. It walks through Python functions and objects outside of libraries, and
    walks again only if one of `checks` fails. Values count by identity, because compiled code reads their data at each
    call. Attributes of objects count only if the code of a function names them.
    """

    def __init__(self, f: Callable[..., Any], watcher: Watcher | None = None) -> None:
        self.f, self.watcher = f, watcher or watched_by_python
        self.checks: list[Check] = []
        self._same: Callable[[], bool] | None = None  # made when it is first needed
        self.generators: list[Any] = []  # of random numbers, and iterators
        self.classes: dict[type, None] = {}  # of arguments, whose methods f calls
        self.written: set[str] = set()  # paths that f itself changes
        self.names: set[str] = set()  # that the code of the functions mentions
        self._key: Key | None = None
        self._warned: set[str] = set()

    def unchanged(self) -> bool:
        """True if everything is as at the last walk."""
        same = self._same
        for changed, holder, seen, _ in self.checks if same is None or not same() else self._rest:
            if changed(holder, seen) is not None:
                return False
        if same is None:
            self._compare_as_a_whole()
        return True

    def is_at(self, key: Key) -> bool:
        """True if everything is as when `now` returned that key."""
        return self._key is key and self.unchanged()

    def _compare_as_a_whole(self) -> None:
        """Let `watcher` compare what it can, and leave the other checks in `_rest`."""
        held: list[tuple[Any, ...]] = []
        rest: list[Check] = []
        for check in self.checks:
            changed, holder, seen, _ = check
            if changed is _cell and seen is not _ABSENT:
                held.append((holder, seen))
            elif changed is _name and holder[0].__class__ is dict and seen is not _ABSENT:
                held.append((*holder, seen))
            elif (changed is _items and holder.__class__ is list) or (changed is _mapping and holder.__class__ is dict):
                held.append((holder, seen))
            elif changed is _attributes:
                watched, names = seen
                own = list(holder)
                if names.symmetric_difference(own):  # by another thread
                    return
                held.append((holder, {name: watched.get(name, ANY) for name in own}))
            elif changed is _type:
                held.append((CLASS, holder, seen))
            else:
                rest.append(check)
        same = (self.watcher(held) or watched_by_python(held)) if held else None
        self._rest, self._same = (self.checks, _always) if same is None else (rest, same)

    def now(self, names: Set[str] = frozenset()) -> Key:
        """Key of the present contents; `names` are those that other code reads of it."""
        if not names <= self.names:
            self.names |= names
            self._key = None
        if self._key is None or not self.unchanged():
            name = getattr(self.f, "__name__", "the function")
            while True:
                walk = _Walk(self.names, self.written, self._warned, name)
                key = Key((walk.content(self.f, name), *[walk.code_of(cls) for cls in self.classes]))
                if walk.names <= self.names:
                    break
                self.names |= walk.names
            self.checks, self.generators = walk.checks, walk.generators
            if self.checks and walk.functions:  # a function that reads nothing costs no check
                codes = [(f, f.__code__, f.__defaults__, f.__kwdefaults__) for f in walk.functions]
                self.checks.append((_codes, None, codes, f"{name} code"))
            self._same = None
            if key != self._key:
                self._key = key
        return self._key

    def also(self, structure: Any) -> bool:
        """Watch what the methods of the classes in a structure of arguments read; return True if any is new."""
        new = {cls for cls in _classes(structure) if cls not in self.classes and _is_yours(cls)}
        if new:
            self.classes.update(dict.fromkeys(sorted(new, key=lambda cls: (cls.__module__, cls.__qualname__))))
            self._key = None
        return bool(new)

    def settle(self) -> bool:
        """Stop watching what f changed while it was traced, such as a counter; return True if it changed any."""
        found = [path + inner for changed, *pair, path in self.checks for inner in changed(*pair) or ()]
        self.written.update(found)
        return bool(found)


class Key:
    """Contents with a hash computed once."""

    __slots__ = ("content", "hash")

    def __init__(self, content: Any) -> None:
        self.content, self.hash = content, hash(content)

    def __hash__(self) -> int:
        return self.hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Key) and self.hash == other.hash and self.content == other.content)

    def __reduce__(self) -> Any:  # hashes of strings differ between processes
        return Key, (self.content,)


class Identity:
    """An object that counts by identity, kept alive so that its id is not reused; it cannot be pickled."""

    __slots__ = ("thing",)

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.thing is other.thing

    def __hash__(self) -> int:
        return id(self.thing)

    def __reduce__(self) -> NoReturn:
        raise TypeError("an identity has no meaning in another process")


class _Walk:
    """One walk through the surroundings of a function."""

    def __init__(self, names: set[str], written: set[str], warned: set[str], f: str) -> None:
        self.wanted, self.written, self.warned, self.f = names, written, warned, f
        self.names: set[str] = set()
        self.checks: list[Check] = []
        self.generators: list[Any] = []
        self.functions: list[types.FunctionType] = []  # not of a library
        self.met: dict[int, tuple[int, Any]] = {}  # by id, kept alive
        self.classes: set[type] = set()  # of objects
        self.entries = 0
        self.read: set[str] = set()  # paths of Values

    def content(self, x: Any, path: str) -> Any:
        """Hashable contents of x; what can change is added to the checks."""
        if path in self.written:
            return ...
        cls = x.__class__
        if cls in _PLAIN:
            return cls.__name__, x if cls is str or cls is bytes else repr(x)
        if isinstance(x, Operand):
            if not (self.wanted & _READ and isinstance(x, Value) and x.op is None):
                return Identity(x)
            if path not in self.read:
                self.read.add(path)
                self.checks.append((_data, x, x.data, path))
            return Identity(x), repr(x.data)
        if (before := self.met.get(id(x))) is not None:
            return "met", before[0]
        self.met[id(x)] = len(self.met), x
        self.entries += 1
        if is_array(x) or isinstance(x, (list, tuple, dict, set, frozenset, deque)):
            return self._container(x, path)
        if isinstance(x, enum.Enum):
            return cls.__qualname__, x.name
        if isinstance(x, (bytearray, array.array)):
            self.checks.append((_bytes, x, seen := bytes(x), path))
            return cls.__name__, seen
        return self._code(x, path)

    def _container(self, x: Any, path: str) -> Any:
        if is_array(x) and x.dtype != object:
            self.checks.append((_array, x, seen := x.tobytes(), path))
            return x.dtype.str, x.shape, hashlib.blake2b(seen).digest()  # as keys outlive what they describe
        if is_array(x):
            x = x.ravel().tolist()
        items = list(x.values()) if isinstance(x, dict) else list(x)
        if not (items and isinstance(items[0], Operand)) and self._is_too_much(len(items), path):
            return Identity(x)
        if isinstance(x, dict):
            keys = list(x)
            self.checks.append((_mapping, x, dict(x), path))
            inner = [
                (self.content(k, f"{path} key"), self.content(v, f"{path}[{k!r}]"))
                for k, v in zip(keys, items, strict=False)
            ]
            return x.__class__.__name__, *inner
        if isinstance(x, (set, frozenset)):
            self.checks.append((_set, x, frozenset(x), path))
            return x.__class__.__name__, frozenset(x) if all(y.__class__ in _PLAIN for y in x) else Identity(x)
        if not isinstance(x, tuple):
            self.checks.append((_items, x, items, path))
        return x.__class__.__name__, *[self.content(item, f"{path}[{i}]") for i, item in enumerate(items)]

    def _is_too_much(self, n: int, path: str) -> bool:
        self.entries += n
        if self.entries <= LIMIT:
            return False
        self.entries -= n
        if path not in self.warned:
            self.warned.add(path)
            warnings.warn(
                f"{path} has {n:,} entries, and jit watches {LIMIT:,} in all: if it changes, {self.f} is not traced "
                "again; pass it as an argument, or keep it in a NumPy array",
                RuntimeWarning,
                stacklevel=2,
            )
        return True

    def _code(self, x: Any, path: str) -> Any:
        if isinstance(x, types.FunctionType):
            return self._function(x, path)
        if isinstance(x, types.MethodType):
            return self.content(x.__self__, path), self.content(x.__func__, path + "()")
        if isinstance(x, functools.partial):
            return tuple([self.content(y, path) for y in (x.func, x.args, x.keywords)])
        if isinstance(x, (staticmethod, classmethod)):
            return self.content(x.__func__, path)
        if isinstance(x, (property, functools.cached_property)):
            return self.content(x.fget if isinstance(x, property) else x.func, path)
        if isinstance(x, type):
            return self._class(x)
        if isinstance(x, types.ModuleType):
            return self._named(vars(x), path) if _is_yours(x) else x.__name__
        if "__wrapped__" in getattr(x, "__dict__", ()):  # compiled, differentiated or cached
            transform, options = getattr(x, "recipe", None) or (type(x), ())
            return transform.__qualname__, repr(options[1:]), self.content(x.__wrapped__, path)
        if is_generator(x) or (is_iterator(x) and not is_module(x)):
            self.generators.append(x)
            return type(x).__name__
        held = () if (read := reader_of(x)) is None else self._held(read, x, path)
        if _is_yours(type(x)) or is_module(x) or isinstance(x, _OPEN):
            return self._object(x, path), *held
        if held:
            return x.__class__.__name__, *held
        if isinstance(x, Op):
            return x
        if isinstance(x, types.BuiltinFunctionType):
            return x.__class__.__name__, x.__name__
        if hasattr(x, "dtype") and hasattr(x, "tobytes"):  # a NumPy scalar, a matrix or a masked array
            if getattr(x, "ndim", 0):
                self.checks.append((_array, x, x.tobytes(), path))
            return x.dtype.str, x.shape, x.tobytes()
        return Identity(x)

    def _held(self, read: Reader, x: Any, path: str) -> tuple[Any, ...]:
        items = read(x)
        if self._is_too_much(len(items), path):
            return (Identity(x),)
        self.checks.append((_contents, (read, x), items, path))
        return len(items), *[self.content(item, f"{path}[{i}]") for i, item in enumerate(items)]

    def _function(self, f: types.FunctionType, path: str) -> Any:
        code, parts = f.__code__, []
        yours = _is_yours(f)
        for name, cell in zip(code.co_freevars, f.__closure__ or (), strict=True):
            x, place = _cell_contents(cell), f"{path}.{name}"
            if yours and place not in self.written and not _is_fixed(name, x):
                self.checks.append((_cell, cell, x, place))
            parts.append(None if x is _ABSENT else self.content(x, place))
        parts += [self.content(x, f"{path} default") for x in (f.__defaults__, f.__kwdefaults__)]
        if not yours:
            return f.__qualname__, *parts
        self.functions.append(f)
        found, mentioned = _names(code)
        self.names |= mentioned
        for name in found:
            if name in f.__globals__ or not hasattr(builtins, name):
                parts.append(self._watched(f.__globals__, name, name))
        if own := {name: x for name, x in vars(f).items() if name != "__wrapped__"}:
            parts.append(self._named(vars(f), path, own))
        return _spelled(code), *parts

    def _watched(self, scope: Any, name: str, place: str) -> Any:
        x = scope.get(name, _ABSENT)
        if _is_fixed(name, x):
            return None
        if place not in self.written:
            self.checks.append((_name, (scope, name), x, place))
        return None if x is _ABSENT else (name, self.content(x, place))

    def _named(self, scope: Any, path: str, within: Iterable[str] | None = None) -> Any:
        """Contents of those attributes that the code mentions."""
        names = [name for name in list(scope if within is None else within) if name in self.wanted]
        return tuple([self._watched(scope, name, f"{path}.{name}") for name in names])

    def _class(self, cls: type, besides: frozenset[str] = frozenset()) -> Any:
        if not _is_yours(cls):
            return cls.__qualname__
        parts = []
        kinds: tuple[type, ...] = (*cls.__mro__, *type.mro(type(cls)))
        for base in kinds:  # a class has the attributes of its metaclass too
            if _is_yours(base):
                names = [
                    name
                    for name, x in vars(base).items()
                    if name not in besides
                    and (name in self.wanted or (name[:2] == "__" and isinstance(x, types.FunctionType)))
                ]
                parts += [self._watched(vars(base), name, f"{base.__name__}.{name}") for name in names]
        return cls.__qualname__, *parts

    def _object(self, x: Any, path: str) -> Any:
        every = (is_module(x) and not _is_yours(type(x))) or bool(self.wanted & _DYNAMIC)
        own = getattr(x, "__dict__", {})
        attributes = dict(own)
        for base in type(x).__mro__:
            for name in _listed(vars(base).get("__slots__", ())):
                if name not in ("__dict__", "__weakref__") and hasattr(x, name):
                    attributes[name] = getattr(x, name)
        watched = {
            name: item
            for name, item in attributes.items()
            if (every or name in self.wanted) and f"{path}.{name}" not in self.written
        }
        mine = {name: item for name, item in watched.items() if name in own}
        self.checks.append((_attributes, own, (mine, set(own)), path))
        self.checks.append((_type, x, type(x), f"{path} class"))
        if slots := {name: item for name, item in watched.items() if name not in own}:
            self.checks.append((_slots, x, slots, path))
        inner = [(name, self.content(item, f"{path}.{name}")) for name, item in watched.items()]
        return self.code_of(type(x)), *inner

    def code_of(self, cls: type) -> Any:
        """Contents of what the methods of an object of this class read."""
        if cls in self.classes:
            return cls.__qualname__
        self.classes.add(cls)
        return self._class(cls, _MAKING)


def _classes(structure: Any) -> Iterator[type]:
    waiting = [structure]
    while waiting:
        x = waiting.pop()
        if isinstance(x, type):
            yield x
        elif isinstance(x, tuple):
            waiting += x


def _listed(slots: Any) -> tuple[str, ...]:
    return (slots,) if isinstance(slots, str) else tuple(slots)


# Each returns None if nothing changed, else the paths, below that of the check, of what changed.


def watched_by_python(held: Sequence[tuple[Any, ...]]) -> Callable[[], bool]:
    """Make a function that returns True while each of these holds the objects that it was seen to hold.

    Each is a list with its items, a dict with its keys and values, ANY for a value that may change, a cell with its
    contents, a dict with a key and the value of that, or CLASS with an object and its class. The function may return
    False too often, but not True.
    """
    others, lists, dicts, objects = [], [], [], []
    for one in held:
        if one[0] is CLASS:
            objects.append(one)
        elif one[0].__class__ is list and all(x.__class__.__eq__ is object.__eq__ for x in one[1]):
            lists.append(one[0])
        elif one[0].__class__ is dict and len(one) == 2:
            dicts.append(one)
        else:
            others.append(one)
    listed = [[*x] for x in lists]
    things, classes = [x for _, x, _ in objects], [cls for _, _, cls in objects]
    own = [x for x, _ in dicts]
    keys = [key for _, seen in dicts for key in seen]
    values = [x[key] if y is ANY else y for x, seen in dicts for key, y in seen.items()]
    ids = [*map(id, keys)], [*map(id, values)]  # the objects are kept alive, so that no id is used again

    def same() -> bool:
        try:
            return (
                lists == listed
                and [*map(id, chain.from_iterable(map(dict.values, own)))] == ids[1]
                and [*map(id, chain.from_iterable(own))] == ids[0]
                and [*map(type, things)] == classes
                and all(map(_holds, others))
            )
        except Exception:  # of an object that cannot be compared, or a dict changed by another thread
            return False

    return same


def _holds(one: tuple[Any, ...]) -> bool:
    x, *seen = one
    if len(seen) == 2:
        return x.get(seen[0], _ABSENT) is seen[1]
    if isinstance(x, types.CellType):
        return _cell_contents(x) is seen[0]
    return len(x) == len(seen[0]) and all(map(is_, x, seen[0]))


def _always() -> bool:
    return True


def _data(x: Value, seen: float) -> Iterable[str] | None:
    return None if x.data is seen or repr(x.data) == repr(seen) else ("",)


def _cell(cell: types.CellType, seen: Any) -> Iterable[str] | None:
    return None if _cell_contents(cell) is seen else ("",)


def _cell_contents(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return _ABSENT


def _name(place: tuple[Any, str], seen: Any) -> Iterable[str] | None:
    scope, name = place
    return None if scope.get(name, _ABSENT) is seen else ("",)


def _attributes(own: dict[str, Any], seen: tuple[dict[str, Any], set[str]]) -> Iterable[str] | None:
    watched, names = seen
    if len(own) == len(names) and all(map(is_, map(own.get, watched), watched.values())):
        return None
    changed = [name for name, item in watched.items() if own.get(name, _ABSENT) is not item]
    return [f".{name}" for name in (*changed, *(own.keys() - names))]  # a new one may hide one of the class


def _slots(x: Any, seen: dict[str, Any]) -> Iterable[str] | None:
    changed = [f".{name}" for name, item in seen.items() if getattr(x, name, _ABSENT) is not item]
    return changed or None


def _type(x: Any, seen: type) -> Iterable[str] | None:
    return None if type(x) is seen else ("",)


def _codes(_: None, seen: list[tuple[Any, ...]]) -> Iterable[str] | None:
    for f, code, defaults, of_keywords in seen:
        if f.__code__ is not code or f.__defaults__ is not defaults or f.__kwdefaults__ is not of_keywords:
            return ("",)
    return None


def _contents(place: tuple[Reader, Any], seen: list[Any]) -> Iterable[str] | None:
    read, x = place
    if len(now := read(x)) != len(seen):
        return ("",)
    same = all(a is b or (b.__class__ in _FROZEN and a == b) for a, b in zip(now, seen, strict=True))
    return None if same else ("",)


def _items(x: Any, seen: list[Any]) -> Iterable[str] | None:
    return None if len(x) == len(seen) and all(map(is_, x, seen)) else ("",)


def _set(x: Any, seen: frozenset[Any]) -> Iterable[str] | None:
    return None if x == seen else ("",)


def _mapping(x: dict[Any, Any], seen: dict[Any, Any]) -> Iterable[str] | None:
    if len(x) == len(seen) and all(map(is_, x, seen)) and all(map(is_, x.values(), seen.values())):
        return None
    return [f"[{key!r}]" for key in {**x, **seen} if x.get(key, _ABSENT) is not seen.get(key, _ABSENT)]


def _array(x: Any, seen: bytes) -> Iterable[str] | None:
    return None if x.tobytes() == seen else ("",)


def _bytes(x: Any, seen: bytes) -> Iterable[str] | None:
    return None if bytes(x) == seen else ("",)


def _is_fixed(name: str, x: Any) -> bool:
    """True for a module of a library, and for what such a module defines under this name."""
    if isinstance(x, types.ModuleType):
        return not _is_yours(x)
    if isinstance(x, (types.FunctionType, type)):
        return x.__name__ == name and not _is_yours(x)
    return isinstance(x, (Op, types.BuiltinFunctionType)) and name == (x.name if isinstance(x, Op) else x.__name__)


def _is_yours(x: Any) -> bool:
    """True for a module, class or function that is not of a library."""
    if isinstance(x, types.FunctionType):
        file = x.__code__.co_filename
        if file == "<dynamic-code>":  # cloudpickle's
            file = x.__globals__.get("__file__") or file
        return not _in_library(file)
    module = x if isinstance(x, types.ModuleType) else sys.modules.get(x.__module__)
    if module is None or module.__name__ in sys.builtin_module_names:
        return module is None
    return not _in_library(getattr(module, "__file__", None) or "")


@functools.cache
def _in_library(file: str) -> bool:
    return file.startswith("<frozen") or os.path.abspath(file).startswith(tuple(path + os.sep for path in _LIBRARY))


@functools.lru_cache(4096)
def _names(code: types.CodeType) -> tuple[list[str], frozenset[str]]:
    """Names of the globals that the code loads, and all names that it reads."""
    loads = [(i.opname, i.argval) for i in dis.get_instructions(code) if i.opname.startswith(("LOAD", "IMPORT"))]
    found = [name for op, name in loads if op in ("LOAD_GLOBAL", "LOAD_NAME")]
    mentioned = {name for _, name in loads if isinstance(name, str)} | {x for x in code.co_consts if isinstance(x, str)}
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            below, more = _names(inner)
            found, mentioned = found + below, mentioned | more
    return list(dict.fromkeys(found)), frozenset(mentioned)


@functools.lru_cache(4096)
def _spelled(code: types.CodeType) -> tuple[Any, ...]:
    """Everything the code does, without the place where it stands."""
    constants = [_spelled(x) if isinstance(x, types.CodeType) else repr(x) for x in code.co_consts]
    return code.co_name, code.co_code, code.co_names, code.co_varnames, code.co_freevars, *constants

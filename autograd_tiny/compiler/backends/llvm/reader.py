"""Read the numbers of arguments from the objects themselves, in machine code: some 3 ns per number.

    read = reader(layout, captured)
    read(args)  # an array of the numbers, or None for arguments of another layout

A function of machine code walks the objects, and words of a table tell it what to expect: see `walks`. `watcher` and
`builder` are made in the same way: one compares what a function reads, the other rebuilds results.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import sys
import types
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from autograd_tiny.compiler.backends.cache import store, stored
from autograd_tiny.compiler.backends.llvm.engine import Code, compiled, identity
from autograd_tiny.compiler.backends.llvm.kernel import Direct
from autograd_tiny.compiler.backends.llvm.objects import API, Definition, builtin, definition, is_known
from autograd_tiny.compiler.backends.llvm.walks import (
    A_DICT,
    A_FLOAT,
    A_PIECE,
    A_ROW,
    ARRAY,
    CELL_HELD,
    CLASS_HELD,
    DICT,
    DICT_HELD,
    EACH,
    END,
    FLOAT,
    FLOATS,
    HEAD,
    IS,
    LEAF,
    LIST_HELD,
    MARK,
    NAME_HELD,
    OWN,
    SAME,
    assembly,
)
from autograd_tiny.compiler.layout import Again, Array, Entries, Fixed, Layout, NoLayout, Parameter, Part, Row
from autograd_tiny.compiler.surroundings import ANY, CLASS
from autograd_tiny.engine.tree import sorted_keys
from autograd_tiny.engine.value import Value


def reader(layout: Layout, captured: Sequence[Value] = (), apart: Collection[Value] = ()) -> Callable[..., Any] | None:
    """Make a function that reads arguments of this layout, followed by the data of the captured Values.

    It is None if only Python can read a part of the layout, and for an interpreter with another layout of objects.
    A call returns None if the arguments differ, or if one of their Values is in `apart`.
    """
    made = _walker("read", layout, captured, apart)
    if made is None:
        return None
    read, before, own = made
    values, numbers, others, empty = len(layout.values), layout.numbers + len(own), {id(v) for v in apart}, np.empty
    room = numbers + values

    def whole(args: tuple[Any, ...]) -> Any:
        xs = empty(room)
        return xs if read(args + own if own else args, xs) else None

    def call(args: tuple[Any, ...]) -> Any:
        xs = empty(room)
        same = read(args + own if own else args, xs)
        if same is None:
            same = _noted(before, xs[numbers:].view(np.int64).tolist(), others)
        return xs[:numbers] if same else None

    return call if values else whole


def runner(
    layout: Layout, captured: Sequence[Value], apart: Collection[Value], direct: Direct, is_mean: bool
) -> Callable[..., Any] | None:
    """Make a function that reads arguments like a reader, and passes the numbers to compiled code, all in one builtin.

    A call returns the outputs; None if the arguments differ, or are a batch for several threads.
    """
    made = _walker("run", layout, captured, apart)
    if made is None:
        return None
    run, before, own = made
    values, numbers, others, empty = len(layout.values), layout.numbers + len(own), {id(v) for v in apart}, np.empty
    means = direct.outputs if is_mean and not direct.is_each else 0
    free: list[tuple[Any, bytes]] = []  # memory of finished calls, for reuse
    batch = next((i for i, part in enumerate(layout.whole.items) if isinstance(part, Array) and part.is_batched), 0)
    outputs, is_each, room = direct.outputs, direct.is_each, functools.partial(direct.room, values, means)

    def call(args: tuple[Any, ...]) -> Any:
        mine = free.pop() if free else room()
        ys = empty((outputs, len(args[batch])) if is_each else outputs)
        same = run(args + own if own else args, ys, mine[1])
        if same is None:
            found = mine[0].given[numbers:]
            if _noted(before, np.array(found).view(np.int64).tolist(), others):
                same = run(args + own if own else args, ys, mine[1])
        free.append(mine)
        return ys if same else None

    return call


def _walker(name: str, layout: Layout, captured: Sequence[Value], apart: Collection[Value]) -> Any:
    """Builtin that walks arguments of a layout and captured Values; the addresses of the Values before; the latter."""
    if not is_known():
        return None
    own = tuple(captured)
    table = _Table()
    before = (ctypes.c_int64 * max(1, len(layout.values)))()  # of Values that were found to be distinct
    table.words[:] = _head(ctypes.addressof(before), layout.numbers + len(own))
    table.words += [EACH, id(tuple), len(layout.whole.items) + len(own), 1]  # arguments and captured Values in one
    try:
        for part in layout.whole.items:
            table.write(part)
    except NoLayout:
        return None
    for i, _ in enumerate(own):
        table.words += [LEAF, layout.numbers + i, -1]
    return table.function(name, before, own, frozenset(apart)), before, own


def _noted(before: Any, found: list[int], others: set[int]) -> bool:
    """Note the addresses of the Values of a call, unless one is there twice or among the others."""
    distinct = {*found}
    if len(distinct) < len(found) or not distinct.isdisjoint(others):
        return False
    before[:] = found
    return True


def watcher(held: Sequence[tuple[Any, ...]]) -> Callable[[], bool] | None:
    """Make a function that returns True while each of these holds the objects that it was seen to hold.

    Each is a list with its items, a dict with its keys and values, `ANY` for a value that may change, a cell with its
    contents, a dict with a key and the value of that, or CLASS with an object and its class.
    """
    if not is_known():
        return None
    table = _Table()
    for x, *seen in held:
        if x is CLASS:
            table.words += [CLASS_HELD, id(seen[0]), id(seen[1])]
        elif isinstance(x, types.CellType):
            table.words += [CELL_HELD, id(x), _address(seen[0])]
        elif isinstance(x, list):
            table.words += [LIST_HELD, id(x), len(seen[0]), *map(id, seen[0])]
        elif len(seen) == 2:
            table.words += [NAME_HELD, id(x), id(seen[0]), _address(seen[1])]
        else:
            table.words += [DICT_HELD, id(x), len(seen[0])]
            table.words += [y for key, value in seen[0].items() for y in (id(key), _address(value))]
    table.words.append(END)
    table.words[:HEAD] = _head(0, 0)
    return table.function("watch", held)


def _address(x: Any) -> int:
    return 0 if x is ANY else id(x)


def builder(model: Any) -> Callable[[Any], Any] | None:
    """Make a function that puts an array of numbers into a tree like this one, of floats, lists, tuples, dicts and
    arrays; None for any other tree.

    >>> put = builder((0.0, {"w": [0.0, 0.0], "b": 0.0}))
    >>> put(np.arange(4.0)) if put else "another interpreter"
    (0.0, {'w': [2.0, 3.0], 'b': 1.0})
    """
    if not is_known():
        return None
    table, at = _Table(), 0
    arrays: list[tuple[slice, Any]] = []  # the part of the numbers, and a shape

    def write(x: Any) -> bool:
        """Add the words of a part of the tree."""
        nonlocal at
        words, cls = table.words, x.__class__
        if cls is float:
            words += [A_FLOAT, at]
            at += 1
        elif cls is list or cls is tuple:
            words += [A_ROW, cls is tuple, len(x)]
            return all(map(write, x))
        elif cls is dict:
            places, own = {}, words
            for key in sorted_keys(x):
                table.words = []
                if not write(x[key]):
                    return False
                places[key] = table.words
            table.words = own
            own += [A_DICT, table.address({**x}), len(x)]
            for key in x:
                own += [table.address(key), *places[key]]
        elif cls is np.ndarray and x.dtype == float:
            words += [A_PIECE, len(arrays)]
            arrays.append((slice(at, at + x.size), x.shape if x.ndim != 1 else None))
            at += x.size
        else:
            return False
        return True

    if not write(model):
        return None
    table.words[:HEAD] = _head(0, 0)
    build = table.function("build")
    if not arrays:
        return lambda ys: build(ys, ())
    if len(arrays) == 1 and arrays[0][1] is None:
        row = arrays[0][0]
        return lambda ys: build(ys, (ys[row],))
    return lambda ys: build(ys, tuple([ys[row] if shape is None else ys[row].reshape(shape) for row, shape in arrays]))


class _Table:
    """Words that tell what to expect; each `MARK` has room for the address of an object that stands in other places."""

    def __init__(self) -> None:
        self.words: list[int] = [0] * HEAD
        self.kept: list[Any] = []  # alive, as long as their addresses are here
        self.marks: dict[Part, int] = {}
        self.tables = 0  # of a batch

    def address(self, x: Any) -> int:
        self.kept.append(x)
        return id(x)

    def write(self, part: Part) -> None:
        """Add the words of a part."""
        words = self.words
        if part.shared:
            self.marks[part] = len(words) + 1
            words += [MARK, 0]
        if isinstance(part, Row):
            inline, n = issubclass(part.cls, tuple), len(part.items)
            if n and all(item.__class__ is Part for item in part.items):
                words += [FLOATS, self.address(part.cls), n, part.items[0].at, inline]
                return
            words += [EACH, self.address(part.cls), n, inline]
            for item in part.items:
                self.write(item)
        elif isinstance(part, Entries):
            words += [DICT, len(part.items)] if part.cls is dict else [OWN, self.address(part.cls), len(part.items)]
            for key, item in part.items.items():
                words.append(self.address(key))
                self.write(item)
        elif isinstance(part, Array):
            if part.dtype != np.dtype(float):
                raise NoLayout
            shape = (0, *part.shape) if part.is_batched else part.shape
            size = self.tables if part.is_batched else int(np.prod(part.shape))
            self.tables += part.is_batched
            words += [ARRAY, part.at, size, len(shape), part.is_batched, *shape]
        elif isinstance(part, Fixed):
            words += [IS, self.address(part.thing)]
        elif isinstance(part, Again):
            if part.first not in self.marks:  # in a dict with another order of insertion
                raise NoLayout
            words += [SAME, self.marks[part.first]]
        elif isinstance(part, Parameter):
            words += [LEAF, part.at, part.index]
        else:
            words += [FLOAT, part.at]

    def function(self, name: str, *kept: Any) -> Callable[..., Any]:
        """Make the builtin that follows these words."""
        words = (ctypes.c_int64 * (len(self.words) + 4))(*self.words)  # each step looks at four
        code, definitions = _code()
        own = ctypes.addressof(words).to_bytes(8, sys.byteorder)
        return builtin(definitions[name], own, (code, words, self.kept, kept))


def _head(before: int, numbers: int) -> list[int]:
    """Words before the first step: the array to fill, its end, whether a Value moved, addresses to compare with."""
    objects = (float, np.float64, Value, None, np.ndarray, str, dict, np.dtype(float))
    return [0, 0, 0, before, numbers, *map(id, objects), *API.values()]


@functools.cache
def _code() -> tuple[Code, dict[str, Definition]]:
    """Machine code of both functions."""
    text = assembly()
    name = hashlib.sha256(repr((identity(), text)).encode()).hexdigest()
    if (data := stored(name)) is None:
        data = compiled(text, inline=True)
        store(name, data)
    code = Code(data)
    found = {
        word: ctypes.cast(code.function(word, 3), ctypes.c_void_p).value or 0
        for word in ("read", "run", "watch", "build")
    }
    return code, {word: definition(address) for word, address in found.items()}

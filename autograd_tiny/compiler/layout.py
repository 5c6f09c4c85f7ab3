"""Describe the layout of arguments: what must be the same at each call, and where their numbers are.

    laid_out(args, batched)  # a tree of the parts below, from which `flatten` and `backends.llvm.reader` write code

A part is an instance of one of these classes; `at` is the place of its first number among the numbers of the arguments.
"""

from __future__ import annotations

import dataclasses
import enum
import types
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from autograd_tiny.compiler.arguments import is_static
from autograd_tiny.engine.op import Op
from autograd_tiny.engine.tree import NUMBERS, below, is_dataclass, is_module, is_named_tuple, sorted_keys
from autograd_tiny.engine.value import Value
from autograd_tiny.nn.modules import Module

FIXED = (bool, int, float, str, enum.Enum, type, Op, types.FunctionType, types.BuiltinFunctionType, type(None))


@dataclasses.dataclass(eq=False)
class Part:
    """A number: a float, an integer or a NumPy float."""

    at: int = 0
    shared: bool = dataclasses.field(default=False, kw_only=True)  # an `Again` refers to it


@dataclasses.dataclass(eq=False)
class Parameter(Part):
    """A Value that is a leaf; `index` counts them."""

    index: int = 0


@dataclasses.dataclass(eq=False)
class Array(Part):
    """An array of numbers; one of a batch has the samples as its first axis, and `shape` is that of a sample."""

    shape: tuple[int, ...] = ()
    dtype: Any = None
    is_batched: bool = False


@dataclasses.dataclass(eq=False)
class Fixed(Part):
    """An object that is the same one at each call."""

    thing: Any = None


@dataclasses.dataclass(eq=False)
class Again(Part):
    """The object of another part."""

    first: Part = dataclasses.field(default_factory=Part)


@dataclasses.dataclass(eq=False)
class Row(Part):
    """A list or a tuple."""

    cls: type = list
    items: Sequence[Part] = ()


@dataclasses.dataclass(eq=False)
class Entries(Part):
    """A dict, with its keys in the order of insertion; or the attributes of an object of class `cls`."""

    cls: type = dict
    items: dict[Any, Part] = dataclasses.field(default_factory=dict)


class NoLayout(Exception):
    """A part of the arguments has no description."""


class Layout:
    """Layout of the arguments of a call: a Row of the arguments, and the number of numbers and of parameters in it.

    >>> layout = Layout(({"w": [1.0, 2.0], "b": 3.0},), [False])
    >>> layout.numbers, list(layout.whole.items[0].items)
    (3, ['w', 'b'])

    Raises NoLayout if some part cannot be described; static arguments are Fixed.
    """

    def __init__(self, args: tuple[Any, ...], batched: Sequence[bool], static: Collection[int] = ()) -> None:
        self.numbers = 0
        self.values: list[Value] = []
        self._seen: dict[int, Part] = {}  # Values and Modules so far, by id
        items = [
            Fixed(thing=x) if i in static or is_static(x) else self._array(x, True) if is_batched else self._part(x)
            for i, (x, is_batched) in enumerate(zip(args, batched, strict=True))
        ]
        self.whole = Row(cls=tuple, items=items)

    def _next(self, count: int = 1) -> int:
        self.numbers += count
        return self.numbers - count

    def _part(self, x: Any) -> Part:
        """Describe an argument, or a part of it that is not inside a Module."""
        if x.__class__ is float or x.__class__ is int or _is_numpy(x, "float64"):
            return Part(self._next())
        if x.__class__ in (list, tuple) or is_named_tuple(x):
            return Row(self.numbers, x.__class__, [self._part(item) for item in x])
        if x.__class__ is dict:
            parts = {key: self._part(x[key]) for key in sorted_keys(x)}
            return Entries(0, dict, {key: parts[key] for key in x})
        if x is None:
            return Fixed(thing=None)
        if _is_numpy(x, "ndarray"):
            return self._array(x, False)
        if is_module(x):
            return self._module(x)
        if _is_plain_dataclass(x):
            return Entries(0, x.__class__, {name: self._part(item) for name, item in vars(x).items()})
        raise NoLayout

    def _array(self, x: Any, is_batched: bool) -> Part:
        if not _is_numpy(x, "ndarray") or x.dtype.kind not in NUMBERS or (is_batched and not x.ndim):
            raise NoLayout
        at = self.numbers if is_batched else self._next(x.size)
        return Array(at, x.shape[is_batched:], x.dtype, is_batched)

    def _module(self, x: Any) -> Part:
        """Describe a Module: all of its attributes are fixed, except its Values."""
        if x.__class__.named_parameters is not Module.named_parameters:
            raise NoLayout
        if again := self._again(x):
            return again
        own = getattr(x, "__dict__", {})
        if [f".{name}" for name in own] != [suffix for suffix, _ in below(x)]:
            raise NoLayout  # slots, numbers of the class, computed parameters
        part = self._seen[id(x)] = Entries(0, x.__class__)
        part.items.update({name: self._held(item) for name, item in own.items()})
        return part

    def _held(self, x: Any) -> Part:
        """Describe something inside a Module."""
        if x.__class__ is Value:
            if x.op is not None:
                raise NoLayout
            if again := self._again(x):
                return again
            self.values.append(x)
            part = self._seen[id(x)] = Parameter(self._next(), len(self.values) - 1)
            return part
        if x.__class__ in (list, tuple):
            return Row(self.numbers, x.__class__, [self._held(item) for item in x])
        if x.__class__ is dict:
            parts = {key: self._held(x[key]) for key in sorted_keys(x)}
            return Entries(0, dict, {key: parts[key] for key in x})
        if is_module(x):
            return self._module(x)
        if isinstance(x, FIXED):
            return Fixed(thing=x)
        raise NoLayout

    def _again(self, x: Any) -> Part | None:
        """Refer to the part where x was met before, if it was."""
        if (first := self._seen.get(id(x))) is None:
            return None
        first.shared = True
        return Again(first=first)


def walk(part: Part) -> Iterator[Part]:
    """Yield a part and all parts below it."""
    yield part
    if isinstance(part, (Row, Entries)):
        for item in part.items.values() if isinstance(part, Entries) else part.items:
            yield from walk(item)


def _is_numpy(x: Any, name: str) -> bool:
    return (x.__class__.__module__, x.__class__.__name__) == ("numpy", name)


def _is_plain_dataclass(x: Any) -> bool:
    """Return True for a dataclass whose attributes are its fields, in their order."""
    return is_dataclass(x) and [*getattr(x, "__dict__", ())] == [f.name for f in dataclasses.fields(x)]

"""Write, for one structure of arguments, the function that checks it and takes its numbers: some 40 ns per number.

    flat = flattener(args, batched)
    flat(args)  # the numbers shared by all samples as `Arguments.numbers` has them, or None for another structure

The source text holds only expressions like ``e3[k7]``; keys, names and constants are objects in its namespace.
"""

from __future__ import annotations

import enum
import types
from collections.abc import Callable, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

from autograd_tiny.engine.op import Op
from autograd_tiny.engine.tree import below, is_module, sorted_keys
from autograd_tiny.engine.value import Value
from autograd_tiny.nn.modules import Module

Flat = Callable[[tuple[Any, ...]], Any]
FIXED = (bool, int, float, str, enum.Enum, type, Op, types.FunctionType, types.BuiltinFunctionType, type(None))
FAILED = (AttributeError, IndexError, KeyError, TypeError, ValueError)  # raised by a tree of another structure


def flattener(args: tuple[Any, ...], batched: Sequence[bool]) -> Flat | None:
    """Write the flattener of arguments like these; None if some part of them has no code of its own.

    >>> flat = flattener(({"w": [1.0, 2.0], "b": 3.0},), [False])
    >>> flat(({"w": [4.0, 5.0], "b": 6.0},)), flat(({"w": [4.0], "b": 6.0},))
    ([6.0, 4.0, 5.0], None)

    Arguments of a batch are only checked; they must be contiguous arrays of floats.
    """
    writer = _Writer()
    try:
        for i, (x, is_batched) in enumerate(zip(args, batched, strict=True)):
            place = writer.name(f"args[{i}]")
            if is_batched:
                writer.table(x, place)
            else:
                writer.walk(x, place)
    except _NoCode:
        return None
    return writer.function(len(args))


class _NoCode(Exception):
    """A part of the arguments has no code of its own."""


class _Writer:
    """Source text under way: statements that check and unpack, and the parts that hold numbers, in order."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.parts: list[tuple[str, str]] = []  # (kind, expression): kind is "floats", "values" or "array"
        self.values: list[Value] = []
        self.seen: dict[int, str] = {}  # names of the Values and Modules so far, by id
        self.names: dict[str, Any] = {"FAILED": FAILED, "float": float, "Value": Value, "chain": chain.from_iterable}

    def name(self, expression: str) -> str:
        """Assign an expression to a new name."""
        place = f"e{len(self.lines)}"
        self.lines.append(f"{place} = {expression}")
        return place

    def constant(self, x: Any) -> str:
        name = f"k{len(self.names)}"
        self.names[name] = x
        return name

    def check(self, condition: str) -> None:
        self.lines.append(f"if not ({condition}): return None")

    def check_class(self, x: Any, place: str, more: str = "") -> None:
        self.check(f"{place}.__class__ is {self.constant(x.__class__)}{more}")

    def walk(self, x: Any, place: str) -> None:
        """Write the code of an argument, or of a part of it that is not inside a Module."""
        if x.__class__ is float:
            self.parts.append(("floats", f"[{place}]"))
        elif x.__class__ in (list, tuple):
            self.check_class(x, place, f" and len({place}) == {len(x)}")
            if x and all(item.__class__ is float for item in x):
                self.parts.append(("floats", place))
            elif row := self.rows(x, place):
                self.parts.append(("floats", row))
            else:
                self.items(x, place, self.walk)
        elif x.__class__ is dict:
            self.entries(x, place, self.walk)
        elif x is None:
            self.check(f"{place} is None")
        elif _is_plain_array(x):
            self.table(x, place, whole=True)
            self.parts.append(("array", f"{place}.ravel()"))
        elif is_module(x):
            self.module(x, place)
        else:
            raise _NoCode

    def items(self, x: Any, place: str, walk: Callable[[Any, str], None]) -> None:
        for i, item in enumerate(x):
            walk(item, self.name(f"{place}[{i}]"))

    def entries(self, x: dict[Any, Any], place: str, walk: Callable[[Any, str], None]) -> None:
        self.check_class(x, place, f" and len({place}) == {len(x)}")
        for key in sorted_keys(x):
            walk(x[key], self.name(f"{place}[{self.constant(key)}]"))

    def rows(self, x: Any, place: str) -> str | None:
        """Check a list of lists of floats of one length as a whole."""
        if not x or not all(row.__class__ is list and row and all(y.__class__ is float for y in row) for row in x):
            return None
        if len({*map(len, x)}) > 1:
            return None
        self.names["ONE_LIST"] = {list}
        self.check(f"{{*map(type, {place})}} == ONE_LIST and {{*map(len, {place})}} == {self.constant({len(x[0])})}")
        return f"chain({place})"

    def table(self, x: Any, place: str, whole: bool = False) -> None:
        if not _is_plain_array(x) or not (x.flags.c_contiguous and x.ndim):
            raise _NoCode
        shape = f"{place}.shape" if whole else f"{place}.shape[1:]"
        dtype, expected = self.constant(x.dtype), self.constant(x.shape if whole else x.shape[1:])
        self.check_class(x, place, f" and {place}.dtype is {dtype} and {shape} == {expected}")
        self.check(f"{place}.flags.c_contiguous")

    def module(self, x: Any, place: str) -> None:
        """Write the code of a Module: all of its attributes are checked, its Values are taken."""
        if x.__class__.named_parameters is not Module.named_parameters:
            raise _NoCode
        if self.again(x, place):
            return
        own = getattr(x, "__dict__", {})
        if [f".{name}" for name in own] != [suffix for suffix, _ in below(x)]:
            raise _NoCode  # slots, numbers of the class, computed parameters
        held = self.name(f"{place}.__dict__")
        self.check_class(x, place, f" and (*{held},) == {self.constant((*own,))}")
        for attribute, item in own.items():
            self.held(item, self.name(f"{held}[{self.constant(attribute)}]"))

    def held(self, x: Any, place: str) -> None:
        """Write the code of something inside a Module."""
        if x.__class__ is Value:
            if x.op is not None:
                raise _NoCode
            if not self.again(x, place):
                self.values.append(x)
                self.parts.append(("values", f"[{place}]"))
        elif x.__class__ in (list, tuple):
            self.check_class(x, place, f" and len({place}) == {len(x)}")
            if x and all(y.__class__ is Value and y.op is None and id(y) not in self.seen for y in x):
                for i, y in enumerate(x):
                    self.seen[id(y)] = f"{place}[{i}]"
                if len({*map(id, x)}) < len(x):
                    raise _NoCode
                self.values += x
                self.parts.append(("values", place))
            else:
                self.items(x, place, self.held)
        elif x.__class__ is dict:
            self.entries(x, place, self.held)
        elif is_module(x):
            self.module(x, place)
        elif isinstance(x, FIXED):
            self.check(f"{place} is {self.constant(x)}")
        else:
            raise _NoCode

    def again(self, x: Any, place: str) -> bool:
        """Return True if x was met before, and check that it is the same object again."""
        before = self.seen.setdefault(id(x), place)
        if before is not place:
            self.check(f"{place} is {before}")
        return before is not place

    def function(self, count: int) -> Flat:
        """Compile the source text."""
        lines = [f"if len(args) != {count}: return None", *self.lines]
        if self.values:
            taken = ", ".join(f"*{part}" for kind, part in self.parts if kind == "values")
            self.names |= {"ONE_VALUE": {Value}, "NO_OP": {None}, "op": attrgetter("op"), "data": attrgetter("data")}
            lines += [
                f"values = [{taken}]",
                "if {*map(type, values)} != ONE_VALUE: return None",
                f"if len({{*map(id, values)}}) != {len(self.values)}: return None",
                "if {*map(op, values)} != NO_OP: return None",
            ]
        lines += [*self.result()]
        text = "\n".join(["def flat(args):", " try:", *(f"  {line}" for line in lines), " except FAILED: return None"])
        exec(text, self.names)  # the text holds names and indices made here, and nothing from outside
        flat: Flat = self.names["flat"]
        return flat

    def result(self) -> list[str]:
        """Statements that join the parts: a list of floats, or an array if one of the parts is."""
        lines, groups, n = [], [], 0
        for kind, part in self.parts:
            text = f"*{part}"
            if kind == "values":
                text, n = f"*map(data, {part})", n + 1
            if kind == "array":
                groups.append(part)
            elif groups and groups[-1][0] == "[":
                groups[-1] = f"{groups[-1][:-1]}, {text}]"
            else:
                groups.append(f"[{text}]")
        self.names["ONE"] = {float}
        for i, group in enumerate(groups):
            lines.append(f"g{i} = {group}")
            if group[0] == "[":
                lines.append(f"if {{*map(type, g{i})}} != ONE: return None")
        if len(groups) < 2:
            return [*lines, f"return {'g0' if groups else '[]'}"]
        import numpy as np

        self.names["concatenate"] = np.concatenate
        return [*lines, f"return concatenate(({', '.join(f'g{i}' for i in range(len(groups)))}))"]


def _is_plain_array(x: Any) -> bool:
    return (x.__class__.__module__, x.__class__.__name__) == ("numpy", "ndarray") and x.dtype == float

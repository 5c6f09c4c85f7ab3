"""Write, for one layout of arguments, the function that checks them and takes their numbers: some 40 ns per number.

    flat = flattener(Layout(args, batched))
    flat(args)  # the numbers shared by all samples as `Arguments.numbers` has them, or None for another structure

The source text holds only expressions like ``e3[k7]``; keys, names and constants are objects in its namespace.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from itertools import chain
from operator import attrgetter
from typing import Any

from autograd_tiny.compiler.layout import Again, Array, Entries, Fixed, Layout, NoLayout, Parameter, Part, Row
from autograd_tiny.engine.tables import is_numeric
from autograd_tiny.engine.tree import NUMBERS, is_array, is_table, sorted_keys
from autograd_tiny.engine.value import Value

Flat = Callable[[tuple[Any, ...]], Any]
FAILED = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)  # of a tree of another structure


def flattener(layout: Layout, apart: Collection[Value] = ()) -> Flat:
    """Write the flattener of arguments of this layout, which must hold no Value that is in `apart`.

    >>> flat = flattener(Layout(({"w": [1.0, 2.0], "b": 3.0},), [False]))
    >>> flat(({"w": [4.0, 5.0], "b": 6.0},)), flat(({"w": [4.0], "b": 6.0},))
    ([6.0, 4.0, 5.0], None)

    Arguments of a batch are only checked.
    """
    writer = _Writer()
    writer.write(layout.whole, "args")
    return writer.function(len(layout.values), frozenset(apart))


def tables(x: Any) -> Callable[[Any], Any] | None:
    """Return a function that makes a contiguous array of floats of a batch like x; None if x is one.

    >>> tables([[1.0, 2.0], [3.0, 4.0]])([[1, 2.5]]).tolist()
    [[1.0, 2.5]]

    It raises one of FAILED for a batch of another kind.
    """
    np, cls = sys.modules.get("numpy"), x.__class__
    if np is None or not (is_array(x) or is_table(x) or cls in (list, tuple)) or not len(x):
        raise NoLayout
    if cls is np.ndarray:
        dtype = x.dtype
        if dtype.kind not in NUMBERS:
            raise NoLayout
        if dtype == np.dtype(float) and x.flags.c_contiguous:
            return None
        return lambda x: _like(x.__class__ is cls and x.dtype == dtype) and np.ascontiguousarray(x, float)
    if is_table(x):
        labels = x.columns if x.ndim == 2 else None

        def cells(x: Any) -> Any:
            _like(x.__class__ is cls and is_numeric(x) and (labels is None or labels.equals(x.columns)))
            return np.ascontiguousarray(x.to_numpy(float))

        return cells
    kinds, inner = {float, int, np.float64}, x[0].__class__
    if inner not in (list, tuple):
        return lambda x: _like(x.__class__ is cls and {*map(type, x)} <= kinds) and np.array(x, float)
    length = len(x[0])

    def rows(x: Any) -> Any:
        _like(x.__class__ is cls and {*map(type, x)} == {inner} and {*map(len, x)} == {length})
        _like({*map(type, chain.from_iterable(x))} <= kinds)
        return np.array(x, float)

    return rows


def _like(is_so: bool) -> bool:
    if not is_so:
        raise TypeError("a batch of another kind")
    return True


class _Writer:
    """Source text under way: statements that check and unpack, and the parts that hold numbers, in order."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.parts: list[tuple[str, str]] = []  # (kind, expression): kind is "floats", "values" or "array"
        self.places: dict[Part, str] = {}  # names of the shared parts so far
        numpy = sys.modules.get("numpy")
        self.kinds = {float, int, *([numpy.float64] if numpy else [])}
        self.names: dict[str, Any] = {"FAILED": FAILED, "float": float, "Value": Value, "chain": chain.from_iterable}
        self.names |= {"ONE": {float}, "KINDS": self.kinds}

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

    def check_class(self, cls: type, place: str, more: str = "") -> None:
        self.check(f"{place}.__class__ is {self.constant(cls)}{more}")

    def write(self, part: Part, place: str) -> None:
        """Write the code of a part that stands at this place."""
        if part.shared:
            self.places[part] = place
        if isinstance(part, Row):
            self.row(part, place)
        elif isinstance(part, Entries) and part.cls is dict:
            self.check_class(dict, place, f" and len({place}) == {len(part.items)}")
            for key in sorted_keys(part.items):
                self.write(part.items[key], self.name(f"{place}[{self.constant(key)}]"))
        elif isinstance(part, Entries):
            held = self.name(f"{place}.__dict__")
            self.check_class(part.cls, place, f" and (*{held},) == {self.constant((*part.items,))}")
            for attribute, item in part.items.items():
                self.write(item, self.name(f"{held}[{self.constant(attribute)}]"))
        elif isinstance(part, Array):
            self.array(part, place)
        elif isinstance(part, Fixed):
            self.check(f"{place} is {self.constant(part.thing)}")
        elif isinstance(part, Again):
            self.check(f"{place} is {self.places[part.first]}")
        else:
            self.parts.append(("values" if isinstance(part, Parameter) else "floats", f"[{place}]"))

    def row(self, part: Row, place: str) -> None:
        self.check_class(part.cls, place, f" and len({place}) == {len(part.items)}")
        kinds = {item.__class__ for item in part.items}
        if kinds == {Part} or (kinds == {Parameter} and not any(item.shared for item in part.items)):
            self.parts.append(("floats" if kinds == {Part} else "values", place))
        elif kinds == {Row} and (rows := self.rows(part.items, place)):
            self.parts.append(("floats", rows))
        else:
            for i, item in enumerate(part.items):
                self.write(item, self.name(f"{place}[{i}]"))

    def rows(self, rows: Any, place: str) -> str | None:
        """Check a list of lists of numbers of one length as a whole."""
        if {row.cls for row in rows} != {list} or len({len(row.items) for row in rows}) > 1 or not rows[0].items:
            return None
        if any(item.__class__ is not Part for row in rows for item in row.items):
            return None
        self.names["ONE_LIST"] = {list}
        length = self.constant({len(rows[0].items)})
        self.check(f"{{*map(type, {place})}} == ONE_LIST and {{*map(len, {place})}} == {length}")
        return f"chain({place})"

    def array(self, part: Array, place: str) -> None:
        import numpy as np

        shape = f"{place}.shape[1:]" if part.is_batched else f"{place}.shape"
        same = f"{place}.dtype == {self.constant(part.dtype)} and {shape} == {self.constant(part.shape)}"
        self.check_class(np.ndarray, place, f" and {same}" + f" and {place}.flags.c_contiguous" * part.is_batched)
        if not part.is_batched:
            self.parts.append(("array", f"{place}.ravel()" + ("" if part.dtype == float else ".astype(float)")))

    def function(self, values: int, apart: frozenset[Value]) -> Flat:
        """Compile the source text."""
        lines = [*self.lines]
        if values:
            taken = ", ".join(f"*{part}" for kind, part in self.parts if kind == "values")
            self.names |= {"ONE_VALUE": {Value}, "NO_OP": {None}, "op": attrgetter("op"), "data": attrgetter("data")}
            lines += [
                f"values = [{taken}]",
                "if {*map(type, values)} != ONE_VALUE: return None",
                f"if len({{*map(id, values)}}) != {values}: return None",
                "if {*map(op, values)} != NO_OP: return None",
            ]
            if apart:
                self.names["APART"] = apart
                lines.append("if not APART.isdisjoint(values): return None")
        lines += [*self.result()]
        text = "\n".join(["def flat(args):", " try:", *(f"  {line}" for line in lines), " except FAILED: return None"])
        exec(text, self.names)  # the text holds names and indices made here, and nothing from outside
        flat: Flat = self.names["flat"]
        return flat

    def result(self) -> list[str]:
        """Statements that join the parts: a list of floats, or an array if one of the parts is."""
        lines: list[str] = []
        groups: list[str] = []
        for kind, part in self.parts:
            text = f"*map(data, {part})" if kind == "values" else f"*{part}"
            if kind == "array":
                groups.append(part)
            elif groups and groups[-1][0] == "[":
                groups[-1] = f"{groups[-1][:-1]}, {text}]"
            else:
                groups.append(f"[{text}]")
        for i, group in enumerate(groups):
            lines.append(f"g{i} = {group}")
            if group[0] == "[":
                lines += [
                    f"found = {{*map(type, g{i})}}",
                    "if found != ONE:",
                    "  if not found <= KINDS: return None",
                    f"  g{i} = [*map(float, g{i})]",
                ]
        if len(groups) < 2:
            return [*lines, f"return {'g0' if groups else '[]'}"]
        import numpy as np

        self.names["concatenate"] = np.concatenate
        return [*lines, f"return concatenate(({', '.join(f'g{i}' for i in range(len(groups)))}))"]

"""Tables: columns of equal length by name, each of numbers or of text.

>>> table = Table({"size": [1, 2.5, None], "kind": ["cat", "", "dog"]})
>>> table, len(table), table.names
(Table(3 rows: size, kind), 3, ['size', 'kind'])
>>> table["size"], table["kind"]
(array([1. , 2.5, nan]), ['cat', '', 'dog'])
>>> table.check()
Traceback (most recent call last):
ValueError: kind is missing in row 2; 2 of 3 rows have missing values: drop_missing() or --drop-missing leaves them out
>>> table.drop_missing()
Table(1 row: size, kind)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd_tiny.engine.digits import counted

Numbers = npt.NDArray[np.float64]
Column = Numbers | list[str]


class UnknownColumnError(KeyError, ValueError):
    """The name of a column that a table does not have."""

    def __str__(self) -> str:
        return str(self.args[0])


class Table:
    """Columns of equal length by name: float64 arrays with nan where a number is missing, lists of str with "".

    Made of a dict of columns, a DataFrame of pandas, or an array of two axes, whose columns are called x1, x2, … or by
    `names`. `rows` are the numbers of the rows where they came from, counted from 1 below the header, for messages.

    >>> import numpy as np
    >>> Table(np.eye(3), names=["a", "b", "c"]).take([0, 2]).rows
    array([1, 3])

    Raises TypeError for a column that is neither numbers nor text, ValueError for unequal lengths or names given twice.
    """

    def __init__(self, source: Any, names: Sequence[str] | None = None, rows: Any = None) -> None:
        columns = _columns(source, names)
        rows = source.rows if rows is None and isinstance(source, Table) else rows
        self._columns: dict[str, Column] = {name: _column(name, values) for name, values in columns}
        if len(self._columns) < len(columns):
            raise ValueError(f"the name {_twice(name for name, _ in columns)!r} is given to two columns")
        if not columns:
            raise ValueError("a table needs at least one column")
        lengths = {name: len(column) for name, column in self._columns.items()}
        (first, n), *others = lengths.items()
        for name, length in others:
            if length != n:
                raise ValueError(f"columns of different lengths: {first} has {counted(n, 'row')}, {name} has {length}")
        self.rows: npt.NDArray[np.int64] = np.arange(1, n + 1) if rows is None else np.asarray(rows, np.int64)

    @property
    def names(self) -> list[str]:
        """Names of the columns, in order."""
        return [*self._columns]

    @property
    def columns(self) -> dict[str, Column]:
        """Columns by name; `pandas.DataFrame(table.columns)` is the same table.

        >>> Table({"a": [1, 2]}).columns
        {'a': array([1., 2.])}
        """
        return dict(self._columns)

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __getitem__(self, name: str) -> Column:
        if name not in self._columns:
            raise UnknownColumnError(self._unknown(name))
        return self._columns[name]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        return self.names == other.names and all(_same(self[name], other[name]) for name in self)

    __hash__ = None  # type: ignore[assignment]  # its columns can be written

    def __repr__(self) -> str:
        names = self.names if len(self.names) <= 8 else [*self.names[:6], "…", self.names[-1]]
        return f"Table({counted(len(self), 'row')}: {', '.join(names)})"

    def take(self, rows: Any) -> Table:
        """Return the rows at these indices, counted from 0, as a table; a mask of bools chooses, too.

        >>> Table({"a": [1, 2, 3]}).take([2, 0])["a"]
        array([3., 1.])
        """
        at = np.arange(len(self))[np.asarray(rows, dtype=None if len(rows) else np.int64)]
        columns = {
            name: [column[i] for i in at.tolist()] if isinstance(column, list) else column[at]
            for name, column in self._columns.items()
        }
        return Table(columns, rows=self.rows[at])

    def drop(self, names: str | Iterable[str]) -> Table:
        """Return the table without these columns.

        >>> Table({"id": [1, 2], "a": [3, 4]}).drop("id")
        Table(2 rows: a)
        """
        left_out = {names} if isinstance(names, str) else set(names)
        for name in left_out:
            self[name]
        return Table({name: column for name, column in self._columns.items() if name not in left_out}, rows=self.rows)

    def drop_missing(self, names: Iterable[str] | None = None) -> Table:
        """Return the rows that have a value in each of these columns, or in all; `len` tells how many are left.

        >>> Table({"a": [1, None, 3], "b": ["x", "y", ""]}).drop_missing(["a"])
        Table(2 rows: a, b)
        """
        return self.take(~self._missing(self.names if names is None else names))

    def check(self, names: Iterable[str] | None = None) -> None:
        """Raise ValueError, with row and column, if a value of these columns, or of any, is missing or infinite."""
        names = self.names if names is None else [*names]
        missing = self._missing(names)
        if missing.any():
            i = int(missing.argmax())
            name = next(name for name in names if _absent(self[name])[i])
            has = "has" if missing.sum() == 1 else "have"
            raise ValueError(
                f"{name} is missing in row {self.rows[i]}; {missing.sum():,} of {counted(len(self), 'row')} {has} "
                "missing values: drop_missing() or --drop-missing leaves them out"
            )
        for name in names:
            column = self[name]
            if not isinstance(column, list) and not np.isfinite(column).all():
                i = int((~np.isfinite(column)).argmax())
                raise ValueError(f"{name} is {column[i]} in row {self.rows[i]}: a finite number is needed")

    def _missing(self, names: Iterable[str]) -> npt.NDArray[np.bool_]:
        found = np.zeros(len(self), bool)
        for name in names:
            found |= _absent(self[name])
        return found

    def _unknown(self, name: object) -> str:
        near = get_close_matches(str(name), self.names)
        known = f"did you mean {' or '.join(map(repr, near))}?" if near else f"it has {listed(self.names)}"
        return f"the table has no column {name!r}: {known}"


def as_table(source: Any) -> Table:
    """Return a Table as it is, and anything that `Table` takes as one."""
    return source if isinstance(source, Table) else Table(source)


def listed(things: Iterable[object], most: int = 8) -> str:
    """Write things one after another, at most so many.

    >>> listed(["a", "b", "c"]), listed(range(20), most=3)
    ('a, b, c', '0, 1, 2, … (20)')
    """
    spelled = [*map(str, things)]
    return ", ".join(spelled if len(spelled) <= most else [*spelled[:most], f"… ({len(spelled)})"])


def _absent(column: Column) -> npt.NDArray[np.bool_]:
    if isinstance(column, list):
        return np.fromiter((not cell for cell in column), bool, len(column))
    return np.isnan(column)


def _same(a: Column, b: Column) -> bool:
    if isinstance(a, list) or isinstance(b, list):
        return isinstance(a, list) and isinstance(b, list) and a == b
    return np.array_equal(a, b, equal_nan=True)


def _columns(source: Any, names: Sequence[str] | None) -> list[tuple[str, Any]]:
    """Return pairs of a name and values."""
    if isinstance(source, Table):
        source = source.columns
    if hasattr(source, "items"):  # a dict, or a DataFrame, which may have a name twice
        pairs = [*source.items()]
    else:
        array = source if isinstance(source, np.ndarray) else np.asarray(source)
        if array.ndim != 2:
            raise ValueError(
                f"a table is made of a dict of columns, a DataFrame or an array of two axes, not of shape {array.shape}"
                if isinstance(source, (np.ndarray, list, tuple))
                else f"a table is made of a dict of columns, a DataFrame or an array, not {type(source).__name__}"
                + (f": data.read_csv({str(source)!r}) reads a file" if isinstance(source, (str, Path)) else "")
            )
        pairs = [(f"x{k + 1}", array[:, k]) for k in range(array.shape[1])]
    if names is not None:
        if len(names) != len(pairs):
            raise ValueError(f"{counted(len(names), 'name')} for {counted(len(pairs), 'column')}")
        pairs = [(name, values) for name, (_, values) in zip(names, pairs, strict=True)]
    for name, _ in pairs:
        if not isinstance(name, str) or not name:
            raise TypeError(f"the name of a column is a string, not {name!r}")
    return pairs


def _twice(names: Iterable[str]) -> str:
    seen: set[str] = set()
    return next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]


def _column(name: str, values: Any) -> Column:
    """Return values as a float64 array or a list of str."""
    if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
        raise TypeError(f"the column {name} is a list or an array of one axis, not {type(values).__name__}")
    if isinstance(values, list) and all(type(x) is str for x in values) and values:
        return [*values]
    kind = getattr(getattr(values, "dtype", None), "kind", "O")
    if kind in "biuf" and hasattr(values, "dtype") and isinstance(values.dtype, np.dtype):
        array = np.array(values, np.float64, order="C")
        if array.ndim == 1:
            return array
    elif kind in "cmM":
        raise TypeError(f"the column {name} has dates or complex numbers ({values.dtype}): numbers or text are needed")
    if getattr(values, "ndim", 1) != 1:
        raise TypeError(f"the column {name} has shape {np.shape(values)}: one axis is needed")
    return _of_objects(name, [_plain(x) for x in values])


def _plain(x: Any) -> Any:
    """Return None for what is missing, and a NumPy scalar as Python's."""
    if x is None or type(x).__name__ in ("NAType", "NaTType"):
        return None
    x = x.item() if isinstance(x, np.generic) else x
    return None if isinstance(x, float) and math.isnan(x) else x


def _of_objects(name: str, cells: list[Any]) -> Column:
    if any(isinstance(x, str) for x in cells):
        for i, x in enumerate(cells):
            if x is not None and not isinstance(x, str):
                raise TypeError(f"the column {name} has text, and {x!r} in row {i + 1}: make both text or both numbers")
        return ["" if x is None else str(x) for x in cells]
    numbers = np.empty(len(cells))
    for i, x in enumerate(cells):
        if x is None:
            numbers[i] = math.nan
        elif isinstance(x, Real) or hasattr(x, "as_integer_ratio"):
            try:
                numbers[i] = float(x)
            except OverflowError:
                raise ValueError(f"{name} is beyond the largest double in row {i + 1}") from None
        else:
            raise TypeError(
                f"the column {name} has {type(x).__name__} {x!r} in row {i + 1}: numbers or text are needed"
            )
    return numbers

"""Features: the columns of a table as standardised numbers, remembered from the training part.

>>> table = Table({"size": [1.0, 3.0, 5.0], "kind": ["cat", "dog", "cat"], "legs": [4, 4, 4], "tame": ["y", "y", "n"]})
>>> features = Features.of(table, except_="tame")
>>> features.names, features.left_out
(['size', 'kind=cat', 'kind=dog'], ('legs is 4 in every row',))
>>> features.array(table).round(3)
array([[-1.225,  1.   ,  0.   ],
       [ 0.   ,  0.   ,  1.   ],
       [ 1.225,  1.   ,  0.   ]])
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_tiny.data.reading import is_number
from autograd_tiny.data.tables import Column, Numbers, Table, UnknownColumnError, as_table, listed
from autograd_tiny.engine.digits import short


@dataclass(frozen=True)
class Number:
    """A column of numbers, of which `mean` is subtracted before it is divided by `deviation`."""

    name: str
    mean: float
    deviation: float

    @property
    def names(self) -> list[str]:
        return [self.name]


@dataclass(frozen=True)
class Text:
    """A column of text, as a column of 1 and 0 for each of its values."""

    name: str
    values: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        return [f"{self.name}={value}" for value in self.values]


@dataclass(frozen=True)
class Features:
    """Columns as numbers: those of numbers with mean 0 and deviation 1, those of text as 1 and 0 for each value.

    `left_out` has a sentence for each column that is the same in every row, and so not used.
    """

    columns: tuple[Number | Text, ...]
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, table: Any, except_: str | Iterable[str] = (), rows: Any = None) -> Features:
        """Make features of all columns but some; means and deviations are those of `rows`, the training part.

        Values of text are known from all rows. Raises ValueError for a missing or infinite value, text that differs in
        most rows, and a column of numbers with other cells among them, each with row and column.

        >>> table = Table({"a": [0.0, 2.0, 100.0], "b": [1, 0, 1]})
        >>> Features.of(table, except_="b", rows=[0, 1]).array(table).tolist()
        [[-1.0], [1.0], [99.0]]
        """
        table = as_table(table)
        excluded = [except_] if isinstance(except_, str) else [*except_]
        for name in excluded:
            table[name]
        names = [name for name in table if name not in excluded]
        _check_rows(table, names)
        table.check(names)
        part = table if rows is None else table.take(rows)
        if not len(part):
            raise ValueError("the training part has no rows")
        columns: list[Number | Text] = []
        left_out = []
        too_many: dict[str, str] = {}
        for name in names:
            column, seen = table[name], part[name]
            if isinstance(column, list):
                if told := mixed(name, column, table):
                    raise ValueError(f"{told}: correct it or leave the cell empty; {_leaving_out([name])}")
                if told := varied(name, column):
                    too_many[name] = told
                    continue
                if len(values := sorted(set(column))) > 1:
                    columns.append(Text(name, tuple(values)))
                    continue
            elif (scale := scale_of(seen)) is not None:
                columns.append(Number(name, *scale))
                continue
            value = seen[0] if isinstance(seen, list) else short(float(seen[0]))
            varies = not isinstance(column, list) and scale_of(column) is not None
            left_out.append(f"{name} is {value} in every row{' of the training part' if varies else ''}")
        if too_many:
            raise ValueError(f"{'; '.join(too_many.values())}, too many to learn from: {_leaving_out([*too_many])}")
        if not columns:
            told = f": {'; '.join(left_out)}" if left_out else ""
            raise ValueError(f"no column is left to learn from{told}")
        return cls(tuple(columns), tuple(left_out))

    @property
    def names(self) -> list[str]:
        """Names of the columns of `array`: ``kind=cat`` for the value cat of kind."""
        return [name for column in self.columns for name in column.names]

    def array(self, table: Any) -> Numbers:
        """Return the features of a table as an array of shape (rows, `len(names)`); columns of other names are ignored.

        Raises ValueError for a column that is not there, a missing or infinite value, or text that training did not
        have, with row and column.

        >>> features = Features.of(Table({"kind": ["cat", "dog"]}))
        >>> features.array(Table({"kind": ["dog", "cow"]}))
        Traceback (most recent call last):
        ValueError: kind is 'cow' in row 2, which training did not have: it had cat, dog
        """
        table = as_table(table)
        lacking = [column.name for column in self.columns if column.name not in table]
        if lacking:
            raise UnknownColumnError(
                f"the table has no column {', '.join(map(repr, lacking))}, which training had: it has "
                f"{listed(table.names)}"
            )
        for column in self.columns:
            cells = table[column.name]
            if isinstance(column, Number) and isinstance(cells, list) and len(cells):
                i = next((i for i, cell in enumerate(cells) if cell and not is_number(cell)), 0)
                raise ValueError(f"{column.name} is {cells[i]!r} in row {table.rows[i]}: in training it was a number")
        table.check(column.name for column in self.columns)
        out = np.empty((len(table), len(self.names)))
        k = 0
        for column in self.columns:
            if isinstance(column, Number):
                out[:, k] = standardised(column.name, table, column.mean, column.deviation)
            else:
                out[:, k : k + len(column.values)] = _ones(column, table)
            k += len(column.names)
        return out

    def as_json(self) -> dict[str, Any]:
        """Return the features as plain dicts, lists, strings and floats, for JSON.

        >>> features = Features.of(Table({"a": [1.0, 3.0], "kind": ["x", "y"]}))
        >>> features.as_json()["columns"]
        [{'name': 'a', 'mean': 2.0, 'deviation': 1.0}, {'name': 'kind', 'values': ['x', 'y']}]
        >>> Features.from_json(features.as_json()) == features
        True
        """
        columns = [
            {"name": c.name, "mean": c.mean, "deviation": c.deviation}
            if isinstance(c, Number)
            else {"name": c.name, "values": [*c.values]}
            for c in self.columns
        ]
        return {"columns": columns, "left_out": [*self.left_out]}

    @classmethod
    def from_json(cls, data: Any) -> Features:
        """Make features of what `as_json` gave; raises ValueError for anything else.

        >>> Features.from_json({"columns": [{"name": "a", "mean": 0.0, "deviation": 0.0}], "left_out": []})
        Traceback (most recent call last):
        ValueError: not features: the deviation of 'a' is 0.0
        """
        columns, left_out = fields("features", data, "columns", "left_out")
        made = [_from_json(column) for column in items("features", columns, dict)]
        if len({column.name for column in made}) < len(made) or not made:
            raise ValueError("not features: the names of the columns are not different" if made else "not features: []")
        return cls(tuple(made), tuple(items("features", left_out, str)))


def scale_of(column: Column) -> tuple[float, float] | None:
    """Return mean and standard deviation (of all, divided by n), None for equal numbers.

    >>> import numpy as np
    >>> scale_of(np.array([1.0, 3.0])), scale_of(np.array([0.1, 0.1, 0.1]))
    ((2.0, 1.0), None)
    """
    numbers = np.asarray(column, np.float64)
    if numbers.min() == numbers.max():
        return None
    largest = float(np.abs(numbers).max())
    unit = 1.0 if 1e-100 < largest < 1e100 else 2.0 ** (math.frexp(largest)[1] - 1)
    scaled = numbers / unit  # no sum or square overflows or vanishes
    mean, deviation = float(scaled.mean()) * unit, float(scaled.std()) * unit
    return (mean, deviation) if deviation > 0 and math.isfinite(mean / deviation) else None


def standardised(name: str, table: Table, mean: float, deviation: float) -> Numbers:
    """Return a column less its mean, divided by its deviation; raises ValueError for what is beyond the largest double.

    >>> standardised("a", Table({"a": [1.0, 5.0]}), 3.0, 2.0)
    array([-1.,  1.])
    """
    numbers = np.asarray(table[name], np.float64)
    with np.errstate(over="ignore"):
        scaled = numbers / deviation - mean / deviation if abs(mean) > 1e300 else (numbers - mean) / deviation
    if not np.isfinite(scaled).all():
        i = int((~np.isfinite(scaled)).argmax())
        raise ValueError(
            f"{name} is {short(float(numbers[i]))} in row {table.rows[i]}: in training it was {short(mean)} ± "
            f"{short(deviation)}"
        )
    return scaled


def mixed(name: str, cells: list[str], table: Table) -> str:
    """Say that most cells are numbers, and name the first other one; "" if that is not so.

    >>> mixed("a", ["1", "2", "x"], Table({"a": ["1", "2", "x"]}))
    "a is a number in 2 of 3 rows, and 'x' in row 3"
    """
    numeric = {cell for cell in set(cells) if is_number(cell)}
    count = sum(cell in numeric for cell in cells) if numeric else 0
    if not len(cells) / 2 < count < len(cells):
        return ""
    i = next(i for i, cell in enumerate(cells) if cell not in numeric)
    return f"{name} is a number in {count:,} of {len(cells):,} rows, and {cells[i]!r} in row {table.rows[i]}"


def varied(name: str, cells: list[str]) -> str:
    """Say that text differs in more than half of its rows, ten or more; "" if that is not so.

    >>> varied("a", [*"abcdefghij"]), varied("a", ["x"] * 10)
    ("a has 10 different texts in 10 rows, such as 'a'", '')
    """
    distinct = len(set(cells))
    return (
        f"{name} has {distinct:,} different texts in {len(cells):,} rows, such as {short_repr(cells[0])}"
        if len(cells) >= 10 and len(cells) < 2 * distinct
        else ""
    )


def fields(what: str, data: Any, *names: str) -> list[Any]:
    """Return the values of a dict with just these keys; raises ValueError for anything else."""
    if not isinstance(data, Mapping) or {*data} != {*names}:
        raise ValueError(f"not {what}: a dict of {' and '.join(names)} is needed")
    return [data[name] for name in names]


def items(what: str, data: Any, kind: type) -> list[Any]:
    """Return a list of objects of one type; raises ValueError for anything else."""
    if not isinstance(data, list) or not all(type(item) is kind for item in data):
        raise ValueError(f"not {what}: a list of {kind.__name__} is needed, not {short_repr(data)}")
    return [*data]


def finite(what: str, name: str, x: Any) -> float:
    """Return a finite float; raises ValueError for anything else."""
    if type(x) not in (int, float) or not abs(x) <= 1.7976931348623157e308:
        raise ValueError(f"not {what}: {name} is {short_repr(x)}")
    return float(x)


def short_repr(x: Any) -> str:
    """Write an object of a file in 60 characters at most."""
    try:
        text = repr(x)
    except (RecursionError, ValueError):  # too deep, or an integer of too many digits
        return type(x).__name__
    return text if len(text) <= 60 else f"{text[:59]}…"


def _leaving_out(names: list[str]) -> str:
    options = " ".join(f"--drop {shlex.quote(name)}" for name in names)
    one = len(names) == 1
    return f"drop({(names[0] if one else names)!r}) or {options} leaves {'the column' if one else 'them'} out"


def _check_rows(table: Table, names: list[str]) -> None:
    if not len(table):
        raise ValueError("the table has no rows")
    if not names:
        raise ValueError(f"no column is left to learn from: the table has only {listed(table.names)}")


def _ones(column: Text, table: Table) -> Numbers:
    """Return 1 in the column of each cell's value."""
    cells: Any = table[column.name]
    place = {value: k for k, value in enumerate(column.values)}
    at = np.empty(len(table), np.int64)
    for i, cell in enumerate(cells if isinstance(cells, list) else cells.tolist()):
        found = place.get(cell if isinstance(cell, str) else repr(cell).removesuffix(".0"))
        if found is None:
            raise ValueError(
                f"{column.name} is {cell!r} in row {table.rows[i]}, which training did not have: it had "
                f"{listed(column.values)}"
            )
        at[i] = found
    return np.eye(len(column.values))[at]


def _from_json(data: Any) -> Number | Text:
    name = data.get("name")
    if type(name) is not str or not name:
        raise ValueError(f"not features: the name of a column is {short_repr(name)}")
    if "values" in data:
        _, values = fields("features", data, "name", "values")
        values = items("features", values, str)
        if len(set(values)) < len(values) or not values or "" in values:
            raise ValueError(f"not features: the values of {name!r} are {short_repr(values)}")
        return Text(name, tuple(values))
    _, mean, deviation = fields("features", data, "name", "mean", "deviation")
    number = Number(
        name,
        finite("features", f"the mean of {name!r}", mean),
        finite("features", f"the deviation of {name!r}", deviation),
    )
    if number.deviation <= 0:
        raise ValueError(f"not features: the deviation of {name!r} is {number.deviation}")
    return number

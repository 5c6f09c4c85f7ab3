"""Targets: the column that is asked for, as classes 0, 1, … or as a standardised number, and back.

>>> target = Target.of(["cat", "dog", "cat"])
>>> target.task, target.codes(["dog", "cat"]), target.labels([1, 0])
('classification', array([1, 0]), ['dog', 'cat'])
>>> target = Target.of([1.5, 2.5, 3.5])
>>> target.task, target.codes([2.5]), target.labels([0.0])
('regression', array([0.]), array([2.5]))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd_tiny.data.encoding import fields, finite, items, mixed, scale_of, short_repr, standardised, varied
from autograd_tiny.data.reading import NUMBER, is_number
from autograd_tiny.data.tables import Column, Numbers, Table, listed
from autograd_tiny.engine.digits import short

TASKS = ("classification", "regression")
MOST_CLASSES = 20  # of numbers that are taken for classes unasked

Label = str | int | float


@dataclass(frozen=True)
class Target:
    """The column that is asked for: `classes` in classification, `mean` and `deviation` in regression.

    Text, bools and 0 and 1 are classes, and so are whole numbers with at most 20 different values that occur twice on
    average; other numbers are a regression. `task` decides otherwise.
    """

    name: str
    task: str
    classes: tuple[Label, ...] = ()
    mean: float = 0.0
    deviation: float = 1.0

    @classmethod
    def of(cls, column: Any, task: str | None = None, *, name: str = "target", rows: Any = None) -> Target:
        """Make a target of a column, or of the column `name` of a Table, whose rows are named in messages then.

        Mean and deviation are those of `rows`, the training part; classes are known from all rows. Raises ValueError
        for one class only, equal numbers, a missing or infinite value, and regression of text.

        >>> Target.of(Table({"size": [1, 2, 1, 2]}), name="size").classes
        (1, 2)
        >>> Target.of([1, 2, 1, 2], "regression").mean
        1.5
        """
        if task not in (None, *TASKS):
            raise ValueError(f"the task is classification or regression, not {task!r}")
        table, cells = _checked(column, name)
        if not len(table):
            raise ValueError(f"{name} has no rows")
        if isinstance(cells, list):
            if task == "regression":
                i = next((i for i, cell in enumerate(cells) if not is_number(cell)), 0)
                raise ValueError(f"{name} is {cells[i]!r} in row {table.rows[i]}: a regression needs numbers")
            if task is None and (told := mixed(name, cells, table)):
                raise ValueError(f"{told}: correct it or leave the cell empty; as a classification all are classes")
            if told := varied(name, cells):
                raise ValueError(f"{told}, too many for classes")
            return cls(name, "classification", _several(name, sorted(set(cells))))
        distinct = np.unique(cells)
        whole = bool((distinct == np.floor(distinct)).all()) and abs(distinct).max() < 2**53
        if task is None:
            few = whole and len(distinct) <= MOST_CLASSES and 2 * len(distinct) <= len(cells)
            few = few or {*distinct.tolist()} <= {0.0, 1.0}
            task = "classification" if few else "regression"
        if task == "classification":
            if len(cells) >= 10 and 2 * len(distinct) > len(cells):
                raise ValueError(
                    f"{name} has {len(distinct):,} different numbers in {len(cells):,} rows, too many for classes: "
                    "the task is regression"
                )
            return cls(name, task, _several(name, [int(x) if whole else float(x) for x in distinct]))
        scale = scale_of(cells if rows is None else cells[np.asarray(rows)])
        if scale is None:
            raise ValueError(f"{name} is {short(float(cells[0]))} in every row: there is nothing to learn")
        return cls(name, task, (), *scale)

    def codes(self, column: Any) -> npt.NDArray[Any]:
        """Return classes as int64 numbers from 0, or standardised numbers, of a column or of this column of a Table.

        >>> Target.of(["a", "b", "a"]).codes(["b", "c"])
        Traceback (most recent call last):
        ValueError: target is 'c' in row 2, which training did not have: it had a, b
        """
        table, cells = _checked(column, self.name)
        if self.task == "regression":
            if isinstance(cells, list):
                raise ValueError(f"{self.name} is {cells[0]!r} in row {table.rows[0]}: in training it was a number")
            return standardised(self.name, table, self.mean, self.deviation)
        alike = _alike if isinstance(cells, list) != isinstance(self.classes[0], str) else _itself
        place = {alike(label): k for k, label in enumerate(self.classes)}
        codes = np.empty(len(table), np.int64)
        for i, cell in enumerate(cells if isinstance(cells, list) else cells.tolist()):
            found = place.get(alike(cell))
            if found is None:
                told = repr(cell) if isinstance(cell, str) else short(cell)
                raise ValueError(
                    f"{self.name} is {told} in row {table.rows[i]}, which training did not have: it had "
                    f"{listed(self.classes)}"
                )
            codes[i] = found
        return codes

    def labels(self, codes: Any) -> list[Label] | Numbers:
        """Return the labels of classes, or the numbers in their own unit: what `codes` was given."""
        if self.task == "regression":
            return np.asarray(codes, np.float64) * self.deviation + self.mean
        return [self.classes[code] for code in np.asarray(codes, np.int64).tolist()]

    def as_json(self) -> dict[str, Any]:
        """Return the target as a plain dict, for JSON.

        >>> Target.of(["a", "b"]).as_json()
        {'name': 'target', 'task': 'classification', 'classes': ['a', 'b']}
        """
        kept = {"classes": [*self.classes]} if self.classes else {"mean": self.mean, "deviation": self.deviation}
        return {"name": self.name, "task": self.task, **kept}

    @classmethod
    def from_json(cls, data: Any) -> Target:
        """Make a target of what `as_json` gave; raises ValueError for anything else.

        >>> Target.from_json({"name": "a", "task": "regression", "mean": 2.0, "deviation": 0.5}).labels([2.0])
        array([3.])
        """
        if isinstance(data, dict) and "classes" in data:
            name, task, classes = fields("a target", data, "name", "task", "classes")
            if not isinstance(classes, list) or not classes:
                raise ValueError(f"not a target: the classes are {short_repr(classes)}")
            classes = items("a target", classes, str if isinstance(classes[0], str) else type(classes[0]))
            if not isinstance(classes[0], str):
                for label in classes:
                    finite("a target", "a class", label)
            if len(set(classes)) < max(2, len(classes)):
                raise ValueError(f"not a target: the classes are {short_repr(classes)}")
            made = cls(name, task, tuple(classes))
        else:
            name, task, mean, deviation = fields("a target", data, "name", "task", "mean", "deviation")
            scale = finite("a target", "the mean", mean), finite("a target", "the deviation", deviation)
            if scale[1] <= 0:
                raise ValueError(f"not a target: the deviation is {deviation}")
            made = cls(name, task, (), *scale)
        if type(name) is not str or not name or task != TASKS[not made.classes]:
            raise ValueError(f"not a target: its name is {short_repr(name)}, its task {short_repr(task)}")
        return made


def _checked(column: Any, name: str) -> tuple[Table, Column]:
    """Return a table with the column, which has neither missing nor infinite values."""
    table = column if isinstance(column, Table) else Table({name: column})
    table.check([name])
    return table, table[name]


def _several(name: str, labels: Sequence[Label]) -> tuple[Label, ...]:
    if len(labels) == 1:
        raise ValueError(f"{name} is {labels[0]} in every row: classification needs two classes or more")
    return tuple(labels)


def _itself(label: Label) -> Label:
    return label


def _alike(label: Label) -> Label:
    """Return a number for the text of one, so that labels 1 and '1' are equal."""
    return float(label) if not isinstance(label, str) or NUMBER.fullmatch(label) else label

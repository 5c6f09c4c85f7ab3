"""Series and DataFrames of pandas as containers: their cells, and tables with the same labels made of new cells."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any


def is_table(cls: type) -> bool:
    """Return True for the class of a Series or of a DataFrame; pandas itself is never imported."""
    return any(base.__module__.startswith("pandas.") and hasattr(base, "iloc") for base in cls.__mro__)


def items(x: Any) -> list[tuple[str, Any]]:
    """List the cells, row after row, each with its labels: ``['age']``, ``.loc[2, 'age']``."""
    rows = x.index.tolist()
    if x.ndim == 1:
        return [(f"[{row!r}]", cell) for row, cell in zip(rows, x.tolist(), strict=True)]
    columns, cells = x.columns.tolist(), x.itertuples(index=False, name=None)
    return [
        (f".loc[{row!r}, {column!r}]", cell)
        for row, line in zip(rows, cells, strict=True)
        for column, cell in zip(columns, line, strict=True)
    ]


def build(x: Any, cells: list[Any]) -> Any:
    """Make a table with the labels of x; a Series of Series with the same labels becomes a DataFrame."""
    import numpy as np

    array: Any = np.empty(len(cells), float if all(cell.__class__ is float for cell in cells) else object)
    for i, cell in enumerate(cells):
        array[i] = cell
    if x.ndim == 2:
        return x.__class__(array.reshape(x.shape), index=x.index, columns=x.columns)
    if cells and all(is_table(cell.__class__) and cell.ndim == 1 for cell in cells):
        lines = [cell.tolist() for cell in cells]
        return x._constructor_expanddim(lines, index=x.index, columns=cells[0].index)
    return x.__class__(array, index=x.index, name=x.name)


def key(x: Any) -> Hashable:
    """Return the labels of x."""
    return tuple(x.index.tolist()), tuple(x.columns.tolist()) if x.ndim == 2 else None


def is_numeric(x: Any) -> bool:
    """Return True if every column has a dtype of NumPy's real numbers."""
    dtypes = x.dtypes if x.ndim == 2 else [x.dtype]
    return all(dtype.__class__.__module__.startswith("numpy") and dtype.kind in "biuf" for dtype in dtypes)

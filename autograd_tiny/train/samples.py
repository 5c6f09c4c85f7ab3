"""Samples to train on: arrays of inputs, targets and weights, checked with the row and column of what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.special import in_a_line

EXACT = 2.0**53  # below it, floats are exact integers


class Samples(NamedTuple):
    """Inputs and targets, samples first, and the weight of each sample or None; `whole` if all targets are integers."""

    X: Any
    y: Any
    weight: Any = None
    whole: bool = False

    @property
    def size(self) -> int:
        """Number of samples."""
        return len(self.X)

    def part(self, rows: Any) -> Samples:
        """Return some of the samples, by their indices."""
        X, y, weight, whole = self
        return Samples(X.take(rows, 0), y.take(rows, 0), None if weight is None else weight.take(rows), whole)

    def pairs(self) -> Iterator[tuple[Any, Any]]:
        """Yield input and target of each sample as Python's numbers; integers are int, as a class must be."""
        return zip(plain(self.X), (self.y.astype(int) if self.whole else self.y).tolist(), strict=True)


def plain(numbers: Any) -> Any:
    """Return an array of float64 as nested lists, in which whole numbers are int, as an index must be.

    >>> plain(np.array([[2.0, 0.5], [-0.0, 3.0]]))
    [[2, 0.5], [-0.0, 3]]
    """
    whole = (numbers % 1 == 0) & (abs(numbers) < EXACT) & ((numbers != 0) | ~np.signbit(numbers))
    found = numbers.astype(object)
    found[whole] = numbers[whole].astype(int)
    return found.tolist()


def samples_of(X: Any, y: Any, sample_weight: Any = None, of: str = "") -> Samples:
    """Check samples and return them as arrays of float64 in C order.

    >>> samples_of([[0, 1], [2, 3]], [0, 1]).y
    array([0., 1.])

    Raises TypeError or ValueError, naming the argument, the row and the column, for text, missing and infinite numbers,
    rows of different lengths, arguments of different lengths, and for no samples at all.
    """
    inputs, targets = _numbers(X, f"{of}X"), _numbers(y, f"{of}y")
    weight = None if sample_weight is None else _numbers(sample_weight, f"{of}sample_weight")
    whole = bool((targets % 1 == 0).all() and (abs(targets) < EXACT).all())
    found = Samples(inputs, targets, weight, whole)
    if len(found.X) == 0:
        raise ValueError(f"{of}X has no samples")
    for x, name in ((targets, "y"), (weight, "sample_weight")):
        if x is not None and len(x) != len(found.X):
            raise ValueError(f"{of}X has {counted(len(found.X), 'sample')}, {of}{name} {len(x)}")
    if found.weight is not None:
        if found.weight.ndim != 1:
            raise ValueError(f"{of}sample_weight has one number for each sample, got the shape {found.weight.shape}")
        if (low := found.weight.min()) < 0 or not found.weight.any():
            what = f"{low:g} in row {found.weight.argmin()}" if low < 0 else "only zeros"
            raise ValueError(f"{of}sample_weight holds numbers of at least 0 that are not all 0, got {what}")
    return found


def _numbers(given: Any, name: str) -> Any:
    """Return an array of finite numbers; `given` is an array, a table of pandas, or nested lists."""
    columns = getattr(given, "columns", None)
    try:
        items = np.asarray(given)
    except ValueError:
        items = np.array(0)
        lengths = [np.size(row) for row in given]
        odd = next((i for i, n in enumerate(lengths) if n != lengths[0]), 0)
        message = f"{name} has {lengths[0]} numbers in row 0 and {lengths[odd]} in row {odd}"
        raise ValueError(message) from None
    if items.ndim == 0:
        raise TypeError(f"{name} is an array or a list of samples, got {in_a_line(given)}")
    if items.dtype.kind == "c":
        raise TypeError(f"{name} holds complex numbers; training computes in float64")
    if items.dtype.kind not in "biuf":
        items = _converted(items, name, columns)
    found = np.ascontiguousarray(items, float)
    if not (finite := np.isfinite(found)).all():
        first = tuple(int(i) for i in np.argwhere(~finite)[0])
        more = counted(int((~finite).sum()) - 1, "number") + " more"
        rest = "" if (~finite).sum() == 1 else f", and {more} that are not finite"
        raise ValueError(f"{name} is {found[first]} in {_place(first, columns)}{rest}")
    return found


def _converted(items: Any, name: str, columns: Any) -> Any:
    """Convert an array of objects or text to floats; name the first that is none."""
    found = np.empty(items.shape)
    for place in np.ndindex(items.shape):
        item = items[place]
        try:
            if isinstance(item, (str, bytes)):
                raise TypeError
            found[place] = float("nan") if item is None else float(item)
        except (TypeError, ValueError):
            cure = (
                "data.Target gives numbers for labels" if name.endswith("y") else "data.Features gives numbers for it"
            )
            what = f"is text, {str(item)!r:.40}," if isinstance(item, (str, bytes)) else f"is {in_a_line(item)}"
            raise TypeError(f"{name} {what} in {_place(place, columns)}: {cure}") from None
    return found


def _place(index: tuple[int, ...], columns: Any) -> str:
    """Spell a place of an array: its row, counted from 0, and its column, by name if it has one."""
    row, *rest = index
    if not rest:
        return f"row {row}"
    if columns is not None:
        return f"row {row}, column {columns[rest[0]]!r}"
    return f"row {row}, column {', '.join(map(str, rest))}"

"""Figures of how well predictions meet the truth, over arrays: of classes, and of numbers.

>>> accuracy(["a", "b", "b"], ["a", "b", "a"]), mae([1.0, 2.0], [1.0, 4.0]), rmse([1.0, 2.0], [1.0, 4.0])
(0.6666666666666666, 1.0, 1.4142135623730951)

The truth comes first, as in scikit-learn, and the numbers are those of scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.extras import needed_by

with needed_by("autograd_tiny.train.views.metrics"):
    import numpy as np

__all__ = ["accuracy", "class_scores", "confusion_matrix", "mae", "r2", "rmse"]


def __dir__() -> list[str]:
    return __all__


def accuracy(true: Any, predicted: Any) -> float:
    """Compute the share of predictions that are right."""
    true, predicted = pair(true, predicted)
    return float(np.mean(true == predicted))


def confusion_matrix(true: Any, predicted: Any, classes: Sequence[Any] | None = None) -> np.ndarray[Any, Any]:
    """Count the samples by true class (rows) and predicted class (columns).

    >>> confusion_matrix([0, 1, 1, 2], [0, 1, 2, 2])
    array([[1, 0, 0],
           [0, 1, 1],
           [0, 0, 1]])

    `classes` are in the order given, or those that occur, sorted. Raises ValueError for a sample of another class.
    """
    true, predicted = pair(true, predicted)
    known = [*dict.fromkeys(classes)] if classes is not None else sorted({*true.tolist(), *predicted.tolist()})
    place = {c: i for i, c in enumerate(known)}
    for what, found in (("true", true), ("predicted", predicted)):
        if others := [c for c in dict.fromkeys(found.tolist()) if c not in place]:
            raise ValueError(f"{what} has the class {others[0]!r:.60}, which is not among classes {known!r:.60}")
    rows, columns = ([place[c] for c in found.tolist()] for found in (true, predicted))
    return np.bincount(np.multiply(rows, len(known)) + columns, minlength=len(known) ** 2).reshape(len(known), -1)


class ClassScores(NamedTuple):
    """Precision, recall, F1 and the number of true samples, an array each with an entry per class."""

    precision: np.ndarray[Any, Any]
    recall: np.ndarray[Any, Any]
    f1: np.ndarray[Any, Any]
    support: np.ndarray[Any, Any]


def class_scores(matrix: Any) -> ClassScores:
    """Compute precision, recall and F1 of each class from a confusion matrix.

    >>> scores = class_scores([[3, 1], [0, 4]])
    >>> scores.precision.tolist(), scores.recall.tolist(), scores.support.tolist()
    ([1.0, 0.8], [0.75, 1.0], [4, 4])

    A class that is never predicted has the precision nan, one without samples the recall nan: there is none.
    """
    matrix = square(matrix)
    right, predicted, true = np.diagonal(matrix), matrix.sum(0), matrix.sum(1)
    with np.errstate(invalid="ignore"):
        return ClassScores(right / predicted, right / true, 2 * right / (predicted + true), true)


@np.errstate(over="ignore", invalid="ignore")
def r2(true: Any, predicted: Any) -> float:
    """Compute R², the share of the variance that is explained: 1 is perfect, the mean alone gives 0.

    nan where the truth does not vary: there is no share of nothing.
    """
    true, predicted = numbers(true, predicted)
    total = float(np.sum((true - true.mean()) ** 2))
    return 1 - float(np.sum((true - predicted) ** 2)) / total if total else float("nan")


@np.errstate(over="ignore", invalid="ignore")
def mae(true: Any, predicted: Any) -> float:
    """Compute the mean absolute error."""
    true, predicted = numbers(true, predicted)
    return float(np.mean(np.abs(true - predicted)))


@np.errstate(over="ignore", invalid="ignore")
def rmse(true: Any, predicted: Any) -> float:
    """Compute the root of the mean squared error."""
    true, predicted = numbers(true, predicted)
    return float(np.sqrt(np.mean((true - predicted) ** 2)))


def pair(true: Any, predicted: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return both as arrays of one axis and one length, or raise ValueError with their shapes."""
    found = []
    for what, x in (("true", true), ("predicted", predicted)):
        made = np.asarray(x)
        found.append(made := made[:, 0] if made.ndim == 2 and made.shape[1] == 1 else made)
        if made.ndim != 1 or not len(made):
            raise ValueError(f"{what} is one entry for each sample, got an array of shape {np.shape(x)}")
    if len(found[0]) != len(found[1]):
        raise ValueError(f"true has {counted(len(found[0]), 'sample')}, predicted has {len(found[1]):,}")
    return found[0], found[1]


def numbers(true: Any, predicted: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return both as arrays of floats of one length."""
    try:
        true, predicted = (x.astype(float) for x in pair(true, predicted))
    except (TypeError, ValueError) as error:
        if "convert" not in str(error) and "float()" not in str(error):
            raise
        raise TypeError(f"errors are of numbers: {error}; accuracy and confusion_matrix are of classes") from None
    return true, predicted


def is_number(x: Any) -> bool:
    """Return True for a number of Python or NumPy, but not for a bool."""
    return isinstance(x, int | float | np.number) and not isinstance(x, bool)


def square(matrix: Any) -> np.ndarray[Any, Any]:
    """Return a confusion matrix as an array, or raise ValueError."""
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size or matrix.dtype.kind not in "iufb":
        raise ValueError(f"a confusion matrix has a row and a column for each class, got shape {matrix.shape}")
    if not (matrix >= 0).all():
        raise ValueError("a confusion matrix has counts, from 0 up")
    return matrix

"""What a report says of predictions: how many are right, how far off they are, and where they are most wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from autograd_tiny.engine.digits import counted, plain, short
from autograd_tiny.engine.extras import needed_by
from autograd_tiny.train.views.metrics import class_scores, confusion_matrix, mae, numbers, pair, r2, rmse
from autograd_tiny.train.views.surfaces import two_columns

with needed_by("autograd_tiny.train.make_report"):
    import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_WRONG = 10  # rows
MOST_COUNTED = 8  # classes with a column of counts each in the table


class Sheet(NamedTuple):
    """A table of a report: numbers stand right, text left."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Report:
    """What a report says: facts by name, a model's summary, tables, and functions that draw its figures by caption.

    Each part may be of your own: ``replace(report, figures=report.figures | {"Boundary": lambda: boundary(…)})``.
    """

    title: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    summary: str = ""
    history: Sequence[Mapping[str, Any]] = ()
    tables: Sequence[Sheet] = ()
    figures: Mapping[str, Callable[[], Figure]] = field(default_factory=dict)


def make_report(
    true: Any,
    predicted: Any,
    *,
    title: str = "Training",
    facts: Mapping[str, Any] | None = None,
    model: Any = None,
    history: Sequence[Mapping[str, Any]] = (),
    labels: Sequence[Any] | None = None,
    name: str = "",
    losses: Any = None,
    rows: Any = None,
) -> Report:
    """Judge predictions, and gather what a report says.

    >>> report = make_report(["a", "b", "b"], ["a", "b", "a"], facts={"file": "letters.csv"})
    >>> report.facts
    {'file': 'letters.csv', 'samples': '3', 'accuracy': '0.6667 (2 of 3)'}
    >>> make_report([1.0, 2.0, 3.0], [1.0, 2.0, 3.5]).facts["R²"]
    '0.875'

    The samples have classes if `labels` name them, if they are text, or if predicted has a score or a probability for
    each class in a row; of two classes one number is enough, the probability of the second, or its logit if any lies
    outside of [0, 1]. They are numbers otherwise, of a quantity called `name`. `facts` are shown first, such as the
    file, its rows and columns, and the target. `losses` is the loss of each sample; by default the cross entropy of
    probabilities, or how far off the number is. `rows` has the columns of the samples by name, as a dict or a
    DataFrame: they are shown for the ten samples with the largest loss. `model` is a Module, or the text of its
    summary.
    """
    summary = model.summary() if hasattr(model, "summary") else str(model or "")
    scored = np.ndim(predicted) == 2 and np.shape(predicted)[1] > 1
    judge = _of_classes if labels is not None or scored or np.asarray(true).dtype.kind in "OUSb" else _of_numbers
    found, sheets, figures, wrong = judge(true, predicted, labels, name)
    if losses is not None:
        wrong = wrong._replace(losses=_checked(losses, len(wrong.true)), what="loss")
    sheets = [*sheets, *_most_wrong(wrong, rows)]
    if history:
        figures = {"Curves": lambda: _plots().curves(history), **figures}
    return Report(title, {**(facts or {}), **found}, summary, [*history], sheets, figures)


class _Judged(NamedTuple):
    """The samples with their losses; `what` is the name of the loss."""

    true: Sequence[Any]
    predicted: Sequence[Any]
    losses: Any
    what: str


_Parts = tuple[dict[str, Any], list[Sheet], dict[str, "Callable[[], Figure]"], _Judged]


def _of_classes(true: Any, predicted: Any, labels: Sequence[Any] | None, name: str) -> _Parts:
    names = [*labels] if labels is not None else None
    losses = None
    if np.ndim(predicted) == 2 and np.shape(predicted)[1] > 1:
        true, scores = np.asarray(true), np.asarray(predicted, float)
        names = names or _classes_of(true, scores.shape[1])
        if len(names) != scores.shape[1] or len(scores) != len(true):
            raise ValueError(
                f"predicted has the shape {scores.shape}: a row for each of {counted(len(true), 'sample')} and a "
                f"column for each of {counted(len(names), 'class')} are needed"
            )
        index = _indices(true, names)
        losses = _cross_entropy(scores)[np.arange(len(index)), index]
        guessed = scores.argmax(1)
    else:
        true, predicted = pair(true, predicted)
        if names and len(names) == 2 and predicted.dtype.kind == "f" and not np.isin(predicted, (0, 1)).all():
            return _of_classes(true, two_columns(predicted), names, name)
        names = names or sorted({*true.tolist(), *predicted.tolist()}, key=str)
        index, guessed = _indices(true, names), _indices(predicted, names)
    matrix = confusion_matrix(index, guessed, range(len(names)))
    right = int(np.trace(matrix))
    facts = {"samples": f"{len(index):,}", "accuracy": f"{short(right / len(index))} ({right:,} of {len(index):,})"}
    figures = {"Confusion": lambda: _plots().confusion(matrix, names)}
    what = "loss" if losses is not None else ""
    if losses is None:
        losses = np.where(index == guessed, -math.inf, 0.0)  # the wrong ones, in their order
    shown = [names[i] for i in index], [names[i] for i in guessed]
    return facts, [_each_class(matrix, names)], figures, _Judged(*shown, losses, what)


def _classes_of(true: Any, n: int) -> list[Any]:
    return [*range(n)] if true.dtype.kind in "iub" else sorted({*true.tolist()}, key=str)


def _indices(found: Any, names: Sequence[Any]) -> Any:
    """Return the index of each class: it is a name, or the index already."""
    place = {name: i for i, name in enumerate(names)}
    if any(c not in place for c in found.tolist()) and found.dtype.kind in "iubf":
        place = {i: i for i in range(len(names))}
    for row, c in enumerate(found.tolist()):
        if c not in place:
            raise ValueError(f"sample {row} has the class {c!r:.60}, which is not among {[*names]!r:.80}")
    return np.array([place[c] for c in found.tolist()])


def _cross_entropy(scores: Any) -> Any:
    """Return -log of probabilities, or of the softmax of scores."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if (scores >= 0).all() and np.allclose(scores.sum(1), 1, atol=1e-6):
            return 0.0 - np.log(scores)
        away = scores - scores.max(1, keepdims=True)
        return np.log(np.exp(away).sum(1, keepdims=True)) - away


def _each_class(matrix: Any, names: Sequence[Any]) -> Sheet:
    scores = class_scores(matrix)
    wide = len(names) <= MOST_COUNTED
    columns = [*([f"as {name}" for name in names] if wide else []), "precision", "recall", "F1", "samples"]
    rows = [
        [name, *(matrix[i].tolist() if wide else []), *(float(x[i]) for x in scores[:3]), int(scores.support[i])]
        for i, name in enumerate(names)
    ]
    return Sheet("Each class", ["class", *columns], rows)


def _of_numbers(true: Any, predicted: Any, labels: object, name: str) -> _Parts:
    score = {"R²": r2, "MAE": mae, "RMSE": rmse}
    true, predicted = numbers(true, predicted)
    facts = {"samples": f"{len(true):,}", **{what: plain(f(true, predicted)) for what, f in score.items()}}
    figures = {"Residuals": lambda: _plots().residuals(true, predicted, name)}
    with np.errstate(over="ignore", invalid="ignore"):
        off = np.abs(true - predicted)
    judged = _Judged(true.tolist(), predicted.tolist(), off, "off by")
    return facts, [], figures, judged


def _checked(losses: Any, n: int) -> Any:
    losses = np.asarray(losses, float)
    if losses.shape != (n,):
        raise ValueError(f"losses has the shape {losses.shape}: one for each of {counted(n, 'sample')} is needed")
    return losses


def _most_wrong(judged: _Judged, rows: Any) -> list[Sheet]:
    """Make the table of the samples with the largest loss; one that is not a number comes first."""
    columns = [*rows.keys()] if rows is not None else []
    for column in columns:
        if len(rows[column]) != len(judged.true):
            raise ValueError(f"rows[{column!r:.60}] has {len(rows[column]):,} entries for {len(judged.true):,} samples")
    order = np.argsort(-np.nan_to_num(judged.losses, nan=math.inf), kind="stable")[:MOST_WRONG]
    chosen = [int(i) for i in order if judged.losses[i] != -math.inf]
    if not chosen:
        return []
    listed = {column: np.asarray(rows[column], object) for column in columns}
    found = [
        [i, judged.true[i], judged.predicted[i], *([float(judged.losses[i])] if judged.what else [])]
        + [listed[column][i] for column in columns]
        for i in chosen
    ]
    head = ["sample", "true", "predicted", *([judged.what] if judged.what else []), *map(str, columns)]
    return [Sheet("Where it is most wrong" if judged.what else "Some that are wrong", head, found)]


def _plots() -> Any:
    from autograd_tiny.train.views import plots

    return plots

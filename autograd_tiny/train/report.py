"""A report of what was trained and how well it predicts: in the terminal, and as one web page without dependencies."""

from __future__ import annotations

import base64
import html
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from autograd_tiny.engine.digits import counted, short
from autograd_tiny.engine.extras import needed_by
from autograd_tiny.engine.files import save
from autograd_tiny.engine.terminal import clean, new_console
from autograd_tiny.pictures.theme import Color, style_sheet
from autograd_tiny.train.metrics import class_scores, confusion_matrix, is_number, mae, numbers, pair, r2, rmse
from autograd_tiny.train.surfaces import two_columns

with needed_by("autograd_tiny.train.report"):
    import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_WRONG = 10  # rows
LEAST_COLUMNS = 4  # of a table in the terminal, however narrow
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
    facts = {"samples": f"{len(true):,}", **{what: short(f(true, predicted)) for what, f in score.items()}}
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
    from autograd_tiny.train import plots

    return plots


def print_report(report: Report, file: IO[str] | None = None) -> None:
    """Print a report in the terminal, or to a file.

    >>> print_report(make_report(["a", "b"], ["a", "b"], title="Letters"))
    Letters
      samples   2
      accuracy  1 (2 of 2)
    <BLANKLINE>
    Each class
    class  as a  as b  precision  recall  F1  samples
    ─────────────────────────────────────────────────
    a         1     0          1       1   1        1
    b         0     1          1       1   1        1
    """
    from rich.text import Text

    console = new_console(file)
    console.print(Text(clean(report.title), style="bold"))
    _print_facts(console, report.facts)
    if lines := _in_a_line(report.history):
        console.print()
        _print_facts(console, lines)
    if report.summary:
        console.print()
        for line in report.summary.splitlines():
            console.print(Text(clean(line)), no_wrap=True, overflow="ellipsis")
    for sheet in report.tables:
        console.print()
        console.print(Text(clean(sheet.title), style="bold"))
        _print_sheet(console, sheet)


def _print_facts(console: Any, facts: Mapping[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    for name, x in facts.items():
        table.add_row(Text(f"  {clean(str(name))}"), Text(clean(_written(x))))
    _print_lines(console, table)


def _print_sheet(console: Any, sheet: Sheet) -> None:
    """Print a table, without the last columns where there are too many for the terminal."""
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    columns = [[clean(_written(x)) for x in column] for column in zip(*sheet.rows, strict=True)]
    room, shown = console.width, 0
    for title, column in zip(sheet.columns, columns, strict=True):
        room -= max(map(cell_len, [clean(title), *column])) + 2
        if shown >= LEAST_COLUMNS and room < -2:
            break
        table.add_column(Text(clean(title)), justify="right" if _is_numeric(sheet, shown) else "left", overflow="fold")
        shown += 1
    for row in zip(*columns[:shown], strict=True):
        table.add_row(*map(Text, row))
    _print_lines(console, table)
    if left := len(columns) - shown:
        console.print(f"and {counted(left, 'more column')}, for which the terminal is too narrow")


def _print_lines(console: Any, table: Any) -> None:
    """Print without the blanks at the ends of lines."""
    from rich.text import Text

    for line in console.render_lines(table, pad=False):
        text = Text.assemble(*((segment.text, segment.style or "") for segment in line))
        text.rstrip()
        console.print(text, no_wrap=True, overflow="ignore", crop=False)


def _in_a_line(history: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Draw the numbers of a history as a row of blocks each, from the first to the last."""
    lines = {}
    for key in dict.fromkeys(
        key for entry in history for key in entry if key not in ("epoch", "step", "seconds", "time")
    ):
        xs = [entry[key] for entry in history if is_number(entry.get(key))]
        if xs:
            lines[str(key).replace("_", " ")] = f"{_blocks(xs)}  {short(xs[0])} → {short(xs[-1])}"
    return lines


def _blocks(xs: Sequence[float], most: int = 40) -> str:
    """Draw numbers as blocks of eight heights; × is not finite, or beyond 1e150.

    >>> _blocks([1.0, 0.5, 0.25, 0.0, math.nan])
    '█▅▃▁×'
    """
    step = max(1.0, len(xs) / most)
    xs = [xs[-1 - int(i * step)] for i in range(min(len(xs), most))][::-1]
    known = [x for x in xs if abs(x) < 1e150]
    low, high = min(known, default=0.0), max(known, default=0.0)
    width = (high - low) or 1.0
    return "".join("▁▂▃▄▅▆▇█"[round((x - low) / width * 7)] if abs(x) < 1e150 else "×" for x in xs)


def write_report(report: Report, path: str | Path) -> Path:
    """Write a report as one HTML page, whole or not at all, and return its path.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_report(make_report(["a", "b"], ["a", "b"]), f"{folder}/report.html").name
    'report.html'

    The page loads nothing and runs no script, follows the light or dark setting, and prints. Raises OSError if the file
    cannot be written.
    """
    return save(Path(path), page(report).encode(errors="backslashreplace"))


def page(report: Report) -> str:
    """Return the page as text."""
    from autograd_tiny.stepper.views.page import csp_hash

    style = style_sheet() + (files("autograd_tiny.train") / "report.css").read_text(encoding="utf-8")
    parts = [_facts(report.facts)]
    if report.summary:
        parts.append(f"<h2>Model</h2><pre tabindex=0>{_text(report.summary, lines=True)}</pre>")
    parts += [_figure(caption, draw()) for caption, draw in report.figures.items()]
    parts += map(_sheet, report.tables)
    return Template(_PAGE).substitute(
        TITLE=_text(report.title), STYLE=style, STYLE_HASH=csp_hash(style), BODY="\n".join(parts)
    )


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '$STYLE_HASH'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$TITLE</title>
<link rel="icon" href="data:,">
<style>$STYLE</style>
</head>
<body>
<main>
<h1>$TITLE</h1>
$BODY
</main>
</body>
</html>
"""  # noqa: E501


def _text(x: object, lines: bool = False) -> str:
    """Escape a text for the page; characters that turn the direction of the text are shown as escapes."""
    return "\n".join(html.escape(clean(part)) for part in (str(x).split("\n") if lines else [str(x)]))


def _facts(facts: Mapping[str, Any]) -> str:
    return f"<dl>{''.join(f'<dt>{_text(name)}</dt><dd>{_text(_written(x))}</dd>' for name, x in facts.items())}</dl>"


def _sheet(sheet: Sheet) -> str:
    sides = [' class="number"' if _is_numeric(sheet, k) else "" for k in range(len(sheet.columns))]
    head = "".join(f'<th scope="col"{side}>{_text(x)}</th>' for x, side in zip(sheet.columns, sides, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{side}>{_text(_written(x))}</td>' for x, side in zip(row, sides, strict=True))}</tr>"
        for row in sheet.rows
    )
    return (
        f'<h2>{_text(sheet.title)}</h2><div class="wide" tabindex=0 role="group" aria-label="{_text(sheet.title)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _figure(caption: str, figure: Figure) -> str:
    written = io.BytesIO()
    figure.savefig(written, format="svg", dpi=144, metadata={"Date": None})
    svg = written.getvalue().decode()
    svg = svg[svg.index("<svg") :]
    adapts = getattr(figure, "adapts", False)
    if adapts:
        svg = _adapted(svg)
    source = base64.b64encode(svg.encode()).decode()
    width, height = (round(96 * inches) for inches in figure.get_size_inches())
    alternative = _text(
        f"{caption}: {', '.join(filter(None, (ax.get_title('left') for ax in figure.axes)))}".strip(": ")
    )
    return (
        f"<h2>{_text(caption)}</h2>"
        f'<div class="wide{"" if adapts else " light"}" tabindex=0 role="group" aria-label="{_text(caption)}">'
        f'<img src="data:image/svg+xml;base64,{source}" width="{width}" height="{height}" alt="{alternative}"></div>'
    )


def _adapted(svg: str) -> str:
    """Replace the colours of the theme in a picture by its variables, light and dark."""
    from autograd_tiny.train.canvas import GRID

    colors = {c.light: f"var(--{c.variable})" for c in (Color.INK, Color.SOFT, Color.LINE, Color.VALUE, Color.GRAD)}
    colors |= {"#ffffff": "var(--paper)", GRID: "color-mix(in srgb, var(--line) 28%, transparent)"}
    svg = re.sub("|".join(colors), lambda found: colors[found[0]], svg)
    return svg.replace(">", f"><style>{style_sheet()}</style>", 1)


def _is_numeric(sheet: Sheet, k: int) -> bool:
    return all(is_number(row[k]) for row in sheet.rows)


def _written(x: Any) -> str:
    """Write an entry: a float with four digits, – where there is none."""
    if isinstance(x, float | np.floating):
        return "–" if x != x else short(float(x))
    return str(x)

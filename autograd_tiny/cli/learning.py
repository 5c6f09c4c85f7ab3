"""The verbs `train`, `predict` and `evaluate`: a table in, a model in a file, a report or predictions out."""

from __future__ import annotations

import argparse
import csv
import io
import math
import os
import shlex
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograd_tiny.cli.process import Refused, complain
from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.extras import needed_by
from autograd_tiny.engine.terminal import show

if TYPE_CHECKING:
    from autograd_tiny.data import Table
    from autograd_tiny.train import Learned, Predictor, Report

SHOWN = 5  # single rows in the terminal
RATES = {"sgd": 0.1, "adagrad": 0.1, "lion": 0.001}  # learning rates for small networks; 0.01 for the other optimisers


def train(given: argparse.Namespace) -> int:
    """Train a network on a table, keep it, and print how well it predicts the rows kept aside."""
    began = time.perf_counter()
    with _refusing():
        from autograd_tiny import train
        from autograd_tiny.data.sets import SETS

        table = _table(given.data)
        output = _output(given)
        if given.data in SETS:
            given.target, given.drop_missing = given.target or table.names[-1], True
        told: dict[str, object] = {}
        table = _prepared(table, given, told)
        resumes = given.checkpoint is not None and os.path.exists(given.checkpoint)
        learned = train.learn(
            table,
            given.target,
            layers=_layers(given.layers),
            activation=_activation(given.activation),
            task=given.task,
            optimizer=_optimizer(given),
            batch=given.batch,
            epochs=given.epochs,
            seed=given.seed,
            validation=given.validation,
            checkpoint=given.checkpoint,
        )
        replaced = os.path.exists(output)
        learned.predictor.save(output)
        report = _report_of_training(given, learned, table, told, time.perf_counter() - began)
        train.print_report(_brief(report))
        if given.html:
            train.write_report(_with_pictures(report, learned, table), given.html)
            show(f"\nwritten: {given.html}")
    stopped = learned.fitted.stopped
    show(f"{'' if given.html else chr(10)}{'replaced' if replaced else 'kept'}: {output}")
    if resumes:
        show(f"it went on from {given.checkpoint}, which has {counted(len(learned.fitted.history), 'epoch')}")
    if stopped is not None and not learned.fitted.diverged:
        show(f"{stopped}: what was reached is kept")
    if told_of_epochs := _hint(learned.fitted.history):
        show(told_of_epochs)
    show(f"next: autograd-tiny predict {shlex.quote(output)} new.csv")
    return 1 if learned.fitted.diverged else 0


def predict(given: argparse.Namespace) -> None:
    """Print a prediction for each row of a table, as CSV."""
    with _refusing():
        predictor = _predictor(given.model)
        table = _table(given.data)
        needed = [column.name for column in predictor.features.columns if column.name in table]
        whole = table.drop_missing(needed) if given.drop_missing else table
        cells = _predictions(predictor, whole, given.probabilities)
    blank = [""] * len(cells[0])
    found = dict(zip(whole.rows.tolist(), cells[1:], strict=True))
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([cells[0], *(found.get(i, blank) for i in table.rows.tolist())])
    _write_table(written.getvalue(), given.output)


def evaluate(given: argparse.Namespace) -> None:
    """Print how well a model predicts a table that has the true answers."""
    with _refusing():
        from autograd_tiny import train
        from autograd_tiny.data.sets import SETS

        predictor = _predictor(given.model)
        table = _table(given.data)
        name = predictor.target.name
        told: dict[str, object] = {}
        if given.drop_missing or given.data in SETS:
            table = _whole_rows(table, [name, *(column.name for column in predictor.features.columns)], told)
        report = _report(predictor, table, title=f"{name} of {_shown(given.data)} by {given.model}", facts=told)
        train.print_report(_brief(report))
        if given.html:
            train.write_report(report, given.html)
            show(f"\nwritten: {given.html}")


@contextmanager
def _refusing() -> Iterator[None]:
    """Refuse, in a line, what the package raises for bad data; a warning is a line on standard error too."""

    def shown(message: Warning | str, *_: Any, **__: Any) -> None:
        complain(message)

    with warnings.catch_warnings():
        warnings.showwarning = shown
        warnings.simplefilter("always", UserWarning)
        warnings.simplefilter("always", RuntimeWarning)
        try:
            with needed_by("training"):
                yield
        except MemoryError:
            raise Refused("there is not enough memory") from None
        except OSError as error:
            if error.errno is not None:
                raise
            raise Refused(error) from None  # a folder instead of a file
        except (ValueError, TypeError, ImportError, ArithmeticError) as error:
            raise Refused(error) from None


def _table(name: str) -> Table:
    """Read a CSV file, standard input for -, or a named set; a file of that name is ./moons."""
    from autograd_tiny.data import load_set, read_csv
    from autograd_tiny.data.sets import SETS

    if name == "-":
        return read_csv(sys.stdin.buffer)
    if name in SETS:
        return load_set(name)
    try:
        return read_csv(name)
    except FileNotFoundError:
        near = get_close_matches(name, SETS, 1)
        meant = f"did you mean {near[0]}?" if near else f"give a CSV file, or a set: {', '.join(SETS)}"
        raise Refused(f"{name}: no such file; {meant}") from None


def _shown(name: str) -> str:
    return "standard input" if name == "-" else name


def _prepared(table: Table, given: argparse.Namespace, told: dict[str, object]) -> Table:
    """Return the table with the columns and rows to train on; `told` gets what the report says of it."""
    names = ", ".join(table.names)
    if given.target is None:
        raise Refused(f"{_shown(given.data)}: which column is to be predicted? Give --target, one of {names}")
    table[given.target]
    if given.target in given.drop:
        raise Refused(f"{given.target} is the target: it cannot be left out by --drop")
    if given.drop:
        table = table.drop(given.drop)
    return _whole_rows(table, table.names, told) if given.drop_missing else table


def _whole_rows(table: Table, names: list[str], told: dict[str, object]) -> Table:
    found = table.drop_missing([name for name in names if name in table])
    if not len(found):
        raise Refused("--drop-missing leaves no row: each has a missing value; --drop COLUMN leaves out a column")
    if left := len(table) - len(found):
        told["missing values"] = f"{counted(left, 'row')} left out"
    return found


def _layers(text: str) -> list[int]:
    """Parse the sizes of the hidden layers, such as 16,16; none is a model without them."""
    if text == "none":
        return []
    sizes = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) for part in sizes):
        raise Refused(f"--layers {text}: give the size of each hidden layer, such as 16,16, or none")
    return [*map(int, sizes)]


def _activation(name: str) -> Any:
    from autograd_tiny.engine.ops import TABLE
    from autograd_tiny.train.keeping.specs import ACTIVATION

    fits, _ = ACTIVATION
    if not fits(name):
        near = get_close_matches(name, [op for op in TABLE if fits(op)], 1)
        meant = f"did you mean {near[0]}?" if near else "give relu, tanh, sigmoid, gelu or another op of one number"
        raise Refused(f"--activation {name}: {meant}")
    return TABLE[name]


def _optimizer(given: argparse.Namespace) -> Any:
    from autograd_tiny.optim import Optimizer
    from autograd_tiny.optim.rules import TABLE
    from autograd_tiny.train.learning import RATE

    if given.optimizer not in TABLE:
        raise Refused(f"--optimizer {given.optimizer}: there are {', '.join(TABLE)}")
    lr = RATES.get(given.optimizer, RATE) if given.lr is None else given.lr
    return Optimizer(TABLE[given.optimizer], lr=lr)


def _output(given: argparse.Namespace) -> str:
    """Return the path of the model to be written; refuse, before the training, one that cannot be."""
    from autograd_tiny.train import Predictor
    from autograd_tiny.train.keeping.files import format_of

    stem = "model" if given.data == "-" else Path(given.data).stem
    path = given.output or f"{stem}.{'safetensors' if find_spec('safetensors') else 'json'}"
    format_of(path)
    if given.checkpoint is not None:
        format_of(given.checkpoint)
    for other, flag in ((given.checkpoint, "--checkpoint"), (given.html, "--html")):
        if other is not None and os.path.realpath(other) == os.path.realpath(path):
            raise Refused(f"{path} is the model that is written: {flag} needs a file of its own")
    for written in filter(None, (path, given.checkpoint, given.html)):
        folder = Path(os.path.realpath(written)).parent
        if not folder.is_dir():
            raise Refused(f"{written} cannot be written: there is no folder {folder}")
        if not os.access(folder, os.W_OK):
            raise Refused(f"{written} cannot be written: there is no permission to write in {folder}")
    if os.path.lexists(path):
        try:
            Predictor.load(path)
        except (ValueError, OSError):
            raise Refused(f"{path} is there, and is not a model that `train` wrote: name another file, -o") from None
    return path


def _predictor(path: str) -> Predictor:
    from autograd_tiny.train import Predictor

    try:
        return Predictor.load(path)
    except FileNotFoundError:
        raise Refused(f"{path}: no such file; autograd-tiny train writes a model") from None


def _predictions(predictor: Predictor, table: Table, with_probabilities: bool) -> list[list[Any]]:
    """Return the header and a row of cells for each prediction."""
    target = predictor.target
    if not with_probabilities:
        found = predictor.predict(table)
        return [[target.name], *([x] for x in (found if isinstance(found, list) else found.tolist()))]
    shares = predictor.probabilities(table)
    labels = target.labels(shares.argmax(axis=1))
    header = [target.name, *(f"{target.name}={label}" for label in target.classes)]
    return [header, *([label, *(f"{x:.6g}" for x in row)] for label, row in zip(labels, shares.tolist(), strict=True))]


def _write_table(text: str, path: str | None) -> None:
    """Write CSV as UTF-8, or on a terminal cleaned of control characters."""
    from autograd_tiny.engine.files import save

    if path is not None:
        save(Path(path), text.encode())
        show(f"written: {path}")
    elif sys.stdout.isatty():
        show(text.removesuffix("\n"))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()


def _report(predictor: Predictor, table: Table, **more: Any) -> Report:
    """Judge the predictions of a table."""
    from autograd_tiny.train import make_report

    target = predictor.target
    classes = target.task == "classification"
    predicted = predictor.probabilities(table) if classes else predictor.predict(table)
    true = target.labels(target.codes(table))
    columns = {name: column for name, column in table.columns.items() if name != target.name}
    labels = target.classes if classes else None
    report = make_report(true, predicted, labels=labels, name=target.name, rows=columns, **more)
    sheets = [
        sheet._replace(
            columns=["row", *sheet.columns[1:]], rows=[[int(table.rows[row[0]]), *row[1:]] for row in sheet.rows]
        )
        if sheet.columns[0] == "sample"
        else sheet
        for sheet in report.tables
    ]
    return replace(report, tables=sheets)


def _brief(report: Report) -> Report:
    """Return what a terminal has room for: of single rows, some whose prediction is wrong."""
    sheets = [
        sheet._replace(rows=[row for row in sheet.rows if row[1] != row[2]][:SHOWN])
        if sheet.columns[0] == "row"
        else sheet
        for sheet in report.tables
    ]
    return replace(report, tables=[sheet for sheet in sheets if sheet.rows])


def _report_of_training(
    given: argparse.Namespace, learned: Learned, table: Table, told: dict[str, object], seconds: float
) -> Report:
    """Judge a model on the rows kept aside."""
    fitted, features = learned.fitted, learned.predictor.features
    facts: dict[str, object] = {
        "model": f"{fitted.model} with {counted(len(fitted.training.values), 'parameter')}",
        "inputs": ", ".join(column.name for column in features.columns),
        **({"not used": "; ".join(features.left_out)} if features.left_out else {}),
        **told,
        "training": f"{counted(len(learned.rows), 'row')}, {counted(len(fitted.history), 'epoch')}, "
        f"seed {fitted.training.seed}, {seconds:.1f} s",
        "judged on": f"{counted(len(learned.aside), 'row')} kept aside",
    }
    return _report(
        learned.predictor,
        table.take(learned.aside),
        title=f"{learned.predictor.target.name} of {_shown(given.data)}",
        facts=facts,
        history=fitted.history,
    )


def _hint(history: list[dict[str, float]]) -> str:
    """Say which epoch was best on the rows kept aside, if the last one is much worse; else ""."""
    losses = [epoch.get("validation_loss", math.inf) for epoch in history]
    best = min(range(len(losses)), key=losses.__getitem__, default=0)
    if not losses or math.isinf(losses[best]) or losses[-1] <= 1.25 * losses[best] or losses[-1] < 0.1:
        return ""
    return f"the validation loss was lowest after epoch {best + 1}: try --epochs {best + 1}"


def _with_pictures(report: Report, learned: Learned, table: Table) -> Report:
    """Add what a page has room for: a summary of the model and, for classes by two numbers, their boundary."""
    from autograd_tiny.data import Table
    from autograd_tiny.data.encoding import Number

    predictor = learned.predictor
    columns, target = predictor.features.columns, predictor.target
    figures = dict(report.figures)
    if target.classes and len(columns) == 2 and all(isinstance(column, Number) for column in columns):
        names = [column.name for column in columns]

        def boundary() -> Any:
            import numpy as np

            from autograd_tiny.train import plots

            part = table.take(learned.aside)
            points = np.column_stack([np.asarray(part[name]) for name in names])
            return plots.boundary(
                lambda X: predictor.probabilities(Table(X, names)),
                points,
                target.codes(part),
                labels=target.classes,
                features=names,
            )

        figures["Boundary"] = boundary
    return replace(report, summary=predictor.model.summary(), figures=figures)

"""`learn`: from a table and the name of a column to a predictor of that column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograd_tiny.data import Features, Table, Target, split
from autograd_tiny.engine import ops
from autograd_tiny.nn import MLP
from autograd_tiny.optim import Adam, Optimizer
from autograd_tiny.train.fitting import Fitted, fit
from autograd_tiny.train.predicting import LOSSES, Predictor
from autograd_tiny.train.resuming import seed_in
from autograd_tiny.train.training import new_seed, whole_number

RATE = 0.01  # of Adam, for small networks


@dataclass(frozen=True)
class Learned:
    """Result of `learn`: the predictor, the training, and the rows that were trained on and kept aside."""

    predictor: Predictor
    fitted: Fitted
    rows: Any
    aside: Any


def learn(
    table: Table,
    target: str,
    *,
    layers: Sequence[int] = (16, 16),
    activation: Any = ops.relu,
    task: str | None = None,
    optimizer: Optimizer | None = None,
    batch: int | None = 32,
    epochs: int = 100,
    seed: int | None = None,
    validation: float = 0.2,
    checkpoint: Any = None,
) -> Learned:
    """Train an MLP to predict a column of a table from all others.

    >>> from autograd_tiny import data
    >>> iris = data.load_set("iris")
    >>> learned = learn(iris, "species", layers=[8], epochs=50, seed=0)
    >>> learned.predictor.predict(iris.take([0, 50, 100]))
    ['setosa', 'versicolor', 'virginica']

    Text becomes a column of 0 and 1 for each value, numbers are standardised. A target of text or of few whole numbers
    is a class, other numbers are a regression; `task` decides otherwise. `layers` are the sizes of the hidden layers,
    `validation` is the part of the rows kept aside, with each class in its share. The optimizer is Adam(0.01) by
    default; other arguments are those of `fit`. Raises ValueError, naming column and row, for a table that cannot be
    learned from.
    """
    is_there = checkpoint is not None and Path(checkpoint).exists()
    whole_number(seed, "seed")
    seed = (seed_in(checkpoint) if is_there else new_seed()) if seed is None else seed
    whole = Target.of(table, task, name=target)
    labels = whole.codes(table) if whole.task == "classification" else len(table)
    rows, aside = split(labels, validation, seed)
    asked, features = Target.of(table, task, name=target, rows=rows), Features.of(table, except_=target, rows=rows)
    X, y = features.array(table), asked.codes(table)
    model = MLP(X.shape[1], [*layers, len(asked.classes) or 1], activation=activation, seed=seed)
    fitted = fit(
        model,
        LOSSES[asked.task],
        X[rows],
        y[rows],
        optimizer=Adam(RATE) if optimizer is None else optimizer,
        batch=batch,
        epochs=epochs,
        seed=seed,
        validation=(X[aside], y[aside]),
        checkpoint=checkpoint,
    )
    return Learned(Predictor(model, features, asked), fitted, rows, aside)

"""`steps`: a training as a loop that can be read; an event after each step of the optimizer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd_tiny.optim import Optimizer
from autograd_tiny.train.flat import flat
from autograd_tiny.train.functions import Loss
from autograd_tiny.train.resuming import resumed
from autograd_tiny.train.samples import samples_of
from autograd_tiny.train.training import Event, Training, whole_number


def steps(
    model: Any,
    loss: Loss,
    X: Any,
    y: Any,
    *,
    optimizer: Optimizer | None = None,
    batch: int | None = 32,
    epochs: int | None = None,
    seed: int | None = None,
    sample_weight: Any = None,
    resume: Any = None,
    compiled: bool = True,
) -> Iterator[Event]:
    """Train a Module, one step of the optimizer at a time; yield an event after each.

    >>> from autograd_tiny.nn import MLP, losses
    >>> from autograd_tiny.optim import Adam
    >>> model = MLP(1, [1], seed=0)
    >>> for event in steps(model, losses.mse, [[0.0], [1.0]], [1.0, 3.0], optimizer=Adam(lr=0.1), seed=0):
    ...     if event.loss < 1e-6:
    ...         break
    >>> print(f"{model([2.0]).data:.2f}")
    5.00

    `loss` is a function of the output for one sample and of its target, such as those of `nn.losses`; X and y are
    arrays, tables of pandas or lists, samples first. Each epoch takes the samples in a new order, in batches of
    `batch`; with None, each step takes all of them. Without `epochs` the loop has no end of its own. Between two steps
    the Module has the numbers reached, and those that you give it count. Compiled and eager give the same numbers
    within 1e-12 a step. Masks of a `Dropout` in a `Sequential` are drawn for each batch. `resume` is a file that
    `checkpoint` wrote, to go on from as if there had been no pause.

    Raises TypeError or ValueError, naming the argument, the row and the column, for samples that cannot be trained on;
    FloatingPointError if a step diverges, naming the step, the sample and the op; the Module has the last parameters
    with a finite loss then.
    """
    samples = samples_of(X, y, sample_weight)
    training = Training(model, loss, samples, optimizer=optimizer, batch=batch, seed=seed, compiled=compiled)
    if resume is not None:
        resumed(training, resume)
    return _shown(training, training.run(whole_number(epochs, "epochs")))


def _shown(training: Training, events: Iterator[Event]) -> Iterator[Event]:
    """Yield events with the numbers reached in the Module, and take those it has afterwards, or else the array."""
    for event in events:
        training.show()
        reached = training.parameters.copy()
        try:
            yield event
        finally:  # a loop that ends early, too
            given = flat(training.values)
            training.parameters[:] = np.where(given == reached, training.parameters, given)
            training.show()

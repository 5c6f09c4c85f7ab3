"""`fit`: train for a number of epochs, with progress, validation and a history."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from autograd_tiny.engine.terminal import new_console
from autograd_tiny.optim import Optimizer
from autograd_tiny.train.divergence import Diverged
from autograd_tiny.train.functions import Loss
from autograd_tiny.train.interrupts import interruptible
from autograd_tiny.train.resuming import checkpoint as write_checkpoint
from autograd_tiny.train.resuming import resumed, seed_in
from autograd_tiny.train.samples import Samples, samples_of
from autograd_tiny.train.training import Event, Training, new_seed, whole_number

SECONDS = 1.0  # between checkpoints


@dataclass(frozen=True)
class Fitted:
    """Result of `fit`: the Module, a dict for each epoch, and why it stopped before the last one, or None."""

    model: Any
    history: list[dict[str, float]]
    stopped: str | None
    training: Training = field(repr=False)
    diverged: bool = False


def fit(
    model: Any,
    loss: Loss,
    X: Any,
    y: Any,
    *,
    optimizer: Optimizer | None = None,
    batch: int | None = 32,
    epochs: int = 100,
    seed: int | None = None,
    sample_weight: Any = None,
    validation: float | tuple[Any, Any] | None = None,
    checkpoint: Any = None,
    compiled: bool = True,
) -> Fitted:
    """Train a Module for a number of epochs, as `steps` does, and return it with its history.

    >>> from autograd_tiny.nn import MLP, losses
    >>> from autograd_tiny.optim import Adam
    >>> found = fit(MLP(1, [1], seed=0), losses.mse, [[0.0], [1.0]], [1.0, 3.0], optimizer=Adam(lr=0.1), seed=0)
    >>> found.history[-1]["loss"] < 0.01, found.stopped
    (True, None)

    `validation` is the part of the samples, such as 0.2, that is kept aside, or other samples (X, y); the history then
    has their "validation_loss" where it is finite. `checkpoint` is a file that is written each second and at the end;
    if it is there, the training goes on from it as if there had been no pause. On a terminal, progress is shown. Ctrl-C
    ends the training after the step under way and returns what is reached; a second one raises. A training that
    diverges ends with a RuntimeWarning, and the model has the last parameters with a finite loss. Raises what `steps`
    raises for arguments it cannot train on, and ValueError for a checkpoint of another training.
    """
    is_there = checkpoint is not None and Path(checkpoint).exists()
    seed = (seed_in(checkpoint) if is_there else new_seed()) if seed is None else seed
    whole_number(epochs, "epochs")
    whole_number(seed, "seed")
    samples, held = _apart(samples_of(X, y, sample_weight), validation, seed)
    training = Training(model, loss, samples, optimizer=optimizer, batch=batch, seed=seed, compiled=compiled)
    if is_there:
        resumed(training, checkpoint)
    stopped, diverged, written = None, False, time.monotonic()
    with interruptible() as interrupted, _progress(epochs) as show:
        try:
            for event in training.run(epochs):
                if event.ends_epoch and held is not None:
                    validation_loss = training.functions.loss(training.parameters, held)
                    if math.isfinite(validation_loss):  # a file holds no other numbers
                        training.history[-1]["validation_loss"] = validation_loss
                show(event)
                if checkpoint is not None and time.monotonic() - written > SECONDS:
                    write_checkpoint(checkpoint, training)
                    written = time.monotonic()
                if interrupted():
                    stopped = f"interrupted after step {event.step}"
                    break
        except Diverged as error:
            stopped, diverged = str(error), True
            warnings.warn(stopped, RuntimeWarning, stacklevel=2)
        finally:
            training.show()
    if checkpoint is not None:
        write_checkpoint(checkpoint, training)
    return Fitted(model, training.history, stopped, training, diverged)


def _apart(samples: Samples, validation: Any, seed: Any) -> tuple[Samples, Samples | None]:
    """Split samples for training and validation."""
    if validation is None:
        return samples, None
    if isinstance(validation, (tuple, list)) and len(validation) == 2:
        return samples, samples_of(validation[0], validation[1], of="validation: ")
    if not isinstance(validation, float) or not 0 < validation < 1:
        raise ValueError(f"validation is a part of the samples, such as 0.2, or a pair (X, y), got {validation!r:.60}")
    n, order = samples.size, np.random.default_rng([1, seed]).permutation(samples.size)
    aside = round(n * validation)
    if not 0 < aside < n:
        raise ValueError(f"validation={validation:g} of {n} samples leaves none on one side")
    return samples.part(np.sort(order[aside:])), samples.part(np.sort(order[:aside]))


@contextmanager
def _progress(epochs: int) -> Iterator[Any]:
    """Show a bar on a terminal; what is yielded takes each event."""
    console = new_console()
    if not (console.is_terminal or console.is_jupyter):
        yield lambda event: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = "epoch", MofNCompleteColumn(), BarColumn(), TextColumn("{task.fields[losses]}"), TimeRemainingColumn()
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("epoch", total=epochs, losses="")

        def show(event: Event) -> None:
            if event.ends_epoch:
                last = event.training.history[-1]
                told = [
                    f"{name.replace('_', ' ')} {last[name]:.4g}" for name in ("loss", "validation_loss") if name in last
                ]
                bar.update(task, completed=event.epoch, losses="  ".join(told))

        yield show

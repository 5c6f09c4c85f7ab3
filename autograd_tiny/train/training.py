"""State of a training, and the loop that does one step after another."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from autograd_tiny.engine.special import in_a_line
from autograd_tiny.engine.value import Value
from autograd_tiny.optim import Adam, Optimizer
from autograd_tiny.train.divergence import Diverged, is_finite, where_it_began
from autograd_tiny.train.flat import fill, flat, values_of
from autograd_tiny.train.functions import Loss, eager, functions_of
from autograd_tiny.train.masks import masks_of
from autograd_tiny.train.samples import Samples

MOST_TRIED = 1000  # distinct targets that the loss is tried on before the first step


class Event(NamedTuple):
    """A step that was done."""

    step: int  # 1 at the first
    epoch: int  # 1 during the first pass over the samples
    loss: float  # mean of the batch, before the step
    ends_epoch: bool
    training: Training


class Training:
    """State of a training: parameters and slots in arrays, the place in the samples, the generator, the history.

    `history` has a dict for each epoch: its number, the steps so far and the mean loss of its batches.
    """

    def __init__(
        self,
        model: Any,
        loss: Loss,
        samples: Samples,
        *,
        optimizer: Optimizer | None = None,
        batch: int | None = 32,
        seed: int | None = None,
        compiled: bool = True,
    ) -> None:
        self.model, self.loss, self.samples = model, loss, samples
        self.optimizer = _unbound(Adam() if optimizer is None else optimizer)
        self.batch = _size(batch, samples.size)
        self.values = values_of(model)
        _try_once(model, loss, samples)
        self.masks = masks_of(model, samples.X[0].tolist())
        self.functions = (functions_of if compiled else eager)(model, loss, self.masks)
        self.seed = new_seed() if whole_number(seed, "seed") is None else seed
        self.generator = np.random.default_rng(self.seed)
        self.parameters = flat(self.values)
        self.slots = self.optimizer.init(len(self.parameters))
        self.order = np.arange(samples.size)
        self.step = self.epoch = self.place = 0  # steps and epochs done, samples of the epoch seen
        self.total = 0.0  # of the losses of the epoch's batches, by weight
        self.history: list[dict[str, float]] = []
        self.digests: dict[str, str] = {}  # of the samples, once a checkpoint needed them

    def run(self, epochs: int | None = None) -> Iterator[Event]:
        """Do one step after another, until so many epochs are done; the Module keeps its numbers meanwhile."""
        weights, n = self.samples.weight, self.samples.size
        before = [x.copy() for x in self._state()]  # of the last step with finite numbers
        while epochs is None or self.epoch < epochs:
            if self.place == 0 and self.batch < n:
                self.order = self.generator.permutation(n)
            rows = self.order[self.place : self.place + self.batch]
            part = self.samples if self.batch == n else self.samples.part(rows)
            mask = self.masks.draw(self.generator, len(rows))
            loss, gradient = self._gradient(part, mask)
            if not (math.isfinite(loss) and is_finite(gradient)):
                self._stop(f"has the loss {loss:g}" if loss - loss else "has an infinite gradient", rows, mask, before)
            for kept, now in zip(before, self._state(), strict=True):
                np.copyto(kept, now)
            self.optimizer.update(self.parameters, gradient, self.slots, self.step)
            if not is_finite(self.parameters):
                self._stop("moves a parameter to infinity", (), None, before)
            weight = len(rows) if weights is None else float(part.weight.sum())
            self.step, self.place, self.total = self.step + 1, self.place + len(rows), self.total + loss * weight
            if ends := self.place == n:
                whole = n if weights is None else float(weights.sum())
                self.epoch, self.place = self.epoch + 1, 0
                self.history.append({"epoch": self.epoch, "step": self.step, "loss": self.total / whole})
                self.total = 0.0
            yield Event(self.step, self.epoch + (not ends), loss, ends, self)

    def show(self) -> None:
        """Set the numbers of the Module to those reached."""
        fill(self.values, self.parameters)

    def _gradient(self, samples: Samples, mask: Any) -> tuple[float, Any]:
        try:
            return self.functions.gradient(self.parameters, samples, mask)
        except ArithmeticError:  # eager code raises where compiled code goes on with nan or inf
            return math.nan, self.parameters

    def _state(self) -> list[Any]:
        return [self.parameters, *self.slots]

    def _stop(self, what: str, rows: Any, mask: Any, before: list[Any]) -> None:
        """Raise Diverged, with the state before the last step that was done."""
        where, at = "", f"step {self.step + 1} (epoch {self.epoch + 1}) {what}"
        if len(rows):
            where = f": {where_it_began(lambda i: self._loss_of(rows[i], i, mask), rows, self._is_finite(rows, mask))}"
        for now, kept in zip(self._state(), before, strict=True):
            np.copyto(now, kept)
        self.show()
        raise Diverged(f"{at}{where}; try a smaller learning rate than {self.optimizer.rate(self.step):g}")

    def _loss_of(self, row: int, i: int, mask: Any) -> Any:
        self.show()
        masks = self.masks.apart([] if mask is None else mask[i].tolist())
        ((x, y),) = self.samples.part([row]).pairs()
        return self.loss(self.model(x, *masks), y)

    def _is_finite(self, rows: Any, mask: Any) -> Any:
        def finite(i: int) -> bool:
            one = self.samples.part(rows[i : i + 1])._replace(weight=None)
            loss, gradient = self._gradient(one, None if mask is None else mask[i : i + 1])
            return math.isfinite(loss) and is_finite(gradient)

        return finite


def new_seed() -> int:
    """Draw a seed from the operating system."""
    return int(np.random.SeedSequence().generate_state(1)[0])


def whole_number(n: Any, name: str, least: int = 0) -> int | None:
    """Return an integer or None; raise ValueError for others, naming the argument."""
    if n is not None and (not isinstance(n, (int, np.integer)) or isinstance(n, bool) or n < least):
        raise ValueError(f"{name} is an integer of at least {least} or None, got {n!r:.60}")
    return None if n is None else int(n)


def _size(batch: Any, n: int) -> int:
    size = whole_number(batch, "batch", 1)
    return n if size is None else min(size, n)


def _unbound(optimizer: Any) -> Optimizer:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer is one of optim, such as Adam(lr=0.001), got {in_a_line(optimizer)}")
    if optimizer.parameters is not None:
        name = type(optimizer).__name__ if optimizer.rule is None else optimizer.rule.name
        raise TypeError(f"the parameters come from the model: give {name} none, as in Adam(lr=0.001)")
    return optimizer


def _try_once(model: Any, loss: Loss, samples: Samples) -> None:
    """Compute the loss of the first sample on Values, and with every target; raise what is wrong with them."""
    if not callable(loss):
        raise TypeError(f"loss is a function of output and target, such as nn.losses.mse, got {loss!r:.60}")
    _, first = np.unique(samples.y, axis=0, return_index=True)
    rows = [0, *first[:MOST_TRIED].tolist()] if samples.y.ndim == 1 else [0]
    output: Any = None
    for row, (x, target) in zip(rows, samples.part(rows).pairs(), strict=True):
        output = model(x) if output is None else output
        try:
            found = loss(output, target)
        except Exception as error:
            error.add_note(f"raised by the loss of sample {row}, whose target is {in_a_line(target)}")
            raise
        if not isinstance(found, Value):
            raise TypeError(f"the loss of one sample is a number that depends on parameters, got {in_a_line(found)}")

"""Training of an estimator for scikit-learn: epochs until it no longer improves, or L-BFGS."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from autograd_tiny.compiler import jit
from autograd_tiny.engine import ops
from autograd_tiny.engine.digits import counted
from autograd_tiny.train.divergence import Diverged, is_finite
from autograd_tiny.train.functions import Functions
from autograd_tiny.train.interrupts import interruptible
from autograd_tiny.train.samples import Samples
from autograd_tiny.train.scikit.settings import optimizer_of
from autograd_tiny.train.training import Training
from autograd_tiny.transforms.derivatives import value_and_grad

AUTO = 200  # samples of a batch of size "auto", at most


@dataclass
class Curves:
    """What an estimator remembers between fits that go on: its curves, and the state of its optimizer."""

    losses: list[float] = field(default_factory=list)
    scores: list[float] | None = None
    validation_losses: list[float] | None = None
    best_loss: float | None = None
    best_score: float | None = None
    stalled: int = 0  # epochs without improvement
    epochs: int = 0  # of the last fit
    seen: int = 0  # samples, in all fits
    rule: str = ""  # of the optimizer
    slots: list[Any] = field(default_factory=list)
    steps: int = 0

    def start(self, validates: bool) -> None:
        """Begin the epochs of a fit."""
        self.epochs = 0
        if validates and self.scores is None:
            self.scores, self.validation_losses = [], []
        self.best_loss = None if validates else math.inf if self.best_loss is None else self.best_loss
        self.best_score = None if not validates else -math.inf if self.best_score is None else self.best_score

    def add(self, loss: float, samples: int, tol: float) -> bool:
        """Add an epoch; return True if its loss improves on the best by `tol`."""
        self.epochs, self.seen = self.epochs + 1, self.seen + samples
        self.losses.append(loss)
        if self.best_loss is None:
            return False
        improves, self.best_loss = loss <= self.best_loss - tol, min(loss, self.best_loss)
        return improves

    def add_validation(self, score: float, loss: float, tol: float) -> bool:
        """Add what an epoch is on other samples; return True if the score improves on the best by `tol`."""
        if self.scores is None or self.validation_losses is None or self.best_score is None:
            raise RuntimeError("start(validates=True) comes first")
        self.scores.append(score)
        self.validation_losses.append(loss)
        improves, self.best_score = score >= self.best_score + tol, max(score, self.best_score)
        return improves


class _Orders:
    """Order of the samples in each epoch, as scikit-learn draws it: each shuffles the one before."""

    def __init__(self, random: Any, n: int, shuffle: bool) -> None:
        self.random, self.order, self.shuffle = random, np.arange(n), shuffle

    def permutation(self, n: int) -> Any:
        if self.shuffle:
            self.order = self.order[self.random.permutation(n)]
        return self.order


def is_lbfgs(estimator: Any) -> bool:
    """Return True if the solver takes all samples at once."""
    return isinstance(estimator.solver, str) and estimator.solver == "lbfgs"


def is_stochastic(estimator: Any) -> bool:
    """Return True if the solver takes steps on batches; raise AttributeError, as `available_if` wants it, otherwise."""
    if is_lbfgs(estimator):
        raise AttributeError("solver='lbfgs' takes all samples at once: partial_fit needs adam, sgd or an optimizer")
    return True


def solve(
    estimator: Any, model: Any, samples: Samples, random: Any, curves: Curves, *, max_iter: int, partial: bool
) -> None:
    """Train a Module with the parameters of an estimator, and go on with its curves."""
    held = None
    if estimator.early_stopping and not is_lbfgs(estimator):
        samples, held = _apart(estimator, samples, random)
    batch = AUTO if estimator.batch_size == "auto" else int(estimator.batch_size)
    training = Training(model, estimator._loss(), samples, optimizer=optimizer_of(estimator), batch=batch, seed=0)
    training.generator = _Orders(random, samples.size, estimator.shuffle)  # type: ignore[assignment] # it permutes
    if estimator.alpha:
        training.functions = _decaying(training.functions, estimator.alpha * _are_weights(model.sizes))
    if curves.rule == training.optimizer.rule.name:
        training.slots, training.step = curves.slots, curves.steps
    try:
        if is_lbfgs(estimator):
            _minimise(estimator, training, curves)
        else:
            _descend(estimator, training, curves, held, max_iter, partial)
    except Diverged as error:
        raise Diverged(f"{error}, or scale X and y, as StandardScaler does") from None
    finally:
        curves.rule, curves.slots, curves.steps = training.optimizer.rule.name, training.slots, training.step
    training.show()


def _descend(
    estimator: Any, training: Training, curves: Curves, held: Samples | None, max_iter: int, partial: bool
) -> None:
    """Do epochs until more than `n_iter_no_change` in a row have not improved; with `held`, restore the best."""
    best = training.parameters, training.slots, training.step  # a step makes new arrays
    curves.start(held is not None)
    told = print if estimator.verbose else lambda _: None
    why = ""
    with interruptible() as interrupted:
        for event in training.run(max_iter):
            if not event.ends_epoch:
                continue
            before = curves.best_score
            improves = curves.add(training.history[-1]["loss"], training.samples.size, estimator.tol)
            told(f"Iteration {curves.epochs}, loss = {curves.losses[-1]:.8f}")
            if held is not None:
                score = estimator._judged(held, training.functions.outputs(training.parameters, held.X))
                loss = training.functions.loss(training.parameters, held)
                improves = curves.add_validation(score, loss, estimator.tol)
                told(f"Validation score: {score:f}, loss = {loss:.8f}")
                if curves.best_score != before:
                    best = training.parameters, training.slots, training.step
            curves.stalled = 0 if improves else curves.stalled + 1
            if curves.stalled > estimator.n_iter_no_change:
                why = f"{'training loss' if held is None else 'validation score'} did not improve"
            elif interrupted():
                why = "training was interrupted"
                warnings.warn(f"{why} after epoch {curves.epochs}", stacklevel=5)
            if why:
                told(f"Stopped: {why}")
                break
        else:
            if not partial:
                told_how = "raise max_iter or learning_rate_init, or scale X"
                why = f"training has not converged after max_iter={max_iter} epochs: {told_how}"
                warnings.warn(why, ConvergenceWarning, stacklevel=5)
    if held is not None:
        training.parameters, training.slots, training.step = best


def _minimise(estimator: Any, training: Training, curves: Curves) -> None:
    """Minimise the loss of all samples by SciPy's L-BFGS-B."""
    from scipy.optimize import minimize

    def add(intermediate_result: Any) -> None:
        curves.losses.append(float(intermediate_result.fun))

    options = {"maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": estimator.tol}
    start = training.functions.gradient, training.parameters, (training.samples,)
    found = minimize(*start, jac=True, method="L-BFGS-B", callback=add, options=options)
    if not is_finite(np.array([found.fun, *found.x])):
        raise Diverged("L-BFGS has met a loss that is not finite: try another solver")
    training.parameters[:] = found.x
    curves.epochs = int(found.nit)
    curves.losses.append(float(found.fun))
    if found.status != 0:
        how = "raise max_iter or tol, or scale X"
        warnings.warn(f"lbfgs has not converged after {found.nit} iterations: {how}", ConvergenceWarning, stacklevel=5)


def _apart(estimator: Any, samples: Samples, random: Any) -> tuple[Samples, Samples]:
    """Split samples for training and validation, as scikit-learn draws them."""
    part, strata = estimator.validation_fraction, estimator._strata(samples.y)
    told = f"validation_fraction={part:g} of {counted(samples.size, 'sample')}"
    if (aside := math.ceil(samples.size * part)) < 2 or samples.size - aside < 1:
        raise ValueError(f"{told} keeps {aside} aside: early stopping takes two or more, and leaves some")
    try:
        two = train_test_split(np.arange(samples.size), random_state=random, test_size=part, stratify=strata)
    except ValueError as error:
        raise ValueError(f"{told}: {error}") from None
    return samples.part(two[0]), samples.part(two[1])


def _decaying(functions: Functions, decay: Any) -> Functions:
    """Add half of decay·w² to the loss, divided by the weight of the samples: scikit-learn's `alpha`."""

    @lru_cache(2)  # of whole batches, and of the last one
    def share(weight: float) -> Any:
        return decay / weight

    def gradient(w: Any, samples: Samples, mask: Any = None) -> tuple[float, Any]:
        loss, slopes = functions.gradient(w, samples, mask)
        weight = samples.size if samples.weight is None else samples.weight.sum()
        more, decays = PENALTY(w, share(weight))
        return loss + float(more.sum()), slopes + decays

    return functions._replace(gradient=gradient)


def _penalty(w: Any, share: Any) -> Any:
    return share * ops.square(w) / 2


PENALTY = jit(value_and_grad(_penalty), batch=("w", "share"))  # the parameters are the batch


def _are_weights(sizes: list[int]) -> Any:
    """Return 1 for each weight and 0 for each bias of an MLP.

    >>> _are_weights([2, 1])
    array([1., 1., 0.])
    """
    return np.concatenate([np.tile([*[1.0] * nin, 0.0], nout) for nin, nout in pairwise(sizes)])

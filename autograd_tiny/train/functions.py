"""The compiled functions of a training: gradient, loss and outputs over arrays; one set for all Modules of a kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from autograd_tiny.compiler import jit
from autograd_tiny.engine.value import Value
from autograd_tiny.train.flat import fill, values_of
from autograd_tiny.train.keeping.specs import module_of, spec_of
from autograd_tiny.train.masks import Masks
from autograd_tiny.train.samples import Samples, plain
from autograd_tiny.transforms.derivatives import value_and_grad

Loss = Callable[[Any, Any], Any]  # of the output for one sample, and its target
NO_MASKS = Masks((), ())
KEPT = 32  # architectures whose functions are kept


class Functions(NamedTuple):
    """Functions of a flat array of parameters and of samples."""

    gradient: Callable[..., tuple[float, Any]]  # (parameters, samples, mask=None): the mean loss and its gradient
    loss: Callable[[Any, Samples], float]  # the mean loss, without a mask
    outputs: Callable[[Any, Any], Any]  # (parameters, X): the outputs, samples first


def functions_of(model: Any, loss: Loss, masks: Masks) -> Functions:
    """Return the compiled functions of a model: one set for all of one spec, so that the next fit records nothing."""
    spec = spec_of(model)
    return compiled(model, loss, masks) if spec is None else _of_spec(json.dumps(spec), loss, masks)


@lru_cache(KEPT)
def _of_spec(spec: str, loss: Loss, masks: Masks) -> Functions:
    return compiled(module_of(json.loads(spec)), loss, masks)


def compiled(model: Any, loss: Loss, masks: Masks = NO_MASKS) -> Functions:
    """Compile the functions; `model` gives its form alone, the numbers are the array's.

    >>> from autograd_tiny.nn import MLP, losses
    >>> from autograd_tiny.train.samples import samples_of
    >>> f = compiled(MLP(1, [1]), losses.mse)
    >>> f.gradient(np.array([2.0, 1.0]), samples_of([[1.0], [2.0]], [3.0, 4.0]))  # slope and intercept
    (0.5, array([2., 1.]))
    """

    def objective(w: Any, x: Any, y: Any, share: Any = 1.0, mask: Any = ()) -> Any:
        return loss(model.with_parameters(w)(x, *masks.apart(mask)), y) * share

    def outputs(w: Any, x: Any) -> Any:
        return model.with_parameters(w)(x)

    slopes, plain, weighted = value_and_grad(objective), ("x", "y"), ("x", "y", "share")
    steps = [
        jit(slopes, batch=plain, reduce="mean"),
        jit(slopes, batch=weighted, reduce="sum"),
        jit(slopes, batch=(*weighted, "mask"), reduce="sum"),
    ]
    means = [jit(objective, batch=plain, reduce="mean"), jit(objective, batch=weighted, reduce="sum")]

    def gradient(w: Any, samples: Samples, mask: Any = None) -> tuple[float, Any]:
        if mask is not None:
            return steps[2](w, samples.X, samples.y, _shares(samples), mask)
        if samples.weight is not None:
            return steps[1](w, samples.X, samples.y, _shares(samples))
        return steps[0](w, samples.X, samples.y)

    def mean(w: Any, samples: Samples) -> float:
        if samples.weight is not None:
            return means[1](w, samples.X, samples.y, _shares(samples))
        return means[0](w, samples.X, samples.y)

    return Functions(gradient, mean, jit(outputs, batch="x"))


def eager(model: Any, loss: Loss, masks: Masks = NO_MASKS) -> Functions:
    """Return the same functions, run on the Values of the Module, one sample after another."""
    values = values_of(model)

    def mean(w: Any, samples: Samples, mask: Any = None) -> Any:
        fill(values, w)
        total: Any = 0.0
        rows = [()] * samples.size if mask is None else mask.tolist()
        for (x, y), share, row in zip(samples.pairs(), _shares(samples).tolist(), rows, strict=True):
            total = total + loss(model(x, *masks.apart(row)), y) * share
        return total

    def gradient(w: Any, samples: Samples, mask: Any = None) -> tuple[float, Any]:
        for x in values:
            x.grad = 0.0
        total = mean(w, samples, mask)
        total.backward()
        return total.data, np.array([x.grad for x in values], float)

    def outputs(w: Any, X: Any) -> Any:
        fill(values, w)
        return np.array([_numbers(model(x)) for x in plain(X)])

    return Functions(gradient, lambda w, samples: mean(w, samples).data, outputs)


def _numbers(output: Any) -> Any:
    return output.data if isinstance(output, Value) else [_numbers(x) for x in output]


def _shares(samples: Samples) -> Any:
    """Return the part of each sample in the mean; all are 0 if all weights are."""
    if samples.weight is None:
        return np.full(samples.size, 1 / samples.size)
    total = samples.weight.sum()
    return samples.weight / total if total else samples.weight

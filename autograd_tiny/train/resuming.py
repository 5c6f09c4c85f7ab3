"""`checkpoint`: the state of a training in a file, and the training gone on with from it, bit for bit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.special import in_a_line
from autograd_tiny.train.flat import flat
from autograd_tiny.train.keeping.files import digest, read_arrays
from autograd_tiny.train.keeping.models import read_model, write_model
from autograd_tiny.train.training import Training

COUNTS = ("step", "epoch", "place", "seed")
FIELDS = {*COUNTS, "total", "history", "generator", "optimizer", "batch", "data"}


def checkpoint(path: Any, training: Training, **more: Any) -> Path:
    """Write the state of a training to a file of the suffix .safetensors or .json, and return its path.

    >>> import tempfile
    >>> from autograd_tiny.nn import MLP, losses
    >>> from autograd_tiny.train import steps
    >>> model, X, y = MLP(1, [1], seed=0), [[0.0], [1.0]], [1.0, 3.0]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for event in steps(model, losses.mse, X, y, batch=1, epochs=2, seed=0):
    ...         if event.step == 3:
    ...             path = checkpoint(f"{folder}/run.safetensors", event.training)
    ...     [event.step for event in steps(MLP(1, [1]), losses.mse, X, y, batch=1, epochs=2, resume=path)]
    [4]

    The file has the model, as `save` writes it, the optimizer with its slots, the place in the epoch and its order, the
    generator, the history and a digest of the samples. `more` is what JSON knows. It replaces an old file once it is
    whole, and raises what `save` raises.
    """
    training = getattr(training, "training", training)  # of an event
    if not isinstance(training, Training):
        raise TypeError(f"checkpoint takes the training of an event, event.training, got {in_a_line(training)}")
    training.show()
    rule = training.optimizer.rule
    slots = {f"slot {name}": x for name, x in zip(rule.slots, training.slots, strict=True)}
    state = {
        **{name: getattr(training, name) for name in COUNTS},
        "total": training.total,
        "history": training.history,
        "generator": training.generator.bit_generator.state,
        "optimizer": _described(training),
        "batch": training.batch,
        "data": _digests(training),
    }
    return write_model(path, training.model, {"order": training.order, **slots}, {"training": state, **more})


def resumed(training: Training, path: Any) -> None:
    """Go on from a file of `checkpoint`; raise ValueError, naming what differs, if it is of another training."""
    training.model, arrays, meta = read_model(path, training.model)
    try:
        _restore(training, arrays, meta.get("training") if isinstance(meta, dict) else None)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} cannot be resumed: {error}") from None


def seed_in(path: Any) -> Any:
    """Return the seed of a checkpoint, None if the file has none."""
    _, own = read_arrays(path)
    try:
        return own["meta"]["training"]["seed"]
    except (KeyError, TypeError):
        return None


def _restore(training: Training, arrays: Any, state: Any) -> None:
    if state is None:
        raise ValueError("it holds a model, but no training: load(path) gives the model")
    if not isinstance(state, dict) or set(state) != FIELDS:
        raise ValueError("its training is not whole")
    for name, now in _digests(training).items():
        if state["data"].get(name) != now:
            seeds = state.get("seed"), training.seed  # a seed chooses the samples that are kept aside
            told = "" if seeds[0] == seeds[1] else f"; its seed is {in_a_line(seeds[0])}, and here it is {seeds[1]}"
            raise ValueError(f"it was trained on other samples: {name} differs{told}")
    for what, here in (("optimizer", _described(training)), ("batch", training.batch)):
        if state[what] != here:
            raise ValueError(f"its {what} is {in_a_line(state[what])}, and here it is {in_a_line(here)}")
    n, slots = training.samples.size, [f"slot {name}" for name in training.optimizer.rule.slots]
    for name in COUNTS:
        if not isinstance(state[name], int) or state[name] < 0:
            raise ValueError(f"its {name} is {in_a_line(state[name])}")
    if set(arrays) != {"order", *slots} or any(arrays[name].shape != training.parameters.shape for name in slots):
        raise ValueError(f"the slots of {training.optimizer.rule.name} are not whole")
    order = arrays["order"]
    if not np.array_equal(np.sort(order), np.arange(n)) or not state["place"] < n or not math.isfinite(state["total"]):
        raise ValueError(f"its place in the epoch is none of {counted(n, 'sample')}")
    if not isinstance(state["history"], list) or len(state["history"]) != state["epoch"]:
        raise ValueError(f"its history is not that of {counted(state['epoch'], 'epoch')}")
    training.generator.bit_generator.state = state["generator"]
    for name in (*COUNTS, "history", "total"):
        setattr(training, name, state[name])
    training.order, training.slots = order, [arrays[name] for name in slots]
    training.parameters = flat(training.values)


def _described(training: Training) -> dict[str, Any]:
    """Describe the optimizer; a learning rate that is a function has the name of the function."""
    lr = training.optimizer.lr
    rate = getattr(lr, "__qualname__", "a function") if callable(lr) else lr
    return {"rule": training.optimizer.rule.name, "lr": rate, **training.optimizer.hyper}


def _digests(training: Training) -> dict[str, str]:
    """Return a digest of each array of the samples, computed once."""
    if not training.digests:
        named = zip(("X", "y", "sample_weight"), training.samples[:3], strict=True)
        training.digests = {name: digest(x) for name, x in named if x is not None}
    return training.digests

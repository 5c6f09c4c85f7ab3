"""The numbers behind pictures: matrices of weights, classes over a plane, losses over a plane of parameters."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from autograd_tiny.compiler import jit
from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.extras import needed_by
from autograd_tiny.engine.tree import is_module, leaves, rebuild
from autograd_tiny.engine.value import Value

with needed_by("autograd_tiny.train.views.plots"):
    import numpy as np

Array = np.ndarray[Any, Any]

_NEURON = re.compile(r"(.*?)\.?neurons\[(\d+)\]\.(w\[(\d+)\]|b)$")
_INDICES = re.compile(r"(.+?)((?:\[\d+\])+)$")


def matrices(numbers: Mapping[str, float]) -> dict[str, tuple[Array, Array | None]]:
    """Arrange numbers by parameter name as a matrix per layer, a row for each output, and the biases beside it.

    >>> w, b = matrices({"neurons[0].w[0]": 1.0, "neurons[0].w[1]": 2.0, "neurons[0].b": 3.0})["weight"]
    >>> w.tolist(), b.tolist()
    ([[1.0, 2.0]], [3.0])
    """
    entries: dict[str, dict[tuple[int, ...], float]] = {}
    alone = [name for name in numbers if not (_NEURON.match(name) or _INDICES.match(name))]
    for name, x in numbers.items():
        if found := _NEURON.match(name):
            layer, neuron, what, place = found.groups()
            at: tuple[int, ...] = (int(neuron),) if what == "b" else (int(neuron), int(place))
            name = f"{layer}.{'bias' if what == 'b' else 'weight'}".removeprefix(".")
        elif found := _INDICES.match(name):
            name, at = found[1], tuple(int(i) for i in re.findall(r"\d+", found[2]))
        else:
            name, at = ", ".join(alone), (alone.index(name),)
        entries.setdefault(name, {})[at] = x
    arrays = {name: _array(items) for name, items in entries.items()}
    done: dict[str, tuple[Array, Array | None]] = {}
    for name, array in arrays.items():
        weight = arrays.get(_sibling(name, "bias", "weight"))
        if name.endswith("bias") and weight is not None and weight.ndim > 1 and len(weight) == array.size:
            continue  # stands beside its weight
        bias = arrays.get(_sibling(name, "weight", "bias"))
        beside = name.endswith("weight") and array.ndim > 1 and bias is not None and bias.size == len(array)
        table = array.reshape(len(array), -1) if array.ndim > 1 else array.reshape(1, -1)
        done[name] = (table, bias.ravel() if beside and bias is not None else None)
    return done


def _sibling(name: str, old: str, new: str) -> str:
    return name[: len(name) - len(old)] + new if name.endswith(old) else ""


def _array(items: Mapping[tuple[int, ...], float]) -> Array:
    depth = max(map(len, items))
    if any(len(at) != depth for at in items):
        return np.array([*items.values()], float)
    made = np.full([max(at[k] for at in items) + 1 for k in range(depth)], np.nan)
    for at, x in items.items():
        made[at] = x
    return made


def named_numbers(model: Any, gradient: Any) -> dict[str, float]:
    """Return a gradient by parameter name, given as such a dict or as numbers in the order of the parameters."""
    names = [name for name, _ in model.named_parameters()]
    if isinstance(gradient, Mapping):
        if gradient.keys() != {*names}:
            raise ValueError(
                f"gradient has other names than the parameters of {model!r:.60}, "
                f"such as {next(iter(gradient.keys() ^ {*names}))!r:.60}"
            )
        found = [gradient[name] for name in names]
    else:
        found = [*np.ravel(gradient)]
        if len(found) != len(names):
            raise ValueError(
                f"gradient has {counted(len(found), 'number')}, {model!r:.60} has {len(names):,} parameters"
            )
    return {name: float(x) for name, x in zip(names, found, strict=True)}


def probabilities(scores: Any, n: int, classes: Array) -> Array:
    """Turn what a model returns for n points into probabilities, a column for each class.

    Columns that sum to 1 are probabilities already, others go through a softmax; one number for each point is the
    probability of the second class, or its logit outside of [0, 1]; integers and text are classes themselves.
    """
    scores = np.asarray(scores)
    if scores.dtype == object and scores.size and isinstance(scores.flat[0], Value):
        scores = np.array([x.data for x in scores.flat]).reshape(scores.shape)
    if scores.ndim == 2 and scores.shape[1] == 1:
        scores = scores[:, 0]
    if len(scores) != n or scores.ndim not in (1, 2):
        raise ValueError(
            f"predict returned an array of shape {scores.shape} for {n:,} points: one row for each is needed"
        )
    if scores.ndim == 1:
        alike = scores.dtype.kind not in "f" or (classes.dtype.kind in "iufb" and np.isin(scores, classes).all())
        if alike:
            if others := [x for x in dict.fromkeys(scores.tolist()) if x not in classes]:
                raise ValueError(
                    f"predict returned the class {others[0]!r:.60}, which is not one of y: name all by labels"
                )
            return (scores[:, None] == classes[None, :]).astype(float)
        if len(classes) > 2:
            raise ValueError(
                f"predict returned one number for each point, and y has {len(classes)} classes: "
                "return a score for each class, or the class"
            )
        return _shares(two_columns(scores))[:, -len(classes) :]
    if scores.shape[1] != len(classes):
        raise ValueError(
            f"predict returned {scores.shape[1]} scores for each point, and there are {len(classes)} classes"
        )
    return _shares(scores.astype(float))


def two_columns(scores: Array) -> Array:
    """Return scores of two classes from one number for each point: a probability, or a logit outside of [0, 1]."""
    logits = bool(((scores < 0) | (scores > 1)).any())
    return np.stack([np.zeros(len(scores)) if logits else 1 - scores, scores], 1)


def _shares(scores: Array) -> Array:
    if (scores >= 0).all() and np.allclose(scores.sum(1), 1, atol=1e-6):
        return scores
    return _softmax(scores)


def _softmax(scores: Array) -> Array:
    with np.errstate(invalid="ignore"):
        powers = np.exp(scores - scores.max(1, keepdims=True))
        return powers / powers.sum(1, keepdims=True)


class Plane(NamedTuple):
    """A plane through a point of parameters, the losses over it, and a path projected on it."""

    a: Array  # steps along the first direction
    b: Array  # steps along the second
    losses: Array  # a row for each b, a column for each a
    path: Array | None  # coordinates of each point, (k, 2)
    shares: tuple[float, float] | None  # of the variance of the path


def plane(f: Callable[..., Any], theta: Any, batch: tuple[Any, ...], path: Any, size: int, seed: int) -> Plane:
    """Evaluate a loss over a plane through theta: two random directions, or the two main ones of a path."""
    named = [(name, float(x.data if isinstance(x, Value) else x)) for name, x in leaves(theta, "theta")]
    centre = np.array([x for _, x in named])
    if centre.size < 2 or not np.isfinite(centre).all():
        raise ValueError(f"a landscape needs two finite parameters or more, got {theta!r:.60}")
    if path is None:
        first, second = _random(centre, [name for name, _ in named], seed)
        a = b = np.linspace(-1, 1, size)
        walked, shares = None, None
    else:
        first, second, walked, shares = _along(np.asarray(path, float), centre, seed)
        a, b = (np.linspace(*_padded(walked[:, k]), size) for k in (0, 1))
        longest = max(a[-1] - a[0], b[-1] - b[0])
        a, b = (_widened(x, longest / 3) for x in (a, b))
    points = centre + (a[None, :, None] * first + b[:, None, None] * second).reshape(-1, centre.size)
    losses = _evaluate(f, theta, points, batch).reshape(len(b), len(a))
    return Plane(a, b, losses, walked, shares)


def _random(centre: Array, names: list[str], seed: int) -> tuple[Array, Array]:
    """Draw two directions, each filter as long as that of the weights (Li et al., Visualizing the Loss Landscape of
    Neural Nets, 2018, §4): a filter is the weights into one neuron, a row of a matrix, or a vector of its own."""
    filters: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        filters.setdefault(re.sub(r"\[[^\]]*\]$", "", name), []).append(i)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(2):
        d = rng.standard_normal(centre.size)
        for places in filters.values():
            d[places] *= np.linalg.norm(centre[places]) / np.linalg.norm(d[places])
        found.append(d if d.any() else rng.standard_normal(centre.size))
    return found[0], found[1]


def _along(path: Array, centre: Array, seed: int) -> tuple[Array, Array, Array, tuple[float, float]]:
    """Find the two main directions of a path seen from theta, and the path in their coordinates (Li et al., §7)."""
    if path.ndim != 2 or path.shape[1] != centre.size or not len(path) or not np.isfinite(path).all():
        raise ValueError(
            f"path has the {centre.size:,} parameters of each step in a row, all finite; "
            f"this one is of shape {path.shape}"
        )
    away = path - centre
    _, lengths, directions = np.linalg.svd(away, full_matrices=False)
    total = float((lengths**2).sum())
    least = lengths[0] * 1e-9 if total else math.inf
    chosen = [d for d, length in zip(directions[:2], lengths, strict=False) if length > least]
    rng = np.random.default_rng(seed)
    while len(chosen) < 2:  # a path of one point, or a straight one
        d = rng.standard_normal(centre.size)
        for known in chosen:
            d -= (d @ known) * known
        chosen.append(d / np.linalg.norm(d))
    shares = [float(x**2) / total if total else 0.0 for x in (*lengths, 0.0)]
    walked = away @ np.stack(chosen, 1)
    return chosen[0], chosen[1], walked, (shares[0], shares[1])


def _padded(x: Array) -> tuple[float, float]:
    """Return the range of coordinates and 0, a quarter wider on both sides."""
    low, high = min(float(x.min()), 0.0), max(float(x.max()), 0.0)
    more = (high - low) / 4
    return low - more, high + more


def _widened(x: Array, least: float) -> Array:
    least = least or 1.0
    middle, width = (x[0] + x[-1]) / 2, max(x[-1] - x[0], least)
    return np.linspace(middle - width / 2, middle + width / 2, len(x))


def _evaluate(f: Callable[..., Any], theta: Any, points: Array, batch: tuple[Any, ...]) -> Array:
    """Compute the loss at each point: one compiled call over all, or one for each over the samples of a batch."""
    bare = isinstance(theta, np.ndarray)

    def loss(parameters: Any, *sample: Any) -> Any:
        return f(parameters if bare else rebuild(theta, [*parameters]), *sample)

    with np.errstate(all="ignore"):
        if batch:
            names = [f"argument {i + 1}" for i in range(len(batch))]  # as `jit` calls them
            mean = jit(loss, batch=names, reduce="mean")
            return np.array([mean(point, *batch) for point in points])
        try:
            return np.asarray(jit(loss, batch="parameters")(points), float)
        except TypeError:  # f works on floats alone
            return np.array([_number(f, point if bare else _with(theta, point)) for point in points])


def _with(theta: Any, point: Array) -> Any:
    return theta.with_parameters(map(Value, point)) if is_module(theta) else rebuild(theta, point.tolist())


def _number(f: Callable[..., Any], x: Any) -> float:
    y = f(x)
    return float(y.data if isinstance(y, Value) else y)

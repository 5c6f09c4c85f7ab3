"""Losses with PyTorch's names: of one sample, or of a list of samples with a reduction and weights.

>>> from autograd_tiny.nn import losses
>>> losses.mse([1.0, 2.0], [1.0, 4.0]), losses.cross_entropy([0.0, 0.0, 0.0], 2)
(2.0, 1.0986122886681096)

`reduction` is "mean", "sum" or None, which gives a list with the loss of each sample; `sample_weight` has a number for
each sample, and "mean" divides by their sum. Losses are written in rows of the table of ops: their derivatives are its.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from operator import add
from typing import Any

from autograd_tiny.engine import ops
from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.op import real
from autograd_tiny.engine.operand import Operand
from autograd_tiny.nn.attending import log_softmax
from autograd_tiny.nn.inputs import checked_index, is_list, is_traced, rows_of

__all__ = [
    "binary_cross_entropy_with_logits", "cross_entropy", "hinge", "huber", "kl_divergence", "mae", "mse",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__


def mse(input: Any, target: Any, *, reduction: str | None = "mean", sample_weight: Any = None) -> Any:
    """Compute the squared error (input - target)²; over samples of several numbers it is their mean.

    >>> mse([[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [3.0, 4.0]], reduction=None)
    [2.0, 0.0]
    """
    return _of_numbers("mse", lambda y, t: ops.square(y - t), input, target, reduction, sample_weight)


def mae(input: Any, target: Any, *, reduction: str | None = "mean", sample_weight: Any = None) -> Any:
    """Compute the absolute error |input - target|, PyTorch's `l1_loss`; its derivative at 0 is 0.

    >>> mae([1.0, 2.0], [1.0, 4.0])
    1.0
    """
    return _of_numbers("mae", lambda y, t: ops.abs(y - t), input, target, reduction, sample_weight)


def huber(
    input: Any, target: Any, *, delta: float = 1.0, reduction: str | None = "mean", sample_weight: Any = None
) -> Any:
    """Compute half the squared error e²/2 up to |e| = delta, and beyond it the line delta·(|e| - delta/2) that goes on.

    >>> huber([0.5, 3.0], [0.0, 0.0], reduction=None)
    [0.125, 2.5]

    Raises ValueError unless delta > 0. Source: Huber, Robust Estimation of a Location Parameter, 1964.
    """
    if not isinstance(delta, Operand) and not real(delta) > 0:
        raise ValueError(f"delta of huber is positive, got {delta!r:.60}")

    def loss(y: Any, t: Any) -> Any:
        near = ops.clip(y - t, -delta, delta)
        return near * ((y - t) - 0.5 * near)

    return _of_numbers("huber", loss, input, target, reduction, sample_weight)


def hinge(input: Any, target: Any, *, reduction: str | None = "mean", sample_weight: Any = None) -> Any:
    """Compute max(0, 1 - target·input) of a score and a label 1 or -1; its derivative at the kink is 0.

    >>> hinge([0.5, 2.0, 0.5], [1, 1, -1], reduction=None)
    [0.5, 0.0, 1.5]

    Raises ValueError for any other label. Source: Cortes and Vapnik, Support-Vector Networks, 1995.
    """

    def loss(y: Any, t: Any) -> Any:
        if t.__class__ is float and abs(t) != 1:
            raise ValueError(f"a target of hinge is 1 or -1, got {t!r}{': write -1 for 0' if t == 0 else ''}")
        return ops.relu(1 - t * y)

    return _of_numbers("hinge", loss, input, target, reduction, sample_weight)


def binary_cross_entropy_with_logits(
    input: Any, target: Any, *, reduction: str | None = "mean", sample_weight: Any = None
) -> Any:
    """Compute -log of the probability that sigmoid(input) gives to the target, 0, 1 or a probability between.

    >>> binary_cross_entropy_with_logits([0.0, 1000.0, -1000.0], [1, 1, 1], reduction=None)
    [0.6931471805599453, 0.0, 1000.0]

    Raises ValueError for a target below 0 or above 1.
    """

    def loss(y: Any, t: Any) -> Any:
        if t.__class__ is float and not 0 <= t <= 1:
            hint = ": write 0 for -1" if t == -1 else ""
            raise ValueError(f"a target of binary_cross_entropy_with_logits is from 0 to 1, got {t!r}{hint}")
        return _mixed([t, 1 - t], [ops.softplus(-y), ops.softplus(y)])

    return _of_numbers("binary_cross_entropy_with_logits", loss, input, target, reduction, sample_weight)


def cross_entropy(input: Any, target: Any, *, reduction: str | None = "mean", sample_weight: Any = None) -> Any:
    """Compute -log of the probability that softmax(input) gives to the target, of a list of logits, one for each class.

    >>> cross_entropy([[2.0, 0.0], [0.0, 1000.0]], [0, 0], reduction=None)
    [0.1269280110429725, 1000.0]
    >>> cross_entropy([2.0, 0.0], [1.0, 0.0])  # probabilities of the classes
    0.1269280110429725

    A target is the index of a class or the list of the classes' probabilities. It is computed as logsumexp of the
    differences to the target's logit, so that losses near 0 keep their digits. An index that is an input of compiled
    code is not checked: out of range it gives nan. Raises TypeError for a float as an index, and ValueError for an
    index out of range or probabilities that do not sum to 1.
    """
    return _of_rows("cross_entropy", _cross_entropy, input, target, reduction, sample_weight)


def kl_divergence(input: Any, target: Any, *, reduction: str | None = "mean", sample_weight: Any = None) -> Any:
    """Compute Σ pᵢ·(log pᵢ - log qᵢ) of the target's probabilities p and the softmax q of a list of logits.

    >>> kl_divergence([0.0, 0.0], [0.5, 0.5]), kl_divergence([0.0, 0.0], [1.0, 0.0])
    (0.0, 0.6931471805599453)

    Log-probabilities are logits, too, as PyTorch's `kl_div` takes them; the mean is over samples, its "batchmean".
    Raises ValueError for probabilities that do not sum to 1. Source: Kullback and Leibler, 1951.
    """
    return _of_rows("kl_divergence", _kl_divergence, input, target, reduction, sample_weight)


def _cross_entropy(name: str, logits: list[Any], target: Any) -> Any:
    if is_list(target):
        p = _probabilities(name, logits, target)
        wanted = _mixed(p, logits)
        return ops.logsumexp(*[z - wanted for z in logits])
    if is_traced(target):
        own: list[Any] = [ops.equal(target, float(k)) for k in range(len(logits))]
        wanted = reduce(add, [ops.where(mine, z, 0.0) for mine, z in zip(own, logits, strict=True)])
        wanted = wanted + ops.where(reduce(add, own), 0.0, float("nan"))  # out of range
        return ops.logsumexp(*[ops.where(mine, 0.0, z - wanted) for mine, z in zip(own, logits, strict=True)])
    i = checked_index(target, len(logits), f"a class of {name}")
    return ops.logsumexp(*[0.0 if k == i else z - logits[i] for k, z in enumerate(logits)])


def _kl_divergence(name: str, logits: list[Any], target: Any) -> Any:
    if not is_list(target):
        raise TypeError(f"a target of {name} is a list of probabilities, got {target!r:.60}")
    p = _probabilities(name, logits, target)
    return _mixed(p, [ops.log(ops.where(x, x, 1.0)) - q for x, q in zip(p, log_softmax(logits), strict=True)])


def _mixed(weights: Sequence[Any], xs: Sequence[Any]) -> Any:
    """Compute Σ w·x, in which a weight of 0 leaves out an infinite x, too."""
    terms = []
    for w, x in zip(weights, xs, strict=True):
        if w.__class__ is not float:
            terms.append(ops.where(w, w * x, 0.0))
        elif w:
            terms.append(x if w == 1 else w * x)
    return reduce(add, terms)


def _probabilities(name: str, logits: list[Any], target: Any) -> list[Any]:
    p = [*map(_number, target)]
    if len(p) != len(logits):
        raise ValueError(f"{name} takes a probability for each of {counted(len(logits), 'logit')}, got {len(p)}")
    known = [x for x in p if x.__class__ is float]
    if known and not min(known) >= 0:
        raise ValueError(f"a target of {name} has no probability below 0, got {min(known)!r}")
    if len(known) == len(p) and not abs(sum(known) - 1) <= 1e-6:
        raise ValueError(f"the probabilities of a target of {name} sum to 1, got {sum(known)!r}")
    return p


def _of_numbers(
    name: str, f: Callable[[Any, Any], Any], input: Any, target: Any, reduction: str | None, sample_weight: Any
) -> Any:
    """Reduce a loss of two numbers over samples, and over the numbers of each."""
    if not is_list(input) and not is_list(target):
        return _reduced(name, None, f(_number(input), _number(target)), reduction, sample_weight)
    pairs = _paired(name, rows_of(input), rows_of(target))
    return _reduced(name, [_at(i, partial(_mean_of, name, f), *p) for i, p in enumerate(pairs)], None, reduction,
                    sample_weight)  # fmt: skip


def _mean_of(name: str, f: Callable[[Any, Any], Any], y: Any, t: Any) -> Any:
    if not is_list(y) and not is_list(t):
        return f(_number(y), _number(t))
    losses = [_mean_of(name, f, *pair) for pair in _paired(name, y, t)]
    return reduce(add, losses) / len(losses) if len(losses) > 1 else losses[0]


def _of_rows(
    name: str, f: Callable[[str, list[Any], Any], Any], input: Any, target: Any, reduction: str | None, weight: Any
) -> Any:
    """Reduce a loss of a list of logits over samples."""
    input = rows_of(input)
    if not is_list(input):
        raise TypeError(f"{name} takes a list of logits, one for each class, got {input!r:.60}")
    if not len(input) or not is_list(next(iter(input))):
        return _reduced(name, None, f(name, _logits(name, input), target), reduction, weight)
    pairs = _paired(name, input, rows_of(target))
    losses = [_at(i, lambda z, t: f(name, _logits(name, z), t), *pair) for i, pair in enumerate(pairs)]
    return _reduced(name, losses, None, reduction, weight)


def _logits(name: str, row: Any) -> list[Any]:
    if len(row) < 2:
        hint = "" if not len(row) else ": of one logit there is binary_cross_entropy_with_logits"
        raise ValueError(f"{name} takes logits of two classes or more, got {len(row)}{hint}")
    return [*map(_number, row)]


def _at(i: int, f: Callable[[Any, Any], Any], y: Any, t: Any) -> Any:
    """Compute the loss of sample i, which an error names."""
    try:
        return f(y, t)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise type(error)(f"sample {i}: {error}") from None


def _paired(name: str, input: Any, target: Any) -> list[tuple[Any, Any]]:
    if not (is_list(input) and is_list(target)):
        shapes = [counted(len(x), "item") if is_list(x) else "a number" for x in (input, target)]
        raise ValueError(f"{name} takes a target for each input, got {shapes[0]} and as target {shapes[1]}")
    if len(input) != len(target):
        raise ValueError(
            f"{name} takes a target for each input, got {counted(len(input), 'input')} "
            f"and {counted(len(target), 'target')}"
        )
    if not len(input):
        raise ValueError(f"{name} takes one input or more, got none")
    return [*zip(input, target, strict=True)]


def _reduced(name: str, losses: list[Any] | None, one: Any, reduction: str | None, sample_weight: Any) -> Any:
    """Reduce the losses of samples, or the loss of one."""
    if reduction not in ("mean", "sum", "none", None):
        raise ValueError(f'reduction of {name} is "mean", "sum" or None, got {reduction!r:.60}')
    found = [one] if losses is None else losses
    total: Any = float(len(found))
    if sample_weight is not None:
        weights = _weights(name, found, sample_weight if is_list(sample_weight) else [sample_weight])
        total = reduce(add, weights)
        if total.__class__ is float and total == 0 and reduction == "mean":
            raise ValueError(f"sample_weight of {name} is 0 for every sample: there is no mean")
        found = [loss * w for loss, w in zip(found, weights, strict=True)]
    if reduction in ("none", None):
        return found[0] if losses is None else found
    y = reduce(add, found)
    return y / total if reduction == "mean" and not (total.__class__ is float and total == 1) else y


def _weights(name: str, losses: list[Any], sample_weight: Any) -> list[Any]:
    weights = [*map(_number, sample_weight)]
    if len(weights) != len(losses):
        got = f"{counted(len(losses), 'sample')} and {counted(len(weights), 'weight')}"
        raise ValueError(f"{name} takes a weight for each sample, got {got}")
    for i, w in enumerate(weights):
        if w.__class__ is float and not 0 <= w < float("inf"):
            raise ValueError(f"sample_weight[{i}] of {name} is finite and not negative, got {w!r}")
    return weights


def _number(x: Any) -> Any:
    return x if isinstance(x, Operand) else real(x)

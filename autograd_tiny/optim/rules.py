"""The table of optimisers: one row holds a scalar rule, its slots and its hyper-parameters.

    adam(p, g, m, v, step, lr, beta1, beta2, eps, weight_decay) → (p, m, v)

A rule is a plain function of numbers: parameter, gradient, slots, the number of updates before this one (0 at the
first), learning rate, hyper-parameters. It returns the new parameter and the new slots. It uses only arithmetic and
ops, and never branches, so that it takes floats, arrays by `jit` and Values alike: step through it, draw it, check it.
To add an optimiser, write its rule and its row here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from math import inf
from typing import Any

from autograd_tiny.engine import ops
from autograd_tiny.engine.spelling import Interval

Scalar = Any  # a float, a Value, a traced number, …
POSITIVE, NON_NEGATIVE, DECAY = Interval(0, inf), Interval(0, inf, "[)"), Interval(0, 1, "[)")


@dataclass(frozen=True, eq=False)
class Rule:
    """A row of the table: a scalar rule, its slots with their first values, its hyper-parameters.

    >>> def signed(p, g, step, lr, floor):
    ...     return (p - lr * ops.maximum(ops.sign(g), floor),)
    >>> mine = Rule(signed, lr=0.1, slots={}, hyper={"floor": (-1.0, Interval(-1, 0, "[]"))})
    >>> mine.formula(2.0, -3.0, 0, 0.1, -1.0)
    (2.1,)

    `hyper` has for each hyper-parameter its default and the interval it lies in, in the order of the formula. Raises
    TypeError unless the formula takes p, g, the slots, step, lr and the hyper-parameters, in this order.
    """

    formula: Callable[..., tuple[Any, ...]]
    lr: float
    slots: dict[str, float]
    hyper: dict[str, tuple[float, Interval]]

    def __post_init__(self) -> None:
        takes, says = [*signature(self.formula).parameters], ["p", "g", *self.slots, "step", "lr", *self.hyper]
        if takes != says:
            raise TypeError(f"{self.name} takes ({', '.join(takes)}), and its row says ({', '.join(says)})")

    @property
    def name(self) -> str:
        return self.formula.__name__


def sgd(p: Scalar, g: Scalar, step: Scalar, lr: Scalar, weight_decay: Scalar) -> tuple[Any, ...]:
    """Stochastic gradient descent: p − lr·g, with g + weight_decay·p for g (Robbins and Monro, 1951).

    >>> sgd(1.0, 2.0, 0, 0.1, 0.0)
    (0.8,)
    """
    return (p - lr * (g + weight_decay * p),)


def momentum(
    p: Scalar, g: Scalar, m: Scalar, step: Scalar, lr: Scalar, momentum: Scalar, weight_decay: Scalar
) -> tuple[Any, ...]:
    """Heavy ball: m ← momentum·m + g, p ← p − lr·m (Polyak, Some methods of speeding up …, 1964).

    As in PyTorch, lr multiplies m, not g, so that a new lr moves the next step as a whole.

    >>> momentum(1.0, 2.0, 1.0, 0, 0.1, 0.5, 0.0)
    (0.75, 2.5)
    """
    m = momentum * m + (g + weight_decay * p)
    return p - lr * m, m


def nesterov(
    p: Scalar, g: Scalar, m: Scalar, step: Scalar, lr: Scalar, momentum: Scalar, weight_decay: Scalar
) -> tuple[Any, ...]:
    """Look ahead by the momentum: m ← momentum·m + g, p ← p − lr·(g + momentum·m) (Nesterov, 1983).

    The form that takes the gradient at p itself is that of Sutskever et al., On the importance of initialization and
    momentum in deep learning, 2013.

    >>> nesterov(1.0, 2.0, 1.0, 0, 0.1, 0.5, 0.0)
    (0.675, 2.5)
    """
    g = g + weight_decay * p
    m = momentum * m + g
    return p - lr * (g + momentum * m), m


def adam(
    p: Scalar,
    g: Scalar,
    m: Scalar,
    v: Scalar,
    step: Scalar,
    lr: Scalar,
    beta1: Scalar,
    beta2: Scalar,
    eps: Scalar,
    weight_decay: Scalar,
) -> tuple[Any, ...]:
    """Means of g and g², each divided by 1 − βᵗ: p − lr·m̂/(√v̂ + ε), ε outside of the root (Kingma and Ba, 2015).

    t is step + 1; weight_decay·p is added to g, so that it passes through the means. See `adamw`.

    >>> adam(1.0, 2.0, 0.0, 0.0, 0, 0.1, 0.9, 0.999, 1e-8, 0.0)
    (0.9000000005, 0.19999999999999996, 0.0040000000000000036)
    """
    g = g + weight_decay * p
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * (g * g)
    root = ops.sqrt(v) / ops.sqrt(1 - beta2 ** (step + 1))
    return p - lr / (1 - beta1 ** (step + 1)) * (m / (root + eps)), m, v


def adamw(
    p: Scalar,
    g: Scalar,
    m: Scalar,
    v: Scalar,
    step: Scalar,
    lr: Scalar,
    beta1: Scalar,
    beta2: Scalar,
    eps: Scalar,
    weight_decay: Scalar,
) -> tuple[Any, ...]:
    """Adam on p·(1 − lr·weight_decay): the decay is decoupled from the means (Loshchilov and Hutter, 2019).

    >>> round(adamw(1.0, 2.0, 0.0, 0.0, 0, 0.1, 0.9, 0.999, 1e-8, 0.5)[0], 6)
    0.85
    """
    return adam(p * (1 - lr * weight_decay), g, m, v, step, lr, beta1, beta2, eps, 0.0)


def rmsprop(
    p: Scalar, g: Scalar, v: Scalar, step: Scalar, lr: Scalar, alpha: Scalar, eps: Scalar, weight_decay: Scalar
) -> tuple[Any, ...]:
    """Divide by the root of a mean of g²: p − lr·g/(√v + ε), ε outside of the root (Hinton, lecture 6e, 2012).

    >>> rmsprop(1.0, 2.0, 0.0, 0, 0.1, 0.75, 1e-8, 0.0)
    (0.800000002, 1.0)
    """
    g = g + weight_decay * p
    v = alpha * v + (1 - alpha) * (g * g)
    return p - lr * (g / (ops.sqrt(v) + eps)), v


def adagrad(
    p: Scalar, g: Scalar, v: Scalar, step: Scalar, lr: Scalar, eps: Scalar, weight_decay: Scalar
) -> tuple[Any, ...]:
    """Divide by the root of the sum of all g²: p − lr·g/(√v + ε), ε outside of the root (Duchi et al., 2011).

    >>> adagrad(1.0, 2.0, 0.0, 0, 0.1, 1e-10, 0.0)
    (0.900000000005, 4.0)
    """
    g = g + weight_decay * p
    v = v + g * g
    return p - lr * (g / (ops.sqrt(v) + eps)), v


def lion(
    p: Scalar, g: Scalar, m: Scalar, step: Scalar, lr: Scalar, beta1: Scalar, beta2: Scalar, weight_decay: Scalar
) -> tuple[Any, ...]:
    """Move by the sign of β₁·m + (1 − β₁)·g, then m ← β₂·m + (1 − β₂)·g; no ε (Chen et al., 2023, algorithm 2).

    Weight decay is decoupled, as in `adamw`: p·(1 − lr·weight_decay).

    >>> lion(1.0, 2.0, 1.0, 0, 0.1, 0.9, 0.75, 0.0)
    (0.9, 1.25)
    """
    move = ops.sign(beta1 * m + (1 - beta1) * g)
    return p * (1 - lr * weight_decay) - lr * move, beta2 * m + (1 - beta2) * g


# fmt: off
_m, _v, _mv = {"m": 0.0}, {"v": 0.0}, {"m": 0.0, "v": 0.0}
_L2 = {"weight_decay": (0.0, NON_NEGATIVE)}
_ball = {"momentum": (0.9, DECAY), **_L2}
_means = {"beta1": (0.9, DECAY), "beta2": (0.999, DECAY), "eps": (1e-8, POSITIVE)}
TABLE = {rule.name: rule for rule in (
    # formula  lr    slots  hyper-parameters
    Rule(sgd,      1e-3, {},  _L2),
    Rule(momentum, 1e-3, _m,  _ball),
    Rule(nesterov, 1e-3, _m,  _ball),
    Rule(adam,     1e-3, _mv, {**_means, **_L2}),
    Rule(adamw,    1e-3, _mv, {**_means, "weight_decay": (0.01, NON_NEGATIVE)}),
    Rule(rmsprop,  1e-2, _v,  {"alpha": (0.99, DECAY), "eps": (1e-8, POSITIVE), **_L2}),
    Rule(adagrad,  1e-2, _v,  {"eps": (1e-10, POSITIVE), **_L2}),
    Rule(lion,     1e-4, _m,  {"beta1": (0.9, DECAY), "beta2": (0.99, DECAY), **_L2}),
)}
# fmt: on

"""Parameters of the estimators for scikit-learn: which are right, and what they ask for."""

from __future__ import annotations

import math
from collections.abc import Callable
from inspect import signature
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

import numpy as np

from autograd_tiny.engine import ops
from autograd_tiny.engine.op import TABLE
from autograd_tiny.engine.special import in_a_line
from autograd_tiny.optim import SGD, Optimizer, rules

ACTIVATIONS = {"identity": "pos", "logistic": "sigmoid"}  # scikit-learn's name: name in the op table
RATES = ["learning_rate_init", "momentum", "nesterovs_momentum", "beta_1", "beta_2", "epsilon"]  # of an optimizer


def sizes_of(hidden: Any) -> list[int]:
    """Return the sizes of the hidden layers.

    >>> sizes_of(8), sizes_of((16, 16)), sizes_of([])
    ([8], [16, 16], [])
    """
    return [int(n) for n in (hidden if np.iterable(hidden) else [hidden])]


def activation_of(name: str) -> Any:
    """Return the op of a name of scikit-learn's or of the op table."""
    return TABLE[ACTIVATIONS.get(name, name)]


def optimizer_of(estimator: Any) -> Optimizer:
    """Return the optimizer that `solver` names or is; for lbfgs, one that is not used."""
    x = estimator
    if isinstance(x.solver, Optimizer):
        return x.solver
    if x.solver == "sgd":
        return SGD(lr=x.learning_rate_init, momentum=x.momentum, nesterov=bool(x.nesterovs_momentum and x.momentum))
    return Optimizer(ADAM, None, x.learning_rate_init, beta1=x.beta_1, beta2=x.beta_2, eps=x.epsilon)


def scikit_learn_adam(
    p: Any, g: Any, m: Any, v: Any, step: Any, lr: Any, beta1: Any, beta2: Any, eps: Any
) -> tuple[Any, ...]:
    """Adam with ε beside √v, not √v̂: the form at the end of section 2 of Kingma and Ba, 2015.

    >>> scikit_learn_adam(1.0, 2.0, 0.0, 0.0, 0, 0.1, 0.9, 0.999, 1e-8)[0] == rules.adam(
    ...     1.0, 2.0, 0.0, 0.0, 0, 0.1, 0.9, 0.999, 1e-8 / 0.001**0.5, 0.0
    ... )[0]
    True
    """
    return rules.adam(p, g, m, v, step, lr, beta1, beta2, eps / ops.sqrt(1 - beta2 ** (step + 1)), 0.0)


_adam = rules.TABLE["adam"]
ADAM = rules.Rule(scikit_learn_adam, _adam.lr, _adam.slots, {x: _adam.hyper[x] for x in ("beta1", "beta2", "eps")})


def first_weights(sizes: list[int], activation: str, random: Any) -> Any:
    """Draw weights as scikit-learn does, uniform within √(6 / (fan_in + fan_out)), in the order of a Module.

    The bound has 2 instead of 6 for "logistic". Source: Glorot and Bengio, Understanding the difficulty of training
    deep feedforward neural networks, 2010, eq. 16.
    """
    found = []
    for nin, nout in pairwise(sizes):
        bound = math.sqrt((2 if activation == "logistic" else 6) / (nin + nout))
        weights, biases = random.uniform(-bound, bound, (nin, nout)), random.uniform(-bound, bound, nout)
        found.append(np.column_stack([weights.T, biases]).ravel())
    return np.concatenate(found)


def checked(estimator: Any) -> None:
    """Raise ValueError for a parameter out of its range, naming it and what would be right."""
    for name, (is_right, expected) in PARAMETERS.items():
        given = getattr(estimator, name)
        if not is_right(given):
            raise ValueError(f"{name} of {type(estimator).__name__} is {in_a_line(given)}, expected {expected}")
    if estimator.learning_rate != "constant":
        raise ValueError(
            f"learning_rate={estimator.learning_rate!r:.60} of {type(estimator).__name__} is not there: a rate that "
            "changes is a function of the step in an optimizer, as in solver=SGD(lr=lambda step: 0.1 / (1 + step))"
        )
    if isinstance(estimator.solver, Optimizer):
        defaults = signature(type(estimator)).parameters
        for name in RATES:
            if getattr(estimator, name) != defaults[name].default:
                told = f"{name}={getattr(estimator, name)!r} stands beside solver={estimator.solver!r}"
                raise ValueError(f"{told}: set it in the optimizer")


def _is_whole(x: Any, least: int = 1) -> bool:
    return isinstance(x, Integral) and not isinstance(x, bool) and int(x) >= least


def _is_number(x: Any) -> bool:
    return isinstance(x, Real) and not isinstance(x, bool) and math.isfinite(x)


def _is_activation(x: Any) -> bool:
    op = TABLE.get(ACTIVATIONS.get(x, x)) if isinstance(x, str) else None
    return op is not None and isinstance(op.partials, tuple) and len(op.partials) - len(op.defaults) == 1


def _is_solver(x: Any) -> bool:
    return isinstance(x, Optimizer) if not isinstance(x, str) else x in ("adam", "sgd", "lbfgs")


Field = tuple[Callable[[Any], bool], str]
FLAG: Field = (lambda x: isinstance(x, (bool, np.bool_)), "True or False")
POSITIVE: Field = (lambda x: _is_number(x) and x > 0, "a number above 0")
NON_NEGATIVE: Field = (lambda x: _is_number(x) and x >= 0, "a number of at least 0")
DECAY: Field = (lambda x: _is_number(x) and 0 <= x < 1, "a number from 0 to below 1")
# fmt: off
PARAMETERS: dict[str, Field] = {
    "hidden_layer_sizes": (lambda x: all(map(_is_whole, x if np.iterable(x) else [x])), "sizes such as (16, 16)"),
    "activation": (_is_activation, "relu, tanh, logistic, identity, or the name of another op of one operand"),
    "solver": (_is_solver, "adam, sgd, lbfgs, or an optimizer such as AdamW(0.01)"),
    "alpha": NON_NEGATIVE,
    "batch_size": (lambda x: _is_whole(x) if not isinstance(x, str) else x == "auto", "an integer from 1, or 'auto'"),
    "learning_rate_init": POSITIVE,
    "power_t": NON_NEGATIVE,
    "max_iter": (_is_whole, "an integer from 1"),
    "shuffle": FLAG,
    "tol": NON_NEGATIVE,
    "warm_start": FLAG,
    "momentum": DECAY,
    "nesterovs_momentum": FLAG,
    "early_stopping": FLAG,
    "validation_fraction": (lambda x: _is_number(x) and 0 < x < 1, "a number between 0 and 1"),
    "beta_1": DECAY,
    "beta_2": DECAY,
    "epsilon": POSITIVE,
    "n_iter_no_change": (lambda x: _is_whole(x) or x == math.inf, "an integer from 1, or infinity"),
    "max_fun": (_is_whole, "an integer from 1"),
}
# fmt: on

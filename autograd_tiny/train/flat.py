"""Parameters of a Module in one flat array of floats, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.tree import is_module
from autograd_tiny.engine.value import Value
from autograd_tiny.optim.parameters import parameters_in


def values_of(model: Any) -> list[Value]:
    """List the parameters of a Module; raise TypeError or ValueError if it is none or holds no Values to train.

    >>> from autograd_tiny.nn import MLP
    >>> len(values_of(MLP(2, [16, 1])))
    65
    """
    if not is_module(model):
        what = f"the class {model.__name__}: write {model.__name__}(…)" if isinstance(model, type) else f"{model!r:.60}"
        raise TypeError(f"training takes a Module, such as MLP(2, [16, 1]) or a class of your own, got {what}")
    return [x for _, x in parameters_in(model, "training")]


def flat(values: list[Value]) -> Any:
    """Return the numbers of Values as one array."""
    return np.array([x.data for x in values], float)


def fill(values: list[Value], numbers: Any) -> None:
    """Set the numbers of Values from an array.

    >>> x = Value(1.0)
    >>> fill([x], np.array([2.0]))
    >>> x.data
    2.0
    """
    if len(values) != len(numbers):
        raise ValueError(f"{counted(len(values), 'parameter')}, but {counted(len(numbers), 'number')}")
    for x, number in zip(values, numbers.tolist(), strict=True):
        x.data = number

"""Schedules: factors of a learning rate, as functions of the step, counted from 0. A product of them is one, too.

    Adam(model.parameters(), lr=lambda step: 1e-3 * warmup(step, 100) * cosine(step, 2000))

A constant learning rate is a float.
"""

from __future__ import annotations

import math
from typing import Any

from autograd_tiny.engine import ops


def warmup(step: Any, steps: int) -> Any:
    """Rise in a line from 1/steps at step 0 to 1 at the last of `steps`, and stay there.

    >>> [warmup(step, 4) for step in range(6)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    """
    return ops.minimum((step + 1) / _at_least(1, steps=steps), 1.0)


def cosine(step: Any, steps: int, floor: float = 0.0) -> Any:
    """Fall along half a cosine from 1 at step 0 to `floor` after `steps`, and stay there (Loshchilov and Hutter, 2017).

    >>> [round(cosine(step, 4), 3) for step in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    turned = ops.cos(math.pi * ops.minimum(step / _at_least(1, steps=steps), 1.0))
    return floor + (1 - _at_least(0, floor=floor)) / 2 * (1 + turned)


def step_decay(step: Any, every: int, factor: float = 0.1) -> Any:
    """Multiply by `factor` after every so many steps.

    >>> [step_decay(step, 2, 0.5) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    return _at_least(0, factor=factor) ** (step // _at_least(1, every=every))


def exponential(step: Any, factor: float) -> Any:
    """Multiply by `factor` after each step.

    >>> [exponential(step, 0.5) for step in range(3)]
    [1.0, 0.5, 0.25]
    """
    return _at_least(0, factor=factor) ** step


def _at_least(least: int, **given: float) -> float:
    ((name, x),) = given.items()
    if not x >= least:
        raise ValueError(f"{name} must be at least {least}, got {x!r:.60}")
    return x

"""Divergence: the first step whose loss, gradient or parameters are not finite, and the op and sample it began at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_tiny.engine.provenance import tracing
from autograd_tiny.engine.value import Value


class Diverged(FloatingPointError):
    """A training has met nan or inf; the Module holds the last parameters with a finite loss and gradient."""


def is_finite(x: Any) -> bool:
    """Return True if all numbers of an array are finite.

    >>> is_finite(np.array([1e200, 1.0])), is_finite(np.array([1.0, np.nan]))
    (True, False)
    """
    return bool(np.isfinite(x).all())


def where_it_began(loss: Callable[[int], Any], rows: Any, finite: Callable[[int], bool]) -> str:
    """Say in which of the samples a loss that is not finite began, and at which op.

    `loss` computes on Values the loss of a sample, given its place in the batch; `finite` says whether compiled code
    gives finite numbers for that sample alone.
    """
    from autograd_tiny.stepper.diagnosis import diagnose  # most trainings never need them
    from autograd_tiny.stepper.traces import trace

    i = next((i for i in range(len(rows)) if not finite(i)), None)
    if i is None:
        return "each sample of the batch has a finite loss and gradient, but their sum has not"
    with tracing() as recording:
        try:
            y = loss(i)
        except (ValueError, ArithmeticError) as error:
            return f"sample {rows[i]}: {error}"
        if not isinstance(y, Value):
            return f"sample {rows[i]} has the loss {y}"
        y.backward()
        found = diagnose(trace(y, recording))
    told = found.symptoms[0].partition("\n")[0] if found else "the sum of its gradients overflows"
    return f"sample {rows[i]}: {told}"

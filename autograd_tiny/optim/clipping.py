"""Gradients clipped by their global norm, of Values and of an array."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from autograd_tiny.engine.special import in_a_line
from autograd_tiny.engine.tree import is_array
from autograd_tiny.optim.parameters import gradients_of, parameters_in


def clip_grad_norm_(parameters: Any, max_norm: float) -> float:
    """Scale the gradients of all parameters so that their norm is at most `max_norm`; return the norm before.

    >>> from autograd_tiny import Value
    >>> a, b = Value(3.0), Value(4.0)
    >>> ((a * a + b * b) / 2).backward()
    >>> clip_grad_norm_([a, b], 1.0), round(a.grad, 3), round(b.grad, 3)
    (5.0, 0.6, 0.8)

    The factor is max_norm/(norm + 1e-6), as in PyTorch. Raises ValueError, naming the parameter, for a gradient that is
    nan or infinite.
    """
    found = gradients_of(parameters_in(parameters, "clip_grad_norm_"))
    norm = math.hypot(*[g for _, _, g in found])
    factor = _factor(norm, max_norm)
    if factor < 1:
        for _, x, g in found:
            x.grad = g * factor
    return norm


def clip_norm_(gradients: Any, max_norm: float) -> float:
    """Scale an array of gradients in place, as `clip_grad_norm_` does; return the norm before.

    >>> import numpy as np
    >>> g = np.array([3.0, 4.0])
    >>> clip_norm_(g, 1.0), g.round(3)
    (5.0, array([0.6, 0.8]))

    Gradients with nan or infinity stay as they are, and the norm is the same.
    """
    if not is_array(gradients):
        raise TypeError(f"clip_norm_ takes an array, got {in_a_line(gradients)}: clip_grad_norm_ takes Values")
    largest = float(abs(gradients).max(initial=0.0))
    if not 0 < largest < math.inf:
        return largest
    flat = gradients.ravel() / largest  # no square overflows
    norm = largest * math.sqrt(flat @ flat)
    factor = _factor(norm, max_norm)
    if factor < 1:
        gradients *= factor
    return norm


def _factor(norm: float, max_norm: float) -> float:
    if not (isinstance(max_norm, Real) and max_norm > 0):
        raise ValueError(f"max_norm must be above 0, got {max_norm!r:.60}")
    return float(max_norm) / (norm + 1e-6)

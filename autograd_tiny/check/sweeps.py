"""Sweeps that leave the gradients of other people's Values as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from autograd_tiny.engine.value import Value, topological_order


@contextmanager
def from_zero(y: Value) -> Iterator[None]:
    """Clear the gradients of the leaves of y, so that a sweep adds to nothing, and put all gradients back at the end.

    >>> w = Value(2.0)
    >>> w.grad = 5.0
    >>> y = w * 3
    >>> with from_zero(y):
    ...     y.backward()
    ...     w.grad
    3.0
    >>> w.grad
    5.0
    """
    before = [(v, v.grad) for v in topological_order(y)]
    for v, _ in before:
        if v.op is None:
            v.grad = 0.0
    try:
        yield
    finally:
        for v, g in before:
            v.grad = g

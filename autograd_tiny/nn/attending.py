"""Softmax, and attention on lists of numbers."""

from __future__ import annotations

from functools import reduce
from math import sqrt
from operator import add
from typing import Any

from autograd_tiny.engine import ops
from autograd_tiny.engine.digits import counted
from autograd_tiny.nn.inputs import is_list


def softmax(x: Any) -> list[Any]:
    """Compute the numbers eˣⁱ/Σeˣʲ, which sum to 1: the derivatives of logsumexp; large numbers do not overflow.

    >>> softmax([0.0, 0.0]), softmax([1000.0, -1000.0])
    ([0.5, 0.5], [1.0, 0.0])
    """
    y = ops.logsumexp(*x)
    return [*ops.logsumexp.local_derivatives(y, tuple(x))]


def log_softmax(x: Any) -> list[Any]:
    """Compute the logarithms of `softmax`, finite where it underflows.

    >>> log_softmax([1000.0, -1000.0])
    [0.0, -2000.0]
    """
    y = ops.logsumexp(*x)
    return [xi - y for xi in x]


def attention(query: Any, key: Any, value: Any, *, is_causal: bool = False) -> list[list[Any]]:
    """Compute for each query the mean of the values, weighted by the softmax of query·key/√n, n numbers in a key.

    >>> attention([[0.0], [9.0]], [[1.0], [-1.0]], [[1.0, 4.0], [3.0, 8.0]])[0]
    [2.0, 6.0]
    >>> attention([[0.0], [9.0]], [[1.0], [-1.0]], [[1.0, 4.0], [3.0, 8.0]], is_causal=True)[0]  # the first value alone
    [1.0, 4.0]

    Each argument is a list of rows of numbers, a row per token. With `is_causal`, query i sees the keys 0 … i. Raises
    ValueError unless there is a value for each key and all queries and keys have the same length.
    Source: Vaswani et al., Attention Is All You Need, 2017, eq. 1.
    """
    for name, rows in (("query", query), ("key", key), ("value", value)):
        if not (is_list(rows) and len(rows) and all(is_list(row) and len(row) for row in rows)):
            raise ValueError(f"{name} of attention is a list of rows of numbers, got {rows!r:.60}")
    lengths = [*map(len, query), *map(len, key)]
    if len(set(lengths)) > 1:
        raise ValueError(f"queries and keys of attention have one length, got {min(lengths)} and {max(lengths)}")
    if len(key) != len(value):
        raise ValueError(f"attention takes a value for each key, got {counted(len(key), 'key')} and {len(value)}")
    widths = {len(row) for row in value}
    if len(widths) > 1:
        raise ValueError(f"values of attention have one length, got {min(widths)} and {max(widths)}")
    scale, found = 1 / sqrt(lengths[0]), []
    for i, q in enumerate(query):
        seen = i + 1 if is_causal else len(key)
        weights = softmax([_dot(q, k) * scale for k in key[:seen]])
        found.append([_dot(weights, column) for column in zip(*value[:seen], strict=True)])
    return found


def _dot(xs: Any, ys: Any) -> Any:
    return reduce(add, [x * y for x, y in zip(xs, ys, strict=True)])

"""Normalisations with PyTorch's names and arguments: `LayerNorm` and `RMSNorm`."""

from __future__ import annotations

import sys
from functools import reduce
from operator import add
from typing import Any

from autograd_tiny.engine import ops
from autograd_tiny.engine.value import Value
from autograd_tiny.nn.inputs import by_rows, size
from autograd_tiny.nn.modules import Module


class LayerNorm(Module):
    """Numbers less their mean, over the root of their variance plus eps, times weight plus bias.

    >>> [y.data for y in LayerNorm(2, eps=0.0)([1.0, 3.0])]
    [-1.0, 1.0]

    The variance is that of n numbers, not of n - 1. Weights start at 1, biases at 0. Raises TypeError unless the size
    is a positive integer. Source: Ba, Kiros and Hinton, Layer Normalization, 2016, eq. 4.
    """

    def __init__(self, normalized_shape: int, eps: float = 1e-5, bias: bool = True) -> None:
        self.weight, self.eps = _ones(self, normalized_shape), eps
        self.bias = [Value(0.0) for _ in self.weight] if bias else None
        self.name_parameters()

    def __call__(self, x: Any) -> Any:
        return by_rows(self, self._row, x, len(self.weight))

    def _row(self, x: Any) -> list[Any]:
        mean = reduce(add, x) / len(x)
        centred = [xi - mean for xi in x]
        deviation = ops.sqrt(reduce(add, [c * c for c in centred]) / len(x) + self.eps)
        scaled = [c / deviation * w for c, w in zip(centred, self.weight, strict=True)]
        return [y + b for y, b in zip(scaled, self.bias, strict=True)] if self.bias else scaled

    def __repr__(self) -> str:
        return f"LayerNorm({len(self.weight)}{'' if self.bias else ', bias=False'})"


class RMSNorm(Module):
    """Numbers over the root of the mean of their squares plus eps, times weight.

    >>> [round(y.data, 4) for y in RMSNorm(2)([1.0, 7.0])]
    [0.2, 1.4]

    Weights start at 1; eps is that of a float, as PyTorch's. Raises TypeError unless the size is a positive integer.
    Source: Zhang and Sennrich, Root Mean Square Layer Normalization, 2019, eq. 4.
    """

    def __init__(self, normalized_shape: int, eps: float = sys.float_info.epsilon) -> None:
        self.weight, self.eps = _ones(self, normalized_shape), eps
        self.name_parameters()

    def __call__(self, x: Any) -> Any:
        return by_rows(self, self._row, x, len(self.weight))

    def _row(self, x: Any) -> list[Any]:
        root = ops.sqrt(reduce(add, [xi * xi for xi in x]) / len(x) + self.eps)
        return [xi / root * w for xi, w in zip(x, self.weight, strict=True)]

    def __repr__(self) -> str:
        return f"RMSNorm({len(self.weight)})"


def _ones(module: Module, n: Any) -> list[Value]:
    if size(n) < 1:
        name = type(module).__name__
        raise TypeError(f"{name}(normalized_shape) takes a size such as {name}(16), got {name}({n!r:.60})")
    return [Value(1.0) for _ in range(size(n))]

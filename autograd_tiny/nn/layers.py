"""Layers with PyTorch's names and arguments: `Linear`, `Sequential`, `Embedding`, `Dropout`.

Each takes the numbers of one sample or token, or lists of such rows, as PyTorch's take more axes.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from math import sqrt
from typing import Any

from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.op import Op, real
from autograd_tiny.engine.value import Value
from autograd_tiny.nn.init import Seed, generator, kaiming_uniform_, normal_, uniform_
from autograd_tiny.nn.inputs import by_rows, chosen, is_list, size
from autograd_tiny.nn.modules import Module


class Linear(Module):
    """A linear layer, yᵢ = Σⱼ weight[i][j]·xⱼ + bias[i]; its outputs are a list, also of one.

    >>> layer = Linear(2, 3, seed=0)
    >>> layer, [name for name, _ in layer.named_parameters()][:3]
    (Linear(2, 3), ['weight[0][0]', 'weight[0][1]', 'weight[1][0]'])
    >>> len(layer([1.0, -1.0])), len(layer([[1.0, -1.0], [0.5, 2.0]]))  # one sample; two rows
    (3, 2)

    Weights and biases start uniform in ±1/√in_features, as PyTorch's. Raises TypeError unless the sizes are positive
    integers; a call raises ValueError unless it gets `in_features` numbers.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, *, seed: Seed = None) -> None:
        if min(size(in_features), size(out_features)) < 1:
            raise TypeError(
                "Linear(in_features, out_features) takes sizes such as Linear(2, 16), "
                f"got Linear({in_features!r:.60}, {out_features!r:.60})"
            )
        rng, bound = generator(seed), 1 / sqrt(in_features)
        self.weight = kaiming_uniform_(_values(out_features, in_features), a=sqrt(5), seed=rng)
        self.bias = uniform_([Value(0.0) for _ in range(out_features)], -bound, bound, seed=rng) if bias else None
        self.name_parameters()

    def __call__(self, x: Any) -> Any:
        return by_rows(self, self._row, x, len(self.weight[0]))

    def _row(self, x: Any) -> list[Any]:
        outputs = []
        for i, row in enumerate(self.weight):
            total = self.bias[i] if self.bias else None
            for w, xj in zip(row, x, strict=True):
                total = w * xj if total is None else total + w * xj
            outputs.append(total)
        return outputs

    def __repr__(self) -> str:
        return f"Linear({len(self.weight[0])}, {len(self.weight)}{'' if self.bias else ', bias=False'})"


class Sequential(Module):
    """Layers one after another; an op, such as `ops.tanh`, is applied to each number, a function to the whole.

    >>> from autograd_tiny import ops
    >>> model = Sequential(Linear(2, 3, seed=0), ops.tanh, Linear(3, 1, seed=1))
    >>> model, model.parameters()[0].name
    (Sequential(Linear(2, 3), tanh, Linear(3, 1)), 'layers[0].weight[0][0]')

    A call takes the masks of its `Dropout` layers after x, in their order, and none to evaluate. Raises TypeError for a
    layer that cannot be called; a call raises ValueError for another number of masks.
    """

    def __init__(self, *layers: Callable[..., Any]) -> None:
        for i, layer in enumerate(layers):
            if not callable(layer) or isinstance(layer, type):
                hint = f"the class {layer.__name__}: write {layer.__name__}(…)" if callable(layer) else f"{layer!r:.60}"
                raise TypeError(f"layers[{i}] of Sequential is a Module, an op or a function, got {hint}")
        self.layers = [*layers]
        self.name_parameters()

    def __call__(self, x: Any, *masks: Any) -> Any:
        dropouts = sum(isinstance(layer, Dropout) for layer in self.layers)
        if masks and len(masks) != dropouts:
            raise ValueError(f"{self!r} takes {counted(dropouts, 'mask')}, one for each Dropout, got {len(masks)}")
        left = iter(masks)
        for layer in self.layers:
            if isinstance(layer, Op):
                x = _each(layer, x)
            else:
                x = layer(x, next(left, None)) if isinstance(layer, Dropout) else layer(x)
        return x

    def __repr__(self) -> str:
        names = [x.name if isinstance(x, Op) else getattr(x, "__name__", None) or repr(x) for x in self.layers]
        return f"Sequential({', '.join(names)})"


class Embedding(Module):
    """A table of vectors: a list of `embedding_dim` numbers for an index, a list of them for a list of indices.

    >>> table = Embedding(3, 2, seed=0)
    >>> table(2) == table.weight[2], len(table([0, 2, 2]))
    (True, 3)

    Weights start normal with mean 0 and variance 1. An index that is an input of compiled code chooses by `where` among
    all rows, and is not checked: out of range it gives nan. Raises TypeError for a float, and ValueError for an index
    out of range.
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, *, seed: Seed = None) -> None:
        if min(size(num_embeddings), size(embedding_dim)) < 1:
            raise TypeError(
                "Embedding(num_embeddings, embedding_dim) takes sizes such as Embedding(27, 16), "
                f"got Embedding({num_embeddings!r:.60}, {embedding_dim!r:.60})"
            )
        self.weight = normal_(_values(num_embeddings, embedding_dim), seed=seed)
        self.name_parameters()

    def __call__(self, i: Any) -> Any:
        if is_list(i):
            return [self(k) for k in i]
        return [chosen(i, column, f"the index of {self!r}") for column in zip(*self.weight, strict=True)]

    def __repr__(self) -> str:
        return f"Embedding({len(self.weight)}, {len(self.weight[0])})"


class Dropout(Module):
    """Numbers times a mask of 0 and 1, over 1 - p; without a mask, to evaluate, the numbers as they are.

    >>> dropout = Dropout(0.5)
    >>> mask = dropout.mask(4, seed=1)
    >>> mask, dropout([1.0, 2.0, 3.0, 4.0], mask)
    ([0.0, 1.0, 1.0, 0.0], [0.0, 4.0, 6.0, 0.0])

    The mask is an argument, drawn outside by `mask`, so that compiled code gets a new one with each call. Raises
    ValueError unless 0 ≤ p < 1, and for a mask of another size. Source: Srivastava et al., Dropout, 2014.
    """

    def __init__(self, p: float = 0.5) -> None:
        self.p = real(p)
        if not 0 <= self.p < 1:
            raise ValueError(f"Dropout(p) takes a probability from 0 to below 1, got {p!r:.60}")

    def mask(self, *shape: int, seed: Seed = None) -> Any:
        """Draw a mask, a list or lists of lists of this shape: each number is 0 with probability p, else 1."""
        if min(map(size, shape), default=-1) < 0:
            raise TypeError(f"a mask has a shape such as mask(16) or mask(8, 16), got mask{shape!r:.60}")
        return _drawn(generator(seed), self.p, shape)

    def __call__(self, x: Any, mask: Any = None) -> Any:
        return x if mask is None else self._masked(x, mask)

    def _masked(self, x: Any, mask: Any) -> Any:
        if not is_list(x) and not is_list(mask):
            return x * (mask * (1 / (1 - self.p)))
        if not (is_list(x) and is_list(mask)) or len(x) != len(mask):
            got = [counted(len(y), "item") if is_list(y) else "a number" for y in (x, mask)]
            raise ValueError(f"{self!r} takes a mask as long as x, got {got[0]} and a mask of {got[1]}")
        return [self._masked(a, m) for a, m in zip(x, mask, strict=True)]

    def __repr__(self) -> str:
        return f"Dropout({self.p:g})"


def _values(rows: int, columns: int) -> list[list[Value]]:
    return [[Value(0.0) for _ in range(columns)] for _ in range(rows)]


def _each(f: Callable[[Any], Any], x: Any) -> Any:
    return [_each(f, item) for item in x] if is_list(x) else f(x)


def _drawn(rng: random.Random, p: float, shape: tuple[int, ...]) -> Any:
    if not shape:
        return float(rng.random() >= p)
    return [_drawn(rng, p, shape[1:]) for _ in range(shape[0])]

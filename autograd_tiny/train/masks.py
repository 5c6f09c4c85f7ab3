"""Masks of the Dropout layers of a model: drawn for each batch, one row for each sample."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np

from autograd_tiny.nn import Dropout, Sequential
from autograd_tiny.nn.inputs import is_list
from autograd_tiny.nn.states import modules_in

DEEP = 100  # levels of nested Modules searched for Dropout


class Masks(NamedTuple):
    """The Dropout layers of a model, in their order: the probabilities of a 0 and the sizes of the masks.

    >>> masks = Masks((0.5, 0.0), (2, 1))
    >>> masks.draw(np.random.default_rng(0), 2)
    array([[1., 0., 1.],
           [0., 0., 1.]])
    >>> masks.apart([0.0, 1.0, 1.0])
    [[0.0, 1.0], [1.0]]
    """

    probabilities: tuple[float, ...]
    sizes: tuple[int, ...]

    def draw(self, generator: Any, n: int) -> Any:
        """Draw the masks of n samples as one array, a row for each sample; None if there are no layers."""
        if not self.sizes:
            return None
        drawn = [generator.random((n, size)) >= p for p, size in zip(self.probabilities, self.sizes, strict=True)]
        return np.concatenate(drawn, axis=1).astype(float)

    def apart(self, mask: Any) -> list[Any]:
        """Split the row of one sample among the layers."""
        return [mask[i:j] for i, j in pairwise(accumulate(self.sizes, initial=0))] if len(mask) else []


def masks_of(model: Any, x: Any) -> Masks:
    """Return the masks that a model takes; the layers before a Dropout run on the sample x to find its size.

    >>> from autograd_tiny.nn import Linear
    >>> masks_of(Sequential(Linear(2, 3), Dropout(0.5)), [0.0, 0.0])
    Masks(probabilities=(0.5,), sizes=(3,))

    Raises TypeError for a Dropout elsewhere than in a Sequential that is the model itself.
    """
    layers = model.layers if isinstance(model, Sequential) else []
    for path, inner in modules_in(model, DEEP):
        if isinstance(inner, Dropout) and not any(inner is x for x in layers):
            raise TypeError(
                f"{path} is {inner!r}: masks are drawn for the layers of a Sequential that is the whole model; "
                "put it there, or write the steps yourself, with jit(value_and_grad(…)) and masks as an argument"
            )
    found = [(i, layer.p) for i, layer in enumerate(layers) if isinstance(layer, Dropout)]
    sizes = []
    for i, _ in found:
        at = Sequential(*layers[:i])(x)
        if not is_list(at) or any(map(is_list, at)):
            raise TypeError(f"layers[{i}] is {layers[i]!r}, and gets no list of numbers here")
        sizes.append(len(at))
    return Masks(tuple(p for _, p in found), tuple(sizes))

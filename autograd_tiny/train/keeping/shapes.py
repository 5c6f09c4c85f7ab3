"""The parameters of a Module as arrays by name, and back: lists of numbers by their shape, all else one by one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from autograd_tiny.nn.states import differences, lists_in, shown, size_of
from autograd_tiny.train.keeping.formats import Arrays


def places_of(module: Any) -> Arrays:
    """Return for each list of parameters an array of their places in the order of `parameters()`, by its name.

    >>> from autograd_tiny.nn import Linear
    >>> places_of(Linear(2, 3))
    {'weight': array([[0, 1],
           [2, 3],
           [4, 5]]), 'bias': array([6, 7, 8])}

    A single parameter is an array without axes, and so is each number of a ragged list, by its own name. With all
    parameters in one array, ``flat[places]`` is the list.
    """
    return _places(module, module.named_parameters())


def _places(module: Any, named: list[tuple[str, Any]]) -> Arrays:
    names = [name for name, _ in named]
    found: Arrays = {}
    for stem, places in lists_in(names).items():
        items = sorted(places.items())
        axes = {len(place) for place, _ in items}
        shape = tuple(max(k) + 1 for k in zip(*places, strict=False))
        if len(axes) == 1 and math.prod(shape) == len(items):
            found[stem] = np.array([i for _, i in items]).reshape(shape)
        else:
            found |= {names[i]: np.array(i) for _, i in items}
    if sum(places.size for places in found.values()) != len(names):
        raise ValueError(f"two parameters of {shown(module, 60)} have one name")
    return found


def arrays_of(module: Any, flat: Any = None) -> Arrays:
    """Return the parameters of a Module as arrays of float64 by name, or the numbers of `flat` in their places.

    >>> from autograd_tiny.nn import MLP
    >>> {name: x.shape for name, x in arrays_of(MLP(2, [1])).items()}
    {'layers[0].neurons[0].w': (2,), 'layers[0].neurons[0].b': ()}
    """
    named = module.named_parameters()
    flat = np.array([p.data for _, p in named] if flat is None else flat, float)
    return {name: np.asarray(flat[places]) for name, places in _places(module, named).items()}


def flat_of(module: Any, arrays: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    """Return arrays by name as one flat array in the order of `parameters()`.

    Raises ValueError, naming the lists that differ, unless they are arrays of float64 as `arrays_of` returns.
    """
    return _flat(module, module.named_parameters(), arrays)


def _flat(module: Any, named: list[tuple[str, Any]], arrays: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    places, given = _places(module, named), {name: np.asarray(x) for name, x in arrays.items()}
    ours, theirs = ({name: size_of(x.shape) for name, x in arrays.items()} for arrays in (places, given))
    told = differences(ours, theirs)
    if not told:
        told = ", ".join(f"{name} is of dtype {x.dtype}" for name, x in given.items() if x.dtype != np.float64)
    if told:
        raise ValueError(f"the arrays are not those of {shown(module, 60)}: {told}")
    flat = np.empty(len(named))
    for name, place in places.items():
        flat[place] = given[name]
    return flat


def fill(module: Any, arrays: Mapping[str, Any]) -> None:
    """Set the parameters of a Module to the numbers of arrays by name, all or none; raises as `flat_of` does."""
    named = module.named_parameters()
    for (_, p), x in zip(named, _flat(module, named, arrays).tolist(), strict=True):
        p.data = x

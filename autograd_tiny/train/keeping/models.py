"""`save` and `load`: a model in a file, as data alone, and whatever else belongs to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import autograd_tiny
from autograd_tiny.engine.special import in_a_line
from autograd_tiny.engine.tree import is_module
from autograd_tiny.nn.states import shown
from autograd_tiny.train.keeping.files import read_arrays, write_arrays
from autograd_tiny.train.keeping.formats import Arrays
from autograd_tiny.train.keeping.shapes import arrays_of, fill, flat_of
from autograd_tiny.train.keeping.specs import module_of, spec_of

MORE = "more/"  # begins the names of arrays that are not parameters


def save(path: Any, model: Any, /, **more: Any) -> Path:
    """Write the parameters of a Module to a file of the suffix .safetensors or .json, and return its path.

    >>> import tempfile
    >>> from autograd_tiny.nn import MLP
    >>> model = MLP(2, [16, 1], seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(f"{folder}/xor.safetensors", model, epochs=50)
    ...     load(path).state_dict() == model.state_dict()
    True

    `more` is what JSON knows, or arrays of float64 and int64, and `read_model` returns it. The file replaces an old one
    once it is whole. Raises ValueError for another suffix, a Module without parameters, or a number that is not finite;
    TypeError for anything else that no file holds; OSError where the file cannot be written. An existing file is then
    unchanged.
    """
    arrays = {name: x for name, x in more.items() if isinstance(x, np.ndarray)}
    return write_model(path, model, arrays, {name: x for name, x in more.items() if name not in arrays})


def load(path: Any, model: Any = None) -> Any:
    """Return the model of a file that `save` wrote: a new one, or the given Module with its parameters set.

    A Module of your own class, or with an activation that is not an op, is not described by its file: give one. Raises
    ValueError, and changes nothing, for a file of another model, or one that is not whole.
    """
    return read_model(path, model)[0]


def write_model(path: Any, model: Any, arrays: Mapping[str, Any] | None = None, meta: Any = None) -> Path:
    """Write a Module with other arrays by name and metadata, as `save` does."""
    if not is_module(model):
        raise TypeError(f"save(path, model) takes a Module, got {in_a_line(model)} of type {type(model).__name__}")
    parameters = arrays_of(model)
    if not parameters:
        raise ValueError(f"{path} cannot be written: {shown(model, 60)} has no parameters")
    if strange := [name for name in parameters if name.startswith(MORE)]:
        raise ValueError(f"{path} cannot be written: {strange[0]} is not a name of a parameter")
    own = {"package": autograd_tiny.__version__, "model": shown(model, 200), "spec": spec_of(model), "meta": meta}
    return write_arrays(path, parameters | {MORE + name: x for name, x in (arrays or {}).items()}, own)


def read_model(path: Any, model: Any = None) -> tuple[Any, Arrays, Any]:
    """Return the model of a file as `load` does, the other arrays by name, and the metadata.

    >>> import tempfile
    >>> from autograd_tiny.nn import Linear
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     read_model(save(f"{folder}/line.json", Linear(1, 1), epochs=50, seen=np.arange(2)))
    (Linear(1, 1), {'seen': array([0, 1])}, {'epochs': 50})
    """
    if model is not None and not is_module(model):
        raise TypeError(f"load(path, model) fills a Module, got {in_a_line(model)} of type {type(model).__name__}")
    found, own = read_arrays(path)
    more = {name.removeprefix(MORE): x for name, x in found.items() if name.startswith(MORE)}
    parameters = {name: x for name, x in found.items() if not name.startswith(MORE)}
    try:
        if not isinstance(own, dict) or own.keys() != {"package", "model", "spec", "meta"}:
            raise ValueError("it holds arrays, but no model")
        if model is None:
            if own["spec"] is None:
                raise ValueError(f"{in_a_line(own['model'])} is not of the classes of nn: pass one, load(path, model)")
            model = module_of(own["spec"], sum(x.size for x in parameters.values()))
        else:
            _refuse_another(model, own["spec"], parameters)
        fill(model, parameters)
    except RecursionError:
        raise ValueError(f"{path} cannot be loaded: its spec is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{path} cannot be loaded: {error}") from None
    return model, more, own["meta"]


def _refuse_another(model: Any, theirs: Any, parameters: Arrays) -> None:
    """Refuse a model that has other lists of parameters, or the same ones but computes otherwise."""
    ours = spec_of(model)
    if ours is not None and theirs is not None and ours != theirs:
        flat_of(model, parameters)  # says the lists that differ, if there are some
        raise ValueError(
            f"it holds a model whose {_unlike(ours, theirs)}; to take its numbers all the same, "
            "model.load_state_dict(load(path).state_dict())"
        )


def _unlike(ours: Any, theirs: Any, path: str = "spec") -> str:
    """Say the first place where two specs differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        inside = [(f"{path}.{name}", x, theirs[name]) for name, x in ours.items()]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        inside = [(f"{path}[{i}]", x, theirs[i]) for i, x in enumerate(ours)]
    else:
        return f"{path} is {in_a_line(theirs)} instead of {in_a_line(ours)}"
    return next(_unlike(x, y, at) for at, x, y in inside if x != y)

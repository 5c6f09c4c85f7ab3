"""A Module of the classes of `nn` as a spec: plain data that say how to make one like it, and nothing else.

A spec has the name of a class of the table below and the arguments of its constructor. Activations are rows of the op
table by name, so that no spec leads to code that is not in this package.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any, NamedTuple

from autograd_tiny import nn
from autograd_tiny.engine.op import TABLE, Op
from autograd_tiny.engine.special import in_a_line
from autograd_tiny.engine.tree import COMPUTED

DEEPEST = 50  # Sequential in Sequential
FUNCTIONS = {"softmax": nn.softmax, "log_softmax": nn.log_softmax}  # of all numbers of a layer


def spec_of(module: Any) -> dict[str, Any] | None:
    """Return the spec of a Module, or None if it has none: a class, an activation or an attribute of one's own.

    >>> spec_of(nn.MLP(2, [16, 1]))
    {'class': 'MLP', 'nin': 2, 'nouts': [16, 1], 'activation': 'relu'}
    >>> spec_of(nn.Neuron(2, activation=lambda x: x * x)) is None
    True
    """
    try:
        spec = _read(module)
        is_whole = count(checked(spec)) == len(module.parameters())  # none is shared, removed or a constant
    except (_Own, ValueError, OverflowError, RecursionError):
        return None
    return spec if is_whole else None


def module_of(spec: Any, parameters: int | None = None) -> Any:
    """Make the Module of a spec, with weights of 0; its parameters have the names of the original's.

    >>> model = module_of({"class": "MLP", "nin": 2, "nouts": [16, 1], "activation": "relu"})
    >>> model, model.parameters()[0]
    (MLP(2, [16, 1]), Value(data=0.0, name='layers[0].neurons[0].w[0]'))
    >>> module_of({"class": "Linear", "in_features": 2, "out_features": -1, "bias": True})
    Traceback (most recent call last):
    ValueError: spec.out_features is -1, expected a whole number from 1

    Raises ValueError for a spec that is not one, and, before anything is made, for another number of parameters than
    given.
    """
    found = count(checked(spec))
    if parameters is not None and found != parameters:
        raise ValueError(f"spec is one of {found:,} parameters, expected {parameters:,}")
    return _made(spec)


def checked(spec: Any, path: str = "spec", depth: int = 0) -> Any:
    """Return a spec as it is; raise ValueError, naming the place, for a field that is missing, unknown or wrong."""
    kind = KINDS.get(spec["class"]) if isinstance(spec, dict) and isinstance(spec.get("class"), str) else None
    if kind is None:
        raise ValueError(f"{path} is {in_a_line(spec)}, expected a dict with a class of {', '.join(KINDS)}")
    if spec.keys() != {"class", *kind.fields}:
        raise ValueError(f"{path} has the fields {in_a_line([*spec])}, expected class, {', '.join(kind.fields)}")
    for name, (is_right, expected) in kind.fields.items():
        if not is_right(spec[name]):
            raise ValueError(f"{path}.{name} is {in_a_line(spec[name])}, expected {expected}")
    for i, layer in enumerate(spec.get("layers", ())):
        if depth == DEEPEST:
            raise ValueError(f"a Sequential of the spec is nested more than {DEEPEST} deep")
        if not isinstance(layer, str):
            checked(layer, f"{path}.layers[{i}]", depth + 1)
        elif layer not in FUNCTIONS and not _is_activation(layer):
            raise ValueError(f"{path}.layers[{i}] is {in_a_line(layer)}, expected a spec or the name of an activation")
    return spec


def count(spec: Any) -> int:
    """Return the number of parameters of a spec."""
    kind = KINDS[spec["class"]]
    inside = sum(count(layer) for layer in spec.get("layers", ()) if not isinstance(layer, str))
    return inside + kind.count(*[spec[name] for name in kind.fields])


class _Own(Exception):
    """Raised for a Module, or a part of one, that no spec describes."""


class _Zero(random.Random):
    """Generator of initial weights that draws nothing."""

    def uniform(self, *_: float) -> float:
        return 0.0

    def gauss(self, *_: float) -> float:
        return 0.0


def _made(spec: Any) -> Any:
    if isinstance(spec, str):
        return FUNCTIONS.get(spec) or TABLE[spec]
    kind = KINDS[spec["class"]]
    if "layers" in spec:
        return kind.cls(*map(_made, spec["layers"]))
    arguments = {name: spec[name] for name in kind.fields}
    if "activation" in arguments:
        arguments["activation"] = TABLE[arguments["activation"]]
    return kind.cls(**arguments, **({"seed": _Zero()} if kind.is_drawn else {}))


def _read(module: Any) -> dict[str, Any]:
    kind = KINDS.get(type(module).__name__) or _own()
    if type(module) is not kind.cls or [x for x in vars(module) if x != COMPUTED] != kind.attributes:
        _own()
    return {"class": type(module).__name__, **dict(zip(kind.fields, kind.read(module), strict=True))}


def _neuron(x: nn.Neuron) -> list[Any]:
    return [_length(x.w), bool(x.nonlin), _name(x.activation)]


def _layer(x: nn.Layer) -> list[Any]:
    _, nin, nonlin, activation = _one([_read(neuron) for neuron in _list(x.neurons)]).values()
    return [nin, len(x.neurons), nonlin, activation]


def _mlp(x: nn.MLP) -> list[Any]:
    layers = [_read(layer) for layer in _list(x.layers)]
    nin, *nouts = _list(x.sizes)
    activation = _one([layer["activation"] for layer in layers])
    for i, layer in enumerate(layers):
        expected = (x.sizes[i : i + 2], i + 1 < len(layers))
        if ([layer["nin"], layer["nout"]], layer["nonlin"]) != expected:
            _own()
    return [nin, nouts, activation] if len(nouts) == len(layers) else _own()


def _linear(x: nn.Linear) -> list[Any]:
    nin, nout = _one([_length(row) for row in _list(x.weight)]), len(x.weight)
    if x.bias is not None and _length(x.bias) != nout:
        _own()
    return [nin, nout, x.bias is not None]


def _sequential(x: nn.Sequential) -> list[Any]:
    named = {id(f): name for name, f in FUNCTIONS.items()}
    return [[named.get(id(f)) or (_name(f) if isinstance(f, Op) else _read(f)) for f in _list(x.layers)]]


def _embedding(x: nn.Embedding) -> list[Any]:
    return [len(_list(x.weight)), _one([_length(row) for row in x.weight])]


def _layer_norm(x: nn.LayerNorm) -> list[Any]:
    n = _length(x.weight)
    return [n, _number(x.eps), x.bias is not None] if x.bias is None or _length(x.bias) == n else _own()


def _number(x: Any) -> float:
    return float(x) if isinstance(x, (int, float)) else _own()


def _own() -> Any:
    raise _Own


def _list(x: Any) -> list[Any]:
    return x if type(x) is list else _own()


def _length(x: Any) -> int:
    return len(_list(x))


def _one(xs: list[Any]) -> Any:
    """Return the one thing that a list repeats."""
    return xs[0] if xs and all(x == xs[0] for x in xs) else _own()


def _name(f: Any) -> str:
    return f.name if isinstance(f, Op) and TABLE.get(f.name) is f else _own()


def _is_activation(name: Any) -> bool:
    op = TABLE.get(name) if isinstance(name, str) else None
    return op is not None and isinstance(op.partials, tuple) and len(op.partials) - len(op.defaults) == 1


def _is_size(x: Any, least: int = 1) -> bool:
    return type(x) is int and x >= least


Field = tuple[Callable[[Any], bool], str]
SIZE: Field = (_is_size, "a whole number from 1")
INPUTS: Field = (lambda x: _is_size(x, 0), "a whole number from 0")
SIZES: Field = (lambda x: isinstance(x, list) and bool(x) and all(map(_is_size, x)), "a list of whole numbers from 1")
FLAG: Field = (lambda x: isinstance(x, bool), "True or False")
ACTIVATION: Field = (_is_activation, "the name of an op of one operand, such as 'relu'")
NUMBER: Field = (lambda x: isinstance(x, float) and math.isfinite(x), "a finite float")
PROBABILITY: Field = (lambda x: isinstance(x, float) and 0 <= x < 1, "a float from 0 to below 1")
LAYERS: Field = (lambda x: isinstance(x, list), "a list of specs and names of activations")


class Kind(NamedTuple):
    """A class of Modules: its attributes, the arguments that make it, and how many parameters they give."""

    cls: type
    attributes: list[str]
    fields: dict[str, Field]
    count: Callable[..., int]
    read: Callable[[Any], list[Any]]
    is_drawn: bool = False


# fmt: off
KINDS = {kind.cls.__name__: kind for kind in [
    Kind(nn.Neuron, ["w", "b", "nonlin", "activation"], {"nin": INPUTS, "nonlin": FLAG, "activation": ACTIVATION},
         lambda nin, nonlin, f: nin + 1, _neuron, True),
    Kind(nn.Layer, ["neurons"], {"nin": INPUTS, "nout": SIZE, "nonlin": FLAG, "activation": ACTIVATION},
         lambda nin, nout, nonlin, f: nout * (nin + 1), _layer, True),
    Kind(nn.MLP, ["sizes", "layers"], {"nin": SIZE, "nouts": SIZES, "activation": ACTIVATION},
         lambda nin, nouts, f: sum(n * (m + 1) for m, n in zip([nin, *nouts], nouts, strict=False)), _mlp, True),
    Kind(nn.Linear, ["weight", "bias"], {"in_features": SIZE, "out_features": SIZE, "bias": FLAG},
         lambda nin, nout, bias: nout * (nin + bias), _linear, True),
    Kind(nn.Sequential, ["layers"], {"layers": LAYERS}, lambda layers: 0, _sequential),
    Kind(nn.Embedding, ["weight"], {"num_embeddings": SIZE, "embedding_dim": SIZE},
         lambda n, width: n * width, _embedding, True),
    Kind(nn.LayerNorm, ["weight", "eps", "bias"], {"normalized_shape": SIZE, "eps": NUMBER, "bias": FLAG},
         lambda n, eps, bias: n * (1 + bias), _layer_norm),
    Kind(nn.RMSNorm, ["weight", "eps"], {"normalized_shape": SIZE, "eps": NUMBER},
         lambda n, eps: n, lambda x: [_length(x.weight), _number(x.eps)]),
    Kind(nn.Dropout, ["p"], {"p": PROBABILITY}, lambda p: 0, lambda x: [_number(x.p)]),
]}
# fmt: on

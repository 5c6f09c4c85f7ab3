"""Parameters of an optimizer: the Values in a Module or a container with their names, and their gradients."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Set
from typing import Any

from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.op import real
from autograd_tiny.engine.operand import Operand
from autograd_tiny.engine.special import in_a_line
from autograd_tiny.engine.tree import is_module, kind_of, leaves
from autograd_tiny.engine.value import Value

Named = list[tuple[str, Value]]
_CURE = "pass model.parameters(), or a list of Values"


def parameters_in(given: Any, who: str) -> Named:
    """List the Values in a Module, a list, a dict, pairs of names and Values or any nested container, with names.

    >>> parameters_in({"w": [Value(1.0)], "b": Value(2.0, "bias")}, "adam")
    [("parameters['b'] (bias)", Value(data=2.0, name='bias')), ("parameters['w'][0]", Value(data=1.0))]

    Raises TypeError or ValueError, naming the parameter, if one is not a leaf or is listed twice, or if there is none.
    """
    if isinstance(given, (str, Set)):
        kind = type(given).__name__
        raise TypeError(f"{who} got a {kind}{'' if kind == 'str' else ', which has no order to rely on'}: {_CURE}")
    known = kind_of(given) is not None or isinstance(given, Operand)
    if not known and not isinstance(given, Iterable):
        raise TypeError(f"{who} takes parameters first, got {in_a_line(given)}: {_CURE}")
    items = given if known else list(given)
    found = [*_named(items, who)]
    if not found:
        once = "" if known else " (it can be read only once)"
        raise ValueError(f"{who} got no parameters: {in_a_line(given)} holds none{once}: {_CURE}")
    seen: dict[int, str] = {}
    for name, x in found:
        if x.__class__ is not Value:
            raise TypeError(f"{who}: {name} is {in_a_line(x)} of type {type(x).__name__}, not a Value: write Value(…)")
        if seen.setdefault(id(x), name) is not name:
            raise ValueError(f"{who}: {name} is {seen[id(x)]} again: list each parameter once")
        if x.op is not None and not is_module(given):
            raise ValueError(
                f"{who}: {name} was computed by {x.op.name} and is not a leaf: pass Value(x.data), or the Module that "
                "holds it as a parameter"
            )
    return found


def _named(items: Any, who: str) -> Iterator[tuple[str, Any]]:
    """Yield each number with its name; numbers in a list of pairs and in a Module have names already."""
    if isinstance(items, list) and any(isinstance(x, dict) and "params" in x for x in items):
        raise TypeError(f"{who} takes no groups of parameters: make an optimizer for each group")
    pairs = isinstance(items, list) and all(isinstance(x, tuple) and len(x) == 2 for x in items)
    if pairs and all(isinstance(name, str) for name, _ in items):
        yield from items
    elif is_module(items):
        yield from items.named_parameters()
    else:
        for path, x in leaves(items, "parameters"):
            name = getattr(x, "name", None)
            yield (f"{path} ({name})" if name and not path.endswith(f".{name}") else path), x


def gradients_of(parameters: Named) -> list[tuple[int, Value, float]]:
    """List each parameter that has a gradient, with its place and the gradient.

    Raises ValueError, naming the parameter, for a gradient that is nan or infinite, and TypeError for no number.
    """
    found = []
    for i, (name, x) in enumerate(parameters):
        if x.grad is not None:
            try:
                g = real(x.grad)
            except TypeError as error:
                raise TypeError(f"the gradient of {name}: {error}") from None
            if not math.isfinite(g):
                others = sum(y.grad is not None and not math.isfinite(y.grad) for _, y in parameters) - 1
                more = f", and {counted(others, 'gradient')} more" if others else ""
                raise ValueError(f"the gradient of {name} is {g}{more}: diagnose(loss) says where it began")
            found.append((i, x, g))
    return found

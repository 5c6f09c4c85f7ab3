"""Parameters that a Module makes while a function of it is differentiated: refused, not left out in silence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from autograd_tiny.engine.tree import below, is_array, is_module, kind_of, leaves
from autograd_tiny.engine.value import Value
from autograd_tiny.transforms.tracer import Tracer, captured, is_recording, reached

ADVICE = "make it in __init__, or call the model once before"


@dataclass(frozen=True, slots=True)
class Made:
    """The arguments that hold Modules, as given and as copies with lifted numbers."""

    trees: tuple[Any, ...]
    numbers: Sequence[Any]  # in both at first

    def refuse(self, name: str, order: Sequence[Any], known: Sequence[Any]) -> None:
        """Raise TypeError if one of the order is a leaf that a Module has got since."""
        unknown = {v for v in order if v.op is None}
        if is_recording():  # its other inputs stand for no Value
            met = reached()
            unknown = {v for v in unknown if v.__class__ is not Tracer or v in met}
        if not unknown:
            return
        before = {*self.numbers}
        unknown -= {*known, *before}
        if not unknown:
            return
        for tree in self.trees:
            for path, x in leaves(tree, ""):
                if isinstance(x, Value) and x not in before and (x in unknown or captured(x) in unknown):
                    raise TypeError(told_made(name, path, x))
            for module in modules_in(tree):
                self._refuse_property(name, module, {_number(v) for v in unknown})

    def _refuse_property(self, name: str, module: Any, numbers: set[float]) -> None:
        for kind in type(module).__mro__:
            for attribute, x in vars(kind).items():
                if isinstance(x, property) and (made := _made_anew(x, module)) is not None and made.data in numbers:
                    raise TypeError(
                        f"{name} reads the property {type(module).__name__}.{attribute}, which makes a new parameter, "
                        f"{made!r:.60}, at each reading: {ADVICE}"
                    )


def told_made(name: str, path: str, x: Value) -> str:
    """Say that the function of this name made the parameter x at a path, if that is known."""
    return f"{name} made the parameter {path.lstrip('.') + ' = ' if path else ''}{x!r:.60} as it ran: {ADVICE}"


def refuse_floats(tree: Any, path: str) -> None:
    """Raise TypeError for a Module that has floats and no parameters: the gradient would be empty."""
    if is_module(tree) and not any(True for _ in leaves(tree)) and (found := _first_float(tree)):
        raise TypeError(
            f"{path} is a {type(tree).__name__} without parameters: {found[0]} = {found[1]!r:.40} is a constant, a "
            f"parameter is a Value: Value({found[1]!r:.40})"
        )


def modules_in(tree: Any) -> Iterator[Any]:
    """Yield the Modules of a tree, and those inside them."""
    stack, seen = [tree], dict[int, Any]()
    while stack:
        item = stack.pop()
        if id(item) in seen or isinstance(item, (float, int, str, Value)) or is_array(item):
            continue
        seen[id(item)] = item
        if is_module(item):
            yield item
        kind = kind_of(item)
        stack += [x for _, x in (below(item) if kind is None or is_module(item) else kind.items(item))]


def _first_float(module: Any) -> tuple[str, Any] | None:
    stack, seen = [("", module)], dict[int, Any]()
    while stack:
        path, item = stack.pop()
        if isinstance(item, float):
            return path.lstrip("."), item
        if id(item) not in seen:
            seen[id(item)] = item
            stack += [(path + suffix, x) for suffix, x in reversed([*below(item)])]
    return None


def _made_anew(x: property, module: Any) -> Any:
    """Return what a property made, if it makes a new Value at each reading; else None."""
    try:
        first, second = (x.__get__(module, type(module)) for _ in range(2))
    except Exception:  # a property may need what is not there now
        return None
    new = isinstance(first, Value) and isinstance(second, Value) and first.op is None and first is not second
    return first if new else None


def _number(v: Any) -> Any:
    return v.seen if isinstance(v, Tracer) else v.data

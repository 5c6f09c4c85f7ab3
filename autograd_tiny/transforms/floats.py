"""An argument that is not differentiated is a float, and has no methods of a Value: the error says so."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

from autograd_tiny.engine import ops
from autograd_tiny.engine.tree import leaves


def explain_float(error: AttributeError, f: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Add to the error of ``b.exp()`` on a float which argument the float is, and that ``ops.exp(b)`` is right."""
    x, name = error.obj, error.name
    if not isinstance(x, Real) or name not in ops.TABLE:
        return
    try:
        given = inspect.signature(f).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):  # no signature
        given = {f"argument {i}": argument for i, argument in enumerate(args)} | dict(kwargs)
    found = [(path, leaf) for argument, tree in given.items() for path, leaf in _leaves(tree, argument)]
    same = [path for path, leaf in found if leaf is x]
    equal = [path for path, leaf in found if isinstance(leaf, Real) and leaf == x]  # an array makes its floats anew
    path = same[0] if same else equal[0] if len(equal) == 1 else ""
    why = f"{path} is a float, because argnums does not name its argument" if path else f"the float {x!r} is no Value"
    error.args = (f"{error}: {why}; write ops.{name}({path or 'x'}), which takes floats and Values",)


def _leaves(tree: Any, path: str) -> list[tuple[str, Any]]:
    try:
        return list(leaves(tree, path))
    except TypeError:  # not a tree of numbers: f may take anything
        return []

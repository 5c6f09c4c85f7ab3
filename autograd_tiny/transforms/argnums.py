"""The arguments that a derivative is taken with respect to, by position or by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from operator import index
from typing import Any

from autograd_tiny.engine.digits import counted

Function = Callable[..., Any]
Argnums = int | str | tuple[int | str, ...]  # one argument, or several
Positions = int | tuple[int, ...]


def positional(
    f: Function, args: tuple[Any, ...], kwargs: dict[str, Any], argnums: Argnums
) -> tuple[Function, tuple[Any, ...], dict[str, Any], Positions]:
    """Return the call with every argument of `argnums` at a position, and these positions.

    >>> f, args, kwargs, at = positional(lambda x, *, y: x * y, (3.0,), {"y": 2.0}, "y")
    >>> f(*args, **kwargs), args, at
    (6.0, (3.0, 2.0), 1)

    Raises TypeError, with the parameters of f, for an argument that f does not take or the call does not give.
    """
    if argnums.__class__ is int and 0 <= argnums < len(args):
        return f, args, kwargs, argnums
    name = getattr(f, "__name__", "the function")
    chosen = tuple(argnums) if isinstance(argnums, (tuple, list)) else (argnums,)
    chosen = tuple(index(i) if hasattr(i, "__index__") and not isinstance(i, (int, str)) else i for i in chosen)
    if not all(isinstance(i, (int, str)) and not isinstance(i, bool) for i in chosen):
        raise TypeError(f"argnums={argnums!r}: expected the position of an argument, its name, or a tuple of these")
    if any(isinstance(i, int) and not -len(args) <= i < len(args) for i in chosen):
        given = counted(len(args), "positional argument")
        named = f"; name it: argnums={next(iter(kwargs))!r}" if kwargs else ""
        raise TypeError(f"{name} got {given}: argnums={argnums!r} is out of range{named}")
    at: dict[int | str, int] = {i: i % len(args) for i in chosen if isinstance(i, int)}
    if names := [i for i in chosen if isinstance(i, str)]:
        f, args, kwargs, places = _placed(f, name, args, kwargs, names)
        at.update(places)
    positions = tuple(at[i] for i in chosen)
    if len(set(positions)) != len(positions):
        raise ValueError(f"argnums={argnums!r} names an argument twice")
    return f, args, kwargs, positions if isinstance(argnums, (tuple, list)) else positions[0]


def _placed(
    f: Function, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], names: list[str]
) -> tuple[Function, tuple[Any, ...], dict[str, Any], dict[str, int]]:
    """Return the call with the named arguments at positions, those that are keywords only after all others."""
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):
        raise TypeError(f"{name} has no signature to find argnums={names[0]!r} in: give its position") from None
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    kinds = inspect.Parameter
    ordered = [p.name for p in signature.parameters.values() if p.kind <= kinds.POSITIONAL_OR_KEYWORD]
    keywords = dict(bound.kwargs)
    for wanted in names:
        if wanted not in ordered and wanted not in keywords:
            takes = ", ".join(str(p).partition(":")[0].partition("=")[0] for p in signature.parameters.values())
            raise TypeError(f"argnums={wanted!r} is not an argument of {name}, which takes {takes or 'none'}")
    last = [wanted for wanted in dict.fromkeys(names) if wanted not in ordered]
    args = (*bound.args, *(keywords.pop(wanted) for wanted in last))
    places = {wanted: (ordered + last).index(wanted) for wanted in names}
    if not last:
        return f, args, keywords, places
    count = len(bound.args)
    places |= {wanted: count + i for i, wanted in enumerate(last)}

    def placed(*xs: Any, **others: Any) -> Any:
        return f(*xs[:count], **others, **dict(zip(last, xs[count:], strict=True)))

    return wraps(f)(placed) if hasattr(f, "__name__") else placed, args, keywords, places

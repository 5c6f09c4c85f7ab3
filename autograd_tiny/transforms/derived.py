"""The function that a transform returns: callable, picklable, with the name and signature of the function it is of."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import update_wrapper
from types import MethodType
from typing import Any

Function = Callable[..., Any]


class Derived:
    """A function computed from f by a transform; a copy or a pickle transforms f again.

    >>> import math, pickle
    >>> from autograd_tiny import grad
    >>> pickle.loads(pickle.dumps(grad(math.hypot)))
    <grad of hypot>
    """

    def __init__(self, compute: Function, transform: Function, f: Function, *options: Any) -> None:
        require_function(f, transform.__name__)
        self.compute, self.recipe = compute, (transform, (f, *options))
        if hasattr(f, "__name__"):
            update_wrapper(self, f, updated=())
        self.__wrapped__ = f
        self.__doc__ = f"{transform.__name__} of {_name(f)}."

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.compute(*args, **kwargs)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> Any:
        place: Any = sys.modules.get(getattr(self, "__module__", ""))
        name = getattr(self, "__qualname__", "")
        for part in name.split("."):
            place = getattr(place, part, None)
        return name if place is self else self.recipe  # by name if it took the name of f, as a decorator

    def __repr__(self) -> str:
        return f"<{self.recipe[0].__name__} of {_name(self.__wrapped__)}>"


def require_function(f: Any, transform: str) -> None:
    if not callable(f):
        raise TypeError(f"{transform} takes a function, got {f!r:.60}: write {transform}(f)(x)")


def _name(f: Function) -> str:
    return getattr(f, "__name__", "the function")

"""Pickle functions and their traces, so that a copy in another process does not trace again."""

from __future__ import annotations

import functools
import pickle
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

from autograd_tiny.compiler.variants import Variant, Variants
from autograd_tiny.engine.extras import needed_by

Function = Callable[..., Any]


def portable(f: Function) -> Any:
    """Return f if pickle finds it by its name in another process, else f as bytes made by cloudpickle.

    >>> import math
    >>> portable(math.exp) is math.exp
    True

    Raises ImportError without cloudpickle for lambdas, closures and functions of `__main__`.
    """
    inner: Any = f
    while isinstance(inner, functools.partial) or hasattr(inner, "recipe"):  # what `jit` and `grad` return
        inner = inner.func if isinstance(inner, functools.partial) else inner.__wrapped__
    if not isinstance(inner, types.FunctionType) or _has_name(inner):
        return f  # a method goes with its object, which may hold this very function
    with needed_by(
        f"pickling {getattr(f, '__name__', 'the function')}, a lambda, a closure or a function of __main__,"
    ):
        import cloudpickle
    made: bytes = cloudpickle.dumps(f)
    return made


def _has_name(f: types.FunctionType) -> bool:
    """Return True if another process finds f by its name."""
    try:
        pickle.dumps(f)
    except (pickle.PicklingError, AttributeError):
        return False
    return f.__module__ != "__main__"


def arrived(f: Any) -> Function:
    """Return the function that `portable` made portable."""
    return pickle.loads(f) if isinstance(f, bytes) else f


def packed(known: Mapping[Any, Variants]) -> list[bytes]:
    """Pickle the traces that another process can use: those without Values, and without objects known by identity."""
    found = []
    for key, variants in known.items():
        parts = [(v.recorded, v.conditions, v.held, v.results, v.plain) for v in variants.known]
        if parts and not any(v.captured for v in variants.known):
            try:
                found.append(pickle.dumps((sys.version_info[:2], key, parts)))
            except Exception:  # such as an op that is not in the table: it is traced again
                continue
    return found


def unpacked(kept: list[bytes], new: Callable[[], Variants]) -> dict[Any, Variants]:
    """Return the variants of these traces; those that cannot be read are left out."""
    found = {}
    for data in kept:
        try:
            version, key, parts = pickle.loads(data)
        except Exception:  # such as a class that is not there
            continue
        if version == sys.version_info[:2]:  # code is part of the key
            variants = found[key] = new()
            for recorded, conditions, held, results, plain in parts:
                variants.known.append(Variant(recorded, conditions, held, results, plain, (), variants.build))
    return found

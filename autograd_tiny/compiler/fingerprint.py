"""Text that names a structure of arguments or the surroundings of a function, the same in every process."""

from __future__ import annotations

import enum
import types
from typing import Any

from autograd_tiny.compiler.surroundings import Identity, Key
from autograd_tiny.engine.op import Op
from autograd_tiny.engine.ops import TABLE
from autograd_tiny.engine.value import Value


class Nameless(TypeError):
    """An object that only this process can tell from others."""


def fingerprint(key: Any) -> tuple[str, list[Value]]:
    """Write a key as text; return the Values that it tells by identity as well, in the order in which they are met.

    >>> fingerprint((list, ("[0]", float), frozenset({2, 1})))
    ("(builtins:list ('[0]' builtins:float) {1 2})", [])

    Raises Nameless for an object that counts by identity and is not a Value, such as a function made at run time.
    """
    values: dict[Value, int] = {}
    return _written(key, values), list(values)


def _written(x: Any, values: dict[Value, int]) -> str:
    cls = x.__class__
    if cls is tuple:
        return f"({' '.join([_written(item, values) for item in x])})"
    if cls in _PLAIN:
        return repr(x)
    if cls is frozenset:
        return f"{{{' '.join(sorted([_written(item, values) for item in x]))}}}"
    if isinstance(x, Key):
        return _written(x.content, values)
    if isinstance(x, Identity) and isinstance(x.thing, Value):
        return f"value#{values.setdefault(x.thing, len(values))}"
    if isinstance(x, enum.Enum):
        return f"{_place(cls)}.{x.name}"
    if isinstance(x, Op) and TABLE.get(x.name) is x:
        return f"op:{x.name}"
    if isinstance(x, type) or (isinstance(x, types.BuiltinFunctionType) and isinstance(x.__self__, types.ModuleType)):
        return _place(x)
    raise Nameless(f"{x!r:.60} has no name that another process knows")


_PLAIN = {type(None), bool, int, float, complex, str, bytes, type(...)}


def _place(x: Any) -> str:
    return f"{x.__module__}:{x.__qualname__}"

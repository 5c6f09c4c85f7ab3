"""Read what objects of libraries hold that are no lists, dicts or arrays: views, weak references, tables, …"""

from __future__ import annotations

import os
import threading
import types
import weakref
from collections import ChainMap, UserDict, UserList
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from autograd_tiny.engine import tables
from autograd_tiny.engine.tree import is_table

Reader = Callable[[Any], list[Any]]


def reader_of(x: Any) -> Reader | None:
    """Return the function that lists what x holds at the moment; None for an object that it does not know.

    >>> table = {"k": 2.0}
    >>> view = types.MappingProxyType(table)
    >>> read = reader_of(view)
    >>> table["k"] = 5.0
    >>> read(view)
    ['k', 5.0]
    """
    return _table if is_table(x) else next((read for kinds, read in _READERS if isinstance(x, kinds)), None)


def _table(x: Any) -> list[Any]:
    values = x.to_numpy()
    labels = [repr(axis.tolist()) for axis in x.axes]
    return [*labels, *([values.tobytes()] if tables.is_numeric(x) else values.ravel().tolist())]


_MAPPINGS = (
    types.MappingProxyType,
    ChainMap,
    UserDict,
    type(os.environ),
    weakref.WeakKeyDictionary,
    weakref.WeakValueDictionary,
)
_READERS: tuple[tuple[Any, Reader], ...] = (
    (_MAPPINGS, lambda x: [*x.keys(), *x.values()]),
    (UserList, list),
    (weakref.ref, lambda x: [x()]),
    (ContextVar, lambda x: [x.get(None)]),
    (threading.local, lambda x: [*vars(x), *vars(x).values()]),  # those of this thread
    (memoryview, lambda x: [x.tobytes()]),
)

"""Threads that a function starts, or gives work to, while it is traced or differentiated: they belong to it."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

CARRIED: list[ContextVar[Any]] = []  # what a thread has to know of the traces and derivatives it belongs to
POOLS = {  # the methods of pools that take a function
    "concurrent.futures.thread": ("ThreadPoolExecutor", ("submit",)),
    "multiprocessing.pool": ("ThreadPool", ("apply_async", "_map_async", "imap", "imap_unordered")),
}
_lock = threading.RLock()
_under_way = 0  # traces and derivatives, in any thread
_methods: dict[tuple[type, str], tuple[Any, Any]] = {}  # that may be replaced, of classes: their own and ours
_missing = object()


def carrying() -> None:
    """Let threads and the work of pools belong, until `carried_out`, to what the thread that starts them belongs to."""
    global _under_way
    with _lock:
        _under_way += 1
        if _under_way == 1:
            _planned(tuple([module in sys.modules for module in POOLS]))
            for (kind, name), (own, ours) in [*_methods.items()]:
                if kind.__dict__.get(name, _missing) is not own:  # somebody else has replaced it since
                    own, ours = _plan(kind, name)
                setattr(kind, name, ours)


def carried_out() -> None:
    """End what `carrying` began."""
    global _under_way
    with _lock:
        _under_way -= 1
        if not _under_way:
            for (kind, name), (own, ours) in _methods.items():
                if kind.__dict__.get(name) is ours:
                    delattr(kind, name) if own is _missing else setattr(kind, name, own)


@functools.cache
def _planned(loaded: tuple[bool, ...]) -> None:
    """Plan what is replaced, of the modules of pools that are loaded."""
    _plan(threading.Thread, "start")
    for (module, (kind, names)), here in zip(POOLS.items(), loaded, strict=True):
        for name in names if here else ():
            _plan(getattr(sys.modules[module], kind), name)


def _plan(kind: type, name: str) -> tuple[Any, Any]:
    with_ours = _starting if kind is threading.Thread else _giving
    _methods[kind, name] = planned = kind.__dict__.get(name, _missing), with_ours(getattr(kind, name))
    return planned


def _giving(plain: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(plain)
    def give(pool: Any, f: Any, /, *args: Any, **kwargs: Any) -> Any:
        return plain(pool, _carried(f), *args, **kwargs)

    return give


def _starting(plain: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(plain)
    def start(thread: Any) -> None:
        target = getattr(thread, "_target", None)
        if not any(kind.__module__ == getattr(target, "__module__", "") for kind, _ in _methods):  # no thread of a pool
            own = _carried(thread.run)

            def run() -> None:
                del thread.run  # a thread that is kept holds nothing of the trace
                own()

            thread.run = run
        plain(thread)

    return start


def _carried(f: Callable[..., Any]) -> Callable[..., Any]:
    known = [(variable, variable.get()) for variable in CARRIED]

    def run(*args: Any, **kwargs: Any) -> Any:
        tokens = [(variable, variable.set(x)) for variable, x in known]
        try:
            return f(*args, **kwargs)
        finally:
            for variable, token in tokens:
                variable.reset(token)

    return run

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
_methods: dict[tuple[type, str], tuple[Any, Any]] = {}  # of classes: their own method and ours
_missing = object()


def carrying() -> None:
    """Let threads and the work of pools belong, until `carried_out`, to what the thread that starts them belongs to."""
    global _under_way
    with _lock:
        _under_way += 1
        if _under_way == 1:
            _replace(threading.Thread, ("start",), _starting)
            for module, (name, methods) in POOLS.items():
                if module in sys.modules:
                    _replace(getattr(sys.modules[module], name), methods, _giving)


def carried_out() -> None:
    """End what `carrying` began."""
    global _under_way
    with _lock:
        _under_way -= 1
        if not _under_way:
            for (kind, name), (own, ours) in _methods.items():
                if kind.__dict__.get(name) is ours:  # not if somebody else has replaced it
                    delattr(kind, name) if own is _missing else setattr(kind, name, own)
            _methods.clear()


def _replace(kind: type, names: tuple[str, ...], with_ours: Callable[[Any], Any]) -> None:
    for name in names:
        ours = with_ours(getattr(kind, name))
        _methods[kind, name] = kind.__dict__.get(name, _missing), ours
        setattr(kind, name, ours)


@functools.cache  # every derivative replaces them
def _giving(plain: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(plain)
    def give(pool: Any, f: Any, /, *args: Any, **kwargs: Any) -> Any:
        return plain(pool, _carried(f), *args, **kwargs)

    return give


@functools.cache
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

"""Notice what a function takes from outside of the program while it is traced: files, other processes, the network."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

# Events of Python's audit hooks. An import opens files as well, and code is part of what is watched anyway.
_EVENTS = ("open", "subprocess.Popen", "socket.connect", "builtins.input", "sqlite3.connect")
_ENDS = tuple(f"{suffix}',)" for suffix in (".py", ".pyc", ".so", ".pyd"))
# Names of what no hook tells: the clock, the environment, folders, and output that is expected at the first call.
_NAMES = frozenset(("environ", "getenv", "getcwd", "time", "monotonic", "perf_counter", "now", "today", "listdir",
                    "scandir", "iterdir", "glob", "exists", "print", "write"))  # fmt: skip

_noticed: ContextVar[list[str] | None] = ContextVar("noticed", default=None)


@contextmanager
def noticing() -> Iterator[list[str]]:
    """Collect the events in this block.

    >>> with noticing() as found:
    ...     _ = open("/dev/null").close()
    >>> found
    ['open']
    """
    _hook()
    found: list[str] = []
    token = _noticed.set(found)
    try:
        yield found
    finally:
        _noticed.reset(token)


def is_named(names: Iterable[str]) -> bool:
    """Return True if code that mentions these names may read the clock or the environment, or print."""
    return not _NAMES.isdisjoint(names)


@cache
def _hook() -> None:
    """Install the hook, once: Python removes none."""
    sys.addaudithook(_notice)


def _notice(event: str, given: tuple[Any, ...]) -> None:
    if event in _EVENTS and (found := _noticed.get()) is not None and not str(given[:1]).endswith(_ENDS):
        found.append(event)

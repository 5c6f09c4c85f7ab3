"""Build in the background: one daemon thread per process, the smallest task first.

A thread that compiles must not run while the process forks or ends: a lock it holds would stay locked in the child, and
what it uses is freed at the end. So it compiles by turns, and a fork and the end of the process wait for the turn.
"""

from __future__ import annotations

import atexit
import heapq
import itertools
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Task:
    """Something to build, and what came of it."""

    def __init__(self, build: Callable[[], Any], owner: Any) -> None:
        self.build: Callable[[], Any] | None = build
        self.owner = weakref.ref(owner)
        self.finished = False
        self.result: Any = None
        self.error: BaseException | None = None

    def wait(self) -> None:
        """Wait until it is built, or has failed, or the process ends."""
        awake()
        with _changed:
            _changed.wait_for(lambda: self.finished or _ended)

    def run(self) -> None:
        """Build it, unless the owner is gone."""
        try:
            self.result = self.build and self.owner() and self.build()
        except Ended:
            return
        except BaseException as error:  # reported by the owner, in the thread that uses it
            self.error = error
        self.build = None
        with _changed:
            self.finished = True
            _changed.notify_all()


class Ended(Exception):
    """The process ends, and nothing more is built."""


_changed = threading.Condition(threading.Lock())
_turn = threading.Lock()
_order = itertools.count()
_waiting: list[tuple[int, int, Task]] = []  # a heap: size, order, task
_running: list[tuple[int, int, Task]] = []  # at most one
_thread: threading.Thread | None = None
_ended = False


def later(build: Callable[[], Any], size: int, owner: Any) -> Task:
    """Build in the background, after all smaller tasks; not at all if nothing refers to the owner any more."""
    task = Task(build, owner)
    with _changed:
        heapq.heappush(_waiting, (size, next(_order), task))
    awake()
    return task


def awake() -> None:
    """Start the thread if there is something to do for it: the first time, and in a forked child."""
    global _thread
    if _thread is None and _waiting:
        with _changed:
            if _thread is None and _waiting and not _ended:
                _thread = threading.Thread(target=_work, name="autograd-tiny-build", daemon=True)
                _thread.start()


@contextmanager
def turn() -> Iterator[None]:
    """Time in which the process neither forks nor ends; a fraction of a second at most."""
    with _turn:
        if _ended:
            raise Ended
        yield


def _work() -> None:
    global _thread
    while True:
        with _changed:
            _running.clear()
            if not _waiting or _ended:
                _thread = None
                return
            _running.append(heapq.heappop(_waiting))
        _running[0][-1].run()


@atexit.register
def _end() -> None:
    global _ended
    with _turn:
        _ended = True
    with _changed:
        _changed.notify_all()


def _before_fork() -> None:
    _turn.acquire()
    _changed.acquire()


def _after_fork() -> None:
    _changed.release()
    _turn.release()


def _in_child() -> None:
    """Wait again for what the thread was building: the child has no such thread until it is needed."""
    global _thread, _changed, _turn
    _changed, _turn = threading.Condition(threading.Lock()), threading.Lock()
    _thread = None
    for entry in _running:
        heapq.heappush(_waiting, entry)
    _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)

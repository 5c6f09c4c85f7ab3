"""Provenance: source line, module and position in execution order of each value computed within `tracing()`."""

from __future__ import annotations

import itertools
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from autograd_tiny.engine import value
from autograd_tiny.engine.tree import below, is_module
from autograd_tiny.engine.value import Value

PACKAGE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")  # in the form of co_filename
MODULES = os.path.join(PACKAGE, "nn", "")


class Where(NamedTuple):
    """Origin of a value: ``train.py``, line 12, module ``layers[0].neurons[3]``; file "" if the line is unknown."""

    file: str
    line: int
    scope: str
    place: int | None = None  # index in execution order; None: unknown

    @property
    def source(self) -> str:
        return f"{Path(self.file).name}:{self.line}" if self.file else ""


class Recording:
    """Record of the values computed within `tracing()`, in execution order, with their origins."""

    def __init__(self) -> None:
        self.where: dict[Value, Where] = {}
        self._places = itertools.count()
        self._last: tuple[FrameType | None, FrameType | None, str] = None, None, ""  # one call makes many values
        self._paths: dict[tuple[int, int], str] = {}
        self._modules: list[Any] = []  # kept alive, so that ids are not reused

    @property
    def outermost(self) -> list[Any]:
        """The modules not called by another module, each once, in the order of their first value."""
        return list({id(module): module for module in self._modules[::2]}.values())

    def note(self, v: Value) -> None:
        """Record the origin of v: the code that called the engine."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and is_engine(frame.f_code.co_filename) and frame.f_back is not None:
            frame = frame.f_back
        last, user, scope = self._last
        if frame is not last:
            user, scope = self._found(frame)
            self._last = frame, user, scope  # in one assignment: a thread may share the context
        file, line = ("", 0) if user is None else (user.f_code.co_filename, user.f_lineno)
        self.where[v] = Where(file, line, scope, next(self._places))

    def forget_sources(self) -> None:
        """Keep the order and the modules only: for code that has no file, such as an expression."""
        self.where = {v: where._replace(file="", line=0) for v, where in self.where.items()}

    def _found(self, frame: FrameType | None) -> tuple[FrameType | None, str]:
        user, modules = None, []
        while frame is not None:
            code = frame.f_code
            if user is None and not code.co_filename.startswith(PACKAGE):
                user = frame
            if code.co_varnames[:1] == ("self",) and is_module(module := frame.f_locals.get("self")):
                modules.append(module)
            frame = frame.f_back
        return user, self._path(modules[-1], modules[0]) if modules else ""

    def _path(self, outer: Any, inner: Any) -> str:
        key = id(outer), id(inner)
        if key not in self._paths:
            self._modules += (outer, inner)
            self._paths[key] = next(_paths(outer, inner, "", set()), "") or type(inner).__name__
        return self._paths[key]


def _paths(item: Any, target: Any, path: str, seen: set[int]) -> Iterator[str]:
    """Yield the paths from a Module to a Module inside it: ``layers[0].neurons[3]``."""
    if item is target:
        yield path
    elif id(item) not in seen:
        seen.add(id(item))
        for suffix, inner in below(item):
            yield from _paths(inner, target, (path + suffix).removeprefix("."), seen)


def is_engine(file: str) -> bool:
    """Return True for a file of this package outside `nn`; frames in `nn` belong to Modules."""
    return file.startswith(PACKAGE) and not file.startswith(MODULES)


_known: ContextVar[tuple[Recording, ...]] = ContextVar("known", default=())  # of this thread or task, outermost first
_on: set[Recording] = set()  # not yet ended, in any thread or task
_lock = threading.RLock()  # a collected generator may end a recording at any time


@contextmanager
def tracing() -> Iterator[Recording]:
    """Record the source line and the module of each value computed in this block; `trace` shows them.

    >>> from autograd_tiny.stepper.traces import trace
    >>> with tracing():
    ...     a = Value(2.0, "a")
    ...     steps = trace(a * a)
    >>> steps.output.source
    '<doctest autograd_tiny.engine.provenance.tracing[1]>:3'

    Other threads and tasks are not recorded, except tasks created in the block, which inherit its context. Values of a
    nested block belong to both records. Outside of such blocks there is no cost.
    """
    recording = Recording()
    with _lock:
        _on.add(recording)
        value.observe(_noted)
    _known.set((*_active(), recording))
    try:
        yield recording
    finally:
        with _lock:
            _on.discard(recording)
            if not _on:
                value.observe(None)
        _known.set(_active())  # no token: generators end their blocks in any order, and in other threads
        recording._last = None, None, ""


def recorded() -> Recording | None:
    """Return the innermost active record of this thread or task, or None."""
    active = _active()
    return active[-1] if active else None


def _active() -> tuple[Recording, ...]:
    return tuple([recording for recording in _known.get() if recording in _on])


def _noted(kind: Any) -> Any:
    v = object.__new__(kind)
    for recording in _known.get():
        if recording in _on:
            recording.note(v)
    return v

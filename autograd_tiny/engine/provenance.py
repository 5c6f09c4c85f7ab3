"""The source line, the module and the place in the order of each value that is computed while `tracing()` is on."""

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

PACKAGE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")  # spelled as the file names of its code are
MODULES = os.path.join(PACKAGE, "nn", "")


class Where(NamedTuple):
    """``train.py``, line 12, within ``layers[0].neurons[3]``."""

    file: str
    line: int
    scope: str
    place: int | None = None  # in the order in which the values of a recording were computed; None: not known

    @property
    def source(self) -> str:
        return f"{Path(self.file).name}:{self.line}"


class Recording:
    """The values computed while `tracing()` was on, in the order they were made, and where."""

    def __init__(self) -> None:
        self.where: dict[Value, Where] = {}
        self._places = itertools.count()
        self._last: tuple[FrameType | None, FrameType | None, str] = None, None, ""  # a call makes many values
        self._paths: dict[tuple[int, int], str] = {}
        self._modules: list[Any] = []  # kept, so that no id is used twice

    @property
    def outermost(self) -> list[Any]:
        """The modules that were called by no other module, each once, in the order of their first value."""
        return list({id(module): module for module in self._modules[::2]}.values())

    def note(self, v: Value) -> None:
        """Remember where v is being made: by the code that called the engine."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and is_engine(frame.f_code.co_filename) and frame.f_back is not None:
            frame = frame.f_back
        last, user, scope = self._last
        if frame is not last:
            user, scope = self._found(frame)
            self._last = frame, user, scope  # at once: a thread may share the context
        if user is not None:
            self.where[v] = Where(user.f_code.co_filename, user.f_lineno, scope, next(self._places))

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
    """The path from a Module to one within it: ``layers[0].neurons[3]``."""
    if item is target:
        yield path
    elif id(item) not in seen:
        seen.add(id(item))
        for suffix, inner in below(item):
            yield from _paths(inner, target, (path + suffix).removeprefix("."), seen)


def is_engine(file: str) -> bool:
    """Whether code of this package computes in this file; `nn` has the modules, which are looked for."""
    return file.startswith(PACKAGE) and not file.startswith(MODULES)


_known: ContextVar[tuple[Recording, ...]] = ContextVar("known", default=())  # of this thread or task, outermost first
_on: set[Recording] = set()  # those that have not ended, of any
_lock = threading.RLock()  # a generator that is collected may end a recording at any time


@contextmanager
def tracing() -> Iterator[Recording]:
    """While it is on, each value remembers the line and the module that made it; `trace` shows them.

    >>> from autograd_tiny.stepper.traces import trace
    >>> with tracing():
    ...     a = Value(2.0, "a")
    ...     steps = trace(a * a)
    >>> steps.output.source
    '<doctest autograd_tiny.engine.provenance.tracing[1]>:3'

    Other threads and tasks are not recorded, except for tasks that are created within: they have its context. A
    recording within another is part of both. With none on the engine runs as it is, at no cost.
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
        _known.set(_active())  # not by a token: blocks of generators end in any order, and in other threads
        recording._last = None, None, ""


def recorded() -> Recording | None:
    """The innermost recording that is on in this thread or task, or None."""
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

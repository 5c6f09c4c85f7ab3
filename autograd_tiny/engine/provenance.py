"""Provenance: source line, module, variable and place in execution order of each value computed in `tracing()`."""

from __future__ import annotations

import itertools
import os
import sys
import sysconfig
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, TypeAlias

from autograd_tiny.engine import value
from autograd_tiny.engine.tree import below, is_module
from autograd_tiny.engine.value import Value

PACKAGE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")  # in the form of co_filename
MODULES = os.path.join(PACKAGE, "nn", "")
LIBRARIES = ("<frozen", *map(sysconfig.get_path, ("stdlib", "platstdlib", "purelib", "platlib")))


class Where(NamedTuple):
    """Origin of a value: ``train.py``, line 12, module ``layers[0].neurons[3]``; file "" if the line is unknown."""

    file: str
    line: int
    scope: str
    place: int | None = None  # index in execution order; None: unknown
    caller: tuple[str, int] = "", 0  # file and line of the call of the function that has the line, within the block

    @property
    def source(self) -> str:
        return f"{Path(self.file).name}:{self.line}" if self.file else ""


Found: TypeAlias = tuple[FrameType | None, str, tuple[str, int]]  # frame of the user's code, module, caller
NOT_FOUND: Found = None, "", ("", 0)


class Recording:
    """Record of the values computed within `tracing()`, in execution order, with their origins."""

    def __init__(self, opener: FrameType | None = None) -> None:
        self.where: dict[Value, Where] = {}
        self._places = itertools.count()
        self._last: tuple[FrameType | None, *Found] = None, *NOT_FOUND  # one call makes many values
        self._paths: dict[tuple[int, int], str] = {}
        self._modules: list[Any] = []  # kept alive, so that ids are not reused
        self._opener = opener  # the frame of the block: what called it is not the user's
        self._frames: dict[int, tuple[int, FrameType]] = {}  # depth and frame of the last call of each code
        self._names: dict[Value, str] = {}

    @property
    def outermost(self) -> list[Any]:
        """The modules not called by another module, each once, in the order of their first value."""
        return list({id(module): module for module in self._modules[::2]}.values())

    def note(self, v: Value) -> None:
        """Record the origin of v: the code that called the engine."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and is_engine(frame.f_code.co_filename) and frame.f_back is not None:
            frame = frame.f_back
        last, user, scope, caller = self._last
        if frame is not last:
            user, scope, caller = self._found(frame)
            self._last = frame, user, scope, caller  # in one assignment: a thread may share the context
        file, line = ("", 0) if user is None else (user.f_code.co_filename, user.f_lineno)
        self.where[v] = Where(file, line, scope, next(self._places), caller)

    @property
    def names(self) -> dict[Value, str]:
        """Names of parameters, their paths, and of other Values, the variables that hold them: ``loss``, ``w[0]``."""
        # Of two variables with one Value the outer call's comes first, and with it the name that the caller reads.
        frames = [frame for _, frame in sorted(self._frames.values(), key=lambda item: item[0])]
        found = dict(self._names)
        for module in self.outermost:
            found.update({p: name for name, p in module.named_parameters() if p not in found})
        for variables in [*(frame.f_locals for frame in frames), *(frame.f_globals for frame in frames)]:
            _note(variables, found)
        return found

    def end(self) -> None:
        """Keep the names of the variables, and release the frames that held them."""
        self._names = self.names
        self._opener, self._frames, self._last = None, {}, (None, *NOT_FOUND)

    def forget_sources(self) -> None:
        """Keep the order and the modules only: for code that has no file, such as an expression."""
        self.where = {v: where._replace(file="", line=0, caller=("", 0)) for v, where in self.where.items()}

    def _found(self, frame: FrameType | None) -> Found:
        user, modules, own = None, [], list[FrameType]()
        while frame is not None:
            code = frame.f_code
            if user is None and not code.co_filename.startswith(PACKAGE):
                user = frame
            if code.co_varnames[:1] == ("self",) and is_module(module := frame.f_locals.get("self")):
                modules.append(module)
            if not code.co_filename.startswith(PACKAGE):
                own.append(frame)
            if frame is self._opener:
                break
            frame = frame.f_back
        self._frames |= {id(frame.f_code): (depth, frame) for depth, frame in enumerate(reversed(own))}
        caller = (own[1].f_code.co_filename, own[1].f_lineno) if len(own) > 1 else ("", 0)
        return user, self._path(modules[-1], modules[0]) if modules else "", caller

    def _path(self, outer: Any, inner: Any) -> str:
        key = id(outer), id(inner)
        if key not in self._paths:
            self._modules += (outer, inner)
            self._paths[key] = next(_paths(outer, inner, "", set()), "") or type(inner).__name__
        return self._paths[key]


def names_known(recording: Recording | None) -> dict[Value, str]:
    """Names of Values by a recording, and by the variables of the code that called this package, outer calls first.

    >>> a = Value(2.0)
    >>> y = a * a
    >>> [name for v, name in names_known(None).items() if v in (a, y)]
    ['a', 'y']

    The globals of a script or a notebook count, those of other modules do not.
    """
    found = dict(recording.names) if recording else {}
    frames = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((PACKAGE, *LIBRARIES)):
            frames.append(frame)
        elif frames:
            break
        frame = frame.f_back
    for frame in reversed(frames):
        _note(frame.f_locals, found)
    for frame in frames:
        if frame.f_globals.get("__name__") == "__main__":
            _note(frame.f_globals, found)
    return found


def _note(variables: Mapping[str, Any], found: dict[Value, str]) -> None:
    for name, x in list(variables.items()):
        if name.isidentifier() and not name.startswith("_"):  # the interpreter, and pytest, have names of their own
            for path, v in _values(name, x):
                found.setdefault(v, path)


def _values(path: str, x: Any, levels: int = 2) -> Iterator[tuple[str, Value]]:
    """Yield a Value, or those in a list or a list of lists, each with its path: ``w[0]``."""
    if isinstance(x, Value):
        yield path, x
    elif levels and type(x) in (list, tuple) and x and isinstance(x[0], (Value, list, tuple)):
        for i, item in enumerate(x):
            yield from _values(f"{path}[{i}]", item, levels - 1)


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
    recording = Recording(sys._getframe(2))  # above contextlib
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
        recording.end()


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

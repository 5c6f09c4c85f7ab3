"""Where each value was computed: the user's source line and the module it belongs to, kept while `tracing()` is on."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from autograd_tiny.engine import value
from autograd_tiny.engine.tree import below, is_module
from autograd_tiny.engine.value import Value

PACKAGE = str(Path(__file__).parents[1])
ENGINE = {
    f"{PACKAGE}/{name}.py"
    for name in (
        *(f"engine/{n}" for n in ("value", "operand", "op", "ops", "expression", "special")),
        "transforms/derivatives",
    )
}


class Where(NamedTuple):
    """``train.py``, line 12, within ``layers[0].neurons[3]``."""

    file: str
    line: int
    scope: str

    @property
    def source(self) -> str:
        return f"{Path(self.file).name}:{self.line}"


class Recording:
    """The values computed while `tracing()` was on, in the order they were made, and where."""

    def __init__(self) -> None:
        self.where: dict[Value, Where] = {}
        self._frame: FrameType | None = None
        self._user: FrameType | None = None
        self._scope = ""
        self._paths: dict[tuple[int, int], str] = {}
        self._modules: list[Any] = []  # kept, so that no id is used twice

    @property
    def outermost(self) -> list[Any]:
        """The modules that were called by no other module, each once, in the order of their first value."""
        return list({id(module): module for module in self._modules[::2]}.values())

    def note(self, v: Value, frame: FrameType) -> None:
        """Remember where v is being made: by the code above `frame`."""
        while frame.f_code.co_filename in ENGINE and frame.f_back is not None:
            frame = frame.f_back
        if frame is not self._frame:  # a call makes many values
            self._frame = frame
            self._user, self._scope = self._found(frame)
        if (user := self._user) is not None:
            self.where[v] = Where(user.f_code.co_filename, user.f_lineno, self._scope)

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


_active = threading.local()


@contextmanager
def tracing() -> Iterator[Recording]:
    """While it is on, each value remembers the line and the module that made it; `trace` shows them.

    >>> from autograd_tiny.stepper.traces import trace
    >>> with tracing():
    ...     a = Value(2.0, "a")
    ...     steps = trace(a * a)
    >>> steps.output.source
    '<doctest autograd_tiny.engine.provenance.tracing[1]>:3'

    Other threads are not recorded. With none active the engine runs as it is, at no cost.
    """
    recording, before, outer = Recording(), value._new, recorded()
    owner = threading.get_ident()

    def made(kind: Any) -> Any:
        v = before(kind)
        if threading.get_ident() == owner:
            recording.note(v, sys._getframe(1))
        return v

    value._new, _active.recording = made, recording
    try:
        yield recording
    finally:
        value._new, _active.recording = before, outer
        recording._frame = recording._user = None


def recorded() -> Recording | None:
    """The recording of the `tracing()` that is on in this thread, or None."""
    return getattr(_active, "recording", None)

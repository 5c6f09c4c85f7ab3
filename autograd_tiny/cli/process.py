"""The process of a command: what it refuses, what it says on standard error, and how it is ended from outside."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from autograd_tiny.engine.terminal import clean


class Refused(Exception):
    """Something that was asked for and cannot be done: one line, exit code 2."""


class Ended(BaseException):
    """The process was asked to end; on the way out, files half written and running renderers go."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def ending() -> Iterator[None]:
    """Within it SIGTERM and SIGHUP raise `Ended`, but for a signal that is ignored, as under nohup."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
            if (number := getattr(signal, name, None)) and signal.getsignal(number) == signal.SIG_DFL:
                before[number] = signal.signal(number, _end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise Ended(number)


def complain(text: object) -> None:
    """Print one line on standard error; where that is closed, there is nobody to tell."""
    with suppress(AttributeError, OSError, ValueError):
        sys.stderr.write(f"autograd-tiny: {clean(' '.join(str(text).split()))}\n")
        sys.stderr.flush()


def drop_output() -> None:
    """Send what standard output still holds nowhere: it cannot be written, and Python would try again at its end."""
    with suppress(AttributeError, OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

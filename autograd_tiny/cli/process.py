"""The process of a command: refusals, messages on standard error, and signals."""

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
    """Raised for a request that cannot be met: one line on standard error, exit code 2."""


class Ended(BaseException):
    """Raised by a signal to end the process, so that half-written files and running renderers are removed."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def ending() -> Iterator[None]:
    """Make SIGTERM and SIGHUP raise `Ended` in this block, unless they are ignored, as under nohup."""
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
    """Print one line on standard error, if it is open."""
    with suppress(AttributeError, OSError, ValueError):
        sys.stderr.write(f"autograd-tiny: {clean(' '.join(str(text).split()))}\n")
        sys.stderr.flush()


def drop_output() -> None:
    """Discard what standard output still buffers, because Python would try to write it again at exit."""
    with suppress(AttributeError, OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

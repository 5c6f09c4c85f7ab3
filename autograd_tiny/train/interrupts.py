"""Ctrl-C while training: the first one asks to stop after the step under way, a second one raises."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Hold back the first SIGINT of the block; what it yields says whether there was one.

    In other threads than the main one, and where a program handles SIGINT itself, nothing is held back.
    """
    asked = False

    def handle(number: int, frame: Any) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    ours = threading.current_thread() is threading.main_thread() and (
        signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    before = signal.signal(signal.SIGINT, handle) if ours else None
    try:
        yield lambda: asked
    finally:
        if ours:
            signal.signal(signal.SIGINT, before)

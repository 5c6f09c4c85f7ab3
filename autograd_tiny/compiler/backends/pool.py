"""The threads that share a batch: one pool for all kernels of a process."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def together(calls: Sequence[Callable[[], Any]]) -> None:
    """All of them: the first here, each other by a thread of the pool, or here if none has come to it yet."""
    futures = [_pool().submit(call) for call in calls[1:]]
    calls[0]()
    for call, future in zip(calls[:0:-1], futures[::-1], strict=True):
        call() if future.cancel() else future.result()


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="autograd-tiny")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a child has none of the threads

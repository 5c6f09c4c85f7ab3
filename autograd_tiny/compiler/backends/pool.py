"""Thread pool for batches, shared by all kernels of a process."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


def together(calls: Sequence[Callable[[], Any]]) -> None:
    """Run all calls: the first in this thread, the others in the pool, or in this thread if not started yet."""
    futures = [_pool().submit(call) for call in calls[1:]]
    calls[0]()
    for call, future in zip(calls[:0:-1], futures[::-1], strict=True):
        call() if future.cancel() else future.result()


@functools.cache
def _pool() -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor  # 3 ms, for several threads only

    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="autograd-tiny")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a forked child does not inherit the threads

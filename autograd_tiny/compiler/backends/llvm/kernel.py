"""Call compiled code with numbers: provide memory for each call, and share the shards of a batch among threads."""

from __future__ import annotations

import ctypes
import functools
import struct
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np

from autograd_tiny.compiler.backends.llvm.engine import Code
from autograd_tiny.compiler.backends.llvm.entry import builtin
from autograd_tiny.compiler.backends.pool import together
from autograd_tiny.transforms.program import Program

MIN_SHARD_BLOCKS = 32  # because each shard adds up its lanes once
MIN_SHARD_WORK = 400_000  # steps × samples: some 20 µs
MIN_THREAD_WORK = 4_000_000  # steps × samples: some 150 µs, below which waking a thread does not pay
MAX_SHARDS = 64  # of a batch
CACHE_LINE = 64


class Loaded(Protocol):
    """Functions of a program, compiled or interpreted."""

    def numbers(self, name: str, count: int, /) -> Any:
        """Global table of `count` integers."""

    def function(self, name: str, arguments: int, /) -> Callable[..., None]:
        """Function of so many addresses and counts."""


def single(program: Program, code: Loaded) -> Callable[..., Any]:
    """Kernel without a batch: one row of numbers in, one row out."""
    start, (shared, _, _) = code.function("start", 3), code.numbers("layout", 3)
    inputs, outputs = len(program.inputs), len(program.outputs)
    free: list[tuple[Any, ...]] = []  # memory of finished calls, for reuse

    def room() -> tuple[Any, ...]:
        parts = [(ctypes.c_double * n)() for n in (inputs, shared, outputs)]
        return (*parts, *map(ctypes.addressof, parts))

    def kernel(xs: Any, batched: Sequence[Any] = (), size: int | None = None) -> Any:
        mine = free.pop() if free else room()
        given, _, found, s, u, o = mine
        if xs.__class__ is tuple or xs.__class__ is list:
            given[:] = xs
            start(s, u, o)
            ys = found[:]
        else:
            ys = np.empty(outputs)
            start(_address(xs, inputs), u, _address(ys, outputs))
        free.append(mine)
        return ys

    if isinstance(code, Code):
        kernel.builtin = functools.partial(builtin, code, inputs, outputs)  # type: ignore[attr-defined]
        kernel.direct = Direct(code, start, inputs, outputs, False, 0, (shared, 0, 0), 0, 0, 0)  # type: ignore[attr-defined]
    return kernel


def batched(program: Program, code: Loaded, lanes: int, threads: int) -> Callable[..., Any]:
    """Kernel over a batch."""
    whole, start, run = code.function("all", 9), code.function("start", 3), code.function("run", 9)
    finish = code.function("finish", 5) if program.reduce else None
    widths, steps = program.widths, max(1, len(program.steps))
    inputs, outputs = program.shared, len(program.outputs)
    least = max(MIN_SHARD_BLOCKS, -(-MIN_SHARD_WORK // steps // lanes)) * lanes
    room = functools.partial(_Room, inputs, len(widths), *code.numbers("layout", 3))
    free: list[_Room] = []

    def kernel(xs: Any, batched: Sequence[Any], size: int) -> Any:
        mine = free.pop() if free else room()
        listed = xs.__class__ is list or xs.__class__ is tuple
        if listed:
            mine.given[:] = xs
        s = mine.s if listed else _address(xs, inputs)
        for k, table in enumerate(batched):
            mine.tables[k] = _address(table, size * widths[k])
        ys = np.empty(outputs if finish else (outputs, size))
        o = ctypes.addressof(ctypes.c_char.from_buffer(ys)) if outputs else 0  # type: ignore[arg-type]
        if size <= least:  # one shard: small batches must be fast
            whole(1, least, size, s, mine.u, mine.t, mine.w, mine.p, o)
            free.append(mine)
            return ys.tolist() if listed and finish else ys
        length = max(least, -(-size // MAX_SHARDS // lanes) * lanes)
        shards = -(-size // length)
        parts = min(threads, shards, size * steps // MIN_THREAD_WORK)
        if parts < 2:
            whole(shards, length, size, s, mine.u, mine.t, mine.w, mine.p, o)
        else:
            start(s, mine.u, o)
            rooms = [mine, *(free.pop() if free else room() for _ in range(parts - 1))]
            ends = [shards * i // parts for i in range(parts + 1)]
            kept = (
                rooms,
                xs,
                batched,
                ys,
            )  # owners of the addresses, alive in the threads even if this call is interrupted
            into = mine.p if finish else o
            together(
                [
                    functools.partial(_run, kept, run, a, b, length, size, s, mine.u, mine.t, part.w, into)
                    for part, (a, b) in zip(rooms, pairwise(ends), strict=True)
                ]
            )
            if finish:
                finish(shards, size, mine.u, mine.p, o)
            free.extend(rooms[1:])
        free.append(mine)
        return ys.tolist() if listed and finish else ys

    layout = tuple(code.numbers("layout", 3))
    if isinstance(code, Code):
        alone = 1 << 62 if threads == 1 else max(least, (2 * MIN_THREAD_WORK - 1) // steps)
        kernel.direct = Direct(  # type: ignore[attr-defined]
            code, whole, inputs, outputs, not finish, len(widths), layout, least, lanes, alone
        )
    return kernel


class Direct(NamedTuple):
    """Machine code as one function, and the memory it needs, for callers that provide the addresses themselves.

    It is start(numbers, shared, outputs), or all(shards, length, size, numbers, shared, tables, work, sums, outputs)
    for a batch of at most `alone` samples, which one thread runs.
    """

    code: Code
    function: Any
    inputs: int
    outputs: int
    is_each: bool  # the outputs are those of each sample
    tables: int
    layout: tuple[int, ...]
    least: int  # samples of a shard
    lanes: int
    alone: int

    def room(self, more: int, means: int) -> tuple[Any, bytes]:
        """Memory of one call, with room for `more` numbers, and its addresses for `walks.run`; divide `means` outputs
        by the size of the batch.
        """
        made = _Room(self.inputs + more, self.tables + 1, *self.layout)
        tables = made.t + 8 if self.tables else 0  # before them is the size of the batch
        function = ctypes.cast(self.function, ctypes.c_void_p).value or 0
        shards = self.least, means, self.alone, self.lanes, MAX_SHARDS * self.lanes
        return made, struct.pack("11q", made.s, tables, made.u, made.w, made.p, function, *shards)


class _Room:
    """Memory of one call, or of one of its threads."""

    def __init__(self, inputs: int, tables: int, shared: int, work: int, sums: int) -> None:
        self.given, self.tables = (ctypes.c_double * inputs)(), (ctypes.c_size_t * tables)()
        self.s, self.t = ctypes.addressof(self.given), ctypes.addressof(self.tables)
        self.memory = np.empty(work + shared + MAX_SHARDS * sums + CACHE_LINE // 8)
        self.w = -(-self.memory.ctypes.data // CACHE_LINE) * CACHE_LINE
        self.u = self.w + 8 * work
        self.p = self.u + 8 * shared


def _address(x: Any, doubles: int) -> int:
    """Address of an array's numbers; takes a quarter of the time of x.ctypes.data."""
    if x.nbytes != 8 * doubles:
        raise ValueError(f"expected {doubles} numbers, got an array of {x.dtype} and shape {x.shape}")
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(x))
    except (TypeError, ValueError):  # read-only, or empty
        if not x.flags.c_contiguous:
            raise ValueError(f"expected a C-contiguous array, got one of strides {x.strides}") from None
        return int(x.ctypes.data)


def _run(kept: Any, run: Callable[..., None], *numbers: int) -> None:
    run(*numbers)

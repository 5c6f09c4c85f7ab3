"""Find repeated blocks in a flat program: time steps of a recurrence, samples of a loop, neurons of a layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from autograd_tiny.transforms.columns import NONE, Columns

MIN_COUNT = 2  # iterations
MIN_SAVED = 60  # steps that need no code of their own
MAX_PERIOD = 4096
NEAR = 32  # steps: nearer operands are part of a step's sign, because they tell the neurons of a layer apart
SCALES = 4, 16, 64, 256, 1024  # lengths of the words that are looked up
FACTOR = np.uint64(0x9E3779B97F4A7C15)

Array = np.ndarray[Any, Any]


class Run(NamedTuple):
    """Steps start, …, start + period · times - 1: the same block of ops, `times` times.

    An operand computed in the same iteration is the result of the same step of the block in each iteration; the other
    operands may be any.
    """

    start: int
    period: int
    times: int

    @property
    def stop(self) -> int:
        return self.start + self.period * self.times


def repeats(columns: Columns) -> list[Run]:
    """Find runs of equal blocks, in their order and without overlap.

    >>> from autograd_tiny.engine import ops
    >>> from autograd_tiny.transforms.columns import columns_of
    >>> from autograd_tiny.transforms.program import Program, Step
    >>> steps = [step for i in range(100) for step in (Step(ops.exp, (2 * i,)), Step(ops.mul, (2 * i + 1, 0)))]
    >>> repeats(columns_of(Program(("x",), tuple(steps), (200,))))
    [Run(start=0, period=2, times=100)]
    """
    operands = [np.asarray(x) for x in columns.operands]
    plain, rich = _signs(columns, operands)
    free = np.ones(len(plain), bool)
    found: list[Run] = []
    for start, stop, period in sorted(_candidates(rich), key=lambda x: x[0] - x[1] + x[2]):
        for first, last in stretches(free[start:stop]):
            if last - first < MIN_COUNT * period:
                continue
            a, b = _extended(plain, free, start + first, start + last, period)
            a += _seam(columns.inputs, operands, a, b, period)
            for run in _even(columns.inputs, operands, Run(a, period, (b - a) // period)):
                if run.times >= MIN_COUNT and run.period * (run.times - 1) >= MIN_SAVED:
                    free[run.start : run.stop] = False
                    found.append(run)
    return sorted(found)


def longer(columns: Columns, runs: Iterable[Run], least: int) -> Iterator[Run]:
    """Take several short blocks as one of about `least` steps; iterations left over belong to no run."""
    operands = [np.asarray(x) for x in columns.operands]
    for run in runs:
        several = min(least // run.period, run.times // 2)
        if several > 1:
            whole = Run(run.start, run.period * several, run.times // several)
            found = [new for new in _even(columns.inputs, operands, whole) if new.times > 1]
            if run.stop - run.start - sum(new.stop - new.start for new in found) <= 2 * whole.period:
                yield from found
                continue
        yield run


def _signs(columns: Columns, operands: list[Array]) -> tuple[Array, Array]:
    """Per step, a number for its op, and a number for its op and the kinds of its operands."""
    plain = np.asarray(columns.code).astype(np.uint64) + np.uint64(1)
    rich = plain * FACTOR
    places = np.arange(columns.inputs, columns.inputs + len(plain))
    for x in operands:
        near = places - x
        kind = np.where(x < columns.inputs, 2, np.where(near <= NEAR, 3 + near, 3))
        kind = np.where(x < 0, np.where(x == NONE, 0, 1), kind).astype(np.uint64)
        plain = plain * FACTOR + (x == NONE).astype(np.uint64)
        rich = (rich ^ (rich >> np.uint64(29))) * FACTOR + kind
    return plain, rich


def _candidates(signs: Array) -> Iterator[tuple[int, int, int]]:
    """Yield (start, stop, period) of stretches in which each long word occurs again one period later."""
    word, length = signs, 1
    for scale in SCALES:
        for _ in range(2):  # twice as long, each time
            if len(word) <= length:
                return
            word = (word[:-length] ^ (word[:-length] >> np.uint64(31))) * FACTOR + word[length:]
            length *= 2
        assert length == scale
        order = np.argsort(word, kind="stable")
        same = word[order[1:]] == word[order[:-1]]
        ahead = np.zeros(len(word), np.int64)  # distance to the next occurrence
        ahead[order[:-1][same]] = (order[1:] - order[:-1])[same]
        starts = np.flatnonzero(np.diff(ahead, prepend=-1))
        stops = np.append(starts[1:], len(word)) + length - 1
        periods = ahead[starts]
        stops += periods
        wanted = (periods > 0) & (periods <= MAX_PERIOD) & (stops - starts >= MIN_COUNT * periods)
        wanted &= stops - starts - periods >= MIN_SAVED
        yield from zip(starts[wanted].tolist(), stops[wanted].tolist(), periods[wanted].tolist(), strict=True)


def stretches(flags: Array) -> Iterator[tuple[int, int]]:
    """Yield the bounds of the stretches of True."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False)).tolist()
    yield from zip(edges[::2], edges[1::2], strict=True)


def _extended(plain: Array, free: Array, start: int, stop: int, period: int) -> tuple[int, int]:
    """Extend a run on both sides as far as the ops repeat, looking ever farther."""
    first, last, size = start, stop - period, 4 * period  # steps equal to those one period later
    while first > 0:
        bad = _unlike(plain, free, max(0, first - size), first, period)
        first = int(bad[-1]) + 1 if len(bad) else max(0, first - size)
        if len(bad):
            break
        size *= 2
    end, size = len(plain) - period, 4 * period
    while last < end:
        bad = _unlike(plain, free, last, min(last + size, end), period)
        last = int(bad[0]) if len(bad) else min(last + size, end)
        if len(bad):
            break
        size *= 2
    return first, last + period


def _unlike(plain: Array, free: Array, start: int, stop: int, period: int) -> Array:
    """Steps from start to stop that differ from those one period later, or that belong to a run already."""
    here, there = slice(start, stop), slice(start + period, stop + period)
    return start + np.flatnonzero((plain[here] != plain[there]) | ~free[here] | ~free[there])


def _seam(inputs: int, operands: list[Array], start: int, stop: int, period: int) -> int:
    """Offset at which an iteration should begin, so that as few values as possible are carried to the next one."""
    count = (stop - start) // period
    if count < 2:
        return 0
    at = start + (count // 2) * period
    crossing = np.zeros(2 * period + 1, np.int64)
    for x in operands:
        t = np.arange(period)
        near = t + at + inputs - x[at : at + period]
        t, near = t[near < period], near[near < period]
        np.add.at(crossing, t + period - near + 1, 1)  # crosses a seam before step t if the operand comes before it
        np.add.at(crossing, t + period + 1, -1)
    crossing = np.cumsum(crossing)
    seams = crossing[:period] + crossing[period : 2 * period]
    offset = int(np.argmin(seams))
    return offset if stop - start - offset >= min(count, MIN_COUNT) * period else 0


def _even(inputs: int, operands: list[Array], run: Run) -> Iterator[Run]:
    """Cut a run where an operand of the same iteration is the result of another step than in most iterations."""
    start, period, count = run
    if count < MIN_COUNT:
        return
    first = inputs + start + period * np.arange(count)[:, None]
    within = [x[start : run.stop].reshape(count, period) - first for x in operands]
    best = np.ones(count, bool)
    for usual in {count // 2, count // 4, 3 * count // 4}:
        uneven = np.zeros(count, bool)
        for x in within:
            uneven |= np.any(np.where(x[usual] >= 0, x != x[usual], x >= 0), axis=1)
        if not np.any(uneven):
            yield run
            return
        best = min(best, uneven, key=np.count_nonzero)
    for a, b in stretches(~best):
        yield Run(start + a * period, period, b - a)

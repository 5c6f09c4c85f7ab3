"""Where the operands of a repeated block lie: at one place, at places in equal steps, or at any places."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
MAX_LAG = 3  # iterations for which a result is carried in registers


class Access(NamedTuple):
    """Numbers read by the iterations of a loop: memory[base + stride · i], or memory[table[i]].

    All tables of a loop are columns of one, because several tables of equal length compete for the same lines of the
    processor's cache; then `base` is the column, `stride` their number, and `name` the table of them all.
    """

    memory: str  # pointer, or "" for the constants of `table`
    base: int = 0
    stride: int = 0
    table: Array | None = None
    name: str = ""


class Carried(NamedTuple):
    """Result of a step of the block in an earlier iteration; `initial` has its places in the first iterations."""

    step: int
    initial: tuple[int, ...]


def carried(places: Array, first: int, period: int) -> Carried | None:
    """Find the step whose result, of at most MAX_LAG iterations ago, is read; `first` is the place of the first step.

    >>> carried(np.array([0, 11, 14, 17, 20]), 10, 3)
    Carried(step=1, initial=(0,))
    """
    back = int(places[-1]) - first - period * (len(places) - 1)
    lag = -(back // period)
    if not 0 < lag <= min(MAX_LAG, len(places) - 1):
        return None
    initial, later = places[:lag], places[lag:]
    step = back + lag * period
    if np.any(initial >= first) or np.any(later != first + step + period * np.arange(len(later))):
        return None
    return Carried(step, tuple(initial.tolist()))


def access(places: Array, inputs: int, slots: Array, constants: Array, copied: Callable[[int], int]) -> Access:
    """Find where the numbers at `places` lie; `copied` gives the slot of an input or a constant among steps."""
    if np.all(places < 0):
        return Access("", table=constants[~places])
    if np.all((places >= 0) & (places < inputs)):
        return in_steps("%s", places)
    at = slots[np.maximum(places - inputs, 0)]
    for i in np.flatnonzero(places < inputs).tolist():
        at[i] = copied(int(places[i]))
    return in_steps("%u", at)


def in_steps(memory: str, at: Array) -> Access:
    """Find the stride between offsets, or keep them as a table."""
    stride = int(at[1] - at[0]) if len(at) > 1 else 0
    if np.all(at == at[0] + stride * np.arange(len(at))):
        return Access(memory, int(at[0]), stride)
    return Access(memory, table=at.astype(np.int32))


def joined(accesses: dict[int, Access], tables: dict[bytes, str]) -> dict[int, Access]:
    """Join the tables of indices of a loop, and those of constants; `tables` are all of the program, by content."""
    result = dict(accesses)
    for constants in (False, True):
        found = {k: it.table for k, it in accesses.items() if it.table is not None and (it.memory == "") == constants}
        if found:
            content = np.stack(list(found.values()), axis=1).tobytes()
            name = tables.setdefault(content, f"@table{len(tables)}")
            result |= {k: accesses[k]._replace(base=i, stride=len(found), name=name) for i, k in enumerate(found)}
    return result

"""Run a program at once, without compiling it: translate its columns into instructions of the interpreter.

The functions made here take the place of compiled code in `kernel.py`: same names, arguments, shards and order of sums.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_tiny.compiler.backends.cache import sources, store, stored
from autograd_tiny.compiler.backends.llvm.engine import Code, compiled, identity, machine
from autograd_tiny.compiler.backends.llvm.interpreter import FIELDS, OUT, PACK, SUM, WORDS, text
from autograd_tiny.transforms.columns import NONE, Columns, columns_of
from autograd_tiny.transforms.program import Program

MAX_SAMPLES = 256  # of a block; more do not pay
MAX_NUMBERS = 1 << 16  # doubles in the rows of a block, to fit in the processor's cache


class Interpreted:
    """Functions of an interpreted program by name, and the memory they need; stands for a `Code`."""

    def __init__(self, functions: dict[str, Callable[..., None]], memory: tuple[int, int, int]) -> None:
        self._functions, self._memory = functions, memory

    def numbers(self, name: str, count: int) -> tuple[int, int, int]:
        """Doubles that the functions need: shared, of each thread, and sums of each shard."""
        return self._memory

    def function(self, name: str, arguments: int) -> Callable[..., None]:
        """Function of that name, as in `loops.py`."""
        return self._functions[name]


def interpreted(program: Program) -> Interpreted | None:
    """Translate a prepared program; None if an op is computed by Python, or has a word that no row of the table has."""
    if any(WORDS.get(op.machine, (0, 0))[1] != n for op, n in program.steps.kinds()):
        return None
    columns = columns_of(program)
    return _batched(program, columns) if program.widths else _single(columns)


def _single(columns: Columns) -> Interpreted:
    """Without a batch: the table has a place for each input, constant and step."""
    n = columns.inputs
    places = np.arange(n + len(columns.code))
    places[n:] += len(columns.constants)
    return Interpreted({"start": _start(columns, n, places, slice(None))}, (len(places) + len(columns.constants), 0, 0))


def _start(columns: Columns, inputs: int, places: Any, steps: Any) -> Callable[..., None]:
    """Function (s, u, o) that computes these steps from so many inputs; o gets all outputs unless there is a batch."""
    constants = np.asarray(columns.constants)
    table = _table(places, inputs, len(constants))

    def placed(column: Any) -> Any:
        x = np.asarray(column)
        return table[np.where(x == NONE, 0, x)]

    codes = np.array([WORDS[op.machine][0] for op in columns.ops], np.int32)
    of_steps = places[columns.inputs :][steps]
    code = np.zeros((len(of_steps) + 1, FIELDS), np.int32)
    code[:-1, 0] = codes[np.asarray(columns.code)[steps]] if len(codes) else 0
    for k, column in enumerate(columns.operands, 1):
        code[:-1, k] = placed(np.asarray(column)[steps])
    code[:-1, -1] = of_steps
    outputs = placed(columns.outputs).astype(np.int32) if inputs == columns.inputs else np.zeros(0, np.int32)
    if not len(of_steps) and not len(outputs):  # nothing to interpret

        def filled(s: int, u: int, o: int) -> None:
            _numbers(u, inputs)[:] = _numbers(s, inputs)
            _numbers(u + 8 * inputs, len(constants))[:] = constants

        return filled
    run = _interpreter(False).function("single", 9)

    def start(s: int, u: int, o: int) -> None:
        run(code.ctypes.data, constants.ctypes.data, len(constants), outputs.ctypes.data, len(outputs), inputs, s, u, o)

    return start


def _batched(program: Program, columns: Columns) -> Interpreted:
    """Over a batch: `start` computes the steps that all samples share, `run` the others, a row of samples at a time."""
    n, shared, lanes, fixed = columns.inputs, program.shared, machine().lanes, len(columns.constants)
    operands = [np.asarray(column) for column in columns.operands]
    moves = _moving(columns, shared)
    places = np.arange(n + len(columns.code))  # of the shared values: inputs, constants, steps
    places[n:] = np.cumsum(~moves[n:]) + (shared + fixed - 1)
    start = _start(columns, shared, places, ~moves[n:])
    memory = shared + fixed + int(np.count_nonzero(~moves[n:]))

    outputs = np.asarray(columns.outputs)
    values, numbers = outputs, np.arange(len(outputs))  # values to keep, and the number of the output or the sum
    totals = numbers  # per output: its sum, or ~ the place of a shared value
    placed = _table(places, shared, fixed)
    if program.reduce:
        moving = _is(moves, outputs)
        values, sums = np.unique(outputs[moving], return_inverse=True)
        numbers, totals = np.arange(len(values)), ~placed[outputs]
        totals[moving] = sums
    count = len(values) if program.reduce else 0

    rows, most = _rows(columns, moves, values)
    frames = max(1, min(MAX_SAMPLES, MAX_NUMBERS // max(1, most)) // lanes)
    steps = np.flatnonzero(moves[n:])
    read = [column[steps] for column in operands]
    once = np.concatenate([*[x[(x != NONE) & ~_is(moves, x)] for x in read], values[~_is(moves, values)]])
    spread = np.unique(placed[once], return_index=True)[0].astype(np.int32)  # the index spares an import of numpy.ma
    border, at = len(spread), lanes * (len(spread) + most * frames)

    def vector(x: Any) -> Any:
        """Where values lie: those that move in rows, before them those that all samples share."""
        row, known = _is(moves, x), x != NONE
        found = np.zeros(len(x), np.int64)
        found[row] = border + rows[x[row]] * frames
        found[known & ~row] = np.searchsorted(spread, placed[x[known & ~row]])
        return found

    words = np.array([WORDS[op.machine][0] for op in columns.ops], np.int32)
    parts = [
        _packs(program, rows, border, frames),
        _instructions(
            2 * steps + 2, words[np.asarray(columns.code)[steps]], *map(vector, read), result=vector(n + steps)
        ),
        _instructions(2 * np.maximum(values - n, -1) + 3, SUM if program.reduce else OUT, vector(values), numbers),
    ]
    timed = np.concatenate(parts)
    code = np.concatenate([timed[np.argsort(timed[:, 0], kind="stable"), 1:], np.zeros((1, FIELDS))]).astype(np.int32)
    each, spreading = _interpreter(True).function("each", 9), _interpreter(True).function("spread", 4)

    def run(first: int, last: int, length: int, size: int, s: int, u: int, tables: int, w: int, o: int) -> None:
        spreading(spread.ctypes.data, border, u, w)
        into, stride = (w + 8 * at, 0) if program.reduce else (o, size)
        for k in range(first, last):
            begin, end = k * length, min((k + 1) * length, size)
            if program.reduce:
                ctypes.memset(into, 0, 8 * lanes * count)
            for base in range(begin, end, frames * lanes):
                some = min(frames, -(-(end - base) // lanes))
                each(code.ctypes.data, border, some, base, end, stride, tables, w, into)
            if program.reduce:
                _numbers(o + 8 * k * count, count)[:] = _added(_numbers(into, count * lanes), lanes)

    def finish(shards: int, size: int, u: int, added: int, o: int) -> None:
        found = np.zeros(count)
        shared_values = _numbers(u, memory)
        with np.errstate(all="ignore"):
            for row in _numbers(added, shards * count).reshape(shards, count):
                found += row
            _numbers(o, len(totals))[:] = [shared_values[~i] * size if i < 0 else found[i] for i in summed]

    def whole(shards: int, length: int, size: int, s: int, u: int, tables: int, w: int, added: int, o: int) -> None:
        start(s, u, o)
        run(0, shards, length, size, s, u, tables, w, added if program.reduce else o)
        if program.reduce:
            finish(shards, size, u, added, o)

    summed = totals.tolist()
    functions: dict[str, Callable[..., None]] = {"start": start, "run": run, "finish": finish, "all": whole}
    return Interpreted(functions, (memory, at + lanes * count, count))


def _moving(columns: Columns, shared: int) -> Any:
    """Per place, True if it differs between samples."""
    n = columns.inputs
    found = bytearray(1 + shared) + b"\1" * (n - shared)  # the first is that of constants
    places = [np.maximum(column, -1) + 1 for column in columns.operands]
    if np.all(np.any([x > shared for x in places], axis=0)):  # each reads a sample, or another step
        return np.arange(n + len(columns.code)) >= shared
    given = [x.tolist() for x in places]
    append = found.append
    if len(given) == 2:
        for x, y in zip(*given, strict=True):
            append(found[x] | found[y])
    else:
        for xs in zip(*given, strict=True):
            append(max([found[x] for x in xs]))
    return np.frombuffer(bytes(found[1:]), np.uint8) != 0


def _is(moves: Any, x: Any) -> Any:
    """True for each of the values x, places or ~constants, that moves."""
    return (x >= 0) & moves[np.maximum(x, 0)] if len(moves) else x >= 0


def _table(places: Any, inputs: int, constants: int) -> Any:
    """Places of values; those of constants, which follow the inputs, are found from the end, at ~i."""
    return np.concatenate([places, inputs + np.arange(constants)[::-1]])


def _rows(columns: Columns, moves: Any, kept: Any) -> tuple[Any, int]:
    """Row of each value that moves, and their number; a row is used again after the last use of its value."""
    n, steps = columns.inputs, np.arange(len(columns.code))
    last = np.concatenate([np.full(n, -1), steps])
    for column in columns.operands:
        x = np.asarray(column)
        used = np.full(len(last), -1)
        used[x[x >= 0]] = steps[x >= 0]  # of equal indices the last one counts
        last = np.maximum(last, used)
    given = moves[:n] & ((last[:n] >= 0) | np.isin(np.arange(n), kept))
    rows, count = [-1] * len(last), int(np.count_nonzero(given))
    for row, place in enumerate(np.flatnonzero(given).tolist()):
        rows[place] = row
    values = np.flatnonzero(moves & (last >= 0))
    values = values[np.argsort(last[values], kind="stable")]
    ends, ending = [*last[values].tolist(), -1], values.tolist()
    free: list[int] = []
    i = 0
    for t in np.flatnonzero(moves[n:]).tolist():
        unused = False
        while ends[i] == t:
            if ending[i] == n + t:
                unused = True  # only kept, which happens at once
            else:
                free.append(rows[ending[i]])
            i += 1
        if not free:
            free.append(count)
            count += 1
        rows[n + t] = free[-1] if unused else free.pop()
    return np.array(rows, np.int64), count


def _instructions(times: Any, words: Any, *fields: Any, result: Any = 0) -> Any:
    """Rows of instructions, each with a time to sort them by."""
    found = np.zeros((len(times), 1 + FIELDS), np.int64)
    for k, x in enumerate((times, words, *fields)):
        found[:, k] = x
    found[:, -1] = result
    return found


def _packs(program: Program, rows: Any, border: int, frames: int) -> Any:
    """Instructions that read the inputs of a block of samples, those that have a row."""
    given = [(k, width, j) for k, width in enumerate(program.widths) for j in range(width)]
    found = np.array(given, np.int64).reshape(-1, 3)
    mine = rows[program.shared : len(program.inputs)]
    found, mine = found[mine >= 0], mine[mine >= 0]
    return _instructions(np.zeros(len(mine)), PACK, *found.T, result=border + mine * frames)


def _added(vectors: Any, lanes: int) -> Any:
    """Add the lanes of each vector pairwise, as `sums.added` does."""
    found = vectors.reshape(-1, lanes)
    with np.errstate(all="ignore"):
        while lanes > 1:
            lanes //= 2
            found = found[:, :lanes] + found[:, lanes:]
    return found[:, 0]


def _numbers(address: int, count: int) -> Any:
    """Array of the doubles at an address."""
    return (
        np.frombuffer(memoryview((ctypes.c_double * count).from_address(address)).cast("B")) if count else np.zeros(0)
    )


@functools.cache
def _interpreter(moving: bool) -> Code:
    """Load the interpreter of doubles or of vectors, from the cache if possible."""
    name = hashlib.sha256(repr(("interpreter", moving, identity(), sources())).encode()).hexdigest()
    data = stored(name)
    if data is None:
        data = compiled(text(machine(), moving), quickly=not moving)  # with vectors, that code is three times as slow
        store(name, data)
    return Code(data)

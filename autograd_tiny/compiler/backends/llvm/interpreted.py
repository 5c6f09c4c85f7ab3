"""Run a program at once, without compiling it: translate its columns into instructions of the interpreter.

The functions made here take the place of compiled code in `kernel.py`: same names, arguments, shards and order of sums.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
from collections.abc import Callable, Sequence
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
    if any(WORDS.get(op.machine, (0, 0))[1] != n for op, n in {(op, len(xs)) for op, xs in program.steps}):
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
    table = np.concatenate([places, inputs + np.arange(len(constants))[::-1]])  # ~i is found from its end

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
    run = _interpreter().function("single", 9)

    def start(s: int, u: int, o: int) -> None:
        run(code.ctypes.data, constants.ctypes.data, len(constants), outputs.ctypes.data, len(outputs), inputs, s, u, o)

    return start


class _Block:
    """Instructions for a block of samples: rows of vectors, and before them vectors that spread a shared value."""

    def __init__(self, places: Sequence[int], first: int) -> None:
        self.places, self.first = places, first  # of the shared values; constants start at `first`
        self.spread: dict[int, int] = {}  # place of a shared value: its vector
        self.rows: dict[int, int] = {}  # input or step: its row
        self.free: list[int] = []
        self.count = 0
        self.code: list[tuple[int, ...]] = []  # rows are written as ~row until the number of vectors is known

    def vector(self, x: int) -> int:
        """Where a value lies."""
        if x in self.rows:
            return ~self.rows[x]
        place = self.first + ~x if x < 0 else self.places[x]
        return self.spread.setdefault(place, len(self.spread))

    def row(self, x: int) -> int:
        """Assign a row to a new value, one whose value is no longer needed if possible."""
        if not self.free:
            self.free.append(self.count)
            self.count += 1
        self.rows[x] = self.free.pop()
        return ~self.rows[x]

    def array(self, frames: int) -> Any:
        """All instructions, for rows of so many vectors, with an end."""
        code = np.array([*self.code, (0,) * FIELDS], np.int32)
        return np.where(code < 0, len(self.spread) + ~code * frames, code).astype(np.int32)


def _batched(program: Program, columns: Columns) -> Interpreted:
    """Over a batch: `start` computes the steps that all samples share, `run` the others, a row of samples at a time."""
    n, shared, lanes = columns.inputs, program.shared, machine().lanes
    operands = list(zip(*[column.tolist() for column in columns.operands], strict=True))
    varies = bytearray(shared) + b"\1" * (n - shared)
    for xs in operands:
        varies.append(any(x >= 0 and varies[x] for x in xs))
    fixed = np.frombuffer(bytes(varies), np.uint8)[n:] == 0
    places = np.arange(n + len(operands))
    places[n:][fixed] = np.arange(np.count_nonzero(fixed)) + (shared + len(columns.constants))
    start = _start(columns, shared, places, fixed)

    sums: dict[int, int] = {}
    kept: dict[int, list[int]] = {}  # output numbers, or the number of the sum, of each value
    totals: list[int] = []  # per output: its sum, or ~ the place of a shared value
    block = _Block(places.tolist(), shared)
    for i, y in enumerate(columns.outputs):
        if program.reduce is None:
            kept.setdefault(y, []).append(i)
        elif y >= 0 and varies[y]:
            totals.append(sums.setdefault(y, len(sums)))
            kept[y] = [sums[y]]
        else:
            totals.append(~(shared + ~y if y < 0 else block.places[y]))
    _translate(program, columns, operands, varies, kept, block)
    frames = max(1, min(MAX_SAMPLES, MAX_NUMBERS // max(1, block.count)) // lanes)
    code, spread = block.array(frames), np.array(list(block.spread), np.int32)
    border, at = len(spread), lanes * (len(spread) + block.count * frames)
    each, spreading = _interpreter().function("each", 9), _interpreter().function("spread", 4)

    def run(first: int, last: int, length: int, size: int, s: int, u: int, tables: int, w: int, o: int) -> None:
        spreading(spread.ctypes.data, border, u, w)
        into, stride = (w + 8 * at, 0) if program.reduce else (o, size)
        for k in range(first, last):
            begin, end = k * length, min((k + 1) * length, size)
            if program.reduce:
                ctypes.memset(into, 0, 8 * lanes * len(sums))
            for base in range(begin, end, frames * lanes):
                some = min(frames, -(-(end - base) // lanes))
                each(code.ctypes.data, border, some, base, end, stride, tables, w, into)
            if program.reduce:
                _numbers(o + 8 * k * len(sums), len(sums))[:] = _added(_numbers(into, len(sums) * lanes), lanes)

    def finish(shards: int, size: int, u: int, added: int, o: int) -> None:
        found = np.zeros(len(sums))
        values = _numbers(u, memory[0])
        with np.errstate(all="ignore"):
            for row in _numbers(added, shards * len(sums)).reshape(shards, len(sums)):
                found += row
            _numbers(o, len(totals))[:] = [values[~i] * size if i < 0 else found[i] for i in totals]

    def whole(shards: int, length: int, size: int, s: int, u: int, tables: int, w: int, added: int, o: int) -> None:
        start(s, u, o)
        run(0, shards, length, size, s, u, tables, w, added if program.reduce else o)
        if program.reduce:
            finish(shards, size, u, added, o)

    memory = shared + len(columns.constants) + int(np.count_nonzero(fixed)), at + lanes * len(sums), len(sums)
    return Interpreted({"start": start, "run": run, "finish": finish, "all": whole}, memory)


def _translate(
    program: Program,
    columns: Columns,
    operands: Sequence[tuple[int, ...]],
    varies: bytearray,
    kept: dict[int, list[int]],
    block: _Block,
) -> None:
    """Write the instructions for a block; the row of a value is free after its last use."""
    n, keep = columns.inputs, SUM if program.reduce else OUT
    words = [WORDS[op.machine][0] for op in columns.ops]
    last = {x: t for t, xs in enumerate(operands) for x in xs}
    inputs = [(k, width, j) for k, width in enumerate(program.widths) for j in range(width)]
    for x, (k, width, j) in enumerate(inputs, program.shared):
        if x in last or x in kept:
            block.code.append((PACK, k, width, j, block.row(x)))
    for y, numbers in kept.items():
        if y < n or not varies[y]:
            block.code += [(keep, block.vector(y), i, 0, 0) for i in numbers]
    padding = (0,) * (FIELDS - 2)
    for t, (code, xs) in enumerate(zip(columns.code, operands, strict=True)):
        y = n + t
        if varies[y]:
            found = (*[block.vector(x) for x in xs if x != NONE], *padding)
            block.free += [block.rows[x] for x in set(xs) if last[x] == t and x in block.rows]
            row = block.row(y)
            block.code.append((words[code], *found[: FIELDS - 2], row))
            block.code += [(keep, row, i, 0, 0) for i in kept.get(y, ())]
            if y not in last:
                block.free.append(~row)


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
def _interpreter() -> Code:
    """Load the interpreter, from the cache if possible."""
    name = hashlib.sha256(repr(("interpreter", identity(), sources())).encode()).hexdigest()
    data = stored(name)
    if data is None:
        data = compiled(text(machine()))
        store(name, data)
    return Code(data)

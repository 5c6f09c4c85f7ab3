"""Group independent steps by level, and assign rows of two tables to their results."""

from __future__ import annotations

import struct
from collections import defaultdict
from typing import NamedTuple

from autograd_tiny.engine.op import Op
from autograd_tiny.transforms.program import Place, Program

CACHED_NUMBERS = 1 << 18  # measured with 1 MB of level-2 cache: half and twice as many were up to a third slower
MIN_BLOCK, MAX_BLOCK = 32, 4096  # samples


class Row(NamedTuple):
    """Row of one of two tables: the shared one, with one column, or the batched one, with a column per sample."""

    batched: bool
    number: int


class Group(NamedTuple):
    """Independent steps of one op, computed by one array call."""

    op: Op
    operands: tuple[tuple[bool, list[int]], ...]  # per operand: is it batched, and its row for each step
    batched: bool  # results lie in the batched table
    start: int  # row of the first result; the others follow


class Plan(NamedTuple):
    """Program as groups: the shared ones, run once per call, and the batched ones."""

    shared: list[Group]
    batched: list[Group]
    constants: list[float]  # in the shared table, after the inputs
    rows: tuple[int, int]  # number of rows of each table; inputs come first
    outputs: list[Row]

    @property
    def mean(self) -> float:
        """Mean number of steps of a group."""
        groups = [*self.shared, *self.batched]
        return sum(len(group.operands[0][1]) for group in groups) / max(1, len(groups))

    @property
    def block(self) -> int:
        """Samples computed at a time, so that their values fit in the processor's cache."""
        return min(MAX_BLOCK, max(MIN_BLOCK, CACHED_NUMBERS // max(1, self.rows[1])))


def grouped(program: Program) -> Plan:
    """Plan a program. Steps of a group are sorted by the rows of their operands, so that most operands are slices.

    >>> from autograd_tiny.engine import ops
    >>> from autograd_tiny.transforms.program import Step
    >>> steps = (Step(ops.mul, (0, 1)), Step(ops.exp, (0,)), Step(ops.mul, (2, 0)))
    >>> program = Program(("w", "x", "y"), steps, (3, 5), (2,))
    >>> plan = grouped(program)
    >>> plan.shared
    [Group(op=<op exp>, operands=((False, [0]),), batched=False, start=1)]
    >>> plan.batched
    [Group(op=<op mul>, operands=((False, [0, 0]), (True, [0, 1])), batched=True, start=2)]
    """
    n, shared = len(program.inputs), program.shared
    used = [x for step in program.steps for x in step.operands] + list(program.outputs)
    constants = {struct.pack("d", x): x for x in used if not isinstance(x, int)}
    rows = [Row(i >= shared, i - shared if i >= shared else i) for i in range(n)]
    known = {bits: Row(False, shared + i) for i, bits in enumerate(constants)}
    level = [0] * n
    batched = [row.batched for row in rows]
    waiting = defaultdict(list)
    for place, (op, operands) in enumerate(program.steps, n):
        if op.machine in ("+", "*"):  # commutative: normalise the order, so that more steps share a group
            operands = tuple(
                sorted(operands, key=lambda x: (batched[x], level[x]) if isinstance(x, int) else (False, 0))
            )
        inner = [x for x in operands if isinstance(x, int)]
        tables = tuple([isinstance(x, int) and batched[x] for x in operands])
        level.append(1 + max([level[x] for x in inner], default=0))
        batched.append(True in tables)
        waiting[level[place], op, tables].append((place, operands))

    def row(x: Place) -> Row:
        return rows[x] if isinstance(x, int) else known[struct.pack("d", x)]

    groups: tuple[list[Group], list[Group]] = ([], [])
    count = [shared + len(constants), n - shared]
    rows += [Row(False, 0)] * len(program.steps)  # assigned once its level is laid out
    for (_, op, tables), steps in sorted(waiting.items(), key=lambda item: item[0][0]):
        table = True in tables
        lines = sorted([([row(x).number for x in operands], place) for place, operands in steps])
        columns = [list(column) for column in zip(*(numbers for numbers, _ in lines), strict=True)]
        groups[table].append(Group(op, tuple(zip(tables, columns, strict=True)), table, count[table]))
        for number, (_, place) in enumerate(lines, count[table]):
            rows[place] = Row(table, number)
        count[table] += len(lines)
    return Plan(*groups, list(constants.values()), (count[0], count[1]), [row(y) for y in program.outputs])


def index(rows: list[int]) -> slice | list[int]:
    """Convert rows to a slice if they increase in even steps or are all equal; otherwise return them unchanged.

    >>> index([3, 5, 7]), index([2, 2]), index([0, 1, 0])
    (slice(3, 8, 2), slice(2, 3, None), [0, 1, 0])
    """
    step = rows[1] - rows[0] if len(rows) > 1 else 1
    if step == 0 and rows.count(rows[0]) == len(rows):
        return slice(rows[0], rows[0] + 1)
    return slice(rows[0], rows[-1] + 1, step) if step > 0 and rows == list(range(rows[0], rows[-1] + 1, step)) else rows

"""The steps of a program that do not wait for each other, in groups, and where their results lie."""

from __future__ import annotations

import struct
from collections import defaultdict
from typing import NamedTuple

from autograd_tiny.engine.op import Op
from autograd_tiny.transforms.program import Place, Program

CACHE = 1 << 18  # numbers: measured on 1 MB of level 2 per core, half and twice as many were up to a third slower
LEAST, MOST = 32, 4096


class Row(NamedTuple):
    """A row of one of two tables: what all samples share, with one column, or what is batched, with one per sample."""

    batched: bool
    number: int


class Group(NamedTuple):
    """Steps of one op that do not wait for each other."""

    op: Op
    operands: tuple[tuple[bool, list[int]], ...]  # for each, its table, and its row for each step
    batched: bool  # the table of the results
    start: int  # the row of the first; the others follow


class Plan(NamedTuple):
    """A program as groups: those that all samples share, to be run once, and those that are batched."""

    shared: list[Group]
    batched: list[Group]
    constants: list[float]  # in the shared table, behind the inputs
    rows: tuple[int, int]  # of the two tables; the inputs come first
    outputs: list[Row]

    @property
    def block(self) -> int:
        """How many samples are computed at a time: so many that their values stay in the cache."""
        return min(MOST, max(LEAST, CACHE // max(1, self.rows[1])))


def grouped(program: Program) -> Plan:
    """The plan of a program. Steps lie in the order of their operands' rows, so that most operands are slices.

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
        if op.machine in ("+", "*"):  # the same either way round: the shared and the earlier one first
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
    rows += [Row(False, 0)] * len(program.steps)  # known once its level is laid out
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
    """The rows as a slice, where they go up in even steps or are one row for all; else as they are.

    >>> index([3, 5, 7]), index([2, 2]), index([0, 1, 0])
    (slice(3, 8, 2), slice(2, 3, None), [0, 1, 0])
    """
    step = rows[1] - rows[0] if len(rows) > 1 else 1
    if step == 0 and rows.count(rows[0]) == len(rows):
        return slice(rows[0], rows[0] + 1)
    return slice(rows[0], rows[-1] + 1, step) if step > 0 and rows == list(range(rows[0], rows[-1] + 1, step)) else rows

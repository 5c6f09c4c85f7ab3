"""Find the layers of a flat batched program: matrix products, outer products, and equal small expressions.

1. A chain of `+` over products, each used once, of a number that all samples share and one of the sample's own, is a
   dot product. Dot products over the same numbers of the sample, in the same order, are one matrix product.
2. Products of two numbers of a sample that are only summed over the batch are outer products.
3. The other steps form small expressions, one for each number that is used by more than one group. Equal expressions
   over other numbers are one map.

The order of each sum is that of the program, so that results are equal to the bit.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from autograd_tiny.transforms.columns import Columns, columns_of
from autograd_tiny.transforms.program import Program, Step

MIN_TERMS = 4  # of a dot product; shorter chains are part of expressions
MAX_STEPS = 40  # of an expression, which is straight-line code
MIN_STEPS = 1000  # of a program
SLOW_TO_COMPILE = 10_000  # steps of straight-line code: a second
GROUP_CODE = 20  # steps of straight-line code that compile in the time of a group's loops
Array = Any  # of integers: rows, or places of numbers that all samples share, where ~i is constant i


class Product(NamedTuple):
    """Matrix product: row out + r is init[r] + Σ weights[r, k] · row operands[k], added in the order of k."""

    out: int
    weights: Array  # places
    operands: Array  # rows
    init: Array | None  # places; None: continue from what the rows of the result hold


class Map(NamedTuple):
    """Equal expressions: row out + r is the last of `steps`, whose operands are leaves, then earlier steps."""

    out: int
    size: int
    steps: tuple[Step, ...]  # without any, the only leaf is copied
    leaves: list[tuple[bool, Array]]  # per leaf: True if it differs between samples, and its row or place for each r


class Outer(NamedTuple):
    """Sums over the batch of row left[i] times row right[j], added to sum out + i · len(right) + j."""

    out: int
    left: Array  # rows
    right: Array


class Sum(NamedTuple):
    """Sums over the batch: row rows[i] is added to sum out + i."""

    out: int
    rows: Array  # one after another


class Plan(NamedTuple):
    """Groups in the order of their computation; rows hold the numbers of samples, and those of the inputs come first.

    `outputs` has, per output, its sum with `reduce`, or None if all samples share it; its row without `reduce`.
    """

    groups: list[Product | Map | Outer | Sum]
    rows: int
    sums: int
    outputs: list[int | None]
    places: list[int]  # of the outputs
    varies: bytearray  # per place, 1 if it differs between samples
    constants: list[float]


def worthwhile(program: Program) -> Plan | None:
    """Plan a batched program if loops beat straight-line code, otherwise return None.

    Measured with derivatives of networks of 12 to 24 neurons a layer: where matrix and outer products are four fifths
    of the steps, loops take 0.4 µs more for up to 8 samples, and from 100 samples on as much time or less, by a fifth
    at 1,024. Where they are fewer, loops take up to half as much time again, but compile in a tenth of the time from
    10,000 steps on. A program of few equal parts is more code as loops.
    """
    steps = len(program.steps)
    if not program.widths or steps < MIN_STEPS:
        return None
    plan = layers(program)
    code = sum(GROUP_CODE + (len(group.steps) if isinstance(group, Map) else 0) for group in plan.groups)
    products = sum(_multiplied(group) for group in plan.groups)
    return plan if 3 * code <= steps and products >= (0.8 if steps < SLOW_TO_COMPILE else 0.2) * steps else None


def _multiplied(group: Product | Map | Outer | Sum) -> int:
    """Number of steps that a matrix or outer product stands for."""
    match group:
        case Product():
            return 2 * group.weights.size
        case Outer():
            return len(group.left) * len(group.right)
    return 0


def layers(program: Program) -> Plan:
    """Plan a batched program as matrix products, outer products and maps.

    >>> from autograd_tiny.engine import ops
    >>> w, x, y = 0, 4, 8
    >>> steps = [Step(ops.mul, (w, x))]
    >>> for i in range(1, 4):
    ...     steps += [Step(ops.mul, (w + i, x + i)), Step(ops.add, (y + 2 * i - 2, y + 2 * i - 1))]
    >>> plan = layers(Program(tuple("abcdwxyz"), (*steps, Step(ops.exp, (14,))), (15,), (4,), "sum"))
    >>> product, exponential, total = plan.groups
    >>> product.weights.tolist(), product.operands.tolist(), plan.constants
    ([[0, 1, 2, 3]], [0, 1, 2, 3], [-0.0])
    >>> exponential
    Map(out=5, size=1, steps=(Step(op=<op exp>, operands=(0,)),), leaves=[(True, array([4]))])
    >>> total
    Sum(out=0, rows=array([5]))
    """
    return _Finder(program, columns_of(program)).plan()


def line(rows: Sequence[int] | Array) -> tuple[int, int] | None:
    """Start and step of rows that lie on a line, otherwise None; the step of one row is 1.

    >>> line([7, 6, 5]), line([2, 2]), line([0, 1, 0])
    ((7, -1), (2, 0), None)
    """
    start, step = int(rows[0]), int(rows[1]) - int(rows[0]) if len(rows) > 1 else 1
    return (start, step) if np.array_equal(rows, start + step * np.arange(len(rows))) else None


class _Finder:
    """Analysis of one program; arrays have an entry per place."""

    def __init__(self, program: Program, columns: Columns) -> None:
        self.program, self.ops = program, columns.ops
        self.n, self.shared = columns.inputs, program.shared
        self.end = self.n + len(columns.code)
        blank = np.full(self.n, -1, np.int64)
        self.code = np.concatenate([blank, np.asarray(columns.code, np.int64)])
        self.operands = [np.concatenate([blank, np.asarray(x, np.int64)]) for x in columns.operands]
        self.arity = np.zeros(self.end, np.int64)
        for x in columns.operands:
            self.arity[self.n :] += np.asarray(x) != -(1 << 31)
        self.constants = list(columns.constants)
        self.outputs = np.asarray(columns.outputs, np.int64)
        self.varying = bytearray(self._varying())
        self.varies = np.frombuffer(self.varying, bool)
        self.kept = np.zeros(self.end, bool)  # outputs
        self.kept[self.outputs[self.outputs >= 0]] = True
        used = [x[self.n :][x[self.n :] >= 0] for x in self.operands]
        self.uses = np.bincount(np.concatenate([*used, blank[:0]]), minlength=self.end)
        self.level = [0] * self.end
        self.row = [-1] * self.end
        self.row[self.shared : self.n] = range(self.n - self.shared)
        self.rows = self.n - self.shared
        self.groups: list[Product | Map | Outer | Sum] = []

    def plan(self) -> Plan:
        """Find all groups, in the order of their computation."""
        dots, gone = self._dots()
        outers = self._outers(gone)
        expressions = self._expressions(dots, outers, gone)
        for _, kind, items in self._in_order(dots, expressions):
            self._product(items) if kind == "dot" else self._map(items)
        return self._sums(outers)

    def constant(self, x: float) -> int:
        """Return the place of a constant."""
        bits = struct.pack("d", x)
        for i, known in enumerate(self.constants):
            if struct.pack("d", known) == bits:
                return ~i
        self.constants.append(x)
        return ~(len(self.constants) - 1)

    def _varying(self) -> list[bool]:
        """Say per place whether it differs between samples."""
        found = [False] * self.shared + [True] * (self.n - self.shared) + [False] * (self.end - self.n)
        found += [False] * (len(self.constants) + 1)  # constant i is at ~i, from the end
        columns = [np.maximum(x[self.n :], ~len(self.constants)).tolist() for x in self.operands]
        if len(columns) == 2:
            for p, (a, b) in enumerate(zip(*columns, strict=True), self.n):
                found[p] = found[a] or found[b]
        else:
            for p, xs in enumerate(zip(*columns, strict=True), self.n):
                for x in xs:
                    if found[x]:
                        found[p] = True
                        break
        return found[: self.end]

    def _moving(self, x: Array) -> Array:
        return (x >= 0) & self.varies[np.maximum(x, 0)]

    def _is(self, word: str) -> Array:
        code = next((i for i, op in enumerate(self.ops) if op.machine == word), -2)
        return (self.code == code) & self.varies

    def _dots(self) -> tuple[dict[int, tuple[int, Array, Array]], Array]:
        """Dot products by place, (first summand, shared factors, factors of a sample), and the steps inside them."""
        gone = np.zeros(self.end, bool)
        if len(self.operands) < 2:
            return {}, gone
        a, b = self.operands[:2]
        once = (self.uses == 1) & ~self.kept
        first = self._moving(a)
        product = self._is("*") & once & (first ^ self._moving(b))
        shared, moving = np.where(first, b, a), np.where(first, a, b)

        def among(x: Array, chosen: Array) -> Array:
            return (x >= 0) & chosen[np.maximum(x, 0)]

        added = self._is("+")
        ends_b, ends_a = among(b, product), among(a, product)
        link = added & (ends_a | ends_b)
        term, rest = np.where(ends_b, b, a), np.where(ends_b, a, b)
        inner = np.zeros(self.end, bool)
        follows = rest[link & among(rest, link & once)]
        inner[follows] = True
        found: dict[int, tuple[int, Array, Array]] = {}
        terms, rests, inners, products = term.tolist(), rest.tolist(), inner.tolist(), product.tolist()
        for head in np.flatnonzero(link & ~inner).tolist():
            chain, p, links = [], head, [head]
            while True:
                chain.append(terms[p])
                p = rests[p]
                if p < 0 or not inners[p]:
                    break
                links.append(p)
            if p >= 0 and products[p]:
                chain.append(p)
                p = self.constant(-0.0)  # neutral: -0.0 + x is x, also for x = 0.0
            if len(chain) >= MIN_TERMS:
                chain.reverse()
                found[head] = p, shared[chain], moving[chain]
                gone[chain] = True
                gone[links] = True
        return found, gone

    def _outers(self, gone: Array) -> list[tuple[list[int], list[int], list[list[int]]]]:
        """Outer products: left places, right places, and the products; they are removed from the other steps."""
        if not self.program.reduce or len(self.operands) < 2:
            return []
        a, b = self.operands[:2]
        alone = self._is("*") & self.kept & (self.uses == 0) & self._moving(a) & self._moving(b)
        by_left: dict[int, list[tuple[int, int]]] = defaultdict(list)
        places = np.flatnonzero(alone)
        for left, right, p in zip(a[places].tolist(), b[places].tolist(), places.tolist(), strict=True):
            by_left[left].append((right, p))
        blocks: dict[tuple[int, ...], list[tuple[int, list[int]]]] = defaultdict(list)
        for left, pairs in by_left.items():
            pairs.sort()
            blocks[tuple([right for right, _ in pairs])].append((left, [p for _, p in pairs]))
        gone[places] = True
        return [([left for left, _ in rows], list(rights), [ps for _, ps in rows]) for rights, rows in blocks.items()]

    def _expressions(
        self, dots: dict[int, Any], outers: Iterable[tuple[list[int], list[int], Any]], gone: Array
    ) -> dict[int, list[int]]:
        """Steps of each expression, by the place of its result, in the order of their computation."""
        roots = self.kept.copy()
        for init, _, moving in dots.values():
            roots[moving] = True
            if init >= 0:
                roots[init] = True
        for left, right, _ in outers:
            roots[left] = True
            roots[right] = True
        steps = self.varies & ~gone
        steps[: self.n] = False
        wanted, inside = roots.tolist(), steps.tolist()
        owner, size = [-1] * self.end, [0] * self.end
        columns = [x.tolist() for x in self.operands]
        for p in np.flatnonzero(steps).tolist()[::-1]:
            mine = owner[p]
            if wanted[p] or mine < 0 or size[mine] >= MAX_STEPS:
                owner[p] = mine = p
            size[mine] += 1
            for column in columns:
                x = column[p]
                if x >= 0 and inside[x]:
                    if owner[x] < 0:
                        owner[x] = mine
                    elif owner[x] != mine:
                        wanted[x] = True
        found: dict[int, list[int]] = defaultdict(list)
        for p in np.flatnonzero(steps).tolist():
            found[owner[p]].append(p)
        self.columns, self.owner = columns, owner
        return found

    def _in_order(
        self, dots: dict[int, tuple[int, Array, Array]], expressions: dict[int, list[int]]
    ) -> Iterable[tuple[int, str, list[Any]]]:
        """Groups by level: a group only uses numbers of lower levels."""
        level = self.level
        groups: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
        highest: dict[bytes, int] = {}
        for p in sorted([*dots, *expressions]):
            if p in dots:
                init, shared, moving = dots[p]
                bits = moving.tobytes()
                if bits not in highest:
                    highest[bits] = max([level[x] for x in moving.tolist()])
                continues = init >= 0 and bool(self.varies[init])
                level[p] = 1 + max(highest[bits], level[init] if continues else 0)
                groups[level[p], "dot", continues, bits].append((p, init, shared, moving))
            else:
                shape, leaves = self._shape(p)
                level[p] = 1 + max([level[x] for x in leaves if x >= 0], default=0)
                groups[level[p], "map", shape].append((p, leaves))
        ordered = sorted(groups.items(), key=lambda item: item[0][0])
        return [(key[0], key[1], items) for key, items in ordered]

    def _shape(self, root: int) -> tuple[tuple[Any, ...], list[int]]:
        """Expression with its leaves numbered in the order of their use, and the leaves."""
        columns, owner, n = self.columns, self.owner, self.n
        code, arity = self.code, self.arity
        known: dict[int, int] = {}  # of leaves: -1, -2, …; of steps: 0, 1, …
        leaves: list[int] = []
        shape: list[Any] = []
        waiting = [root]
        while waiting:
            p = waiting[-1]
            if p in known:
                waiting.pop()
                continue
            xs = [column[p] for column in columns[: arity[p]]]
            ready = True
            for x in reversed(xs):
                if x not in known and x >= n and owner[x] == root:
                    waiting.append(x)
                    ready = False
            if ready:
                for x in xs:
                    if x not in known:
                        leaves.append(x)
                        known[x] = -len(leaves)
                shape.append((int(code[p]), *[known[x] for x in xs]))
                known[p] = len(shape) - 1
                waiting.pop()
        return (tuple(shape), tuple([x >= 0 and bool(self.varies[x]) for x in leaves])), leaves

    def _new_rows(self, places: Sequence[int]) -> int:
        start = self.rows
        for i, p in enumerate(places):
            self.row[p] = start + i
        self.rows += len(places)
        return start

    def _product(self, items: list[tuple[int, int, Array, Array]]) -> None:
        _, init, _, moving = items[0]
        operands = self._lined([self.row[x] for x in moving.tolist()])
        out = self._new_rows([p for p, *_ in items])
        inits = [init for _, init, *_ in items]
        continues = init >= 0 and self.varies[init]
        if continues:
            rows = np.array([self.row[x] for x in inits])
            self.groups.append(Map(out, len(rows), (), [(True, rows)]))
        weights = np.array([shared for _, _, shared, _ in items])
        self.groups.append(Product(out, weights, operands, None if continues else np.array(inits)))

    def _map(self, items: list[tuple[int, list[int]]]) -> None:
        shape, kinds = self._shape(items[0][0])[0]
        out = self._new_rows([p for p, _ in items])
        columns = [np.array(column) for column in zip(*(leaves for _, leaves in items), strict=True)]
        leaves: list[tuple[bool, Array]] = []
        names: list[int | float] = []
        for varies, column in zip(kinds, columns, strict=True):
            if not varies and column[0] < 0 and (column == column[0]).all():
                names.append(self.constants[~int(column[0])])
            else:
                names.append(len(leaves))
                leaves.append((varies, np.array([self.row[x] for x in column.tolist()]) if varies else column))
        steps = tuple(
            Step(self.ops[code], tuple([names[-1 - x] if x < 0 else len(leaves) + x for x in xs]))
            for code, *xs in shape
        )
        self.groups.append(Map(out, len(items), steps, leaves))

    def _lined(self, rows: Sequence[int]) -> Array:
        """Return rows that lie on a line, copied to new ones if need be."""
        if (found := line(rows)) and found[1]:
            return np.array(rows)
        self.rows += len(rows)
        new = np.arange(self.rows - len(rows), self.rows)
        self.groups.append(Map(int(new[0]), len(rows), (), [(True, np.array(rows))]))
        return new

    def _sums(self, outers: list[tuple[list[int], list[int], list[list[int]]]]) -> Plan:
        outputs = self.outputs.tolist()
        if not self.program.reduce:
            return self._given(outputs)
        sums: dict[int, int] = {}
        for left, right, products in outers:
            start = len(sums)
            for p in [p for ps in products for p in ps]:
                sums[p] = len(sums)
            ends = [self._lined([self.row[x] for x in side]) for side in (left, right)]
            self.groups.append(Outer(start, *ends))
        others = {self.row[y]: y for y in outputs if y >= 0 and self.varies[y] and y not in sums}
        rows = np.array(sorted(others), int)
        for part in np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1) if others else ():
            self.groups.append(Sum(len(sums), part))
            for row in part.tolist():
                sums[others[row]] = len(sums)
        return Plan(
            self.groups, self.rows, len(sums), [sums.get(y) for y in outputs], outputs, self.varying, self.constants
        )

    def _given(self, outputs: list[int]) -> Plan:
        """Give each output that all samples share a row."""
        same = list(dict.fromkeys(y for y in outputs if y < 0 or not self.varies[y]))
        copied = dict(zip(same, accumulate([1] * len(same), initial=self.rows), strict=False))
        if same:
            self.groups.append(Map(self.rows, len(same), (), [(False, np.array(same))]))
            self.rows += len(same)
        rows: list[int | None] = [copied[y] if y in copied else self.row[y] for y in outputs]
        return Plan(self.groups, self.rows, 0, rows, outputs, self.varying, self.constants)

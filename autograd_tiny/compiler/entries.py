"""The entries of a Jacobian as outputs of a program: forward mode with a tangent per input that a value depends on.

Each step gets the tangents that its operands have, by the rules of dual.py, recorded once for each op and each way in
which its operands move, as a template: steps that compute the op and its slopes, and steps for one tangent. Which
templates a step takes is found step by step, most often in a table; the steps are then written by array operations,
one for each row of each template.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_tiny.compiler.lower import expansion, prepared
from autograd_tiny.compiler.rewriting import rewritten
from autograd_tiny.engine import ops
from autograd_tiny.engine.ieee import local_derivatives
from autograd_tiny.engine.op import Op
from autograd_tiny.transforms.columns import NONE, Place, Pool, Step, Steps
from autograd_tiny.transforms.dual import ABSENT, Dual, forward_level
from autograd_tiny.transforms.program import Program, program_of
from autograd_tiny.transforms.reverse import SQUARES, is_plain
from autograd_tiny.transforms.tracer import CUT, Tracer, recording

WIDEST = 64  # tangents of a value
DEEP = 300  # steps of a chain that are followed by array operations
MOST = 12  # tangents per step, on average
GENERIC = -1  # stands for any constant
ARITHMETIC = frozenset({ops.add, ops.sub, ops.mul, ops.div, ops.neg})  # their slopes are the same for all constants
SUMS = frozenset({ops.fsum, ops.dot})  # lowered, they are sums and products
NOTHING, WIDE = 0, 1  # signatures: no tangent, too many
Array = np.ndarray[Any, Any]
Signature = tuple[tuple[int, ...], tuple[int, ...]]  # inputs, from the first one on, and the kinds of their tangents
STILL, ONE = 1, 2  # of a kind: the tangent is absent under a condition; it is the first of the known numbers
NUMBERS = 16  # tangents that are constants and have kinds of their own
FEW = 32  # constants that are told apart as operands of arithmetic

# What a row of a template refers to: (kind, index)
PRIMAL, TANGENT, CONDITION, BASE, OWN, CONSTANT = range(6)
Ref = tuple[int, int]


class Row(NamedTuple):
    """Step of a template."""

    op: int
    operands: tuple[Ref, ...]


class Kind:
    """Steps with the same op, and the same constants if its slopes depend on them."""

    def __init__(self, op: Op, given: tuple[Any, ...]) -> None:
        self.op, self.given = op, given  # constants, and None for numbers that are not known
        self.rows: dict[Row, int] = {}
        self.result: Ref = (PRIMAL, 0)
        self.index = 0


class Move(NamedTuple):
    """Template of one tangent of a step, given the kinds of the tangents of its operands."""

    rows: list[Row]
    tangent: Ref
    still: Ref | None
    kind: int


def entries(program: Program, n: int) -> tuple[Program, list[tuple[int, ...] | None]] | None:
    """Return a program for the entries of the Jacobian with respect to the first n inputs, and the columns of each row.

    A row that depends on more than `WIDEST` inputs is left out, and has None for its columns.

    >>> from autograd_tiny.transforms.program import Step
    >>> program = Program(("x", "y"), (Step(ops.exp, (1,)), Step(ops.mul, (0, 2))), (3, 0), example=(1.0, 1.0))
    >>> entries(program, 2)
    (program of 2 inputs, 2 steps, 3 outputs
    v2 = exp(y)
    v3 = v2 * x
    return v2, v3, 1, [(0, 1), (0,)])

    None if that would be long, since values depend on many inputs, or if it takes more than templates.
    """
    if not SUMS.isdisjoint(program.steps.ops):
        program = rewritten(program, expand=_narrow)
    steps = program.steps
    if not all(is_plain(op) or op is CUT for op in steps.ops) or _squares_a_root(steps):
        return None
    return _Writer(program, n).written()


def _narrow(op: Op, xs: tuple[Place, ...]) -> tuple[Sequence[Step], Place]:
    """Expand sums of any number of operands."""
    return expansion(op, xs) if op in SUMS else ([Step(op, xs)], len(xs))


def _squares_a_root(steps: Steps) -> bool:
    """Return True if a step may take the square of a root, of which forward mode knows the slope."""
    if not any(op.squared for op in steps.ops):
        return False
    code = np.asarray(steps.code)
    rooted = np.array([i if op.squared else -1 for i, op in enumerate(steps.ops)])
    products = np.array([op is ops.mul for op in steps.ops])[code]
    powers = np.array([op in SQUARES and op is not ops.mul for op in steps.ops])[code]
    root = np.concatenate([np.full(steps.inputs, -1), rooted[code], [-1]])  # the last for what is no step
    a, b = (root[np.maximum(np.asarray(x), -1)] for x in (steps.a, steps.b))
    return bool(np.any((powers & (a >= 0)) | (products & (a == b) & (a >= 0))))


def vanishing(op: Op, arity: int) -> tuple[bool, ...]:
    """Per operand, True if the local derivative with respect to it is the constant 0, as for a step function."""
    if not isinstance(op.partials, tuple):
        return (False,) * arity
    with recording():
        xs = tuple(Tracer.leaf(0.5, "") for _ in range(arity))
        ds = local_derivatives(op, op(*xs), xs)
    return tuple(d == 0 if d.__class__ is float else d.op is ops.flat_rule for d in ds)


def reached(program: Program, y: Place, n: int) -> list[int]:
    """Return those of the first n inputs on which one output depends."""
    steps, inputs = program.steps, program.steps.inputs
    met = bytearray(inputs + len(steps))
    if isinstance(y, int):
        met[y] = 1
    a, b, c, code, more = steps.a, steps.b, steps.c, steps.code, steps.more
    kept: dict[tuple[int, int], list[bool]] = {}
    for i in range(len(steps) - 1, -1, -1):
        if met[inputs + i]:
            xs = [x for x in (a[i], b[i], c[i], *more.get(i, ())) if x != NONE]
            key = code[i], len(xs)
            if key not in kept:
                kept[key] = [not v for v in vanishing(steps.ops[code[i]], len(xs))]
            for x, is_kept in zip(xs, kept[key], strict=True):
                if x >= 0 and is_kept:
                    met[x] = 1
    return [j for j in range(n) if met[j]]


class _Writer:
    def __init__(self, program: Program, n: int) -> None:
        self.program, self.steps, self.n = program, program.steps, n
        self.inputs = self.steps.inputs
        self.pool = Pool(self.steps.constants)
        self.ops: dict[Op, int] = {}
        self.kinds: dict[tuple[Any, ...], Kind] = {}
        self.moves: dict[tuple[Kind, tuple[int | None, ...]], int | None] = {}
        self.made: list[Move] = []
        self.numbers = [1.0]
        self.known: dict[Signature, int] = {((), ()): NOTHING, ((-1,), ()): WIDE}
        self.signatures: list[Signature] = [*self.known]
        self.vanish = [vanishing(op, len(op.partials)) for op in self.steps.ops]  # type: ignore[arg-type]
        self.found: list[tuple[Kind, list[tuple[int, tuple[int, ...]]], int, int]] = []

    def written(self) -> tuple[Program, list[tuple[int, ...] | None]] | None:
        signature, first, chosen = self._choose()
        many = [len(columns) for columns, _ in self.signatures]
        many[WIDE] = 0
        if sum(map(many.__getitem__, signature)) > MOST * len(signature):
            return None
        outputs = self.program.outputs
        columns: list[tuple[int, ...] | None] = [
            tuple([first[y] + j for j in self.signatures[signature[y]][0]]) if isinstance(y, int) else ()
            for y in outputs
        ]
        for i, y in enumerate(outputs):
            if isinstance(y, int) and signature[y] == WIDE:
                columns[i] = None
        ys = [y for y, row in zip(outputs, columns, strict=True) if isinstance(y, int) and row is not None]
        return self._write(np.array(chosen, int), ys), columns

    def _choose(self) -> tuple[list[int], list[int], list[int]]:
        """Find the signature of each value, the first input it depends on, and the templates of each step."""
        steps, n, rest = self.steps, self.n, self.inputs - self.n
        one = self._signature(((0,), (ONE,)))
        signature = [one] * n + [NOTHING] * rest
        first = [*range(n), *[0] * rest]
        chosen: list[int] = []
        table: dict[Any, int] = {}
        generic = [op in ARITHMETIC for op in steps.ops]
        found = self.found
        for code, a, b, c in zip(steps.code, steps.a, steps.b, steps.c, strict=True):
            s = signature[a] if a >= 0 else GENERIC if generic[code] and a < -FEW else a - 1
            base = first[a] if s > WIDE else 0
            if b == NONE:
                key: Any = code, s
                at: tuple[int, ...] = ()
            else:
                t = signature[b] if b >= 0 else GENERIC if generic[code] and b < -FEW else b - 1
                if s <= WIDE:
                    base = first[b] if t > WIDE else 0
                d = first[b] - base if t > WIDE else 0
                if c == NONE:
                    key, at = (code, s, t, d), (d,)
                else:
                    u = signature[c] if c >= 0 else c - 1
                    if s <= WIDE >= t:
                        base = first[c] if u > WIDE else 0
                    e = first[c] - base if u > WIDE else 0
                    key, at = (code, s, t, d, u, e), (d, e)
            entry = table.get(key)
            if entry is None:
                given = (s,) if b == NONE else (s, t) if c == NONE else (s, t, u)
                entry = table[key] = len(found)
                found.append(self._entry(code, given, (0, *at)))
            chosen.append(entry)
            signature.append(found[entry][2])
            first.append(base + found[entry][3])
        return signature, first, chosen

    def _signature(self, signature: Signature) -> int:
        found = self.known.setdefault(signature, len(self.signatures))
        if found == len(self.signatures):
            self.signatures.append(signature)
        return found

    def _entry(self, code: int, given: tuple[int, ...], at: tuple[int, ...]) -> Any:
        """Return the kind of a step, the template and operands' tangents of each of its tangents, and its signature."""
        op, constants = self.steps.ops[code], self.pool.constants
        key = (code, *[x if x < GENERIC else 0 for x in given])
        kind = self.kinds.get(key)
        if kind is None:
            kind = self.kinds[key] = Kind(op, tuple([constants[~(x + 1)] if x < GENERIC else None for x in given]))
            kind.index = len(self.kinds) - 1
            self._move(kind, (None,) * len(given))
        vanish = self.vanish[code]
        moved = [s > 0 for s in given]
        if all(v or not m for v, m in zip(vanish, moved, strict=True)):
            return kind, [], NOTHING, 0
        if WIDE in given:
            return kind, [], WIDE, 0
        places = [
            {d + j: r for r, j in enumerate(self.signatures[s][0])} if s > 0 else {}
            for s, d in zip(given, at, strict=True)
        ]
        js = sorted({j for place, v in zip(places, vanish, strict=True) if not v for j in place})
        if len(js) > WIDEST:
            return kind, [], WIDE, 0
        pairs, left, results = [], [], []
        for j in js:
            ranks = tuple([place.get(j, -1) for place in places])
            ways = tuple([self.signatures[s][1][r] if r >= 0 else None for s, r in zip(given, ranks, strict=True)])
            move = self._move(kind, ways)
            if move is not None:
                pairs.append((move, ranks))
                left.append(j)
                results.append(self.made[move].kind)
        if not left:
            return kind, [], NOTHING, 0
        signature = self._signature((tuple([j - left[0] for j in left]), tuple(results)))
        return kind, pairs, signature, left[0]

    def _move(self, kind: Kind, ways: tuple[int | None, ...]) -> int | None:
        if (kind, ways) not in self.moves:
            move = self._recorded(kind, ways)
            self.moves[kind, ways] = None if move is None else len(self.made)
            if move is not None:
                self.made.append(move)
        return self.moves[kind, ways]

    def _recorded(self, kind: Kind, ways: tuple[int | None, ...]) -> Move | None:
        """Record a template by the rules of `Dual`; what does not depend on tangents is a row of the kind."""
        leaves: list[Tracer] = []
        refs: list[Ref] = []

        def leaf(which: int, i: int) -> Tracer:
            leaves.append(Tracer.leaf(0.5, f"{which}[{i}]"))
            refs.append((which, i))
            return leaves[-1]

        with recording(), forward_level() as level:
            primals = [leaf(PRIMAL, i) if x is None else x for i, x in enumerate(kind.given)]
            xs = list(primals)
            for i, way in enumerate(ways):
                if way is not None:
                    tangent = self.numbers[way // ONE - 1] if way >= ONE else leaf(TANGENT, i)
                    xs[i] = Dual(primals[i], tangent, level, leaf(CONDITION, i) if way & STILL else 0.0)
            y: Any = kind.op(*xs) if leaves else kind.op.ieee(*kind.given)
        results = [y.primal, y.tangent, y.still] if isinstance(y, Dual) else [y]
        absent = isinstance(y, Dual) and y.tangent is ABSENT
        template = prepared(program_of(leaves, results))
        moving = [which != PRIMAL for which, _ in refs]
        rows: list[Row] = []
        for step in template.steps:
            operands = tuple([refs[x] if isinstance(x, int) else self._constant(x) for x in step.operands])
            row = Row(self.ops.setdefault(step.op, len(self.ops)), operands)
            moving.append(any(isinstance(x, int) and moving[x] for x in step.operands))
            if moving[-1]:
                refs.append((OWN, len(rows)))
                rows.append(row)
            else:
                refs.append((BASE, kind.rows.setdefault(row, len(kind.rows))))
        outputs = [refs[x] if isinstance(x, int) else self._constant(x) for x in template.outputs]
        kind.result = outputs[0]
        if len(outputs) == 1 or absent:
            return None
        still = template.outputs[2]
        if still.__class__ is float and still:  # absent, whatever the numbers
            return None
        way = self._number(template.outputs[1]) * ONE + (STILL if isinstance(still, int) else 0)
        return Move(rows, outputs[1], outputs[2] if way & STILL else None, way)

    def _number(self, x: Place) -> int:
        """Return the number of a constant tangent, from 1, or 0."""
        if isinstance(x, int) or not x or x != x:
            return 0
        if x not in self.numbers and len(self.numbers) < NUMBERS:
            self.numbers.append(x)
        return self.numbers.index(x) + 1 if x in self.numbers else 0

    def _constant(self, x: float) -> Ref:
        return CONSTANT, self.pool.place(x)

    def _write(self, chosen: Array, ys: list[int]) -> Program:
        """Write the columns."""
        steps, n, inputs = self.steps, self.n, self.inputs
        values = inputs + len(steps)
        operands = [np.asarray(x) for x in (steps.a, steps.b, steps.c)]
        # Per entry, and per tangent of an entry
        kind_of = np.array([kind.index for kind, *_ in self.found], int)
        count_of = np.array([len(pairs) for _, pairs, *_ in self.found], int)
        flat = [pair for _, pairs, *_ in self.found for pair in pairs]
        move_of = np.array([move for move, _ in flat], int)
        rank_of = np.array([(*ranks, -1, -1)[:3] for _, ranks in flat], int).reshape(-1, 3)
        length = np.array([len(move.rows) for move in self.made], int)
        base_of = np.array([len(kind.rows) for kind in self.kinds.values()], int)[kind_of]
        start_of = _before(count_of)
        into = np.append(_before(length[move_of]), 0)  # rows of all tangents before
        rows_of = (
            np.add.reduceat(np.append(length[move_of], 0), start_of) * (count_of > 0) if len(flat) else 0 * count_of
        )
        # Per step, and per tangent
        count = count_of[chosen]
        step = np.repeat(np.arange(len(steps)), count)
        pair_start = _before(count)
        entry = chosen[step]
        which = start_of[entry] + np.arange(len(step)) - pair_start[step]
        row = inputs + _before(base_of[chosen] + rows_of[chosen])
        tangent_row = row[step] + base_of[entry] + into[which] - into[start_of[entry]]
        move, rank = move_of[which], rank_of[which]
        first = np.concatenate([np.arange(n), np.zeros(inputs - n, int), n + pair_start])  # tangent of each value
        tangents = n + len(step)
        below = [first[np.maximum(x, 0)[step]] + rank[:, k] for k, x in enumerate(operands)]
        # Where each value, tangent and condition is: at a place, or where another one is
        place = np.zeros(values + 2 * tangents, np.int64)
        alias = np.arange(len(place))
        place[:inputs] = np.arange(inputs)
        place[values : values + n] = self.pool.place(1.0)
        by_kind, by_move = _groups(kind_of[chosen], len(self.kinds)), _groups(move, len(self.made))

        def found(ref: Ref, at: Array, own: Array | None) -> tuple[Array, bool]:
            """Return places, or the numbers of values, tangents and conditions and True."""
            kind, i = ref
            here = at if own is None else step[own]
            if kind == PRIMAL:
                return operands[i][here].astype(np.int64), True
            if kind == BASE:
                return row[here] + i, False
            if kind == CONSTANT:
                return np.full(len(here), i), False
            assert own is not None
            if kind == OWN:
                return tangent_row[own] + i, False
            return values + (tangents if kind == CONDITION else 0) + below[i][own], True

        def settle(slots: Array, ref: Ref, at: Array, own: Array | None) -> None:
            places, is_slot = found(ref, at, own)
            if not is_slot:
                place[slots] = places
                return
            known = places < 0
            place[slots[known]] = places[known]
            alias[slots[~known]] = places[~known]

        for kind, at in zip(self.kinds.values(), by_kind, strict=True):
            settle(inputs + at, kind.result, at, None)
        for made, own in zip(self.made, by_move, strict=True):
            settle(values + n + own, made.tangent, own, own)
            if made.still is not None:
                settle(values + tangents + n + own, made.still, own, own)
        while not np.array_equal(further := alias[alias], alias):
            alias = further
        place = place[alias]
        # The rows
        size = int(row[-1] + base_of[chosen[-1]] + rows_of[chosen[-1]]) - inputs if len(steps) else 0
        code = np.zeros(size, np.int32)
        columns = np.full((3, size), NONE, np.int32)

        def put(rows: Sequence[Row], start: Array, at: Array, own: Array | None) -> None:
            for r, (op, refs) in enumerate(rows):
                to = start + (r - inputs)
                code[to] = op
                for column, ref in zip(columns, refs, strict=False):
                    places, is_slot = found(ref, at, own)
                    column[to] = np.where(places < 0, places, place[places]) if is_slot else places

        for kind, at in zip(self.kinds.values(), by_kind, strict=True):
            put([*kind.rows], row[at], at, None)
        for made, own in zip(self.made, by_move, strict=True):
            put(made.rows, tangent_row[own], own, own)
        last = np.concatenate([np.ones(n, int), np.zeros(inputs - n, int), count])
        y = np.array(ys, int)
        many = last[y]
        outputs = place[values + np.repeat(first[y], many) + np.arange(many.sum()) - np.repeat(_before(many), many)]
        constants = self.pool.constants
        if (alive := _alive(inputs, columns, outputs)) is not None:
            new = np.concatenate([np.arange(inputs), inputs + np.cumsum(alive) - 1, np.arange(-len(constants), 0)])
            code, columns = code[alive], columns[:, alive]
            columns = np.where(columns == NONE, NONE, new[np.where(columns == NONE, 0, columns)])
            outputs = new[outputs]
        results = tuple([x if x >= 0 else constants[~x] for x in outputs.tolist()])
        written = Steps(
            inputs, [*self.ops], [array("i", x.astype(np.int32).tobytes()) for x in (code, *columns)], {}, constants
        )
        if alive is not None:
            written.alive = results
            if not np.any((columns < 0).all(0)):
                written.tidy = results
        return Program(self.program.inputs, written, results, example=self.program.example)


def _alive(inputs: int, columns: Array, outputs: Array) -> Array | None:
    """Return True for each step that an output depends on; None if the chain of steps is long."""
    alive = np.zeros(inputs + columns.shape[1], bool)
    mark = np.zeros(len(alive), np.int32)
    new = outputs[outputs >= 0]
    for _ in range(DEEP):
        mark[new] = np.arange(len(new))
        new = new[mark[new] == np.arange(len(new))]  # each once
        alive[new] = True
        below = columns[:, new[new >= inputs] - inputs].ravel()
        new = below[below >= 0]
        new = new[~alive[new]]
        if not len(new):
            return alive[inputs:]
    return None


def _before(counts: Array) -> Array:
    return np.cumsum(counts) - counts


def _groups(labels: Array, count: int) -> list[Array]:
    """Places of each label."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.searchsorted(labels[order], np.arange(1, count)))[:count]

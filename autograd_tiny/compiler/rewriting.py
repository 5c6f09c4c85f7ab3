"""Write the columns of a program anew, step by step: what every pass and the lowering are made of."""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice, repeat
from types import CodeType, FunctionType
from typing import Any

from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Op, Variadic
from autograd_tiny.transforms.columns import NONE, Place, Pool, Step, Steps
from autograd_tiny.transforms.program import Program

# Expand an op into steps over its operands, which are places 0, 1, … or constants, and the place of the result
Expand = Callable[[Op, tuple[Place, ...]], tuple[Sequence[Step], Place]]
WORD, ROW = (1 << 32) - 1, (1 << 128) - 1
# Neutral left and right operand, for every float including signed zeros.
_UNITS: dict[str, tuple[float | None, float]] = {"+": (-0.0, -0.0), "-": (None, 0.0), "*": (1.0, 1.0), "/": (None, 1.0)}


class Writer:
    """Columns under construction; `put` appends a step, unless it folds to a constant or is there already.

    The functions take codes of ops and places as in columns, and return the place of the result. Steps are the keys of
    a dict, in order, so that one look-up finds or appends a step: an int of 16 bytes, from low to high the second, the
    first and the third operand and the code. A step with more operands has a number above these bytes.
    """

    def __init__(self, inputs: int, ops: Sequence[Op], pool: Pool, fold: bool, share: bool) -> None:
        self.inputs, self.pool = inputs, pool
        self.ops: list[Op] = []
        self.codes: dict[Op, int] = {}
        self.commutes: list[bool] = []
        self.units: list[float] = []  # per op, a number that may be neutral
        self.unary: list[int] = []  # per op, the step with all operands 0
        self.binary: list[int] = []
        self.rows: Any = {} if share else _Repeated()
        self.turned: list[int] = []  # steps whose first two operands are the other way round
        self.wide: dict[tuple[int, ...], int] = {}  # steps with more than three operands
        self.loose = False  # there may be steps that nothing needs
        for op in ops:
            self.code_of(op)
        rows, commutes, turned, find = self.rows, self.commutes, self.turned, self.rows.setdefault
        folded, constants, unary, binary, wide = self._folded, pool.constants, self.unary, self.binary, self.wide
        units = self.units

        def put1(op: int, x: int) -> int:
            if x < 0 and fold:
                return folded(op, (x,))
            return find(unary[op] + ((x & WORD) << 32), inputs + len(rows))

        def put2(op: int, x: int, y: int) -> int:
            new = inputs + len(rows)
            if x < 0 or y < 0:
                if fold and (x < 0 > y or constants[~x if x < 0 else ~y] == units[op]):
                    found = folded(op, (x, y))
                    if found != NONE:
                        return found
                x, y = x & WORD, y & WORD
            if y < x and commutes[op]:
                found = find(binary[op] + (y << 32) + x, new)
                if found == new:
                    turned.append(new - inputs)
                return found
            return find(binary[op] + (x << 32) + y, new)

        def put(op: int, xs: tuple[int, ...]) -> int:
            if fold and any(x < 0 for x in xs) and (found := folded(op, xs)) != NONE:
                return found
            x, y, z = (*xs, NONE, NONE)[:3]
            row = (op << 96) + ((z & WORD) << 64) + ((x & WORD) << 32) + (y & WORD)
            if len(xs) > 3:
                row += wide.setdefault((op, *xs) if share else (len(rows), *xs), len(wide) + 1) << 128
            return find(row, inputs + len(rows))

        self.put1: Callable[[int, int], int] = put1
        self.put2: Callable[[int, int, int], int] = put2
        self.put: Callable[[int, tuple[int, ...]], int] = put

    def code_of(self, op: Op) -> int:
        """Return the code of an op, given when it is first met."""
        code = self.codes.setdefault(op, len(self.ops))
        if code == len(self.ops):
            self.ops.append(op)
            self.commutes.append(op.machine in ("+", "*"))
            self.units.append(_UNITS[op.machine][1] if op.machine in _UNITS else math.nan)
            none = NONE & WORD
            self.binary.append((code << 96) + (none << 64))
            self.unary.append((code << 96) + (none << 64) + none)
        return code

    def _folded(self, code: int, xs: tuple[int, ...]) -> int:
        """Return the place of the result if no step is needed, else NONE."""
        op, constants = self.ops[code], self.pool.constants
        if all(x < 0 for x in xs):
            return self.pool.place(float(op.ieee(*[constants[~x] for x in xs])))
        sign = op.machine
        if sign == "select" and xs[0] < 0:
            self.loose = True
            return xs[1] if constants[~xs[0]] else xs[2]
        if sign in _UNITS:
            for x, other, unit in zip(xs, xs[::-1], _UNITS[sign], strict=True):
                if x < 0 and unit is not None and _same(constants[~x], unit):
                    return other
        return NONE

    def steps(self) -> Steps:
        """Return what is written so far."""
        data, rows = array("i"), iter(self.rows)
        while part := [*islice(rows, 1 << 14)]:
            if self.wide:
                part = [row & ROW for row in part]
            data.frombytes(b"".join(map(int.to_bytes, part, repeat(16), repeat("little"))))  # type: ignore[arg-type]
        if sys.byteorder == "big":
            data.byteswap()
        b, a, c, code = (data[k::4] for k in range(4))
        for i in self.turned:
            a[i], b[i] = b[i], a[i]
        more = {}
        if self.wide:
            known = list(self.wide)
            more = {i: known[(row >> 128) - 1][4:] for i, row in enumerate(self.rows) if row >> 128}
        used = list(dict.fromkeys(code))  # in the order of their first steps
        if used != list(range(len(self.ops))):
            new = {old: i for i, old in enumerate(used)}
            code = array("i", map(new.__getitem__, code))
        return Steps(self.inputs, [self.ops[i] for i in used], (code, a, b, c), more, self.pool.constants)


class _Repeated(list[int]):
    """Steps of which equal ones are kept."""

    def setdefault(self, row: int, place: int) -> int:
        self.append(row)
        return place


def _same(x: float, y: float) -> bool:
    """Return True for equal numbers, and zeros of the same sign."""
    return x == y and math.copysign(1.0, x) == math.copysign(1.0, y)


def rewritten(program: Program, fold: bool = False, share: bool = False, expand: Expand | None = None) -> Program:
    """Write each step again: `fold` evaluates steps of constants and drops neutral ones, `share` writes equal steps
    once, and `expand` replaces steps by others.
    """
    steps = program.steps
    pool = Pool(steps.constants)
    writer = Writer(steps.inputs, steps.ops, pool, fold, share)
    put1, put2, put, more, inputs = writer.put1, writer.put2, writer.put, steps.more, steps.inputs
    new = [*range(steps.inputs), *[0] * len(steps), *range(-len(steps.constants), 0)]  # new[~i] is ~i
    place = steps.inputs

    def template(op: int, xs: tuple[int, ...]) -> Callable[..., int]:
        """Return the function that writes the expansion of an op for operands of which the same are constants."""
        is_free = arity[op] and all(x >= 0 for x in xs)
        key = op if is_free else (op, *[x if x < 0 else None for x in xs])
        return templates.get(key) or templates.setdefault(key, _template(writer, op, xs, expand))

    arity = [_arity(op) for op in steps.ops]
    expands = [expand is not None and not (op.machine and op.lower is None) for op in steps.ops]
    templates: dict[Any, Callable[..., int]] = {}  # by code if no operand is a constant
    find, rows, commutes, binary = writer.rows.setdefault, writer.rows, writer.commutes, writer.binary
    for op, x, y, z in zip(steps.code, steps.a, steps.b, steps.c, strict=True):
        operands = arity[op]
        if operands == 2:
            x, y = new[x], new[y]
            if expands[op]:
                made = (x >= 0 <= y and templates.get(op)) or template(op, (x, y))
                new[place] = made(x, y)
            elif 0 <= x <= y or (x >= 0 <= y and not commutes[op]):  # put2 without the call
                new[place] = find(binary[op] + (x << 32) + y, inputs + len(rows))
            else:
                new[place] = put2(op, x, y)
        elif operands == 1:
            x = new[x]
            if expands[op]:
                made = (x >= 0 and templates.get(op)) or template(op, (x,))
                new[place] = made(x)
            else:
                new[place] = put1(op, x)
        elif operands == 3 and not expands[op]:
            x, y, z = new[x], new[y], new[z]
            if x >= 0 <= y and z >= 0:
                new[place] = find((op << 96) + (z << 64) + (x << 32) + y, inputs + len(rows))
            else:
                new[place] = put(op, (x, y, z))
        else:
            xs = tuple([new[k] for k in (x, y, z, *more.get(place - inputs, ())) if k != NONE])
            new[place] = template(op, xs)(*xs) if expands[op] else put(op, xs)
        place += 1
    outputs = tuple([new[y] if isinstance(y, int) else y for y in program.outputs])
    outputs = tuple([pool.constants[~y] if y.__class__ is int and y < 0 else y for y in outputs])
    written = writer.steps()
    if steps.alive == program.outputs and not writer.loose:
        written.alive = outputs
    return replace(program, steps=written, outputs=outputs)


def _arity(op: Op) -> int:
    """Return the number of operands, 0 for any number."""
    return 0 if isinstance(op.partials, Variadic) or len(op.partials) > 3 else len(op.partials)


def _template(writer: Writer, code: int, xs: tuple[int, ...], expand: Expand | None) -> Callable[..., int]:
    """Make the function that writes the expansion of an op for operands of which the same are constants."""
    op, constants = writer.ops[code], writer.pool.constants
    written = _known if ops.TABLE.get(op.name) is op else _written  # what an op of the user does may change
    body, names, drops = written(op, tuple(["" if x >= 0 else constants[~x].hex() for x in xs]), expand)
    writer.loose = writer.loose or drops
    scope: dict[str, Any] = {"put1": writer.put1, "put2": writer.put2, "put": writer.put}
    for name, x in names.items():
        scope[name] = writer.code_of(x) if isinstance(x, Op) else writer.pool.place(x)
    return FunctionType(body, scope)


def _written(op: Op, xs: tuple[str, ...], expand: Expand | None) -> tuple[CodeType, dict[str, Op | float], bool]:
    """Return the code of a function that writes an expansion, the names in it, and True if it drops an operand.

    Operands are "", or a constant in hexadecimal.
    """
    assert expand is not None
    steps, result = expand(op, tuple([float.fromhex(x) if x else i for i, x in enumerate(xs)]))
    needed = {result} if isinstance(result, int) else set()
    for place, step in reversed([*enumerate(steps, len(xs))]):
        if place in needed:
            needed.update(x for x in step.operands if isinstance(x, int))
    names: dict[str, Op | float] = {}

    def spelled(x: Place) -> str:
        if isinstance(x, int):
            return f"x{x}"
        names[name := f"k{len(names)}"] = float(x)
        return name

    lines = []
    for place, step in enumerate(steps, len(xs)):
        if place in needed:
            operands = ", ".join(map(spelled, step.operands))
            names[f"o{place}"] = step.op
            few = 0 < _arity(step.op) < 3
            put = f"put{len(step.operands)}(o{place}, {operands})" if few else f"put(o{place}, ({operands},))"
            lines.append(f"x{place} = {put}")
    text = [f"def written({', '.join(f'x{i}' for i in range(len(xs)))}):", *lines, f"return {spelled(result)}"]
    scope: dict[str, Any] = {}
    exec("\n    ".join(text), scope)
    return scope["written"].__code__, names, not needed.issuperset(i for i, x in enumerate(xs) if not x)


_known = lru_cache(maxsize=4096)(_written)


def without_dead(program: Program) -> Program:
    """Remove the steps on which no output depends; the same program if there are none."""
    steps = program.steps
    if steps.alive == program.outputs:
        return program
    n, count = steps.inputs, len(steps)
    outputs = [y for y in program.outputs if isinstance(y, int)]
    read = {*steps.a, *steps.b, *steps.c, *outputs}
    for places in steps.more.values():
        read.update(places)
    if sum(map(n.__le__, read)) == count:  # each is read: the last by an output, and so on
        steps.alive = program.outputs
        return program
    alive = bytearray(n + count)
    for y in outputs:
        alive[y] = 1
    a, b, c, more = steps.a, steps.b, steps.c, steps.more
    for i in range(count - 1, -1, -1):
        if alive[n + i]:
            for x in (a[i], b[i], c[i], *more.get(i, ())):
                if x >= 0:
                    alive[x] = 1
    living = [i for i in range(count) if alive[n + i]]
    new = [*range(n), *[0] * count, *range(-len(steps.constants), 0)]
    for place, i in enumerate(living, n):
        new[n + i] = place
    columns = [[column[i] for i in living] for column in (steps.code, a, b, c)]
    used = list(dict.fromkeys(columns[0]))
    codes = {old: i for i, old in enumerate(used)}
    columns[0] = [codes[x] for x in columns[0]]
    columns[1:] = [[new[x] if x != NONE else x for x in column] for column in columns[1:]]
    wider = {new[n + i] - n: tuple([new[x] for x in more[i]]) for i in living if i in more} if more else {}
    kept = Steps(n, [steps.ops[i] for i in used], columns, wider, steps.constants)
    kept.alive = tuple([new[y] if isinstance(y, int) else y for y in program.outputs])
    return replace(program, steps=kept, outputs=kept.alive)

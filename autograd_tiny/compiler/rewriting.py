"""Write the columns of a program anew, step by step: what every pass and the lowering are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from autograd_tiny.engine.op import Op, Variadic
from autograd_tiny.transforms.columns import NONE, Place, Pool, Step, Steps
from autograd_tiny.transforms.program import Program

# Expand an op into steps over its operands, which are places 0, 1, … or constants, and the place of the result
Expand = Callable[[Op, tuple[Place, ...]], tuple[Sequence[Step], Place]]
# Neutral left and right operand, for every float including signed zeros.
_UNITS = {"+": (-0.0, -0.0), "-": (None, 0.0), "*": (1.0, 1.0), "/": (None, 1.0)}


class Writer:
    """Columns under construction; `put` appends a step, unless it folds to a constant or is there already.

    The methods take codes of ops and places as in columns, and return the place of the result.
    """

    def __init__(self, inputs: int, ops: Sequence[Op], pool: Pool, fold: bool, share: bool) -> None:
        self.inputs, self.pool, self.fold, self.share = inputs, pool, fold, share
        self.ops: list[Op] = []
        self.codes: dict[Op, int] = {}
        self.code: list[int] = []
        self.a: list[int] = []
        self.b: list[int] = []
        self.c: dict[int, int] = {}  # by step, as most have none
        self.more: dict[int, tuple[int, ...]] = {}
        self.known: list[dict[Any, int]] = []  # per op, the place of each step by its operands
        self.commutes: list[bool] = []
        for op in ops:
            self.code_of(op)

    def code_of(self, op: Op) -> int:
        """Return the code of an op, given when it is first met."""
        code = self.codes.setdefault(op, len(self.ops))
        if code == len(self.ops):
            self.ops.append(op)
            self.known.append({})
            self.commutes.append(op.machine in ("+", "*"))
        return code

    def put1(self, op: int, x: int) -> int:
        if x < 0 and self.fold:
            return self._folded(op, (x,))
        known = self.known[op]
        if self.share and (found := known.get(x)) is not None:
            return found
        known[x] = found = self.inputs + len(self.code)
        self.code.append(op)
        self.a.append(x)
        self.b.append(NONE)
        return found

    def put2(self, op: int, x: int, y: int) -> int:
        if (x < 0 or y < 0) and self.fold and (found := self._folded(op, (x, y))) != NONE:
            return found
        known = self.known[op]
        key = (y << 32) + x if y < x and self.commutes[op] else (x << 32) + y
        if self.share and (found := known.get(key, NONE)) != NONE:
            return found
        known[key] = found = self.inputs + len(self.code)
        self.code.append(op)
        self.a.append(x)
        self.b.append(y)
        return found

    def put(self, op: int, xs: tuple[int, ...]) -> int:
        """Put a step with any number of operands."""
        if min(xs) < 0 and self.fold and (found := self._folded(op, xs)) != NONE:
            return found
        known = self.known[op]
        if self.share and (found := known.get(xs, NONE)) != NONE:
            return found
        step = len(self.code)
        known[xs] = self.inputs + step
        self.code.append(op)
        self.a.append(xs[0])
        self.b.append(xs[1] if len(xs) > 1 else NONE)
        if len(xs) > 2:
            self.c[step] = xs[2]
        if len(xs) > 3:
            self.more[step] = xs[3:]
        return self.inputs + step

    def _folded(self, code: int, xs: tuple[int, ...]) -> int:
        """Return the place of the result if no step is needed, else NONE."""
        op, constants = self.ops[code], self.pool.constants
        if max(xs) < 0:
            return self.pool.place(float(op.ieee(*[constants[~x] for x in xs])))
        sign = op.machine
        if sign == "select" and xs[0] < 0:
            return xs[1] if constants[~xs[0]] else xs[2]
        for x, other, unit in zip(xs, xs[::-1], _UNITS.get(sign, ()), strict=False):
            if x < 0 and unit is not None and _same(constants[~x], unit):
                return other
        return NONE

    def steps(self) -> Steps:
        """Return what is written so far."""
        c = [NONE] * len(self.code)
        for i, x in self.c.items():
            c[i] = x
        used = list(dict.fromkeys(self.code))  # in the order of their first steps
        code: Any = self.code
        if used != list(range(len(self.ops))):
            new = {old: i for i, old in enumerate(used)}
            code = map(new.__getitem__, code)
        columns = (code, self.a, self.b, c)
        return Steps(self.inputs, [self.ops[i] for i in used], columns, self.more, self.pool.constants)


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
    put1, put2, put, more = writer.put1, writer.put2, writer.put, steps.more
    new = [*range(steps.inputs), *[0] * len(steps), *range(-len(steps.constants), 0)]  # new[~i] is ~i
    place = steps.inputs
    kinds = [_kind(op, expand is not None) for op in steps.ops]
    templates: dict[Any, Callable[..., int]] = {}
    for op, x, y, z in zip(steps.code, steps.a, steps.b, steps.c, strict=True):
        kind = kinds[op]
        if kind == 2:
            new[place] = put2(op, new[x], new[y])
        elif kind == 1:
            new[place] = put1(op, new[x])
        else:
            xs = tuple([new[k] for k in (x, y, z) if k != NONE])
            if z != NONE and place - steps.inputs in more:
                xs += tuple([new[k] for k in more[place - steps.inputs]])
            if kind == 0 or expand is None:
                new[place] = put(op, xs)
            else:
                key = (op, *[k if k < 0 else None for k in xs])
                template = templates.get(key)
                if template is None:
                    template = templates[key] = _template(writer, op, xs, expand)
                new[place] = template(*xs)
        place += 1
    outputs = tuple([new[y] if isinstance(y, int) else y for y in program.outputs])
    outputs = tuple([pool.constants[~y] if y.__class__ is int and y < 0 else y for y in outputs])
    return replace(program, steps=writer.steps(), outputs=outputs)


def _kind(op: Op, lowering: bool) -> int:
    """Return the number of operands, 0 for three or any number, and -1 for an op to be expanded."""
    if lowering and not (op.machine and op.lower is None):
        return -1
    return 0 if isinstance(op.partials, Variadic) or len(op.partials) > 2 else len(op.partials)


def _template(writer: Writer, code: int, xs: tuple[int, ...], expand: Expand) -> Callable[..., int]:
    """Make the function that writes the expansion of an op for operands of which the same are constants."""
    op, constants = writer.ops[code], writer.pool.constants
    steps, result = expand(op, tuple([i if x >= 0 else constants[~x] for i, x in enumerate(xs)]))
    names = [f"x{i}" for i in range(len(xs))]
    lines = []

    def spelled(x: Place) -> str:
        return names[x] if isinstance(x, int) else str(writer.pool.place(x))

    for step in steps:
        operands = ", ".join(map(spelled, step.operands))
        kind = _kind(step.op, False)
        call = f"put{kind}({{}}, {operands})" if kind else f"put({{}}, ({operands},))"
        names.append(f"t{len(names)}")
        lines.append(f"{names[-1]} = {call.format(writer.code_of(step.op))}")
    text = "\n    ".join([f"def written({', '.join(names[: len(xs)])}):", *lines, f"return {spelled(result)}"])
    scope: dict[str, Any] = {"put1": writer.put1, "put2": writer.put2, "put": writer.put}
    exec(text, scope)
    made: Callable[..., int] = scope["written"]
    return made


def without_dead(program: Program) -> Program:
    """Remove the steps on which no output depends; the same program if there are none."""
    steps = program.steps
    n, count = steps.inputs, len(steps)
    outputs = [y for y in program.outputs if isinstance(y, int)]
    read = {*steps.a, *steps.b, *steps.c, *outputs}
    for places in steps.more.values():
        read.update(places)
    if sum(map(n.__le__, read)) == count:  # each is read: the last by an output, and so on
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
    return replace(program, steps=kept, outputs=tuple([new[y] if isinstance(y, int) else y for y in program.outputs]))

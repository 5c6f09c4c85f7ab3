"""The reverse sweep on a tape: the chain rule with each row's partials recorded once, as a template.

A template is the steps of the local derivatives of an op for operands of which the same are wanted, as a function that
writes them for a given row and adds the contributions to the adjoints. The chain rule itself is that of chain_rule.py,
which sweeps whatever this file leaves to it: squares of roots, and numbers that could be meant in two ways.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import CodeType, FunctionType
from typing import Any

from autograd_tiny.engine import ops
from autograd_tiny.engine.chain_rule import absent, present
from autograd_tiny.engine.ieee import local_derivatives
from autograd_tiny.engine.op import Op, Variadic
from autograd_tiny.transforms.absence import guarding
from autograd_tiny.transforms.columns import NONE
from autograd_tiny.transforms.doors import Doors, is_differentiating
from autograd_tiny.transforms.tape import ENDED, Tape
from autograd_tiny.transforms.tracer import CUT, Tracer, lifts

SQUARES = frozenset({ops.square, ops.mul, ops.pow, ops.dot})  # ops that may square a root


def swept(y: Tracer, doors: Doors) -> list[tuple[Any, Any]] | None:
    """Return the adjoints of each target and its original, 0.0 without; None if it is left to the chain rule."""
    tape = y.tape
    if tape.counter is ENDED or doors.unclear:
        return None
    targets = [_place(tape, x) for x in doors.targets]
    origins = [_place(tape, x) for x in doors.origins]
    order = tape.order([y.place], [x for x in targets if x >= 0])
    if not {x.place for x in doors.ended(lifts()) if x.tape is tape}.isdisjoint(order):
        return None
    doors.check([tape.at(x) for x in order if tape.op[x] is None])
    sweep = _Sweep(tape, order, [x for x in (*targets, *origins) if x >= 0], doors.level)
    if sweep.squares_a_root():
        return None
    adjoint = sweep.run(y.place)
    found = [0.0 if x < 0 or (g := adjoint[x]) is None else tape.at(g) for x in (*targets, *origins)]
    return list(zip(found[: len(targets)], found[len(targets) :], strict=True))


def _place(tape: Tape, x: Any) -> int:
    return x.place if x.__class__ is Tracer and x.tape is tape else NONE


class _Few(dict[int, int | None]):
    """Adjoints by place, None for most."""

    def __missing__(self, place: int) -> None:
        return None


class _Sweep:
    """One sweep over rows, each after its operands, with respect to targets."""

    adjoint: Any

    def __init__(self, tape: Tape, order: list[int], targets: list[int], level: int) -> None:
        self.tape, self.order = tape, order
        self.used = {tape.op[v] for v in order} - {None}
        outer = {x.place for x, at in lifts().items() if (at < level if at >= 0 else at == -level) and x.tape is tape}
        active = self.active = bytearray(len(tape.op) + len(tape.pool.constants))  # constants are at the end
        for x in targets:
            active[x] = 1
        rows, a, b, more = tape.op, tape.a, tape.b, tape.more
        for v in order:
            row, x, y = rows[v], a[v], b[v]
            if y == NONE:
                if x != NONE and active[x] and row is not CUT and not (v in outer and row is ops.pos):
                    active[v] = 1
            elif active[x] or active[y] or (more and any(active[z] for z in more.get(v, ()))):
                active[v] = 1

    def squares_a_root(self) -> bool:
        """Return True if a square of a root may meet 0 · inf, which the chain rule passes by."""
        tape, active = self.tape, self.active
        rooted = {op for op in self.used if op.squared}
        if not rooted:
            return False
        for v in self.order:
            if active[v] and tape.op[v] in SQUARES:
                found = [tape.op[x] for x in tape.operands(v) if x >= 0 and tape.op[x] in rooted]
                if len(found) > len(set(found)) or (found and tape.op[v] in (ops.square, ops.pow)):
                    return True
        return False

    def run(self, y: int) -> Any:
        """Return the adjoint of each row, as a place; None for rows that have none."""
        tape, active = self.tape, self.active
        rows, a, b, more = tape.op, tape.a, tape.b, tape.more
        few = len(self.order) * 8 < len(rows)  # of many sweeps, each over a little
        adjoint = self.adjoint = _Few() if few else [None] * len(rows)
        self.scope = self._scope()
        adjoint[y] = self.scope["one"]
        templates: dict[Op, dict[int, Any]] = {row: {} for row in self.used}
        for v in reversed(self.order):
            g = adjoint[v]
            row, x, y = rows[v], a[v], b[v]
            if g is None or row is None or not active[v]:
                continue
            if y == NONE:
                key, z = 1, NONE
            elif more and v in more:
                z = more[v][0]
                key = active[x] | active[y] << 1 | active[z] << 2
                if row.absent:
                    key |= (x < 0) << 3 | (y < 0) << 4 | (z < 0) << 5
            else:
                z = NONE
                key = active[x] | active[y] << 1
                if row.absent:
                    key |= (x < 0) << 3 | (y < 0) << 4
            template = templates[row].get(key)
            if template is None:
                template = templates[row][key] = self._template(row, key)
            template(v, g, x, y, z)
        return adjoint

    def _scope(self) -> dict[str, Any]:
        """Return the names that templates use."""
        tape, adjoint = self.tape, self.adjoint
        rows, a, b, counter, grow, constant = tape.op, tape.a, tape.b, tape.counter, tape.grow, tape.constant
        constants, mul, add = tape.pool.constants, ops.mul, ops.add
        one = constant(1.0)

        def put1(row: Op, x: int) -> int:
            if x < 0:
                return constant(row.ieee(constants[~x]))
            place: int = next(counter)
            if place >= len(rows):
                grow(place)
            rows[place] = row
            a[place] = x
            return place

        def put2(row: Op, x: int, y: int) -> int:
            if x < 0 and y < 0:
                return constant(row.ieee(constants[~x], constants[~y]))
            place: int = next(counter)
            if place >= len(rows):
                grow(place)
            rows[place] = row
            a[place] = x
            b[place] = y
            return place

        def put(row: Op, *xs: int) -> int:
            return tape.put(row, xs) if any(x >= 0 for x in xs) else constant(row.ieee(*[constants[~x] for x in xs]))

        def times(g: int, d: int) -> int:
            if g == one:
                return d
            return g if d == one else put2(mul, g, d)

        def give(x: int, part: int) -> None:
            before = adjoint[x]
            adjoint[x] = part if before is None else put2(add, before, part)

        guard = guarding(tape, self.order, is_differentiating())
        return {
            "put1": put1, "put2": put2, "put": put, "times": times, "give": give, "one": one, "guard": guard,
            "constant": constant,
        }  # fmt: skip

    def _template(self, row: Op, key: int) -> Callable[[int, int, int, int, int], None]:
        """Return the function that adds the contributions of a row with this op."""
        found = template(row, key, self.scope["guard"] is not None) if is_plain(row) else None
        if found is None:
            return self._by_rules
        code, names = found
        numbers = {name: x if isinstance(x, Op) else self.tape.constant(x) for name, x in names.items()}
        return FunctionType(code, self.scope | numbers)

    def _by_rules(self, v: int, g: int, *_: int) -> None:
        """Add the contributions of a row by its rules themselves."""
        tape, active, guard = self.tape, self.active, self.scope["guard"]
        node, xs = tape.at(v), tape.operands(v)
        ds = local_derivatives(node.op, node, node.operands, tuple([x >= 0 and bool(active[x]) for x in xs]))
        for i, d in enumerate(present(node, ds)):
            if d is not None and xs[i] >= 0 and active[xs[i]]:
                part = self.scope["times"](g, tape.place(d))
                self.scope["give"](xs[i], guard(v, i, xs[i], part) if guard else part)


def is_plain(op: Op) -> bool:
    """Return True if the rules of an op are those of the table: arithmetic and rows, whatever the numbers are."""
    if isinstance(op.partials, Variadic) or len(op.partials) > 3:
        return False
    return ops.TABLE.get(op.name) is op or (bool(op.pickle_recipe) and op.pickle_recipe[0].__module__ == ops.__name__)


@cache
def template(op: Op, key: int, guarded: bool) -> tuple[CodeType, dict[str, Any]] | None:
    """Write the function that adds the contributions of a row with this op, and the ops and constants it names.

    Bits 0 to 2 of the key are set for operands that are wanted, bits 3 to 5 for constants. None if it takes the number
    of a constant to know what is absent.

    >>> code, names = template(ops.exp, 1, False)
    >>> code.co_names, names
    (('give', 'times'), {})
    """
    n = len(op.partials)  # type: ignore[arg-type]
    wanted = tuple([bool(key >> i & 1) for i in range(n)])
    tape = Tape(Tracer)
    xs = tuple([Tracer(tape, tape.leaf(0.5, "")) for _ in range(n)])
    y = Tracer(tape, tape.leaf(0.5, ""))
    ds: list[Any] = list(local_derivatives(op, y, xs, wanted))
    count = tape.rows()
    for i in range(n):
        if wanted[i] and op.absent:
            told = absent(op, i, xs)
            if told.__class__ is float:
                ds[i] = None if told else ds[i]
            elif all(key >> 3 + k & 1 for k in tape.order([told.place]) if k <= n):
                return None
    names: dict[str, Any] = {}
    local = ["x0", "x1", "x2"][:n] + ["v"]

    def spelled(place: int) -> str:
        if place >= 0:
            return local[place]
        names[f"k{~place}"] = tape.pool.constants[~place]
        return f"k{~place}"

    lines = []
    for place in range(n + 1, count):
        operands = tape.operands(place)
        put = f"put{len(operands)}" if len(operands) < 3 else "put"
        names[f"o{place}"] = tape.op[place]
        lines.append(f"t{place} = {put}(o{place}, {', '.join(map(spelled, operands))})")
        local.append(f"t{place}")
    for i, d in enumerate(ds):
        if d is not None:
            one = d.__class__ is float and d == 1
            part = "g" if one else f"times(g, {spelled(tape.place(d))})"
            lines.append(f"give(x{i}, {f'guard(v, {i}, x{i}, {part})' if guarded else part})")
    text = "\n    ".join(["def write(v, g, x0, x1, x2):", *(lines or ["pass"])])
    scope: dict[str, Any] = {}
    exec(text, scope)
    return scope["write"].__code__, names

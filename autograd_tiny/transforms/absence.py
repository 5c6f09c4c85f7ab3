"""Factors that are absent: what the branch not taken, or a flat piece, passes on is nothing, not 0 · inf = nan."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import product
from typing import Any

from autograd_tiny.engine import ops
from autograd_tiny.engine.chain_rule import absent
from autograd_tiny.engine.ieee import Ieee, local_derivatives, never_raise
from autograd_tiny.engine.op import EDGES, Op
from autograd_tiny.engine.value import Value, topological_order
from autograd_tiny.transforms.tape import Tape


def unless(condition: Any, x: Any) -> Any:
    """Return x, or nothing where the condition holds.

    >>> unless(0.0, 3.0), unless(1.0, 3.0)
    (3.0, 0.0)
    """
    if condition.__class__ is float:
        return 0.0 if condition else x
    return ops.where(condition, 0.0, x)


def guarding(tape: Tape, order: Sequence[int], further: bool) -> Callable[[int, int, int, int], int] | None:
    """Return the function (row, i, operand, contribution) that makes a traced contribution 0 where it is absent.

    Whether a branch is taken is not known while tracing, so a contribution past a pole becomes a `where`, and only
    there: not where each factor is finite for all finite numbers. A kink is a pole of the second derivative: it counts
    if the contribution is differentiated further. None if nothing is absent, or there is no pole. Rows, operands and
    contributions are places on the tape.
    """
    steep_at = has_kink if further else has_pole
    rows = tape.op
    used = {rows[v] for v in order} - {None}
    if not (any(op.absent for op in used) and any(map(steep_at, used))):
        return None
    uses: dict[int, list[tuple[int, int]]] = {}  # of each row, by those above it
    known: dict[int, Any] = {}  # when the adjoint of a row is absent
    steep: set[int] = set()  # rows that may be infinite
    wild: set[int] = set()  # rows whose adjoint may be
    there = {order[-1]}  # rows whose adjoint is never absent
    poles = {op for op in used if steep_at(op)}
    for v in order:
        if rows[v] is not None and (rows[v] in poles or steep):
            xs = tape.operands(v)
            if not steep.isdisjoint(xs) or (rows[v] in poles and steep_at(rows[v], _constants(tape, xs))):
                steep.add(v)

    def gone(v: int, i: int) -> Any:
        return absent(rows[v], i, tuple(map(tape.at, tape.operands(v)))) if rows[v].absent else 0.0

    def missing(v: int) -> Any:
        stack = [v]
        while stack:
            u = stack[-1]
            above = [w for w, _ in uses.get(u, ()) if w not in known]
            if u in known or u in there or not above:
                stack.pop()
                if u in there:
                    known[u] = 0.0
                elif u not in known:
                    known[u] = all_of([either(known[w], gone(w, i)) for w, i in uses.get(u, ())])
            stack += above if u not in known and u not in there else []
        return known[v]

    def guarded(v: int, i: int, x: int, contribution: int) -> int:
        past = v in steep
        if v in there and not rows[v].absent:
            there.add(x)
            if past or v in wild:
                wild.add(x)
            return contribution
        uses.setdefault(x, []).append((v, i))
        if past or v in wild:
            wild.add(x)
            condition = either(gone(v, i), missing(v) if past else 0.0)
            if condition.__class__ is not float or condition:
                return tape.place(unless(condition, tape.at(contribution)))
        return contribution

    return guarded


def _constants(tape: Tape, xs: Sequence[int]) -> tuple[float | None, ...]:
    return tuple([tape.pool.constants[~x] if x < 0 else None for x in xs])


def _is_steep(v: Any, steep_at: Callable[..., bool]) -> bool:
    return steep_at(v.op) and steep_at(v.op, tuple([x if x.__class__ is float else None for x in v.operands]))


@lru_cache(maxsize=1024)
def has_kink(op: Op, constants: tuple[float | None, ...] = ()) -> bool:
    """Return True if the op has a pole, or a slope of it is made of ops that have one.

    >>> has_kink(ops.abs), has_kink(ops.sin)
    (True, False)
    """
    if not isinstance(op.partials, tuple) or has_pole(op, constants):
        return isinstance(op.partials, tuple)
    given = constants or (None,) * len(op.partials)
    token = never_raise.set(True)
    try:
        xs = tuple([Value(0.5) if x is None else x for x in given])
        slopes = local_derivatives(op, op(*xs), xs, tuple([x is None for x in given]))
    finally:
        never_raise.reset(token)
    nodes = topological_order(*[d for d in slopes if isinstance(d, Value)])
    return any(v.op is not None and v.op is not op and _is_steep(v, has_pole) for v in nodes)


@lru_cache(maxsize=1024)
def has_pole(op: Op, constants: tuple[float | None, ...] = ()) -> bool:
    """Return True if the op or a slope of it is not finite at some simple numbers, where constants has None.

    >>> has_pole(ops.pow), has_pole(ops.pow, (None, 2.0))
    (True, False)
    """
    if not isinstance(op.partials, tuple):
        return False  # sums and products
    given = constants or (None,) * len(op.partials)
    free = tuple([x is None for x in given])
    for xs in product(*[(0.0, 1.0, -1.0, 1000.0) if x is None else (x,) for x in given]):
        try:
            y = op.ieee(*xs)
            slopes = [d for d in op.local_derivatives(Ieee(y), tuple(map(Ieee, xs)), free) if d is not None]
            if not all(math.isfinite(float(x)) for x in (y, *slopes)):
                return True
        except (TypeError, *EDGES):
            return True
    return False


def either(a: Any, b: Any) -> Any:
    """Return the condition that a or b holds."""
    if a.__class__ is float:
        return 1.0 if a else b
    return (1.0 if b else a) if b.__class__ is float else ops.where(a, 1.0, b)


def all_of(conditions: Sequence[Any]) -> Any:
    """Return the condition that there are some and all of them hold; 0.0 for two that exclude each other."""
    if any(c.__class__ is float and not c for c in conditions) or not conditions:
        return 0.0
    found = dict.fromkeys(c for c in conditions if c.__class__ is not float)
    if len(found) > 1 and _exclude_each_other(found):
        return 0.0
    whole: Any = 1.0
    for c in found:
        whole = c if whole.__class__ is float else ops.where(whole, c, 0.0)
    return whole


def _exclude_each_other(conditions: Iterable[Any]) -> bool:
    """Return True if a number would have to equal two constants, or equal one and not equal it."""
    equal: dict[Any, float] = {}
    unequal: set[tuple[Any, float]] = set()
    for c in conditions:
        if (found := _comparison(c)) is not None:
            x, constant, is_equal = found
            if is_equal and equal.setdefault(x, constant) != constant:
                return True
            if not is_equal:
                unequal.add((x, constant))
    return any(pair in unequal for pair in equal.items())


def _comparison(c: Any) -> tuple[Any, float, bool] | None:
    """Return x, a constant and True if a traced condition is x == constant, False if it is x != constant."""
    found: tuple[Any, float, bool] | None = None
    holds = True
    while hasattr(c, "place") and c.op is not None:
        x, *others = c.operands
        if not others and c.op.name == "data":  # a constant of differentiation
            c = x
        elif c.op in (ops.equal, ops.not_equal) and others[0].__class__ is float and (found is None or not found[1]):
            is_equal = holds == (c.op is ops.equal)
            found, c, holds = (x, others[0], is_equal), x, not is_equal  # x != 0 may be a comparison that holds
        else:
            break
    return found

"""The order of a graph, and the chain rule for any kind of number; `sweep` in value.py is the fast path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import inf, nan
from operator import attrgetter, mul
from typing import Any

from autograd_tiny.engine import ops


def topological_order(*ys: Any, stop: Iterable[Any] = ()) -> list[Any]:
    """List every node that ys depend on, each after its operands, without `stop` and the nodes below it.

    >>> from autograd_tiny.engine.value import Value
    >>> a = Value(1.0, "a"); b = a + a; b.name = "b"; c = b * a; c.name = "c"
    >>> [v.name for v in topological_order(c)]
    ['a', 'b', 'c']
    """
    order: list[Any] = []
    seen, kind = set(stop), ys[-1].__class__ if ys else None  # one kind of node, with op, a and b as in a Value
    stack: list[Any] = [*reversed(ys)]
    while stack:
        v = stack.pop()
        if v is None:  # marker: the operands of the node under it are done
            order.append(stack.pop())
        elif v not in seen:
            seen.add(v)
            if v.op is None:
                order.append(v)
                continue
            stack += (v, None)
            a, b = v.a, v.b
            if b.__class__ is kind:
                stack.append(b)
            elif b.__class__ is tuple:
                stack += [x for x in reversed(b) if x.__class__ is kind]
            if a.__class__ is kind:
                stack.append(a)
    return order


def contributions(
    order: Sequence[Any],
    adjoint: Mapping[Any, Any],
    local: Callable[[Any], Iterable[Any]] = attrgetter("local_derivatives"),
    times: Callable[[Any, Any], Any] = mul,
    number: Callable[[Any], Any] | None = None,
    guard: Callable[[Any, int, Any, Any], Any] | None = None,
) -> Iterator[tuple[Any, int, Any, Any]]:
    """Yield the steps of a reverse sweep: (node, operand index, operand, adjoint of the node × local derivative).

    >>> from autograd_tiny.engine.value import Value
    >>> a = Value(3.0, "a"); b = a * a
    >>> adjoint = {a: 0.0, b: 1.0}
    >>> for v, i, x, contribution in contributions([a, b], adjoint):
    ...     adjoint[x] += contribution
    >>> adjoint[a]
    6.0

    The caller accumulates the contributions in `adjoint`; a node is skipped if it has no adjoint when it is reached.
    Nodes need `op`, `operands` and `local_derivatives`. `local` overrides the derivatives; None skips an operand.
    `number`, if given, returns a node as the number that derivatives are computed of, and squares are then passed by:
    the adjoint of x² goes past the kink of x. `guard(node, index, operand, contribution)` replaces a contribution.
    """
    squares: dict[Any, Any] = {}  # adjoints of the squares of nodes
    for v in reversed(order):
        if v.op is not None and v in adjoint:
            g, xs = adjoint[v], v.operands
            for i, d in enumerate(local(v)):
                if d is not None:
                    x = xs[i]
                    rooted = number and x.__class__ is v.__class__ and x.op is not None and x.op.squared
                    d2 = by_square(v.op, xs, i, number) if rooted and number else None
                    part = times(g, d if d2 is None else d2)
                    part = guard(v, i, x, part) if guard else part
                    if d2 is None:
                        yield v, i, x, part
                    else:
                        squares[x] = squares[x] + part if x in squares else part
        if v in squares and number:
            g, xs = squares.pop(v), v.operands
            for i, d in enumerate(local(v)):
                if d is not None:
                    x = xs[i]
                    further = v.op.squared == 2 and x.op is not None and x.op.squared
                    part = g if further or v.op.squared == 1 else times(g, 2.0 * number(x))
                    part = guard(v, i, x, part) if guard else part
                    if further:
                        squares[x] = squares[x] + part if x in squares else part
                    else:
                        yield v, i, x, part


def by_square(op: Any, xs: tuple[Any, ...], i: int, number: Callable[[Any], Any]) -> Any:
    """Return the derivative of op(*xs) with respect to the square of operand i; None if it is not a function of that.

    It is that of (x²)**(p/2) for a constant p ≥ 2, and half of the derivative of x² for a factor of x·x.

    >>> from autograd_tiny.engine.value import Value
    >>> x = abs(Value(0.0))
    >>> by_square(ops.pow, (x, 2.0), 0, float), by_square(ops.mul, (x, x), 1, float), by_square(ops.exp, (x,), 0, float)
    (1.0, 0.5, None)
    """
    x = xs[i]
    if op is ops.mul or op is ops.dot:
        return 0.5 if _are_same(x, xs[(i + len(xs) // 2) % len(xs)]) else None
    p = 2.0 if op is ops.square else xs[1] if op is ops.pow and i == 0 else None
    if p.__class__ is not float or not 2 <= p < inf:
        return None
    return 1.0 if p == 2 else 0.5 * p * number(x) ** (p - 2)


def slope_of_square(
    op: Any, moved: Iterable[tuple[Any, Any, Any]], number: Callable[[Any], Any], times: Callable[[Any, Any], Any] = mul
) -> Any:
    """Compute the slope of the square of op(*xs) from (x, slope of x, slope of x² or None) of what moves."""
    parts = [t if op.squared == 1 else times(t, 2.0 * number(x)) if t2 is None else t2 for x, t, t2 in moved]
    return sum(parts[1:], parts[0])


def _are_same(a: Any, b: Any) -> bool:
    """Return True if a and b are one number, or the same op of the same numbers."""
    if a is b or a.__class__ is not b.__class__ or a.op is not b.op:
        return a is b
    pairs = zip(a.operands, b.operands, strict=True)
    return all(x is y or (x.__class__ is y.__class__ is float and x == y) for x, y in pairs)


def absent(op: Any, i: int, xs: tuple[Any, ...]) -> Any:
    """Return 1.0 if op(*xs) is constant around its operand i, 0.0 if not, and a traced condition while tracing.

    >>> from autograd_tiny.engine import ops
    >>> absent(ops.relu, 0, (-2.0,)), absent(ops.where, 1, (1.0, 2.0, 3.0))
    (1.0, 0.0)
    """
    if not op.absent:
        return 0.0
    told = op.absent[i](*xs)
    return told if told.__class__ is float else told.data


def present(v: Any, ds: Iterable[Any]) -> tuple[Any, ...]:
    """Return the local derivatives of a node with None for those that are absent."""
    if not v.op.absent:
        return tuple(ds)
    xs = v.operands
    ds = tuple(ds)
    told = [0.0 if d is None else absent(v.op, i, xs) for i, d in enumerate(ds)]
    return tuple([None if t.__class__ is float and t else d for t, d in zip(told, ds, strict=True)])


def taken(v: Any) -> tuple[Any, ...]:
    """Return the local derivatives of the forward pass, with None for those that are absent."""
    return present(v, v.local_derivatives)


def past_poles(order: Sequence[Any], adjoint: Mapping[Any, Any]) -> Iterator[tuple[Any, int, Any, float]]:
    """Yield the steps of a reverse sweep, and for each product 0 · inf what passes the pole: see `contributions`."""
    passed: dict[tuple[Any, int], float] = {}
    within = {order[-1]: adjoint[order[-1]]}

    def note(v: Any, i: int, x: Any, contribution: float) -> float:
        passed.setdefault((v, i), nan)  # stays if x gets it by its square
        return contribution

    for v, i, x, contribution in contributions(order, within, taken, number=attrgetter("data"), guard=note):
        within[x] = within[x] + contribution if x in within else contribution
        known = passed[v, i]
        passed[v, i] = contribution if known != known else known + contribution
    for v, i, x, contribution in contributions(order, adjoint):
        yield v, i, x, contribution if contribution == contribution else passed.get((v, i), 0.0)


def sweep_past_poles(order: Sequence[Any], sweep: Callable[[Any], None]) -> None:
    """Sweep, and again if that gives a nan, past what is absent and past the kinks of squares."""
    before = [v.grad for v in order]
    sweep(order)
    if any(v.grad != v.grad for v in order):
        adjoint = dict(zip(order, before, strict=True))
        for _, _, x, contribution in past_poles(order, adjoint):
            adjoint[x] += contribution
        for v, g in adjoint.items():
            v.grad = g

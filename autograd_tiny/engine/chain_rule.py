"""The order of a graph, and the chain rule for any kind of number; `sweep` in value.py is the fast path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
    """
    for v in reversed(order):
        if v.op is not None and v in adjoint:
            g, xs = adjoint[v], v.operands
            for i, d in enumerate(local(v)):
                if d is not None:
                    yield v, i, xs[i], times(g, d)


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


def past_root(v: Any, x: Any, g: Any, contribution: Any) -> tuple[Any, Any]:
    """Return where a contribution of v to x goes: by (√s)ⁿ = s**(n/2) to s at once, if x is a root √s that is 0.

    Otherwise n(√s)ⁿ⁻¹ · ½/√s were 0 · inf. While tracing, every such root is taken so.
    """
    if x.op is not ops.sqrt or (x.data.__class__ is float and x.data != 0):
        return x, contribution
    if v.op is ops.square or (v.op is ops.pow and v.b.__class__ is float and v.b == 2):
        return x.a, g
    return (x.a, 0.5 * g) if v.op is ops.mul and v.a is v.b else (x, contribution)


def sweep_past_poles(order: Sequence[Any], sweep: Callable[[Any], None]) -> None:
    """Sweep, and again if that gives a nan, without what is absent."""
    before = [v.grad for v in order]
    sweep(order)
    if any(v.grad != v.grad for v in order):
        for v, g in zip(order, before, strict=True):
            v.grad = g
        adjoint = {order[-1]: before[-1]}
        for v, _, x, contribution in contributions(order, adjoint, taken):
            x, contribution = past_root(v, x, adjoint[v], contribution)
            x.grad = adjoint[x] = x.grad + contribution

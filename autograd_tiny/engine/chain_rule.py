"""The chain rule for any kind of number, one contribution at a time; `sweep` in value.py is the fast path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter, mul
from typing import Any


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

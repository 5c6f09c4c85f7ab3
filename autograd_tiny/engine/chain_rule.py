"""The chain rule in any numbers, use by use; `sweep` of value.py is the same for `Value.grad`, and fast."""

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
    """Yield a sweep use by use: (node, which operand, operand, the node's adjoint × local derivative).

    >>> from autograd_tiny.engine.value import Value
    >>> a = Value(3.0, "a"); b = a * a
    >>> adjoint = {a: 0.0, b: 1.0}
    >>> for v, i, x, contribution in contributions([a, b], adjoint):
    ...     adjoint[x] += contribution
    >>> adjoint[a]
    6.0

    The caller adds them up, in any numbers: a node hands on what its adjoint is when the sweep comes to it, and nothing
    where it has none. Any nodes with `op`, `operands` and `local_derivatives` do, `local` gives others,
    None where nothing is to be handed on.
    """
    for v in reversed(order):
        if v.op is not None and v in adjoint:
            g, xs = adjoint[v], v.operands
            for i, d in enumerate(local(v)):
                if d is not None:
                    yield v, i, xs[i], times(g, d)

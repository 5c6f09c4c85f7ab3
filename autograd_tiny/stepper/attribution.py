"""Questions about a gradient: why is it what it is, and along which paths does it come?"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any, NamedTuple

from autograd_tiny.stepper.events import Backward, Node
from autograd_tiny.stepper.traces import Trace


def why(trace: Trace, node: Node) -> list[Backward]:
    """Every use of a value, in the order of the sweep; their contributions sum to its gradient.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> a = Value(3.0, "a"); steps = trace(a * a + a)
    >>> [(step.node.name, step.contribution) for step in why(steps, steps.node("a"))]
    [('a * a + a', 1.0), ('a * a', 3.0), ('a * a', 3.0)]
    """
    uses = trace._uses.targets
    return [trace._use(k) for k, target in enumerate(uses) if target == node.number]


class Path(NamedTuple):
    """The product of the local derivatives along one way from the output to a value."""

    product: float
    nodes: tuple[Node, ...]  # from the output on


class Paths(NamedTuple):
    """The largest paths by the size of their product, and how many there are in all."""

    largest: Sequence[Path]
    total: int


def paths(trace: Trace, node: Node, k: int = 5) -> Paths:
    """The k paths from the output to a value that count most, and the exact number of all.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> a = Value(3.0, "a"); b = a + a; b.name = "b"; steps = trace(b * b)
    >>> found = paths(steps, steps.node("a"), 1)
    >>> found.total, found.largest[0].product, [n.name for n in found.largest[0].nodes]
    (4, 6.0, ['b * b', 'b', 'a'])
    """
    if k < 1:
        raise ValueError(f"paths: k is how many to show, at least 1, got {k}")
    nodes, uses = trace.nodes, trace._uses
    below = _below(trace, node)
    count = {trace.output.number: 1}
    best: dict[int, list[tuple[float, float, Any]]] = {  # a way is (last, the way before it): shared, not copied
trace.output.number: [(1.0, 1.0, (trace.output.number, None))]}  # fmt: skip
    for consumer, i, target in zip(uses.consumers, uses.slots, uses.targets, strict=True):
        if target not in below:
            continue
        local = nodes[consumer].local_derivatives[i]
        assert local is not None
        count[target] = count.get(target, 0) + count[consumer]
        longer = [(_size(p * local), p * local, (target, way)) for _, p, way in best[consumer]]
        best[target] = heapq.nlargest(k, best.get(target, []) + longer, key=lambda path: path[0])
    found = best.get(node.number, [])
    return Paths([Path(p, tuple(nodes[n] for n in _unrolled(way))) for _, p, way in found], count.get(node.number, 0))


def _below(trace: Trace, node: Node) -> set[int]:
    """The values that depend on node, and itself: what a path to it may lead through."""
    found, uses = {node.number}, trace._uses
    for consumer, target in zip(reversed(uses.consumers), reversed(uses.targets), strict=True):
        if target in found:
            found.add(consumer)
    return found


def _unrolled(way: Any) -> list[int]:
    found: list[int] = []
    while way is not None:
        found.append(way[0])
        way = way[1]
    return found[::-1]


def _size(product: float) -> float:
    return abs(product) if product == product else float("inf")

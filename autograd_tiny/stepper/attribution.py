"""Explain a gradient by the contributions and the paths that add up to it."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any, NamedTuple

from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.value import Value
from autograd_tiny.stepper.events import Backward, Node
from autograd_tiny.stepper.traces import Trace, as_trace

NAMES_AT_EACH_END = 8  # of a long path


def why(trace: Trace | Value, node: Node | str) -> list[Backward]:
    """List every use of a value, given as a node or its name; their contributions, in order, sum to its gradient.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> a = Value(3.0, "a"); steps = trace(a * a + a)
    >>> [(step.node.name, step.contribution) for step in why(steps, steps.node("a"))]
    [('a * a + a', 1.0), ('a * a', 3.0), ('a * a', 3.0)]
    """
    trace = as_trace(trace, "why")
    node = trace.node(node) if isinstance(node, str) else node
    uses = trace._uses.targets
    return [trace._use(k) for k, target in enumerate(uses) if target == node.number]


class Path(NamedTuple):
    """One path from the output to a value, with the product of its local derivatives."""

    product: float
    nodes: tuple[Node, ...]  # the output first

    def __str__(self) -> str:
        """List the names of its values; of a long path, those at its ends."""
        names = [node.name for node in self.nodes]
        left_out = len(names) - 2 * NAMES_AT_EACH_END
        if left_out > 0:
            names[NAMES_AT_EACH_END:-NAMES_AT_EACH_END] = [f"… {left_out:,} more …"]
        return " → ".join(names)

    def __repr__(self) -> str:
        return f"<path {self.product!r}: {self}>"


class Paths(NamedTuple):
    """The paths with the largest products, and the number of all paths."""

    largest: Sequence[Path]
    total: int

    def __repr__(self) -> str:
        return f"<{counted(self.total, 'path')}, the largest {self.largest!r}>"


def paths(trace: Trace | Value, node: Node | str, k: int = 5) -> Paths:
    """Find the k paths from the output to a value with the largest products, and count all of them.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> a = Value(3.0, "a"); b = a + a; b.name = "b"; steps = trace(b * b)
    >>> found = paths(steps, steps.node("a"), 1)
    >>> found.total, found.largest[0].product, [n.name for n in found.largest[0].nodes]
    (4, 6.0, ['b * b', 'b', 'a'])
    >>> found
    <4 paths, the largest [<path 6.0: b * b → b → a>]>

    The products of all paths sum to the gradient. Raises ValueError if k is less than 1.
    """
    trace = as_trace(trace, "paths")
    node = trace.node(node) if isinstance(node, str) else node
    if k < 1:
        raise ValueError(f"paths: k is the number of paths to return, at least 1, got {k}")
    nodes, uses = trace.nodes, trace._uses
    below = _below(trace, node)
    count, last = {trace.output.number: 1}, trace.output.number
    # A way is (last value, the way before it), so that ways share their beginnings.
    best: dict[int, list[tuple[float, float, Any]]] = {last: [(1.0, 1.0, (last, None))]}
    for consumer, i, target in zip(uses.consumers, uses.slots, uses.targets, strict=True):
        if consumer != last and last != node.number:  # drop used counts: for 100,000 doublings all would take 700 MB
            count.pop(last, None), best.pop(last, None)
        last = consumer
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
    """Collect the numbers of the node and of all values that depend on it."""
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

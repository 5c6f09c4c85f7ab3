"""Backpropagation recorded: the forward steps, the seed, and every contribution of the sweep, as plain events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from autograd_tiny.names import LONGEST, Named, name_nodes
from autograd_tiny.op import Op
from autograd_tiny.symbol import Symbol, explain
from autograd_tiny.value import Value, topological_order


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One value of the graph; its operands are Nodes and, where constant, floats."""

    number: int
    named: Named
    op: Op | None
    data: float
    operands: tuple[Node | float, ...] = field(repr=False)

    @property
    def name(self) -> str:
        return self.named.label.text


@dataclass(frozen=True, slots=True)
class Forward:
    """A value is computed."""

    node: Node


@dataclass(frozen=True, slots=True)
class Seed:
    """The output's derivative by itself is added: before + 1 = after."""

    node: Node
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Backward:
    """One operand gets its share: upstream × local = contribution, before + contribution = after.

    `upstream` is ∂output/∂node, `local` ∂node/∂operand. This is path `nth` of the `of` that lead from the output to
    the operand; with the last one its gradient is `final`.
    """

    node: Node
    i: int  # which operand of node
    operand: Node
    upstream: float
    local: float
    contribution: float
    before: float
    after: float
    nth: int
    of: int

    @property
    def final(self) -> bool:
        return self.nth == self.of


Step: TypeAlias = Forward | Seed | Backward


@dataclass(frozen=True, slots=True)
class Trace:
    """The nodes of a graph in topological order, and the steps of forward and backward."""

    nodes: tuple[Node, ...]
    steps: tuple[Step, ...]

    @property
    def output(self) -> Node:
        return self.nodes[-1]

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)


def trace(y: Value) -> Trace:
    """The steps that `y.backward()` takes, bit for bit; no `.grad` is read but the leaves' and none is written.

    >>> a = Value(3.0, "a")
    >>> b = a * a
    >>> for step in trace(b):
    ...     if isinstance(step, Backward):
    ...         print(step.upstream, "×", step.local, "=", step.contribution, f"path {step.nth} of {step.of}")
    1.0 × 3.0 = 3.0 path 1 of 2
    1.0 × 3.0 = 3.0 path 2 of 2

    Raises TypeError when y is not a Value.
    """
    if not isinstance(y, Value):
        raise TypeError(f"trace takes the Value that backward() would start from, got {y!r:.60}")
    order = topological_order(y)
    named = name_nodes(order)
    nodes: dict[Value, Node] = {}
    uses: dict[Value, int] = dict.fromkeys(order, 0)
    for i, v in enumerate(order):
        operands = tuple(nodes[x] if isinstance(x, Value) else x for x in v.operands)
        nodes[v] = Node(i, named[v], v.op, v.data, operands)
        for parent in v.parents:
            uses[parent] += 1
    steps: list[Step] = [Forward(node) for node in nodes.values()]
    adjoint = {v: 0.0 if v.op is not None else v.grad for v in order}
    steps.append(Seed(nodes[y], adjoint[y], adjoint[y] + 1.0))
    adjoint[y] += 1.0
    nth = dict.fromkeys(order, 0)
    for v in reversed(order):
        for i, (x, local) in enumerate(zip(v.operands, v.locals, strict=True)):
            if isinstance(x, Value) and local is not None:
                before, contribution = adjoint[x], adjoint[v] * local
                adjoint[x] = before + contribution
                nth[x] += 1
                steps.append(
                    Backward(
                        nodes[v], i, nodes[x], adjoint[v], local, contribution, before, adjoint[x], nth[x], uses[x]
                    )
                )
    return Trace(tuple(nodes.values()), tuple(steps))


def rule(step: Backward) -> str:
    """The local derivative of a step as its rule in the table spells it: ``local = w1`` for ∂(x1 * w1)/∂x1.

    A long one is the general rule of the op, ``∂tanh(x)/∂x = …``; "" for a constant, and for a rule that branches.
    """
    op, node = step.node.op, step.node
    assert op is not None
    xs = tuple(Symbol.named(x.named.label) if isinstance(x, Node) else x for x in node.operands)
    try:
        d = op.locals(Symbol.named(node.named.label), xs)[step.i]
        if isinstance(d, Symbol) and len(str(d)) > LONGEST:
            return explain(op).splitlines()[step.i]
    except (TypeError, ValueError, ArithmeticError, IndexError):
        return ""
    return f"local = {d}" if isinstance(d, Symbol) else ""

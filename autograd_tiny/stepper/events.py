"""What happens in a forward and a backward pass, one plain event each: a value computed, the seed, a contribution."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from autograd_tiny.engine.names import LONGEST_LABEL, Named
from autograd_tiny.engine.op import Op
from autograd_tiny.engine.provenance import Where
from autograd_tiny.engine.symbol import Symbol, explain


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One value of the graph; its operands are Nodes or, where constant, floats, whose local derivative is None."""

    number: int
    named: Named
    op: Op | None
    data: float
    operands: tuple[Node | float, ...] = field(repr=False)
    local_derivatives: tuple[float | None, ...] = ()
    where: Where | None = None
    rules: tuple[str, ...] | None = None  # the text of each local derivative, where it was read from a file
    shapes: tuple[str, ...] | None = None  # and the flag of the op's curve there, or ""

    @property
    def name(self) -> str:
        return self.named.label.text

    @property
    def scope(self) -> str:
        """The module it belongs to, ``layers[0].neurons[3]``: of the code that made it, or of a parameter's name."""
        if self.where is not None:
            return self.where.scope
        return self.name.rpartition(".")[0] if self.op is None else ""

    @property
    def source(self) -> str:
        """``train.py:12``; "" where it was not recorded."""
        return "" if self.where is None else self.where.source


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


def rule(step: Backward) -> str:
    """The local derivative of a step as its rule in the table spells it: ``local = w1`` for ∂(x1 * w1)/∂x1.

    A long one is the general rule of the op, ``∂tanh(x)/∂x = …``; "" for a constant, and for a rule that branches.
    """
    return (step.node.rules or _rules(step.node))[step.i]


@lru_cache(maxsize=1)  # the steps of a node follow one another, and a sum of 10,000 has as many
def _rules(node: Node) -> tuple[str, ...]:
    op = node.op
    assert op is not None
    xs = tuple(Symbol.named(x.named.label) if isinstance(x, Node) else x for x in node.operands)
    try:
        found = op.local_derivatives(Symbol.named(node.named.label), xs)
        long = any(isinstance(d, Symbol) and len(str(d)) > LONGEST_LABEL for d in found)
        general = explain(op).splitlines() if long else []
    except (TypeError, ValueError, ArithmeticError, IndexError):
        return ("",) * len(xs)
    return tuple(_rule(d, general[i : i + 1]) for i, d in enumerate(found))


def _rule(d: object, general: list[str]) -> str:
    if not isinstance(d, Symbol):
        return ""
    return f"local = {d}" if len(str(d)) <= LONGEST_LABEL else "".join(general)

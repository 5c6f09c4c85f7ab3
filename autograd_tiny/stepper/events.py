"""Steps of a forward and a backward pass: a value computed, the seed, a contribution."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from autograd_tiny.engine.digits import short
from autograd_tiny.engine.names import LONGEST_LABEL, Named
from autograd_tiny.engine.op import Op
from autograd_tiny.engine.provenance import Where
from autograd_tiny.engine.symbol import Symbol, explain, shown_derivatives


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One value of the graph; a constant operand is a float, and its local derivative is None."""

    number: int
    named: Named
    op: Op | None
    data: float
    operands: tuple[Node | float, ...] = field(repr=False)
    local_derivatives: tuple[float | None, ...] = ()
    where: Where | None = None
    rules: tuple[str, ...] | None = None  # the text of each local derivative, if read from a file
    shapes: tuple[str, ...] | None = None  # the flag of the op's curve at each operand or "", if read from a file

    @property
    def name(self) -> str:
        return self.named.label.text

    @property
    def scope(self) -> str:
        """The module of the code that made it, or that a parameter's name begins with: ``layers[0].neurons[3]``."""
        if self.where is not None:
            return self.where.scope
        return self.name.rpartition(".")[0] if self.op is None else ""

    @property
    def source(self) -> str:
        """Source line, ``train.py:12``; "" if it was not recorded."""
        return "" if self.where is None else self.where.source


@dataclass(frozen=True, slots=True)
class Forward:
    """Computation of a value."""

    node: Node

    def __str__(self) -> str:
        return f"forward: {self.node.named.title} is {short(self.node.data)}"


@dataclass(frozen=True, slots=True)
class Seed:
    """The output's derivative with respect to itself: before + 1 = after."""

    node: Node
    before: float
    after: float

    def __str__(self) -> str:
        return f"seed: {self.node.name}.grad += 1 : {short(self.before)} → {short(self.after)}"


@dataclass(frozen=True, slots=True)
class Backward:
    """One contribution to an operand: upstream × local = contribution, before + contribution = after.

    Where upstream × local is 0 × ∞, the contribution is what passes the pole: 0 where the factor is absent.

    `upstream` is ∂output/∂node, `local` is ∂node/∂operand. This is use `nth` of the operand, of `of` in all; after the
    last one the operand's gradient is `final`.
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

    @property
    def passes_pole(self) -> bool:
        """True where upstream × local is 0 × ∞, and the contribution is what passes it."""
        return math.isnan(self.upstream * self.local) and not math.isnan(self.contribution)

    def __str__(self) -> str:
        product = f"{short(self.upstream)} × {short(self.local)}"
        if self.passes_pole:
            product = f"{short(self.contribution)}, past the pole of {product}"
        change = f"{short(self.before)} → {short(self.after)}"
        return f"backward: {self.operand.name}.grad += {product} : {change}, from {self.node.named.title}"


Step: TypeAlias = Forward | Seed | Backward


def rule(step: Backward) -> str:
    """Write the local derivative of a step as a formula: ``local = w1`` for ∂(x1 * w1)/∂x1.

    A long formula is replaced by the op's general rule, ``∂tanh(x)/∂x = …``. It is "" for a constant, and for a rule
    that branches.
    """
    return (step.node.rules or _rules(step.node))[step.i]


@lru_cache(maxsize=1)  # consecutive steps share a node, and a sum of 10,000 has 10,000 steps
def _rules(node: Node) -> tuple[str, ...]:
    op = node.op
    assert op is not None
    xs = tuple(Symbol.named(x.named.label) if isinstance(x, Node) else x for x in node.operands)
    try:
        found = shown_derivatives(op, Symbol.named(node.named.label), xs)
        long = any(isinstance(d, Symbol) and len(str(d)) > LONGEST_LABEL for d in found)
        general = explain(op).splitlines() if long else []
    except (TypeError, ValueError, ArithmeticError, IndexError):
        return ("",) * len(xs)
    return tuple(_rule(d, general[i : i + 1]) for i, d in enumerate(found))


def _rule(d: object, general: list[str]) -> str:
    if not isinstance(d, Symbol):
        return ""
    return f"local = {d}" if len(str(d)) <= LONGEST_LABEL else "".join(general)

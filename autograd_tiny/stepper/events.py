"""What happens in a forward and a backward pass, one plain event each: a value computed, the seed, a contribution."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from autograd_tiny.engine.names import LONGEST_LABEL, Named
from autograd_tiny.engine.op import EDGES, Op
from autograd_tiny.engine.provenance import Where
from autograd_tiny.engine.symbol import Symbol, explain


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One value of the graph; its operands are Nodes and, where constant, floats, its locals None by a constant."""

    number: int
    named: Named
    op: Op | None
    data: float
    operands: tuple[Node | float, ...] = field(repr=False)
    locals: tuple[float | None, ...] = ()
    where: Where | None = None
    rules: tuple[str, ...] | None = None  # the text of each local derivative, where it was read from a file
    shapes: tuple[str, ...] | None = None  # and which of SHAPES each operand has, or ""

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
        found = op.locals(Symbol.named(node.named.label), xs)
        long = any(isinstance(d, Symbol) and len(str(d)) > LONGEST_LABEL for d in found)
        general = explain(op).splitlines() if long else []
    except (TypeError, ValueError, ArithmeticError, IndexError):
        return ("",) * len(xs)
    return tuple(_rule(d, general[i : i + 1]) for i, d in enumerate(found))


def _rule(d: object, general: list[str]) -> str:
    if not isinstance(d, Symbol):
        return ""
    return f"local = {d}" if len(str(d)) <= LONGEST_LABEL else "".join(general)


SMALLEST = 2.2250738585072014e-308  # below it floats lose digits
SHAPES = "kink", "dead", "saturated"  # where on its op's curve an operand lies
FLAT = 0.05  # a slope this much smaller than that at 0 is saturated


def flags(step: Step) -> tuple[str, ...]:
    """What is worth a second look: nan, inf, underflow, kink, dead, saturated, reuse.

    nan, inf: the value or gradient is. underflow: a product of two numbers other than 0 is 0, or too small to keep its
    digits. kink: the op has no one slope there. dead: the slope of a function is 0, and 0 next to it, too. saturated: its slope is
    below 5 % of that at 0 and falling. reuse: the operand has other uses.
    """
    if isinstance(step, Forward):
        return _bad(step.node.data)
    if isinstance(step, Seed):
        return ()
    found = [*_bad(step.after)]
    if abs(step.contribution) < SMALLEST and step.upstream and step.local:
        found.append("underflow")
    found += _shape(step)
    return (*found, "reuse") if step.of > 1 else tuple(found)


def _bad(x: float) -> tuple[str, ...]:
    return ("nan",) if x != x else ("inf",) if math.isinf(x) else ()


def _shape(step: Backward) -> list[str]:
    """Where on its op's curve the operand lies: one of SHAPES, or none."""
    if step.node.shapes is not None:
        return [shape for shape in [step.node.shapes[step.i]] if shape]
    op, (xs, smooth) = step.node.op, _point(step.node)
    assert op is not None
    if smooth is None:
        return []

    def slope(x: float) -> float:
        at = (*xs[: step.i], x, *xs[step.i + 1 :])
        d = op.locals(op.forward(*at), at)[step.i]
        assert d is not None
        return abs(float(d))

    x = xs[step.i]
    near = 1e-6 * max(1.0, abs(x))
    try:
        if not smooth and math.isfinite(step.local):
            return ["kink"]
        if step.local == 0 and not op.infix and slope(x - near) == slope(x + near) == 0:
            return ["dead"]
        if len(xs) == 1 and x and 0 < abs(step.local) < FLAT * slope(0.0) and slope(2 * x) <= abs(step.local):
            return ["saturated"]
    except (TypeError, *EDGES):
        pass
    return []


@lru_cache(maxsize=1)
def _point(node: Node) -> tuple[tuple[float, ...], bool | None]:
    """The numbers that its op is applied to, and whether it is smooth there; None where it does not say."""
    assert node.op is not None
    xs = tuple(x.data if isinstance(x, Node) else x for x in node.operands)
    try:
        return xs, bool(node.op.avoid(*xs))
    except (TypeError, *EDGES):
        return xs, None

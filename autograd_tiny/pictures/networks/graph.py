"""Derive circles and lines of a network from the graph of the Value that it computed."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from autograd_tiny.engine.op import Op
from autograd_tiny.engine.provenance import Recording
from autograd_tiny.engine.symbol import Symbol
from autograd_tiny.engine.value import Value, topological_order
from autograd_tiny.pictures.scopes import scopes


class Key(NamedTuple):
    """Identity of a circle: a module, an input, values that mix modules, or the result computed from all of them."""

    kind: str  # module, input, between or result; more for the folded middle of a column
    of: Any = ""


RESULT = Key("result")


@dataclass
class Circle:
    """Values of one module, or values between modules, for all samples of a batch."""

    key: Key
    values: list[Value] = field(default_factory=list)
    seen: list[Value] = field(default_factory=list)  # used by another circle: the activations
    constants: list[float] = field(default_factory=list)  # inputs given as floats
    biases: list[Value] = field(default_factory=list)  # parameters not on a line
    inside: int = 0  # uses of a value within this circle
    circles: int = 1  # number folded into this one


@dataclass
class Line:
    """Uses of one circle by another, and the parameters that multiply them."""

    weights: dict[Value, None] = field(default_factory=dict)  # ordered set
    uses: int = 0


@dataclass
class Network:
    """Circles in the order of their first value, and lines from operand to result."""

    circles: dict[Key, Circle]
    lines: dict[tuple[Key, Key], Line]
    left_out: int  # uses of a parameter outside its module, as in a weight penalty

    def columns(self) -> list[list[Key]]:
        """Columns from left to right: inputs, then each circle one column after its last operand, then the result."""
        sources: dict[Key, list[Key]] = {key: [] for key in self.circles}
        for tail, head in self.lines:
            sources[head].append(tail)
        column: dict[Key, int] = {}
        for start in self.circles:
            stack, open_ = [start], set()
            while stack:
                key = stack[-1]
                waiting = [x for x in sources[key] if x not in column and x not in open_]  # an open one closes a cycle
                open_.add(key)
                if waiting and key not in column:
                    stack += waiting
                elif stack.pop() not in column:
                    before = [column[x] for x in sources[key] if x in column]
                    column[key] = 0 if key.kind == "input" else 1 + max(before, default=0)
        if RESULT in column:
            column[RESULT] = 1 + max(column.values())
        ordered = sorted(set(column.values()))
        return [[key for key in self.circles if column[key] == i] for i in ordered]


def folded(network: Network, columns: list[list[Key]], most: int) -> tuple[Network, list[list[Key]]]:
    """Fold the middle of each column of more than `most` circles into one circle, leaving `most`."""
    to = {key: key for column in columns for key in column}
    shown = []
    for i, column in enumerate(columns):
        first, last = most // 2, (most - 1) // 2
        middle = column[first : len(column) - last] if len(column) > most else []
        to.update(dict.fromkeys(middle, Key("more", i)))
        shown.append(list(dict.fromkeys(to[key] for key in column)))
    circles: dict[Key, Circle] = {}
    for key, circle in network.circles.items():
        if to[key] == key:
            circles[key] = circle
            continue
        whole = circles.setdefault(to[key], Circle(to[key], circles=0))
        for name in ("values", "seen", "constants", "biases"):
            getattr(whole, name).extend(getattr(circle, name))
        whole.inside, whole.circles = whole.inside + circle.inside, whole.circles + circle.circles
    lines: dict[tuple[Key, Key], Line] = defaultdict(Line)
    for (tail, head), line in network.lines.items():
        if to[tail] == to[head]:
            circles[to[tail]].inside += line.uses
        else:
            whole_line = lines[to[tail], to[head]]
            whole_line.weights.update(line.weights)
            whole_line.uses += line.uses
    return Network(circles, dict(lines), network.left_out), shown


def network_of(y: Value, recording: Recording | None = None) -> Network:
    """Circles and lines of the modules that computed y.

    >>> from autograd_tiny.nn.modules import MLP
    >>> found = network_of(MLP(2, [3, 1], seed=0)([1.0, -1.0]))
    >>> [len(column) for column in found.columns()], len(found.lines)
    ([2, 3, 1], 9)

    Every value is in one circle; every use is inside a circle, on a line or in `left_out`. Raises ValueError if no
    module is known, or if two parameters of one module have the same name.
    """
    return _Reader(y, recording).network()


class _Reader:
    """State of deriving circles and lines from the graph of one value."""

    def __init__(self, y: Value, recording: Recording | None) -> None:
        self.order = topological_order(y)
        self.scope = scope = scopes(self.order, recording)
        self.parameters = {v for v in self.order if v.op is None and scope[v]}
        _refuse(self.order, scope, self.parameters)
        # For each node of a module: index of each operand multiplied by a parameter, and that parameter.
        self.weighted = {v: dict(_weighted(v, scope)) for v in self.order if v.op is not None and scope[v]}
        self.circles: dict[Key, Circle] = {}
        self.lines: dict[tuple[Key, Key], Line] = defaultdict(Line)
        self.seen = {y}  # used by another circle
        self.left_out = 0

    def network(self) -> Network:
        group = self.grouped()
        for v in self.order:
            self.circle(group[v]).values.append(v)
            for i, x in enumerate(v.operands):
                if isinstance(x, Value):
                    self.use(v, i, x, group[x], group[v])
                else:
                    self.constant(v, i, x, group[v])
        on_lines = {w for line in self.lines.values() for w in line.weights}
        for circle in self.circles.values():
            circle.seen = [v for v in circle.values if v in self.seen]
            circle.biases = [v for v in circle.values if v in self.parameters and v not in on_lines]
        return Network(self.circles, dict(self.lines), self.left_out)

    def circle(self, key: Key) -> Circle:
        return self.circles.setdefault(key, Circle(key))

    def use(self, v: Value, i: int, x: Value, there: Key, here: Key) -> None:
        """Count the use of x as operand i of v: inside a circle, on a line, or left out."""
        weights = self.weighted.get(v, {})
        if i in weights and there != here:
            self.lines[there, here].weights[weights[i]] = None
        if there == here:
            self.circle(here).inside += 1
        elif x in self.parameters and (not self.scope[v] or x in weights.values()):
            self.left_out += 1
        else:
            self.lines[there, here].uses += 1
            self.seen.add(x)

    def constant(self, v: Value, i: int, x: float, here: Key) -> None:
        """Record the float x, operand i of v, as an input if a parameter multiplies it."""
        weight = self.weighted.get(v, {}).get(i)
        if weight is not None:
            there = _place(self.scope[v], v, i, weight)
            self.lines[there, here].weights[weight] = None
            self.circle(there).constants.append(x)

    def grouped(self) -> dict[Value, Key]:
        """The circle of each value."""
        group: dict[Value, Key] = {}
        modules, feeding = self.feeding()
        for v in self.order:
            if v in self.weighted:
                group[v] = Key("module", self.scope[v])
                group |= self.inputs(v, group)
            elif v in feeding and v.op is not None:
                if (key := _between(v, group)) is not None:
                    group[v] = key
            elif v not in feeding and v not in self.parameters:
                group[v] = RESULT
        for v in reversed(self.order):  # operands of inputs, and parameters not grouped yet
            for x in v.parents:
                if x in self.parameters and self.scope[x] in modules:
                    group[x] = Key("module", self.scope[x])
                group.setdefault(x, group[v])
        return group

    def feeding(self) -> tuple[set[str], set[Value]]:
        """Modules that computed a value or supplied parameters, and the values outside modules that they use."""
        modules = {self.scope[v] for v in self.weighted}
        feeding: set[Value] = set()
        for v in reversed(self.order):
            if v in self.weighted:
                others = (x for x in v.parents if x in self.parameters and x not in self.weighted[v].values())
                modules.update(self.scope[x] for x in others)
            if v in self.weighted or v in feeding:
                feeding.update(x for x in v.parents if not self.scope[x])
        return modules, feeding

    def inputs(self, v: Value, group: dict[Value, Key]) -> dict[Value, Key]:
        """Circles of the operands of v, a node of a module, that have no module or circle yet."""
        return {
            x: _place(self.scope[v], v, i, self.weighted[v].get(i))
            for i, x in reversed([*enumerate(v.operands)])  # the first use of a repeated operand counts
            if isinstance(x, Value) and not self.scope[x] and x not in group
        }


def _refuse(order: list[Value], scope: dict[Value, str], parameters: set[Value]) -> None:
    if not any(v.op is not None and scope[v] for v in order):
        raise ValueError(
            "no module is known to have computed this value: name the parameters with model.name_parameters(), or "
            "record the computation: with tracing() as recording: y = …, then network(y, recording)"
        )
    names = Counter((scope[v], v.name) for v in order if v in parameters and v.name)
    for (_, name), count in names.items():
        if count > 1:
            raise ValueError(
                f"{count} parameters are named {name}: hold both networks in one Module and call its name_parameters()"
            )


def _weighted(v: Value, scope: dict[Value, str]) -> Iterator[tuple[int, Value]]:
    """Index of each operand of v, a node of a module, that a parameter multiplies, and that parameter."""
    assert v.op is not None
    operands = v.operands
    for i, j in enumerate(_factors(v.op, len(operands))):
        if j is None:
            continue
        x, w = operands[i], operands[j]
        own = isinstance(x, Value) and x.op is None and scope[x] == scope[v]
        if isinstance(w, Value) and w.op is None and scope[w] and not own:
            yield i, w


@cache
def _factors(op: Op, n: int) -> tuple[int | None, ...]:
    """Index of the operand that multiplies each operand, found by running the rules on Symbols."""
    xs = tuple(Symbol(f"x{i}") for i in range(n))
    try:
        derivatives = op.local_derivatives(Symbol("y"), xs)
    except (TypeError, ValueError, ArithmeticError):  # a user's rule that does not run on Symbols
        return (None,) * n
    return tuple(next((j for j, x in enumerate(xs) if x is d), None) for d in derivatives)


def _between(v: Value, group: dict[Value, Key]) -> Key | None:
    """Circle of v, a value between modules; None if it is an input."""
    below = {group[x] for x in v.parents if x in group and group[x].kind in ("module", "between")}
    if len(below) > 1:
        return Key("between", frozenset().union(*map(_mixed, below)))
    return below.pop() if below else None


def _mixed(key: Key) -> frozenset[str]:
    return key.of if key.kind == "between" else frozenset({_siblings(key.of)})


def _siblings(scope: str) -> str:
    """Path of the list that contains a module: ``layers[0].neurons`` for ``layers[0].neurons[3]``."""
    return re.sub(r"\[[^\]]*\]$", "", scope)


def _place(scope: str, v: Value, i: int, weight: Value | None) -> Key:
    """Circle of an input: one for all samples and sibling neurons that use it in the same position."""
    name = str(weight.name or "").removeprefix(f"{scope}.") if weight is not None else f"{v.op}.{i}"
    return Key("input", (_siblings(scope), re.sub(r"^weight\[\d+\](?=\[)", "weight", name)))  # a row per output

"""Seeded bugs: wrong rules in our own table, and a small engine with faults in its graph and its sweep."""

from __future__ import annotations

import struct
from dataclasses import replace

from autograd_tiny.check import ValueEngine
from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Variadic


class Faulty(ValueEngine):
    """Our engine with one row replaced."""

    def __init__(self, row):
        self.row = row

    def apply(self, op, xs):
        return (self.row if op.name == self.row.name else op)(*xs)


def with_rule(name, i, rule):
    """Our engine with ∂name/∂operand i replaced by `rule(right, y, *xs)`, where `right` is the true derivative."""
    row = ops.TABLE[name]
    rules = list(row.partials)
    right = rules[i]
    rules[i] = lambda y, *xs: rule(right(y, *xs), y, *xs)
    return Faulty(replace(row, partials=tuple(rules)))


def scaled(name, i, factor):
    row = ops.TABLE[name]
    if isinstance(row.partials, Variadic):
        rule = row.partials.rule
        wrong = Variadic(lambda y, *xs: tuple(d * factor if k == i else d for k, d in enumerate(rule(y, *xs))))
        return Faulty(replace(row, partials=wrong))
    return with_rule(name, i, lambda d, *rest: d * factor)


def float32(x):
    return struct.unpack("f", struct.pack("f", x))[0] if abs(x) < 3e38 else x


RULES = {
    # wrong everywhere
    "neg +1": ("neg", 0, lambda d, y, x: 1.0),
    "sub both +1": ("sub", 1, lambda d, y, a, b: 1.0),
    "mul own operand": ("mul", 0, lambda d, y, a, b: a),
    "div no sign": ("div", 1, lambda d, y, a, b: -d),
    "div 1/b²": ("div", 1, lambda d, y, a, b: -1 / (b * b)),
    "pow no factor": ("pow", 0, lambda d, y, a, b: a ** (b - 1)),
    "pow exponent b": ("pow", 0, lambda d, y, a, b: b * a**b),
    "pow log b": ("pow", 1, lambda d, y, a, b: y * b),
    "exp x": ("exp", 0, lambda d, y, x: x),
    "expm1 y": ("expm1", 0, lambda d, y, x: y),
    "log 1/y": ("log", 0, lambda d, y, x: 1 / y),
    "log2 no ln 2": ("log2", 0, lambda d, y, x: 1 / x),
    "log1p 1/x": ("log1p", 0, lambda d, y, x: 1 / x),
    "sqrt no half": ("sqrt", 0, lambda d, y, x: 1 / y),
    "square x": ("square", 0, lambda d, y, x: x),
    "reciprocal +": ("reciprocal", 0, lambda d, y, x: y * y),
    "sin -cos": ("sin", 0, lambda d, y, x: -d),
    "cos sin": ("cos", 0, lambda d, y, x: -d),
    "tan 1 - y²": ("tan", 0, lambda d, y, x: 1 - y * y),
    "atan 1/(1+x)": ("atan", 0, lambda d, y, x: 1 / (1 + x)),
    "asin no root": ("asin", 0, lambda d, y, x: d * d),
    "sinh y": ("sinh", 0, lambda d, y, x: y),
    "tanh 1 - y": ("tanh", 0, lambda d, y, x: 1 - y),
    "sigmoid y": ("sigmoid", 0, lambda d, y, x: y),
    "softplus y": ("softplus", 0, lambda d, y, x: y),
    "silu sigmoid": ("silu", 0, lambda d, y, x: x.sigmoid() if hasattr(x, "sigmoid") else ops.sigmoid(x)),
    "erf no 2/√π": ("erf", 0, lambda d, y, x: ops.exp(-x * x)),
    "atan2 swapped": ("atan2", 0, lambda d, y, a, b: -a / (a * a + b * b)),
    "hypot a": ("hypot", 0, lambda d, y, a, b: a),
    "leaky slope": ("leaky_relu", 0, lambda d, y, x, slope: ops.where(ops.heaviside(x), 1.0, 0.1)),
    "maximum left": ("maximum", 0, lambda d, y, a, b: 1.0),
    # wrong in a region, or at points
    "relu dies past 20": ("relu", 0, lambda d, y, x: d if x < 20 else 0.0),
    "sin for x < 0": ("sin", 0, lambda d, y, x: d if x > 0 else -d),
    "exp capped at 10": ("exp", 0, lambda d, y, x: d if x < 10 else 0.0),
    "sigmoid y(1 - y)": ("sigmoid", 0, lambda d, y, x: y * (1 - y)),
    "tanh 1 - y²": ("tanh", 0, lambda d, y, x: 1 - y * y),
    "tanh 1/cosh²": ("tanh", 0, lambda d, y, x: 1 / ops.cosh(x) ** 2 if abs(x) < 300 else 1.0),
    "expm1 y + 1 below": ("expm1", 0, lambda d, y, x: d if x > -10 else y + 1.001),
    "abs half": ("abs", 0, lambda d, y, x: d if abs(x) > 1e-3 else 2.0),
    "pow at 0": ("pow", 0, lambda d, y, a, b: d if a else float("nan")),
    "maximum tie 1 and 1": ("maximum", 0, lambda d, y, a, b: 1.0 if a == b else d),
    "minimum tie 2": ("minimum", 1, lambda d, y, a, b: 2.0 if a == b else d),
    "clip leaks": ("clip", 0, lambda d, y, x, low, high: 1.0),
    "where other": ("where", 1, lambda d, y, c, a, b: 1.0),
    # small errors
    "sqrt eps": ("sqrt", 0, lambda d, y, x: 0.5 / (y + 1e-8)),
    "log eps": ("log", 0, lambda d, y, x: 1 / (x + 1e-9)),
    "div eps": ("div", 0, lambda d, y, a, b: 1 / (b + 1e-12)),
    "mul float32": ("mul", 1, lambda d, y, a, b: float32(a)),
    "exp float32": ("exp", 0, lambda d, y, x: float32(y)),
    "gelu by tanh": ("gelu", 0, lambda d, y, x: d + 1e-5),
    "lgamma shifted": ("lgamma", 0, lambda d, y, x: ops.digamma(x + 1e-7)),
    "cos differences": ("cos", 0, lambda d, y, x: (ops.cos(x + 1e-6) - ops.cos(x - 1e-6)) / 2e-6),
}


class Node:
    """Value of the small engine."""

    def __init__(self, data, op=None, operands=(), partials=()):
        self.data, self.op, self.operands, self.partials, self.grad = data, op, operands, partials, 0.0
        self.parents = [x for x in operands if isinstance(x, Node)]


class Small:
    """Small independent engine; correct unless given a fault."""

    ops = tuple(ops.TABLE[n] for n in ("add", "sub", "mul", "div", "neg", "tanh", "exp", "relu", "sin", "square"))

    def __init__(self, fault=""):
        self.fault, self.tape = fault, []

    def leaf(self, x):
        return Node(x)

    def data(self, v):
        return v.data

    def grad(self, v):
        return v.grad

    def apply(self, op, xs):
        floats = [x.data if isinstance(x, Node) else x for x in xs]
        y = op.forward(*floats)
        v = Node(y, op, xs, op.local_derivatives(y, tuple(floats)))
        if self.fault == "value float32" and op.name == "mul":
            v.data = float32(y)
        if self.fault == "reversed operands" and op.name == "sub" and not isinstance(xs[0], Node):
            v.data = -y
        if self.fault == "parents are a set":
            v.operands, v.partials = (xs[0],) if len(xs) > 1 and xs[0] is xs[-1] else xs, v.partials
        if self.fault == "only the first parent" and len(v.parents) > 1:
            v.parents = v.parents[:1]
        self.tape.append(v)
        return v

    def order(self, y):
        order, seen, stack = [], set(), [y]
        if self.fault in ("breadth first", "depth first"):
            while stack:
                v = stack.pop(0 if self.fault == "breadth first" else -1)
                if v not in seen:
                    seen.add(v)
                    order.insert(0, v)
                    stack += v.parents
            return order
        if self.fault == "recursion":
            return self.recursive(y, order, seen)
        if self.fault == "the whole tape":
            return [*self.tape]
        while stack:
            v = stack.pop()
            if v is None:
                order.append(stack.pop())
            elif v not in seen:
                seen.add(v)
                stack += (v, None, *reversed(v.parents))
        if self.fault == "sorted by data":
            order.sort(key=lambda v: v.data)
        if self.fault == "last is left out" and len(order) > 2:
            del order[1]
        if self.fault == "twice visited":
            order = [v for v in order for _ in range(2 if v.op and v.op.name == "mul" else 1)]
        return order

    def recursive(self, v, order, seen):
        if v not in seen:
            seen.add(v)
            for parent in v.parents:
                self.recursive(parent, order, seen)
            order.append(v)
        return order

    def backward(self, y):
        fault, order, uses = self.fault, self.order(y), {}
        for v in order:
            if v.op is not None and fault != "inner not reset":
                v.grad = 0.0
            if v.op is None and fault == "leaves reset to 1":
                v.grad = 1.0
        y.grad = {"seed 0": 0.0, "seed 2": 2.0, "seed added": y.grad + 1.0}.get(fault, 1.0)
        for v in reversed(order):
            for x, d in zip(v.operands, v.partials, strict=False):
                if isinstance(x, Node):
                    uses[x] = uses.get(x, 0) + 1
                    g = v.grad * d
                    if fault == "= for +=":
                        x.grad = g
                        continue
                    if fault == "at most two uses" and uses[x] > 2:
                        continue
                    if fault == "clipped":
                        g = max(-10.0, min(10.0, g))
                    if fault == "small is zero" and abs(g) < 1e-2:
                        g = 0.0
                    if fault == "adjoint float32":
                        g = float32(g)
                    if fault == "adjoint eps":
                        g += 1e-12
                    if fault == "no sign through sub" and v.op.name == "sub" and x is v.operands[-1]:
                        g = -g
                    if fault == "leaf uses lost" and x.op is None and uses[x] > 1:
                        continue
                    if fault == "scaled by depth":
                        g *= 1 + 1e-9
                    x.grad += g


FAULTS = (
    "value float32", "reversed operands", "parents are a set", "only the first parent", "breadth first", "depth first",
    "recursion", "the whole tape", "sorted by data", "last is left out", "twice visited", "inner not reset",
    "leaves reset to 1", "seed 0", "seed 2", "= for +=", "at most two uses", "clipped", "small is zero",
    "adjoint float32", "adjoint eps", "no sign through sub", "leaf uses lost", "scaled by depth",
)  # fmt: skip


def seeded():
    """Pairs of a bug's name and an engine with that bug."""
    yield from ((name, with_rule(*rule)) for name, rule in RULES.items())
    yield from ((fault, Small(fault)) for fault in FAULTS)

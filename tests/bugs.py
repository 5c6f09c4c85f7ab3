"""Seeded bugs: wrong rules in our own table, and a small engine with faults in its graph and its sweep."""

from __future__ import annotations

import math
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

FAR = {
    # at numbers that are huge or tiny
    "sin past 1e5": ("sin", 0, lambda d, y, x: d if abs(x) < 1e5 else 0.0),
    "atan past 1e6": ("atan", 0, lambda d, y, x: d if abs(x) < 1e6 else 0.0),
    "softplus past 1e4": ("softplus", 0, lambda d, y, x: d if x <= 1e4 else 0.0),
    "mul past 1e5": ("mul", 1, lambda d, y, a, b: d if abs(a) < 1e5 else 1e5),
    "hypot squares": ("hypot", 0, lambda d, y, a, b: d if max(abs(a), abs(b)) < 1e140 else 0.0),
    "add past 2**53": ("add", 1, lambda d, y, a, b: d if abs(a) < 2.0**53 else 0.0),
    "exp below 1e-10": ("exp", 0, lambda d, y, x: d if not 0 < abs(x) < 1e-10 else 0.0),
    "log1p below 1e-12": ("log1p", 0, lambda d, y, x: d if not 0 < abs(x) < 1e-12 else 0.0),
    "reciprocal below 1e-8": ("reciprocal", 0, lambda d, y, x: d if abs(x) > 1e-8 else 0.0),
    "square subnormal": ("square", 0, lambda d, y, x: d if x == 0 or abs(x) > 1e-300 else 1.0),
    "tanh subnormal": ("tanh", 0, lambda d, y, x: d if x == 0 or abs(x) > 1e-300 else 0.0),
    "mul subnormal": ("mul", 0, lambda d, y, a, b: d if b == 0 or abs(b) > 1e-300 else 1.0),
    "sqrt subnormal": ("sqrt", 0, lambda d, y, x: d if x > 1e-300 else 0.0),
    # at -0.0
    "sin at -0": ("sin", 0, lambda d, y, x: d if x or math.copysign(1, x) > 0 else -1.0),
    "mul at -0": ("mul", 1, lambda d, y, a, b: d if a or math.copysign(1, a) > 0 else 1.0),
    "relu above -0": ("relu", 0, lambda d, y, x: d if x or math.copysign(1, x) > 0 else -1.0),
    # one ulp from a branch
    "relu above 0": ("relu", 0, lambda d, y, x: d if not 0 < x < 1e-300 else 0.0),
    "abs below 0": ("abs", 0, lambda d, y, x: d if not -1e-300 < x < 0 else 1.0),
    "maximum nearly a tie": ("maximum", 0, lambda d, y, a, b: d if a == b or not math.isclose(a, b) else 0.5),
    "less_equal nearly": ("minimum", 1, lambda d, y, a, b: d if a == b or abs(a - b) > 1e-15 else 0.5),
    "clip below high": ("clip", 0, lambda d, y, x, a, b: d if not 0 < b - x < 1e-15 else 0.0),
    "hardtanh above 1": ("hardtanh", 0, lambda d, y, x: d if not 1 < x < 1 + 1e-15 else 1.0),
    "elu below 0": ("elu", 0, lambda d, y, x, alpha: d if not -1e-300 < x < 0 else 0.0),
    "log below 1": ("log", 0, lambda d, y, x: d if not 1 - 1e-15 < x < 1 else 0.0),
    # constant exponents, and one operand twice
    "exponent 2 at -1": ("pow", 0, lambda d, y, a, b: d if b != 2 or a != -1 else 2.0),
    "exponent 1 at 0": ("pow", 0, lambda d, y, a, b: d if b != 1 or a else 0.0),
    "exponent 2 at 0": ("pow", 0, lambda d, y, a, b: d if b != 2 or a else math.nan),
    "exponent 0 at 0": ("pow", 0, lambda d, y, a, b: d if b or a else math.nan),
    "exponent 3 at -2": ("pow", 0, lambda d, y, a, b: d if b != 3 or a != -2 else -12.0),
    "exponent -1 at -2": ("pow", 0, lambda d, y, a, b: d if b != -1 or a > 0 else -d),
    "exponent -2 at -1": ("pow", 0, lambda d, y, a, b: d if b != -2 or a > 0 else -d),
    "mul of itself": ("mul", 0, lambda d, y, a, b: d if a != b or abs(a) < 11 else 2 * a),
}


class Forwards(ValueEngine):
    """Our engine with one forward function replaced, where that function's own result is a choice or an error."""

    def __init__(self, name, forward):
        self.name, row = name, ops.TABLE[name]
        self.row = replace(row, forward=lambda *xs: forward(row.forward, *xs))

    def apply(self, op, xs):
        return (self.row if op.name == self.name else op)(*xs)


def with_float_rule(name, i, rule):
    """`with_rule`, for a rule that compares numbers, also where the engine computes under IEEE 754."""
    return with_rule(name, i, lambda d, *rest: rule(d, *(getattr(x, "data", x) for x in rest)))


def quiet(right, x, instead):
    try:
        return right(x)
    except (ValueError, OverflowError):
        return instead


def refused(right, x):
    if math.isinf(x):
        raise ValueError("inf")
    return right(x)


LIMITS = {
    # what raises, or is not finite
    "log of the magnitude": ("log", lambda f, x: f(abs(x))),
    "log of -1 is nan": ("log", lambda f, x: f(x) if x > 0 else math.nan),
    "log of 0 is -inf": ("log", lambda f, x: f(x) if x else -math.inf),
    "sqrt of -1 is 0": ("sqrt", lambda f, x: f(max(x, 0.0))),
    "asin is clipped": ("asin", lambda f, x: f(max(-1.0, min(1.0, x)))),
    "1 / 0 is 0": ("div", lambda f, a, b: f(a, b) if b else 0.0),
    "1 / 0 is inf": ("reciprocal", lambda f, x: f(x) if x else math.inf),
    "exp is capped": ("exp", lambda f, x: quiet(f, x, 1.7e308)),
    "exp is inf": ("exp", lambda f, x: quiet(f, x, math.inf)),
    "a negative base is made positive": ("pow", lambda f, a, b: abs(a) ** b if b % 1 else f(a, b)),
    "relu loses nan": ("relu", lambda f, x: max(0.0, x) if x == x else 0.0),
    "maximum loses nan": ("maximum", lambda f, a, b: b if a != a else a if b != b else f(a, b)),
    "tanh of inf is nan": ("tanh", lambda f, x: f(x) if abs(x) < math.inf else math.nan),
    "atan of inf is large": ("atan", lambda f, x: f(max(-1e300, min(1e300, x))) if x == x else 0.0),
    "exp of -inf": ("exp", lambda f, x: f(x) if x > -math.inf else math.nan),
    "sin of inf is 0": ("sin", lambda f, x: f(x) if abs(x) < math.inf else 0.0),
    "sqrt refuses inf": ("sqrt", refused),
    "add of inf is capped": ("add", lambda f, a, b: max(-1.7e308, min(1.7e308, f(a, b)))),
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
        self.fault, self.tape, self.root = fault, [], None
        if fault in ("three of a kind", "ints divide whole"):
            self.ops = tuple(ops.FUNCTIONS.values())

    def leaf(self, x):
        if self.fault == "leaf float32":
            return Node(float32(x))
        if self.fault == "leaf rounded":
            return Node(round(x, 9))
        if self.fault == "leaf clipped" and abs(x) > 1e5:
            return Node(math.copysign(1e5, x))
        return Node(x)

    def data(self, v):
        return v.data

    def grad(self, v):
        return v.grad

    def apply(self, op, xs):
        floats = [x.data if isinstance(x, Node) else x for x in xs]
        whole = all(x.__class__ is int for x in floats)
        y = (
            floats[0] // floats[1]
            if self.fault == "ints divide whole" and op is ops.div and whole
            else op.forward(*floats)
        )
        v = Node(y, op, xs, op.local_derivatives(y, tuple(floats)))
        if self.fault == "an int is an index" and any(x.__class__ is int for x in xs):
            v.partials = tuple(0.0 for _ in xs)
        if self.fault == "three of a kind" and len(xs) > 2 and len(set(map(id, xs))) == 1:
            v.operands = xs[:2]
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
        if self.fault == "2,500 nodes":
            del order[:-2500]
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
        afresh = fault == "reset for one root" and self.root is not None and self.root is not y
        self.root = y
        for v in order:
            if v.op is not None and fault != "inner not reset" and not afresh:
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
                    if fault == "sixteen uses" and x.op is not None and uses[x] > 16:
                        continue
                    if fault == "a thousand uses" and uses[x] > 1000:
                        continue
                    if fault == "clipped at 1e9":
                        g = max(-1e9, min(1e9, g))
                    if fault == "1e-12 is zero" and abs(g) < 1e-12:
                        g = 0.0
                    if fault == "subnormal is zero" and abs(g) < 2.3e-308:
                        g = 0.0
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
                    if fault == "data moves" and x.op is None:
                        x.data -= 0.01 * g


FAULTS = (
    "value float32", "reversed operands", "parents are a set", "only the first parent", "breadth first", "depth first",
    "recursion", "the whole tape", "sorted by data", "last is left out", "twice visited", "inner not reset",
    "leaves reset to 1", "seed 0", "seed 2", "= for +=", "at most two uses", "clipped", "small is zero",
    "adjoint float32", "adjoint eps", "no sign through sub", "leaf uses lost", "scaled by depth",
)  # fmt: skip
FAR_FAULTS = {  # and what the report says
    "leaf float32": "the leaf does not hold the number",
    "leaf rounded": "the leaf does not hold the number",
    "leaf clipped": "the leaf does not hold the number",
    "data moves": "backward() changed it",
    "ints divide whole": "x0 / x1",
    "an int is an index": "the rule of add at",
    "three of a kind": "where(x0, x0, x0)",
    "2,500 nodes": "the gradient of a chain, 4,000",
    "sixteen uses": "the gradient of an inner value used many times, 20",
    "a thousand uses": "the gradient of a value used many times, 4,000",
    "reset for one root": "from the output, from an inner value, and from the output again",
    "clipped at 1e9": "the rule of mul at",
    "1e-12 is zero": "the rule of mul at",
    "subnormal is zero": "the rule of mul at",
}


def seeded():
    """Pairs of a bug's name and an engine with that bug."""
    yield from ((name, with_rule(*rule)) for name, rule in RULES.items())
    yield from ((fault, Small(fault)) for fault in FAULTS)

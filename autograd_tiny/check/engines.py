"""What the checker asks of an engine, and adapters for ours and for those that look like micrograd's."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from autograd_tiny import ops
from autograd_tiny.check.graph import Node
from autograd_tiny.op import EDGES, Every, Op
from autograd_tiny.value import Value, topological_order


class Engine(Protocol):
    """Somebody's engine, in five functions.

    `apply` gets a row of a table and the operands, some of which may be plain floats; it raises NotImplementedError
    for what the engine lacks. `grad` may return None where the engine keeps no gradient, as for inner values. An engine
    may also have `ops`, the rows it knows, and `partials(v)`, the local derivatives it took for v.
    """

    def leaf(self, x: float) -> Any: ...
    def apply(self, op: Op, xs: tuple[Any, ...]) -> Any: ...
    def backward(self, y: Any) -> None: ...
    def data(self, v: Any) -> float: ...
    def grad(self, v: Any) -> float | None: ...


class ValueEngine:
    """This package's own engine.

    >>> engine = ValueEngine()
    >>> x = engine.leaf(3.0)
    >>> y = engine.apply(ops.mul, (x, x))
    >>> engine.backward(y)
    >>> engine.grad(x), engine.partials(y)
    (6.0, (3.0, 3.0))
    """

    ops: Sequence[Op] = tuple(ops.TABLE.values())

    def leaf(self, x: float) -> Value:
        return Value(x)

    def apply(self, op: Op, xs: tuple[Any, ...]) -> Any:
        return op(*xs)

    def backward(self, y: Value) -> None:
        y.backward()

    def data(self, v: Value) -> float:
        return v.data

    def grad(self, v: Value) -> float:
        return v.grad

    def partials(self, v: Value) -> tuple[float | None, ...]:
        return v.locals


class MicrogradLike:
    """An engine of one class with `.data`, `.grad` and `.backward()`, Python's operators, and methods named as ops are.

    >>> engine = MicrogradLike(Value)
    >>> ops.tanh in engine.ops, ops.mul in engine.ops
    (True, True)
    """

    def __init__(self, value: Callable[[float], Any]) -> None:
        self.value = value
        self.ops = [row for row in ops.TABLE.values() if self._knows(row)]

    def leaf(self, x: float) -> Any:
        return self.value(x)

    def apply(self, op: Op, xs: tuple[Any, ...]) -> Any:
        if op.infix is not None and op is not ops.pos:
            signs: dict[tuple[str, int], Callable[..., Any]] = {
                ("-", 1): operator.neg,
                ("+", 2): operator.add,
                ("-", 2): operator.sub,
                ("*", 2): operator.mul,
            }
            signs |= {("/", 2): operator.truediv, ("**", 2): operator.pow}
            return signs[op.infix[0], len(xs)](*xs)
        first, *others = xs
        if hasattr(type(first), op.name):
            return getattr(first, op.name)(*others)
        if op in (ops.square, ops.reciprocal):
            return first ** (2 if op is ops.square else -1)
        if op is ops.abs and hasattr(type(first), "__abs__"):
            return abs(first)
        raise NotImplementedError(f"no {op.name}")

    def backward(self, y: Any) -> None:
        y.backward()

    def data(self, v: Any) -> float:
        return float(v.data)

    def grad(self, v: Any) -> float:
        return float(v.grad)

    def _knows(self, op: Op) -> bool:
        if isinstance(op.partials, Every):
            return False
        try:
            self.apply(op, tuple(self.value(0.5 + i) for i in range(len(op.partials))))
        except EDGES:
            return True
        except Exception:  # whatever an engine does that lacks it: an assertion, a TypeError
            return False
        return True


def nodes_of(y: Value) -> tuple[list[Node], list[Value]]:
    """The nodes of a graph of ours as they stand after `y.backward()`."""
    order = topological_order(y)
    place = {v: i for i, v in enumerate(order)}
    nodes = [
        Node(v.op, tuple(place[x] if isinstance(x, Value) else x for x in v.operands), v.data, v.grad, v.locals or None)
        for v in order
    ]
    return nodes, order

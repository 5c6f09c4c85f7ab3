"""The interface of an engine to check, and adapters for this package's engine and for engines like micrograd's."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from mpmath import mpf  # type: ignore[import-untyped]

from autograd_tiny.check.exact import rebound
from autograd_tiny.check.frameworks import arguments, framework
from autograd_tiny.check.graph import EngineNode
from autograd_tiny.engine import ops
from autograd_tiny.engine.op import EDGES, Op, Variadic
from autograd_tiny.engine.value import Value, topological_order


class Engine(Protocol):
    """The five methods that an engine to check must have.

    `apply` takes a row of the table of ops and its operands, some of which may be plain floats; it raises
    NotImplementedError for an op that the engine lacks. `grad` may return None if the engine keeps no gradient, as for
    inner values. An engine may also have `ops`, the rows it knows, and `local_derivatives(v)`, the local derivatives it
    computed for v.

    >>> from autograd_tiny.check import check_engine
    >>> engine: Engine = ValueEngine()
    >>> check_engine(engine, "x * x", x=3.0).outcome
    'correct'
    """

    def leaf(self, x: float) -> Any: ...
    def apply(self, op: Op, xs: tuple[Any, ...]) -> Any: ...
    def backward(self, y: Any) -> None: ...
    def data(self, v: Any) -> float: ...
    def grad(self, v: Any) -> float | None: ...


class ValueEngine:
    """The engine of this package.

    >>> engine = ValueEngine()
    >>> x = engine.leaf(3.0)
    >>> y = engine.apply(ops.mul, (x, x))
    >>> engine.backward(y)
    >>> engine.grad(x), engine.local_derivatives(y)
    (6.0, (3.0, 3.0))
    """

    ops: Sequence[Op] = tuple(ops.FUNCTIONS.values())

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

    def local_derivatives(self, v: Value) -> tuple[float | None, ...]:
        return v.local_derivatives


class MicrogradLike:
    """Adapter for a class with `.data`, `.grad`, `.backward()`, Python's operators, and methods named like ops.

    >>> engine = MicrogradLike(Value)
    >>> ops.tanh in engine.ops, ops.mul in engine.ops
    (True, True)

    `value` makes a leaf from a float. Ops that the class lacks are left out of `ops`; `apply` raises
    NotImplementedError for them.
    """

    def __init__(self, value: Callable[[float], Any]) -> None:
        self.value = value
        self.ops = [row for row in ops.FUNCTIONS.values() if self._knows(row)]

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
            method = f"__{'truediv' if op is ops.div else op.name}__"
            if not any(hasattr(type(x), method) for x in xs if x.__class__ not in (int, float)):
                raise NotImplementedError(f"{self.value!r} has no {method}")
            return signs[op.infix[0], len(xs)](*xs)
        first, *others = xs
        if hasattr(type(first), op.name):
            return getattr(first, op.name)(*others)
        if op in (ops.square, ops.reciprocal):
            return first ** (2 if op is ops.square else -1)
        if op is ops.abs and hasattr(type(first), "__abs__"):
            return abs(first)
        raise NotImplementedError(f"{self.value!r} has no op {op.name}")

    def backward(self, y: Any) -> None:
        y.backward()

    def data(self, v: Any) -> float:
        return v.data  # as it is: floats and NumPy's differ where they raise

    def grad(self, v: Any) -> float:
        return float(v.grad)

    def _knows(self, op: Op) -> bool:
        if isinstance(op.partials, Variadic):
            return False
        try:
            self.apply(op, tuple(self.value(0.5 + i) for i in range(len(op.partials))))
        except EDGES:
            return True
        except Exception:  # an engine without the op may raise anything: an AssertionError, a TypeError
            return False
        return True


class Callables(ValueEngine):
    """Adapter that makes ops of plain functions: pairs (f, derivative), or a framework's functions with rules.

    >>> import math
    >>> engine = Callables(tanh=(math.tanh, lambda x: 1 / math.cosh(x) ** 2))
    >>> [op.name for op in engine.ops]
    ['tanh', 'add', 'mul']

    A function with the name of a row of the table must compute the same as the row; any other function is checked
    against itself run in mpmath. A derivative returns one number per argument. Sums and products, which graphs are
    built with, come from this package. Raises TypeError for anything but a pair or such a function.
    """

    def __init__(self, **functions: Any) -> None:
        self.rows = {name: _row(name, given) for name, given in functions.items()}
        mine = [ops.TABLE.get(name, row) for name, row in self.rows.items()]
        self.ops = [*mine, *(row for row in (ops.add, ops.mul) if row.name not in functions)]

    def apply(self, op: Op, xs: tuple[Any, ...]) -> Any:
        return self.rows.get(op.name, op)(*xs)


def _row(name: str, given: Any) -> Op:
    foreign = framework(given)
    if foreign is not None:
        forward, derivative, names = _written(foreign.call, foreign.plain), foreign.gradient, foreign.names
    elif isinstance(given, tuple) and len(given) == 2 and all(map(callable, given)):
        forward, derivative = given
        names = arguments(forward) or ("x",)
    else:
        raise TypeError(
            f"{name}={given!r:.60}: give a pair (f, derivative), or a function with a framework's custom rule"
        )
    if name not in ops.TABLE:
        _refuse_inexact(name, forward, len(names))

    def partial(i: int) -> Callable[..., Any]:
        def rule(y: Any, *xs: Any) -> float:
            found = derivative(*map(float, xs))
            return float(found[i] if isinstance(found, (tuple, list)) else found)

        return rule

    return Op(name, forward, tuple(partial(i) for i in range(len(names))))


def _written(call: Callable[..., Any], plain: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function of a framework's numbers as one of floats; the oracle runs `plain` instead."""

    def forward(*xs: float) -> float:
        return float(call(*xs))

    forward.written = plain  # type: ignore[attr-defined]
    return forward


def _refuse_inexact(name: str, forward: Callable[..., Any], arity: int) -> None:
    try:
        rebound(forward)(*[mpf(0.5)] * arity)
    except (ValueError, ArithmeticError):
        return  # 0.5 is not in its domain
    except (TypeError, AttributeError) as error:
        raise TypeError(f"{name} cannot be run in mpmath ({error}): check it with gradcheck_property") from None


def nodes_of(y: Value) -> tuple[list[EngineNode], list[Value]]:
    """Convert the graph of a Value, after `y.backward()`, to nodes for `check_nodes`."""
    order = topological_order(y)
    place = {v: i for i, v in enumerate(order)}
    nodes = [
        EngineNode(
            v.op,
            tuple(place[x] if isinstance(x, Value) else x for x in v.operands),
            v.data,
            v.grad,
            v.local_derivatives or None,
        )
        for v in order
    ]
    return nodes, order

"""Checks of an engine where floats raise, at inf and nan, with ints, and in graphs that are large."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, product
from typing import Any

from autograd_tiny.check.engines import Engine
from autograd_tiny.check.points import arity_of, single_ops
from autograd_tiny.check.report import Finding, Raises, Report, WrongState, WrongValue
from autograd_tiny.check.strategies import program_at
from autograd_tiny.engine import ops
from autograd_tiny.engine.op import EDGES, Op
from autograd_tiny.transforms.program import Program, Step

EDGE = (0.0, -0.0, -1.0, 2.0, -2.0, 0.5, 1e4, -1e4, math.inf, -math.inf, math.nan)
FEW = (0.0, -1.0, 0.5, math.inf, math.nan)  # of each operand, if there are several
MANY = 4000  # uses of one value, and nodes of a wide graph


def check_limits(engine: Engine, op: Op) -> Report:
    """Check an op of an engine where the function of floats raises, or where a number is not finite.

    Where Python's function raises, an engine of Python's floats must raise as well; one of other numbers may return nan
    or inf. Elsewhere its result is that of the function, nan for nan.

    >>> from autograd_tiny.check import ValueEngine
    >>> check_limits(ValueEngine(), ops.log).outcome
    'correct'
    """
    checked, arity = 0, arity_of(op)
    for xs in product(EDGE, repeat=1) if arity == 1 else product(FEW, repeat=arity):
        expected: float | Exception
        try:
            expected = float(op.forward(*xs))
        except EDGES as error:
            expected = error
        except TypeError:  # no real number
            continue
        if isinstance(expected, float) and all(map(math.isfinite, (*xs, expected))):
            continue
        try:
            leaves = tuple(engine.leaf(x) for x in xs)
        except Exception:  # an engine may refuse a leaf that is nan
            continue
        got, raised = math.nan, ""
        try:
            raw: Any = engine.data(engine.apply(op, leaves))
            got = float(raw)
        except (NotImplementedError, MemoryError):  # a missing op or memory is no finding
            raise
        except Exception as error:  # compared with that of the floats
            if isinstance(expected, Exception) and isinstance(error, (*EDGES, TypeError)):
                checked += 1
                continue
            if isinstance(error, EDGES) and _at_a_pole(op, expected, xs):
                continue  # a derivative is not finite, where an engine of plain floats may raise
            raised = f"raises {type(error).__name__}: {error}"
        checked += 1
        if raised or not _agrees(op, expected, raw):
            return _wrong(op, xs, got, expected, raised)
    return Report("correct" if checked else "inconclusive", "arithmetic", checked)


def _at_a_pole(op: Op, y: Any, xs: tuple[float, ...]) -> bool:
    try:
        return not all(map(math.isfinite, op.local_derivatives(y, xs)))
    except EDGES:
        return True


def _agrees(op: Op, expected: float | Exception, raw: Any) -> bool:
    got = float(raw)
    if isinstance(expected, Exception):
        return type(raw) is not float and not math.isfinite(got)
    if got != got or expected != expected:
        own = op.forward is not getattr(math, op.name, None) and op.infix is None  # whose limit is a choice
        return (got != got) == (expected != expected) or (own and got != got)
    return got == expected or abs(got - expected) <= 1e-9 * abs(expected)


def _wrong(op: Op, xs: tuple[float, ...], got: float, expected: float | Exception, raised: str) -> Report:
    call = f"{op.name}({', '.join(map(repr, xs))})"
    if isinstance(expected, Exception):
        said = f"the function of floats raises {type(expected).__name__}: {expected}"
        exact = type(expected).__name__
    else:
        said, exact = f"the function of floats gives {expected!r}", repr(expected)
    note = f"the result of {op.name} at ({', '.join(map(repr, xs))}): {raised + ', but ' if raised else ''}{said}"
    finding = Finding(Raises if raised else WrongValue, call, got, exact, note=note)
    return Report("wrong", "arithmetic", 0, 0, (finding,), call, size=1)


class WithInts:
    """Engine that is given whole numbers as ints, as people write them: x * 3, x**2."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def leaf(self, x: float) -> Any:
        try:
            return self.engine.leaf(_whole(x))
        except Exception:  # a leaf is made of a float
            return self.engine.leaf(x)

    def apply(self, op: Op, xs: tuple[Any, ...]) -> Any:
        try:
            return self.engine.apply(op, tuple(_whole(x) if x.__class__ is float else x for x in xs))
        except TypeError:  # a constant is a float
            return self.engine.apply(op, xs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)


def _whole(x: float) -> Any:
    return int(x) if x.is_integer() and abs(x) < 1e6 else x


def with_ints(rows: Sequence[Op]) -> Iterator[Program]:
    """Generate programs of one op at whole numbers, some of which are constants."""
    for op in rows:
        programs = [p for p in single_ops([op], per_op=16) if all(map(float.is_integer, _numbers(p)))]
        constant = [p for p in programs if len(p.inputs) < arity_of(op)]
        yield from (*islice(programs, 4), *constant[:6])


def _numbers(program: Program) -> list[float]:
    constants = (x for step in program.steps for x in step.operands if isinstance(x, float))
    return [*program.example, *constants]


def long_paths(rows: Sequence[Op]) -> Iterator[Program]:
    """Generate products whose gradients are huge, tiny and subnormal."""
    if ops.mul in rows:
        for factor in (1e-8, 1e-160, 1e8, 1e150):
            yield program_at([1.5], [Step(ops.mul, (0, factor)), Step(ops.mul, (1, factor))])
            yield program_at([1.5], [Step(ops.mul, (0, factor)), Step(ops.mul, (factor, 1))])


def check_depth(engine: Engine, rows: Sequence[Op], depth: int) -> None:
    """Check a chain of `depth` nodes, and values used hundreds and thousands of times; raises GradcheckError."""
    binary = next((op for op in (ops.add, ops.sub, ops.mul) if op in rows), None)
    if binary is None:
        return
    graphs: list[tuple[str, int, float, Callable[..., Any]]] = [("a chain", depth, 1.0, _chain)]
    if binary is ops.add:
        graphs += [
            ("a value used many times", 500, 501.0, _fan),
            ("a value used many times", MANY, float(MANY), _sum),
            ("an inner value used many times", 20, 20.0, _sum_of_inner),
            ("an inner value used many times", MANY, float(MANY), _sum_of_inner),
        ]
    for what, n, expected, build in graphs:
        x, note = engine.leaf(0.5), ""
        try:
            engine.backward(build(engine, binary, x, n))
            g = engine.grad(x)
            got = expected if g is None else float(g)
        except RecursionError as error:
            got, note = math.nan, f"RecursionError: {error}: walk the graph with a stack instead of recursion"
        if got != expected:
            what = f"the gradient of {what}, {n:,} × {binary.name}"
            finding = Finding(WrongState, what, got, repr(expected), note=note)
            subject = f"y = x; y = {binary.name}(y, …), {n:,} times"
            raise WrongState(Report("wrong", "arithmetic", 0, 0, (finding,), subject))


def _chain(engine: Engine, op: Op, x: Any, n: int) -> Any:
    y = x
    for _ in range(n):
        y = engine.apply(op, (y, 1.0 if op is ops.mul else 0.25))
    return y


def _fan(engine: Engine, op: Op, x: Any, n: int) -> Any:
    y = x
    for _ in range(n):
        y = engine.apply(op, (y, x))
    return y


def _sum_of_inner(engine: Engine, op: Op, x: Any, n: int) -> Any:
    return _sum(engine, op, engine.apply(op, (x, 0.25)), n)


def _sum(engine: Engine, op: Op, x: Any, n: int) -> Any:
    """Sum n times one value by pairs, so that no path is long."""
    values = [x] * n
    while len(values) > 1:
        pairs = zip(values[::2], values[1::2], strict=False)
        values = [engine.apply(op, pair) for pair in pairs] + values[len(values) & ~1 :]
    return values[0]

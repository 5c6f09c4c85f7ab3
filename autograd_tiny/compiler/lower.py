"""Lower ops to machine instructions and calls of the C library."""

from __future__ import annotations

from typing import Any, NoReturn

from autograd_tiny.compiler.passes import optimized
from autograd_tiny.compiler.rewriting import rewritten
from autograd_tiny.engine.op import EDGES, Op, real
from autograd_tiny.engine.operand import Operand
from autograd_tiny.transforms.program import Place, Program, Step


def lowered(program: Program) -> Program:
    """Expand each op into ops with a `machine` word; keep an op that has neither a word nor an expansion.

    >>> from autograd_tiny.engine import ops
    >>> lowered(Program(("x",), (Step(ops.reciprocal, (0,)), Step(ops.square, (1,))), (2,)))
    program of 1 input, 2 steps, 1 output
    v1 = 1 / x
    v2 = v1 * v1
    return v2

    An op with neither `machine` nor `lower`, such as a user's own op, is expanded by running its forward function, if
    that uses only arithmetic and ops of the table.
    """
    return rewritten(program, expand=expansion)


def prepared(program: Program) -> Program:
    """Lower and optimize a program; this is the form that backends compile."""
    if program.steps.tidy == program.outputs and all(op.machine and op.lower is None for op in program.steps.ops):
        return program
    return optimized(program, expansion)


def opaque(program: Program) -> list[Op]:
    """Distinct ops of a lowered program that only their Python function can compute."""
    return [op for op in program.steps.ops if not op.machine]


def expansion(op: Op, xs: tuple[Place, ...]) -> tuple[list[Step], Place]:
    """Return the steps that op(*xs) is lowered to, after places 0 to len(xs) - 1, and the place of the result.

    >>> from autograd_tiny.engine import ops
    >>> expansion(ops.reciprocal, (0,))
    ([Step(op=<op div>, operands=(1.0, 0))], 1)
    """
    if not any(isinstance(x, int) for x in xs):
        return [], float(op.ieee(*xs))
    steps: list[Step] = []
    y = _expanded(op, tuple([_Lowered(x, len(xs), steps) if isinstance(x, int) else x for x in xs]))
    return steps, _place(y)


def _expanded(op: Op, xs: tuple[Any, ...]) -> Any:
    """Apply op(*xs), expanded into ops with a `machine` word if possible."""
    spelled = op.lower or (None if op.machine else op.forward)
    try:
        y = spelled(*xs) if spelled else None
    except (TypeError, *EDGES):  # it branches, converts to float, or has a constant outside a domain
        y = None
    if y.__class__ is _Lowered or y.__class__ is float:
        return y
    other = next(x for x in xs if x.__class__ is _Lowered)
    other.steps.append(Step(op, tuple([_place(x) for x in xs])))
    return _Lowered(other.n + len(other.steps) - 1, other.n, other.steps)


class _Lowered(Operand):
    """Place in the lowered program under construction; applying an op to it appends steps."""

    __slots__ = ("n", "place", "steps")
    rank = 4

    def __init__(self, place: int, n: int, steps: list[Step]) -> None:
        self.place, self.n, self.steps = place, n, steps

    @staticmethod
    def apply(op: Op, xs: tuple[Any, ...]) -> Any:
        return _expanded(op, tuple([x if x.__class__ is _Lowered else real(x) for x in xs]))

    def _refuse(self, *other: Any) -> NoReturn:
        raise TypeError("a number cannot be compared or converted while an op is lowered: choose by `where`")

    __bool__ = __float__ = __int__ = __index__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __eq__ = __ne__ = _refuse
    __hash__ = None  # type: ignore[assignment]


def _place(x: Any) -> Place:
    place: Place = x.place if x.__class__ is _Lowered else x
    return place

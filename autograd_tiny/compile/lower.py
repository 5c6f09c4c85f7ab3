"""From rows of the table to what a machine has: every step an instruction or a function of the C library."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NoReturn

from autograd_tiny.compile.passes import optimized
from autograd_tiny.compile.program import Place, Program, Step
from autograd_tiny.op import Op, real
from autograd_tiny.operand import Operand


def lowered(program: Program) -> Program:
    """The program in rows that have a `machine` word; what has none, and cannot be written in rows that have, stays.

    >>> from autograd_tiny import ops
    >>> lowered(Program(("x",), (Step(ops.reciprocal, (0,)), Step(ops.square, (1,))), (2,)))
    program of 1 input, 2 steps, 1 output
    v1 = 1 / x
    v2 = v1 * v1
    return v2

    An op with neither `machine` nor `lower`, such as one of a user's own, is lowered by its forward function where that
    uses arithmetic and rows only.
    """
    steps: list[Step] = []
    n = len(program.inputs)
    values: list[Any] = [_Lowered(i, n, steps) for i in range(n)]
    for op, operands in program.steps:
        values.append(_Lowered.apply(op, tuple([values[x] if isinstance(x, int) else x for x in operands]), steps, n))
    outputs = tuple([_place(values[y]) if isinstance(y, int) else y for y in program.outputs])
    return replace(program, steps=tuple(steps), outputs=outputs)


def prepared(program: Program) -> Program:
    """The program that a backend writes out: as short as it gets, in rows that have a `machine` word."""
    return optimized(lowered(optimized(program)))


def opaque(program: Program) -> list[Op]:
    """The ops of a lowered program that only their own Python function computes, each once."""
    return list(dict.fromkeys(step.op for step in program.steps if not step.op.machine))


class _Lowered(Operand):
    """A place in the program that is being written: applying an op to it writes the steps that compute it."""

    __slots__ = ("n", "place", "steps")
    rank = 4

    def __init__(self, place: int, n: int, steps: list[Step]) -> None:
        self.place, self.n, self.steps = place, n, steps

    @staticmethod
    def apply(op: Op, xs: tuple[Any, ...], steps: list[Step] | None = None, n: int = 0) -> Any:
        xs = tuple([x if x.__class__ is _Lowered else real(x) for x in xs])
        for x in xs:
            if x.__class__ is _Lowered:
                steps, n = x.steps, x.n
                break
        else:
            return float(op.ieee(*xs))
        if op.lower is not None and (y := op.lower(*xs)) is not None:
            return y
        if not op.machine and op.lower is None:
            try:
                y = op.forward(*xs)
            except TypeError:
                pass
            else:
                if y.__class__ in (_Lowered, float):
                    return y
        steps.append(Step(op, tuple([_place(x) for x in xs])))
        return _Lowered(n + len(steps) - 1, n, steps)

    def _refuse(self, *other: Any) -> NoReturn:
        raise TypeError("an op is lowered for every number at once: it cannot branch")

    __bool__ = __float__ = __int__ = __index__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __eq__ = __ne__ = _refuse  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]


def _place(x: Any) -> Place:
    place: Place = x.place if x.__class__ is _Lowered else x
    return place

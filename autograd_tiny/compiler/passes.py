"""Dead-code elimination, constant folding, common-subexpression elimination.

Each pass maps a program to a shorter one with the same outputs, bit for bit; `PASSES` has their order.
"""

from __future__ import annotations

from collections.abc import Callable

from autograd_tiny.compiler.collector import gc_paused
from autograd_tiny.compiler.rewriting import Expand, rewritten, without_dead
from autograd_tiny.transforms.program import Program


def without_dead_steps(program: Program) -> Program:
    """Remove steps on which no output depends (dead-code elimination).

    >>> from autograd_tiny.engine import ops
    >>> from autograd_tiny.transforms.program import Step
    >>> without_dead_steps(Program(("x",), (Step(ops.exp, (0,)), Step(ops.neg, (0,))), (2,)))
    program of 1 input, 1 step, 1 output
    v1 = -x
    return v1
    """
    return without_dead(program)


def with_shared_steps(program: Program) -> Program:
    """Compute equal steps once (common-subexpression elimination); b + a and b * a equal a + b and a * b.

    >>> from autograd_tiny.engine import ops
    >>> from autograd_tiny.transforms.program import Step
    >>> with_shared_steps(Program(("x",), (Step(ops.exp, (0,)), Step(ops.exp, (0,))), (1, 2))).outputs
    (1, 1)
    """
    return rewritten(program, share=True)


def folded(program: Program) -> Program:
    """Evaluate steps of constants and drop neutral ones: x * 1, x / 1, x - 0. Keep 0 * x, which may be nan.

    >>> from autograd_tiny.engine import ops
    >>> from autograd_tiny.transforms.program import Step
    >>> folded(Program(("x",), (Step(ops.exp, (0.0,)), Step(ops.mul, (1, 0))), (2,))).outputs  # e⁰ · x
    (0,)
    """
    return rewritten(program, fold=True)


# Dead steps go first to save work, sharing comes after folding because folding makes steps equal.
PASSES: tuple[Callable[[Program], Program], ...] = (without_dead_steps, folded, with_shared_steps, without_dead_steps)


def optimized(program: Program, expand: Expand | None = None) -> Program:
    """Apply all passes, those between the dead steps at once, with `expand` if given.

    >>> from autograd_tiny.engine import ops
    >>> from autograd_tiny.transforms.program import Step
    >>> optimized(Program(("x",), (Step(ops.exp, (0.0,)), Step(ops.mul, (1, 0)), Step(ops.neg, (0,))), (2,)))
    program of 1 input, 0 steps, 1 output
    return x
    """
    if expand is None and program.steps.tidy == program.outputs:
        return program
    with gc_paused():
        program = without_dead(rewritten(without_dead(program), fold=True, share=True, expand=expand))
    program.steps.tidy = program.outputs
    return program

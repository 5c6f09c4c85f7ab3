"""Hypothesis strategies for random programs, decoded from lists of small integers so that they shrink well."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hypothesis import strategies as st

from autograd_tiny.engine import ops
from autograd_tiny.engine.op import EDGES, Op, Variadic
from autograd_tiny.transforms.program import Program, Step

NICE = (1.0, 2.0, 0.0, -1.0, 0.5, 3.0, -2.0, 0.25, -0.5, 10.0)
CONSTANT = 2.0  # the only number a program may use besides its inputs
REACH = 6  # values back that an operand may refer to
LARGEST_RESULT = 1e9  # a step with a larger result is left out
ADD = ops.add


def decode(numbers: Sequence[int], inputs: Sequence[float], table: Sequence[Op]) -> Program:
    """Decode a list of integers to a program, with inputs for its example.

    A step that is undefined or overflows is left out; steps that the output does not depend on are pruned.

    >>> program = decode([216 * 1], [3.0], [ops.mul])
    >>> program.expression(), program.example, program.value().data
    ('x0 * x0', (3.0,), 9.0)
    """
    inputs = [float(x) for x in inputs]
    pool: list[int | float] = [CONSTANT, *range(len(inputs))]
    floats: dict[int, float] = dict(enumerate(inputs))
    steps: list[Step] = []
    for number in numbers:
        k, packed = divmod(number, REACH**3)
        if not 0 < k <= len(table):  # 0 is no step, so the shrinker can drop one
            continue
        op = table[k - 1]
        operands = []
        for _ in range(_arity(op)):
            packed, back = divmod(packed, REACH)
            operands.append(pool[-1 - back % len(pool)])
        if not any(isinstance(x, int) for x in operands):
            continue
        try:
            y = op.forward(*(floats[x] if isinstance(x, int) else x for x in operands))
        except EDGES:
            continue
        if not (math.isfinite(y) and abs(y) <= LARGEST_RESULT):
            continue
        place = len(inputs) + len(steps)
        steps.append(Step(op, tuple(operands)))
        floats[place] = y
        pool.append(place)
    return pruned(inputs, steps, can_add=ADD in table)


def _arity(op: Op) -> int:
    return 4 if isinstance(op.partials, Variadic) else len(op.partials)


def pruned(inputs: Sequence[float], steps: Sequence[Step], can_add: bool) -> Program:
    """Prune unused inputs; the output is the sum of the unused values, so that every step counts."""
    n, steps = len(inputs), list(steps)
    used = {x for step in steps for x in step.operands if isinstance(x, int)}
    sinks = [n + i for i in range(len(steps)) if n + i not in used] or [0]
    total = sinks[0] if can_add else sinks[-1]
    for sink in sinks[1:] if can_add else ():
        steps.append(Step(ADD, (total, sink)))
        total = n + len(steps) - 1
    kept, stack = set(), [total]
    while stack:
        if (place := stack.pop()) not in kept:
            kept.add(place)
            stack += [x for x in (steps[place - n].operands if place >= n else ()) if isinstance(x, int)]
    new = {old: i for i, old in enumerate(sorted(kept))}
    moved = [
        Step(steps[old - n].op, tuple(new[x] if isinstance(x, int) else x for x in steps[old - n].operands))
        for old in new
        if old >= n
    ]
    example = tuple(inputs[old] for old in new if old < n)
    return program_at(example, moved)


def program_at(example: Sequence[float], steps: Sequence[Step]) -> Program:
    """Make a program of inputs x0, x1, … with these numbers; its output is the last value."""
    names = tuple(f"x{i}" for i in range(len(example)))
    return Program(names, tuple(steps), (len(names) + len(steps) - 1,), example=tuple(example))


def reals(low: float = -1e4, high: float = 1e4) -> st.SearchStrategy[float]:
    """Floats in [low, high], simple ones first; `special_reals` gives those next to 0.

    >>> from hypothesis import find
    >>> find(reals(-1, 1), lambda x: x > 0.2)
    1.0

    Raises ValueError if low is above high.
    """
    nice = [x for x in NICE if low <= x <= high]
    ranges = [(max(low, -r), min(high, r)) for r in (3.0, 60.0, math.inf)]
    spread = [st.floats(a, b, allow_nan=False) for a, b in ranges if a < b]
    if not nice and not spread:
        if low != high:
            raise ValueError(f"reals({low!r}, {high!r}): expected low <= high")
        return st.just(low)
    return st.one_of(*([st.sampled_from(nice)] if nice else []), *spread).map(lambda x: _not_tiny(x, low, high))


def _not_tiny(x: float, low: float, high: float) -> float:
    return 0.0 if abs(x) < 1e-6 and low <= 0 <= high else x


def special_reals() -> st.SearchStrategy[float]:
    """Floats at which functions often go wrong: zeros, tiny and huge ones, and some around 1, 20 and 700.

    >>> from hypothesis import find
    >>> find(special_reals(), lambda x: x > 600)
    700.0
    """
    tiny = (0.0, -0.0, 1e-300, -1e-300, 1e-9, -1e-9, 1e-4)
    return st.sampled_from((*tiny, 1.0, -1.0, 1 + 2**-52, 20.0, -20.0, 37.0, 300.0, -300.0, 700.0, -700.0, 1e8, 1e150))


def programs(table: Sequence[Op] | None = None, max_size: int = 12, inputs: int = 3) -> st.SearchStrategy[Program]:
    """Programs with shared inner values, at most `inputs` inputs and `max_size` steps, and one output.

    >>> from hypothesis import find
    >>> find(programs([ops.mul]), lambda program: program.steps).expression()
    'x0 * x0'

    A program can be checked, traced, drawn, run and compiled: `check_engine(engine, program)`, `trace(program)`,
    `draw(program)`, `program.run(xs)`. `program.example` holds numbers for its inputs.
    """
    rows = list(table) if table is not None else simple_first()
    number = st.integers(0, (len(rows) + 1) * REACH**3 - 1)
    return st.builds(
        decode,
        st.lists(number, min_size=5, max_size=max_size),
        st.lists(reals(), min_size=inputs, max_size=inputs),
        st.just(rows),
    )


def expressions(table: Sequence[Op] | None = None) -> st.SearchStrategy[str]:
    """Programs as text, over inputs x0, x1 and x2.

    >>> from hypothesis import find
    >>> find(expressions([ops.tanh]), lambda text: "tanh" in text)
    'tanh(x0)'
    """
    return programs(table).map(Program.expression)


def simple_first() -> list[Op]:
    """Rows of the table of ops, from common to rare."""
    return list(ops.FUNCTIONS.values())

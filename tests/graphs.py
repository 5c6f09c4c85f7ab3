"""Random graphs with sharing: a list of small integers decoded, totally, into a straight-line program."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Variadic

LEAVES = (1.0, 2.0, -1.0, 0.5, -3.0, 0.1, 1.7, -0.3)
ROWS = [row for row in ops.TABLE.values() if not isinstance(row.partials, Variadic) and len(row.partials) <= 3]


def programs(max_size=12):
    """Lists of (row, operand references, leaf count): `run` makes a graph of any numbers from one."""
    step = st.tuples(st.integers(0, len(ROWS) - 1), *(st.integers(0, 5) for _ in range(3)))
    return st.lists(step, min_size=3, max_size=max_size)


def run(program, leaves):
    """The output of a program on leaves: the sum of what nothing else uses; an undefined or huge step is dropped.

    What is dropped depends on the data alone, so that every kind of number runs the same program.
    """
    values, used = list(leaves), set()
    for row_number, *references in program:
        row = ROWS[row_number]
        picked = [len(values) - 1 - r % len(values) for r in references[: len(row.partials)]]
        xs = [values[i] for i in picked]
        try:
            y = row.forward(*(float(x) for x in xs))
        except (ValueError, ArithmeticError):
            continue
        if math.isfinite(y) and abs(y) < 1e6:
            values.append(row(*xs))
            used.update(picked)
    total = values[-1]
    for i, v in enumerate(values[:-1]):
        if i not in used:
            total = total + v
    return total

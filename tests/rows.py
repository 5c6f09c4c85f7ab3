"""Rows of the op table, and a strategy for their operands."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Interval, Variadic

ROWS = list(ops.TABLE.values())
BIG = 1.7976931348623157e308


def arity(op):
    return 4 if isinstance(op.partials, Variadic) else len(op.partials)


def operands(op, low=-BIG, high=BIG):
    """Strategy for tuples of floats in the domain of op: simple numbers first, then any."""
    one = []
    for i in range(arity(op)):
        interval = op.domain[i] if i < len(op.domain) else Interval(-math.inf, math.inf)
        a, b = max(low, interval.low), min(high, interval.high)
        inside = st.one_of(
            st.sampled_from([0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 10.0]),
            st.floats(max(a, -30.0), min(b, 30.0)),
            st.floats(a, b),
        )
        one.append(inside.filter(lambda x, ok=interval, a=a, b=b: ok.has(x) and a <= x <= b))
    return st.tuples(*one).map(lambda xs: tuple(x + 0.0 for x in xs))  # mpmath does not have -0.0

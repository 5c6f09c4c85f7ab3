"""Programs of one op, at the points where rules often fail."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from itertools import islice, product

from autograd_tiny.check.strategies import program_at
from autograd_tiny.engine.op import EDGES, Interval, Op, Variadic
from autograd_tiny.transforms.program import Program, Step

# fmt: off
POINTS = (
    1.0, 2.0, 0.0, -1.0, 0.5, 3.0, -2.0, -0.3, 10.0, -20.0, 1e-4, 25.0, 40.0, 1e-9, -1e-9, 300.0, -300.0, 700.0, 1e4,
)
TINY, AFTER_1, BEFORE_1 = 5e-324, math.nextafter(1.0, 2.0), math.nextafter(1.0, 0.0)
FAR = (  # -0.0, what is huge or tiny, and one unit in the last place from a branch
    -0.0, 1e5, -1e6, 1e9, 1e16, -1e16, 1e150, 1e-12, -1e-12, 1e-160, TINY, -TINY, 1e-310,
    AFTER_1, BEFORE_1, -AFTER_1, -BEFORE_1,
)
FAR_PAIRS = (
    (-0.0, 1.0), (1.0, -0.0), (1e5, 3.0), (3.0, -1e6), (1e16, 1.0), (1.0, 1e16), (1e150, 1e150), (1e-160, 1e150),
    (1e-12, -1e-12), (TINY, 1.0), (1.0, TINY), (2.0, 1e-310), (1e-310, 2.0), (AFTER_1, 1.0), (1.0, AFTER_1),
    (-2.0, math.nextafter(-2.0, 0.0)), (-TINY, 1.0), (TINY, 0.0), (0.0, TINY),
)
FAR_TRIPLES = (
    (BEFORE_1, -1.0, 1.0), (AFTER_1, -1.0, 1.0), (-BEFORE_1, -1.0, 1.0), (1e5, 1e9, 1e16), (TINY, 1.0, 2.0),
    (-TINY, 1.0, 2.0), (-0.0, 1.0, 2.0), (1e150, 1e5, 1e160),
)
EXPONENTS = (2.0, 1.0, 0.0, 3.0, -1.0, -2.0, 0.5, 4.0)
# fmt: on
PER_OP = 80  # points per op


def single_ops(rows: Sequence[Op], per_op: int = PER_OP) -> Iterator[Program]:
    """Generate programs of one op, at points where rules often fail, simple ones first, then at random points.

    A binary op also comes with a constant on either side, and any op with one value as all operands.
    """
    for op in rows:
        arity = arity_of(op)
        points = islice(_defined(op, _points(op, arity), 20 * per_op), per_op)
        alone = [program_at(xs, [Step(op, tuple(range(arity)))]) for xs in points]
        if arity == 2:
            alone += [
                *(program_at([x], [Step(op, (0, z))]) for x, z in (program.example for program in alone[:10])),
                *(program_at([z], [Step(op, (x, 0))]) for x, z in (program.example for program in alone[:10])),
            ]
        if op.infix and op.infix[0] == "**":
            bases = product((0.0, -1.0, -2.0, -0.0), EXPONENTS)
            alone += [program_at([x], [Step(op, (0, n))]) for x, n in _defined(op, bases, len(POINTS) * 2)]
        if arity > 1:
            same = ((x,) * arity for x in (*POINTS, 1e5, 1e-12))
            alone += [program_at([xs[0]], [Step(op, (0,) * arity)]) for xs in _defined(op, same, len(POINTS))]
        yield from alone


def arity_of(op: Op) -> int:
    """Count the operands of an op; four for one that takes any number."""
    return 4 if isinstance(op.partials, Variadic) else len(op.partials)


def _points(op: Op, arity: int) -> Iterator[tuple[float, ...]]:
    rng = random.Random(op.name)
    if arity == 1:
        yield from ((x,) for x in POINTS + FAR)
    elif arity == 2:
        yield from (*product(POINTS[:5], repeat=2), *FAR_PAIRS)
    elif arity == 3:
        yield from (*product(POINTS[:3], repeat=3), *FAR_TRIPLES)
    while True:
        reach = rng.choice((1.0, 3.0, 60.0, 1e4))
        xs = [rng.uniform(-reach, reach) for _ in range(arity)]
        if rng.random() < 0.3:
            xs[rng.randrange(arity)] = rng.choice(POINTS)
        for i, domain in enumerate(op.domain):
            xs[i] = into(domain, xs[i])
        yield tuple(xs)


def into(domain: Interval, x: float) -> float:
    if domain.has(x):
        return x
    if math.isfinite(domain.low) and math.isfinite(domain.high):
        return domain.low + (domain.high - domain.low) * (abs(x) % 1)
    return domain.low + abs(x)


def _defined(op: Op, points: Iterator[tuple[float, ...]], tries: int) -> Iterator[tuple[float, ...]]:
    for xs in islice(points, tries):
        try:
            y = op.forward(*xs)
        except EDGES + (TypeError,):
            continue
        if math.isfinite(y) and abs(y) < 1e300:
            yield tuple(xs)

"""Every row of the table in a browser, against Python: values and local derivatives, at drawn points and at edges."""

from __future__ import annotations

import json
import math
import random
import struct
from itertools import product

import pytest

from autograd_tiny import Value, ops
from autograd_tiny.engine.ieee import local_derivatives
from autograd_tiny.engine.op import Interval
from autograd_tiny.live import encode
from autograd_tiny.live.spelling import FIXED, ROWS

pytestmark = pytest.mark.browser

POINTS, MANY = 200, 5_000
ULPS = 4
# Larger differences, by row and output (0: the value, k: the derivative with respect to operand k).
CANCELS = {  # a difference of terms of this size, near its zeros
    ("gelu", 1): 0.2,
    ("lgamma", 0): 4.0,
    ("lgamma", 1): 4.0,
    ("digamma", 0): 4.0,
}
CUBED = {("cbrt", 1): 8}  # y enters squared, and Python's cbrt and the browser's are each off by one
UNSIGNED = {
    ("pow", 1),
    ("power_rule1", 0),
    ("power_rule1", 1),
}  # what underflows is 0 for Python's -0, as in compiled code
EVERY = """given => {
  const [code, points] = JSON.parse(given);
  const k = points[0].length;
  const text = x => (Object.is(x, -0) ? "-0.0" : Number.isFinite(x) ? x : String(x).replace("Infinity", "inf"));
  const steps = new Steps(k, [[0, ...Array(k).keys()]], [], [code], []);
  const D = new Float64Array(k + 3);
  return JSON.stringify(points.map(xs => {
    steps.V.set(xs.map(number));
    forward(steps, steps.V, k, k + 1);
    slopes(steps, steps.V, D, k + 1);
    return [steps.V[k], ...D.subarray(0, k)].map(text);
  }));
}"""
EDGES = [0.0, math.inf, math.nan, 1.0, 0.5, 2.0, 3.0, 5e-324, 1e-310, 1e308]
EDGES += [-x for x in EDGES if x == x]
FEW = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 5e-324]


def ulps(a, b):
    if a == b or (a != a and b != b):
        return 0
    if a != a or b != b:
        return math.inf
    i, j = (k if k >= 0 else -(k & (1 << 63) - 1) for k in struct.unpack("qq", struct.pack("dd", a, b)))
    return abs(i - j)


def drawn(op, count):
    """Points in the domain of a row, from a seed: near 0, near the kinks, and of many magnitudes."""
    rng = random.Random(op.name)
    kinds = [
        lambda: rng.uniform(-1, 1),
        lambda: rng.uniform(-3, 3),
        lambda: rng.uniform(-30, 30),
        lambda: rng.choice([-1, 1]) * 10.0 ** rng.uniform(-12, 6),
        lambda: float(rng.randint(-5, 5)),
    ]
    domain = [*op.domain, *[Interval(-math.inf, math.inf)] * len(op.partials)]

    def inside(interval):
        while True:
            x = rng.choice(kinds)()
            for y in (x, -x):
                if interval.has(y):
                    return y

    return [tuple(inside(interval) for interval in domain[: len(op.partials)]) for _ in range(count)]


def found(page, op, points):
    """Values and local derivatives of a row in the page."""
    given = [[x if math.isfinite(x) else str(x) for x in xs] for xs in points]
    rows = json.loads(page.evaluate(EVERY, json.dumps([ROWS.index(op.name) + 1, given], allow_nan=False)))
    return [[float(x) for x in row] for row in rows]


def expected(op, xs):
    y = op.ieee(*xs)
    return [y, *local_derivatives(op, y, xs)]


def differences(page, op, points):
    """Yield output, operands, the page's number and Python's, where they differ."""
    for xs, got in zip(points, found(page, op, points), strict=True):
        for k, (a, b) in enumerate(zip(got, expected(op, xs), strict=True)):
            if a != b or math.copysign(1, a) != math.copysign(1, b):
                yield k, xs, a, b


def compare(page, count):
    for op in FIXED:
        for k, xs, a, b in differences(page, op, drawn(op, count)):
            allowed = CUBED.get((op.name, k), ULPS)
            near = ulps(a, b) <= allowed or abs(a - b) <= ULPS * math.ulp(CANCELS.get((op.name, k), 0.0))
            assert near, f"{op.name}{xs}[{k}] = {a!r}, in Python {b!r}: {ulps(a, b)} ulp"


def test_every_row_at_drawn_points(live):
    compare(live, POINTS)


@pytest.mark.long
def test_every_row_at_many_points(live):
    compare(live, MANY)


def test_every_row_at_edges(live):
    for op in FIXED:
        points = [*product(EDGES if len(op.partials) < 3 else FEW, repeat=len(op.partials))]
        for k, xs, a, b in differences(live, op, points):
            signed = math.copysign(1, a) == math.copysign(1, b) or a != a or (op.name, k) in UNSIGNED
            assert signed, f"{op.name}{xs}[{k}] = {a!r}, in Python {b!r}"
            assert ulps(a, b) <= ULPS, f"{op.name}{xs}[{k}] = {a!r}, in Python {b!r}"


@pytest.mark.parametrize("n", range(2, 6))
def test_polygamma_of_any_order(live, n):
    op, rng = ops.polygamma(n), random.Random(n)
    xs = [rng.choice([rng.uniform(-6, 6), rng.uniform(0, 30), 10.0 ** rng.uniform(-6, 6)]) for _ in range(POINTS)]
    got = live.evaluate(
        """([json, xs]) => { const m = new Program(json);
        return xs.map(x => { m.set("x", x); return m.forward()[m.output]; }); }""",
        [encode(op(Value(2.0, "x"))), xs],
    )
    for x, y in zip(xs, got, strict=True):  # on the left, a power of the cotangent, and so of its rounding
        assert ulps(y, op.ieee(x)) <= (ULPS if x > 0 else 3 * (n + 1)), f"polygamma{n}({x}) = {y}"

"""Rules and lowerings of rows that take more than a line, in rows looked up by name: `ops.py` imports this file."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

from autograd_tiny.engine import special
from autograd_tiny.engine.op import TABLE


def shrink(a: Any, b: Any) -> Any:
    """Return a factor by which hypot of two large numbers does not overflow."""
    return TABLE["where"](TABLE["greater"](abs(a) + abs(b), 1e300), 0.25, 1.0)


def gap(a: Any, b: Any) -> Any:
    """Lower `gap`: the difference, 0 of equal infinities."""
    return TABLE["where"](TABLE["equal"](a, b), 0.0, a - b)


def softmax(y: Any, *xs: Any) -> tuple[Any, ...]:
    """Compute the derivatives of y = log Σ eˣ; xs that are the same infinity share 1."""
    exps = [TABLE["exp"](TABLE["gap"](x, y)) for x in xs]
    total = special.pairwise(exps)
    return tuple([e / total for e in exps])


def logsumexp(*xs: Any) -> Any:
    """Lower `logsumexp`: the maximum, and log1p of the other maxima and of exp of what lies below."""
    where, equal, exp = TABLE["where"], TABLE["equal"], TABLE["exp"]
    top = reduce(TABLE["maximum"], xs)
    tops = special.pairwise([equal(x, top) for x in xs])
    return top + TABLE["log1p"](tops - 1.0 + special.pairwise([where(equal(x, top), 0.0, exp(x - top)) for x in xs]))


def silu(x: Any) -> Any:
    """Lower `silu`: e⁻|x| in halves on the left."""
    where, exp = TABLE["where"], TABLE["exp"]
    half = exp(-0.5 * abs(x))
    y = where(TABLE["less"](x, 0.0), x * half * half, x) / (1.0 + exp(-abs(x)))
    return where(TABLE["equal"](x, -math.inf), -0.0, y)


def gelu(x: Any) -> Any:
    """Lower `gelu`: two formulas, as in its forward function."""
    left = TABLE["minimum"](x, -35.0)
    half = TABLE["exp"](-0.25 * left * left)
    near = 0.5 * x * TABLE["erfc"](-x * math.sqrt(0.5))
    return TABLE["where"](TABLE["less"](x, -35.0), -(half * special.mills(left)) * half, near)


def softsign(x: Any) -> Any:
    """Lower `softsign`: the sign at ±inf."""
    return TABLE["where"](TABLE["equal"](abs(x), math.inf), TABLE["sign"](x), x / (1.0 + abs(x)))


def logit(x: Any) -> Any:
    """Lower `logit`: near its zero ½ by atanh."""
    near = TABLE["less"](abs(x - 0.5), 0.25)
    return TABLE["where"](near, 2.0 * TABLE["atanh"](2.0 * x - 1.0), TABLE["log"](x) - TABLE["log1p"](-x))


def mod(a: Any, b: Any) -> Any:
    """Lower `mod`: the remainder with the sign of a, moved to the sign of b."""
    where, less, r = TABLE["where"], TABLE["less"], TABLE["fmod"](a, b)
    across = TABLE["not_equal"](less(r, 0.0), less(b, 0.0))
    return where(r, where(across, r + b, r), abs(r) / b)


def floordiv(a: Any, b: Any) -> Any:
    """Lower `floordiv`, as CPython computes it: (a - remainder) / b, rounded to the integer it is but for rounding."""
    where, less, fmod = TABLE["where"], TABLE["less"], TABLE["fmod"]
    r = fmod(a, b)
    quotient = (a - r) / b - where(r, TABLE["not_equal"](less(r, 0.0), less(b, 0.0)), 0.0)
    whole = quotient - fmod(quotient, 1.0)
    whole = whole - less(quotient, whole)
    whole = whole + less(0.5, quotient - whole)
    return where(quotient, where(less(abs(quotient), special.FAR), whole, quotient), 0.0 * (a / b))


def sinc(n: int, x: Any) -> Any:
    """Compute the n-th derivative of sin(πx)/(πx), for any kind of number; 0 at ±inf.

    It is πⁿgₙ(πx) with gₙ(u) = ∫₀¹ tⁿ cos(ut + nπ/2) dt. The recurrence u gₙ = sin⁽ⁿ⁾u - n gₙ₋₁ loses no digits upwards
    for n ≤ |u|, nor downwards, from gₖ = 0 far above, for n > |u|.
    """
    where, less, greater, sin = TABLE["where"], TABLE["less"], TABLE["greater"], TABLE["sin"]
    far = TABLE["equal"](abs(x), math.inf)
    x = where(far, 0.0, x)
    r = TABLE["fmod"](x, 2.0)
    r = r - where(greater(r, 1.0), 2.0, where(less(r, -1.0), -2.0, 0.0))  # exact, as what follows
    s = sin(math.pi * where(greater(r, 0.5), 1.0 - r, where(less(r, -0.5), -1.0 - r, r)))
    c = sin(math.pi * (0.5 - abs(r)))
    u, waves = math.pi * x, (s, c, -s, -c)  # the derivatives of sin at u
    near = less(abs(u), n or 1e-300)  # of n = 0 too: XLA flushes subnormals
    wide, narrow = where(near, n or 1.0, u), where(near, u, 0.0)
    up, down = s / wide, 0.0
    for k in range(1, n + 1):
        up = (waves[k % 4] - k * up) / wide
    for k in range(3 * n + 20 if n else 1, n, -1):
        down = (waves[k % 4] - narrow * down) / k
    return where(far, 0.0, math.pi**n * where(near, down, up))

"""Float functions that the op table needs and ``math`` does not provide."""

from __future__ import annotations

import math
import numbers
import operator
import sys
from fractions import Fraction
from functools import cache, reduce
from typing import Any

from autograd_tiny.engine.digits import counted

MAX_FLOAT = sys.float_info.max
FAR = 2.0**51  # larger exponents lose their fraction or parity when 1 is subtracted


_TIMES = {"timedelta64", "datetime64"}  # NumPy converts the one to float, and says so of the other


def real(x: Any) -> float:
    """Convert a real number (int, bool, Decimal, Fraction, NumPy scalar, array without axes) to float.

    Raises TypeError for anything else, and OverflowError for a finite number that is no double.
    """
    kind = type(x)
    if kind is float:
        return x
    if kind is int:
        return float(x)
    imaginary = isinstance(x, numbers.Complex) and not isinstance(x, numbers.Real)
    one = (not hasattr(kind, "__len__") or _is_one(x)) and kind.__name__ not in _TIMES
    if hasattr(kind, "__float__") and one and not imaginary:
        y = float(x)
        if math.isinf(y) and issubclass(kind, numbers.Number) and x != y:
            raise OverflowError(f"{x!r:.60} of type {kind.__name__} is too large for a float")
        return y
    raise TypeError(f"expected a real number, got {in_a_line(x)} of type {kind.__name__}")


def in_a_line(x: Any) -> str:
    """Return the start of repr(x) without line breaks, for a message."""
    return " ".join(f"{x!r:.120}".split())[:60]


def readable(text: str, most: int = 60) -> str:
    r"""Return a short, printable name as it is, else the start of its repr, for a message.

    >>> readable("layers[0].weight"), readable("\x1b[2J")
    ('layers[0].weight', "'\\x1b[2J'")
    """
    return text if text.isprintable() and len(text) <= most else in_a_line(text)


def _is_one(x: Any) -> bool:
    """Return True for an array of NumPy without axes that holds a real number."""
    return type(x).__name__ == "ndarray" and x.shape == () and x.dtype.kind in "biuf"


def alone(x: Any) -> Any:
    """Return the object that an array of NumPy without axes holds, such as a Value; anything else as it is."""
    return x.item() if type(x).__name__ == "ndarray" and x.shape == () and x.dtype.kind == "O" else x


def converted(xs: tuple[Any, ...]) -> list[Any]:
    """Return operands as numbers: floats, and what arrays without axes hold.

    Raises TypeError, by the kind of number, where no operand could apply the op.
    """
    held = [alone(x) for x in xs]
    if any(x is not y for x, y in zip(xs, held, strict=True)):
        return held
    return [real(x) for x in xs if not hasattr(x, "outranking")]


def power(a: float, b: float) -> float:
    """Compute a**b; ValueError if the result is not real."""
    y = a**b
    if y.__class__ is complex:
        raise ValueError("a negative base needs an integer exponent")
    return y


def power_limit(a: float, b: float) -> float:
    """Return the IEEE 754 result of a**b if Python raises: ±inf at a pole or on overflow, nan if it is not real."""
    if is_broken(a, b):
        return math.nan
    return -math.inf if math.copysign(1, a) < 0 and b % 2 == 1 else math.inf


def is_broken(a: float, b: float) -> bool:
    """Return True if a is negative and b is not an integer; ±inf counts as an even integer, as in IEEE 754."""
    return a < 0 and b % 1 > 0


def log_limit(x: float) -> float:
    """Return the IEEE 754 result of log x if Python raises: -∞ at 0, nan below."""
    return math.nan if x else -math.inf


def whole_power(a: Any, b: Any) -> Any:
    """Compute a**b by multiplication, for any kind of number, if b is the float 0, 1, 2, 3 or 4; else return None."""
    if b.__class__ is not float or b not in (0, 1, 2, 3, 4):
        return None
    return 1.0 if b == 0 else reduce(operator.mul, [a * a] * 2 if b == 4 else [a] * int(b))


def pairwise(xs: Any) -> Any:
    """Sum xs pairwise, for any kind of number: the error grows as the logarithm of the number of terms."""
    xs = list(xs) or [0.0]
    while len(xs) > 1:
        xs = [a + b for a, b in zip(xs[::2], xs[1::2], strict=False)] + xs[len(xs) & ~1 :]
    return xs[0]


def falling(n: int, b: Any, without: int | None = None) -> Any:
    """Compute b(b-1)…(b-n+1) for any kind of number, optionally without one of its factors."""
    factors = [b - i if i else b for i in range(n) if i != without]
    return reduce(operator.mul, factors) if factors else 1.0


def falling_power(n: int, a: float, b: float) -> float:
    """Compute ∂ⁿ(a**b)/∂aⁿ = falling(n, b) · a**(b-n); 0 if a factor is 0, also at a = 0.

    At b = ±inf it is the limit along even b: 0 if |a|**b is 0, else inf with the sign of b**n · a**n.
    """
    factor: float = falling(n, b)
    if factor == 0:
        return 0.0
    if is_broken(a, b):
        raise ValueError("a negative base needs an integer exponent")
    a = max(a, -MAX_FLOAT)  # finite, for the divisions below
    if a < math.inf and (abs(b) > FAR or (abs(b) < 0.5 and a)):  # b - n would round b's last digits away
        y = power(a, b)
        return reduce(operator.truediv, [a] * n, factor * y) if y else 0.0
    p = power(a, b - n)
    if abs(p) > 1e-290:
        return factor * p
    half = abs(a) ** ((b - n) / 2)  # in halves, so that no digits are lost in a subnormal
    return (-factor if a < 0 and (b - n) % 2 == 1 else factor) * half * half if half else 0.0


def falling_power_limit(n: int, a: float, b: float) -> float:
    """Return the IEEE 754 result of `falling_power` if Python raises."""
    if is_broken(a, b):
        return math.nan
    factor: float = falling(n, b)
    return factor * power_limit(a, b - n if abs(b) <= FAR else n + (b % 2 == 1))  # only the parity matters


def sigmoid(x: float) -> float:
    """Compute 1 / (1 + e⁻ˣ) without overflow."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else (e := math.exp(x)) / (1 + e)


def silu(x: float) -> float:
    """Compute x · sigmoid(x), with e⁻|x| in halves on the left, so that no digits are lost in a subnormal."""
    e = math.exp(-math.fabs(x))
    return -0.0 if x == -math.inf else (x * (h := math.exp(x / 2)) * h if x < 0 else x) / (1 + e)


def gelu(x: float) -> float:
    """Compute x · Φ(x), far left by `mills`, where erfc is subnormal."""
    if x < -35:
        half = math.exp(-0.25 * x * x)
        return -(half * mills(x)) * half
    return 0.5 * x * math.erfc(-x * math.sqrt(0.5))


def mills(x: Any) -> Any:
    """Compute |x| Φ(x) / e^(-x²/2) for x < -35, any kind of number, by its asymptotic series (DLMF 7.12.1)."""
    t, y = 1 / (x * x), 1.0
    for odd in (11, 9, 7, 5, 3, 1):
        y = 1 - odd * t * y
    return y * math.sqrt(0.5 / math.pi)


def logit(x: float) -> float:
    """Compute log(x / (1 - x)), near its zero ½ by atanh."""
    if math.fabs(x - 0.5) < 0.25:
        return 2 * math.atanh(2 * x - 1)
    return math.log(x) - math.log1p(-x)


def softsign(x: float) -> float:
    """Compute x / (1 + |x|)."""
    return math.copysign(1.0, x) if math.fabs(x) == math.inf else x / (1 + math.fabs(x))


def logsumexp(*xs: float) -> float:
    """Compute log Σ eˣ from the differences to the maximum, which do not overflow; -inf of nothing."""
    top = max(xs, default=-math.inf)
    tops = sum(x == top for x in xs) or 1  # 0 if the maximum is nan
    below = math.fsum(math.exp(x - top) for x in xs if x != top)
    return top + math.log1p(tops - 1 + below)


def mod(a: float, b: float) -> float:
    """Compute a % b of floats, with the sign of b."""
    return float.__mod__(a, b)


def floordiv(a: float, b: float) -> float:
    """Compute a // b of floats."""
    return float.__floordiv__(a, b)


def room(a: float, b: float) -> float:
    """Return a number that is zero where a / b is whole, or so large that every float is."""
    return a / b % 1 if b and math.fabs(a / b) < FAR else 0.0


def clip(x: float, low: float, high: float) -> float:
    """Return the number in [low, high] nearest to x."""
    if low > high:
        raise ValueError(f"low={low!r} is greater than high={high!r}")
    return low if x < low else high if x > high else x


def lgamma(x: float) -> float:
    """Compute log |Γ(x)|, near its zeros 1 and 2 by Taylor series, because the C library loses digits there."""
    if -3 < x < -2:  # log |Γ| has zeros here: use Γ(x) = Γ(x + 4) / (x (x+1) (x+2) (x+3))
        exact = Fraction(x)
        below = abs(exact * (exact + 1) * (exact + 2) * (exact + 3))
        return lgamma(x + 4) - (math.log1p(float(below - 1)) if 0.5 < below < 2 else math.log(below))
    if not 0.5 <= x <= 2.5:
        return math.lgamma(x)
    z = x - 2 if x >= 1.5 else x - 1
    tail = math.fsum(c * z**k for k, c in enumerate(_taylor_at_2(), 1))
    return tail if x >= 1.5 else tail - math.log1p(z)  # Γ(1 + z) = Γ(2 + z) / (1 + z)


@cache
def _taylor_at_2() -> tuple[float, ...]:
    return tuple(polygamma(k - 1, 2.0) / math.factorial(k) for k in range(1, 29))


def dot(*xs: float) -> float:
    """Compute the dot product of the two halves of xs; the sum is rounded once."""
    if len(xs) % 2:
        raise TypeError(f"dot(*xs, *ys) takes as many ys as xs, got {counted(len(xs), 'operand')}")
    half = len(xs) // 2
    return math.fsum(a * b for a, b in zip(xs[:half], xs[half:], strict=True))


# Bernoulli numbers B2, B4, … of the asymptotic series.
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)


def polygamma(n: int, x: float) -> float:
    """Compute the (n+1)-th derivative of log Γ at x: digamma for n = 0, trigamma for n = 1.

    >>> polygamma(0, 1.0), polygamma(1, 1.0)  # -γ and π²/6
    (-0.5772156649015331, 1.6449340668482264)

    Raises ValueError at the poles 0, -1, -2, …
    Source: DLMF 5.5.2 (recurrence), 5.5.4 (reflection), 5.11.2 and 5.15.8 (asymptotic series).
    """
    if x == -math.inf or (x <= 0 and x == math.floor(x)):
        raise ValueError("math domain error")
    if x < 0:
        across = polygamma(n, 1 - x) * (-1) ** n
        return across - math.pi ** (n + 1) * _cot_derivative(n, x - round(x))
    terms = []
    while x < n + 14:
        terms.append(math.factorial(n) * _inverse_power(x, n + 1))
        x += 1
    if n == 0:
        terms = [-1 * t for t in terms] + [math.log(x), -0.5 / x]
        terms += [-b / (2 * k * x ** (2 * k)) for k, b in enumerate(_BERNOULLI, 1) if x < 1e15]
        return math.fsum(terms)
    scale = x**-n
    terms += [scale * math.factorial(n - 1), scale * math.factorial(n) / (2 * x)]
    for k, b in enumerate(_BERNOULLI, 1):
        if x < 1e15:
            ratio = math.factorial(2 * k + n - 1) / math.factorial(2 * k)
            terms.append(scale * b * ratio / x ** (2 * k))
    return math.fsum(terms) * (-1) ** (n + 1)


def _inverse_power(x: float, n: int) -> float:
    try:
        return (1 / x) ** n
    except OverflowError:
        return math.inf


def _cot_derivative(n: int, r: float) -> float:
    """Compute the n-th derivative of cot(u) at u = πr."""
    c = 1 / math.tan(math.pi * r)
    return math.fsum(p * c**k for k, p in enumerate(cot_polynomial(n)) if p)


def cot_polynomial(n: int) -> list[int]:
    """Return the n-th derivative of cot(u) as a polynomial in c = cot(u), by dc/du = -(1 + c²); lowest power first.

    >>> cot_polynomial(1)
    [-1, 0, -1]
    """
    polynomial = [0, 1]
    for _ in range(n):
        slope = [k * p for k, p in enumerate(polynomial)][1:]
        polynomial = [0] * (len(slope) + 2)
        for k, s in enumerate(slope):
            polynomial[k] -= s
            polynomial[k + 2] -= s
    return polynomial

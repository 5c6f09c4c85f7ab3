"""Numbers for display: four significant digits, and ≈ for rounded ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

DIGITS = 4
_ROUNDED, _PADDED = f".{DIGITS}g", f"#.{DIGITS}g"


def short(x: float) -> str:
    """Format x with four significant digits; rounded numbers keep their trailing zeros.

    >>> short(2.0), short(-6.88), short(0.41997), short(123456.0)
    ('2', '-6.88', '0.4200', '123456')
    """
    if x == x // 1 and abs(x) < 1e6:
        return f"{x:.0f}"
    plain = format(x, _ROUNDED)
    return plain if float(plain) == x or x != x else format(x, _PADDED).rstrip(".")


def plain(x: float) -> str:
    """Format x as `short` does, but from 10,000 to a billion as a whole number, which stands in a column with others.

    >>> plain(0.41997), plain(424582.3), plain(4.2e12 + 0.5)
    ('0.4200', '424582', '4.200e+12')
    """
    return f"{x:.0f}" if 1e4 <= abs(x) < 1e9 else short(x)


def is_exact(*xs: float) -> bool:
    """Return True if `short` shows every one of xs exactly.

    >>> is_exact(2.0, 0.5), is_exact(1 / 3)
    (True, False)
    """
    return all(x != x or float(short(x)) == x for x in xs)


def equals(*xs: float) -> str:
    """Return ``=``, or ``≈`` if `short` rounds any of xs."""
    return "=" if is_exact(*xs) else "≈"


def counted(n: int, noun: str = "") -> str:
    """Format a count, with a noun if given; exact up to 60 digits, approximate beyond.

    >>> counted(1_234_567), counted(1, "step"), counted(2, "class"), counted(2**100_000, "path")
    ('1,234,567', '1 step', '2 classes', 'about 9.99e30102 paths')
    """
    if noun:
        return f"{counted(n)} {noun}{'' if n == 1 else 'es' if noun.endswith(('s', 'x')) else 's'}"
    if n < 10**60:
        return f"{n:,}"
    tens = math.log10(n)
    digits, _, more = f"{10 ** (tens % 1):.2e}".partition("e")  # 9.999 becomes 1.00e+01
    return f"about {digits}e{int(tens) + int(more)}"


def spread(xs: Sequence[float]) -> str:
    """Summarise numbers: least … greatest with the mean, and the count of nan.

    >>> spread([2.0]), spread([2.0, 2.0]), spread([1.0, 2.0, 6.0]), spread([1.0, float("nan")])
    ('2', '2', '1 … 6 (mean 3)', '1, 1 nan')
    """
    known = [x for x in xs if x == x]
    if not known:
        return "nan"
    low, high = min(known), max(known)
    text = short(low) if low == high else f"{short(low)} … {short(high)} (mean {short(_mean(known))})"
    return text if len(known) == len(xs) else f"{text}, {len(xs) - len(known):,} nan"


def _mean(xs: Sequence[float]) -> float:
    try:
        return math.fsum(xs) / len(xs)
    except (OverflowError, ValueError):  # a sum too large for a float, or inf - inf
        return sum(x / len(xs) for x in xs)

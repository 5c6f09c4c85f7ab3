"""Numbers as a person reads them: four significant digits, and a sign that says when some were left out."""

from __future__ import annotations

import math
from collections.abc import Sequence

DIGITS = 4
_ROUNDED, _PADDED = f".{DIGITS}g", f"#.{DIGITS}g"


def short(x: float) -> str:
    """x in four significant digits; exact numbers plain, rounded ones with their zeros kept.

    >>> short(2.0), short(-6.88), short(0.41997), short(123456.0)
    ('2', '-6.88', '0.4200', '123456')
    """
    if x == x // 1 and abs(x) < 1e6:
        return f"{x:.0f}"
    plain = format(x, _ROUNDED)
    return plain if float(plain) == x or x != x else format(x, _PADDED).rstrip(".")


def is_exact(*xs: float) -> bool:
    """Whether `short` shows every one of xs in full.

    >>> is_exact(2.0, 0.5), is_exact(1 / 3)
    (True, False)
    """
    return all(x != x or float(short(x)) == x for x in xs)


def equals(*xs: float) -> str:
    """The sign between numbers shown by `short`: ``=``, or ``≈`` when any of them is rounded."""
    return "=" if is_exact(*xs) else "≈"


def counted(n: int) -> str:
    """A number of things, exact up to 60 digits; beyond them about so many, and never all of its digits.

    >>> counted(1_234_567), counted(2**100_000)
    ('1,234,567', 'about 9.99e30102')
    """
    if n < 10**60:
        return f"{n:,}"
    tens = math.log10(n)
    digits, _, more = f"{10 ** (tens % 1):.2e}".partition("e")  # 9.999 is written 1.00e+01
    return f"about {digits}e{int(tens) + int(more)}"


def spread(xs: Sequence[float]) -> str:
    """One number, or many from the least to the greatest with their mean; how many are nan.

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

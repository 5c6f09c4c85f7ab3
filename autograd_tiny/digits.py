"""Numbers as a person reads them: four significant digits, and a sign that says when some were left out."""

from __future__ import annotations


def short(x: float) -> str:
    """x in four significant digits; exact numbers plain, rounded ones with their zeros kept.

    >>> short(2.0), short(-6.88), short(0.41997), short(123456.0)
    ('2', '-6.88', '0.4200', '123456')
    """
    if x == x // 1 and abs(x) < 1e6:
        return f"{x:.0f}"
    plain = f"{x:.4g}"
    return plain if float(plain) == x or x != x else f"{x:#.4g}".rstrip(".")


def is_exact(*xs: float) -> bool:
    """Whether `short` shows every one of xs in full.

    >>> is_exact(2.0, 0.5), is_exact(1 / 3)
    (True, False)
    """
    return all(x != x or float(short(x)) == x for x in xs)


def equals(*xs: float) -> str:
    """The sign between numbers shown by `short`: ``=``, or ``≈`` when any of them is rounded."""
    return "=" if is_exact(*xs) else "≈"

"""Text of ops and domains: intervals, infix signs, and the minimum of parentheses."""

from __future__ import annotations

import math
from typing import NamedTuple


class Interval(NamedTuple):
    """Domain of an operand; brackets in `ends` mark closed and open ends.

    >>> str(Interval(0, math.inf)), str(Interval(-1, 1, "[]")), Interval(-1, 1, "[]").has(1.0)
    ('(0, ∞)', '[-1, 1]', True)
    """

    low: float
    high: float
    ends: str = "()"

    def has(self, x: float) -> bool:
        above = x >= self.low if self.ends[0] == "[" else x > self.low
        return above and (x <= self.high if self.ends[1] == "]" else x < self.high)

    def __str__(self) -> str:
        right = self.ends[1] if self.high < math.inf else ")"
        return f"{self.ends[0]}{self.low:g}, {self.high:g}{right}".replace("inf", "∞")


class Spelled(NamedTuple):
    """Text with its precedence, from which the enclosing op decides about parentheses.

    >>> total = Spelled("a + b", 1)
    >>> Spelled.infix("*", 2, total, Spelled.number(-2.0)), Spelled.call("exp", total)
    (Spelled(text='(a + b) * -2', binds=2), Spelled(text='exp(a + b)', binds=99))
    """

    text: str
    binds: int = 99

    @classmethod
    def number(cls, x: float) -> Spelled:
        """Format a float, without a trailing ``.0``: ``2``, ``-0.5``."""
        return cls(f"{x:.0f}" if x == x // 1 and abs(x) < 1e16 else repr(x), 3 if math.copysign(1, x) < 0 else 99)

    @classmethod
    def operand(cls, x: float, name: str | None = None) -> Spelled:
        """Format a float in full, with its name if it has one: ``-0.5``, ``a=-0.5``."""
        return cls(f"{name}={x!r}") if name else cls(repr(x), 3 if repr(x)[0] == "-" else 99)

    @classmethod
    def call(cls, name: str, *xs: Spelled) -> Spelled:
        """Format a call: ``tanh(x)``."""
        return cls(f"{name}({', '.join(x.text for x in xs)})")

    @classmethod
    def infix(cls, sign: str, binds: int, *xs: Spelled) -> Spelled:
        """Put a sign between two operands or before one: ``a * (b + c)``, ``-x``."""
        needs = (binds + 1, binds) if sign == "**" else (binds, binds + 1)  # a ** b ** c is a ** (b ** c)
        *left, right = [
            x.text if x.binds >= needed else f"({x.text})" for x, needed in zip(xs, needs[-len(xs) :], strict=True)
        ]
        return cls(f"{left[0]} {sign} {right}" if left else f"{sign}{right}", binds)

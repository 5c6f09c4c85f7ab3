"""How ops and their domains are written: intervals, infix signs, and no more parentheses than are needed."""

from __future__ import annotations

import math
from typing import NamedTuple


class Interval(NamedTuple):
    """Where an operand may lie; `ends` says which ends belong to it.

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
    """A piece of text and how tightly it binds, so that the next op knows whether to put it in parentheses.

    >>> total = Spelled("a + b", 1)
    >>> Spelled.infix("*", 2, total, Spelled.number(-2.0)), Spelled.call("exp", total)
    (Spelled(text='(a + b) * -2', binds=2), Spelled(text='exp(a + b)', binds=99))
    """

    text: str
    binds: int = 99

    @classmethod
    def number(cls, x: float) -> Spelled:
        """A float as a person writes it: ``2``, ``-0.5``."""
        return cls(f"{x:.0f}" if x == x // 1 and abs(x) < 1e16 else repr(x), 3 if math.copysign(1, x) < 0 else 99)

    @classmethod
    def operand(cls, x: float, name: str | None = None) -> Spelled:
        """A float in full, with its name where it has one: ``-0.5``, ``a=-0.5``."""
        return cls(f"{name}={x!r}") if name else cls(repr(x), 3 if repr(x)[0] == "-" else 99)

    @classmethod
    def call(cls, name: str, *xs: Spelled) -> Spelled:
        """A function's call: ``tanh(x)``."""
        return cls(f"{name}({', '.join(x.text for x in xs)})")

    @classmethod
    def infix(cls, sign: str, binds: int, *xs: Spelled) -> Spelled:
        """A sign between two operands or before one: ``a * (b + c)``, ``-x``."""
        needs = (binds + 1, binds) if sign == "**" else (binds, binds + 1)  # a ** b ** c is a ** (b ** c)
        *left, right = [
            x.text if x.binds >= needed else f"({x.text})" for x, needed in zip(xs, needs[-len(xs) :], strict=True)
        ]
        return cls(f"{left[0]} {sign} {right}" if left else f"{sign}{right}", binds)

"""Numbers of options: refused by what would be right."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable


def whole(least: int) -> Callable[[str], int]:
    """Return a parser of whole numbers.

    >>> whole(1)("32")
    32
    """

    def parse(text: str) -> int:
        try:
            if (n := int(text)) >= least:
                return n
        except ValueError:
            pass
        raise argparse.ArgumentTypeError(f"give a whole number of at least {least}, not {text!r}")

    return parse


def positive(text: str) -> float:
    """Parse a finite number above 0."""
    return _between(text, math.inf, "a number above 0, such as 0.01")


def part(text: str) -> float:
    """Parse a number between 0 and 1, and neither of them."""
    return _between(text, 1.0, "a part between 0 and 1, such as 0.2")


def _between(text: str, below: float, what: str) -> float:
    try:
        if 0 < (x := float(text)) < below:
            return x
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"give {what}, not {text!r}")

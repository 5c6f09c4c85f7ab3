"""Text for a terminal: a console of readable width, and control characters escaped."""

from __future__ import annotations

import os
from typing import IO

from rich.console import Console


def new_console(file: IO[str] | None = None) -> Console:
    """Make a console on standard output or a file, as wide as COLUMNS if that is a positive integer."""
    # rich prints nothing at a width of 0, and fails on digits such as ².
    kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES") or (v.isdecimal() and int(v))}
    return Console(file=file, highlight=False, _environ=kept)


def clean(text: str) -> str:
    r"""Escape characters that move the cursor or change the text direction.

    >>> clean("a\x1b[2J = 1")
    'a\\x1b[2J = 1'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def show(text: object) -> None:
    """Print text on standard output, each line cleaned."""
    print("\n".join(map(clean, str(text).split("\n"))))

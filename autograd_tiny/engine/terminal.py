"""Text for a terminal: a console of a width one can read, and nothing that moves its cursor."""

from __future__ import annotations

import os
from typing import IO

from rich.console import Console


def new_console(file: IO[str] | None = None) -> Console:
    """A console on standard output, or a file, as wide as COLUMNS says where that is a whole number of at least 1."""
    # rich takes a width of 0 at its word and prints nothing, and fails at digits such as ².
    kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES") or (v.isdecimal() and int(v))}
    return Console(file=file, highlight=False, _environ=kept)


def clean(text: str) -> str:
    r"""Text with nothing in it that moves a cursor or turns a line around.

    >>> clean("a\x1b[2J = 1")
    'a\\x1b[2J = 1'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def show(text: object) -> None:
    """Print lines on standard output, each of them clean."""
    print("\n".join(map(clean, str(text).split("\n"))))

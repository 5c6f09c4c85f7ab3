"""The list of first names."""

from __future__ import annotations

from importlib.resources import files


def names() -> list[str]:
    """Return some thousand first names in the letters a to z, in alphabetical order.

    >>> names()[:3], len(set(names())) > 900
    (['aada', 'aaron', 'abel'], True)
    """
    return files("autograd_tiny.data").joinpath("names.txt").read_text("ascii").split()

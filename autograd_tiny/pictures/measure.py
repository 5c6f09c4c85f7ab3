"""Estimate text width without a font engine; truncate and wrap."""

from __future__ import annotations

import textwrap
import unicodedata

SIZE = 11  # points, for the letters of every picture

# Widths of Helvetica's letters in hundredths of the font size; a letter not listed is as wide as a digit.
_ALIKE = {
    22: "ijl'|", 28: " !,./:;I[]ft\\", 33: "-()r`\"{}", 50: "ckszvxyJ", 67: "ABEKPSVXY&", 72: "CDHNRUw", 78: "GOQ",
    83: "mM+=<>~×≈−∂", 94: "W%", 100: "@…→∞",
}  # fmt: skip
_WIDTHS = {c: w for w, cs in _ALIKE.items() for c in cs}
_GENEROUS = 1.22  # bold Helvetica is 1.07 times as wide, the widest substitute, DejaVu Sans, 1.18 times


def text_width(text: str, size: float = SIZE) -> float:
    """Estimated width of a line in points, in a font of `size` points; an upper bound except in bold DejaVu Sans.

    >>> text_width("grad") < text_width("grad 3.142") < text_width("grad 3.142", 12)
    True
    """
    widths = (100 if unicodedata.east_asian_width(c) in "WF" else _WIDTHS.get(c, 56) for c in text)
    return sum(widths) / 100 * size * _GENEROUS


def printable(text: str) -> str:
    r"""Replace each character that breaks a line, moves the cursor or reverses the text by a dot.

    >>> printable("a\tb")
    'a·b'
    """
    return "".join(c if c.isprintable() else "·" for c in text)


def shortened(text: str, longest: int = 60) -> str:
    """The printable text on one line, its middle replaced by … if it has more than `longest` characters.

    >>> shortened("layers[0].neurons[12].weight", 20)
    'layers[0].neu…weight'
    """
    text, head = printable(text), longest * 2 // 3
    left_out = len(text) - longest
    return text if left_out <= 0 else f"{text[:head]}…{text[head + left_out + 1 :]}"


def wrapped(text: str, longest: int, most: int) -> tuple[str, ...]:
    """Wrap the printable text to at most `most` lines of at most `longest` characters; at least one line.

    >>> wrapped("the gradient is complete", 12, 2)
    ('the gradient', 'is complete')
    """
    lines = textwrap.wrap(printable(text), longest, max_lines=most, break_on_hyphens=False, placeholder="…")
    return tuple(lines) or ("",)

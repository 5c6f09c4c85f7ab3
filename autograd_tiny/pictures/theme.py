"""Every colour of pictures, frames, the terminal and the page, once."""

from __future__ import annotations

from enum import Enum


class Color(Enum):
    """A colour by what it is for: on a light ground, on a dark one, and where the ground is not known.

    >>> Color.VALUE.light, Color.VALUE.dark, Color.VALUE.either
    ('#0059a8', '#79b8ff', '#3b8eea')

    A terminal and a Mermaid chart do not tell their ground. What has no dark form is drawn on white only.
    """

    light: str
    dark: str
    either: str

    # fmt: off
    #           light      dark       either
    PAPER    = "white",   "#14171c", ""         # the ground
    INK      = "#1a1a1a", "#e9ebee", "#6e7681"  # letters, outlines that count
    SOFT     = "#565d68", "#a9b0bb", ""         # letters that stand back
    LINE     = "#8a8f98", "#7d8590", "#8a8f98"  # arrows, outlines
    PANEL    = "#f4f6f8", "#1d2128", ""         # the ground of what stands beside a picture
    VALUE    = "#0059a8", "#79b8ff", "#3b8eea"  # blue: data, the forward pass
    GRAD     = "#b54708", "#f5a268", "#d9822b"  # orange: gradients, the backward pass, what is wrong
    LEAF     = "#eef3f8", "#1f2833", ""         # fills the box of a leaf
    ACTIVE   = "#ffe9c7", "#4a3413", ""         # fills what a step is about
    NEGATIVE = "#9b5fc0", "#b98ad6", ""         # purple, 4 : 1 on white and on black: weights below 0
    PALE_VALUE = "#e3eef8", "", ""              # fills of a frame's box, on which both colours keep a contrast of 4.5
    PALE_GRAD = "#fdeee3", "", ""
    WAITING  = "#6b7078", "", ""                # a value that is not computed yet
    # fmt: on

    def __init__(self, light: str, dark: str, either: str) -> None:
        self.light, self.dark, self.either = light, dark, either

    @property
    def variable(self) -> str:
        """Its name in CSS and LaTeX.

        >>> Color.VALUE.variable
        'value'
        """
        return self.name.lower().replace("_", "")


def style_sheet() -> str:
    """The colours as CSS variables, light and dark.

    >>> print(style_sheet()[:37])
    :root{--paper:white;--ink:#1a1a1a;--s
    """
    light, dark = (
        ";".join(f"--{color.variable}:{getattr(color, ground)}" for color in Color if color.dark)
        for ground in ("light", "dark")
    )
    return f":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"

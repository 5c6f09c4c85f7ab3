"""Colours of pictures, frames, the terminal and the page."""

from __future__ import annotations

from enum import Enum


class Color(Enum):
    """A colour by purpose: on a light background, on a dark one, and on an unknown one.

    >>> Color.VALUE.light, Color.VALUE.dark, Color.VALUE.either
    ('#0059a8', '#79b8ff', '#3b8eea')

    The background of a terminal or a Mermaid chart is unknown. A colour without a dark form is used on white only.
    """

    light: str
    dark: str
    either: str

    # fmt: off
    #           light      dark       either
    PAPER    = "white",   "#14171c", ""         # background
    INK      = "#1a1a1a", "#e9ebee", "#6e7681"  # letters, emphasized outlines
    SOFT     = "#565d68", "#a9b0bb", ""         # secondary letters
    LINE     = "#8a8f98", "#7d8590", "#8a8f98"  # arrows, outlines
    PANEL    = "#f4f6f8", "#1d2128", ""         # background of panels beside a picture
    VALUE    = "#0059a8", "#79b8ff", "#3b8eea"  # blue: data, the forward pass
    GRAD     = "#b54708", "#f5a268", "#d9822b"  # orange: gradients, the backward pass, warnings
    LEAF     = "#eef3f8", "#1f2833", ""         # fill of leaf boxes
    ACTIVE   = "#ffe9c7", "#4a3413", ""         # fill of the boxes of the current step
    TRAY     = "#fdefe5", "#2e2014", ""         # fill of the strip that holds a gradient
    NEGATIVE = "#9b5fc0", "#b98ad6", ""         # purple, contrast 4:1 on white and on black: negative weights
    NAME0 = "#0f6a31", "#83d494", ""            # names of variables, contrast 4.5:1 with PAPER
    NAME1 = "#753e81", "#e0a4ee", ""
    NAME2 = "#006b6d", "#44d6d6", ""
    NAME3 = "#584995", "#bdb0ff", ""
    NAME4 = "#635a00", "#c9c261", ""
    NAME5 = "#873761", "#f89dc9", ""
    PALE_VALUE = "#e3eef8", "", ""              # fills of boxes in frames, contrast 4.5:1 with VALUE and GRAD
    PALE_GRAD = "#fdeee3", "", ""
    WAITING  = "#6b7078", "", ""                # values not computed yet
    # fmt: on

    def __init__(self, light: str, dark: str, either: str) -> None:
        self.light, self.dark, self.either = light, dark, either

    @property
    def variable(self) -> str:
        """Name of the colour in CSS and LaTeX.

        >>> Color.VALUE.variable
        'value'
        """
        return self.name.lower().replace("_", "")


# Colours of plots, which keep them on a dark page.
ON_LIGHT, ON_DARK = "#000000", "#fffffe"  # letters on a cell of a map
GRID, WHITE = "#e3e6ea", "#ffffff"
MISSING = "#d5d8dc"  # not finite
_VALUE, _GRAD = Color.VALUE.light, Color.GRAD.light
# Three colours of the theme, then those of Okabe and Ito (Color Universal Design, 2008) that are unlike them.
CLASSES = (
    _VALUE, _GRAD, Color.NEGATIVE.light, "#009e73", "#e69f00", "#56b4e9", "#4d4d4d", "#cc79a7", "#a6a600", "#00939c",
    "#6b3a1e", "#d62f5f",
)  # fmt: skip
# Blue is above 0, orange below; both ends are as dark, and neither depends on telling red from green.
AROUND_0 = ["#6e2b04", _GRAD, "#eeb58a", "#f7f7f7", "#8fbde6", _VALUE, "#00315e"]
FROM_0 = ["#f7fafd", "#bfd9f0", "#6ba3d6", _VALUE, "#00315e"]


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

"""Figures of one style, without pyplot: colours of the theme, plain axes, text that is shown as it is."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from autograd_tiny.engine.extras import needed_by
from autograd_tiny.engine.terminal import clean
from autograd_tiny.pictures.theme import AROUND_0, CLASSES, FROM_0, GRID, MISSING, Color

with needed_by("autograd_tiny.train.views.plots"):
    import numpy as np
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure
    from matplotlib.font_manager import fontManager

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.text import Text

PAPER, INK, SOFT, LINE = (c.light for c in (Color.PAPER, Color.INK, Color.SOFT, Color.LINE))
VALUE, GRAD, NEGATIVE = (c.light for c in (Color.VALUE, Color.GRAD, Color.NEGATIVE))
MARKERS = "osD^vPX*<>ph"  # as many as classes
DIVERGING = LinearSegmentedColormap.from_list("autograd_tiny_diverging", AROUND_0).with_extremes(bad=MISSING)
SEQUENTIAL = LinearSegmentedColormap.from_list("autograd_tiny_sequential", FROM_0).with_extremes(bad=MISSING)


class Picture(Figure):
    """A figure of matplotlib that shows itself in a notebook, with or without `%matplotlib`.

    `adapts` says that its lines and letters may turn light on a dark page.
    """

    adapts = False

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """Return the picture at twice the dots, and the size at which a notebook shows it."""
        written = io.BytesIO()
        self.savefig(written, format="png", dpi=200)
        width, height = (round(100 * inches) for inches in self.get_size_inches())
        return written.getvalue(), {"width": width, "height": height}


def picture(width: float, height: float, adapts: bool = False) -> Picture:
    """Make an empty figure, 100 pixels an inch."""
    made = Picture(figsize=(width, height), dpi=100, layout="constrained", facecolor=PAPER)
    made.adapts = adapts
    return made


def styled(ax: Axes, title: str = "", x: str = "", y: str = "", *, grid: bool = True) -> Axes:
    """Give axes their texts and the style of all."""
    ax.set_facecolor(PAPER)
    ax.set_axisbelow(True)
    ax.grid(False)
    if grid:
        ax.grid(True, color=GRID, linewidth=0.8, linestyle="-")
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(LINE)
    ax.tick_params(colors=SOFT, labelcolor=INK, labelsize=11, which="both")
    for text, size in (
        (ax.set_title(title, loc="left"), 13),
        (ax.set_xlabel(x), 12),
        (ax.set_ylabel(y), 12),
    ):
        plain(text, size)
    return ax


def plain(text: Text, size: float, color: str = INK) -> Text:
    """Show a text as it is written, without the mathematics between dollar signs."""
    text.set_parse_math(False)
    text.set(fontsize=size, color=color, fontfamily=_fonts())
    return text


@cache
def _fonts() -> list[str]:
    """Return the font of matplotlib itself, and those of the machine that have letters which it lacks."""
    there = {font.name for font in fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in MORE_LETTERS if name in there)]


MORE_LETTERS = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Hiragino Sans", "PingFang SC", "Microsoft YaHei", "Yu Gothic",
    "Malgun Gothic", "WenQuanYi Micro Hei", "Arial Unicode MS", "Noto Sans Devanagari", "Nirmala UI",
)  # fmt: skip


def shortened(label: object, most: int = 22) -> str:
    r"""Shorten a label in its middle, so that names that begin alike stay apart.

    >>> shortened("Chinstrap"), shortened("a very long name of a class, number 12"), shortened("two\nlines")
    ('Chinstrap', 'a very long…, number 12', 'two\\nlines')
    """
    text = clean(str(label))
    return text if len(text) <= most else f"{text[: most // 2]}…{text[len(text) - most // 2 :]}"


def class_styles(n: int) -> Iterator[tuple[str, str]]:
    """Yield a colour and a marker for each of n classes, no pair twice up to 144."""
    for i in range(n):
        yield CLASSES[i % len(CLASSES)], MARKERS[(i + i // len(CLASSES)) % len(MARKERS)]


def bar(figure: Picture, image: Any, ax: Axes, label: str = "") -> None:
    """Draw the scale of colours beside an image."""
    made = figure.colorbar(image, ax=ax, shrink=0.9, pad=0.02)
    made.outline.set_visible(False)
    made.ax.tick_params(colors=SOFT, labelcolor=INK, labelsize=10)
    plain(made.ax.yaxis.label, 11)
    made.ax.minorticks_off()
    made.ax.set_ylabel(label)


def apart(places: Sequence[float], least: float, lowest: float, highest: float) -> list[float]:
    """Move places as little as needed to stand `least` apart between two ends, in the same order.

    >>> apart([5.0, 5.0, 20.0], 4.0, 0.0, 100.0)
    [3.0, 7.0, 20.0]
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    groups: list[list[float]] = []  # [sum of the wanted starts, count]: neighbours that touch move as one
    for rank, i in enumerate(order):
        groups.append([places[i] - rank * least, 1.0])
        while len(groups) > 1 and groups[-2][0] / groups[-2][1] > groups[-1][0] / groups[-1][1]:
            total, count = groups.pop()
            groups[-1][0] += total
            groups[-1][1] += count
    starts = [total / count for total, count in groups for _ in range(int(count))]
    top = highest - (len(places) - 1) * least
    found = [0.0] * len(places)
    for rank, i in enumerate(order):
        found[i] = max(min(starts[rank], top), lowest) + rank * least
    return found


def finite(x: Any) -> Any:
    """Return True for each number that can be drawn: matplotlib overflows beyond 1e150."""
    return np.abs(x) < 1e150


def luminous(color: Any) -> bool:
    """Return True for a background on which dark letters are read better."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179


def each_tick(labels: Sequence[str], axis: Axis, size: float, **style: Any) -> None:
    """Write a label at each tick, or at every second, fifth, … where there are more than 40."""
    every = next(k for k in (1, 2, 5, 10, 20, 50, 100, 10**9) if len(labels) <= 40 * k)
    axis.set_ticks(range(0, len(labels), every), labels[::every])
    for text in axis.get_ticklabels():
        plain(text, size).set(**style)

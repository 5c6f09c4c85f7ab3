"""A report in the terminal, and as one web page without dependencies."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from numbers import Integral
from pathlib import Path
from string import Template
from typing import IO, TYPE_CHECKING, Any

from autograd_tiny.engine.digits import counted, plain
from autograd_tiny.engine.files import save
from autograd_tiny.engine.terminal import clean, new_console
from autograd_tiny.pictures.theme import GRID, WHITE, Color, style_sheet
from autograd_tiny.train.views.judging import Report, Sheet
from autograd_tiny.train.views.metrics import is_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST_COLUMNS = 4  # of a table in the terminal, however narrow


def print_report(report: Report, file: IO[str] | None = None) -> None:
    """Print a report in the terminal, or to a file.

    >>> from autograd_tiny.train.views.judging import make_report
    >>> print_report(make_report(["a", "b"], ["a", "b"], title="Letters"))
    Letters
      samples   2
      accuracy  1 (2 of 2)
    <BLANKLINE>
    Each class
    class  as a  as b  precision  recall  F1  samples
    ─────────────────────────────────────────────────
    a         1     0          1       1   1        1
    b         0     1          1       1   1        1
    """
    from rich.text import Text

    console = new_console(file)
    console.print(Text(clean(report.title), style="bold"))
    _print_facts(console, report.facts)
    if lines := _in_a_line(report.history):
        console.print()
        _print_facts(console, lines)
    if report.summary:
        console.print()
        for line in report.summary.splitlines():
            console.print(Text(clean(line)), no_wrap=True, overflow="ellipsis")
    for sheet in report.tables:
        console.print()
        console.print(Text(clean(sheet.title), style="bold"))
        _print_sheet(console, sheet)


def _print_facts(console: Any, facts: Mapping[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    for name, x in facts.items():
        table.add_row(Text(f"  {clean(str(name))}"), Text(clean(_written(x))))
    _print_lines(console, table)


def _print_sheet(console: Any, sheet: Sheet) -> None:
    """Print a table, without the last columns where there are too many for the terminal."""
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    columns = [[clean(_written(x)) for x in column] for column in zip(*sheet.rows, strict=True)]
    room, shown = console.width, 0
    for title, column in zip(sheet.columns, columns, strict=True):
        room -= max(map(cell_len, [clean(title), *column])) + 2
        if shown >= LEAST_COLUMNS and room < -2:
            break
        table.add_column(Text(clean(title)), justify="right" if _is_numeric(sheet, shown) else "left", overflow="fold")
        shown += 1
    for row in zip(*columns[:shown], strict=True):
        table.add_row(*map(Text, row))
    _print_lines(console, table)
    if left := len(columns) - shown:
        console.print(f"and {counted(left, 'more column')}, for which the terminal is too narrow")


def _print_lines(console: Any, table: Any) -> None:
    """Print without the blanks at the ends of lines."""
    from rich.text import Text

    for line in console.render_lines(table, pad=False):
        text = Text.assemble(*((segment.text, segment.style or "") for segment in line))
        text.rstrip()
        console.print(text, no_wrap=True, overflow="ignore", crop=False)


def _in_a_line(history: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Draw the numbers of a history as a row of blocks each, from the first to the last."""
    lines = {}
    for key in dict.fromkeys(
        key for entry in history for key in entry if key not in ("epoch", "step", "seconds", "time")
    ):
        xs = [entry[key] for entry in history if is_number(entry.get(key))]
        if xs:
            lines[str(key).replace("_", " ")] = f"{_blocks(xs)}  {plain(xs[0])} → {plain(xs[-1])}"
    return lines


def _blocks(xs: Sequence[float], most: int = 40) -> str:
    """Draw numbers as blocks of eight heights; × is not finite, or beyond 1e150.

    >>> _blocks([1.0, 0.5, 0.25, 0.0, float("nan")])
    '█▅▃▁×'
    """
    step = max(1.0, len(xs) / most)
    xs = [xs[-1 - int(i * step)] for i in range(min(len(xs), most))][::-1]
    known = [x for x in xs if abs(x) < 1e150]
    low, high = min(known, default=0.0), max(known, default=0.0)
    width = (high - low) or 1.0
    return "".join("▁▂▃▄▅▆▇█"[round((x - low) / width * 7)] if abs(x) < 1e150 else "×" for x in xs)


def write_report(report: Report, path: str | Path) -> Path:
    """Write a report as one HTML page, whole or not at all, and return its path.

    >>> import tempfile
    >>> from autograd_tiny.train.views.judging import make_report
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_report(make_report(["a", "b"], ["a", "b"]), f"{folder}/report.html").name
    'report.html'

    The page loads nothing and runs no script, follows the light or dark setting, and prints. Raises OSError if the file
    cannot be written.
    """
    return save(Path(path), page(report).encode(errors="backslashreplace"))


def page(report: Report) -> str:
    """Return the page as text."""
    from autograd_tiny.stepper.views.page import csp_hash

    style = _colors() + (files("autograd_tiny.train.views") / "report.css").read_text(encoding="utf-8")
    parts = [_facts(report.facts)]
    if report.summary:
        parts.append(f"<h2>Model</h2><pre tabindex=0>{_text(report.summary, lines=True)}</pre>")
    parts += [_figure(caption, draw()) for caption, draw in report.figures.items()]
    parts += map(_sheet, report.tables)
    return Template(_PAGE).substitute(
        TITLE=_text(report.title), STYLE=style, STYLE_HASH=csp_hash(style), BODY="\n".join(parts)
    )


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '$STYLE_HASH'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$TITLE</title>
<link rel="icon" href="data:,">
<style>$STYLE</style>
</head>
<body>
<main>
<h1>$TITLE</h1>
$BODY
</main>
</body>
</html>
"""  # noqa: E501


def _colors() -> str:
    """Return the colours as variables: light and dark on a screen, light on paper."""
    sheet = style_sheet()
    return f"{sheet}@media print{{{sheet.splitlines()[0]}}}\n"


def _text(x: object, lines: bool = False) -> str:
    """Escape a text for the page; characters that turn the direction of the text are shown as escapes."""
    return "\n".join(html.escape(clean(part)) for part in (str(x).split("\n") if lines else [str(x)]))


def _facts(facts: Mapping[str, Any]) -> str:
    return f"<dl>{''.join(f'<dt>{_text(name)}</dt><dd>{_text(_written(x))}</dd>' for name, x in facts.items())}</dl>"


def _sheet(sheet: Sheet) -> str:
    sides = [' class="number"' if _is_numeric(sheet, k) else "" for k in range(len(sheet.columns))]
    head = "".join(f'<th scope="col"{side}>{_text(x)}</th>' for x, side in zip(sheet.columns, sides, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{side}>{_text(_written(x))}</td>' for x, side in zip(row, sides, strict=True))}</tr>"
        for row in sheet.rows
    )
    return (
        f'<h2>{_text(sheet.title)}</h2><div class="wide" tabindex=0 role="group" aria-label="{_text(sheet.title)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _figure(caption: str, figure: Figure) -> str:
    written = io.BytesIO()
    figure.savefig(written, format="svg", dpi=144, metadata={"Date": None})
    svg = written.getvalue().decode()
    svg = svg[svg.index("<svg") :]
    adapts = getattr(figure, "adapts", False)
    if adapts:
        svg = _adapted(svg)
    source = base64.b64encode(svg.encode()).decode()
    width, height = (round(96 * inches) for inches in figure.get_size_inches())
    alternative = _text(
        f"{caption}: {', '.join(filter(None, (ax.get_title('left') for ax in figure.axes)))}".strip(": ")
    )
    return (
        f"<h2>{_text(caption)}</h2>"
        f'<div class="wide{"" if adapts else " light"}" tabindex=0 role="group" aria-label="{_text(caption)}">'
        f'<img src="data:image/svg+xml;base64,{source}" width="{width}" height="{height}" alt="{alternative}"></div>'
    )


def _adapted(svg: str) -> str:
    """Replace the colours of the theme in a picture by its variables, light and dark."""
    colors = {c.light: f"var(--{c.variable})" for c in (Color.INK, Color.SOFT, Color.LINE, Color.VALUE, Color.GRAD)}
    colors |= {WHITE: "var(--paper)", GRID: "color-mix(in srgb, var(--line) 28%, transparent)"}
    svg = re.sub("|".join(colors), lambda found: colors[found[0]], svg)
    return svg.replace(">", f"><style>{_colors()}</style>", 1)


def _is_numeric(sheet: Sheet, k: int) -> bool:
    return all(is_number(row[k]) for row in sheet.rows)


def _written(x: Any) -> str:
    """Write an entry: a float as `plain` does, – where there is none."""
    if not is_number(x) or isinstance(x, Integral):
        return str(x)
    return "–" if x != x else plain(float(x))

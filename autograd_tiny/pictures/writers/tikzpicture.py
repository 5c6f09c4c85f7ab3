r"""Write a picture as LaTeX: a `tikzpicture` in a document with a page of its size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import graphviz  # type: ignore[import-untyped]

from autograd_tiny.pictures.measure import printable, shortened, text_width
from autograd_tiny.pictures.picture import Box, Frame, Picture, framed
from autograd_tiny.pictures.rendering.plain import Places, places
from autograd_tiny.pictures.theme import Color
from autograd_tiny.pictures.writers.dot import LEADING, LONGEST_TITLE, fill
from autograd_tiny.pictures.writers.latex import BREAK, PREAMBLE, STYLES, colors, spelled, spline, tex

MARGIN = 8.0  # points around the picture, and around the contents of a frame
LARGEST_PAGE = 10_000.0  # points; a length in TeX is at most 16,383 and a PDF page at most 14,400
LONGEST_CAPTION_LINE = 200  # characters
_COLORS = (Color.INK, Color.LINE, Color.VALUE, Color.GRAD, Color.LEAF)

Corners = tuple[float, float, float, float]  # left, bottom, right, top


def tikz(picture: Picture) -> str:
    r"""Write a LaTeX document for pdflatex, with the layout of Graphviz.

    >>> from autograd_tiny.pictures.picture import Arrow, Line
    >>> a, b = Box("n0", "a"), Box("n1", "a * a", (Line("data", "9", Color.VALUE),))
    >>> text = tikz(Picture((a, b), (Arrow("n0", "n1"), Arrow("n0", "n1"))))
    >>> text.count(r"\draw[arrow]"), r"\textbf{a * a}\\{}\textcolor{value}{data 9}" in text
    (2, True)

    The `tikzpicture`, with boxes as nodes n0, n1, …, can be copied with the preamble into another document. Letters
    that pdflatex lacks are written as code points, such as U+6F22. Raises RenderError if the layout fails.
    """
    written = _spelled(picture)
    graph = graphviz.Digraph()
    fill(graph, written)
    graph.edge_attr["arrowhead"] = "none"  # with an arrowhead, the spline would end at its base
    found = places(graph.source)
    caption = [shortened(_line(line), LONGEST_CAPTION_LINE) for line in picture.caption]
    right = max([found.width, *map(text_width, caption)])
    bottom = -float(LEADING * len(caption))
    scale = min(1.0, LARGEST_PAGE / max(right, found.height - bottom))
    names = {box.key: f"n{i}" for i, box in enumerate(picture.boxes)}
    lines = [
        *_frames(framed(written.boxes), found, scale)[1],
        *_arrows(written, found, scale),
        *_boxes(framed(written.boxes), found, names, scale),
    ]
    if caption:
        text = BREAK.join(map(tex, caption))
        lines.append(rf"\node[caption] at (0,{-MARGIN * scale:.2f}) {{{text}}};")
    wide, high = ((length + 4 * MARGIN) * scale for length in (right, found.height - bottom))
    return "\n".join(
        (
            r"\documentclass{article}",
            rf"\usepackage[paperwidth={wide:.1f}pt, paperheight={high:.1f}pt, "
            rf"margin={MARGIN * scale:.1f}pt]{{geometry}}",
            PREAMBLE,
            colors(_COLORS),
            r"\pagestyle{empty}\topskip=0pt",
            r"\begin{document}",
            rf"\noindent\begin{{tikzpicture}}[x=1pt, y=1pt, every node/.style={{scale={scale:.4f}}},",
            rf"  {STYLES},",
            _STYLES + "]",
            *lines,
            r"\end{tikzpicture}",
            r"\end{document}",
            "",
        )
    )


_STYLES = r"""  value/.style={box, draw=line, fill=white, rounded corners=4pt, line width=0.6pt},
  leaf/.style={fill=leaf},
  folded/.style={double, double distance=1.5pt},
  output/.style={draw=ink, line width=1.2pt},
  marked/.style={draw=ink, line width=2.2pt},
  noted/.style={draw=grad, line width=2.6pt},
  cut/.style={draw=none, fill=none},
  frame/.style={draw=line, rounded corners=4pt, line width=0.6pt},
  frametitle/.style={letters, anchor=north west, inner sep=3pt},
  caption/.style={letters, anchor=north west, inner sep=0pt, align=left},
  way/.style={draw=ink, line width=1.6pt}"""


def _spelled(picture: Picture) -> Picture:
    """Replace letters that LaTeX lacks, so that the layout fits the text that is written."""
    boxes = [
        replace(
            box,
            title=_line(box.title),
            lines=tuple(line._replace(text=_line(line.text)) for line in box.lines),
            note="\n".join(map(_line, box.note.splitlines())),
            tooltip="",
        )
        for box in picture.boxes
    ]
    arrows = [replace(arrow, label=shortened(_line(arrow.label))) for arrow in picture.arrows]
    return replace(picture, boxes=tuple(boxes), arrows=tuple(arrows), caption=(), link="")


def _line(text: str) -> str:
    return spelled(printable(text))


def _arrows(picture: Picture, found: Places, scale: float) -> Iterator[str]:
    curves = found.by_ends()
    for arrow in picture.arrows:
        curve = curves[arrow.tail, arrow.head].pop(0)
        points = [(x * scale, y * scale) for x, y in curve.points]
        yield rf"\draw[arrow{', way' if arrow.bold else ''}] {spline(points)};"
        if arrow.label and curve.label:
            x, y = curve.label
            yield rf"\node[local] at ({x * scale:.2f},{y * scale:.2f}) {{{tex(arrow.label)}}};"


def _boxes(frame: Frame, found: Places, names: dict[str, str], scale: float) -> Iterator[str]:
    for box in frame.boxes:
        x, y, wide, high = found.boxes[box.key]
        size = f"minimum width={wide:.1f}pt, minimum height={high:.1f}pt"
        rows = [rf"\textbf{{{tex(shortened(frame.title(box), LONGEST_TITLE))}}}"]
        rows += [rf"\textcolor{{{line.color.variable}}}{{{tex(str(line))}}}" for line in box.lines]
        rows += [rf"\textbf{{{tex(shortened(line, LONGEST_TITLE))}}}" for line in box.note.splitlines()]
        look = ", ".join(["value", *_look(box), size])
        yield rf"\node[{look}] ({names[box.key]}) at ({x * scale:.2f},{y * scale:.2f}) {{{BREAK.join(rows)}}};"
    for inner in frame.frames:
        yield from _boxes(inner, found, names, scale)


def _look(box: Box) -> Iterator[str]:
    """Styles of a box; a later one overrides an earlier one."""
    looks = {
        "leaf": box.kind == "leaf",
        "folded": box.count > 1,
        "output": box.kind == "output",
        "marked": box.bold,
        "noted": bool(box.note),
        "cut": box.count == 0,
    }
    return (name for name, is_so in looks.items() if is_so)


def _frames(frame: Frame, found: Places, scale: float) -> tuple[Corners, list[str]]:
    """Corners of the contents of a frame, and the lines for its inner frames, the outermost first."""
    places = [found.boxes[box.key] for box in frame.boxes]
    corners = [(p.x - p.width / 2, p.y - p.height / 2, p.x + p.width / 2, p.y + p.height / 2) for p in places]
    inside: list[str] = []
    for inner in frame.frames:
        around, lines = _frames(inner, found, scale)
        corners.append(around)
        title = shortened(_line(frame.title(Box("", inner.path))), LONGEST_TITLE)
        left, bottom, right, top = (length * scale for length in around)
        inside.append(rf"\draw[frame] ({left:.2f},{bottom:.2f}) rectangle ({right:.2f},{top:.2f});")
        inside.append(rf"\node[frametitle] at ({left:.2f},{top:.2f}) {{{tex(title)}}};")
        inside += lines
    lefts, bottoms, rights, tops = zip(*corners, strict=True)
    return (min(lefts) - MARGIN, min(bottoms) - MARGIN, max(rights) + MARGIN, max(tops) + MARGIN + LEADING), inside

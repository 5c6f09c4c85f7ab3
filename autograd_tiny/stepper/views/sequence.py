"""Draw a trace step by step, for slides and documents: SVG, PNG, an animated GIF, a filmstrip, TikZ.

Nothing moves from frame to frame: each one reserves room for every text, shown or not.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.extras import needed_by
from autograd_tiny.engine.files import save, save_all
from autograd_tiny.engine.value import Value
from autograd_tiny.pictures.rendering.plain import places
from autograd_tiny.pictures.theme import Color
from autograd_tiny.pictures.writers import svg
from autograd_tiny.pictures.writers.graph import Graph
from autograd_tiny.pictures.writers.latex import BREAK, PREAMBLE, STYLES, colors, spelled, spline, tex
from autograd_tiny.stepper.events import Node
from autograd_tiny.stepper.traces import Trace, as_trace
from autograd_tiny.stepper.views.scene import PALE, Scene

WIDE, HIGH = 395, 215  # points of a beamer slide of 16:9 within its margins
MOST_FRAMES = 200  # in one call; each frame takes a layout
LINE_OF_SLIDE = 94  # characters across a slide in \footnotesize
SCALES = 0.1, 10.0  # least and greatest
MOST_PIXELS = 500_000_000  # of a GIF, all steps together: they are held in memory


def frame(trace: Trace, n: int) -> Graph:
    """Draw the graph after step n: the numbers known by then, the step's value filled, its arrow thick.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> a = Value(3.0, "a")
    >>> picture = frame(trace(a * a), 3).source
    >>> "data 9" in picture, "grad 3" in picture, "grad 6" in picture  # one of the two contributions has arrived
    (True, True, False)

    Raises IndexError if there is no step n, ValueError for more than 1,000 values.
    """
    (n,) = chosen_steps(trace, [n])
    return Scene(trace).graph(n)


def frames(
    trace: Trace | Value,
    folder: str | Path,
    format: str = "svg",
    steps: Iterable[int] | None = None,
    scale: float = 1.0,
) -> list[Path]:
    """Write a frame for each step, ``step-1.svg`` for trace[0], and return the paths: all of them or none.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> a = Value(3.0, "a")
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in frames(trace(a * a), folder, steps=[0, 3])]
    ['step-1.svg', 'step-4.svg']

    `format` is svg, png or another format of Graphviz; `scale=2` doubles width and height. A missing folder is created.
    Raises ValueError for more than 200 steps or 1,000 values, and for a scale outside 0.1 to 10, IndexError for a step
    that does not exist, OSError if the folder cannot be written, RenderError if Graphviz fails.
    """
    trace = as_trace(trace, "frames")
    chosen, digits, folder = chosen_steps(trace, steps), len(str(len(trace))), Path(folder)
    paths = [folder / f"step-{n + 1:0{digits}}.{format}" for n in chosen]
    scene = Scene(trace)
    with _folder(folder):
        return save_all(
            (path, _sized(scene.graph(n), format, scale).content(path)) for n, path in zip(chosen, paths, strict=True)
        )


def _sized(graph: Graph, format: str, scale: float) -> Graph:
    """Set the size of a picture by its dots per inch; vector formats count 72, others 96."""
    refuse_scale(scale)
    if scale != 1.0:
        graph.attr(dpi=f"{scale * (72 if format.lower() in ('svg', 'pdf') else 96):g}")
    return graph


def refuse_scale(scale: float) -> None:
    """Raise ValueError for a scale that is too small or too large."""
    if not SCALES[0] <= scale <= SCALES[1]:
        raise ValueError(f"the scale is a number from {SCALES[0]:g} to {SCALES[1]:g}, got {scale:g}")


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """Create the folder; remove it again if writing fails."""
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise type(error)(error.errno, f"cannot write there: {error.strerror}", str(folder)) from None
    try:
        yield
    except BaseException:
        if made:
            folder.rmdir()
        raise


def gif(
    trace: Trace | Value,
    path: str | Path,
    seconds: float = 1.2,
    steps: Iterable[int] | None = None,
    scale: float = 1.0,
) -> Path:
    """Write an animated GIF that shows each step for the given seconds, in a loop.

    >>> from autograd_tiny import Value, trace
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     gif(trace(Value(3.0, "a") * 2.0), f"{folder}/steps.gif", steps=[0, 3]).name
    'steps.gif'

    Needs Pillow: ``pip install 'autograd-tiny[frames]'``. `scale=2` doubles width and height. Raises ValueError for
    more than 200 steps, 1,000 values or 500 million pixels, and for a scale outside 0.1 to 10, IndexError for a step
    that does not exist, OSError if the file cannot be written, RenderError if Graphviz fails.
    """
    trace = as_trace(trace, "gif")
    with needed_by("an animated GIF"):
        from PIL import Image
    path = _suffixed(path, ".gif")
    if not 0.02 <= seconds <= 600:  # browsers slow down shorter frames; the format counts in 16 bits
        raise ValueError(f"each step is shown for 0.02 to 600 seconds, got {seconds}")
    chosen, scene = chosen_steps(trace, steps), Scene(trace)
    pictures = []
    for n in chosen:
        picture = Image.open(io.BytesIO(_sized(scene.graph(n), "png", scale).pipe("png")))
        if (pixels := picture.width * picture.height * len(chosen)) > MOST_PIXELS:
            raise ValueError(
                f"{pixels:,} pixels in {counted(len(chosen), 'step')} are too many for a GIF, the limit is "
                f"{MOST_PIXELS:,}: choose a smaller scale, or fewer steps"
            )
        pictures.append(picture.convert("RGB"))
    whole = io.BytesIO()
    pictures[0].save(
        whole, "GIF", save_all=True, append_images=pictures[1:], duration=round(seconds * 1000), loop=0, disposal=1
    )
    return save(path, whole.getvalue())


def filmstrip(trace: Trace | Value, path: str | Path, steps: Iterable[int] | None = None, scale: float = 1.0) -> Path:
    """Write one SVG with a frame for each step, one below the other, for documents without animation.

    >>> from autograd_tiny import Value, trace
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     filmstrip(trace(Value(3.0, "a") * 2.0), f"{folder}/steps.svg", steps=[0, 3]).name
    'steps.svg'

    `scale=2` doubles width and height. Raises ValueError for more than 200 steps or 1,000 values, and for a scale
    outside 0.1 to 10, IndexError for a step that does not exist, OSError if the file cannot be written, RenderError if
    Graphviz fails.
    """
    trace = as_trace(trace, "filmstrip")
    path, gap = _suffixed(path, ".svg"), 18.0 * scale
    chosen, scene = chosen_steps(trace, steps), Scene(trace)
    strip = Element(f"{svg.SVG}svg")
    back = SubElement(strip, f"{svg.SVG}rect", fill=Color.PAPER.light)
    width = top = 0.0
    for n in chosen:
        drawn = svg.read(_sized(scene.graph(n), "svg", scale).pipe("svg", encoding="utf-8"))
        wide, high = map(float, drawn.get("viewBox", "").split()[2:])
        drawn.attrib |= {"y": f"{top:g}", "width": f"{wide:g}", "height": f"{high:g}"}
        for group in drawn.iter(f"{svg.SVG}g"):
            if "id" in group.attrib:  # ids are unique in a document
                group.set("id", f"step{n + 1}-{group.get('id')}")
        if top:
            y, look = f"{top - gap / 2:g}", {"stroke": Color.LINE.light, "stroke-width": "0.5"}
            SubElement(strip, f"{svg.SVG}line", {"x1": "0", "x2": f"{wide:g}", "y1": y, "y2": y} | look)
        strip.append(drawn)
        width, top = max(width, wide), top + high + gap
    size = {"width": f"{width:g}", "height": f"{top - gap:g}"}
    back.attrib |= size
    strip.attrib |= {what: f"{length}pt" for what, length in size.items()}
    strip.set("viewBox", f"0 0 {width:g} {top - gap:g}")
    return save(path, svg.written(strip).encode())


def tikz(trace: Trace | Value, steps: Iterable[int] | None = None) -> str:
    r"""Write a LaTeX document of one beamer frame: a TikZ picture with a slide for each step, laid out as in `frame`.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> text = tikz(trace(Value(3.0, "a") * 2))
    >>> r"\only<1-3>{grad --}\only<4>{grad 2}" in text  # four steps; the gradient of a arrives with the last
    True

    The `tikzpicture` can be copied into another frame, together with the preamble above it. Letters that pdflatex lacks
    are written as U+6F22. Raises ValueError for more than 200 steps or 1,000 values, IndexError for a step that does
    not exist, RenderError if Graphviz fails.
    """
    trace = as_trace(trace, "tikz")
    chosen, scene = chosen_steps(trace, steps), Scene(trace, LINE_OF_SLIDE, spelled)
    states = [trace.at(n) for n in chosen]
    found = places(scene.graph(0, "none").source)
    splines = found.by_ends()
    corners: list[tuple[float, float]] = []
    lines: list[str] = []
    for node in trace.nodes:
        for i, operand in enumerate(node.operands):
            if isinstance(operand, Node):
                _, _, points, at = splines[f"n{operand.number}", f"n{node.number}"].pop(0)
                passes = [scene.active(n, (node.number, i)) for n in chosen]
                lines.append(_slides([rf"\draw[{_ARROW[color]}] {spline(points)};" for color in passes]))
                assert at is not None
                label = rf"\node[local] at ({at[0]:.2f},{at[1]:.2f}) {{{tex(scene.locals[node.number, i])}}};"
                lines.append(_slides([label if color is Color.GRAD else "" for color in passes]))
                corners += [*points, at]
    for node in trace.nodes:
        x, y, wide, high = found.boxes[f"n{node.number}"]
        left, right, bottom, top = x - wide / 2, x + wide / 2, y - high / 2, y + high / 2
        corners += [(left, bottom), (right, top)]
        shown = [scene.box(node, state) for state in states]
        outline = f"({left:.2f},{bottom:.2f}) rectangle ({right:.2f},{top:.2f})"
        lines.append(_slides([rf"\draw[{_FRAME[box.role, box.color]}] {outline};" for box in shown]))
        rows = [rf"\textbf{{{tex(line)}}}" for line in shown[0].title]
        for on in zip(*(box.lines for box in shown), strict=True):
            rows.append(rf"\textcolor{{{on[0].color.variable}}}{{{_slides([tex(str(line)) for line in on])}}}")
        lines.append(rf"\node[box, text width={wide:.0f}pt] at ({x:.2f},{y:.2f}) {{{BREAK.join(rows)}}};")
    (left, right), (bottom, top) = [(min(along), max(along)) for along in zip(*corners, strict=True)]
    lines.insert(0, rf"\useasboundingbox ({left:.2f},{bottom:.2f}) rectangle ({right:.2f},{top:.2f});")
    captions = []
    for n in chosen:
        texts = [(tex(line), head) for line, head in scene.captions[n]]
        captions.append(BREAK.join(rf"\textbf{{{line}}}" if head else line for line, head in texts))
    room = 10 * (max(map(len, scene.captions)) + 1)  # points: \footnotesize leads by 9.5
    scale = min(WIDE / (right - left), (HIGH - room) / (top - bottom))
    parts = {"SCALE": f"{scale:.3f}", "ROOM": str(room), "PICTURE": "\n".join(filter(None, lines))}
    # In one pass, so that a value named PICTURE stays a name.
    parts["CAPTION"] = _slides(captions)
    return re.sub("SCALE|ROOM|PICTURE|CAPTION", lambda part: parts[part[0]], _DOCUMENT)


def chosen_steps(trace: Trace, steps: Iterable[int] | None) -> list[int]:
    chosen = list(range(len(trace)) if steps is None else steps)
    for n in chosen:
        if n not in range(len(trace)):
            raise IndexError(f"there is no step {n}: steps are numbered 0 to {len(trace) - 1}")
    if not chosen:
        raise ValueError("there are no steps to show: steps is empty")
    if len(chosen) > MOST_FRAMES:
        raise ValueError(
            f"{len(chosen):,} steps are too many to show, the limit is {MOST_FRAMES}. Choose: "
            f"steps=range(0, {len(trace)}, {-(-len(trace) // MOST_FRAMES)}), or only those where a breakpoint stops: "
            "stops = trace.breakpoint('final'); steps=[n for n, step in enumerate(trace) if stops(step)]"
        )
    return chosen


def _suffixed(path: str | Path, suffix: str) -> Path:
    path = Path(path)
    if path.suffix.lower() != suffix:
        raise ValueError(f"{path}: expected a name ending in {suffix}, such as {path.with_suffix(suffix).name}")
    return path


def _slides(texts: Sequence[str]) -> str:
    r"""Write each text for its slides: ``\only<1-2,4>{…}``; the plain text if it is the same on all."""
    if len(set(texts)) == 1:
        return texts[0]
    runs: dict[str, list[str]] = {}
    start = 0
    for end in range(1, len(texts) + 1):
        if end == len(texts) or texts[end] != texts[start]:
            runs.setdefault(texts[start], []).append(f"{start + 1}-{end}" if end - start > 1 else f"{end}")
            start = end
    return "".join(rf"\only<{','.join(on)}>{{{text}}}" for text, on in runs.items() if text)


_ARROW = {
    None: "arrow",
    Color.VALUE: "arrow, draw=value, line width=2pt",
    Color.GRAD: "arrow, draw=grad, line width=2pt",
}
_FRAME = {
    ("active", Color.VALUE): "active, draw=value, fill=palevalue",
    ("active", Color.GRAD): "active, draw=grad, fill=palegrad",
    ("target", Color.GRAD): "active, draw=grad, dashed",
    **{("known", color): "still, draw=ink" for color in PALE},
    **{("waiting", color): "still, draw=line" for color in PALE},
}
_COLORS = (Color.INK, Color.LINE, Color.VALUE, Color.GRAD, *PALE.values())
_DOCUMENT = rf"""\documentclass[aspectratio=169]{{beamer}}
{PREAMBLE}
{colors(_COLORS)}
\setbeamertemplate{{navigation symbols}}{{}}
\begin{{document}}
\begin{{frame}}
\centering
\begin{{tikzpicture}}[x=1pt, y=1pt, scale=SCALE, transform shape,
  {STYLES},
  still/.style={{rounded corners=4pt, line width=0.6pt}},
  active/.style={{rounded corners=4pt, line width=1.6pt}}]
PICTURE
\end{{tikzpicture}}

\begin{{minipage}}[t][ROOMpt][t]{{\linewidth}}
\raggedright\footnotesize\leavevmode CAPTION
\end{{minipage}}
\end{{frame}}
\end{{document}}
"""

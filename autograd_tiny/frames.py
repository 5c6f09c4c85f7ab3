"""A trace as pictures, one a step, for slides and documents: SVG, PNG, an animated GIF, a filmstrip, TikZ.

Nothing moves between two frames: every text has its room in each of them, from the first, whether it is shown or not.
"""

from __future__ import annotations

import html
import io
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from autograd_tiny.digits import short
from autograd_tiny.draw import GRAD, INK, LIMIT, LINE, VALUE, Graph
from autograd_tiny.events import Backward, Forward, Node, Seed
from autograd_tiny.measure import SIZE, text_width, wrapped
from autograd_tiny.render import save
from autograd_tiny.sentences import explain_step
from autograd_tiny.trace import State, Trace

WIDE, HIGH = 395, 215  # points of a beamer slide of 16:9 within its margins
MOST = 200  # frames in one go; nobody looks at more, and each takes a layout
LONGEST_LINE, MOST_LINES = 104, 4  # characters of a caption's line, and lines of each of its parts
LONGEST_TITLE = 26  # characters of each of the two lines that say what is in a box
LEADING = 15.0  # points from line to line
PALE = {VALUE: "#e3eef8", GRAD: "#fdeee3"}  # fills on which both colours keep a contrast of 4.5
WAITING = "#6b7078"  # a value that is not computed yet


def frame(trace: Trace, n: int) -> Graph:
    """The graph as it stands after step n: what is known by then, the step's value filled, its arrow thick.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.trace import trace
    >>> a = Value(3.0, "a")
    >>> picture = frame(trace(a * a), 3).source
    >>> "data 9" in picture, "grad 3" in picture, "grad 6" in picture  # one of the two contributions has arrived
    (True, True, False)

    Raises IndexError where there is no step n, ValueError for more than 1,000 values.
    """
    (n,) = _chosen(trace, [n])
    return _Scene(trace).graph(n)


def frames(trace: Trace, folder: str | Path, format: str = "svg", steps: Iterable[int] | None = None) -> list[Path]:
    """Write a frame for each step, ``step-1.svg`` for trace[0], and return the paths: all of them or none.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.trace import trace
    >>> a = Value(3.0, "a")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in frames(trace(a * a), folder, steps=[0, 3])]
    ['step-1.svg', 'step-4.svg']

    The folder is made where there is none. Raises ValueError for more than 200 steps, OSError for a folder that cannot
    be written, RenderError.
    """
    chosen, digits, folder = _chosen(trace, steps), len(str(len(trace))), Path(folder)
    names = [f"step-{n + 1:0{digits}}.{format}" for n in chosen]
    scene = _Scene(trace)
    with _folder(folder), tempfile.TemporaryDirectory(dir=folder, prefix=".frames.") as part:
        for n, name in zip(chosen, names, strict=True):
            scene.graph(n).write(Path(part, name))
        for name in names:
            Path(part, name).replace(folder / name)
    return [folder / name for name in names]


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """The folder is there; one that was made for nothing goes again."""
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


def gif(trace: Trace, path: str | Path, seconds: float = 1.2, steps: Iterable[int] | None = None) -> Path:
    """Write an animated GIF that shows each step for so many seconds, over and over.

    Needs Pillow: ``pip install 'autograd-tiny[frames]'``. Raises ValueError for more than 200 steps, and OSError.
    """
    try:
        from PIL import Image
    except ImportError:
        raise ImportError("an animated GIF is made by Pillow: pip install 'autograd-tiny[frames]'") from None
    path = _suffixed(path, ".gif")
    if not 0.02 <= seconds <= 600:  # browsers show a frame of less time for longer; the format counts in 16 bits
        raise ValueError(f"each step is shown for 0.02 to 600 seconds, got {seconds}")
    chosen, scene = _chosen(trace, steps), _Scene(trace)
    pictures = [Image.open(io.BytesIO(scene.graph(n).pipe("png"))).convert("RGB") for n in chosen]
    whole = io.BytesIO()
    pictures[0].save(
        whole, "GIF", save_all=True, append_images=pictures[1:], duration=round(seconds * 1000), loop=0, disposal=1
    )
    return save(path, whole.getvalue())


def filmstrip(trace: Trace, path: str | Path, steps: Iterable[int] | None = None) -> Path:
    """Write one SVG with a frame for each step, one below the other, for documents that hold nothing but pictures.

    Raises ValueError for more than 200 steps, OSError, RenderError.
    """
    path, gap = _suffixed(path, ".svg"), 18.0
    chosen, scene = _chosen(trace, steps), _Scene(trace)
    strip: list[str] = []
    width = top = 0.0
    for n in chosen:
        svg = scene.graph(n).pipe("svg", encoding="utf-8")
        found = re.search(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>(.*)</svg>', svg, re.DOTALL)
        assert found is not None
        wide, high = map(float, found[1].split()[2:])
        inside = found[2].replace('<g id="', f'<g id="step{n + 1}-')  # no two things of a document have the same id
        if strip:
            y = top - gap / 2
            strip.append(f'<line x1="0" x2="{wide:g}" y1="{y:g}" y2="{y:g}" stroke="{LINE}" stroke-width="0.5"/>\n')
        strip.append(f'<svg y="{top:g}" width="{wide:g}" height="{high:g}" viewBox="{found[1]}">{inside}</svg>\n')
        width, top = max(width, wide), top + high + gap
    top -= gap
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}pt" height="{top:g}pt" viewBox="0 0 {width:g} {top:g}">\n'
    back = f'<rect width="{width:g}" height="{top:g}" fill="white"/>\n'
    return save(path, f'<?xml version="1.0" encoding="UTF-8"?>\n{head}{back}{"".join(strip)}</svg>\n'.encode())


def tikz(trace: Trace, steps: Iterable[int] | None = None) -> str:
    r"""A LaTeX document of one beamer frame: a TikZ picture, a slide for each step, at the places of `frame`.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.trace import trace
    >>> text = tikz(trace(Value(3.0, "a") * 2))
    >>> r"\only<1-3>{grad --}\only<4>{grad 2}" in text  # four steps; the gradient of a arrives with the last
    True

    The `tikzpicture` can be copied into a frame of one's own with the preamble above it. Letters that pdflatex lacks
    are written as U+6F22. Raises ValueError for more than 200 steps, RenderError.
    """
    chosen, scene = _chosen(trace, steps), _Scene(trace)
    states = [trace.at(n) for n in chosen]
    left, bottom, right, top, boxes, arrows = _places(scene)
    lines = [rf"\useasboundingbox ({left:.2f},{bottom:.2f}) rectangle ({right:.2f},{top:.2f});"]
    for (consumer, i), (points, (x, y)) in arrows.items():
        colors = [scene.active(n, (consumer, i)) for n in chosen]
        lines.append(_slides([rf"\draw[{_ARROW[color]}] {_spline(points)};" for color in colors]))
        label = rf"\node[local] at ({x:.2f},{y:.2f}) {{{_tex(scene.locals[consumer, i])}}};"
        lines.append(_slides([label if color == GRAD else "" for color in colors]))
    for node, (x, y, wide, high) in zip(trace.nodes, boxes, strict=True):
        shown = [scene.box(node, state) for state in states]
        at = f"({x - wide / 2:.2f},{y - high / 2:.2f}) rectangle ({x + wide / 2:.2f},{y + high / 2:.2f})"
        lines.append(_slides([rf"\draw[{_FRAME[box.role, box.color]}] {at};" for box in shown]))
        rows = [rf"\textbf{{{_tex(line)}}}" for line in shown[0].title]
        rows.append(rf"\textcolor{{value}}{{{_slides([_tex(box.data) for box in shown])}}}")
        rows.append(rf"\textcolor{{grad}}{{{_slides([_tex(box.grad) for box in shown])}}}")
        lines.append(rf"\node[box, text width={wide:.0f}pt] at ({x:.2f},{y:.2f}) {{{_BREAK.join(rows)}}};")
    captions = []
    for n in chosen:
        texts = [(_tex(line), head) for line, head in scene.captions[n]]
        captions.append(_BREAK.join(rf"\textbf{{{line}}}" if head else line for line, head in texts))
    room = 10 * (max(map(len, scene.captions)) + 1)  # points: \footnotesize leads by 9.5
    scale = min(WIDE / (right - left), (HIGH - room) / (top - bottom))
    parts = {"SCALE": f"{scale:.3f}", "ROOM": str(room), "PICTURE": "\n".join(filter(None, lines))}
    # Once through, so that a name that is spelled like a part stays a name.
    parts["CAPTION"] = _slides(captions)
    return re.sub("SCALE|ROOM|PICTURE|CAPTION", lambda part: parts[part[0]], _DOCUMENT)


def _chosen(trace: Trace, steps: Iterable[int] | None) -> list[int]:
    chosen = list(range(len(trace)) if steps is None else steps)
    for n in chosen:
        if n not in range(len(trace)):
            raise IndexError(f"there is no step {n}: they are 0 to {len(trace) - 1}")
    if not chosen:
        raise ValueError("no steps to show")
    if len(chosen) > MOST:
        raise ValueError(
            f"{len(chosen):,} steps are too many to show, the limit is {MOST}. Choose: steps=range(0, {len(trace)}, "
            f"{-(-len(trace) // MOST)}), or only those where a breakpoint stops: stops = trace.breakpoint('final'); "
            "steps=[n for n, step in enumerate(trace) if stops(step)]"
        )
    return chosen


def _suffixed(path: str | Path, suffix: str) -> Path:
    path = Path(path)
    if path.suffix.lower() != suffix:
        raise ValueError(f"{path}: what is written is {suffix[1:].upper()}: {path.with_suffix(suffix).name}")
    return path


class _Box(NamedTuple):
    """What the box of a value says and how it looks at one step."""

    title: tuple[str, ...]
    data: str
    grad: str
    role: str  # active, target, known, waiting
    color: str  # of the pass


class _Scene:
    """What all frames of a trace share: the texts of every step, and the room that the longest of them needs."""

    def __init__(self, trace: Trace) -> None:
        if len(trace.nodes) > LIMIT:
            raise ValueError(
                f"too large to draw: {len(trace.nodes):,} values, and the limit is {LIMIT:,}. Trace a value nearer to "
                "the leaves, or the same function of fewer points"
            )
        self.trace = trace
        before = trace.at(-1)
        shown = [[_data(node.data), _data(None), _grad(None), _grad(before.grad(node))] for node in trace.nodes]
        self.locals: dict[tuple[int, int], str] = {}
        for step in trace:
            if isinstance(step, Backward):
                self.locals[step.node.number, step.i] = f"local {short(step.local)}"
            if not isinstance(step, Forward):
                shown[(step.operand if isinstance(step, Backward) else step.node).number].append(_grad(step.after))
        texts = [[*_title(node), *rows] for node, rows in zip(trace.nodes, shown, strict=True)]
        self.widths = [max(map(text_width, rows)) + 20 for rows in texts]
        self.heights = [LEADING * (len(_title(node)) + 2) + 8 for node in trace.nodes]
        self.captions = [_caption(trace, n) for n in range(len(trace))]
        self.wide = max(text_width(line) for lines in self.captions for line, _ in lines)
        self.high = LEADING * max(map(len, self.captions))

    def box(self, node: Node, state: State) -> _Box:
        step = self.trace[state.n]
        color = VALUE if isinstance(step, Forward) else GRAD
        role = "known" if state.known(node) else "waiting"
        if isinstance(step, Backward) and node is step.operand:
            role = "target"
        elif node is step.node:
            role = "active"
        data = _data(node.data if state.known(node) else None)
        return _Box(_title(node), data, _grad(state.grad(node)), role, color)

    def active(self, n: int, use: tuple[int, int]) -> str:
        """The colour of a use's arrow where step n goes through it: against it in the backward pass."""
        step = self.trace[n]
        if step.node.number != use[0] or isinstance(step, Seed):
            return ""
        return VALUE if isinstance(step, Forward) else GRAD if step.i == use[1] else ""

    def graph(self, n: int, arrowhead: str = "normal") -> Graph:
        state = self.trace.at(n)
        lines = [(html.escape(line), head) for line, head in self.captions[n]]
        rows = [f"<b>{line}</b>" if head else line for line, head in lines]
        text = "".join(f'{row}<br align="left"/>' for row in rows)
        caption = _room(self.wide, self.high, text, 6)
        graph = Graph("frame", format="svg")
        graph.attr(rankdir="LR", ordering="in", nodesep="0.2", ranksep="0.1", label=caption, labelloc="b")
        graph.attr(labeljust="l", fontname="Helvetica", fontsize=str(SIZE), fontcolor=INK)
        graph.attr("node", shape="box", fixedsize="true", fontname="Helvetica", fontsize=str(SIZE), fontcolor=INK)
        graph.attr("edge", arrowsize="0.6", arrowhead=arrowhead, fontname="Helvetica", fontsize=str(SIZE - 1))
        for node in self.trace.nodes:
            box, width, height = self.box(node, state), self.widths[node.number] / 72, self.heights[node.number] / 72
            graph.node(f"n{node.number}", _rows(box), width=f"{width:.4f}", height=f"{height:.4f}", **_look(box))
        for node in self.trace.nodes:
            for i, operand in enumerate(node.operands):
                if isinstance(operand, Node):
                    use = node.number, i
                    color = self.active(n, use)
                    text = f'<font color="{INK}"><b>{self.locals[use]}</b></font>' if color == GRAD else ""
                    label = _room(text_width(self.locals[use]) + 6, LEADING, text)
                    look = {"color": color, "penwidth": "4"} if color else {"color": LINE}
                    graph.edge(f"n{operand.number}", f"n{node.number}", label, **look)
        return graph


def _look(box: _Box) -> dict[str, str]:
    """Never by the colour alone: the active box is filled, its frame thick; the target's is dashed."""
    match box.role:
        case "active":
            return {"style": "rounded,filled", "fillcolor": PALE[box.color], "color": box.color, "penwidth": "3"}
        case "target":
            return {"style": "rounded,dashed", "color": box.color, "penwidth": "3"}
        case "known":
            return {"style": "rounded", "color": INK}
        case _:
            return {"style": "rounded", "color": LINE}


def _rows(box: _Box) -> str:
    color = WAITING if box.role == "waiting" else INK
    rows = [
        *(f'<font color="{color}"><b>{html.escape(line)}</b></font>' for line in box.title),
        f'<font color="{VALUE}">{box.data}</font>',
        f'<font color="{GRAD}">{box.grad}</font>',
    ]
    cells = "".join(f"<tr><td>{row}</td></tr>" for row in rows)
    return f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="1">{cells}</table>>'


def _room(width: float, height: float, inside: str, padding: int = 0) -> str:
    """A label that takes the same room whatever is in it."""
    size = f'fixedsize="true" width="{width + 2 * padding:.0f}" height="{height + 2 * padding:.0f}"'
    cell = f'<td {size} cellpadding="{padding}" align="left" balign="left" valign="top">{inside}</td>'
    return f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="0" {size}><tr>{cell}</tr></table>>'


def _data(x: float | None) -> str:
    return f"data {'–' if x is None else short(x)}"


def _grad(x: float | None) -> str:
    return f"grad {'–' if x is None else short(x)}"


def _caption(trace: Trace, n: int) -> list[tuple[str, bool]]:
    """Its lines, and whether they belong to the headline."""
    lines = []
    for i, part in enumerate(explain_step(trace, n)[:3]):
        lines += [(line, i == 0) for line in wrapped(part, LONGEST_LINE, MOST_LINES)]
    return lines


def _title(node: Node) -> tuple[str, ...]:
    """What a value is, on one line or two."""
    return wrapped(node.named.title, LONGEST_TITLE, 2)


Point = tuple[float, float]


class _Places(NamedTuple):
    """Where `frame` puts things, in points, without the caption."""

    left: float
    bottom: float
    right: float
    top: float
    boxes: list[tuple[float, ...]]  # x, y, width, height
    arrows: dict[tuple[int, int], tuple[list[Point], Point]]  # consumer and slot: a spline, and where its label is


def _places(scene: _Scene) -> _Places:
    words = [line.split() for line in scene.graph(0, "none").pipe("plain", encoding="utf-8").split("\n")]
    found = {w[1]: tuple(float(word) * 72 for word in w[2:6]) for w in words if w[:1] == ["node"]}
    boxes = [found[f"n{node.number}"] for node in scene.trace.nodes]
    splines: dict[tuple[str, str], list[tuple[list[Point], Point]]] = {}
    for tail, head, count, *rest in (w[1:] for w in words if w[:1] == ["edge"]):
        xs = [float(word) * 72 for word in rest[: 2 * int(count)]]
        # After the spline come the label's text, its place, the style and the colour.
        label = float(rest[-4]) * 72, float(rest[-3]) * 72
        splines.setdefault((tail, head), []).append((list(zip(xs[::2], xs[1::2], strict=True)), label))
    arrows = {
        (node.number, i): splines[f"n{operand.number}", f"n{node.number}"].pop(0)
        for node in scene.trace.nodes
        for i, operand in enumerate(node.operands)
        if isinstance(operand, Node)
    }
    xs = [x + sign * wide / 2 for x, _, wide, _ in boxes for sign in (-1, 1)]
    ys = [y + sign * high / 2 for _, y, _, high in boxes for sign in (-1, 1)]
    curves = [point for spline, label in arrows.values() for point in (*spline, label)]
    xs, ys = [*xs, *(x for x, _ in curves)], [*ys, *(y for _, y in curves)]
    return _Places(min(xs), min(ys), max(xs), max(ys), boxes, arrows)


def _spline(points: Sequence[Point]) -> str:
    start, *rest = [f"({x:.2f},{y:.2f})" for x, y in points]
    curves = (f" .. controls {a} and {b} .. {c}" for a, b, c in zip(*[iter(rest)] * 3, strict=True))
    return start + "".join(curves)


def _slides(texts: Sequence[str]) -> str:
    r"""Each text on its slides: ``\only<1-2,4>{…}``; the text itself where it is the same on all."""
    if len(set(texts)) == 1:
        return texts[0]
    runs: dict[str, list[str]] = {}
    start = 0
    for end in range(1, len(texts) + 1):
        if end == len(texts) or texts[end] != texts[start]:
            runs.setdefault(texts[start], []).append(f"{start + 1}-{end}" if end - start > 1 else f"{end}")
            start = end
    return "".join(rf"\only<{','.join(on)}>{{{text}}}" for text, on in runs.items() if text)


def _tex(text: str) -> str:
    minus = re.sub(r"(?<!\w)-(?=[\d ])", "−", text)  # a hyphen of LaTeX is too short for one
    return "".join(map(_tex_letter, minus))


def _tex_letter(c: str) -> str:
    if c in _TEX:
        return _TEX[c]
    return c if c.isascii() or "À" <= c <= "ÿ" else f"U+{ord(c):04X}"


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    words = text.split()
    return zip(words[::2], words[1::2], strict=True)


# fmt: off
_GREEK = (
    "α alpha β beta γ gamma δ delta ε epsilon ζ zeta η eta θ theta ι iota κ kappa λ lambda μ mu ν nu ξ xi π pi ρ rho "
    "σ sigma τ tau υ upsilon φ phi χ chi ψ psi ω omega Γ Gamma Δ Delta Θ Theta Λ Lambda Ξ Xi Π Pi Σ Sigma Φ Phi Ψ Psi "
    "Ω Omega"
)
_MATH = (
    r"· \cdot × \times ÷ \div ∂ \partial − - ≈ \approx → \to ← \leftarrow ∞ \infty ≤ \le ≥ \ge ≠ \ne √ \surd ∇ \nabla "
    r"⊙ \odot ∑ \sum ∏ \prod ± \pm ² ^2 ³ ^3"
)
# Letters that mean something else to LaTeX, or that its fonts join into another or lack.
_TEX = {
    **{c: rf"\{c}" for c in "&%$#_{}"},
    **{c: rf"$\{name}$" for c, name in _pairs(_GREEK)},
    **{c: f"${name}$" for c, name in _pairs(_MATH)},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "—": "---",
    "…": r"\ldots{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}", "`": r"\textasciigrave{}", "-": "-{}", ",": ",{}",
}
# fmt: on
_BREAK = r"\\{}"  # so that what follows is never read as the option of a line break
_ARROW = {
    "": "arrow",
    VALUE: "arrow, draw=value, line width=2pt",
    GRAD: "arrow, draw=grad, line width=2pt",
}
_FRAME = {
    ("active", VALUE): "active, draw=value, fill=palevalue",
    ("active", GRAD): "active, draw=grad, fill=palegrad",
    ("target", GRAD): "active, draw=grad, dashed",
    **{("known", color): "still, draw=ink" for color in PALE},
    **{("waiting", color): "still, draw=line" for color in PALE},
}
_COLORS = {"ink": INK, "line": LINE, "value": VALUE, "grad": GRAD, "palevalue": PALE[VALUE], "palegrad": PALE[GRAD]}
_DEFINED = "\n".join(rf"\definecolor{{{name}}}{{HTML}}{{{color[1:].upper()}}}" for name, color in _COLORS.items())
_DOCUMENT = rf"""\documentclass[aspectratio=169]{{beamer}}
\usepackage[T1]{{fontenc}}
\usepackage{{lmodern}}
\usepackage{{tikz}}
\usetikzlibrary{{arrows.meta}}
{_DEFINED}
\begin{{document}}
\begin{{frame}}
\centering
\begin{{tikzpicture}}[x=1pt, y=1pt, scale=SCALE, transform shape,
  letters/.style={{text=ink, font=\sffamily\fontsize{{12}}{{15}}\selectfont}},
  box/.style={{letters, inner sep=0pt, align=center}},
  local/.style={{letters, inner sep=1pt, font=\sffamily\bfseries\fontsize{{11}}{{11}}\selectfont}},
  still/.style={{rounded corners=4pt, line width=0.6pt}},
  active/.style={{rounded corners=4pt, line width=1.6pt}},
  arrow/.style={{draw=line, line width=0.6pt, -{{Latex[length=5pt, width=4pt]}}}}]
PICTURE
\end{{tikzpicture}}

\begin{{minipage}}[t][ROOMpt][t]{{\linewidth}}
\raggedright\footnotesize\leavevmode CAPTION
\end{{minipage}}
\end{{frame}}
\end{{document}}
"""

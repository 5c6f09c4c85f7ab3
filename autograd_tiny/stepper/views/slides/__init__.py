"""Write a trace as slides: one web page without dependencies, a slide per step.

slides.css  style of the screen and of print, where each slide has a page
slides.js   keys, clicker, swipes, links to a slide
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from autograd_tiny.engine.files import save
from autograd_tiny.engine.value import Value
from autograd_tiny.pictures.measure import printable, text_width
from autograd_tiny.pictures.theme import Color, style_sheet
from autograd_tiny.pictures.writers.dot import LEADING
from autograd_tiny.stepper.events import Node
from autograd_tiny.stepper.narration import explain_step
from autograd_tiny.stepper.traces import Trace, as_trace
from autograd_tiny.stepper.views.boxes import STYLE, Shown, Window, drawn, near, placed, uses, whole
from autograd_tiny.stepper.views.page import csp_hash
from autograd_tiny.stepper.views.scene import Scene
from autograd_tiny.stepper.views.sequence import chosen_steps, refuse_scale

WORDS = 28  # pixels, the least size of words on a projector
ROOMS = {"wide": (1000.0, 320.0), "tall": (420.0, 600.0)}  # points of a larger graph that a slide shows
HEADER = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '{style_hash}'; \
script-src '{script_hash}'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<main>
"""
FOOTER = """\
</main>
<nav aria-label="Slides" hidden>
<button type="button" id="back" aria-label="Slide back">←</button>
<span id="place"></span>
<button type="button" id="next" aria-label="Next slide">→</button>
</nav>
<p id="live" role="status" class="unseen"></p>
<script>{script}</script>
</body>
</html>
"""


def slides(trace: Trace | Value, path: str | Path, steps: Iterable[int] | None = None, scale: float = 1.0) -> Path:
    """Write one web page with a slide for each step, for arrow keys, a clicker or a finger; printed, a page per slide.

    >>> from autograd_tiny import Value, trace
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     slides(trace(Value(3.0, "a") * 2.0), f"{folder}/slides.html").name
    'slides.html'

    Words are at least 28 pixels high on a projector, `scale` times that. Raises ValueError for more than 200 steps or
    1,000 values, and for a scale outside 0.1 to 10, IndexError for a step that does not exist, OSError if the file
    cannot be written, RenderError if Graphviz fails.
    """
    return save(Path(path), slide_page(as_trace(trace, "slides"), steps, scale).encode(errors="backslashreplace"))


def slide_page(trace: Trace, steps: Iterable[int] | None = None, scale: float = 1.0) -> str:
    """Return the page as text.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> text = slide_page(trace(Value(3.0, "<b>") * 2.0))
    >>> text.count("<section"), "<b>" in text
    (4, False)
    """
    refuse_scale(scale)
    chosen, scene = chosen_steps(trace, steps), Scene(trace)
    rooms = {use: (text_width(scene.locals[use]) + 6, LEADING) for use in uses(trace)}
    sizes = list(zip(scene.widths, scene.heights, strict=True))
    layouts = {"wide": placed(trace, sizes, rooms), "tall": placed(trace, sizes, rooms, "TB")}
    here = files(__name__)
    style = f"{style_sheet()}:root{{--words:{WORDS * scale:g}px;--scale:{scale:g}}}\n{STYLE}"
    style += (here / "slides.css").read_text(encoding="utf-8")
    script = (here / "slides.js").read_text(encoding="utf-8")
    title = html.escape(printable(trace.output.named.title))
    parts = [HEADER.format(title=title, style=style, style_hash=csp_hash(style), script_hash=csp_hash(script))]
    windows: dict[str, Window | None] = dict.fromkeys(layouts)
    for place, n in enumerate(chosen, 1):
        told = explain_step(trace, n)
        state = trace.at(n)
        boxes = []
        for node in trace.nodes:
            box = scene.box(node, state)
            data, grad = map(str, box.lines)
            lines = [*((line, "title") for line in box.title), (data, "data"), (grad, "grad")]
            boxes.append(Shown(lines, f"{box.role} {_pass(box.color)}"))
        arrows = {}
        for use in uses(trace):
            color = scene.active(n, use)
            text = [(scene.locals[use], "local")] if color is Color.GRAD else []
            arrows[use] = Shown(text, f"passed {_pass(color)}" if color else "")
        title, pictures, cut = f"The graph after step {n + 1}", "", ""
        step = trace[n].node
        active = [step.number, *(x.number for x in step.operands if isinstance(x, Node))]
        for look, found in layouts.items():
            room = ROOMS[look][0] / scale, ROOMS[look][1] / scale
            window = windows[look] = near(found, active, room, windows[look])
            pictures += drawn(trace, found, boxes, arrows, LEADING, title, look, window)
            if window != whole(found):
                cut += f'<p class="part {look}">a part of the graph of {len(trace.nodes)} values</p>'
        words = "".join(
            f'<p class="{kind}">{html.escape(printable(text))}</p>'
            for kind, text in (
                ("equation", told.equation),
                ("accumulation", told.accumulation),
                ("context", told.context),
            )
            if text
        )
        heading = f'<h1 id="head-{place}">{html.escape(printable(told.headline))}</h1>'
        parts.append(f'<section aria-labelledby="head-{place}">{heading}{pictures}<div>{words}{cut}</div></section>\n')
    return "".join([*parts, FOOTER.format(script=script)])


def _pass(color: Color) -> str:
    return "forward" if color is Color.VALUE else "backward"

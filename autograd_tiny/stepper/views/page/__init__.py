"""A trace as one web page that needs nothing else: no network, no server, no library.

page.html  the frame: what is where
page.css   how it looks, in light and dark, narrow and in print
page.js    the state after a step, and what shows it
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from autograd_tiny.engine.digits import short
from autograd_tiny.engine.value import NO_GRAD
from autograd_tiny.pictures.rendering.render import save
from autograd_tiny.stepper.breakpoints import GRAMMAR
from autograd_tiny.stepper.events import Backward, Forward, Node, Step, flags
from autograd_tiny.stepper.museum import BUGS, exhibit
from autograd_tiny.stepper.narration import explain_step
from autograd_tiny.stepper.traces import Trace
from autograd_tiny.stepper.views.layout import HEIGHT, layout, title

FEW = 40  # values; among more, a list of wrong gradients shows nothing
MOST = 3000  # values; beyond it a browser and a person lose the thread


def page(trace: Trace) -> str:
    """The page as text.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> a = Value(3.0, "</script>")
    >>> "</script>" in json.dumps(page(trace(a * a))).split("application/json")[1].split("</script>")[0]
    False

    Everything that comes from outside stands in a block of JSON, and reaches the page as text only. Raises ValueError
    for more than 3,000 values.
    """
    if len(trace.nodes) > MOST:
        raise ValueError(
            f"too large for a page: {len(trace.nodes):,} values, and the limit is {MOST:,}; trace a value nearer to "
            "the leaves, or the same function of fewer points. The terminal steps through any number of values"
        )
    here = files("autograd_tiny.stepper.views.page")
    style, script = (_flush((here / name).read_text(encoding="utf-8")) for name in ("page.css", "page.js"))
    data = json.dumps(_data(trace), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Template((here / "page.html").read_text(encoding="utf-8")).substitute(
        TITLE=html.escape(_heading(trace)),
        STYLE=style,
        STYLE_HASH=_hash(style),
        SCRIPT=script,
        SCRIPT_HASH=_hash(script),
        DATA=data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"),
        GRAMMAR=html.escape(GRAMMAR),
    )


def write_page(trace: Trace, path: str | Path) -> Path:
    """Write the page where path says, whole or not at all; raises OSError where it cannot."""
    return save(Path(path), page(trace).encode())


def embedded(trace: Trace) -> str:
    """The page in a frame that may run its own script and touch nothing else: it survives in a saved notebook."""
    text = html.escape(page(trace), quote=True)
    style = "width:100%;height:640px;border:1px solid #8a8f98"
    title = "A gradient, step by step"
    return f'<iframe sandbox="allow-scripts" srcdoc="{text}" title="{title}" style="{style}"></iframe>'


def _heading(trace: Trace) -> str:
    text = trace.output.named.title
    return f"∂ {text if len(text) <= 80 else text[:79] + '…'}"


def _flush(text: str) -> str:
    """Without indentation, a twentieth of a small page."""
    return "\n".join(line.lstrip() for line in text.splitlines())


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _data(trace: Trace) -> dict[str, Any]:
    found = layout(trace)
    nodes = [
        [
            node.name,
            node.named.written,
            _number(node.data),
            short(node.data),
            node.scope,
            node.source,
            node.op.name if node.op else "",
            node.op.infix[0] if node.op and node.op.infix else "",
            title(node),
            *(round(x, 1) for x in box),
        ]
        for node, box in zip(trace.nodes, found.boxes, strict=True)
    ]
    left = [(node, g) for node, g in zip(trace.nodes, trace._start, strict=True) if not node.op and g is not NO_GRAD]
    return {
        "nodes": nodes,
        "steps": [_step(trace, n, step) for n, step in enumerate(trace)],
        "start": [[node.number, _number(g), short(g)] for node, g in left],
        "arrows": [[round(x, 1) for point in arrow for x in point] for arrow in found.arrows],
        "size": [round(found.width, 1), round(found.height, 1)],
        "height": HEIGHT,
        "grammar": GRAMMAR,
        "museum": [[str(shown), shown.step] for shown in (exhibit(trace, bug) for bug in BUGS)]
        if len(nodes) <= FEW
        else [],
    }


def _step(trace: Trace, n: int, step: Step) -> list[Any]:
    """A step as page.js takes it apart, by place.

    [kind, node, to, upstream, local, contribution, before, after, nth, of, flags, sentences, [before, after],
    local in digits]
    """
    texts = explain_step(trace, n)
    if isinstance(step, Forward):
        return [0, step.node.number, 0, 0, 0, 0, None, 0, 0, 0, flags(step), texts]
    before, digits = _before(step), [short(step.before), short(step.after)]
    if not isinstance(step, Backward):
        return [1, step.node.number, 0, 0, 0, 0, before, _number(step.after), 0, 0, [], texts, digits]
    return [
        2,
        step.node.number,
        step.operand.number,
        _number(step.upstream),
        _number(step.local),
        _number(step.contribution),
        before,
        _number(step.after),
        step.nth,
        step.of,
        flags(step),
        texts,
        digits,
        short(step.local),
    ]


def _before(step: Any) -> Any:
    target: Node = step.operand if isinstance(step, Backward) else step.node
    return None if step.before is NO_GRAD or (target.op and not step.before) else _number(step.before)


def _number(x: float) -> Any:
    return x if math.isfinite(x) else repr(x)

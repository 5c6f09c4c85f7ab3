"""A trace as one web page that needs nothing else: no network, no server, no library.

page.html  the frame: what is where
page.css   how it looks, narrow and in print; its colours are variables from the theme
page.js    the state after a step, and what shows it
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from autograd_tiny.engine.digits import short
from autograd_tiny.engine.files import save
from autograd_tiny.pictures.theme import Color, style_sheet
from autograd_tiny.stepper.breakpoints import grammar
from autograd_tiny.stepper.events import Backward, Forward
from autograd_tiny.stepper.flags import FLAGS
from autograd_tiny.stepper.museum import BUGS, exhibit
from autograd_tiny.stepper.narration import explain_step
from autograd_tiny.stepper.trace_json import document
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
    style = style_sheet() + style
    data = json.dumps(_data(trace), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Template((here / "page.html").read_text(encoding="utf-8")).substitute(
        TITLE=html.escape(_heading(trace)),
        STYLE=style,
        STYLE_HASH=_hash(style),
        SCRIPT=script,
        SCRIPT_HASH=_hash(script),
        DATA=data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"),
        GRAMMAR=html.escape(grammar()),
    )


def write_page(trace: Trace, path: str | Path) -> Path:
    """Write the page where path says, whole or not at all; raises OSError where it cannot."""
    return save(Path(path), page(trace).encode(errors="backslashreplace"))  # a file name may be no UTF-8


def embedded(trace: Trace) -> str:
    """The page in a frame that may run its own script and touch nothing else: it survives in a saved notebook."""
    text = html.escape(page(trace), quote=True)
    style = f"width:100%;height:640px;border:1px solid {Color.LINE.light}"
    title = "A gradient, step by step"
    return f'<iframe sandbox="allow-scripts" srcdoc="{text}" title="{title}" style="{style}"></iframe>'


def _heading(trace: Trace) -> str:
    text = trace.output.named.title
    return f"∂ {text if len(text) <= 80 else text[:79] + '…'}"


def _flush(text: str) -> str:
    """Without indentation and lines of comment, a tenth of a small page."""
    lines = (line.lstrip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


UNREAD = {"id", "binds", "operands", "operand", "rule", "final"}  # fields of a trace that the page has no use for


def _data(trace: Trace) -> dict[str, Any]:
    """The nodes and steps of `trace_json`, each with the texts and places that show it."""
    found, written = layout(trace), document(trace)
    for fields, node, (x, y, width) in zip(written["nodes"], trace.nodes, found.boxes, strict=True):
        place = {"x": round(x, 1), "y": round(y, 1), "width": round(width, 1)}
        fields |= {"digits": short(node.data), "title": title(node)} | place
    for n, (fields, step) in enumerate(zip(written["steps"], trace, strict=True)):
        fields["texts"] = explain_step(trace, n)
        if not isinstance(step, Forward):
            fields["digits"] = [short(step.before), short(step.after)]
        if isinstance(step, Backward):
            fields["localDigits"] = short(step.local)
    return {
        "nodes": _packed(written["nodes"]),
        "steps": _packed(written["steps"]),
        "arrows": [[round(x, 1) for point in arrow for x in point] for arrow in found.arrows],
        "size": [round(found.width, 1), round(found.height, 1)],
        "height": HEIGHT,
        "grammar": grammar(),
        "flags": _packed([{"name": name, "hint": f.hint, "marked": bool(f.sentence)} for name, f in FLAGS.items()]),
        "museum": [[str(shown), shown.step] for shown in (exhibit(trace, bug) for bug in BUGS)]
        if len(trace.nodes) <= FEW
        else [],
    }


def _packed(items: list[dict[str, Any]]) -> dict[str, Any]:
    """Objects as rows under one list of their fields: in every object they would make a page half as large again."""
    fields = [name for name in dict.fromkeys(name for item in items for name in item) if name not in UNREAD]
    return {"fields": fields, "rows": [[item.get(name) for name in fields] for item in items]}

"""Write a trace as one web page without dependencies: no network, no server, no library.

page.html    structure
page.css     style, also for narrow screens and print; its colours are variables from the theme
data.js      nodes and steps
state.js     gradients after a step
frames.js    frames around modules, open or closed
graph.js     the picture
view.js      the part of the picture on screen
words.js     words explained, names in colours
program.js   the program beside the picture
panel.js     texts of a step, table, chosen value
stops.js     breakpoints, timeline
controls.js  buttons, fields, keys
start.js     the first sight
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from autograd_tiny.engine.digits import short
from autograd_tiny.engine.files import save
from autograd_tiny.engine.op import Op
from autograd_tiny.engine.symbol import SHOWN, Symbol, operand_symbols
from autograd_tiny.engine.value import Value
from autograd_tiny.pictures.theme import Color, style_sheet
from autograd_tiny.stepper.breakpoints import grammar
from autograd_tiny.stepper.diagnosis import diagnose
from autograd_tiny.stepper.events import Backward, Forward, Node
from autograd_tiny.stepper.flags import FLAGS, flags_of
from autograd_tiny.stepper.habits import habit
from autograd_tiny.stepper.museum import BUGS, exhibit
from autograd_tiny.stepper.narration import explain_step
from autograd_tiny.stepper.trace_json import document
from autograd_tiny.stepper.traces import Trace, as_trace
from autograd_tiny.stepper.views.layout import HEIGHT, layout, title
from autograd_tiny.stepper.views.program import program
from autograd_tiny.stepper.views.short_names import short_formula, short_label, short_text

MOST_IN_MUSEUM = 40  # values; a longer list of wrong gradients is unreadable
SCRIPT = (
    "data",
    "state",
    "words",
    "frames",
    "graph",
    "view",
    "program",
    "panel",
    "stops",
    "controls",
    "start",
)  # imports first
MOST_ON_PAGE = 3000  # values; larger graphs are unusable in a browser


def page(trace: Trace) -> str:
    """Return the page as text.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> a = Value(3.0, "</script>")
    >>> "</script>" in json.dumps(page(trace(a * a))).split("application/json")[1].split("</script>")[0]
    False

    Names and source lines stand in a block of JSON only, and are shown as text. Raises ValueError for more than 3,000
    values.
    """
    if len(trace.nodes) > MOST_ON_PAGE:
        raise ValueError(
            f"too large for a page: {len(trace.nodes):,} values, and the limit is {MOST_ON_PAGE:,}; trace a value "
            "nearer to the leaves, or the same function on fewer data points, or step through it in the terminal, "
            "which takes any number of values"
        )
    here = files("autograd_tiny.stepper.views.page")
    style = style_sheet() + _flush((here / "page.css").read_text(encoding="utf-8"))
    script = "\n".join(_joined((here / f"{name}.js").read_text(encoding="utf-8")) for name in SCRIPT)
    data = json.dumps(_data(trace), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Template((here / "page.html").read_text(encoding="utf-8")).substitute(
        TITLE=html.escape(_heading(trace)),
        STYLE=style,
        STYLE_HASH=csp_hash(style),
        SCRIPT=script,
        SCRIPT_HASH=csp_hash(script),
        DATA=data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"),
        GRAMMAR=html.escape(grammar()),
    )


def write_page(trace: Trace | Value, path: str | Path) -> Path:
    """Write the page to a file, whole or not at all, and return its path.

    >>> from autograd_tiny import Value, trace
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_page(trace(Value(3.0, "a") * 2.0), f"{folder}/steps.html").name
    'steps.html'

    Raises OSError if the file cannot be written, ValueError for more than 3,000 values.
    """
    trace = as_trace(trace, "write_page")
    return save(Path(path), page(trace).encode(errors="backslashreplace"))  # a source file's name may not be UTF-8


def embedded(trace: Trace) -> str:
    """Return the page in a sandboxed frame, for notebooks; it still works after the notebook is saved."""
    text = html.escape(page(trace), quote=True)
    style = f"width:100%;height:640px;border:1px solid {Color.LINE.light}"
    title = "A gradient, step by step"
    return f'<iframe sandbox="allow-scripts" srcdoc="{text}" title="{title}" style="{style}"></iframe>'


def _heading(trace: Trace) -> str:
    text = trace.output.named.title
    return f"∂ {text if len(text) <= 80 else text[:79] + '…'}"


def _flush(text: str) -> str:
    """Remove indentation and comment lines, a tenth of a small page."""
    lines = (line.lstrip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def _joined(module: str) -> str:
    """Make a module a part of one script, in which all modules share their names."""
    without = re.sub(r"^import \{.*?\} from \"\./\w+\.js\";\n", "", module, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"^export (?=const|let|function)", "", _flush(without), flags=re.MULTILINE)


def csp_hash(text: str) -> str:
    """Return the source of a style or script that a Content-Security-Policy allows."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


UNREAD = {"id", "binds", "operands", "operand", "rule", "final"}  # fields of a trace that the page does not use


def _data(trace: Trace) -> dict[str, Any]:
    """Collect the nodes and steps of `trace_json`, with the texts and positions that show them."""
    found, written = layout(trace), document(trace)
    for fields, node, (x, y, width) in zip(written["nodes"], trace.nodes, found.boxes, strict=True):
        place = {"x": round(x, 1), "y": round(y, 1), "width": round(width, 1)}
        names = {"short": short_label(node), "formula": short_formula(node), "title": title(node)}
        fields |= {"digits": short(node.data)} | names | place
    for n, (fields, step) in enumerate(zip(written["steps"], trace, strict=True)):
        told = explain_step(trace, n)
        nodes = [x for x in (step.node, *step.node.operands) if isinstance(x, Node)]
        equation, accumulation = (short_text(text, *nodes) for text in (told.equation, told.accumulation))
        fields["texts"] = told._replace(equation=equation, accumulation=accumulation)
        if not isinstance(step, Forward):
            fields["digits"] = [short(step.before), short(step.after)]
        if isinstance(step, Backward):
            fields["localDigits"] = short(step.local)
            fields["upstreamDigits"] = short(step.upstream)
            fields["shareDigits"] = short(step.contribution)
    return {
        "frames": [[f.name, *(round(x, 1) for x in f.sides), f.module] for f in found.frames],
        "ops": {op.name: {"habit": habit(op), "stable": _stable(op)} for op in {node.op for node in trace.nodes} if op},
        "program": program(trace)._asdict(),
        "found": _found(trace),
        "nodes": _packed(written["nodes"]),
        "steps": _packed(written["steps"]),
        "arrows": [[round(x, 1) for point in arrow for x in point] for arrow in found.arrows],
        "size": [round(found.width, 1), round(found.height, 1)],
        "height": HEIGHT,
        "flags": _packed([{"name": name, "hint": f.hint, "marked": bool(f.sentence)} for name, f in FLAGS.items()]),
        "museum": [[str(shown), shown.step] for shown in (exhibit(trace, bug) for bug in BUGS)]
        if len(trace.nodes) <= MOST_IN_MUSEUM
        else [],
    }


def _found(trace: Trace) -> dict[str, Any] | None:
    """What is wrong with the numbers, in the first words of `diagnose`, and the step that shows it; None if nothing."""
    symptoms = diagnose(trace).symptoms
    if not symptoms:
        return None
    flagged = [(n, flags) for n, step in enumerate(trace) if (flags := flags_of(step))]
    for names in ({"nan", "inf"}, {symptoms[0].partition(":")[0]}):
        for n, flags in flagged:
            if not names.isdisjoint(flags):
                return {"text": symptoms[0], "step": n}
    return {"text": symptoms[0], "step": 0}


def _stable(op: Op) -> str:
    """The form in which a local derivative is computed, if a textbook writes another; "" if not."""
    if op.name not in SHOWN or len(xs := operand_symbols(op)) != 1:
        return ""
    return str(op.local_derivatives(Symbol("y"), xs)[0])


def _packed(items: list[dict[str, Any]]) -> dict[str, Any]:
    """Write objects as rows below one list of field names, which makes a page a third smaller."""
    fields = [name for name in dict.fromkeys(name for item in items for name in item) if name not in UNREAD]
    return {"fields": fields, "rows": [[item.get(name) for name in fields] for item in items]}

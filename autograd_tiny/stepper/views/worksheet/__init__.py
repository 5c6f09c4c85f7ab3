"""Write a trace as a work sheet, on paper or in the terminal: what to compute, in order, with blanks, and the answers.

questions.py   the questions and their answers, from the trace
page.py        the sheet as a page to print
worksheet.css  style of the page, on screen and on paper
"""

from __future__ import annotations

from pathlib import Path

from autograd_tiny.engine.files import save
from autograd_tiny.engine.value import Value
from autograd_tiny.stepper.traces import Trace, as_trace
from autograd_tiny.stepper.views.worksheet.page import page
from autograd_tiny.stepper.views.worksheet.questions import markdown


def worksheet(trace: Trace | Value, path: str | Path, answers: bool = False) -> Path:
    """Write a work sheet, with the answers on a page of their own if asked for, as .html or .md.

    >>> from autograd_tiny import Value, trace
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     worksheet(trace(Value(3.0, "a") * 2.0), f"{folder}/sheet.html", answers=True).name
    'sheet.html'

    Raises ValueError for another suffix and for more than 60 values, OSError if the file cannot be written, RenderError
    if Graphviz fails.
    """
    trace, path = as_trace(trace, "worksheet"), Path(path)
    writers = {".html": page, ".md": markdown}
    if path.suffix.lower() not in writers:
        raise ValueError(f"{path}: expected a name ending in .html or .md, such as {path.with_suffix('.html').name}")
    return save(path, writers[path.suffix.lower()](trace, answers).encode(errors="backslashreplace"))

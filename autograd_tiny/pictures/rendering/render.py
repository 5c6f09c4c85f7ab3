"""Render DOT text with `dot` if it is on this machine, else with the bundled graphviz-pure."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

LAYOUT_SECONDS = 30  # a graph that takes longer is too large to read
VARIABLE = "AUTOGRAD_TINY_DOT"


class RenderError(RuntimeError):
    """Error of drawing a picture; the message names the renderer, the reason, and a remedy.

    >>> render("digraph {")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    autograd_tiny.pictures.rendering.render.RenderError: ... could not draw svg: ...
    """


class TooSlow(RenderError):
    """Error raised when the renderer exceeds its time limit."""


def candidates() -> dict[str, Path | None]:
    """Places searched for a renderer, in order of preference, with the program found there or None.

    >>> list(candidates())[-2:]
    ['dot', 'graphviz-pure']
    """
    own = os.pathsep.join([sysconfig.get_path("scripts"), str(Path(sys.executable).parent)])
    named = os.environ.get(VARIABLE)
    found = {
        **({f"{VARIABLE}={named}": shutil.which(named)} if named else {}),
        "dot": shutil.which("dot"),
        "graphviz-pure": shutil.which("graphviz-pure") or shutil.which("graphviz-pure", path=own),
    }
    return {where: Path(program) if program else None for where, program in found.items()}


def renderer() -> Path:
    """Path of the renderer: $AUTOGRAD_TINY_DOT, else `dot` on PATH, else the bundled `graphviz-pure`.

    Raises RenderError if there is none.
    """
    for where, program in candidates().items():
        if program is not None:
            return program
        if where.startswith(VARIABLE):
            raise RenderError(f"{where}: there is no such program; name a renderer, or unset the variable")
    raise RenderError(
        "no renderer found: `pip install graphviz-pure`, or install Graphviz; .dot and .mmd files need neither"
    )


def render(source: str, format: str = "svg", engine: str = "dot", seconds: float | None = None) -> bytes:
    """Render a graph in the DOT language as the bytes of an SVG, a PNG or another format of the renderer.

    >>> render("digraph { a -> b }").startswith(b"<?xml")
    True

    Raises RenderError with the output of the renderer if it fails, TooSlow if it takes longer than `seconds`, 30 by
    default.
    """
    return render_by(renderer(), source, format, engine, LAYOUT_SECONDS if seconds is None else seconds)


def render_by(program: Path, source: str, format: str, engine: str, seconds: float) -> bytes:
    """Render with the given program; see `render`."""
    command = [str(program), f"-K{engine}", f"-T{format}"]
    try:
        done = subprocess.run(
            command, input=source.encode(errors="backslashreplace"), capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise TooSlow(
            f"{program.name} was still drawing after {seconds:.3g} s: draw a part of the graph, or write .dot"
        ) from None
    except OSError as error:
        raise RenderError(f"{program} did not start: {error.strerror or error}") from None
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
        if format == "pdf" and program.name != "dot":
            raise RenderError(
                f"{program.name} cannot write PDF: install Graphviz, or write .svg and convert it, for instance with "
                "`rsvg-convert -f pdf -o graph.pdf graph.svg`, or write .tex and run pdflatex"
            )
        raise RenderError(f"{program.name} could not draw {format}: {said[-1]}")
    return done.stdout

"""From DOT text to a picture: by a `dot` on this machine, or by the renderer that was installed with us."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

SECONDS = 30  # a layout that takes longer is not one a person can read
VARIABLE = "AUTOGRAD_TINY_DOT"


class RenderError(RuntimeError):
    """A picture that could not be made; the message says by whom, why, and what to do."""


class TooSlow(RenderError):
    """The renderer was still drawing when its time was over."""


def candidates() -> dict[str, Path | None]:
    """Where a renderer is looked for, the first choice first, and the program that is there.

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
    """The program that draws: $AUTOGRAD_TINY_DOT, else `dot` on PATH, else the `graphviz-pure` installed with us.

    Raises RenderError when there is none.
    """
    for where, program in candidates().items():
        if program is not None:
            return program
        if where.startswith(VARIABLE):
            raise RenderError(f"{where}: there is no such program")
    raise RenderError(
        "nothing here can draw: `pip install graphviz-pure`, or install Graphviz; the text of a graph needs neither"
    )


def render(source: str, format: str = "svg", engine: str = "dot", seconds: float | None = None) -> bytes:
    """The picture of a graph in the DOT language, as the bytes of an SVG, PNG or another format of the renderer.

    >>> render("digraph { a -> b }").startswith(b"<?xml")
    True

    Raises RenderError, with what the renderer said, when it fails, TooSlow when it takes longer than 30 seconds or than
    `seconds`.
    """
    return render_by(renderer(), source, format, engine, SECONDS if seconds is None else seconds)


def render_by(program: Path, source: str, format: str, engine: str, seconds: float) -> bytes:
    """The same, by a program of one's choice."""
    command = [str(program), f"-K{engine}", f"-T{format}"]
    try:
        done = subprocess.run(
            command, input=source.encode(errors="backslashreplace"), capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise TooSlow(
            f"{program.name} was still drawing after {seconds:.3g} seconds: draw a part of the graph, or write .dot"
        ) from None
    except OSError as error:
        raise RenderError(f"{program} did not start: {error.strerror or error}") from None
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
        if format == "pdf" and program.name != "dot":
            raise RenderError(
                f"{program.name} writes no PDF: install Graphviz, or write .svg and convert it, for instance by "
                "`rsvg-convert -f pdf -o graph.pdf graph.svg`, or write .tex and run pdflatex"
            )
        raise RenderError(f"{program.name} could not draw {format}: {said[-1]}")
    return done.stdout

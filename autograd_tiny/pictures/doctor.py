"""Report the renderers found here, what they can draw, and missing packages: ``autograd-tiny doctor``."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from autograd_tiny.engine.terminal import new_console
from autograd_tiny.pictures.measure import printable
from autograd_tiny.pictures.rendering import render
from autograd_tiny.pictures.writers.formats import FORMATS

TRIAL_SECONDS = 5.0  # a renderer that needs longer for two boxes does not work
TRIED = 'digraph { a -> b [label="∂"] }'
STARTS = {format.suffix[1:]: format.start for format in FORMATS.values() if format.start}
INSTALL = {
    "dot": "the package graphviz of your system, or https://graphviz.org/download",
    "graphviz-pure": "pip install graphviz-pure",
}
USES = {
    "check": "gradient checks",
    "compile": "compiled programs",
    "frames": "animated GIFs",
    "plot": "plots",
    "train": "training",
    "sklearn": "estimators, sets",
    "distributed": "many machines",
}


class Renderer(NamedTuple):
    """A place searched for a renderer, and the result of trying the program found there."""

    where: str  # environment variable or program name
    program: Path | None
    version: str
    faults: dict[str, str]  # error by format, "" if it was drawn


class Package(NamedTuple):
    """A package in one of the extras."""

    extra: str
    name: str
    version: str  # "" if it is missing


def renderers() -> list[Renderer]:
    """Every place searched for a renderer, in order, each program tried on a small graph.

    >>> [r.where for r in renderers() if r.program and not r.faults["svg"]][-1]
    'graphviz-pure'
    """
    return [
        Renderer(where, program, _version(program), _faults(program)) if program else Renderer(where, None, "", {})
        for where, program in render.candidates().items()
    ]


def packages() -> list[Package]:
    """Packages of every extra except `all`, read from the metadata of this package.

    >>> [package.name for package in packages() if package.extra == "check"]
    ['hypothesis', 'mpmath', 'pytest']
    """
    found = []
    for line in metadata.requires("autograd-tiny") or []:
        match = re.fullmatch(r"([\w.-]+).*;.*\bextra *== *['\"]([\w-]+)['\"].*", line)
        if match and match[2] != "all":
            found.append(Package(match[2], match[1], _installed(match[1])))
    return sorted(found)


def doctor(console: Console | None = None) -> bool:
    """Print the renderers and missing packages; return True if pictures can be drawn."""
    console = console or new_console()
    found = renderers()
    # A variable that names no program is an error, not a reason to search on.
    first = next((r for r in found if r.program or r.where not in INSTALL), None)
    used = first if first and first.program else None
    console.print(_renderers(found, used))
    console.print()
    for line in _said(found, first, used):
        console.print(Text(line), soft_wrap=True)
    console.print()
    console.print(_extras())
    return used is not None and not used.faults["svg"]


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _version(program: Path) -> str:
    try:
        done = subprocess.run(
            [program, "-V"], capture_output=True, timeout=TRIAL_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return "?"
    match = re.search(r"version ([\w.+-]+)", (done.stderr + done.stdout).decode(errors="replace"))
    return match[1] if match else "?"


def _faults(program: Path) -> dict[str, str]:
    faults: dict[str, str] = {}
    for format, start in STARTS.items():
        try:
            drawn = render.render_by(program, TRIED, format, "dot", TRIAL_SECONDS)
        except render.TooSlow as error:
            return faults | dict.fromkeys(STARTS.keys() - faults.keys(), str(error).partition(":")[0])
        except render.RenderError as error:
            faults[format] = printable(str(error))
        else:
            faults[format] = "" if drawn.startswith(start) else f"{program.name} did not write {format}"
    return faults


def _renderers(found: list[Renderer], used: Renderer | None) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in ("", "renderer", "version", *map(str.upper, STARTS), "program"):
        table.add_column(title, overflow="fold")
    for r in found:
        marks = ["–" if not r.program else "no" if r.faults[format] else "yes" for format in STARTS]
        cells = ["→" if r is used else "", r.where, r.version, *marks, str(r.program or "not found")]
        table.add_row(*(Text(printable(cell)) for cell in cells), style="bold" if r is used else None)
    return table


def _said(found: list[Renderer], first: Renderer | None, used: Renderer | None) -> Iterator[str]:
    """Conclusions from the table, one sentence per line."""
    if used:
        if not used.faults["svg"]:
            yield f"Pictures are drawn by {used.where} {used.version}."
        # The formats usually fail for the same reason.
        yield from (f"{fault}." for fault in dict.fromkeys(used.faults.values()) if fault)
    elif first:
        yield f"No renderer: {printable(first.where)}: there is no such program."
    else:
        texts = " and ".join(format.suffix for format in FORMATS.values() if not format.needs)
        yield f"No renderer found. {texts} files and the terminal need none."
    yield from (f"To install {r.where}: {INSTALL[r.where]}" for r in found if not r.program and r.where in INSTALL)
    yield f"To draw with another program: {render.VARIABLE}=/its/path"
    yield f"LaTeX, for .tex files: {shutil.which('pdflatex') or 'not found; .tex files can still be written'}"


def _extras() -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in ("for", "packages", "to install"):
        table.add_column(title, overflow="fold", no_wrap=title == "to install")
    found = packages()
    for extra in dict.fromkeys(package.extra for package in found):
        of = [package for package in found if package.extra == extra]
        texts = [f"{package.name} {package.version or 'missing'}" for package in of]
        install = "" if all(package.version for package in of) else f"pip install 'autograd-tiny[{extra}]'"
        table.add_row(USES.get(extra, extra), Text(", ".join(texts)), Text(install))
    return table

"""The formats of a picture, a row each: its files, what it is, who writes it, and what that needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from autograd_tiny.pictures.picture import Picture
from autograd_tiny.pictures.rendering.render import RenderError
from autograd_tiny.pictures.writers.mermaid import mermaid
from autograd_tiny.pictures.writers.tikzpicture import tikz

NOTHING, RENDERER, GRAPHVIZ = "", "a renderer", "a system Graphviz"


class Drawing(Protocol):
    """What a format is written from: a `Graph`."""

    picture: Picture | None

    @property
    def source(self) -> str: ...
    def pipe(self, format: str | None = None) -> Any: ...


class Format(NamedTuple):
    """A format, by the suffix of its files."""

    suffix: str
    what: str
    write: Callable[[Drawing], bytes]
    needs: str = NOTHING
    start: bytes = b""  # of each of its files, by which `doctor` knows one; where the renderer writes them
    mime: str = ""  # as which a notebook shows it


def _rendered(format: str) -> Callable[[Drawing], bytes]:
    return lambda drawing: drawing.pipe(format)


def _text(writer: Callable[[Picture], str]) -> Callable[[Drawing], bytes]:
    def write(drawing: Drawing) -> bytes:
        if drawing.picture is None:
            raise RenderError(f"there is no {writer.__name__} of a graph that is drawn from no Picture, as a frame is")
        return writer(drawing.picture).encode(errors="backslashreplace")

    return write


def _source(drawing: Drawing) -> bytes:
    return drawing.source.encode(errors="backslashreplace")


FORMATS = {
    format.suffix: format
    for format in (
        Format(".svg", "SVG for light and dark pages", _rendered("svg"), RENDERER, b"<?xml", "image/svg+xml"),
        Format(".png", "PNG", _rendered("png"), RENDERER, b"\x89PNG"),
        Format(".dot", "the text that Graphviz draws", _source, mime="text/plain"),
        Format(".mmd", "Mermaid, which code hosts draw", _text(mermaid)),
        Format(".tex", "TikZ for pdflatex", _text(tikz), RENDERER),
        Format(".pdf", "PDF, where there is a system Graphviz", _rendered("pdf"), GRAPHVIZ, b"%PDF"),
    )
}
ALSO = {".gv": ".dot"}  # another suffix of the same


def encoded(drawing: Drawing, suffix: str) -> bytes:
    """The file with this suffix: of the table, or whatever else the renderer writes.

    Raises RenderError where nobody does.
    """
    known = FORMATS.get(ALSO.get(suffix, suffix))
    if known:
        return known.write(drawing)
    try:
        return bytes(drawing.pipe(suffix[1:]))
    except RenderError as error:
        if "not recognized" not in str(error):
            raise
        raise RenderError(f"{suffix} is not drawn; {listed()} are") from None


def listed() -> str:
    """The suffixes, in words.

    >>> listed()
    '.svg, .png, .dot, .mmd, .tex, .pdf'
    """
    return ", ".join(FORMATS)

"""File formats of a picture, a row each: suffix, description, writer, and what the writer needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from autograd_tiny.pictures.picture import Picture
from autograd_tiny.pictures.rendering.render import RenderError, candidates
from autograd_tiny.pictures.writers.mermaid import mermaid
from autograd_tiny.pictures.writers.tikzpicture import tikz

NOTHING, RENDERER, GRAPHVIZ = "", "a renderer", "a system Graphviz"


class Drawing(Protocol):
    """Interface of `Graph` that formats use."""

    picture: Picture | None

    @property
    def source(self) -> str: ...
    def pipe(self, format: str | None = None) -> Any: ...


class Format(NamedTuple):
    """A file format."""

    suffix: str
    what: str
    write: Callable[[Drawing], bytes]
    needs: str = NOTHING
    start: bytes = b""  # first bytes of a file, checked by `doctor`; b"" if no renderer writes it
    mime: str = ""  # MIME type in a notebook; "" if it is not shown


def _rendered(format: str) -> Callable[[Drawing], bytes]:
    return lambda drawing: drawing.pipe(format)


def _text(writer: Callable[[Picture], str]) -> Callable[[Drawing], bytes]:
    def write(drawing: Drawing) -> bytes:
        if drawing.picture is None:
            raise RenderError(f"{writer.__name__} takes a graph of a Picture, got one without, such as a frame")
        return writer(drawing.picture).encode(errors="backslashreplace")

    return write


def _source(drawing: Drawing) -> bytes:
    return drawing.source.encode(errors="backslashreplace")


FORMATS = {
    format.suffix: format
    for format in (
        Format(".svg", "SVG for light and dark pages", _rendered("svg"), RENDERER, b"<?xml", "image/svg+xml"),
        Format(".png", "PNG", _rendered("png"), RENDERER, b"\x89PNG"),
        Format(".jpg", "JPEG", _rendered("jpg"), RENDERER),
        Format(".dot", "DOT, the input of Graphviz", _source, mime="text/plain"),
        Format(".mmd", "Mermaid, drawn by code hosts", _text(mermaid)),
        Format(".tex", "TikZ for pdflatex", _text(tikz), RENDERER),
        Format(".pdf", "PDF, if Graphviz is installed", _rendered("pdf"), GRAPHVIZ, b"%PDF"),
    )
}
ALSO = {".gv": ".dot", ".jpeg": ".jpg"}  # other suffixes of the formats


def encoded(drawing: Drawing, suffix: str) -> bytes:
    """Contents of a file with this suffix, from the table or from the renderer.

    Raises RenderError if the renderer fails or does not know the suffix.
    """
    known = FORMATS.get(ALSO.get(suffix, suffix))
    if known:
        return known.write(drawing)
    try:
        return bytes(drawing.pipe(suffix[1:]))
    except RenderError as error:
        if "not recognized" not in str(error):
            raise
        raise RenderError(f"cannot write {suffix}: choose one of {listed()}") from None


def listed() -> str:
    """The suffixes that can be written here, separated by commas.

    >>> listed().startswith(".svg, .png, .jpg, .dot, .mmd, .tex")
    True
    """
    found = candidates()
    return ", ".join(suffix for suffix, format in FORMATS.items() if format.needs != GRAPHVIZ or found.get("dot"))

"""`Graph`: a graphviz.Digraph that draws without an installed Graphviz, within a time limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import graphviz  # type: ignore[import-untyped]

from autograd_tiny.engine import files
from autograd_tiny.engine.digits import counted
from autograd_tiny.pictures.picture import Picture
from autograd_tiny.pictures.rendering import render
from autograd_tiny.pictures.writers.dot import fill
from autograd_tiny.pictures.writers.formats import FORMATS, encoded, listed
from autograd_tiny.pictures.writers.svg import finished


class Graph(graphviz.Digraph):  # type: ignore[misc]
    """A graphviz.Digraph that draws without an installed Graphviz.

    >>> graph = Graph()
    >>> graph.edge("a", "b")
    >>> graph.pipe("svg").startswith(b"<?xml")
    True

    If rendering takes more than half of the remaining time, a coarser picture is drawn instead. Raises RenderError if
    there is no renderer, or if it fails.
    """

    picture: Picture | None = None  # the picture it was built from
    coarser: Callable[[str], Iterator[Graph]] = staticmethod(lambda why: iter(()))  # captions say why they are coarser
    seconds: float | None = None  # for all attempts together; None means render.LAYOUT_SECONDS

    def pipe(self, format: str | None = None, *args: Any, encoding: str | None = None, **kwargs: Any) -> Any:
        """Render the picture as bytes, or as text if an encoding is given."""
        format, engine = format or self.format, kwargs.get("engine") or self.engine
        drawn, graph = self._drawn(format, engine)
        if format == "svg" and graph.picture is not None:
            drawn = finished(drawn.decode(), graph.picture.title).encode()
        return drawn if encoding is None else drawn.decode(encoding)

    def _drawn(self, format: str, engine: str) -> tuple[bytes, Graph]:
        """Rendered bytes, and the graph they show: self or a coarser one."""
        end = time.monotonic() + (render.LAYOUT_SECONDS if self.seconds is None else self.seconds)
        graph, others, tried = self, None, 1
        while True:
            seconds = (end - time.monotonic()) / 2
            try:
                return render.render(graph.source, format, engine, seconds), graph
            except render.TooSlow as error:
                others = others or self.coarser(
                    f"Coarser than requested: the finer picture was not laid out in {seconds:.2g} s."
                )
                following = next(others, None)
                if following is None:
                    also = f" {counted(tried - 1, 'coarser picture')} timed out, too." if tried > 1 else ""
                    raise render.TooSlow(f"{error}{also}") from None
                graph, tried = following, tried + 1

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **kwargs: Any) -> dict[str, str]:
        return {format.mime: format.write(self).decode() for format in FORMATS.values() if format.mime}

    def render(self, filename: Any = None, directory: Any = None, view: bool = False, **kwargs: Any) -> str:
        """Write the picture and return its path, as graphviz.Digraph.render does."""
        format = kwargs.get("format") or self.format
        path = (
            kwargs.get("outfile") or f"{Path(directory or self.directory or '.', filename or self.filename)}.{format}"
        )
        written = str(self.write(path))
        if view:
            self._view(written, format, False)
        return written

    def write(self, path: str | Path) -> Path:
        """Write the picture in the format of the suffix, one of `formats.FORMATS`; the file is replaced as a whole.

        Raises ValueError for a path without a suffix, OSError if it cannot be written, RenderError if drawing fails.
        """
        return files.save(Path(path), self.content(Path(path)))

    def content(self, path: Path) -> bytes:
        """Contents of the file that `write` writes; raises the same errors except OSError."""
        suffix = path.suffix.lower()
        if not suffix:
            raise ValueError(f"{str(path)!r} has no suffix: choose one of {listed()}")
        return encoded(self, suffix)


def graph_of(picture: Picture) -> Graph:
    """Build the Graph of a picture.

    >>> from autograd_tiny.pictures.picture import Box
    >>> graph_of(Picture((Box("n0", "a"),), ())).source.count("n0")
    1
    """
    graph = Graph("gradient", format="svg")
    graph.picture = picture
    fill(graph, picture)
    return graph

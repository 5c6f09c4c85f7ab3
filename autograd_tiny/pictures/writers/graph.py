"""A graphviz.Digraph that also draws where no Graphviz is installed, and that never waits for ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import graphviz  # type: ignore[import-untyped]

from autograd_tiny.engine import files
from autograd_tiny.pictures.picture import Picture
from autograd_tiny.pictures.rendering import render
from autograd_tiny.pictures.writers.dot import fill
from autograd_tiny.pictures.writers.formats import FORMATS, encoded, listed
from autograd_tiny.pictures.writers.svg import finished


class Graph(graphviz.Digraph):  # type: ignore[misc]
    """A graphviz.Digraph that also draws where no Graphviz is installed.

    Where the renderer does not get through with the picture in half of the time that is left, a coarser one is drawn.
    """

    picture: Picture | None = None  # what it shows
    coarser: Callable[[str], Iterator[Graph]] = staticmethod(lambda why: iter(()))  # each says why it is coarser
    seconds: float | None = None  # for all attempts together; None: render.SECONDS

    def pipe(self, format: str | None = None, *args: Any, encoding: str | None = None, **kwargs: Any) -> Any:
        """The picture as bytes, or as text where an encoding is given."""
        format, engine = format or self.format, kwargs.get("engine") or self.engine
        drawn, graph = self._drawn(format, engine)
        if format == "svg" and graph.picture is not None:
            drawn = finished(drawn.decode(), graph.picture.title).encode()
        return drawn if encoding is None else drawn.decode(encoding)

    def _drawn(self, format: str, engine: str) -> tuple[bytes, Graph]:
        """The picture, and the graph that was drawn in the end."""
        end = time.monotonic() + (render.SECONDS if self.seconds is None else self.seconds)
        graph, others, tried = self, None, 1
        while True:
            seconds = (end - time.monotonic()) / 2
            try:
                return render.render(graph.source, format, engine, seconds), graph
            except render.TooSlow as error:
                others = others or self.coarser(
                    f"Coarser than asked for: that was not laid out in {seconds:.2g} seconds."
                )
                following = next(others, None)
                if following is None:
                    also = f" Nor did it get through with {tried - 1} coarser pictures." if tried > 1 else ""
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
        """Write the picture as the suffix of the path says, one of `formats.FORMATS`: whole or not at all.

        Raises ValueError for a path with no suffix, OSError for one that cannot be written, RenderError.
        """
        return files.save(Path(path), self.content(Path(path)))

    def content(self, path: Path) -> bytes:
        """What `write` writes; raises what it raises, but OSError."""
        suffix = path.suffix.lower()
        if not suffix:
            raise ValueError(f"{str(path)!r}: the suffix says what to write: {listed()}")
        return encoded(self, suffix)


def graph_of(picture: Picture) -> Graph:
    """The picture as a Graph.

    >>> from autograd_tiny.pictures.picture import Box
    >>> graph_of(Picture((Box("n0", "a"),), ())).source.count("n0")
    1
    """
    graph = Graph("gradient", format="svg")
    graph.picture = picture
    fill(graph, picture)
    return graph

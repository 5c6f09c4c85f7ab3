"""The picture as a graphviz.Digraph, drawn where no Graphviz is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import graphviz  # type: ignore[import-untyped]

from autograd_tiny import render

INK, VALUE, GRAD, LINE = "#1a1a1a", "#0059a8", "#b54708", "#8a8f98"


class Graph(graphviz.Digraph):  # type: ignore[misc]
    """A graphviz.Digraph that also draws where no Graphviz is installed."""

    def pipe(self, format: str | None = None, *args: Any, encoding: str | None = None, **kwargs: Any) -> Any:
        """The picture as bytes, or as text where an encoding is given."""
        picture = render.render(self.source, format or self.format, kwargs.get("engine") or self.engine)
        return picture if encoding is None else picture.decode(encoding)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **kwargs: Any) -> dict[str, str]:
        return {"image/svg+xml": self.pipe("svg", encoding="utf-8"), "text/plain": self.source}

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
        """Write the picture as the suffix of the path says: .svg, .png, .dot, …"""
        return render.write(self.source, path)

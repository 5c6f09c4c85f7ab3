"""`linked`: draw a network and its scalars as two pictures linked to each other."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack
from urllib.parse import quote, unquote
from xml.etree.ElementTree import Element

from autograd_tiny.engine.files import save_all
from autograd_tiny.engine.provenance import Recording
from autograd_tiny.engine.value import Value
from autograd_tiny.pictures.drawing import draw
from autograd_tiny.pictures.networks.picture import MOST_CIRCLES, network
from autograd_tiny.pictures.options import GraphOptions
from autograd_tiny.pictures.scopes import split
from autograd_tiny.pictures.theme import Color
from autograd_tiny.pictures.writers import svg

NETWORK, SCALARS = "network.svg", "scalars.svg"
# The target of a link is a circle, a box or the frame of a module; its outline is its first shape.
_ARRIVED = ",".join(f".node:target {shape},.cluster:target {shape}" for shape in ("ellipse", "path", "polygon"))


def linked(
    y: Value,
    folder: str | Path,
    recording: Recording | None = None,
    *,
    most: int = MOST_CIRCLES,
    **options: Unpack[GraphOptions],
) -> tuple[Path, Path]:
    """Write network.svg and scalars.svg into a folder; a click on a module in one opens it in the other.

    >>> import tempfile
    >>> from autograd_tiny.nn.modules import MLP
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in linked(MLP(2, [3, 1], seed=0)([1.0, -1.0]), folder)]
    ['network.svg', 'scalars.svg']

    The target of a click is framed. The files contain no script and refer only to each other. `most` is passed to
    `network`, `options` are passed to `draw` for the scalars. Raises what `network` and `draw` raise, RenderError if
    no renderer can draw, and OSError if the folder cannot be written.
    """
    graphs = network(y, recording, most=most, link=SCALARS), draw(y, recording=recording, link=NETWORK, **options)
    circles, scalars = (svg.read(graph.pipe("svg", encoding="utf-8")) for graph in graphs)
    _lead(circles, scalars)
    _lead(scalars, circles)
    Path(folder).mkdir(parents=True, exist_ok=True)
    written = ((NETWORK, circles), (SCALARS, scalars))
    first, second = save_all([(Path(folder, name), svg.written(picture).encode()) for name, picture in written])
    return first, second


def _lead(picture: Element, other: Element) -> None:
    """Point the links of a picture at modules drawn in the other, and add a style for the target of a click.

    A link to a module folded into another leads to the outer one; if only its inner modules are drawn, to the first.
    """
    ids = [found for group in other.iter(f"{svg.SVG}g") if (found := group.get("id"))]
    for link in picture.iter(f"{svg.SVG}a"):
        file, _, path = link.get(svg.HREF, "").partition("#")
        if not path:
            continue
        steps = split(unquote(path))
        outer = [".".join(steps[:n]) for n in range(len(steps), 0, -1)]
        there = [path for path in outer if path in ids] or [path for path in ids if path.startswith(f"{outer[0]}.")]
        link.set(svg.HREF, f"{file}#{quote(there[0])}" if there else file)
    style = picture.find(f"{svg.SVG}style")
    assert style is not None
    style.text = f"{_ARRIVED}{{stroke:{Color.GRAD.light};stroke-width:4}}{style.text}"

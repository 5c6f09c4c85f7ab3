"""A network and its scalars as two pictures that lead to each other."""

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
# A link may lead to a circle, a box or the frame of a module; its outline is the first shape in it.
_ARRIVED = ",".join(f".node:target {shape},.cluster:target {shape}" for shape in ("ellipse", "path", "polygon"))  # fmt: skip


def linked(
    y: Value,
    folder: str | Path,
    recording: Recording | None = None,
    *,
    most: int = MOST_CIRCLES,
    **options: Unpack[GraphOptions],
) -> tuple[Path, Path]:
    """Write network.svg and scalars.svg into a folder; a click on a module in one leads to the same module in the other.

    >>> import tempfile
    >>> from autograd_tiny.nn.modules import MLP
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in linked(MLP(2, [3, 1], seed=0)([1.0, -1.0]), folder)]
    ['network.svg', 'scalars.svg']

    Where one arrives is framed. There is no script in them, and they reach nothing but each other. `most` is as
    for `network`, the options as for `draw`, of the scalars. Raises what `network` and `draw` raise, OSError where the folder cannot be written.
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
    """Turn the links of a picture to what is there, and add a rule for what a link of the other led to.

    Where a module is folded into another, the link leads to that one, where only what is in it is drawn, to the first.
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

"""A network and its scalars as two pictures that lead to each other."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from autograd_tiny.engine.provenance import Recording
from autograd_tiny.engine.value import Value
from autograd_tiny.pictures.drawing import draw
from autograd_tiny.pictures.networks.picture import MOST, network
from autograd_tiny.pictures.rendering import render
from autograd_tiny.pictures.scopes import split
from autograd_tiny.pictures.writers.graph import GRAD

NETWORK, SCALARS = "network.svg", "scalars.svg"
# A link may lead to a circle, a box or the frame of a module; its outline is the first shape in it.
_ARRIVED = ",".join(f".node:target {shape},.cluster:target {shape}" for shape in ("ellipse", "path", "polygon"))


def linked(
    y: Value, folder: str | Path, recording: Recording | None = None, *, most: int = MOST, **asked: Any
) -> tuple[Path, Path]:
    """Write network.svg and scalars.svg into a folder; a click on a module in one leads to it in the other.

    >>> import tempfile
    >>> from autograd_tiny.nn.modules import MLP
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in linked(MLP(2, [3, 1], seed=0)([1.0, -1.0]), folder)]
    ['network.svg', 'scalars.svg']

    Where one arrives is framed. There is no script in them, and they reach nothing but each other. `most` is as for
    `network`, `asked` what `draw` is asked for of the scalars. Raises what `network` and `draw` raise, OSError where
    the folder cannot be written.
    """
    graphs = network(y, recording, most=most, link=SCALARS), draw(y, recording=recording, link=NETWORK, **asked)
    circles, scalars = (graph.pipe("svg", encoding="utf-8") for graph in graphs)
    circles, scalars = _led(circles, scalars), _led(scalars, circles)
    Path(folder).mkdir(parents=True, exist_ok=True)
    first, second = ((NETWORK, circles), (SCALARS, scalars))
    return tuple(render.save(Path(folder, name), svg.encode()) for name, svg in (first, second))  # type: ignore[return-value]


def _led(svg: str, other: str) -> str:
    """The picture with links to what is there, and a rule for what a link of the other led to.

    Where a module is folded into another, the link leads to that one, where only what is in it is drawn, to the first.
    """
    ids = [html.unescape(found) for found in re.findall(r'<g id="([^"]*)"', other)]

    def led(found: re.Match[str]) -> str:
        steps = split(unquote(found[2]))
        outer = [".".join(steps[:n]) for n in range(len(steps), 0, -1)]
        there = [path for path in outer if path in ids] or [path for path in ids if path.startswith(f"{outer[0]}.")]
        return f'xlink:href="{found[1]}{"#" + quote(there[0]) if there else ""}"'

    svg = re.sub(r'xlink:href="([^"#]*)#([^"]*)"', led, svg)
    return svg.replace("<style>", f"<style>{_ARRIVED}{{stroke:{GRAD};stroke-width:4}}", 1)

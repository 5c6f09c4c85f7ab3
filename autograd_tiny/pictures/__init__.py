"""Graphs, ops, functions and networks as pictures.

drawing.py     `draw`: a Value, an op, a function or a program as a graph
options.py     the options of a picture, checked
selection.py   a part of a graph: paths from a value, values near the output, highlighted paths
scopes.py      the module each value belongs to
fold.py        a large graph in few boxes: sums, samples, modules
coarsening.py  pictures of a graph from fine to coarse
builder.py     one way to fold, as a picture
labels.py      the text in a box
captions.py    the lines below a picture: what it folds or leaves out
picture.py     a picture as plain data: boxes, arrows, and how much of the graph they stand for
symbolic.py    the picture of an op and of a function
links.py       `linked`: a network and its scalars, linked to each other
theme.py       the colours, light and dark
measure.py     the width of a text, estimated without a font
networks/      `network`: a network as circles and lines
writers/       write a picture as DOT, SVG, PNG, Mermaid, TikZ
rendering/     the programs that render DOT
doctor.py      the renderers found here, what they can draw, and how to install the missing ones
"""

from typing import TYPE_CHECKING

from autograd_tiny.engine.lazy import lazy

if TYPE_CHECKING:
    from autograd_tiny.pictures.drawing import draw as draw
    from autograd_tiny.pictures.links import linked as linked
    from autograd_tiny.pictures.networks.picture import network as network
    from autograd_tiny.pictures.rendering.render import RenderError as RenderError
    from autograd_tiny.pictures.writers.graph import Graph as Graph

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        ".drawing": "draw",
        ".links": "linked",
        ".networks.picture": "network",
        ".rendering.render": "RenderError",
        ".writers.graph": "Graph",
    },
)

"""Graphs, ops, functions and networks as pictures.

drawing.py     `draw`: a Value, an op, a function or a program as a graph
options.py     the options of a picture, checked
selection.py   a part of a graph: the paths from a value, what is near the output, what is highlighted
scopes.py      the module each value belongs to
fold.py        a large graph in few boxes: sums, samples, modules
coarsening.py  pictures of a graph from fine to coarse
builder.py     one way to fold, as a picture
labels.py      the text in a box
captions.py    what a picture folds or leaves out, in words
picture.py     a picture as plain data: boxes, arrows, and how much of the graph they stand for
symbolic.py    the picture of an op and of a function
links.py       `linked`: a network and its scalars, each leading to the other
theme.py       every colour, light and dark
measure.py     the width of a text where no font can be asked
networks/      `network`: a network as people draw one
writers/       a picture as DOT, SVG, PNG, Mermaid, TikZ
rendering/     the programs that render DOT
doctor.py      which of them draws here, what it can, and how to install what is missing
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

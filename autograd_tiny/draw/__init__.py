"""The graph of a Value as a picture.

picture.py  what is drawn, as plain data: boxes, arrows, and how much of the graph they stand for
values.py   from Values to a picture
graph.py    the picture as a graphviz.Digraph, drawn where no Graphviz is installed
"""

from autograd_tiny.draw.graph import GRAD, INK, LINE, VALUE, Graph
from autograd_tiny.draw.values import LIMIT, draw, shown

__all__ = ["GRAD", "INK", "LIMIT", "LINE", "VALUE", "Graph", "draw", "shown"]

"""Draw a network as circles and lines.

graph.py    circles and lines, derived from the graph that the modules computed
layout.py   positions of the circles and lines
picture.py  `network`
"""

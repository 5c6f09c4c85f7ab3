"""A network as people draw one.

graph.py    layers of neurons, read off the graph of what they computed
layout.py   circles and lines, each in its place
picture.py  `network`
"""

"""A picture in a format.

graph.py    a graphviz.Digraph, drawn where no Graphviz is installed
dot.py      a picture as such a graph
quoting.py  text within DOT
svg.py      the renderer's SVG made fit for any page, light and dark
mermaid.py  a Mermaid flowchart
tikzpicture.py  a LaTeX document
latex.py    text and curves in LaTeX
"""

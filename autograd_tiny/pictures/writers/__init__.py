"""A picture in a format.

graph.py    a graphviz.Digraph, drawn where no Graphviz is installed
formats.py  the formats, a row each: who writes it, and what that needs
dot.py      the text that Graphviz draws
quoting.py  text within DOT
svg.py      the renderer's SVG made fit for any page, light and dark
mermaid.py  a Mermaid flowchart
tikzpicture.py  a LaTeX document
latex.py    text and curves in LaTeX
"""

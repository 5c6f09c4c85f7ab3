"""Write a picture in a file format.

graph.py    a graphviz.Digraph that draws without an installed Graphviz
formats.py  the formats, a row each: its writer and what that needs
dot.py      DOT text
quoting.py  escape text for DOT
svg.py      adapt the renderer's SVG to light and dark pages
mermaid.py  a Mermaid flowchart
tikzpicture.py  a LaTeX document
latex.py    text and curves in LaTeX
"""

"""Views of a trace.

terminal.py  every step, printed
prompt.py    a prompt like pdb's
layout.py    positions of boxes and arrows on the page
boxes.py     boxes and arrows as an SVG of a page
scene.py     texts and sizes of the frames
sequence.py  a picture per step, a GIF, a filmstrip, TikZ
page/        one web page
slides/      one web page with a slide per step
worksheet/   a work sheet to fill in
"""

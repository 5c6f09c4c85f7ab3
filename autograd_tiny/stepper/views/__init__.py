"""Views of a trace.

terminal.py     every step, printed
prompt.py       a prompt like pdb's
layout.py       positions of boxes, arrows and frames on the page
short_names.py  w₀ for layers[0].neurons[3].w[0]
boxes.py        boxes and arrows as an SVG of a page
program.py      the lines of the user's file, or statements written from the graph
scene.py        texts and sizes of the frames
sequence.py     a picture per step, a GIF, a filmstrip, TikZ
page/           one web page
slides/         one web page with a slide per step
worksheet/      a work sheet to fill in
"""

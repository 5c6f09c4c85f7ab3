"""What shows a trace.

terminal.py  every step, printed
prompt.py    a prompt in the manner of pdb
layout.py    where the boxes go
scene.py     what is seen at each step
sequence.py  a picture per step, a GIF, a filmstrip, TikZ
page/        one web page
"""

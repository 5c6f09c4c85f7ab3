"""Render DOT with an external program.

render.py  DOT to bytes, by the first renderer found
plain.py   DOT to positions of boxes and splines
"""

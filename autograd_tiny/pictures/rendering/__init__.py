"""The programs that render DOT.

render.py  DOT to bytes, by the first renderer that is there
plain.py   where a renderer puts boxes and arrows
"""

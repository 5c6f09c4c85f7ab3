"""The programs that render DOT.

render.py  DOT to bytes, by the first renderer that is there
plain.py   where a renderer puts boxes and arrows
doctor.py  which renderer draws here, what it can, and how to install what is missing
"""

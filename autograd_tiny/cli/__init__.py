"""The command `autograd-tiny`.

main.py  its verbs
"""

"""The command `autograd-tiny`.

main.py      the verbs and their options
process.py   what the process refuses, and how it is ended from outside
userfile.py  a file of the user's, loaded and told apart from ours
"""

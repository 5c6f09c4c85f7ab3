"""The command `autograd-tiny`.

main.py      the parser and the exit codes
verbs.py     the table of verbs: name, help, arguments, function
target.py    expressions and functions of files, numbers and domains
process.py   what the process refuses, and how it is ended from outside
userfile.py  a file of the user's, loaded and told apart from ours
"""

"""The command `autograd-tiny`.

main.py      the parser and the exit codes
verbs.py     the table of verbs: name, help, arguments, function
learning.py  train, predict and evaluate
target.py    expressions and functions of files, numbers and domains
process.py   refusals, signals and messages on standard error
userfile.py  loads a file of the user's, apart from this package
"""

"""The command `autograd-tiny`.

main.py        the parser and the exit codes
verbs.py       the table of verbs: name, help, arguments, function
learning.py    train, predict and evaluate
teaching.py    slides, frames, gif, filmstrip and worksheet
exercising.py  exercise and answer
examining.py   judges a learner's answer, with a number that shows what is wrong
exercises/     the exercises, as data
numbers.py     numbers of options
outputs.py     files to be written, checked before the work
target.py      expressions and functions of files, numbers and domains
process.py     refusals, signals and messages on standard error
userfile.py    loads a file of the user's, apart from this package
"""

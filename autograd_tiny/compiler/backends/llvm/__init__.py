"""Write programs in LLVM assembly, compile them, and call them.

steps.py      write one step
functions.py  cut a program into functions of bounded size
blocks.py     pack the inputs of a block of samples into vectors
sums.py       sum over lanes and shards
loops.py      loop over blocks and shards
pieces.py     cut a module into modules of bounded size
engine.py     compile assembly and load the code
interpreter.py  write an interpreter of programs
interpreted.py  run a program by the interpreter
entry.py      call the code with floats, as a builtin function
kernel.py     call the code with numbers
objects.py    how Python's objects lie in memory, and builtin functions
walks.py      functions that walk Python's objects, as words of a table tell them
reader.py     read arguments, compare what a function reads, and rebuild results
"""

"""Write programs in LLVM assembly, compile them, and call them.

written.py    write one step
functions.py  cut a program into functions of bounded size
accesses.py   where the operands of a repeated block lie
chains.py     loop over equal blocks of a long program
blocks.py     pack the inputs of a block of samples into vectors
layered.py    loop over the layers of a program, instead of straight-line functions
rows.py       part the rows of layers by how long they are needed
tiles.py      inner loops of matrix and outer products
gathering.py  gather shared numbers in the order that loops read them
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

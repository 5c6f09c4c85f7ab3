"""Write programs in LLVM assembly, compile them, and call them.

steps.py      write one step
functions.py  cut a program into functions of bounded size
blocks.py     pack the inputs of a block of samples into vectors
layered.py    loop over the layers of a program, instead of straight-line functions
tiles.py      inner loops of matrix and outer products
gathering.py  gather shared numbers in the order that loops read them
sums.py       sum over lanes and shards
loops.py      loop over blocks and shards
engine.py     compile assembly and load the code
entry.py      call the code with floats, as a builtin function
kernel.py     call the code with numbers
"""

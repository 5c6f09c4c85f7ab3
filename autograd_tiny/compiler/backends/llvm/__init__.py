"""Programs in LLVM's assembly and as machine code.

steps.py      what a step is in the assembly
functions.py  a program cut into functions of bounded size
blocks.py     blocks of samples: their inputs, and the functions on them
sums.py       sums over lanes and shards
loops.py      the loops over all of it
engine.py     assembly to code in memory
kernel.py     code that is called with numbers
"""

"""Compile and run a program: `build(program)` of each backend returns a kernel, a function of numbers.

registry.py   `Backend`: the table of backends, those of other packages, and the choice among them
to_python.py  Python without other packages
to_numpy.py   NumPy array calls
to_llvm.py    machine code, by LLVM
llvm/         write a program in LLVM assembly, compile it, and call it
to_c.py       C, by the system's compiler
to_jax.py     JAX

text.py       source text of a program: Python, NumPy, C, JAX
matrices.py   run layers as NumPy array calls
schedule.py   group independent steps by level
repeats.py    find repeated blocks of steps
pool.py       thread pool for batches
tiers.py      run a program at once, and faster once it is compiled
background.py build in the background
cache.py      cache of compiled code on disk
"""

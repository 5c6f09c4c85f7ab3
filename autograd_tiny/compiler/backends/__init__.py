"""Who runs a program: each has `build(program)`, which gives a kernel, a function of numbers.

registry.py   `Backend`: which there are, what they need, which is taken; those of other packages
to_python.py  Python of the standard library
to_numpy.py   array calls
to_llvm.py    machine code by LLVM
llvm/         a program as LLVM's assembly, and the assembly as machine code
to_c.py       C, compiled by the system's compiler
to_jax.py     JAX

text.py       a program as text: Python, NumPy, C, JAX
schedule.py   the steps of a program that do not wait for each other
pool.py       threads that share a batch
cache.py      compiled code kept for the next process
"""

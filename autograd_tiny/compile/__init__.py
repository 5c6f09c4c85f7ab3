"""A function recorded once and replayed as compiled code.

jit.py        `jit`: what a call is given, and what it gets
ways.py       the recordings of a function, and which of them serves which sample
arguments.py  the structure of arguments and results, and their numbers in a row
program.py    the recording as a flat list of steps
passes.py     a program made shorter
lower.py      a program in what a machine has
blame.py      where a result that is nan or inf began
sparse.py     sparse Jacobians and Hessians
collector.py  Python's cyclic collector, paused

source.py     a program as text: Python, NumPy, C, JAX
levels.py     the steps of a program that do not wait for each other

and the backends, each with `build(program)`, which gives a kernel, a function of numbers:
to_python.py  Python of the standard library
to_numpy.py   array calls
to_llvm.py    machine code by LLVM; llvm/__init__.py says how
to_c.py       C, compiled by the system's compiler
to_jax.py     JAX

pool.py       threads that share a batch
disk.py       compiled code kept for the next process
"""

from autograd_tiny.compile.jit import Jitted, jit
from autograd_tiny.compile.program import Program, Step

__all__ = ["Jitted", "Program", "Step", "jit"]

"""Trace a function once and replay it as compiled code.

jitted.py     `jit`: check a call, choose the compiled code, rebuild the result
variants.py   specialised traces of a function, one per path through its branches
layout.py     what must be the same in the arguments of each call, and where their numbers are
flatten.py    code that checks and flattens arguments of one structure
arguments.py  flatten arguments into rows of numbers, and rebuild results from them
surroundings.py  what a function reads besides its arguments
readers.py    what objects of libraries hold: views, weak references, tables, …
pickles.py    pickle functions and their traces
programs.py   a program as JSON data
recordings.py a trace as JSON data
saved.py      save traces to a file, and load them
kept.py       keep traces in the cache, for other processes
fingerprint.py  text that names arguments and surroundings, the same in every process
outside.py    notice files and processes that a function uses while traced
randomness.py notice random numbers drawn while tracing
rewriting.py  write the columns of a program anew
passes.py     dead-code elimination, constant folding, common-subexpression elimination
layers.py     find matrix products, outer products and equal expressions in a flat program
lower.py      lower ops to machine instructions and calls of the C library
nonfinite.py  find the sample where a result became nan or inf
sparse.py     sparse Jacobians and Hessians
entries.py    their entries as outputs of a program
collector.py  pause Python's cyclic garbage collector
backends/     compile and run a program: LLVM, NumPy, Python, C, JAX
"""

from typing import TYPE_CHECKING

from autograd_tiny.engine.lazy import lazy

if TYPE_CHECKING:
    from autograd_tiny.compiler.backends.registry import Backend as Backend
    from autograd_tiny.compiler.backends.registry import source as source
    from autograd_tiny.compiler.jitted import Jitted as Jitted
    from autograd_tiny.compiler.jitted import jit as jit
    from autograd_tiny.compiler.jitted import load as load
    from autograd_tiny.compiler.sparse import sparse_hessian as sparse_hessian
    from autograd_tiny.compiler.sparse import sparse_jacobian as sparse_jacobian
    from autograd_tiny.transforms.program import Program as Program
    from autograd_tiny.transforms.program import Step as Step

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        ".jitted": "Jitted jit load",
        "..transforms.program": "Program Step",
        ".sparse": "sparse_hessian sparse_jacobian",
        ".backends.registry": "Backend source",
    },
)

"""A function recorded once and replayed as compiled code.

jitted.py     `jit`: what a call is given, and what it gets
variants.py   the variants of a function, one for each way through its branches, and which serves which sample
arguments.py  the structure of arguments and results, and their numbers in a row
passes.py     a program made shorter
lower.py      a program in what a machine has
nonfinite.py  where a result that is nan or inf began
sparse.py     sparse Jacobians and Hessians
collector.py  Python's cyclic collector, paused
backends/     who runs a program: LLVM, NumPy, Python, C, JAX
"""

from typing import TYPE_CHECKING

from autograd_tiny.engine.lazy import lazy

if TYPE_CHECKING:
    from autograd_tiny.compiler.backends.registry import Backend as Backend
    from autograd_tiny.compiler.backends.registry import source as source
    from autograd_tiny.compiler.jitted import Jitted as Jitted
    from autograd_tiny.compiler.jitted import jit as jit
    from autograd_tiny.compiler.sparse import sparse_hessian as sparse_hessian
    from autograd_tiny.compiler.sparse import sparse_jacobian as sparse_jacobian
    from autograd_tiny.transforms.program import Program as Program
    from autograd_tiny.transforms.program import Step as Step

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        ".jitted": "Jitted jit",
        "..transforms.program": "Program Step",
        ".sparse": "sparse_hessian sparse_jacobian",
        ".backends.registry": "Backend source",
    },
)

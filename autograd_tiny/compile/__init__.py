"""A function recorded once and replayed as compiled code.

jit.py        `jit`: which recording serves a call, and the ways through its branches
arguments.py  the structure of arguments and results, and their numbers in a row
program.py    the recording as a flat list of steps
passes.py     a program made shorter
lower.py      a program in what a machine has
to_python.py  a program as Python of the standard library
"""

from autograd_tiny.compile.jit import Jitted, jit
from autograd_tiny.compile.program import Program, Step

__all__ = ["Jitted", "Program", "Step", "jit"]

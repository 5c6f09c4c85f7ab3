"""Derivatives of functions, with JAX's names, and functions traced to programs.

absence.py      factors that are absent, not 0
dual.py         forward mode
tape.py         the columns that a recording is written in
threads.py      threads that belong to a trace or a derivative
tracer.py       abstract numbers used while tracing
numpy_extremes.py  NumPy's maximum, clip and sort of arrays of traced numbers
extremes.py     builtin `max`, `min` and `sorted` of traced numbers
argnums.py      arguments to differentiate with respect to, by position or by name
reverse.py      the reverse sweep over a recording, by templates
derived.py      the function that a transform returns
libraries.py    errors of NumPy and SciPy on arrays of numbers that are differentiated
floats.py       the error of a method of Value called on a float
making.py       parameters that a Module makes while it is differentiated
doors.py        numbers that a function reaches by another way than its arguments
derivatives.py  `grad`, `value_and_grad`, `jvp`, `vjp`, `jacobian`, `hessian`, `hvp`, `stop_gradient`
program.py      a traced function as a flat list of steps
columns.py      a program as columns of op codes and operands
"""

from autograd_tiny.transforms.derivatives import (
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    stop_gradient,
    value_and_grad,
    vjp,
)
from autograd_tiny.transforms.program import Program, Step

__all__ = [
    "Program",
    "Step",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "stop_gradient",
    "value_and_grad",
    "vjp",
]


def __dir__() -> list[str]:
    return __all__

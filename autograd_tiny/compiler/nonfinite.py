"""Find the first non-finite sample by bisection and run it again without compilation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NoReturn

from autograd_tiny.compiler.arguments import Arguments
from autograd_tiny.engine.provenance import tracing
from autograd_tiny.engine.tree import leaves
from autograd_tiny.engine.value import Value
from autograd_tiny.transforms.tracer import number


def raise_where_it_began(f: Callable[..., Any], given: Arguments, finite: Callable[[Arguments], bool]) -> NoReturn:
    """Run f on Values with the first sample whose result is not finite, and raise what it raises.

    If it raises nothing, raise a FloatingPointError with the report of `diagnose`. `finite` returns True if the
    compiled function gives finite numbers for a part of the samples.
    """
    from autograd_tiny.stepper.diagnosis import diagnose  # most programs never need them
    from autograd_tiny.stepper.traces import trace

    start, stop = 0, given.size or 1
    while stop - start > 1:  # the first non-finite sample lies in the first half, unless that is finite
        middle = (start + stop) // 2
        start, stop = (middle, stop) if finite(given.part(start, middle)) else (start, middle)
    where = f"in sample {start}: " if given.size else ""
    if given.size and finite(given.part(start, stop)):
        raise FloatingPointError("the result of each sample is finite, but their sum is not")
    with tracing() as recording:
        args, kwargs, _ = given.traced(start, lambda numbers, names: [*map(Value, numbers, names)])
        try:
            returned = f(*args, **kwargs)
        except (ValueError, ArithmeticError) as error:
            error.add_note(f"{where}raised by the function itself, run again because the compiled code gave nan or inf")
            raise
        for path, y in leaves(returned, "the result"):
            if not math.isfinite(number(y)):
                found = diagnose(trace(y, recording)) if isinstance(y, Value) else ""
                raise FloatingPointError(f"{where}{path} is {number(y)}: {found}")
    raise FloatingPointError(f"{where}the compiled code gave nan or inf, but the function itself gives finite numbers")

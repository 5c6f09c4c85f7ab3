"""`lbfgs`: minimise a function of few or many numbers by SciPy's L-BFGS-B on the compiled gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from autograd_tiny.compiler import jit
from autograd_tiny.engine.extras import needed_by
from autograd_tiny.engine.tree import is_module, leaves, rebuild
from autograd_tiny.engine.value import Value
from autograd_tiny.transforms.derivatives import value_and_grad


def lbfgs(f: Callable[..., Any], x0: Any, *batch: Any, **options: Any) -> Any:
    """Minimise f from x0 on by L-BFGS-B (Byrd, Lu, Nocedal and Zhu, 1995); return SciPy's result.

    >>> rosenbrock = lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    >>> found = lbfgs(rosenbrock, [-1.2, 1.0])
    >>> [round(x, 4) for x in found.x], found.success
    ([1.0, 1.0], True)

    With arrays in `batch`, f is the loss of one sample, and the mean over the samples is minimised:

    >>> found = lbfgs(lambda w, x, y: (w[0] * x + w[1] - y) ** 2, [0.0, 0.0], [0.0, 1.0, 2.0], [1.0, 3.0, 5.0])
    >>> [round(w, 4) for w in found.x]
    [2.0, 1.0]

    x0 is a float, an array, a Module or any container that f takes; `found.x` is a new one like it. f is compiled, and
    reads its data from closures or globals. `options` are those of `scipy.optimize.minimize`, such as tol=1e-10,
    bounds=[(0, 1), (0, None)] or options={"maxiter": 100}. Raises ValueError if f or its gradient is not finite at x0.
    """
    if not callable(f):
        raise TypeError(f"lbfgs takes a function, got {f!r:.60}")
    with needed_by("lbfgs"):
        import numpy as np
        from scipy.optimize import minimize
    start = [(path, x.data if isinstance(x, Value) else x) for path, x in leaves(x0, "x0")]
    if not start:
        raise ValueError(f"lbfgs: x0 holds no numbers: {x0!r:.60}")
    g = value_and_grad(lambda x, *sample: f(rebuild(x0, [*x]), *sample))
    names = [f"argument {i + 1}" for i in range(len(batch))]  # as `jit` calls them
    compiled = jit(g, batch=names, reduce="mean") if batch else jit(g)
    first = np.array([x for _, x in start], float)
    y, slopes = compiled(first, *batch)
    for what, number in [("f", y), *[(f"∂f/∂{path}", g) for (path, _), g in zip(start, slopes, strict=True)]]:
        if not math.isfinite(number):
            raise ValueError(f"lbfgs: {what} is {number} at x0: start where f and its gradient are finite")
    found = minimize(compiled, first, batch, jac=True, method="L-BFGS-B", **options)
    found.x = rebuild(x0, map(Value, found.x.tolist()) if is_module(x0) else found.x.tolist())
    return found

"""Measure one backend at one size, in its own process: time to trace, to compile and to run, and memory.

Run: python benchmarks/growth.py llvm 1000, or python benchmarks/growth.py batch 1024. It prints, as JSON, seconds to
trace, to compile and to run, bytes, and a result that must be the same for every backend.
"""

import importlib
import json
import resource
import time
from pathlib import Path
from pkgutil import resolve_name

import numpy as np
from quick import parser

INPUTS = 20
x = np.linspace(0.1, 1.0, INPUTS)


def steps(x, n):
    """Compute n ops, each on results of ops far back."""
    xs = [x[i % INPUTS] for i in range(2 * INPUTS)]
    for k in range(n // 2):
        xs[k % 40] = xs[(7 * k + 1) % 40] * xs[(3 * k + 2) % 40] + 0.5
    return sum(xs[1:], xs[0])


def ours(backend, n):
    from autograd_tiny.compiler import jit
    from autograd_tiny.compiler.backends.registry import named

    build = resolve_name(named(backend).build)
    program, recording = taking(lambda: jit(lambda x: steps(x, n), backend=backend).program(x))
    kernel, compiling = taking(lambda: build(program))
    return recording, compiling, lambda: kernel(x)


def batch(n):
    """Compile the MLP 2-16-16-1 for n samples."""
    from autograd_tiny.compiler import jit
    from autograd_tiny.nn.modules import MLP
    from autograd_tiny.transforms.derivatives import value_and_grad

    model, rng = MLP(2, [16, 16, 1], seed=0), np.random.default_rng(0)
    xs, ys = rng.normal(size=(n, 2)), np.where(rng.random(n) < 0.5, -1.0, 1.0)
    w = np.array([p.data for p in model.parameters()])
    loss = value_and_grad(lambda w, x, y: (1 + -y * model.with_parameters(w)(x)).relu())
    f = jit(loss, batch=("x", "y"), reduce="mean", contract=True, wait=True)
    _, first = taking(lambda: f(w, xs, ys))
    return 0.0, first, lambda: f(w, xs, ys)


def taking(f):
    start = time.perf_counter()
    found = f()
    return found, time.perf_counter() - start


def peak():
    """Peak memory in bytes, from /proc, because getrusage may count the process before exec."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(engine, n, quick):
    for name in ("llvmlite.binding", "autograd_tiny.compiler.backends.to_llvm") if engine == "llvm" else ():
        importlib.import_module(name)
    before = peak()
    recording, compiling, call = batch(n) if engine == "batch" else ours(engine, n)
    result = call()
    times = []
    while len(times) < 3 or (sum(times) < 0.2 and not quick):
        times.append(taking(call)[1])
    first = (
        result
        if isinstance(result, (float, int))
        else np.asarray(result[0] if engine == "batch" else result).ravel()[0]
    )
    print(json.dumps([recording, compiling, min(times), peak() - before, float(first)]))


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument(
        "backend", nargs="?", default="llvm", help="llvm, numpy, python, c; or batch, to grow the batch by llvm"
    )
    arguments.add_argument("n", nargs="?", type=int, default=1_000, help="steps, or samples of a batch")
    given = arguments.parse_args()
    main(given.backend, min(given.n, 20) if given.quick else given.n, given.quick)

"""Time the two tiers of compiled functions: the interpreter, and the machine code built behind it.

Run: python benchmarks/tiers.py [steps …]. Each row is its own process, with an empty cache of compiled code.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
from growth import INPUTS, peak, steps, taking
from quick import parser

HEADS = ("steps", "tier", "first call, s", "compiled after, s", "longest call, ms", "a call then, µs", "peak, MB")


def speed(n, quick):
    """Print the time of an op by either tier: once, and for each sample of a batch."""
    from autograd_tiny.compiler import jit
    from autograd_tiny.compiler.backends import to_llvm
    from autograd_tiny.compiler.backends.llvm import engine, kernel
    from autograd_tiny.compiler.backends.llvm.interpreted import interpreted
    from autograd_tiny.compiler.lower import prepared
    from autograd_tiny.transforms.derivatives import value_and_grad

    x, lanes = np.linspace(0.1, 1.0, INPUTS), engine.machine().lanes
    print(f"{'ns per op and sample':24}{'interpreted':>12}{'compiled':>12}")
    for size in (None, 1, 64, 1024):
        batch = {} if size is None else {"batch": "x", "reduce": "sum"}
        given = [x.tolist()] * (size or 1)
        program = prepared(jit(value_and_grad(lambda x: steps(x, n)), **batch).program(given if batch else given[0]))
        calls = []
        for code in (interpreted(program), engine.Code(engine.compiled(to_llvm.source(program)))):
            if batch:
                f, rows = kernel.batched(program, code, lanes, 1), np.array(given)
                calls.append(lambda f=f, rows=rows: f([], [rows], size))
            else:
                calls.append(lambda f=kernel.single(program, code): f(x))
        best = [float("inf")] * 2
        for _ in range(3 if quick else 30):
            best = [min(b, taking(call)[1]) for b, call in zip(best, calls, strict=True)]
        ops = len(program.steps) * (size or 1)
        name = "without a batch" if size is None else f"batch of {size:,}"
        print(f"{name:24}{best[0] / ops * 1e9:12.2f}{best[1] / ops * 1e9:12.2f}")


def first(n, wait):
    """Print, as JSON, a row of the table of first calls."""
    from autograd_tiny.compiler import jit
    from autograd_tiny.compiler.backends import to_llvm  # noqa: F401 - imports are not timed
    from autograd_tiny.transforms.derivatives import value_and_grad

    x = np.linspace(0.1, 1.0, INPUTS).tolist()
    f = jit(value_and_grad(lambda x: steps(x, n)), wait=wait)
    y, seconds = taking(lambda: f(x))
    memory, start, longest = peak(), time.perf_counter(), 0.0
    (variant,) = [variant for variants in f._variants.values() for variant in variants.known]
    while hasattr(variant.kernel, "wait"):
        again, took = taking(lambda: f(x))
        assert again == y
        longest = max(longest, took)
        time.sleep(0.001)
    after = time.perf_counter() - start
    then = min(taking(lambda: f(x))[1] for _ in range(10))
    print(
        json.dumps([n, "compiled" if wait else "interpreted", seconds, after, longest * 1e3, then * 1e6, memory / 1e6])
    )


def main(sizes, quick):
    speed(100 if quick else 4000, quick)
    print("".join(f"{head:>20}" for head in HEADS))
    for n in sizes:
        for wait in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                done = subprocess.run(
                    [sys.executable, __file__, "--row", "wait" if wait else "at once", str(n)],
                    capture_output=True, text=True, check=True, env={**os.environ, "AUTOGRAD_TINY_CACHE": folder},
                )  # fmt: skip
            print("".join(f"{x:20,.3f}" if isinstance(x, float) else f"{x:>20}" for x in json.loads(done.stdout)))


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument("sizes", nargs="*", type=int, help="steps")
    arguments.add_argument("--row", choices=["wait", "at once"], help="print one row only, as JSON")
    given = arguments.parse_args()
    if given.row:
        first(*given.sizes, given.row == "wait")
    else:
        main(given.sizes or ([400] if given.quick else [1_000, 10_000]), given.quick)

"""Measure what comes before machine code: to record f, to derive its gradient, and to lower and optimise both.

Run: python benchmarks/recording.py, or with other numbers of steps: python benchmarks/recording.py 1000 30000. Each row
is a process of its own; times are minima of a few runs, in seconds of the processor; the memory is the peak above what
the imports take.
"""

import gc
import json
import subprocess
import sys
import time

import numpy as np
from growth import peak, steps
from quick import parser

SIZES = (1_000, 10_000, 100_000)
FUNCTIONS = ("chain", "mixed")
x = np.linspace(0.1, 1.0, 20)


def mixed(x, n):
    """Compute n ops of several kinds, with branches selected and constants of their own."""
    from autograd_tiny.engine import ops

    xs = [x[i % 20] for i in range(40)]
    for k in range(n // 8):
        a, b = xs[(7 * k + 1) % 40], xs[(3 * k + 2) % 40]
        xs[k % 40] = ops.tanh(a * b + k / n) - 0.5 * ops.maximum(a, b) / (1.0 + b * b)
    return sum(xs[1:], xs[0])


def measure(name, n, rounds):
    """Print seconds to record, derive and prepare, and the peak in MB, as JSON."""
    from autograd_tiny.compiler import jit
    from autograd_tiny.compiler.lower import prepared
    from autograd_tiny.transforms.derivatives import value_and_grad

    made = {"chain": steps, "mixed": mixed}[name]
    unknown = object()  # without a name in other processes, so that nothing is kept for them
    f = lambda x: made(x, n) if unknown else 0.0  # noqa: E731
    jit(value_and_grad(lambda x: made(x, 16))).program(x)  # what is made once in a process
    before, found = peak(), []
    for _ in range(rounds):
        gc.collect()
        recording = taking(lambda: jit(f).program(x))[1]
        program, deriving = taking(lambda: jit(value_and_grad(f)).program(x))
        high = peak() - before
        found.append((recording, deriving - recording, taking(lambda: prepared(program))[1]))
    print(json.dumps([*map(min, zip(*found, strict=True)), high / 1e6]))


def taking(f):
    start = time.process_time()
    found = f()
    return found, time.process_time() - start


def main(sizes, rounds):
    print("function   steps    record    derive   lower and passes      sum   peak")
    for name in FUNCTIONS:
        for n in sizes:
            run = [sys.executable, __file__, "--one", name, str(n), str(rounds)]
            record, derive, prepare, high = json.loads(subprocess.run(run, capture_output=True, check=True).stdout)
            whole = record + derive + prepare
            print(f"{name:8}{n:8,}{record:8.4f} s{derive:8.4f} s{prepare:17.4f} s{whole:7.4f} s{high:4.0f} MB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        measure(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        arguments = parser(__doc__)
        arguments.add_argument("sizes", nargs="*", type=int, default=SIZES, help="numbers of steps")
        given = arguments.parse_args()
        main((40, 80) if given.quick else given.sizes, 1 if given.quick else 3)

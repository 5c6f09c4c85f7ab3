"""Measure what a call of a compiled function costs besides its machine code, for arguments as people have them.

Run: make bench-calls

Each time is the minimum of interleaved rounds and includes the call from Python. "Kernel" is the same machine code,
called with one array of numbers. Floors: a function of C called by ctypes, a function that does nothing.
"""

import ctypes
import os
import tempfile

os.environ["AUTOGRAD_TINY_CACHE"] = tempfile.mkdtemp()  # each run compiles anew

import numpy as np
import race
from quick import parser
from race import console, cpus, least, shown, targets
from rich.table import Table

from autograd_tiny.compiler import jit
from autograd_tiny.nn.modules import MLP
from autograd_tiny.transforms.derivatives import value_and_grad

SAMPLES = 100


def hinge(model, x, y):
    return (1 + -y * model(x)).relu()


def squares(tree):
    return sum(x * x for x in tree)


def rows_of(n, width=16):
    return {f"w{i}": [[float(j + k) for j in range(width)] for k in range(width)] for i in range(n // width**2)}


def networks():
    """Calls of one step of training, by the way in which the parameters come."""
    model, rng = MLP(2, [16, 16, 1], seed=0), np.random.default_rng(0)
    x, y = rng.normal(size=(SAMPLES, 2)), np.where(rng.random(SAMPLES) < 0.5, -1.0, 1.0)
    w = np.array([p.data for p in model.parameters()])
    options = {"batch": ("x", "y"), "reduce": "mean", "contract": True}
    by_array = jit(value_and_grad(lambda w, x, y: hinge(model.with_parameters(w), x, y)), **options)
    by_model = jit(value_and_grad(lambda model, x, y: hinge(model, x, y)), **options)
    closed = jit(lambda x, y: hinge(model, x, y), **options)
    rows, labels = x.tolist(), y.tolist()
    many_x, many_y = np.tile(x, (10, 1)), np.tile(y, 10)
    return {
        "step(array, X, y)": (lambda: by_array(w, x, y), kernel_of(by_array, w, x, y)),
        "step(model, X, y)": (lambda: by_model(model, x, y), None),
        "step(array, X, y), 10 times the samples": (lambda: by_array(w, many_x, many_y), None),
        "step(model, X, y), 10 times the samples": (lambda: by_model(model, many_x, many_y), None),
        "step(model=…, x=…, y=…)": (lambda: by_model(model=model, x=x, y=y), None),
        "step(model, rows in lists)": (lambda: by_model(model, rows, labels), None),
        "loss(X, y), closed over the model": (lambda: closed(x, y), None),
    }


def kernel_of(f, w, x, y):
    f(w, x, y)
    kernel = next(iter(f._variants.values())).known[0].kernel
    return lambda: kernel(w, [x, y], len(x))


def numbers(few=200, many=4096):
    """Calls of small functions of numbers in containers."""
    two = jit(lambda x, y: x * y + x)
    both = jit(value_and_grad(lambda x, y: x * y + x, (0, 1)))
    flat = {f"w{i}": float(i) for i in range(few)}
    deep = rows_of(many)
    of_dict = jit(value_and_grad(lambda tree: squares(tree.values())))
    of_rows = jit(value_and_grad(lambda tree: squares(x for rows in tree.values() for row in rows for x in row)))
    array = np.random.default_rng(0).normal(size=(SAMPLES, 2))
    of_array = jit(value_and_grad(lambda a: (a * a).sum()))
    product = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_double)(lambda x, y: x * y)
    hypot = ctypes.CDLL(None).hypot if os.name == "posix" else product
    hypot.restype, hypot.argtypes = ctypes.c_double, [ctypes.c_double, ctypes.c_double]
    return {
        "two floats": (lambda: two(2.0, 3.0), None),
        "  a function of Python": (lambda: (lambda x, y: x * y + x)(2.0, 3.0), None),
        "  a function of C by ctypes": (lambda: hypot(2.0, 3.0), None),
        "two floats, with gradients": (lambda: both(2.0, 3.0), None),
        f"dict of {few:,}": (lambda: of_dict(flat), None),
        f"dict of {many:,}, in rows": (lambda: of_rows(deep), None),
        f"array of {SAMPLES} × 2": (lambda: of_array(array), None),
    }


def main():
    race.quick = parser(__doc__).parse_args().quick
    cpus(1)
    entered = {**numbers(), **networks(), "nothing": (lambda: None, None)}
    calls = {name: call for name, (call, _) in entered.items()}
    calls |= {f"  kernel of {name}": kernel for name, (_, kernel) in entered.items() if kernel}
    for _ in range(4):
        for call in calls.values():
            call()
    best = least(calls, 0.4)
    table = Table("", "a call", title="Calls of compiled functions")
    for name, seconds in best.items():
        table.add_row(name, shown(seconds))
    console.print(table)
    alone, step = best["two floats"] - best["nothing"], best["step(array, X, y)"]
    more = ", 10 times the samples"
    few, many = best["dict of 200"], best["dict of 4,096, in rows"]
    targets(
        "Targets",
        [
            ("two floats, ns", alone * 1e9, "≤", 150),
            ("dict of 200, µs: 2 + 0.04 a number", few * 1e6, "≤", 10),
            ("dict of 4,096, µs", many * 1e6, "≤", 2 + 0.04 * 4096),
            ("step(model, X, y) over step(array, X, y)", best["step(model, X, y)"] / step, "≤", 1.3),
            (
                "the same with 10 times the samples",
                best[f"step(model, X, y){more}"] / best[f"step(array, X, y){more}"],
                "≤",
                1.3,
            ),
        ],
    )


if __name__ == "__main__":
    main()

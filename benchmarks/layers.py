"""Compare networks compiled as loops over their layers with JAX, NumPy by hand and the processor's limit.

Run: python benchmarks/layers.py, or with the names of some networks, such as 2-64-64-1.

Each time is of the loss and its gradient with respect to all weights, the minimum over interleaved rounds on one
processor and one thread, with the call from Python. "flops" are two per weight and sample and product: forward, to the
inputs but those of the first layer, to the weights. The limit is their number over the rate of a loop of fused
multiply-adds in registers, in C.
"""

import os
import tempfile
import time
from itertools import pairwise

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_ENABLE_X64"] = "1"
os.environ["AUTOGRAD_TINY_CACHE"] = tempfile.mkdtemp()  # each run compiles anew

import numpy as np  # noqa: E402 - after the environment is set
import race as pace  # noqa: E402
from quick import parser  # noqa: E402
from race import Race, console, cpus, hand_written, shown, targets  # noqa: E402
from rich.table import Table  # noqa: E402

from autograd_tiny.compiler import jit  # noqa: E402
from autograd_tiny.engine import ops  # noqa: E402
from autograd_tiny.nn.modules import MLP  # noqa: E402
from autograd_tiny.transforms.derivatives import value_and_grad  # noqa: E402

NETWORKS = ("2-16-16-1", "2-32-32-1", "2-64-64-1", "64-32-10", "64-128-128-10")
BATCHES = (1, 100, 1024, 8192)
FLOPS = 1 << 24  # of a call of the loop in C


def loss_of(model):
    """Cross-entropy of one sample, or the hinge loss of a single output."""

    def loss(w, x, y):
        z = model.with_parameters(w)(x)
        if not isinstance(z, list):
            return (1 + -y[0] * z).relu()
        return ops.log(sum(ops.exp(zi) for zi in z)) - sum(ti * zi for ti, zi in zip(y, z, strict=True))

    return loss


def given(sizes, n):
    model, rng = MLP(sizes[0], list(sizes[1:]), seed=0), np.random.default_rng(n)
    w = np.array([p.data for p in model.parameters()])
    y = np.where(rng.random((n, 1)) < 0.5, -1.0, 1.0) if sizes[-1] == 1 else np.eye(sizes[-1])[rng.integers(10, size=n)]
    return w, rng.normal(size=(n, sizes[0])), y


def matrices(w, sizes):
    """Weights and biases of each layer, as views."""
    found, start = [], 0
    for a, b in pairwise(sizes):
        both = w[start : start + b * (a + 1)].reshape(b, a + 1)
        found.append((both[:, :a], both[:, a]))
        start += both.size
    return found


def by_hand(w, x, y, sizes):
    """Mean loss and gradient in NumPy, as one would write them."""
    layers = [(np.ascontiguousarray(weights), bias) for weights, bias in matrices(w, sizes)]
    hidden, sums, n = [x], [], len(x)
    for weights, bias in layers:
        z = hidden[-1] @ weights.T
        z += bias
        sums.append(z)
        hidden.append(np.maximum(z, 0.0))
    if sizes[-1] == 1:
        margin = 1 - y * z
        loss, d = np.maximum(margin, 0.0).sum(), np.where(margin > 0, -y, 0.0)
    else:
        e = np.exp(z)
        total = e.sum(1, keepdims=True)
        loss, d = np.log(total).sum() - (y * z).sum(), e / total - y
    gradient = np.empty_like(w)
    for k, (to_weights, to_bias) in reversed(list(enumerate(matrices(gradient, sizes)))):
        to_weights[:], to_bias[:] = d.T @ hidden[k], d.sum(0)
        if k:
            d = d @ layers[k][0]
            d *= sums[k - 1] > 0
    gradient /= n
    return loss / n, gradient


def by_jax(w, x, y, sizes):
    def make():
        import jax

        def loss(layers, x, y):
            for weights, bias in layers[:-1]:
                x = jax.nn.relu(x @ weights.T + bias)
            z = x @ layers[-1][0].T + layers[-1][1]
            if sizes[-1] == 1:
                return jax.nn.relu(1 - y * z).mean()
            return (jax.nn.logsumexp(z, axis=1) - (y * z).sum(1)).mean()

        arrays = jax.device_put((matrices(w, sizes), x, y))
        step = jax.jit(jax.value_and_grad(loss))
        return lambda: jax.block_until_ready(step(*arrays))

    def in_order(found):
        loss, layers = found
        return [loss, *(np.c_[weights, bias] for weights, bias in layers)]

    return make, in_order


def flops_of(sizes):
    """Flops of the matrix products of one sample."""
    weights = [a * b for a, b in pairwise(sizes)]
    return 6 * sum(weights) - 2 * weights[0]


def network(name, batches):
    sizes = tuple(map(int, name.split("-")))
    model, rows, reached, firsts = MLP(sizes[0], list(sizes[1:]), seed=0), {}, [], {}
    ours = {
        label: jit(value_and_grad(loss_of(model)), batch=("x", "y"), reduce="mean", contract=contract)
        for label, contract in (("llvm, contract", True), ("llvm", False))
    }
    for n in batches:
        w, x, y = given(sizes, n)
        race = Race()
        race.enter("NumPy by hand", lambda w=w, x=x, y=y: lambda: by_hand(w, x, y, sizes))
        for label, f in ours.items():
            start = time.perf_counter()
            f(w, x, y)
            firsts.setdefault(label, time.perf_counter() - start)
            race.enter(label, lambda f=f, w=w, x=x, y=y: lambda: f(w, x, y))
        race.enter("JAX jit", *by_jax(w, x, y, sizes))
        race.enter("C, flops alone", hand_written("flops", FLOPS, np.empty(1)), lambda found: race.expected)
        best = race.run().best
        for label, first in race.first.items():
            firsts.setdefault(label, first)
        limit = best.pop("C, flops alone", np.nan) / FLOPS * flops_of(sizes) * n
        for label, seconds in {**best, "limit": limit}.items():
            rows.setdefault(label, []).append(f"{shown(seconds)}  {seconds / limit:,.2f}" if seconds == seconds else "")
        for other in ("JAX jit", "NumPy by hand"):
            reached.append(
                (f"{name} at {n:,}: llvm, contract over {other}", race.ratio("llvm, contract", other), "≤", 1)
            )
    table = Table("", *(f"batch {n:,}  × limit" for n in batches), "first call", title=f"{name}: loss and gradient")
    for label, cells in rows.items():
        table.add_row(label, *cells, shown(firsts[label]) if label in firsts else "")
    console.print(table)
    return [row for row in reached if row[1] == row[1]]


def main(names, quick):
    pace.quick = quick
    cpus(1)
    names = names or (("2-5-5-1", "4-6-10") if quick else NETWORKS)
    rows = [row for name in names for row in network(name, (1, 9) if quick else BATCHES)]
    targets("targets", [row for row in rows if " at 1,024" in row[0]])
    console.print(f"networks: {', '.join(names)}")


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument("networks", nargs="*", help="sizes of layers, such as 2-64-64-1")
    given_arguments = arguments.parse_args()
    main(given_arguments.networks, given_arguments.quick)

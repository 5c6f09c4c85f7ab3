"""Compile the gradient of the network of demo 3: the same training, hundreds of times as fast.

Run: python demos/7_compile.py  (needs NumPy; with llvmlite it is faster still)
"""

import importlib
import time

import numpy as np

from autograd_tiny import Value
from autograd_tiny.compiler import jit
from autograd_tiny.transforms.derivatives import value_and_grad

penguins = importlib.import_module("3_penguins")
NETWORK, EPOCHS = penguins.network(), 2000


def loss(w, xs, label):
    """Loss of one penguin, written for Values; `jit` averages it over the batch."""
    return (-label * NETWORK.with_parameters(w)(xs)).softplus()


def main():
    learn, ask = penguins.split(penguins.read())
    xs, labels = np.array([xs for xs, _ in learn]), np.array([label for _, label in learn])
    w = np.array([p.data for p in NETWORK.parameters()])
    step = jit(value_and_grad(loss), batch=("xs", "label"), reduce="mean")
    start = time.perf_counter()
    y, g = step(w, xs, labels)
    print(f"traced and compiled by {step.backend} in {time.perf_counter() - start:.2f} s")

    start = time.perf_counter()
    eager_y, eager_g = value_and_grad(penguins.loss_of)(NETWORK, learn)
    eager = time.perf_counter() - start
    apart = max(abs(a - b) for a, b in zip(g, eager_g.values(), strict=True))
    print(f"loss {y:.12f}, eager {eager_y:.12f}; the gradients differ by at most {apart:.0e}")

    start = time.perf_counter()
    for _ in range(EPOCHS):
        w -= penguins.RATE * step(w, xs, labels)[1]
    compiled = (time.perf_counter() - start) / EPOCHS
    right = penguins.accuracy(NETWORK.with_parameters(map(Value, w)), ask)
    print(f"{EPOCHS} epochs at {compiled * 1e6:.0f} µs, {eager / compiled:.0f} times as fast as eager")
    print(f"after:   loss {step(w, xs, labels)[0]:.4f}   right on {right:.0%} of the others")


if __name__ == "__main__":
    main()

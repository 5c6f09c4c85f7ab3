"""Teach a recurrent network of 6 units to compare each bit with the one before: it has to remember.

    h(t) = tanh(W · [x(t), h(t-1)] + b),   score(t) = v · h(t) + c,   wanted: x(t) ≠ x(t-1)

Without a memory, half of the answers are wrong. The loop over time is a Python loop, compiled as it stands.

Run: python demos/models/rnn.py  (needs NumPy; with llvmlite it is faster still)
"""

import time

import numpy as np

from autograd_tiny import jit, ops, value_and_grad
from autograd_tiny.nn import Linear, Module, losses
from autograd_tiny.optim import Adam

UNITS, LENGTH, STEPS, BATCH = 6, 12, 500, 32


class Recurrent(Module):
    """A layer that sees one bit and its own last activations, and a score for each bit."""

    def __init__(self, units, seed):
        self.cell = Linear(1 + units, units, seed=seed)
        self.head = Linear(units, 1, seed=seed + 1)

    def __call__(self, bits):
        h, scores = [0.0] * UNITS, []
        for bit in bits:
            h = [ops.tanh(a) for a in self.cell([bit, *h])]
            scores.append(self.head(h)[0])
        return scores


NETWORK = Recurrent(UNITS, seed=0)


def scores(w, bits):
    return NETWORK.with_parameters(w)(bits)


def loss(w, bits, wanted):
    """Mean cross entropy of a sequence; nothing is asked about its first bit."""
    return losses.binary_cross_entropy_with_logits(scores(w, bits)[1:], wanted[1:])


def sequences(n, length, rng):
    bits = rng.integers(0, 2, (n, length))
    return bits.astype(float), (bits != np.roll(bits, 1, axis=1)).astype(float)


def accuracy(w, bits, wanted):
    found = jit(scores, batch="bits")(w, bits)
    return np.mean((found > 0)[:, 1:] == (wanted > 0.5)[:, 1:])


def main():
    rng = np.random.default_rng(0)
    w = np.array([p.data for p in NETWORK.parameters()])
    step = jit(value_and_grad(loss), batch=("bits", "wanted"), reduce="mean")
    optimizer = Adam(lr=0.03)
    slots = optimizer.init(len(w))
    start = time.perf_counter()
    for i in range(STEPS + 1):
        y, g = step(w, *sequences(BATCH, LENGTH, rng))
        if i % 100 == 0:
            print(f"step {i:3}   loss {y:.4f}")
        optimizer.update(w, g, slots, i)
    print(f"{len(w)} parameters, {STEPS} steps in {time.perf_counter() - start:.2f} s")
    print(f"right on {accuracy(w, *sequences(500, LENGTH, rng)):.1%} of the bits of new sequences")
    print(f"right on {accuracy(w, *sequences(50, 5 * LENGTH, rng)):.1%} of the bits of sequences five times as long")


if __name__ == "__main__":
    main()

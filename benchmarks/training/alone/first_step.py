"""Do the first step of a training, of an MLP of given sizes; print the seconds until it is done."""

import time

START, CPU = time.perf_counter(), time.process_time()

import json  # noqa: E402 - after the clocks have started
import sys  # noqa: E402

import numpy as np  # noqa: E402

from autograd_tiny.nn import MLP, losses  # noqa: E402
from autograd_tiny.train import steps  # noqa: E402


def main(sizes):
    rng, one = np.random.default_rng(0), sizes[-1] == 1
    X, y = rng.normal(size=(100, sizes[0])), rng.integers(2 if one else sizes[-1], size=100)
    loss = losses.binary_cross_entropy_with_logits if one else losses.cross_entropy
    next(steps(MLP(sizes[0], sizes[1:], seed=0), loss, X, y, seed=0))
    end = time.perf_counter()
    print(json.dumps({"seconds": end - START, "cpu": time.process_time() - CPU, "end": end}))


if __name__ == "__main__":
    main([*map(int, sys.argv[1].split("-"))])

"""Train on digits or breast_cancer in five folds; print the mean accuracy on the rows held out, and the seconds."""

import time

START, CPU = time.perf_counter(), time.process_time()

import json  # noqa: E402 - after the clocks have started
import sys  # noqa: E402

import numpy as np  # noqa: E402
from sklearn import datasets  # noqa: E402

from autograd_tiny.data import folds  # noqa: E402
from autograd_tiny.nn import MLP, losses  # noqa: E402
from autograd_tiny.optim import Adam  # noqa: E402
from autograd_tiny.train import fit  # noqa: E402

NETWORKS = {
    "digits": ([64, 32, 10], losses.cross_entropy),
    "breast_cancer": ([30, 16, 1], losses.binary_cross_entropy_with_logits),
}


def fold(X, y, training, held_out, sizes, loss, epochs):
    """Train on columns standardised as in the training part; return how many rows held out are right."""
    spread = X[training].std(axis=0)
    X = (X - X[training].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    model = MLP(sizes[0], sizes[1:], seed=0)
    found = fit(model, loss, X[training], y[training], optimizer=Adam(0.01), epochs=epochs, seed=0).training
    outputs = found.functions.outputs(found.parameters, X[held_out])
    return int(((outputs > 0 if sizes[-1] == 1 else outputs.argmax(axis=1)) == y[held_out]).sum())


def main(name, epochs):
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    right = 0
    for training, held_out in folds(y, 5):
        right += fold(X, y, training, held_out, *NETWORKS[name], epochs)
    end = time.perf_counter()
    cpu = time.process_time() - CPU
    print(json.dumps({"accuracy": right / len(y), "seconds": end - START, "cpu": cpu, "end": end}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

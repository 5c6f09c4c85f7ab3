"""The moons: learned from an empty cache, and an epoch against micrograd's."""

import time

import numpy as np
from race import cpus

from autograd_tiny import data
from autograd_tiny.nn import MLP, losses
from autograd_tiny.optim import SGD
from autograd_tiny.train.flat import fill, flat
from autograd_tiny.train.samples import samples_of
from autograd_tiny.train.training import Training
from training.processes import least, several

DECAY = 1e-4  # of micrograd's demo: added to its loss times the sum of squares


def learned(quick):
    """`train.learn` in a process of its own."""
    runs = several("moons", 1 if quick else 100, often=1 if quick else 5)
    what = "moons, MLP 2-16-16-2, 100 epochs of 5 steps"
    return [
        (f"{what}: accuracy", runs[0]["accuracy"], "≥", 0.99),
        (f"{what}: accuracy on the fifth held out", runs[0]["held_out"], "", None),
        (f"{what}: s from the first import, empty cache", least(runs, "cpu"), "≤", 1),
        (f"{what}: the same by the clock", least(runs, "seconds"), "", None),
    ]


def rate(step):
    return 1.0 - 0.9 * min(step, 100) / 100


def demo(quick):
    """micrograd's demo: 100 points as one batch, MLP 2-16-16-1, hinge loss, squares of the parameters, SGD."""
    table = data.load_set("moons", n=8 if quick else 100, seed=0)
    X = np.column_stack([table["x"], table["y"]])
    return X, np.where(np.asarray(table["moon"]) == "upper", 1.0, -1.0), [4, 1] if quick else [16, 16, 1]


def ours(X, y, sizes):
    optimizer = SGD(lr=rate, weight_decay=2 * DECAY)  # the gradient of the squares
    return Training(MLP(2, sizes, seed=0), losses.hinge, samples_of(X, y), optimizer=optimizer, batch=None, seed=0)


def theirs(X, y, sizes):
    """Return micrograd's parameters and a function of the step that does it."""
    from micrograd import nn
    from micrograd.engine import Value

    model, points = nn.MLP(2, sizes), X.tolist()
    fill(model.parameters(), flat(MLP(2, sizes, seed=0).parameters()))

    def step(k):
        scores = [model([Value(a) for a in point]) for point in points]
        hinges = [(1 + -yi * score).relu() for yi, score in zip(y.tolist(), scores, strict=True)]
        loss = sum(hinges) * (1.0 / len(hinges)) + DECAY * sum((p * p for p in model.parameters()), Value(0.0))
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= rate(k) * p.grad

    return model.parameters(), step


def micrograd(quick):
    """Epochs in turn: the same parameters, and the ratio of the least processor times."""
    X, y, sizes = demo(quick)
    training = ours(X, y, sizes)
    parameters, step = theirs(X, y, sizes)
    cpus(1)
    events, fast, slow = training.run(), [], []
    for k in range(3):
        start = time.process_time()
        step(k)
        slow.append(time.process_time() - start)
        next(events)
    apart = float(np.max(np.abs(training.parameters - flat(parameters))))
    for _ in range(10 if quick else 5000):
        start = time.process_time()
        next(events)
        fast.append(time.process_time() - start)
    what = f"moons, MLP 2-{'-'.join(map(str, sizes))}, {len(X)} points as one batch"
    return [
        (f"{what}: an epoch of micrograd over one of ours", min(slow) / min(fast), "≥", 5000),
        (f"{what}: ms of an epoch, micrograd", 1e3 * min(slow), "", None),
        (f"{what}: µs of an epoch, ours", 1e6 * min(fast), "", None),
        (f"{what}: parameters apart after 3 epochs", apart, "≤", 1e-9),
    ]

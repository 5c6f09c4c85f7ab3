"""Epochs of digits: against scikit-learn, PyTorch and NumPy, and against the compiled steps they are made of."""

import gc
import math
import time
from itertools import pairwise

import numpy as np
from race import CPUS, cpus

from autograd_tiny.nn import losses
from autograd_tiny.optim import Adam
from autograd_tiny.train import fit
from autograd_tiny.train.samples import samples_of
from autograd_tiny.train.training import Training
from training import engines

NETWORKS = (64, 16, 10), (64, 32, 10), (64, 64, 10)
LARGER = (64, 128, 10), (64, 128, 128, 10), (64, 256, 256, 10)
EPOCHS, ROUNDS = 5, 7  # of a call of scikit-learn's fit, and of all calls in turn
NEAR = 1e-6  # of the parameters after two epochs
TORCH, THREADS, SKLEARN, FIT = "PyTorch", f"PyTorch, {len(CPUS)} threads", "scikit-learn", "fit"


def samples(quick):
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return (X[:64] / 16, y[:64]) if quick else (X / 16, y)


def name_of(sizes):
    return "-".join(map(str, sizes))


def least(calls, rounds):
    """Least processor time of each call over interleaved rounds; of more threads than one, least time by the clock."""
    best = dict.fromkeys(calls, math.inf)
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        for name, call in calls.items():
            clock = time.perf_counter if name == THREADS else time.process_time
            cpus(len(CPUS) if name == THREADS else 1)
            start = clock()
            call()
            best[name] = min(best[name], clock() - start)
    gc.unfreeze()
    cpus(len(CPUS))
    return best


def entered(made):
    """Return calls of one epoch by name, after two epochs whose parameters must be those of the first; and the absent.

    Without PyTorch, the rest runs.
    """
    calls, absent, expected = {}, set(), None
    for name, make in made.items():
        try:
            epoch, parameters = make()
        except ModuleNotFoundError:
            absent.add(name)
            continue
        for _ in range(2):
            epoch()
        expected = parameters().copy() if expected is None else expected
        far = float(np.max(np.abs(parameters() - expected)))
        assert far < NEAR, f"{name} has other parameters: {far} apart"
        calls[name] = epoch
    return calls, absent


def fitted(sizes, batch, X, y, epochs):
    """A call of `fit`, with all it does before and after its epochs."""
    model = engines.model_of(sizes)
    return lambda: fit(
        model, losses.cross_entropy, X, y, optimizer=Adam(engines.RATE), batch=batch, epochs=epochs, seed=0
    )


def digits(quick):
    """Three networks of up to 5,000 parameters at batch 32, and at 256 against PyTorch."""
    X, y = samples(quick)
    epochs, rows = 1 if quick else EPOCHS, []
    for sizes in [(64, 4, 10)] if quick else NETWORKS:
        for batch, most in ((32, 1 / 4), (256, 1)):
            given = sizes, batch, X, y
            made = {
                "ours": lambda: engines.ours(*given),
                TORCH: lambda: engines.by_torch(*given),
                THREADS: lambda: engines.by_torch(*given, threads=len(CPUS)),
            }
            calls, absent = entered(made)
            calls |= {} if batch > 32 else {SKLEARN: engines.by_sklearn(*given, epochs)}
            best = least(calls, 1 if quick else ROUNDS)
            torch = min(best.get(TORCH, math.inf), best.get(THREADS, math.inf))
            what = f"digits, MLP {name_of(sizes)}, batch {batch}"
            rows.append((f"{what}: ms of an epoch", 1e3 * best["ours"], "", None))
            if SKLEARN in best:
                rows.append((f"{what}: over scikit-learn's", epochs * best["ours"] / best[SKLEARN], "≤", 1 / 3))
            rows.append((f"{what}: over PyTorch's", "not installed" if absent else best["ours"] / torch, "≤", most))
    return rows


def own_steps(quick):
    """`fit` over the compiled calls that it makes, a hundred epochs of digits at batch 32."""
    X, y = samples(quick)
    sizes, epochs = (64, 32, 10), 1 if quick else 100
    training = Training(engines.model_of(sizes), losses.cross_entropy, samples_of(X, y), optimizer=Adam(), seed=0)
    next(training.run())
    part = training.samples.part(training.order[:32])
    _, gradient = training.functions.gradient(training.parameters, part)

    def move():
        training.optimizer.moved(training.parameters, gradient, training.slots, 1)

    def often(call):
        return lambda: [call() for _ in range(100)]

    calls = {
        FIT: fitted(sizes, 32, X, y, epochs),
        "gradient": often(lambda: training.functions.gradient(training.parameters, part)),
        "move": often(move),
    }
    calls[FIT]()
    best = least(calls, 1 if quick else 3 * ROUNDS)
    steps = epochs * math.ceil(len(X) / 32)
    gradient_us, move_us, step_us = 1e4 * best["gradient"], 1e4 * best["move"], 1e6 * best[FIT] / steps
    what = f"digits, MLP {name_of(sizes)}, batch 32, fit of {epochs} epochs"
    return [
        (f"{what}: its time over that of its compiled steps", step_us / (gradient_us + move_us), "≤", 1.5),
        (f"{what}: µs of a step", step_us, "", None),
        (f"{what}: µs of its gradient", gradient_us, "", None),
        (f"{what}: µs of its update", move_us, "", None),
    ]


def sizes(quick):
    """ms of an epoch by network and batch on one processor, PyTorch and NumPy beside, the fastest of them bold."""
    X, y = samples(quick)
    lines = [["MLP", "parameters", "batch", "ours", "PyTorch", "NumPy"]]
    for network in [(64, 4, 10)] if quick else NETWORKS + LARGER:
        for batch in (32, 256, len(X)):
            given = network, batch, X, y
            made = {
                "ours": lambda: engines.ours(*given),
                TORCH: lambda: engines.by_torch(*given),
                "NumPy": lambda: engines.by_numpy(*given),
            }
            calls, absent = entered(made)
            best = least(calls, 1 if quick else ROUNDS)
            cells = [cell(best, name, absent) for name in made]
            n = sum((a + 1) * b for a, b in pairwise(network))
            lines.append([name_of(network), f"{n:,}", f"{batch:,}", *cells])
    return lines


def cell(best, name, absent):
    """A time, bold if it is the least."""
    if name in absent:
        return "not installed"
    text = f"{1e3 * best[name]:.3g}"
    return f"**{text}**" if best[name] == min(best.values()) else text

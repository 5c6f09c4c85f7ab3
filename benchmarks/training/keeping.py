"""Optimizers against PyTorch's recorded numbers, and trainings that are killed and gone on with."""

import json
import random
import tempfile
import time
from pathlib import Path

import numpy as np

from autograd_tiny import jit, ops, optim, value_and_grad
from autograd_tiny.train.keeping.files import read_arrays
from training.processes import started

RECORDED = Path(__file__).parents[2] / "tests" / "optim" / "pytorch.json"


def optimizers(quick):
    """Each recorded run of 100 steps, gradients and updates compiled."""
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    X, y = np.array(recorded["X"]), np.array(recorded["y"])

    def loss(w, x, y):
        return (ops.tanh(w[0] * x[0] + w[1] * x[1] + w[2] * x[2] + w[3]) - y) ** 2

    slopes, apart = jit(value_and_grad(loss), batch=("x", "y"), reduce="mean"), {}
    for run in recorded["runs"]:
        optimizer, w = getattr(optim, run["name"])(**run["options"]), np.array(recorded["start"])
        slots = optimizer.init(len(w))
        for step in range(100):
            optimizer.update(w, slopes(w, X, y)[1], slots, step)
        far = float(np.max(np.abs(w - run["parameters"][-1])))
        apart[optimizer.rule.name] = max(far, apart.get(optimizer.rule.name, 0.0))
    worst = max(apart, key=apart.get)
    what = f"{len(recorded['runs'])} runs of {len(apart)} optimizers: most apart from PyTorch after 100 steps"
    return [(f"{what} ({worst})", apart[worst], "≤", 1e-12)]


def step_of(path):
    """Return the step of a checkpoint, 0 before the first one, None if it is damaged."""
    try:
        return read_arrays(path)[1]["meta"]["training"]["step"] if path.exists() else 0
    except (ValueError, KeyError):
        return None


def written(path):
    return path.stat().st_mtime_ns if path.exists() else 0


def killed(quick):
    """SIGKILL at random moments of a training that writes a checkpoint after each step."""
    kills, epochs, rng = (1, 4, random.Random(0)) if quick else (20, 400, random.Random(0))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.safetensors"
        where = {"cache": Path(folder) / "cache", "bytecode": Path(folder) / "bytecode"}

        def run(*given, seconds=None):
            """Run to the end, or some seconds beyond the first checkpoint of this process."""
            before = written(path)
            with started("killed", epochs, *given, **where) as process:
                process.stdout.readline()
                if seconds is not None:
                    while written(path) == before and process.poll() is None:
                        time.sleep(0.001)
                    time.sleep(seconds)
                    process.kill()
                return process.communicate()[0]

        expected = json.loads(run())
        steps = []
        for _ in range(kills):
            run(path, seconds=rng.uniform(0.0, 0.1))
            steps.append(step_of(path))
        reached = json.loads(run(path))
    far = max(abs(a - b) for a, b in zip(reached[1], expected[1], strict=True))
    other = sum(a != b for a, b in zip(reached[2], expected[2], strict=True))
    what = f"{kills} times SIGKILL in a training of {expected[0]:,} steps"
    return [
        (f"{what}: checkpoints that are whole", sum(k is not None for k in steps), "≥", kills),
        (f"{what}: different steps in them", len({*steps} - {None}), "", None),
        (f"{what}: parameters apart from the training without a pause", far, "≤", 0),
        (f"{what}: epochs of the history that differ", other, "≤", 0),
    ]

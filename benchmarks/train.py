"""Measure training against its targets: a row for each network, all in one run.

Run: python benchmarks/train.py, or with --rows gpt for some of its rows.

Times are minima, of steps on one processor and one thread. What is cold starts in a process of its own with an empty
cache on disk, and what is warm in another one after it; their seconds count from the first import.
"""

import time

START = time.perf_counter()

import importlib  # noqa: E402 - after the clock has started
import os  # noqa: E402
import random  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402

import folds  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1] / "demos"))


def gpt_demo(quick):
    """The demo of a GPT, with a tiny network if quick."""
    demo = importlib.import_module("8_gpt")
    if quick:
        demo.MODEL = demo.GPT(width=2, heads=1)
    return demo


def gpt_ready(quick):
    """Seconds from the first import to the first gradient by machine code."""
    import numpy as np

    demo = gpt_demo(quick)
    step, w = demo.compiled(), np.array([p.data for p in demo.MODEL.parameters()])
    step(w, *demo.encoded(demo.names()[: demo.BATCH]))
    step.wait()
    step(w, *demo.encoded(demo.names()[: demo.BATCH]))
    return time.perf_counter() - START


def gpt(quick):
    """Twenty steps of Adam on two names each, node by node and compiled."""
    import numpy as np
    from race import cpus

    from autograd_tiny import optim

    cold, warm = started("gpt", quick)
    cpus(1)
    demo, rng = gpt_demo(quick), random.Random(0)
    w = np.array([p.data for p in demo.MODEL.parameters()])
    model = demo.MODEL.with_parameters(p.detach() for p in demo.MODEL.parameters())
    nodewise, adam, step = optim.Adam(model, lr=demo.RATE), optim.Adam(lr=demo.RATE), demo.compiled()
    slots, ys, eager, compiled, apart = adam.init(len(w)), [], [], [], 0.0
    batches = [demo.encoded(rng.sample(demo.names(), 2)) for _ in range(3 if quick else 20)]
    step(w, *batches[0])
    step.wait()
    for i, batch in enumerate(batches):
        start = time.perf_counter()
        y, gradient = step(w, *batch)
        adam.update(w, gradient, slots, i)
        compiled.append(time.perf_counter() - start)
        ys.append(y)
    for y, batch in zip(ys, batches, strict=True):
        start = time.perf_counter()
        samples = list(zip(*[x.tolist() for x in batch], strict=True))
        loss = sum(demo.loss_of(model, *sample) for sample in samples) / len(samples)
        nodewise.zero_grad()
        loss.backward()
        nodewise.step()
        eager.append(time.perf_counter() - start)
        apart = max(apart, abs(y - loss.data))
    n = f"GPT of block {demo.BLOCK}, {len(w):,} parameters, 2 names"
    return [
        (f"{n}: steps node by node over compiled ones", min(eager) / min(compiled), "≥", 500),
        (f"{n}: losses of {len(batches)} steps apart", apart, "≤", 1e-9),
        (f"{n}: s until ready, cold", cold, "≤", 30),
        (f"{n}: s until ready, warm", warm, "≤", 1),
    ]


def folds_ready(module, quick):
    """Seconds from the first import to the accuracy of a classifier in five folds."""
    folds.accuracy(module, quick)
    return time.perf_counter() - START


ROWS = {"gpt": gpt, "breast-cancer": lambda quick: folds.breast_cancer(quick, started)}
READY = {
    "gpt": gpt_ready,
    "breast-cancer": lambda quick: folds_ready(folds.OURS, quick),
    "scikit-learn": lambda quick: folds_ready(folds.THEIRS, quick),
}


def started(row, quick, after=None):
    """Seconds until a row is ready in a new process: cold, and the least of three that are warm.

    Before them, `after` gets ready: it leaves the bytecode of other packages, as pip does.
    """
    with tempfile.TemporaryDirectory() as cache:
        run = [sys.executable, __file__, "--ready", row, *(["--quick"] if quick else [])]
        env = {**os.environ, "AUTOGRAD_TINY_CACHE": cache, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
        often = 2 if quick else 4
        if after:
            subprocess.run([after if part == row else part for part in run], capture_output=True, check=True, env=env)
        cold, *warm = [
            float(subprocess.run(run, capture_output=True, check=True, env=env).stdout) for _ in range(often)
        ]
    return cold, min(warm)


def main(rows, quick):
    from race import targets

    with tempfile.TemporaryDirectory() as cache:
        os.environ["AUTOGRAD_TINY_CACHE"] = cache
        for name in rows:
            targets(name, ROWS[name](quick))


if __name__ == "__main__":
    from quick import parser

    arguments = parser(__doc__)
    arguments.add_argument("--rows", nargs="+", choices=ROWS, default=[*ROWS], help="some rows only")
    arguments.add_argument("--ready", choices=READY, help="print the seconds until a row is ready in this process")
    given = arguments.parse_args()
    if given.ready:
        print(READY[given.ready](given.quick))
    else:
        main(given.rows, given.quick)

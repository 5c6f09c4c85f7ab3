"""Run mixed work for minutes in one process; watch memory, handles, maps, threads and files left over for growth.

Run: make soak MINUTES=10

Each round does everything once: eager passes, transforms, compiled functions of old and new structure, traces,
pictures, gradient checks, threads. Caches fill during the warm-up, the first third. Then the minimum of the last
samples is compared with the maximum of the first ones. The exit code is 1 if memory grew by more than 20 MB, maps by
more than 16, or handles, threads or files left over at all. Linux only, because it reads /proc.
"""

import gc
import importlib.util
import io
import itertools
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from quick import parser
from rich.console import Console
from rich.table import Table

WARM_UP = 1 / 3  # of the time
MAY_GROW = {"memory": 20.0, "handles": 0, "maps": 16, "threads": 0, "files": 0}  # memory in MB; malloc adds maps
UNITS = {"memory": " MB"}


def network_loss(rng, points=4):
    from autograd_tiny import Value
    from autograd_tiny.nn.modules import MLP

    model = MLP(2, [4, 1], seed=rng.randrange(100))
    losses = [(1 + -rng.choice((-1, 1)) * model([rng.random(), rng.random()])).relu() for _ in range(points)]
    return sum(losses, Value(0.0)) * (1 / points)


def rosenbrock(x):
    return sum(100.0 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(x))


def eager(rng):
    network_loss(rng, 30).backward()


def transforms(rng):
    from autograd_tiny.transforms.derivatives import grad, hessian

    x = [rng.uniform(-1, 1) for _ in range(4)]
    grad(rosenbrock)(x), hessian(rosenbrock)(x)


def compiled(backend, anew):
    """Make the work of a backend: functions of old structure, `anew` new structures, and a new function."""
    from autograd_tiny.compiler import jit
    from autograd_tiny.transforms.derivatives import grad

    old, structures = (
        jit(grad(rosenbrock), backend=backend),
        jit(lambda x: sum(v * v for v in x.values()), backend=backend),
    )
    batched, count = jit(lambda w, x: (w * x).tanh(), batch="x", reduce="mean", backend=backend), 0

    def work(rng):
        nonlocal count
        old([rng.random() for _ in range(4)])
        batched(rng.random(), [rng.random() for _ in range(rng.randrange(1, 50))])
        for _ in range(anew):
            count += 1
            structures({f"a{count}": rng.random(), "b": rng.random()})
        k = rng.random()
        jit(grad(lambda x: (k * x).sin() * x), backend=backend)(rng.random())

    return work


def traced(rng):
    from autograd_tiny.engine.provenance import tracing
    from autograd_tiny.stepper.traces import trace
    from autograd_tiny.stepper.views.terminal import print_trace

    with tracing() as recording:
        y = network_loss(rng, 1)
    steps = trace(y, recording)
    steps.at(len(steps) - 1).seek(len(steps) // 2)
    steps.find("nan")
    print_trace(steps, Console(file=io.StringIO(), width=100))


def as_json(rng):
    from autograd_tiny.stepper.trace_json import from_json, to_json
    from autograd_tiny.stepper.traces import trace

    text = to_json(trace(network_loss(rng, 1)))
    assert to_json(from_json(text)) == text


def drawn(rng):
    from autograd_tiny.pictures.drawing import draw

    y = network_loss(rng, 2)
    y.backward()
    draw(y).pipe("svg")


def checked(rng):
    from autograd_tiny.check import gradcheck

    for _ in range(16):
        gradcheck(lambda a, b: (a * b).tanh() + a.sin(), [rng.uniform(-2, 2), rng.uniform(-2, 2)])


def in_threads(rng):
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, random.Random(rng.random())) for work in (eager, traced, transforms, as_json)]:
            done.result()


def kinds(console, quick):
    """Collect the work by name; work that needs a missing package is left out.

    `quick` leaves out new structures, whose cache takes long to fill, and the C backend, which compiles slowly.
    """
    found = {f.__name__: f for f in (eager, transforms, traced, as_json, drawn, in_threads)}
    compilers = {"llvm": ("numpy", "llvmlite"), "numpy": ("numpy",), "python": (), "c": ("numpy",)}
    needs = {"checked": ("mpmath", "hypothesis"), **{f"compiled by {name}": of for name, of in compilers.items()}}
    for name, packages in needs.items():
        lacking = [package for package in packages if importlib.util.find_spec(package) is None]
        if name == "compiled by c" and not any(map(shutil.which, ("cc", "gcc", "clang"))):
            lacking.append("a C compiler")
        if name == "compiled by c" and quick:
            continue
        if lacking:
            console.print(f"{name} is left out: {lacking[0]} is not installed")
        elif name == "checked":
            found[name] = checked
        else:
            backend = name.removeprefix("compiled by ")
            found[name] = compiled(backend, 0 if quick or backend == "c" else 16)
    return found


def sample(folder):
    """Measure the process after a garbage collection."""
    gc.collect()
    return {
        "memory": int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6,
        "handles": len(os.listdir("/proc/self/fd")),
        "maps": len(Path("/proc/self/maps").read_text().splitlines()),
        "threads": threading.active_count(),
        "files": sum(len(files) for _, _, files in os.walk(folder)),
    }


def growth(samples):
    """Minimum of the last samples minus the maximum of the first ones, for each quantity."""
    few = max(1, len(samples) // 4)
    return {what: min(s[what] for s in samples[-few:]) - max(s[what] for s in samples[:few]) for what in MAY_GROW}


def soak(work, seconds, console, folder):
    """Take a sample every fortieth of the time after the warm-up, and show each as a row."""
    rng, samples, every = random.Random(0), [], seconds / 40
    table = Table("seconds", "rounds", *MAY_GROW, title="After the warm-up")
    start, rounds, due = time.monotonic(), 0, seconds * WARM_UP
    while (now := time.monotonic() - start) < seconds or len(samples) < 4:
        for f in work:
            f(rng)
        rounds += 1
        if now >= due:
            samples.append(sample(folder))
            due = now + every
            table.add_row(
                f"{now:.0f}", f"{rounds:,}", *(f"{x:.0f}{UNITS.get(what, '')}" for what, x in samples[-1].items())
            )
    console.print(table)
    return samples


def main(minutes, quick):
    console = Console(width=100, highlight=False)
    with tempfile.TemporaryDirectory() as root:
        left, kept = (Path(root, name) for name in ("left", "kept"))
        left.mkdir()
        tempfile.tempdir = os.environ["TMPDIR"] = str(left)  # of this process only: any file left is its own
        os.environ["AUTOGRAD_TINY_CACHE"] = str(kept)
        grown = growth(soak(kinds(console, quick).values(), minutes * 60, console, left))
    for what, by in grown.items():
        if by > MAY_GROW[what]:
            console.print(f"{what} grew by {by:.0f}{UNITS.get(what, '')}: at most {MAY_GROW[what]:.0f} is allowed")
    return int(any(by > MAY_GROW[what] for what, by in grown.items()))


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument("--minutes", type=float, default=10.0, help="length of the run in minutes (default: 10)")
    given = arguments.parse_args()
    if sys.platform != "linux":
        sys.exit("soak.py needs Linux, because it reads /proc")
    sys.exit(main(0.1 if given.quick else given.minutes, given.quick))

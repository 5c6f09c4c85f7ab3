"""The engine against micrograd 0.1.0 in one run: the MLP 2-16-16-1, one sample and the hinge loss over 100 points.

Run: make bench

Python's collector is left as it is, except where a line says so. Times are medians of interleaved rounds, so that a
slow moment of the machine meets both sides; the figure to read is the ratio.
"""

import gc
import math
import random
import statistics
import subprocess
import sys
import time
import tracemalloc

import micrograd.nn
from rich.console import Console
from rich.progress import track
from rich.table import Table

import autograd_tiny.nn.modules
from autograd_tiny import Value
from autograd_tiny.engine.value import topological_order
from autograd_tiny.pictures.drawing import draw

ROUNDS = 15


def models():
    """The same network in both, with the same weights."""
    theirs, ours = micrograd.nn.MLP(2, [16, 16, 1]), autograd_tiny.nn.modules.MLP(2, [16, 16, 1], seed=1)
    for p, q in zip(theirs.parameters(), ours.parameters(), strict=True):
        p.data = q.data
    return theirs, ours


def one_sample(model):
    return model([1.0, -0.5])


def hinge_loss(model, points=100):
    rng = random.Random(2)
    losses = []
    for _ in range(points):
        x = [rng.uniform(-2, 2), rng.uniform(-1, 2)]
        label = 1.0 if x[0] * x[1] > 0 else -1.0
        losses.append((1 + -label * model(x)).relu())
    return sum(losses) * (1.0 / points)


def seconds(build, model, repeats):
    """(forward + backward, backward alone) of one run, averaged over a block of repeats."""
    gc.collect()  # micrograd's graphs hold cycles: what it left behind is not to be swept up on our time
    backward, start = 0.0, time.perf_counter()
    for _ in range(repeats):
        y = build(model)
        before = time.perf_counter()
        y.backward()
        backward += time.perf_counter() - before
    return (time.perf_counter() - start) / repeats, backward / repeats


def compare(name, build, repeats, rounds):
    theirs, ours = models()
    seconds(build, theirs, 1), seconds(build, ours, 1)
    runs = [
        (seconds(build, theirs, repeats), seconds(build, ours, repeats))
        for _ in track(range(rounds), name, transient=True)
    ]
    ops = sum(v.op is not None for v in topological_order(build(ours)))
    total, backward = ([statistics.median(run[side][part] for run in runs) for side in (0, 1)] for part in (0, 1))
    return ops, total, backward


def size_of_a_node(n=100_000):
    """(bytes, objects tracked by the collector) per node of a chain of n multiplications."""
    gc.collect()
    x, before = Value(1.0), len(gc.get_objects())
    tracemalloc.start()
    y = x
    for _ in range(n):
        y = y * 1.000001
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    tracked = len(gc.get_objects()) - before
    return size / n, tracked / n


def freed_without_the_collector():
    """What share of a dropped graph's memory is free again at once, with the collector off."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    model = models()[1]
    hinge_loss(model).backward()  # the parameters' gradients are there to stay
    before, _ = tracemalloc.get_traced_memory()
    loss = hinge_loss(model)
    loss.backward()
    full, _ = tracemalloc.get_traced_memory()
    del loss
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    gc.enable()
    return (full - after) / (full - before)


def long_chain(n=1_000_000):
    """Seconds to build, sweep, refuse to draw and free a chain of n nodes."""
    start = time.perf_counter()
    x = y = Value(0.5)
    for _ in range(n):
        y = y * 1.000001
    y.backward()
    try:
        draw(y)
    except ValueError as error:
        refusal = str(error)
    del y
    assert math.isfinite(x.grad)
    return time.perf_counter() - start, refusal


def seconds_to_import(name, runs=9):
    """How much longer Python takes to start when it imports this, the median of runs."""
    times = {}
    for code in ("pass", f"import {name}"):
        times[code] = []
        for _ in range(runs):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times[code].append(time.perf_counter() - start)
    return statistics.median(times[f"import {name}"]) - statistics.median(times["pass"])


def main():
    table = Table("", "micrograd", "autograd_tiny", "seen", "target", title=f"Python {sys.version.split()[0]}")
    for name, build, repeats, rounds, target in (
        ("one sample", one_sample, 30, ROUNDS, "≥ 3 ×"),
        ("loss over 100 points", hinge_loss, 5, 5, "≥ 8 ×"),
    ):
        ops, (theirs, ours), backward = compare(name, build, repeats, rounds)
        table.add_row(
            f"{name}, {ops:,} ops:\nforward + backward",
            f"{theirs * 1e3:,.2f} ms\n{theirs / ops * 1e9:,.0f} ns per op",
            f"{ours * 1e3:,.2f} ms\n{ours / ops * 1e9:,.0f} ns per op",
            f"{theirs / ours:.1f} × as fast",
            target,
        )
        limit = "≤ 1.2 ×" if name == "one sample" else ""
        theirs, ours = backward
        row = (f"{theirs * 1e3:,.2f} ms", f"{ours * 1e3:,.2f} ms", f"{ours / theirs:.2f} × its time")
        table.add_row("backward alone", *row, limit, end_section=True)
    size, tracked = size_of_a_node()
    table.add_row("bytes per node", "", f"{size:.0f}", "", "≤ 180")
    table.add_row("objects tracked by the collector, per node", "", f"{tracked:.2f}", "", "≤ 1.3")
    table.add_row(
        "of a dropped graph, freed with the collector off", "", f"{freed_without_the_collector():.1%}", "", "all"
    )
    chain, refusal = long_chain()
    table.add_row("chain of 1,000,000: built, swept, drawn?, freed", "", f"{chain:.1f} s", "", "≤ 10 s")
    table.add_row("import", "", f"{seconds_to_import('autograd_tiny') * 1e3:.0f} ms", "", "≤ 150 ms")
    console = Console(width=110)
    console.print(table)
    console.print(f"Asked to draw that chain: {refusal}", highlight=False)


if __name__ == "__main__":
    main()

"""Compare the engine with micrograd 0.1.0 and a GPT's Value: the MLP 2-16-16-1 on a sample, and its loss of 100 points.

Run: make bench, or python benchmarks/eager.py --runs 5 for the median and the range of the ratios over runs.

A GPT's Value is the engine of GPTs of 200 lines, as in number.py. Python's garbage collector is on, unless a line says
otherwise. Times are medians of interleaved rounds, so that a slow moment of the machine affects all engines; each run
is a process of its own, because the collector's work depends on what else the process holds. If micrograd is not
installed, its column stays empty.
"""

import gc
import importlib
import json
import math
import random
import statistics
import subprocess
import sys
import time
import tracemalloc
from functools import partial

from number import Number
from quick import parser
from rich.console import Console
from rich.progress import track
from rich.table import Table

import autograd_tiny.nn.modules
from autograd_tiny import Value
from autograd_tiny.engine.value import topological_order

OURS, THEIRS, SMALL = "autograd_tiny", "micrograd", "a GPT's Value"


class Network:
    """micrograd's MLP of Numbers."""

    def __init__(self, like):
        self.layers = [
            [([Number(w.data) for w in n.w], Number(n.b.data), n.nonlin) for n in layer.neurons]
            for layer in like.layers
        ]

    def __call__(self, x):
        for layer in self.layers:
            x = [neuron(*held, x) for held in layer]
        return x[0]


def neuron(weights, bias, nonlin, x):
    total = sum((w * a for w, a in zip(weights, x, strict=True)), bias)
    return total.relu() if nonlin else total


def models():
    """Make the same network, with the same weights, in each installed engine."""
    found = {OURS: autograd_tiny.nn.MLP(2, [16, 16, 1], seed=1)}
    found[SMALL] = Network(found[OURS])
    try:
        found[THEIRS] = importlib.import_module("micrograd.nn").MLP(2, [16, 16, 1])
    except ModuleNotFoundError:
        return found
    for p, q in zip(found[THEIRS].parameters(), found[OURS].parameters(), strict=True):
        p.data = q.data
    return found


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
    """Seconds of CPU time of (forward + backward, backward alone), averaged over a block of repeats."""
    gc.collect()  # micrograd's graphs have cycles: their collection must not count here
    backward, start = 0.0, time.process_time()
    for _ in range(repeats):
        y = build(model)
        before = time.process_time()
        y.backward()
        backward += time.process_time() - before
    return (time.process_time() - start) / repeats, backward / repeats


def compare(name, build, repeats, rounds):
    """Count the ops, and take each engine's median seconds of forward + backward and of backward alone."""
    engines = models()
    for model in engines.values():
        seconds(build, model, 1)
    runs = [
        {engine: seconds(build, model, repeats) for engine, model in engines.items()}
        for _ in track(range(rounds), name, transient=True)
    ]
    ops = sum(v.op is not None for v in topological_order(build(engines[OURS])))
    total, backward = (
        {engine: statistics.median(run[engine][part] for run in runs) for engine in engines} for part in (0, 1)
    )
    return ops, total, backward


def size_of_a_node(n):
    """Measure (bytes, objects tracked by the collector) per node of a chain of n multiplications."""
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


def freed_without_the_collector(points):
    """Share of a dropped graph's memory that is freed at once, with the collector off."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    model = models()[OURS]
    hinge_loss(model, points).backward()  # the parameters' gradients stay allocated
    before, _ = tracemalloc.get_traced_memory()
    loss = hinge_loss(model, points)
    loss.backward()
    full, _ = tracemalloc.get_traced_memory()
    del loss
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    gc.enable()
    return (full - after) / (full - before)


def long_chain(n):
    """Seconds to build, sweep and free a chain of n nodes."""
    start = time.perf_counter()
    x = y = Value(0.5)
    for _ in range(n):
        y = y * 1.000001
    y.backward()
    del y
    assert math.isfinite(x.grad)
    return time.perf_counter() - start


def seconds_to_import(name, runs):
    """Seconds that importing `name` adds to the start of Python, from medians of runs."""
    times = {}
    for code in ("pass", f"import {name}"):
        times[code] = []
        for _ in range(runs):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times[code].append(time.perf_counter() - start)
    return statistics.median(times[f"import {name}"]) - statistics.median(times["pass"])


def comparisons(quick):
    """What is compared: a name, a function of a model, repeats and rounds."""
    points = 3 if quick else 100
    return [
        ("one sample", one_sample, *((1, 1) if quick else (30, 15))),
        (f"loss over {points} points", partial(hinge_loss, points=points), *((1, 1) if quick else (2, 5))),
    ]


def ratios(quick):
    """By comparison and other engine, its seconds of forward + backward over ours."""
    found = {}
    for name, *how in comparisons(quick):
        _, total, _ = compare(name, *how)
        found |= {f"{name}, {engine}": total[engine] / total[OURS] for engine in (SMALL, THEIRS) if engine in total}
    return found


def many_runs(n, quick):
    """Show the median and the range of each ratio over runs, each in its own process."""
    command = [sys.executable, __file__, "--ratios", *["--quick"] * quick]
    runs = []
    for _ in range(n):
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    table = Table("its time over ours", "median", "from", "to", title=f"{n} runs, Python {sys.version.split()[0]}")
    for name in runs[0]:
        seen = [run[name] for run in runs]
        table.add_row(name, *(f"{x:.1f}" for x in (statistics.median(seen), min(seen), max(seen))))
    Console(width=110).print(table)


def ratio(times, form):
    """Format the two engines' times; "" if micrograd is not installed."""
    return form(times[THEIRS], times[OURS]) if THEIRS in times else ""


def main(quick):
    points, length = (3, 1_000) if quick else (100, 1_000_000)
    table = Table("", THEIRS, SMALL, OURS, "micrograd over ours", "target", title=f"Python {sys.version.split()[0]}")
    for (name, *how), target, limit in zip(comparisons(quick), ("≥ 3 ×", "≥ 8 ×"), ("≤ 1.2 ×", ""), strict=True):
        ops, total, backward = compare(name, *how)
        cells = [
            f"{total[engine] * 1e3:,.2f} ms\n{total[engine] / ops * 1e9:,.0f} ns per op" if engine in total else ""
            for engine in (THEIRS, SMALL, OURS)
        ]
        seen = ratio(total, lambda theirs, ours: f"{theirs / ours:.1f} × as fast")
        table.add_row(f"{name}, {ops:,} ops:\nforward + backward", *cells, seen, target)
        cells = [f"{backward[engine] * 1e3:,.2f} ms" if engine in backward else "" for engine in (THEIRS, SMALL, OURS)]
        seen = ratio(backward, lambda theirs, ours: f"{ours / theirs:.2f} × its time")
        table.add_row("backward alone", *cells, seen, limit, end_section=True)
    size, tracked = size_of_a_node(length // 10)
    freed = freed_without_the_collector(points)
    importing = seconds_to_import("autograd_tiny", 1 if quick else 9)
    for what, seen, target in (
        ("bytes per node", f"{size:.0f}", "≤ 180"),
        ("objects tracked by the collector, per node", f"{tracked:.2f}", "≤ 1.3"),
        ("of a dropped graph, freed with the collector off", f"{freed:.1%}", "all"),
        (f"chain of {length:,}: built, swept, freed", f"{long_chain(length):.1f} s", "≤ 10 s"),
        ("import", f"{importing * 1e3:.0f} ms", "≤ 150 ms"),
    ):
        table.add_row(what, "", "", seen, "", target)
    console = Console(width=110)
    console.print(table)
    if THEIRS not in models():
        console.print("micrograd is not installed and is left out")


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument("--runs", type=int, metavar="N", help="only the ratios: their median and range over N runs")
    arguments.add_argument("--ratios", action="store_true", help="only the ratios of one run, as JSON")
    given = arguments.parse_args()
    if given.ratios:
        print(json.dumps(ratios(given.quick)))
    elif given.runs:
        many_runs(given.runs, given.quick)
    else:
        main(given.quick)

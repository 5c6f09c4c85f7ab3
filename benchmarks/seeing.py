"""Measure the cost of a trace over a plain backward pass, its memory, and its page in a browser.

Run: make bench  (the page is measured if Chromium is installed)
"""

import gc
import random
import shutil
import tempfile
import time
import tracemalloc
from pathlib import Path

from quick import parser
from rich.console import Console

from autograd_tiny import Value
from autograd_tiny.nn.modules import MLP
from autograd_tiny.stepper.traces import trace
from autograd_tiny.stepper.views.page import write_page

PAINT = "performance.getEntriesByName('first-contentful-paint').map(e => e.startTime)[0]"
STEPS = """() => { const t = performance.now();
  for (let i = 0; i < 100; i++) { go(now + 1); document.body.offsetHeight; }
  return (performance.now() - t) / 100; }"""


def timed(f):
    gc.collect()
    start = time.perf_counter()
    found = f()
    return time.perf_counter() - start, found


def batch_loss(n):
    rng, model = random.Random(0), MLP(2, [16, 16, 1], seed=0)
    losses = [(1 + -rng.choice((-1, 1)) * model([rng.random(), rng.random()])).relu() for _ in range(n)]
    return sum(losses, Value(0.0)) * (1 / n)


def tracing_cost(console, points):
    y = batch_loss(points)
    plain = min(timed(y.backward)[0] for _ in range(5))
    traced = min(timed(lambda: trace(y))[0] for _ in range(5))
    tracemalloc.start()
    steps = trace(y)
    columns = tracemalloc.get_traced_memory()[0] / 1e6
    nodes, last = timed(lambda: steps[len(steps) - 1])[0], len(steps) - 1
    memory = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    console.print(
        f"{steps}: backward {plain * 1e3:.0f} ms, trace {traced * 1e3:.0f} ms, {traced / plain:.1f}x (target 5x)"
    )
    console.print(
        f"memory {columns:.0f} MB, {memory:.0f} MB once its nodes are built "
        f"(in {nodes:.1f} s under the memory profiler)"
    )
    steps = trace(y)
    names, _ = timed(lambda: steps.nodes)
    there, state = timed(lambda: steps.at(last))
    back, _ = timed(lambda: state.seek(last - 1))
    search, _ = timed(lambda: steps.find("nan"))
    console.print(
        f"names {names:.2f} s once; to the last step {there:.2f} s; one step back {back * 1e3:.2f} ms; "
        f"a search through all {search:.2f} s"
    )


def pages(console, quick):
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        console.print("the page is not measured: playwright is not installed")
        return
    if not (chromium := shutil.which("chromium") or shutil.which("google-chrome")):
        console.print("the page is not measured: Chromium is not installed")
        return
    x = [Value(2.0, "x1"), Value(0.0, "x2")]
    subjects = {
        "one neuron": MLP(2, [1], seed=0)(x),
        "MLP 2-5-4-1": MLP(2, [5, 4, 1], seed=0)(x),
        "MLP 2-16-16-1": MLP(2, [16, 16, 1], seed=0)(x),
    }
    names = list(subjects)[:1] if quick else list(subjects)
    with sync_playwright() as p, tempfile.TemporaryDirectory() as folder:
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name in names:
            made, path = timed(lambda y=subjects[name]: write_page(trace(y), Path(folder) / "page.html"))
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(path.as_uri())
            while (paint := page.evaluate(PAINT)) is None:
                page.wait_for_timeout(20)
            step = page.evaluate(STEPS)
            console.print(
                f"page of {name}: {page.evaluate('N.length')} values, {path.stat().st_size / 1000:.0f} KB, "
                f"made in {made:.2f} s, first paint {paint:.0f} ms (target 500), a step {step:.1f} ms (target 16)"
            )
        browser.close()


def main(quick):
    console = Console(width=160, highlight=False)
    tracing_cost(console, 2 if quick else 100)
    pages(console, quick)


if __name__ == "__main__":
    main(parser(__doc__).parse_args().quick)

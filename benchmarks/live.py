"""Measure graphs that compute in the browser against their targets: passes a second, and the size of the script.

Run: make bench  (the passes are measured if Chromium is installed)

A pass is a leaf that moves, forward and backward, in headless Chromium; times are minima.
"""

import json
import random
import shutil
import subprocess
import sys
import time

import race
from quick import parser

from autograd_tiny import Value
from autograd_tiny.live import encode, script
from autograd_tiny.nn.modules import MLP

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
# Milliseconds until the program stands, and of a pass: the least of so many rounds.
PASSES = """([text, rounds, often]) => {
  const json = JSON.parse(text);
  const start = performance.now();
  const m = new Program(json), loaded = performance.now() - start;
  let best = Infinity;
  for (let r = 0; r < rounds; r++) {
    const start = performance.now();
    for (let i = 0; i < often; i++) { m.data[m.leaves[0].node] += 1e-9; m.forward(); m.backward(); }
    best = Math.min(best, (performance.now() - start) / often);
  }
  return [loaded, best, m.selfCheck().ulp];
}"""


def network(width):
    """Squared error of a network with two hidden layers."""
    rng, model = random.Random(0), MLP(4, [width, width, 1], seed=0)
    return (model([rng.random() for _ in range(4)]).tanh() - 1.0) ** 2


def chain(n):
    """A recurrence of n values, a third of them tanh: few ops take longer."""
    x, w = Value(0.3, "x"), Value(0.7, "w")
    y = x
    for _ in range(n // 3):
        y = (y * w + x).tanh()
    return y


GRAPHS = {
    "network of 1,000 nodes": (lambda: network(15), 10_000),
    "network of 10,000 nodes": (lambda: network(54), 1_000),
    "chain of 1,000 nodes": (lambda: chain(1_000), 10_000),
    "chain of 10,000 nodes": (lambda: chain(10_000), 1_000),
}
GENERATED = """import time; start = time.perf_counter()
from autograd_tiny.live import script
script(); print(time.perf_counter() - start)"""


def measured(page, quick):
    rows = []
    for name, (make, target) in GRAPHS.items():
        encoded = encode(make())
        n = len(encoded["steps"])
        rounds, often = (1, 1) if quick else (30, 200_000 // n)
        loaded, best, apart = page.evaluate(PASSES, [json.dumps(encoded, allow_nan=False), rounds, often])
        rows.append((f"{name} ({n:,}): forward + backward a second", 1e3 / max(best, 1e-4), "≥", target))
        rows.append((f"{name}: ms to build the program", loaded, "≤", 300))
        rows.append((f"{name}: ulp from Python's numbers", apart, "≤", 4))
    return rows


def main(quick):
    seconds = float(subprocess.run([sys.executable, "-c", GENERATED], capture_output=True, check=True).stdout)
    start = time.perf_counter()
    rows = [
        ("script, bytes", len(script().encode()), "≤", 25_000),
        ("s to generate the script, with imports", seconds, "≤", 1),
    ]
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        race.console.print("no Chromium: the passes are not measured")
    else:
        from playwright.sync_api import sync_playwright

        with sync_playwright() as p:
            running = p.chromium.launch(executable_path=browser, args=FLAGS)
            page = running.new_page()
            page.add_script_tag(content=script())
            rows += measured(page, quick)
            running.close()
    race.targets(f"in the browser ({time.perf_counter() - start:.0f} s)", rows)


if __name__ == "__main__":
    main(parser(__doc__).parse_args().quick)

"""Measure the time and size of pictures, and compare the size with micrograd's picture of the same graph.

Run: make bench
"""

import gc
import random
import time

from quick import parser
from rich.console import Console
from rich.table import Table

from autograd_tiny import Value
from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.value import topological_order
from autograd_tiny.nn.modules import MLP
from autograd_tiny.pictures.drawing import draw
from autograd_tiny.pictures.rendering.render import render


def timed(f):
    gc.collect()
    start = time.perf_counter()
    found = f()
    return time.perf_counter() - start, found


def batch_loss(n, hidden):
    """Loss of micrograd's demo, an MLP 2-hidden-hidden-1 with hinge loss and L2 penalty, after its backward pass."""
    rng, model = random.Random(0), MLP(2, [hidden, hidden, 1], seed=0)
    losses = [(1 + -rng.choice((-1, 1)) * model([rng.random(), rng.random()])).relu() for _ in range(n)]
    y = sum(losses) * (1 / n) + 1e-4 * sum(p * p for p in model.parameters())
    y.backward()
    return y


def micrograd_nodes(n, hidden):
    """Count the nodes that micrograd 0.1.0 draws for the same loss: one per Value and per op, as in `trace_graph`."""
    try:
        from micrograd import engine, nn
    except ModuleNotFoundError:
        return None
    rng = random.Random(0)
    random.seed(0)
    model = nn.MLP(2, [hidden, hidden, 1])
    losses = [(1 + -rng.choice((-1, 1)) * model([rng.random(), rng.random()])).relu() for _ in range(n)]
    y = sum(losses) * (1 / n) + 1e-4 * sum(p * p for p in model.parameters())
    assert isinstance(y, engine.Value)
    seen, stack = {y}, [y]
    while stack:
        for child in stack.pop()._prev:
            if child not in seen:
                seen.add(child)
                stack.append(child)
    return sum(2 if v._op else 1 for v in seen)


def main(quick):
    console = Console(width=160, highlight=False)
    table = Table("loss of", "values", "drawn", "micrograd draws", "times fewer", "picture", "layout", "in all")
    sizes, hidden, length = ((1, 2), 2, 1_000) if quick else ((1, 20, 100), 16, 1_000_000)
    for n in sizes:
        y = batch_loss(n, hidden)
        for options in ({}, {"fold": "samples"}):
            making, graph = timed(lambda y=y, options=options: draw(y, **options))
            layout, _ = timed(lambda graph=graph: render(graph.source))
            whole, _ = timed(lambda y=y, options=options: draw(y, **options).pipe("svg"))
            theirs, ours = micrograd_nodes(n, hidden), len(graph.picture.boxes)
            table.add_row(
                f"{counted(n, 'point')}{', samples only' if options else ''}",
                f"{len(topological_order(y)):,}",
                f"{ours}",
                "not installed" if theirs is None else f"{theirs:,}",
                "" if theirs is None else f"{theirs / ours:.0f}",
                f"{making:.2f} s",
                f"{layout:.2f} s",
                f"{whole:.2f} s",
            )
    console.print(table)
    if theirs is None:
        console.print("micrograd is not installed and is left out")
    console.print("targets: 6 times fewer nodes at 20 points; layout 0.3 s at 1,000 values; 3 s in all at 65,000")
    for name, step in (("+ 1", lambda v: v + 1.0), ("tanh", lambda v: v.tanh())):
        y = Value(1.0)
        for _ in range(length):
            y = step(y)
        whole, svg = timed(lambda y=y: draw(y).pipe("svg"))
        console.print(f"a chain of {length:,} × {name}: {whole:.1f} s, {len(svg) / 1000:.0f} KB")


if __name__ == "__main__":
    main(parser(__doc__).parse_args().quick)

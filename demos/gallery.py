"""Draw two dozen pictures, from a + a to a batch of 100 through a network, and a page that shows them all.

Run: make gallery, then open out/gallery/index.html
"""

import html
import random
import sys
from pathlib import Path

from autograd_tiny import Op, Value
from autograd_tiny.engine import ops
from autograd_tiny.engine.expression import evaluate
from autograd_tiny.engine.provenance import tracing
from autograd_tiny.nn.modules import MLP, Module
from autograd_tiny.pictures import network
from autograd_tiny.pictures.drawing import draw
from autograd_tiny.pictures.links import linked
from autograd_tiny.stepper.attribution import paths
from autograd_tiny.stepper.traces import trace


def backward(y):
    y.backward()
    return y


def formula(text, **values):
    return backward(evaluate(text, values))


def neuron():
    return formula("tanh(x1*w1 + x2*w2 + b)", x1=2.0, x2=0.0, w1=-3.0, w2=1.0, b=6.88)


def points(n):
    rng = random.Random(0)
    return [([rng.uniform(-1, 1), rng.uniform(-1, 1)], rng.choice((-1, 1))) for _ in range(n)]


def hinge(model, n):
    return backward(sum((1 - label * model(xs)).relu() for xs, label in points(n)) / n)


def regression():
    """Squared error of a straight line through forty points, in unnamed Values."""
    slope, at_zero, rng = Value(2.0), Value(1.0), random.Random(0)
    xs = [rng.random() for _ in range(40)]
    return backward(sum((slope * Value(x) + at_zero - Value(3 * x)) ** 2 for x in xs) / len(xs))


class Recurrent(Module):
    """A recurrent cell, used once per step, whose values belong to one module."""

    def __init__(self):
        self.w, self.u, self.b = Value(0.5), Value(-1.0), Value(0.1)
        self.name_parameters()

    def __call__(self, xs):
        state = Value(0.0, "state")
        for x in xs:
            state = (self.w * state + self.u * x + self.b).tanh()
        return state


def cells(n, **options):
    with tracing() as recording:
        y = backward(Recurrent()([0.1 * i for i in range(n)]))
    return draw(y, recording=recording, **options)


def chain(n):
    y = Value(0.5, "x")
    for _ in range(n):
        y = y.sin()
    return backward(y)


def broken():
    x = Value(0.0, "x")
    root = x.sqrt()
    y = backward(root * 0.0)
    return draw(y, notes={root: "its slope is infinite\nand 0 × inf is nan"})


def best_paths():
    y = neuron()
    steps = trace(y)
    return draw(y, highlight=paths(steps, steps.node("w1"), 1))


def traced():
    with tracing() as recording:
        model = MLP(2, [3, 2, 1], activation=ops.tanh, seed=3)
        y = backward((model([Value(0.5, "x1"), Value(-1.0, "x2")]) - 1) ** 2)
    return draw(y, recording=recording, collapse="layers[0]")


def f(a, b):
    return (a * b + a).exp() / b


GALLERY = {
    "shared": ("a + a: two uses, two arrows", lambda: draw(backward((a := Value(3.0, "a")) + a))),
    "division": ("(a - b) / (b - 1), before backward()",
                 lambda: draw(evaluate("(a - b) / (b - 1)", {"a": 3.0, "b": -2.0}))),
    "reuse": ("b = a + a; b * b", lambda: draw(formula("b = a + a; b * b", a=3.0))),
    "neuron": ("A neuron", lambda: draw(neuron())),
    "local": ("The same with the local derivative on each arrow", lambda: draw(neuron(), show="names data grad local")),
    "down": ("From top to bottom, without names", lambda: draw(neuron(), rankdir="TB", show="data grad")),
    "path": ("The path that contributes most to the gradient of w1", best_paths),
    "hostile": ("Any name is text",
                lambda: draw(backward(Value(2.0, '<b>"a"</b> | {x} \\N 漢 🎉 שלום') * Value(3.0, "long " * 40)))),
    "nan": ("A note on a value that makes the gradient nan", broken),
    "mlp": ("One sample through an MLP 2-3-2-1, every value", lambda: draw(hinge(MLP(2, [3, 2, 1], seed=5), 1))),
    "focus": ("The same, only the paths from one weight",
              lambda: draw(hinge(MLP(2, [3, 2, 1], seed=5), 1), focus="layers[0].neurons[0].w[0]")),
    "depth": ("The same, only values near the output", lambda: draw(hinge(MLP(2, [3, 2, 1], seed=5), 1), depth=5)),
    "sums": ("The same, each sum in one box", lambda: draw(hinge(MLP(2, [3, 2, 1], seed=5), 1), fold="sums")),
    "module": ("One module in one box", traced),
    "regression": ("A line through 40 points, without names", lambda: draw(regression())),
    "recurrent": ("A cell used twelve times, its module in one box", lambda: cells(12, collapse=1)),
    "steps": ("The same cell, step by step", lambda: cells(3)),
    "sample": ("One sample through an MLP 2-16-16-1: 979 values", lambda: draw(hinge(MLP(2, [16, 16, 1], seed=0), 1))),
    "batch": ("A batch of 100 through it: 64,739 values", lambda: draw(hinge(MLP(2, [16, 16, 1], seed=0), 100))),
    "layers": ("The batch, one box per layer", lambda: draw(hinge(MLP(2, [16, 16, 1], seed=0), 100), collapse=1)),
    "weight": ("The batch, only the paths from one weight",
               lambda: draw(hinge(MLP(2, [4, 4, 1], seed=0), 100), focus="layers[0].neurons[0].w[0]")),
    "chain": ("A chain of 10,000", lambda: draw(chain(10_000))),
    "network": ("A network as circles and lines", lambda: network(hinge(MLP(2, [4, 3, 1], seed=8), 1))),
    "network-batch": ("The network of the batch of 100", lambda: network(hinge(MLP(2, [16, 16, 1], seed=0), 100))),
    "op": ("An op: tanh, from its row of the table", lambda: draw(ops.tanh)),
    "own-op": ("An op defined by the user",
               lambda: draw(Op("sinc", lambda x: ops.sin(x) / x, (lambda y, x: (ops.cos(x) - y) / x,)))),
    "function": ("A function, run on Symbols", lambda: draw(f)),
}  # fmt: skip

HEAD = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src 'self' file:">
<title>Pictures of gradients</title>
<style>:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;margin:1rem auto;max-width:75rem;padding:0 1rem}
figure{margin:2.5rem 0}figcaption{font-weight:bold}.wide{overflow:auto;max-height:90vh}</style>
<h1>Pictures of gradients</h1>
"""


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    page = [HEAD]
    for name, (title, make) in GALLERY.items():
        path = make().write(folder / f"{name}.svg")
        text = html.escape(title)
        page.append(
            f'<figure><figcaption>{text}</figcaption><div class="wide">'
            f'<a href="{path.name}"><img src="{path.name}" alt="{text}"></a></div></figure>'
        )
    pair = linked(hinge(MLP(2, [4, 3, 1], seed=8), 1), folder / "linked")
    page.append(
        "<p>A network and its scalars, linked to each other: "
        + " and ".join(f'<a href="linked/{path.name}">{path.name}</a>' for path in pair)
        + "</p>"
    )
    (folder / "index.html").write_text("\n".join([*page, "</html>", ""]), encoding="utf-8")
    print(folder / "index.html")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out/gallery"))

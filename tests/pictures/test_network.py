"""A network as circles and lines counts every value and use, and shows the numbers that were computed."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET
from statistics import fmean, pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny import Op, Value
from autograd_tiny.check import programs
from autograd_tiny.engine import ops
from autograd_tiny.engine.digits import short
from autograd_tiny.engine.provenance import tracing
from autograd_tiny.engine.value import topological_order
from autograd_tiny.nn import MLP, Layer, Linear, Module, Neuron, Sequential
from autograd_tiny.pictures.measure import shortened
from autograd_tiny.pictures.networks.graph import folded, network_of
from autograd_tiny.pictures.networks.picture import network
from autograd_tiny.pictures.scopes import scopes

pytestmark = pytest.mark.slow


def accounts_for_all(y, picture):
    order = topological_order(y)
    assert picture.values == len(order)
    assert picture.uses == sum(len(v.parents) for v in order)
    keys = [box.key for box in picture.boxes]
    assert len(keys) == len(set(keys))
    assert {a.tail for a in picture.arrows} | {a.head for a in picture.arrows} <= set(keys)


SHAPES = st.lists(st.integers(1, 5), min_size=2, max_size=4)
LOSSES = {
    "score": lambda scores: scores[0],
    "hinge": lambda scores: sum((1 - s).relu() for s in scores),
    "penalty": lambda scores: (scores[0] - 1) ** 2 + sum(p * p for p in topological_order(scores[0]) if p.name),
}


@given(SHAPES, st.integers(1, 3), st.sampled_from(sorted(LOSSES)), st.booleans(), st.integers(3, 6))
def test_a_perceptron_is_its_layers(sizes, batch, loss, constant, most):
    model = MLP(sizes[0], [*sizes[1:], 1], activation=ops.tanh, seed=2)
    number = float if constant else Value
    with tracing() as recording:
        y = LOSSES[loss]([model([number(k - i) for i in range(sizes[0])]) for k in range(batch)])
    y.backward()
    found = network_of(y)
    columns = found.columns()
    assert [len(column) for column in columns] == [*sizes, 1, *[1] * (loss != "score")]
    assert [key.of for column in columns[1:] for key in column if key.kind == "module"] == [
        f"layers[{i}].neurons[{k}]" for i, layer in enumerate(model.layers) for k in range(len(layer.neurons))
    ]
    weights = [w for line in found.lines.values() for w in line.weights]
    assert sorted(w.name for w in weights) == sorted(w.name for w in model.parameters() if ".w[" in w.name)
    for (tail, head), line in found.lines.items():
        for w in line.weights:
            assert w.name.startswith(f"{head.of}.w")
            k = tail.of[1] if tail.kind == "input" else tail.of
            assert re.search(r"\d+\]$", k)[0] == re.search(r"\d+\]$", w.name)[0]
    accounts_for_all(y, network(y).picture)
    accounts_for_all(y, network(y, most=most).picture)
    assert network(y).source == network(y, recording).source


def test_circles_show_activations_and_gradients():
    model = MLP(2, [3, 1], activation=ops.tanh, seed=0)
    points = [[0.5, -1.0], [1.0, 2.0], [-0.3, 0.25]]
    y = ops.fsum(*((model(xs) - 1) ** 2 for xs in points))
    boxes = {box.title: box for box in network(y).picture.boxes}
    assert str(boxes["layers[0].neurons[1]"].lines[1]) == "grad –"
    y.backward()
    boxes = {box.title: box for box in network(y).picture.boxes}
    hidden = [[n(xs) for n in model.layers[0].neurons] for xs in points]
    for k in range(3):
        activations = [h[k].data for h in hidden]
        deviation = short(float(f"{pstdev(activations):.2g}"))
        assert str(boxes[f"layers[0].neurons[{k}]"].lines[0]) == f"data {short(fmean(activations))} ± {deviation}"
        w = model.layers[1].neurons[0].w[k].data
        grads = [2 * (model(xs).data - 1) * w for xs in points]
        deviation = short(float(f"{pstdev(grads):.2g}"))
        assert str(boxes[f"layers[0].neurons[{k}]"].lines[1]) == f"grad {short(fmean(grads))} ± {deviation}"
    assert str(boxes["x[0]"].lines[0]).startswith("data 0.4 ±")
    assert str(boxes["result"].lines[0]) == f"data {short(y.data)}"
    b = model.layers[1].neurons[0].b
    assert f"layers[1].neurons[0].b = 0, grad {short(b.grad)}" in boxes["layers[1].neurons[0]"].tooltip


def edges(graph):
    """Attributes of each weighted line, by the name of the weight."""
    found = {}
    for line in graph.source.splitlines():
        if (name := re.search(r'tooltip="(\S+) = ', line)) and " -> " in line:
            found[name[1]] = dict(re.findall(r"(\w+)=\"?([^\s\"\]]+)", line))
    return found


def test_lines_show_size_and_sign_of_weights_in_two_ways():
    model = MLP(3, [4, 1], seed=4)
    looks = edges(network(model([1.0, 2.0, 3.0])))
    weights = {name: p.data for name, p in model.named_parameters() if ".w[" in name}
    assert looks.keys() == weights.keys()
    for name, w in weights.items():
        assert ("style" in looks[name], looks[name]["color"] == "#9b5fc0") == (w < 0, w < 0)
    widths = sorted((abs(w), float(looks[name]["penwidth"])) for name, w in weights.items())
    assert [width for _, width in widths] == sorted(width for _, width in widths)
    assert widths[-1][1] == 4.0


class Residual(Module):
    def __init__(self):
        self.a, self.b, self.out = Layer(2, 2, seed=0), Layer(2, 2, seed=1), Neuron(2, seed=2)
        self.name_parameters()

    def __call__(self, x):
        h = self.a(x)
        h = [p + q for p, q in zip(h, self.b(h), strict=True)]
        total = ops.fsum(*(v.exp() for v in h))
        return self.out([v.exp() / total for v in h])


class Recurrent(Module):
    def __init__(self):
        self.w, self.u, self.b, self.out = Value(0.5), Value(-0.5), Value(0.1), Neuron(1, seed=0)
        self.other = Neuron(1, seed=1)
        self.name_parameters()

    def __call__(self, xs):
        h = 0.0
        for x in xs:
            h = self.other([(self.w * x + self.u * h + self.b).tanh()])
        return self.out([h])


class Embedding(Module):
    def __init__(self):
        self.table, self.out = [[Value(0.1), Value(0.2)], [Value(0.3), Value(0.4)]], Neuron(2, seed=0)
        self.encoder = Neuron(2, seed=1)
        self.name_parameters()

    def __call__(self, i):
        return self.out([self.encoder(self.table[i]), self.encoder.w[0] * Value(2.0)])


def recorded(f):
    with tracing() as recording:
        return f(), recording


double = Op("double", lambda x: 2.0 * x, (lambda y, x: 2.0 * float(x == x),))  # a rule that does not run on Symbols

NETWORKS = {
    "residual": lambda: Residual()([Value(1.0), Value(2.0)]),
    "recurrent": lambda: Recurrent()([Value(1.0), 2.0, Value(3.0)]) ** 2,
    "embedding": lambda: Embedding()(0),
    "scaled inputs": lambda: MLP(2, [2, 1], seed=0)([(x := Value(3.0, "x")) * 2 - 1, x]) - x,
    "own activation": lambda: MLP(1, [2, 1], seed=0, activation=lambda x: x * x.sigmoid())([Value(1.0)]) ** 2,
    "unspelled": lambda: MLP(1, [2, 1], seed=0, activation=double)([Value(1.0)]),
    "several outputs": lambda: ops.fsum(*MLP(1, [2, 3], seed=0)([Value(1.0)])),
    "dot": lambda: ops.dot(Value(1.0, "a.w"), Value(2.0, "a.v"), Value(3.0, "x"), Value(4.0, "z")),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("traced", [False, True])
def test_networks_of_ones_own(name, traced):
    y, recording = recorded(NETWORKS[name])
    y.backward()
    graph = network(y, recording if traced else None)
    accounts_for_all(y, graph.picture)
    assert graph.pipe("svg").startswith((b"<?xml", b"<svg"))


def test_what_lies_between_and_cycles_have_columns():
    y, recording = recorded(NETWORKS["residual"])
    kinds = [sorted({key.kind for key in column}) for column in network_of(y).columns()]
    assert kinds == [["input"], ["module"], ["module"], ["between"], ["module"]]
    assert [[key.of for key in column] for column in network_of(y, recording).columns()][3:] == [["Residual"], ["out"]]
    y, recording = recorded(NETWORKS["recurrent"])
    found = network_of(y, recording)
    modules = [[key.of for key in column if key.kind == "module"] for column in found.columns()]
    assert modules == [[], ["Recurrent"], ["other"], ["out"], []]


PATHS = ("a.w", "a.b", "b.w", "b.c.w", "x", None, "y", "a.v")


@given(programs(inputs=len(PATHS)))
@settings(max_examples=100)
def test_any_graph_with_modules_is_accounted_for(program):
    (y,) = program.run(Value(x, PATHS[i]) for i, x in enumerate(program.example))
    if any(scope for v, scope in scopes(topological_order(y)).items() if v.op is not None):
        accounts_for_all(y, network(y).picture)
    else:
        with pytest.raises(ValueError, match="no module is known"):
            network(y)


def test_a_wide_network_shows_the_first_and_the_last_in_time():
    model = MLP(64, [64, 64, 1], seed=0)
    y = model([0.1] * 64)
    y.backward()
    start = os.times()
    graph = network(y)
    svg = graph.pipe("svg", encoding="utf-8")
    assert sum(os.times()[:4]) - sum(start[:4]) < 2  # seconds of CPU time, here and in the renderer
    titles = [box.title for box in graph.picture.boxes]
    assert len(titles) == 3 * 17 + 1
    assert titles[:18] == [
        *(f"x[{i}]" for i in range(8)),
        "… 48 more",
        *(f"x[{i}]" for i in range(56, 64)),
        "layers[0].neurons[0]",
    ]
    assert "48 of 64 in column 2" in svg
    whole = network(y, most=64)
    assert len(whole.picture.boxes) == 193
    assert len(edges(whole)) == 2 * 64 * 64 + 64
    found = network_of(y)
    assert folded(found, found.columns(), 64)[0].lines.keys() == found.lines.keys()


def test_the_picture_is_plain_and_the_same_each_time():
    y = MLP(2, [2, 1], seed=0)([Value(1.0, '<b>"x"</b>\\n|{}'), Value(2.0, "y\n" * 5000)])
    svg = network(y).pipe("svg", encoding="utf-8")
    root = ET.fromstring(svg)
    assert {e.tag.rpartition("}")[2] for e in root.iter()} <= {
        "svg",
        "style",
        "g",
        "a",
        "title",
        "text",
        "path",
        "polygon",
        "ellipse",
    }
    assert re.findall(r'href="', svg) == []
    assert '<b>"x"</b>\\n|{}' in {
        "".join(t.itertext()).replace("\xa0", " ") for t in root.iter("{http://www.w3.org/2000/svg}text")
    }
    assert network(y).source == network(y).source


@pytest.mark.parametrize(
    "name", [r"a\N &lt; <b>", "a|{b}", 'say "a"', "</script>", "é漢🎉", "x" * 10_000, "two\nlines", r"C:\new"]
)
def test_hostile_names(name):
    y = Value(1.0, name) * Value(2.0, "net.w") + Value(0.5, "net.b")
    root = ET.fromstring(network(y).pipe("svg", encoding="utf-8"))
    shown = name.replace("\n", "·")
    titles = {"".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}title")}
    texts = {"".join(e.itertext()).replace("\xa0", " ") for e in root.iter("{http://www.w3.org/2000/svg}text")}
    assert shortened(shown, 28) in texts
    assert any(title.startswith(shortened(shown)) for title in titles)


@pytest.mark.parametrize("x", [float("inf"), float("nan"), 1e308, 5e-324])
def test_numbers_out_of_the_ordinary(x):
    model = MLP(1, [2, 1], seed=0)
    model.layers[0].neurons[0].w[0].data = x
    y = model([Value(x)])
    y.backward()
    assert network(y).pipe("svg").startswith((b"<?xml", b"<svg"))
    assert not re.findall(r"penwidth=.?(nan|inf)", network(y).source)


BAD = [
    (lambda: network(3.0), TypeError, r"network takes the Value .*got 3\.0"),
    (lambda: network(Value(1.0, "x") * 2), ValueError, "no module is known.*name_parameters"),
    (lambda: network(MLP(1, [1])([1.0]), most=2), ValueError, "most must be at least 3 .*, got 2"),
    (
        lambda: network(MLP(1, [1, 1], seed=0)([MLP(1, [1, 1], seed=1)([1.0])])),
        ValueError,
        r"2 parameters are named layers\[1\]\.neurons\[0\]\.b.*hold both networks in one Module",
    ),
]


@pytest.mark.parametrize(("wrong", "error", "message"), BAD)
def test_what_is_no_network(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()


@pytest.mark.parametrize("number", [float, Value])
def test_inputs_of_a_linear_layer_are_its_columns(number):
    model = Sequential(Linear(2, 3, seed=0), ops.tanh, Linear(3, 2, seed=1))
    y = sum(sum(model([number(k), number(1 - k)])) for k in range(4))
    found = network_of(y)
    assert [len(column) for column in found.columns()][:2] == [2, 1]
    accounts_for_all(y, network(y).picture)

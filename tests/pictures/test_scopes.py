"""Scopes inferred from the names of parameters agree with a record of the same computation."""

from __future__ import annotations

import operator
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny import Value
from autograd_tiny.engine import ops
from autograd_tiny.engine.provenance import tracing
from autograd_tiny.engine.value import topological_order
from autograd_tiny.nn.modules import MLP, Module, Neuron
from autograd_tiny.pictures.scopes import owner, scopes

ACTIVATIONS = (ops.relu, ops.tanh, ops.leaky_relu, ops.sigmoid)
LOSSES = {
    "hinge": lambda score, y: (1 + -y * score).relu(),
    "squared": lambda score, y: (score - y) ** 2,
    "product": lambda score, y: score * y,
    "scores": lambda score, y: score,
    "sum of scores": lambda score, y: score + Value(0.0),
}


@pytest.mark.slow
@given(
    st.lists(st.integers(1, 4), min_size=2, max_size=4),
    st.integers(1, 3),
    st.sampled_from(ACTIVATIONS),
    st.sampled_from(sorted(LOSSES)),
    st.booleans(),
)
def test_what_is_inferred_is_what_was_recorded(sizes, batch, activation, loss, constant):
    model = MLP(sizes[0], sizes[1:], activation=activation, seed=1)
    number = float if constant else Value
    with tracing() as recording:
        losses = []
        for k in range(batch):
            out = model([number(k + i) for i in range(sizes[0])])
            losses += [LOSSES[loss](score, 0.0) for score in (out if isinstance(out, list) else [out])]
        y = reduce(operator.add, losses)
        for p in model.parameters():
            y = y + p * p + 0.01 * p**2
    order = topological_order(y)
    assert scopes(order) == scopes(order, recording)
    assert [v for v, scope in scopes(order).items() if scope and v.op is None] == [
        v for v in order if v in set(model.parameters())
    ]


def test_dot_and_fsum_and_a_slope_that_is_learned():
    w, b, slope = Value(1.0, "net.f.w"), Value(2.0, "net.f.b"), Value(0.1, "net.f.slope")
    inside = ops.fsum(ops.dot(w, 3.0), b)
    y = ops.leaky_relu(inside, slope)
    out = ops.fsum(y, y) + 1
    assert set(scopes(topological_order(y)).values()) == {"net.f"}
    assert scopes(topological_order(out))[out] == ""
    assert scopes(topological_order(out))[out.parents[0]] == ""


def test_only_what_is_applied_directly_is_an_activation():
    w, b, x = Value(1.0, "net.w"), Value(2.0, "net.b"), Value(3.0, "x")
    inner = (w * x + b).relu()
    outer = inner.tanh()
    found = scopes(topological_order(outer))
    assert (found[inner], found[outer], found[x]) == ("net", "", "")
    model = MLP(1, [1], seed=0)
    total = model([1.0]) + model([2.0])
    assert scopes(topological_order(total))[total] == ""


class Twice(Module):
    """Two networks with equal parameter names, and an unnamed parameter."""

    def __init__(self):
        self.first, self.second, self.scale = MLP(1, [1], seed=0), MLP(1, [1], seed=1), Value(3.0)

    def __call__(self, x):
        return self.second([self.first([x])]) * self.scale


def test_a_recording_knows_modules_that_names_do_not():
    net = Twice()
    with tracing() as recording:
        y = net(Value(2.0, "x"))
        active = scopes(topological_order(y))
    found = scopes(topological_order(y), recording)
    assert active == found
    assert found[y] == found[net.scale] == "Twice"
    assert found[net.first.layers[0].neurons[0].b] == "first.layers[0].neurons[0]"
    assert found[net.second.layers[0].neurons[0].b] == "second.layers[0].neurons[0]"
    alone = Neuron(2, seed=0)
    with tracing() as recording:
        y = alone([1.0, 2.0])
    assert set(scopes(topological_order(y), recording).values()) == {"Neuron", ""}  # the numbers given are of no module


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("layers[0].neurons[3].b", "layers[0].neurons[3]"),
        ("parts['a.b].c'].w[0]", "parts['a.b].c']"),
        ("net.parts[('a', 1)].w", "net.parts[('a', 1)]"),
        ("größe.w", "größe"),
        ("w[0]", ""),
        ("x", ""),
        ("0.5", ""),
        ("a + b.c", ""),
        ("a..b", ""),
        ("", ""),
        (None, ""),
        ("a" * 100_000 + ".b", "a" * 100_000),
        ("a[" * 5_000, ""),
        ("a." * 50_000, ""),
    ],
)
def test_only_a_path_leads_to_a_module(name, path):
    assert owner(name) == path

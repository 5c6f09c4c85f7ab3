"""Modules: names, copies, initial weights, and inputs of the wrong length."""

from __future__ import annotations

import math
import random
from statistics import variance

import pytest

from autograd_tiny import Value
from autograd_tiny.engine import ops
from autograd_tiny.nn.modules import MLP, Layer, Module, Neuron
from autograd_tiny.transforms.derivatives import grad, hessian, jvp


def test_parameters_are_named_by_the_path_that_leads_to_them():
    model = MLP(2, [3, 1], seed=0)
    for name, parameter in model.named_parameters():
        assert eval(f"model.{name}", {"model": model}) is parameter
        assert parameter.name == name
    assert model.parameters() == [p for layer in model.layers for n in layer.neurons for p in [*n.w, n.b]]


def test_a_module_of_ones_own():
    class Scaled(Module):
        def __init__(self):
            self.scale = Value(2.0)
            self.parts = {"first": Neuron(1, seed=0), "again": self}
            self.tied = self.parts["first"].w[0]
            self.pair = (Value(1.0), Value(2.0))
            self.title = "scaled"

    scaled = Scaled()
    names = [name for name, _ in scaled.named_parameters()]
    assert names == ["scale", "parts['first'].w[0]", "parts['first'].b", "pair[0]", "pair[1]"]
    other = scaled.with_parameters([10.0, 20.0, 30.0, 40.0, 50.0])
    assert (other.scale, other.tied, other.pair) == (10.0, 20.0, (40.0, 50.0))
    assert other.parts["again"] is other
    assert scaled.scale.data == 2.0
    with pytest.raises(ValueError, match=r"has 5 parameters, got 1 value$"):
        scaled.with_parameters([1.0])


def test_zero_grad_and_training():
    model = MLP(2, [4, 1], activation=ops.tanh, seed=3)
    points = [([0.0, 0.0], -1.0), ([0.0, 1.0], 1.0), ([1.0, 0.0], 1.0), ([1.0, 1.0], -1.0)]  # exclusive or
    for _ in range(200):
        loss = ops.fsum(*((model(xs) - y) ** 2 for xs, y in points))
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= 0.1 * p.grad
    assert loss.data < 0.01
    model.zero_grad()
    assert all(p.grad == 0.0 for p in model.parameters())


def test_derivatives_by_a_module():
    model = MLP(2, [3, 1], activation=ops.tanh, seed=1)

    def loss(model, x):
        return (model([x, 1.0]) - 1) ** 2

    gradient = grad(loss)(model, 0.5)
    y = loss(model, 0.5)
    y.backward()
    assert gradient == {name: pytest.approx(p.grad, rel=1e-14) for name, p in model.named_parameters()}
    second = hessian(loss)(model, 0.5)
    names = list(gradient)
    assert all(math.isclose(second[a][b], second[b][a], rel_tol=1e-9, abs_tol=1e-12) for a in names for b in names)
    tangent = dict.fromkeys(names, 1.0)
    forward = jvp(lambda m: loss(m, 0.5), (model,), (tangent,))[1]
    assert math.isclose(forward, sum(gradient.values()), rel_tol=1e-12)


def test_a_layer_of_one_in_the_middle():
    model = MLP(2, [4, 1, 1], seed=0)
    assert isinstance(model([1.0, 2.0]), Value)
    assert len(MLP(2, [4, 1, 3], seed=0)([1.0, 2.0])) == 3
    assert isinstance(Layer(2, 1)([1.0, 2.0]), Value)


def test_inputs_may_be_any_iterable():
    model = MLP(2, [3, 1], seed=0)
    assert (
        model(map(float, (1, 2))).data
        == model((1.0, 2.0)).data
        == Layer(2, 1, seed=0)(iter([1, 2])).data * 0 + model([1, 2]).data
    )


def test_seeds_and_initial_weights():
    def numbers(model):
        return [p.data for p in model.parameters()]

    assert numbers(MLP(2, [3, 1], seed=7)) == numbers(MLP(2, [3, 1], seed=7)) != numbers(MLP(2, [3, 1], seed=8))
    random.seed(5)
    first = numbers(MLP(2, [3, 1]))
    random.seed(5)
    assert numbers(MLP(2, [3, 1])) == first != numbers(MLP(2, [3, 1]))
    wide = Neuron(4000, seed=0)
    assert variance(w.data for w in wide.w) == pytest.approx(2 / 4000, rel=0.1)
    assert wide.b.data == 0.0


BAD = [
    (lambda: MLP(2, [3, 1])([1.0]), ValueError, r"MLP\(2, \[3, 1\]\) takes 2 inputs, got 1"),
    (lambda: Neuron(3)([1.0, 2.0]), ValueError, r"Neuron\(3\) takes 3 inputs, got 2"),
    (lambda: Layer(1, 2)([1.0, 2.0]), ValueError, r"Layer of \[Neuron\(1\), Neuron\(1\)\] takes 1 input, got 2"),
    (lambda: MLP(3, 4), TypeError, r"takes sizes such as MLP\(2, \[16, 1\]\), got MLP\(3, 4\)"),
    (lambda: MLP(2, [4, 0]), TypeError, r"got MLP\(2, \[4, 0\]\)"),
    (lambda: MLP(1, [1])(3.0), TypeError, r"MLP\(1, \[1\]\) takes a list of numbers, got 3\.0 of type float"),
    (lambda: Neuron(1)(Value(3.0)), TypeError, r"Neuron\(1\) takes a list of numbers, got Value\(data=3\.0\)"),
    (lambda: Neuron(1)(["3"]), TypeError, r"can't multiply"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), BAD)
def test_wrong_inputs(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()

"""A wrong first call of a public function raises one clear sentence: what was given, and what would be right."""

from __future__ import annotations

import pytest

from autograd_tiny import Value, grad, nn, ops, value_and_grad

MODEL = nn.MLP(2, [4, 1], seed=0)


def rows(n):
    return [[1.0, 2.0]] * n


def array(n):
    return pytest.importorskip("numpy").ones((n, 2))


CALLS = [
    # A model is called with one sample.
    (lambda: MODEL(rows(5000)), "takes 2 inputs, got 5,000 rows", "[model(x) for x in X]", 'batch="x"'),
    (lambda: MODEL(rows(2)), "takes 2 inputs, got 2 rows", "jit("),
    (lambda: MODEL(array(5000)), "takes 2 inputs, got 5,000 rows", "jit("),
    (lambda: MODEL(array(2)), "takes 2 inputs, got 2 rows", "jit("),
    (lambda: nn.Layer(2, 3)(rows(7)), "takes 2 inputs, got 7 rows", "jit("),
    (lambda: nn.Layer(2, 3)(array(2)), "takes 2 inputs, got 2 rows", "jit("),
    (lambda: nn.Neuron(2)(rows(7)), "takes 2 inputs, got 7 rows", "jit("),
    (lambda: MODEL("ab"), "takes a list of numbers, got 'ab' of type str"),
    (lambda: MODEL(["a", "b"]), "takes a list of numbers, got ['a', 'b'] of type list"),
    (lambda: MODEL([1.0, 2.0, 3.0]), "takes 2 inputs, got 3"),
    (lambda: nn.Neuron("2"), "Neuron(nin) takes a number of inputs, such as Neuron(2), got '2'"),
    (lambda: nn.Neuron(2.0), "Neuron(nin) takes a number of inputs, such as Neuron(2), got 2.0"),
    (lambda: nn.Neuron(-1), "Neuron(nin) takes a number of inputs, such as Neuron(2), got -1"),
    (lambda: nn.Layer(2, 0), "Layer(nin, nout) takes sizes such as Layer(2, 16), got Layer(2, 0)"),
    (lambda: nn.Layer(2, "a"), "Layer(nin, nout) takes sizes such as Layer(2, 16), got Layer(2, 'a')"),
    (lambda: nn.Neuron(2, activation="tanh"), "activation takes a function such as ops.tanh, got 'tanh'"),
    (lambda: nn.MLP(2, [1], activation="tanh"), "activation takes a function such as ops.tanh, got 'tanh'"),
    # An argument not named in argnums is a float.
    (lambda: grad(lambda a, b: a * b.exp())(1.0, 2.0), "b is a float", "argnums", "ops.exp(b)"),
    (lambda: grad(lambda a, b: b * a.exp(), argnums=1)(1.0, 2.0), "a is a float", "ops.exp(a)"),
    (lambda: value_and_grad(lambda a, b: a * b["w"].tanh())(1.0, {"w": 2.0}), "b['w'] is a float", "ops.tanh"),
    (lambda: value_and_grad(lambda a, *, b: a * b.log())(1.0, b=2.0), "b is a float", "ops.log(b)"),
    (lambda: grad(lambda a, b: a * b[1].sqrt())(1.0, pytest.importorskip("numpy").array([3.0, 2.0])), "b[1] is a float", "ops.sqrt"),
    (lambda: grad(lambda a: a * (1.0).exp())(1.0), "the float 1.0", "ops.exp(x)"),
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_the_message(call):
    make, *parts = call
    with pytest.raises((TypeError, ValueError, AttributeError)) as caught:
        make()
    text = str(caught.value)
    for part in parts:
        assert part in text, text
    assert "\n" not in text


def test_an_attribute_that_is_no_op_is_left_as_it_is():
    with pytest.raises(AttributeError) as caught:
        grad(lambda a, b: b.nothing)(1.0, 2.0)
    assert str(caught.value) == "'float' object has no attribute 'nothing'"


def test_what_the_messages_say_works():
    X = rows(3)
    assert [y.data for y in [MODEL(x) for x in X]] == [MODEL(X[0]).data] * 3
    assert grad(lambda a, b: a * ops.exp(b))(1.0, 0.0) == 1.0
    assert grad(lambda a, b: a * b.exp(), argnums=(0, 1))(1.0, 0.0) == (1.0, 1.0)
    assert nn.Neuron(0)([]).data == 0.0
    assert Value(2.0).data == 2.0

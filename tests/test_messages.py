"""A wrong first call of a public function raises one clear sentence: what was given, and what would be right."""

from __future__ import annotations

import pytest

from autograd_tiny import (
    Op,
    Value,
    draw,
    explain,
    grad,
    gradcheck,
    jit,
    nn,
    ops,
    stop_gradient,
    trace,
    value_and_grad,
)
from autograd_tiny.check import check_grads, gradcheck_property, gradgradcheck
from autograd_tiny.engine.symbol import SHOWN, Symbol
from autograd_tiny.stepper import debug, filmstrip, frames, gif, paths, print_trace, tikz, to_json, why, write_page

MODEL = nn.MLP(2, [4, 1], seed=0)
X = Value(2.0, "x")
Y = X * X


def written(name):
    v = Value(1.0, name)
    v.data = "x"
    return v


def given_gradient(name):
    v = Value(1.0, name)
    v.grad = "x"
    return v


def cube(x):
    return x * x * x


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
    (lambda: grad(lambda a, b: a * b[1].sqrt())(1.0, array(1)[0] * [3.0, 2.0]), "b[1] is a float", "ops.sqrt"),
    (lambda: grad(lambda a: a * (1.0).exp())(1.0), "the float 1.0", "ops.exp(x)"),
    # A file, a Value, a name or a number where another thing is taken.
    (lambda: Y.draw("z.svg"), "draw takes no file, got 'z.svg': write draw(y).write('z.svg')"),
    (lambda: draw(Y, "z.svg"), "draw takes no file, got 'z.svg'"),
    (lambda: explain(Y), "explain takes an Op, such as ops.tanh, got Value(data=4.0)", "v.op"),
    (lambda: explain("tanh"), "explain takes an Op, such as ops.tanh, got 'tanh'", "autograd_tiny.ops"),
    (lambda: pow(X, 2, 3), "is for integers: write a**b % 3"),
    (lambda: Y.backward(retain_graph=True), "takes no arguments, got retain_graph=True: the graph is always kept"),
    (lambda: Y.backward(2.0), "takes no arguments, got 2.0"),
    (lambda: (given_gradient("w") * 2).backward(), "the .grad of w was set to 'x': expected a real number"),
    (lambda: written("v") * 2, "the .data of v was set to 'x': expected a real number, got 'x' of type str"),
    (lambda: written(None).exp(), "the .data of a Value was set to 'x'"),
    (lambda: 1.0 + written("v"), "the .data of v was set to 'x'"),
    (lambda: written("v").clip(0, 1), "the .data of v was set to 'x'"),
    (lambda: Op("cube", cube, (lambda x: 3 * x * x,)), "cube: a rule takes the result and 1 operand", "lambda y, x: …"),
    (lambda: Op("plus", cube, (lambda y, a: a, lambda y, a: a)), "a rule takes the result and 2 operands", "y, a, b"),
    (lambda: stop_gradient(Symbol("a")), "stop_gradient takes numbers, got <symbol a>"),
    (lambda: grad(3.0), "grad takes a function, got 3.0"),
    (lambda: gradcheck(3.0, 1.0), "gradcheck takes a function and the point x, got 3.0"),
    (lambda: gradcheck_property(cube, x=3), "x=3 is not a domain: write x=(-10, 10), or a hypothesis strategy"),
    (lambda: jit(lambda x: x, batch=0), "batch takes names of arguments", "got 0"),
    *[
        (lambda f=f, rest=rest: f(3, *rest), f"{f.__name__} takes a Trace, as trace(y) returns, or the Value y, got 3")
        for f, rest in [
            (why, "x"), (paths, "x"), (to_json, ""), (write_page, "a"), (debug, ""), (print_trace, ""),
            (frames, "a"), (gif, "a"), (filmstrip, "a"), (tikz, ""),
        ]
    ],
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


def test_the_checker_takes_what_grad_takes():
    for check in (gradcheck, gradgradcheck, check_grads):
        assert check(lambda v: v[0] * v[1].tanh(), [1.0, 2.0]).outcome == "correct"
        assert check(lambda p: p["w"] ** 2 * p["b"][0], {"w": 1.0, "b": [2.0]}).outcome == "correct"
        assert check(lambda x, y: x * y, [1.0, 2.0]).outcome == "correct"
        assert check(lambda x: x * x, Value(3.0)).outcome == "correct"
    assert gradcheck(lambda v: v[0] * v[1], [1.0, 2.0], grad=lambda v: [v[1], v[0]])
    with pytest.raises(AssertionError):
        gradcheck(lambda v: v[0] * v[1], [1.0, 2.0], grad=lambda v: [v[0], v[1]])


def test_a_step_prints_as_text():
    assert [str(step) for step in trace(Y)] == [
        "forward: x is 2",
        "forward: x * x is 4",
        "seed: x * x.grad += 1 : 0 → 1",
        "backward: x.grad += 1 × 2 : 0 → 2, from x * x",
        "backward: x.grad += 1 × 2 : 2 → 4, from x * x",
    ]
    assert [use.nth for use in why(Y, "x")] == [1, 2]
    assert paths(Y, "x").total == 2


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("x", [-5.0, -1.5, -0.25, 0.0, 0.5, 1.0, 3.0, 7.0])
def test_a_rule_that_is_shown_is_the_rule_that_computes(name, x):
    op = ops.TABLE[name]
    x = {"asin": x / 8, "acos": x / 8, "atanh": x / 8, "acosh": 1.5 + abs(x)}.get(name, x)
    y = op(x)
    assert SHOWN[name](y, x) == pytest.approx(op.local_derivatives(y, (x,))[0], rel=1e-8)


def test_the_rule_of_tanh_reads_as_in_a_textbook():
    assert explain(ops.tanh) == "∂tanh(x)/∂x = 1 - y ** 2    where y = tanh(x)"
    wrong = Op("tanh", ops.tanh.forward, (lambda y, x: 2 * x,))
    assert explain(wrong) == "∂tanh(x)/∂x = 2 * x"

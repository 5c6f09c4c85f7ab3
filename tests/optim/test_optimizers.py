"""Optimizers on Values and on arrays: the same numbers, states that resume, and what is refused, by name."""

from __future__ import annotations

import copy
import json
import math
import pickle
import random
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny import Value, ops, optim
from autograd_tiny.nn import MLP, Module
from autograd_tiny.optim.rules import POSITIVE, TABLE, Rule

MAKERS = {
    "sgd": optim.SGD,
    "momentum": lambda *args, **options: optim.SGD(*args, momentum=0.9, **options),
    "nesterov": lambda *args, **options: optim.SGD(*args, momentum=0.9, nesterov=True, **options),
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "rmsprop": optim.RMSprop,
    "adagrad": optim.Adagrad,
    "lion": optim.Lion,
}
NUMBERS = st.floats(-100, 100)


def moved(optimizer, xs, gradients):
    """Take one step per row of gradients; return the parameters."""
    for row in gradients:
        for x, g in zip(xs, row, strict=True):
            x.grad = g
        optimizer.step()
    return [x.data for x in xs]


def test_every_rule_has_an_optimizer():
    assert {name: make().rule for name, make in MAKERS.items()} == TABLE
    for name, make in MAKERS.items():
        assert make().lr == TABLE[name].lr
        assert make().hyper == {key: default for key, (default, _) in TABLE[name].hyper.items()}


@given(st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1, max_size=5))
@pytest.mark.parametrize("name", MAKERS)
def test_arrays_lists_and_values_take_the_same_steps_bit_for_bit(name, gradients):
    np = pytest.importorskip("numpy", reason="arrays")
    optimizer = MAKERS[name](xs := [Value(1.0), Value(-2.0), Value(0.0)], lr=lambda step: 0.1 / (step + 1))
    array, numbers = np.array([x.data for x in xs]), [x.data for x in xs]
    slots, lists = optimizer.init(3), [[0.0] * 3 for _ in optimizer.slots]
    for step, row in enumerate(gradients):
        optimizer.update(array, np.array(row), slots, step)
        optimizer.update(numbers, row, lists, step)
    assert moved(optimizer, xs, gradients) == numbers == array.tolist()
    assert optimizer.slots == lists == [slot.tolist() for slot in slots]


@pytest.mark.parametrize("name", MAKERS)
def test_a_state_through_json_goes_on_bit_for_bit(name):
    rng = random.Random(0)
    gradients = [[rng.gauss(0, 1) for _ in range(3)] for _ in range(10)]
    xs, ys = ([Value(1.0), Value(2.0), Value(3.0)] for _ in range(2))
    wanted = moved(MAKERS[name](xs, lr=0.1), xs, gradients)
    first = MAKERS[name](ys, lr=0.1)
    moved(first, ys, gradients[:4])
    state = json.loads(json.dumps(first.state_dict()))
    again = MAKERS[name](ys, lr=0.7, weight_decay=0.3)
    again.load_state_dict(state)
    assert again.state_dict() == first.state_dict() == state
    assert moved(again, ys, gradients[4:]) == wanted


def test_a_learning_rate_that_is_a_function_stays_that_of_the_optimizer():
    x, schedule = Value(1.0), lambda step: 0.5**step
    first = optim.SGD([x], lr=schedule)
    moved(first, [x], [[1.0]] * 3)
    again = optim.SGD([x], lr=schedule)
    again.load_state_dict(first.state_dict())
    assert (again.lr, again.steps, again.rate(again.steps)) == (schedule, 3, 0.125)


class Scaled(Module):
    def __init__(self):
        self.w = [Value(1.0), Value(2.0) * 0.5]  # the second is computed, and a parameter


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ([Value(1.0), Value(2.0, "w")], ["parameters[0]", "parameters[1] (w)"]),
        ((Value(1.0),), ["parameters[0]"]),
        ({"b": Value(1.0), "a": [Value(2.0)]}, ["parameters['a'][0]", "parameters['b']"]),
        (iter([Value(1.0)]), ["parameters[0]"]),
        ({"w": Value(1.0)}.values(), ["parameters[0]"]),
        ([("w", Value(1.0))], ["w"]),
        (MLP(1, [1]).named_parameters(), ["layers[0].neurons[0].w[0]", "layers[0].neurons[0].b"]),
        (MLP(1, [1]), ["layers[0].neurons[0].w[0]", "layers[0].neurons[0].b"]),
        (Scaled(), ["w[0]", "w[1]"]),
        ([[Value(1.0)], {"x": Scaled()}], None),
        (Value(3.0), ["parameters"]),
    ],
    ids=lambda x: type(x).__name__,
)
def test_parameters_are_a_module_or_values_in_any_container(given, names):
    if names is None:  # a computed parameter is one of its Module alone
        with pytest.raises(ValueError, match=r"parameters\[1\]\['x'\]\.w\[1\] was computed by mul"):
            optim.SGD(given)
    else:
        assert [name for name, _ in optim.SGD(given).parameters] == names


W = Value(1.0, "w")
USED = iter([W])
next(USED)
WRONG = [
    ([], ValueError, "adam got no parameters: [] holds none: pass model.parameters(), or a list of Values"),
    (USED, ValueError, "> holds none (it can be read only once): pass model.parameters()"),
    (1, TypeError, "adam takes parameters first, got 1: pass model.parameters(), or a list of Values"),
    ([W, 0.5], TypeError, "adam: parameters[1] is 0.5 of type float, not a Value: write Value(…)"),
    ([W, "b"], TypeError, "parameters[1]: expected a real number, got 'b' of type str"),
    (
        [W * 2],
        ValueError,
        "adam: parameters[0] was computed by mul and is not a leaf: pass Value(x.data), or the Module that ",
    ),
    ([W, Value(1.0), W], ValueError, "adam: parameters[2] (w) is parameters[0] (w) again: list each parameter once"),
    ({W}, TypeError, "adam got a set, which has no order to rely on"),
    ("w", TypeError, "adam got a str: pass model.parameters()"),
    (MLP(1, [1]).parameters, TypeError, "adam takes parameters first, got <bound method Module.parameters"),
    ([{"params": [W], "lr": 0.1}], TypeError, "adam takes no groups of parameters: make an optimizer for each group"),
]


@pytest.mark.parametrize(("given", "kind", "told"), WRONG, ids=[told[:40] for _, _, told in WRONG])
def test_other_parameters_are_refused_in_one_sentence(given, kind, told):
    with pytest.raises(kind, match=re.escape(told)) as error:
        optim.Adam(given)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("rule", TABLE.values(), ids=lambda rule: rule.name)
def test_numbers_out_of_range_are_refused_by_name(rule):
    for name, interval in [("lr", POSITIVE), *((name, interval) for name, (_, interval) in rule.hyper.items())]:
        for x in (-0.1, math.nan, math.inf, interval.high, *([0.0] if interval.ends[0] == "(" else [])):
            with pytest.raises(ValueError, match=rf"^{rule.name}: {name} lies in .*, got"):
                optim.Optimizer(rule, **{name: x})
        with pytest.raises(TypeError, match=rf"^{rule.name}: {name}: expected a real number"):
            optim.Optimizer(rule, **{name: "0.1"})
    with pytest.raises(TypeError, match=rf"^{rule.name} has no 'nope': it takes lr"):
        optim.Optimizer(rule, nope=1.0)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: optim.Adam(betas=0.9), "betas takes two numbers, such as (0.9, 0.999), got 0.9"),
        (lambda: optim.SGD(nesterov=True), "nesterov needs a momentum, such as momentum=0.9"),
        (lambda: optim.SGD(momentum=-0.5), "momentum: momentum lies in [0, 1), got -0.5"),
        (lambda: optim.Adam().step(), "adam.step needs parameters: pass model.parameters() first"),
        (lambda: optim.Adam().zero_grad(), "adam.zero_grad needs parameters"),
        (lambda: optim.Adam([W], lr=lambda step: -1.0).step(), "adam: lr(0) lies in [0, ∞), got -1.0"),
        (lambda: optim.Adam([W], lr=lambda step: math.nan).step(), "adam: lr(0) lies in [0, ∞), got nan"),
        (lambda: optim.clip_grad_norm_([W], 0.0), "max_norm must be above 0, got 0.0"),
        (lambda: optim.clip_grad_norm_([W], "1"), "max_norm must be above 0, got '1'"),
        (lambda: optim.clip_norm_([1.0], 1.0), "clip_norm_ takes an array, got [1.0]: clip_grad_norm_ takes Values"),
        (lambda: optim.Optimizer("adam", [W]), "Optimizer takes a Rule, such as rules.TABLE['adam'], got 'adam'"),
        (
            lambda: optim.Adam([MLP(1, [1])] * 2),
            "adam: parameters[1].layers[0].neurons[0].w[0] is parameters[0].layers",
        ),
    ],
)
def test_other_mistakes_are_told_in_one_sentence(wrong, told):
    with pytest.raises((TypeError, ValueError), match=re.escape(told)):
        wrong()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_gradient_that_is_not_finite_is_named_and_nothing_moves(bad):
    xs = [Value(1.0), Value(2.0, "w"), Value(3.0)]
    optimizer = optim.Adam(xs)
    xs[0].grad, xs[1].grad, xs[2].grad = 1.0, bad, bad
    for act in (optimizer.step, lambda: optim.clip_grad_norm_(xs, 1.0)):
        with pytest.raises(ValueError, match=rf"the gradient of parameters\[1\] \(w\) is {bad}, and 1 gradient more"):
            act()
    assert [x.data for x in xs] == [1.0, 2.0, 3.0]
    assert (optimizer.steps, optimizer.slots) == (0, [[0.0] * 3] * 2)
    xs[1].grad = "1"
    with pytest.raises(TypeError, match=r"the gradient of parameters\[1\] \(w\): expected a real number"):
        optimizer.step()


def test_a_parameter_whose_gradient_is_none_stays():
    a, b = Value(1.0), Value(2.0)
    optimizer = optim.SGD([a, b], lr=0.5)
    a.grad, b.grad = None, 1.0
    optimizer.step()
    assert (a.data, b.data) == (1.0, 1.5)


def broken(**changes):
    return {**optim.Adam([W]).state_dict(), **changes}


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({}, "adam.load_state_dict takes what state_dict returned, got a dict without 'rule'"),
        (None, "adam.load_state_dict takes what state_dict returned, got None"),
        (broken(rule="lion"), "the state is of 'lion', and this optimizer is adam"),
        (broken(slots={"m": [0.0]}), "adam has the slots m, v, the state {'m': [0.0]}"),
        (broken(slots={"m": [0.0], "v": [0.0, 1.0]}), "slot v of the state has 2 numbers, this optimizer 1 parameter"),
        (broken(slots={"m": [0.0], "v": ["x"]}), "slot v of the state: expected a real number, got 'x'"),
        (broken(slots={"m": [0.0], "v": [math.nan]}), "slot v of the state holds nan"),
        (broken(slots={"m": [0.0], "v": 0.0}), "slot v of the state is 0.0, not a list"),
        (broken(hyper={"beta1": 0.9}), "adam has the hyper-parameters beta1, beta2, eps, weight_decay, the state"),
        (broken(steps=-1), "the state has steps=-1"),
        (broken(steps=1.5), "the state has steps=1.5"),
        (broken(lr=-1.0), "adam: lr lies in (0, ∞), got -1.0"),
    ],
)
def test_a_state_of_something_else_is_refused_and_changes_nothing(state, told):
    optimizer = optim.Adam([W])
    before = optimizer.state_dict()
    with pytest.raises(ValueError, match=re.escape(told)):
        optimizer.load_state_dict(state)
    assert optimizer.state_dict() == before


def test_arrays_of_other_shapes_are_refused():
    np = pytest.importorskip("numpy", reason="arrays")
    adam, w = optim.Adam(), np.ones(3)
    fixed = np.ones(3)
    fixed.flags.writeable = False
    for args, told in [
        ((w, np.ones(2), adam.init(3), 0), r"one length, and slots of init\(n\), got parameters \(3,\), gradients \(2"),
        ((w, w, adam.init(2), 0), r"m \(2,\), v \(2,\)"),
        ((w, w, adam.init(3)[:1], 0), r"gradients \(3,\), m \(3,\)$"),
        ((np.ones((3, 1)), np.ones((3, 1)), adam.init(3), 0), r"parameters \(3, 1\)"),
        ((fixed, w, adam.init(3), 0), "writes to parameters, and this one is read-only"),
        ((np.ones(3, np.float32), w, adam.init(3), 0), "parameters is of float32"),
        ((np.ones(0), np.ones(0), adam.init(0), 0), r"got parameters \(0,\)"),
    ]:
        with pytest.raises(ValueError, match=told):
            adam.update(*args)
    assert w.tolist() == fixed.tolist() == [1.0] * 3


def test_arrays_with_strides_are_updated_in_place_and_other_things_are_refused():
    np = pytest.importorskip("numpy", reason="arrays")
    adam, table, g = optim.Adam(lr=1), np.ones((3, 2)), np.array([1.0, -2.0, 3.0])
    adam.update(table[:, 1], g[::-1], adam.init(3), 0)
    xs = [Value(1.0) for _ in g]
    assert table[:, 1].tolist() == moved(optim.Adam(xs, lr=1), xs, [g[::-1].tolist()])
    assert table[:, 0].tolist() == [1.0] * 3
    with pytest.raises(ValueError, match=r"adam\.update computes in float64, and gradients is of list"):
        adam.update(np.ones(3), [1.0] * 3, adam.init(3), 0)
    with pytest.raises(ValueError, match=r"adam\.update counts steps from 0, got -1"):
        adam.update(np.ones(3), np.ones(3), adam.init(3), -1)


@pytest.mark.parametrize("rate", [1, True, "np.float64(1)"])
def test_a_learning_rate_is_kept_as_a_float_and_may_be_set_between_steps(rate):
    if rate.__class__ is str:
        np = pytest.importorskip("numpy", reason="arrays")
        rate = eval(rate, {"np": np})
    optimizer = optim.SGD([x := Value(1.0)], lr=rate)
    assert optimizer.lr.__class__ is float
    optimizer.lr, x.grad = 0.25, 1.0
    optimizer.step()
    assert x.data == 0.75
    optimizer.lr = 0
    with pytest.raises(ValueError, match=r"sgd: lr lies in \(0, ∞\), got 0"):
        optimizer.step()
    assert x.data == 0.75


@pytest.mark.parametrize(
    ("formula", "slots", "hyper"),
    [
        (lambda p, g, lr, step: (p,), {}, {}),
        (lambda p, g, m, step, lr: (p, m), {"v": 0.0}, {}),
        (lambda p, g, step, lr: (p,), {}, {"eps": (1e-8, POSITIVE)}),
        (lambda p, g, m, step, lr, *rest: (p,), {"m": 0.0}, {}),
    ],
)
def test_a_rule_whose_formula_takes_other_arguments_is_refused(formula, slots, hyper):
    with pytest.raises(TypeError, match=r"<lambda> takes \(p, g, .*\), and its row says \(p, g, .*\)$"):
        Rule(formula, 0.1, slots, hyper)


def test_clipping_arrays_is_clipping_values():
    np = pytest.importorskip("numpy", reason="arrays")
    for row in ([3.0, 4.0], [0.1, 0.2], [0.0, 0.0], [1e200, 1e200], [1e-200, 1e-200]):
        xs, g = [Value(1.0), Value(1.0)], np.array(row)
        for x, number in zip(xs, row, strict=True):
            x.grad = number
        assert math.isclose(optim.clip_grad_norm_(xs, 0.5), optim.clip_norm_(g, 0.5), rel_tol=1e-15)
        assert np.allclose([x.grad for x in xs], g, rtol=1e-14, atol=0)
        assert math.hypot(*g) <= 0.5
    for bad in (math.nan, math.inf):
        assert str(optim.clip_norm_(g := np.array([-bad, 1.0]), 0.5)) == str(bad)
        assert g[1] == 1.0


@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_beside_its_model_goes_on_by_itself(again):
    model = MLP(2, [3, 1], seed=0)
    optimizer = optim.Adam(model, lr=0.1)
    twin, other = again((model, optimizer))
    assert [x for _, x in other.parameters] == twin.parameters()
    for net, one in ((model, optimizer), (model, optimizer), (twin, other), (twin, other)):
        one.zero_grad()
        (net([1.0, 2.0]) ** 2).backward()
        one.step()
    assert other.state_dict() == optimizer.state_dict()
    assert [x.data for x in twin.parameters()] == [x.data for x in model.parameters()]


def test_a_rule_of_ones_own_is_an_optimizer():
    def signed(p, g, step, lr):
        return (p - lr * ops.sign(g),)

    x = Value(1.0)
    assert moved(optim.Optimizer(Rule(signed, 0.25, {}, {}), [x]), [x], [[3.0], [-2.0], [7.0]]) == [0.75]


def test_values_need_neither_numpy_nor_a_backend():
    code = (
        "import sys; sys.modules['numpy'] = sys.modules['llvmlite'] = None\n"
        "from autograd_tiny import Value, optim\n"
        "x = Value(1.0); opt = optim.Adam([x], lr=0.1); (x * x).backward(); opt.step()\n"
        "p, s = [1.0], opt.init(1); opt.update(p, [2.0], s, 0)\n"
        "print(x.data, p, s == opt.slots)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0.9000000005 [0.9000000005] True\n"


def test_a_float_alone_is_the_learning_rate():
    assert (optim.Adam(0.25).lr, optim.SGD(0.5, momentum=0.9).lr, optim.Adam(0.25).parameters) == (0.25, 0.5, None)
    with pytest.raises(TypeError, match=r"adam got two learning rates, 0\.1 and 0\.2, and no parameters"):
        optim.Adam(0.1, lr=0.2)


def test_a_function_alone_is_the_learning_rate_as_a_float_is():
    from functools import partial

    def rate(step):
        return 0.1 / (step + 1)

    for one in (rate, lambda step: rate(step), partial(rate)):
        assert optim.Adam(one).parameters is None
        assert optim.SGD(one).rate(1) == 0.05
    with pytest.raises(TypeError, match="two learning rates"):
        optim.Adam(rate, lr=0.5)

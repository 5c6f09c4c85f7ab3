"""Layers: the same numbers of every kind, eager and compiled; initial weights, states and errors."""

from __future__ import annotations

import copy
import math
import pickle
import random
from functools import partial
from statistics import fmean, pvariance

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny import Value, jit, network, ops, trace, tracing, value_and_grad
from autograd_tiny.engine.symbol import Symbol
from autograd_tiny.engine.tree import leaves
from autograd_tiny.engine.value import topological_order
from autograd_tiny.nn import (
    MLP,
    Dropout,
    Embedding,
    LayerNorm,
    Linear,
    Module,
    RMSNorm,
    Sequential,
    attention,
    init,
    log_softmax,
    softmax,
)  # fmt: skip
from autograd_tiny.transforms.derivatives import jvp


class Attends(Module):
    def __init__(self, is_causal):
        self.query, self.key, self.value = (Linear(3, 2, seed=i) for i in range(3))
        self.is_causal = is_causal

    def __call__(self, x):
        rows = [x, [2 * xi for xi in x], [xi - 1 for xi in x]]
        return attention(self.query(rows), self.key(rows), self.value(rows), is_causal=self.is_causal)


class Looks(Module):
    def __init__(self):
        self.table = Embedding(4, 3, seed=0)

    def __call__(self, x):
        return [[a * b for a, b in zip(row, x, strict=True)] for row in self.table([0, 3, 3])]


def masked(x):
    return Dropout(0.25)(x, [1.0, 0.0, 1.0])


LAYERS = {  # of three numbers; with the units in the last place by which compiled code may differ
    "linear": (Linear(3, 2, seed=0), 0),
    "one output": (Linear(3, 1, bias=False, seed=0), 0),
    "rows": (Sequential(lambda x: [x, [-xi for xi in x]], Linear(3, 2, seed=1), ops.tanh), 0),
    "sequential": (Sequential(Linear(3, 4, seed=2), ops.relu, Linear(4, 3, seed=3), masked), 0),
    "embedding": (Looks(), 0),
    "layer norm": (Sequential(Linear(3, 3, seed=0), LayerNorm(3)), 0),
    "layer norm without bias": (Sequential(Linear(3, 3, seed=0), LayerNorm(3, eps=1e-3, bias=False)), 0),
    "rms norm": (Sequential(Linear(3, 3, seed=0), RMSNorm(3)), 0),
    "attention": (Attends(False), 16),
    "causal attention": (Attends(True), 16),
    "softmax": (Sequential(Linear(3, 3, seed=0), softmax), 16),
    "log softmax": (Sequential(Linear(3, 3, seed=0), log_softmax), 16),
    "perceptron": (MLP(3, [4, 2], activation=ops.tanh, seed=0), 0),
}
NUMBERS = st.lists(st.one_of(st.sampled_from([0.0, 1.0, -2.0]), st.floats(-30, 30)), min_size=3, max_size=3)
COMPILED = {name: jit(lambda m, x: m(x), backend="python") for name in LAYERS}


def flat(y):
    return [x for _, x in leaves(y, "")] if isinstance(y, list) else [y]


def evaluated(symbol, floats):
    """Compute a Symbol of named Symbols."""
    known, waiting = {}, [symbol]
    while waiting:
        s = waiting[-1]
        missing = [x for x in s.operands if isinstance(x, Symbol) and x not in known]
        if missing:
            waiting += missing
            continue
        known[s] = floats[str(s)] if s.op is None else s.op(*[known.get(x, x) for x in s.operands])
        waiting.pop()
    return known[symbol]


def near(got, expected, units):
    return all(
        a == b or abs(a - b) <= units * max(math.ulp(a), math.ulp(b), math.ulp(1.0))
        for a, b in zip(got, expected, strict=True)
    )


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=15)
@given(x=NUMBERS)
def test_a_layer_computes_the_same_with_every_kind_of_number(name, x):
    model, units = LAYERS[name]
    parameters = [p.data for p in model.parameters()]
    expected = flat(model.with_parameters(parameters)(x))
    assert all(type(y) is float for y in expected)
    outputs = flat(model([Value(xi) for xi in x]))
    assert [y.data for y in outputs] == expected
    assert [y.data for y in flat(model(x))] == expected
    symbols = [Symbol(f"p{i}") for i in range(len(parameters))]
    ys = flat(model.with_parameters(symbols)([Symbol(f"x{i}") for i in range(3)]))
    floats = {f"p{i}": p for i, p in enumerate(parameters)} | {f"x{i}": xi for i, xi in enumerate(x)}
    assert [evaluated(y, floats) for y in ys] == expected
    assert near(flat(COMPILED[name](model, x)), expected, units)


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=8)
@given(x=NUMBERS)
def test_forward_backward_and_compiled_derivatives_of_a_layer_agree(name, x):
    model, _ = LAYERS[name]

    def loss(m, x):
        return sum((i + 1) * y for i, y in enumerate(flat(m(x))))

    xs = [Value(xi) for xi in x]
    y = loss(model, xs)
    model.zero_grad()
    y.backward()
    value, (by_model, by_x) = value_and_grad(loss, argnums=(0, 1))(model, x)
    assert value == y.data
    assert [*by_model.values()] == pytest.approx([p.grad for p in model.parameters()], rel=1e-12, abs=1e-12)
    assert by_x == pytest.approx([xi.grad for xi in xs], rel=1e-12, abs=1e-12)
    direction = [1.0, -2.0, 0.5]
    primal, tangent = jvp(lambda x: loss(model, x), (x,), (direction,))
    assert primal == y.data
    along = math.fsum(d * xi.grad for d, xi in zip(direction, xs, strict=True))
    size = math.fsum(abs(d * xi.grad) for d, xi in zip(direction, xs, strict=True))
    assert tangent == pytest.approx(along, rel=1e-9, abs=1e-9 * max(1.0, size))


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYERS)
def test_machine_code_over_a_batch_has_the_numbers_of_eager_code(name):
    np = pytest.importorskip("numpy")
    pytest.importorskip("llvmlite")
    model, units = LAYERS[name]
    rows = np.random.default_rng(0).normal(size=(7, 3))
    compiled = jit(lambda m, x: flat(m(x)), batch="x")(model, rows)
    for got, row in zip(compiled, rows, strict=True):
        assert near([*got], [y.data for y in flat(model(row.tolist()))], max(units, 2))  # exp and tanh in lanes


def test_an_index_and_a_mask_are_inputs_of_compiled_code():
    table, layers = Embedding(4, 2, seed=0), Sequential(Linear(2, 2, seed=0), Dropout(0.5), Linear(2, 1, seed=1))

    def f(m, i, mask):
        return layers.with_parameters([p.data for p in layers.parameters()])(m(i), mask)[0]

    fast = jit(f, batch=("i", "mask"), backend="python")
    rng = random.Random(0)
    indices, masks = [3, 0, 1, 2], [layers.layers[1].mask(2, seed=rng) for _ in range(4)]
    expected = [f(table, i, mask).data for i, mask in zip(indices, masks, strict=True)]
    assert [*fast(table, indices, masks)] == expected
    assert math.isnan(fast(table, [4], masks[:1])[0])  # not checked


def test_values_of_known_layers():
    x = [Value(3.0), Value(4.0)]
    assert [y.data for y in RMSNorm(2, eps=0.0)(x)] == [3 / math.sqrt(12.5), 4 / math.sqrt(12.5)]
    normed = [y.data for y in LayerNorm(4, eps=0.0)([1.0, 3.0, 1.0, 3.0])]
    assert normed == [-1.0, 1.0, -1.0, 1.0]
    mask = Dropout(0.25).mask(40, 50, seed=0)
    assert fmean([m for row in mask for m in row]) == pytest.approx(0.75, abs=0.03)
    assert fmean(x for row in Dropout(0.25)([[1.0] * 50] * 40, mask) for x in row) == pytest.approx(1.0, abs=0.04)
    layer = Linear(2, 1, seed=0)
    init.constant_(layer.weight, 2.0), init.constant_(layer.bias, 1.0)
    assert layer(x)[0].data == 15.0
    assert softmax([1000.0, -1000.0, 1000.0]) == [0.5, 0.0, 0.5]
    assert softmax([-math.inf, 0.0]) == [0.0, 1.0]
    (seen,) = attention([[2.0] * 4], [[1.0] * 4, [0.0] * 4], [[1.0], [0.0]])
    assert seen == [pytest.approx(1 / (1 + math.exp(-4.0)), rel=1e-15)]  # 8/√4
    first, last = attention([[0.0], [0.0]], [[1.0], [2.0]], [[10.0], [20.0]], is_causal=True)
    assert (first, last) == ([10.0], [15.0])


@pytest.mark.parametrize(
    ("fill", "mean", "variance"),
    [
        (init.uniform_, 0.5, 1 / 12),
        (init.normal_, 0.0, 1.0),
        (init.xavier_uniform_, 0.0, 2 / 140),
        (init.xavier_normal_, 0.0, 2 / 140),
        (init.kaiming_uniform_, 0.0, 2 / 100),
        (init.kaiming_normal_, 0.0, 2 / 100),
        (partial(init.kaiming_normal_, mode="fan_out", nonlinearity="tanh"), 0.0, (5 / 3) ** 2 / 40),
        (lambda w, seed: w, 0.0, 1 / 300),  # Linear's own: ±1/√fan_in
    ],
)  # fmt: skip
def test_initial_weights_have_the_mean_and_variance_of_their_source(fill, mean, variance):
    weight = fill(Linear(100, 40, seed=1).weight, seed=0)
    numbers = [w.data for row in weight for w in row]
    assert pvariance(numbers) == pytest.approx(variance, rel=0.08)
    assert fmean(numbers) == pytest.approx(mean, abs=0.06 * math.sqrt(variance))
    assert [w.data for row in fill(Linear(100, 40, seed=1).weight, seed=0) for w in row] == numbers


@pytest.mark.parametrize("make", [lambda s: Linear(2, 3, seed=s), lambda s: Embedding(2, 3, seed=s)])
def test_a_seed_fixes_the_weights(make):
    assert make(3).state_dict() == make(3).state_dict() != make(4).state_dict()
    random.seed(5)
    first = make(None).state_dict()
    random.seed(5)
    assert make(None).state_dict() == first


@pytest.mark.parametrize("name", LAYERS)
def test_states_copies_and_pickles(name):
    model = copy.deepcopy(LAYERS[name][0])
    for path, p in model.named_parameters():
        assert eval(f"model.{path}", {"model": model}) is p
    state = model.state_dict()
    for p in model.parameters():
        p.data += 1.0
    assert model.state_dict() != state
    model.load_state_dict(state)
    assert model.state_dict() == state
    if name not in ("rows",):  # has a lambda
        assert pickle.loads(pickle.dumps(model)).state_dict() == state
    assert str(len(state)) in model.summary()


STATES = {
    "layers[0].weight, layers[0].bias, layers[2].weight and 1 more are missing": lambda s: {},
    "other is unexpected": lambda s: s | {"other": 1.0},
    "layers[0].bias[2] is missing": lambda s: {k: x for k, x in s.items() if k != "layers[0].bias[2]"},
    "layers[0].weight is 9×2 instead of 8×2": lambda s: s | {f"layers[0].weight[8][{i}]": 0.0 for i in range(2)},
    "layers[2].bias[0]: expected a real number, got 'a' of type str": lambda s: s | {"layers[2].bias[0]": "a"},
}  # fmt: skip


@pytest.mark.parametrize("message", STATES)
def test_a_state_of_another_model_is_refused_and_changes_nothing(message):
    model = Sequential(Linear(2, 8, seed=0), ops.tanh, Linear(8, 1, seed=1))
    before = model.state_dict()
    with pytest.raises((ValueError, TypeError)) as error:
        model.load_state_dict(STATES[message]({k: x + 1 for k, x in before.items()}))
    assert str(error.value).endswith(message)
    assert "\n" not in str(error.value)
    assert model.state_dict() == before


def zero_dimensional(x):
    return pytest.importorskip("numpy").array(x)


def test_arrays_and_frames_are_rows():
    np, pd = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    layer, rows = Linear(2, 3, seed=0), [[1.0, 2.0], [0.5, -1.0]]
    expected = [[y.data for y in layer(row)] for row in rows]
    for x in (np.array(rows), pd.DataFrame(rows, columns=["a", "b"]), (tuple(row) for row in rows)):
        assert [[y.data for y in row] for row in layer(x)] == expected
    assert [y.data for y in layer(pd.Series(rows[0], index=["a", "b"]))] == expected[0]


ERRORS = {
    "Linear(2, 3) takes 2 inputs, got 3": lambda: Linear(2, 3)([1.0, 2.0, 3.0]),
    "Linear(2, 3) takes 2 inputs, got 1": lambda: Linear(2, 3)([[1.0, 2.0], [1.0]]),
    "Linear(2, 3) takes 2 inputs, got 0": lambda: Linear(2, 3)([]),
    "Linear(2, 3) takes a list of numbers, got 2.0 of type float": lambda: Linear(2, 3)(2.0),
    "Linear(2, 3) takes a list of numbers, got array(2.) of type ndarray": lambda: Linear(2, 3)(zero_dimensional(2.0)),
    "Linear(2, 3) takes a list of numbers, got 'ab' of type str": lambda: Linear(2, 3)("ab"),
    "takes a list of numbers, got {'a': 1.0, 'b': 2.0} of type dict": lambda: Linear(2, 3)({"a": 1.0, "b": 2.0}),
    "RMSNorm(2) takes a list of numbers, got x[1] = None of type NoneType": lambda: RMSNorm(2)([1.0, None]),
    "Linear(2, 3) takes a list of numbers, got x[0] = 'a' of type str": lambda: Linear(2, 3)(["a", 1.0]),
    "Linear(2, 3) takes a list of numbers, got x[1] = [2.0] of type list": lambda: Linear(2, 3)([1.0, [2.0]]),
    "got the class Linear: write Linear(…)": lambda: Sequential(Linear, ops.tanh),
    "such as mask(16) or mask(8, 16), got mask(2.0,)": lambda: Dropout().mask(2.0),
    "load_state_dict takes a dict of numbers by name, got [1]": lambda: Linear(2, 3).load_state_dict([1]),
    "got Linear(0, 3)": lambda: Linear(0, 3),
    "got Embedding(3, 'a')": lambda: Embedding(3, "a"),
    "the index of Embedding(3, 2) is an integer from 0 to 2, got 3": lambda: Embedding(3, 2)([0, 3]),
    "the index of Embedding(3, 2) is an integer from 0 to 2, got -1": lambda: Embedding(3, 2)(-1),
    "is an integer from 0 to 2, got 1.0 of type float: write int(1.0)": lambda: Embedding(3, 2)(1.0),
    "LayerNorm(2) takes 2 inputs, got 3": lambda: LayerNorm(2)([1.0, 2.0, 3.0]),
    "such as RMSNorm(16), got RMSNorm(0)": lambda: RMSNorm(0),
    "Dropout(p) takes a probability from 0 to below 1, got 1": lambda: Dropout(1),
    "Dropout(0.5) takes a mask as long as x, got 2 items and a mask of 1 item": lambda: Dropout()([1.0, 2.0], [1.0]),
    "takes 1 mask, one for each Dropout, got 2": lambda: Sequential(Dropout())([1.0], [1.0], [1.0]),
    "layers[1] of Sequential is a Module, an op or a function, got 3": lambda: Sequential(ops.tanh, 3),
    "queries and keys of attention have one length, got 1 and 2": lambda: attention([[1.0]], [[1.0, 2.0]], [[1.0]]),
    "attention takes a value for each key, got 1 key and 2": lambda: attention([[1.0]], [[1.0]], [[1.0], [2.0]]),
    "values of attention have one length, got 1 and 2": lambda: attention([[1.0]], [[1.0]] * 2, [[1.0], [2.0, 3.0]]),
    "query of attention is a list of rows of numbers, got [1.0]": lambda: attention([1.0], [[1.0]], [[1.0]]),
    "is not one of linear, sigmoid, tanh, relu, selu, leaky_relu": lambda: init.calculate_gain("swish"),
    'mode=\'both\' is neither "fan_in" nor "fan_out"': lambda: init.kaiming_normal_([[Value(0.0)]], mode="both"),
    "such as Linear(2, 3).weight, got 1 number": lambda: init.xavier_normal_([Value(0.0)]),
}  # fmt: skip


@pytest.mark.parametrize("message", ERRORS)
def test_errors(message):
    with pytest.raises((TypeError, ValueError)) as error:
        ERRORS[message]()
    assert str(error.value).endswith(message)


def test_pictures_and_steps_know_the_layers():
    model = Sequential(Linear(2, 3, seed=0), ops.tanh, LayerNorm(3), Linear(3, 1, seed=1))
    with tracing() as recording:
        y = model([0.5, -1.0])[0]
    y.backward()
    names = {v.name for v in topological_order(y)}
    assert {"x[0]", "x[1]", "layers[0].weight[2][1]", "layers[2].bias[0]"} <= names
    assert {"layers[0]", "layers[2]", "layers[3]"} <= {where.scope for where in recording.where.values()}
    assert {box.key for box in y.draw(recording=recording, collapse=1).picture.boxes if "layers" in str(box)}
    assert len(network(y, recording=recording).picture.boxes) == 6
    assert trace(y).output.data == y.data

"""Graphs that compute in a browser, against Python's: random ones, functions with branches, a user's own ops."""

from __future__ import annotations

import json
import math
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny import Op, Value, grad, ops
from autograd_tiny.check.strategies import REACH, decode, programs
from autograd_tiny.engine.value import topological_order
from autograd_tiny.live import encode, script
from autograd_tiny.nn.modules import MLP

pytestmark = pytest.mark.browser

ARITHMETIC = [
    ops.add, ops.sub, ops.mul, ops.div, ops.neg, ops.square, ops.reciprocal, ops.abs, ops.relu, ops.maximum,
    ops.minimum, ops.clip, ops.where, ops.less, ops.sqrt, ops.leaky_relu, ops.fsum, ops.dot,
]  # fmt: skip
POLES = [
    ops.sqrt,
    ops.mul,
    ops.square,
    ops.abs,
    ops.relu,
    ops.hypot,
    ops.where,
    ops.maximum,
    ops.dot,
    ops.add,
    ops.less,
]
JUMPS = {"mod", "fmod", "floordiv", "sign", "heaviside", "compare", "where"} | {
    name for name, row in ops.TABLE.items() if row.machine[:1] in ("<", ">", "=", "!")
}
SMOOTH = [row for name, row in ops.FUNCTIONS.items() if name not in JUMPS]
# Everything but the leaves is forgotten and computed again.
RUN = """given => JSON.stringify(JSON.parse(given).map(json => {
  const m = new Program(json);
  m.data.forEach((_, i) => { if (!m.leaves.some(leaf => leaf.node === i)) m.data[i] = 7; });
  m.forward();
  m.backward();
  return [...[m.data, m.grad].map(xs => Array.from(xs, String)), m.selfCheck().ulp, m.passed !== null];
}))"""


def run(live, *encoded):
    """Data, gradients, the result of the check, and True if poles were passed, of each."""
    rows = json.loads(live.evaluate(RUN, json.dumps(encoded, allow_nan=False)))
    return [([*map(number, data)], [*map(number, grads)], *rest) for data, grads, *rest in rows]


def number(x):
    return float(x.replace("Infinity", "inf"))


def swept(y):
    y.backward()
    order = topological_order(y)
    return [v.data for v in order], [v.grad for v in order]


def same(a, b):
    return len(a) == len(b) and all(
        x == y or x != x != y != y or (x != x and y != y) for x, y in zip(a, b, strict=True)
    )


@given(drawn=st.lists(programs(ARITHMETIC, max_size=14), min_size=10, max_size=10))
@settings(max_examples=20)
def test_graphs_of_arithmetic_have_the_same_bits(live, drawn):
    ys = [program.value() for program in drawn]
    encoded = [encode(y) for y in ys]
    for y, (data, grads, apart, _) in zip(ys, run(live, *encoded), strict=True):
        expected = swept(y)
        assert same(data, expected[0])
        assert same(grads, expected[1])
        assert apart == 0


def test_graphs_with_poles_and_kinks_pass_them_as_backward_does(live):
    rng, ys = random.Random(0), []
    for _ in range(600):
        numbers = [rng.randrange((len(POLES) + 1) * REACH**3) for _ in range(rng.randint(3, 12))]
        ys.append(decode(numbers, [rng.choice([0.0, -0.0, 1.0, -1.0]) for _ in range(3)], POLES).value())
    found = run(live, *map(encode, ys))
    assert sum(passed for *_, passed in found) > 50
    for y, (data, grads, *_) in zip(ys, found, strict=True):
        expected = swept(y)
        assert same(data, expected[0])
        assert same(grads, expected[1])


TOTAL = [row for row in ARITHMETIC if row.name not in ("div", "reciprocal", "sqrt", "clip")]  # defined everywhere


@given(drawn=st.lists(programs(TOTAL, max_size=14), min_size=10, max_size=10), seed=st.integers(0, 99))
@settings(max_examples=20)
def test_graphs_whose_leaves_have_moved(live, drawn, seed):
    rng = random.Random(seed)
    asked, ys = [], []
    for program in drawn:
        xs = [rng.choice([0.0, -1.0, rng.uniform(-3, 3)]) for _ in program.inputs]
        asked.append([encode(program.value()), dict(zip(program.inputs, xs, strict=True))])
        ys.append(program.value(xs))
    moved = """given => JSON.stringify(JSON.parse(given).map(([json, xs]) => {
      const m = new Program(json);
      for (const {name} of m.leaves) m.set(name, xs[name]);
      m.forward();
      m.backward();
      return [m.data, m.grad].map(numbers => Array.from(numbers, String));
    }))"""
    for y, found in zip(ys, json.loads(live.evaluate(moved, json.dumps(asked, allow_nan=False))), strict=True):
        data, grads = ([*map(number, numbers)] for numbers in found)
        expected = swept(y)
        assert same(data, expected[0])
        assert same(grads, expected[1])


@given(drawn=st.lists(programs(SMOOTH), min_size=10, max_size=10))
@settings(max_examples=20)
def test_graphs_of_every_row_are_near(live, drawn):
    ys = [program.value() for program in drawn]
    for y, (data, grads, *_) in zip(ys, run(live, *map(encode, ys)), strict=True):
        for got, expected in zip((data, grads), swept(y), strict=True):
            scale = max([abs(x) for x in expected if math.isfinite(x)], default=0.0)
            for a, b in zip(got, expected, strict=True):
                assert a == b or (a != a and b != b) or abs(a - b) <= 1e-9 * (1 + scale)


def test_encoding_leaves_gradients_as_they_are():
    a = Value(3.0, "a")
    y = a * a
    a.grad = 5.0
    assert encode(y)["grad"] == [6.0, 1.0]
    assert (a.grad, y.grad) == (5.0, 0.0)


cube = Op("cube", lambda x: x * x * x, (lambda y, x: 3 * x * x,))
gate = Op("mul", lambda a, b: a * ops.sigmoid(b), (lambda y, a, b: ops.sigmoid(b), lambda y, a, b: y * ops.sigmoid(-b)))
branched = Op("branched", lambda x: x if x > 0 else 0.0, (lambda y, x: 1.0,))
compares = Op("compares", lambda x: 2 * x, (lambda y, x: float(2 * (x < 9)),))


def many(*xs):
    return ops.logsumexp(*xs) * ops.fsum(*xs) + ops.dot(*xs, *xs)


OWN = {
    "arithmetic": lambda a, b: cube(a) + b,
    "rows, and the name of one": lambda a, b: gate(a, b),
    "any number of operands": lambda a, b: many(a, b, a * b, b + 1, b),
    "families": lambda a, b: ops.polygamma(3)(a) + ops.falling_power(2)(a, 2.5) + ops.sinc_derivative(2)(b),
    "slopes of slopes": lambda a, b: grad(lambda x: ops.lgamma(x).tanh())(a) * b,
}


@pytest.mark.parametrize("f", OWN.values(), ids=OWN)
def test_ops_that_are_no_rows_move(live, f):
    y, da, db = live.evaluate(
        """json => { const m = new Program(json); m.set("a", 1.25); m.set("b", 0.75); m.forward(); m.backward();
        return [m.data[m.output], m.grad[m.leaf("a").node], m.grad[m.leaf("b").node]]; }""",
        encode(f, 2.0, 0.5),
    )
    a, b = Value(1.25), Value(0.75)
    expected = f(a, b)
    expected.backward()
    assert (y, da, db) == pytest.approx((expected.data, a.grad, b.grad), rel=1e-14)


@pytest.mark.parametrize("op", [branched, compares], ids=lambda op: op.name)
def test_an_op_that_only_python_computes_stands_still(live, op):
    a, b = Value(2.0, "a"), Value(3.0, "b")
    y = op(a) * b
    stuck, moved, grads = live.evaluate(
        """json => { const m = new Program(json); const said = m.leaves.map(leaf => leaf.stuck);
        try { m.set("a", 1); } catch (error) { said.push(error.message); }
        m.set("b", 4); m.forward(); m.backward(); return [said, m.data[m.output], [...m.grad]]; }""",
        encode(y),
    )
    y.backward()
    assert stuck[1:] == ["", stuck[0]]
    assert re.fullmatch("a cannot move: .*, so that only Python computes it", stuck[0])
    assert moved == 4 * op(2.0)
    assert grads[0] == 4 * op.partials[0](0.0, 2.0)


def bent(x, w):
    return x * w[0].tanh() if x > 1 else x * w[1]


def test_a_moved_leaf_that_crosses_a_comparison(live):
    encoded = encode(bent, 2.0, [0.5, 0.7])
    crossed = """([json, x]) => { const m = new Program(json); m.set("x", x); m.forward();
    return [m.valid(), m.crossed()]; }"""
    assert live.evaluate(crossed, [encoded, 1.5]) == [True, []]
    valid, (sentence,) = live.evaluate(crossed, [encoded, 0.5])
    assert not valid
    assert sentence.startswith("x > 1 was true and is false now: at test_programs.py:")


def test_a_model_and_its_leaves(live):
    model = MLP(2, [3, 1], seed=0)
    encoded = encode(lambda model, x: model(x), model, [0.5, -0.25])
    assert {name for _, name in encoded["leaves"]} >= {"x[0]", "x[1]", "model.layers[0].neurons[0].w[0]"}
    assert run(live, encoded)[0][2] == 0
    held = encode(model, [0.5, -0.25])  # the model is the function, and closes over its own parameters
    assert {name for _, name in held["leaves"]} >= {"x[0]", "layers[0].neurons[0].w[0]"}
    assert run(live, held)[0][:2] == run(live, encode(model([Value(0.5), Value(-0.25)])))[0][:2]


def test_trays_tangents_and_edges(live):
    a, b = Value(2.0, "a"), Value(3.0, "b")
    y = a * b + a.exp() * 2.0 + a
    encoded = encode(y)
    trays, tangents, gradient, operands = live.evaluate(
        """json => { const m = new Program(json), a = m.leaf("a").node, [left] = m.edges(m.output);
        return [m.tray(a), m.tangents("a")[m.output], m.grad[a], m.edges(m.operand(left)).map(e => m.operand(e))]; }""",
        encoded,
    )
    y.backward()
    assert [part["summand"] for part in trays] == [1.0, 2 * math.exp(2.0), 3.0]
    assert all(part["summand"] == part["upstream"] * part["local"] for part in trays)
    assert tangents == pytest.approx(a.grad)
    assert sum(part["summand"] for part in trays) == gradient == a.grad
    assert all(isinstance(x, int) for x in operands)


def test_the_check_finds_a_wrong_number(live):
    y = Value(2.0, "a").square()
    encoded = encode(y)
    assert live.evaluate("json => new Program(json).selfCheck()", encoded) == {"ulp": 0, "where": ""}
    encoded["grad"][0] = math.nextafter(4.0, 5.0)
    assert live.evaluate("json => new Program(json).selfCheck()", encoded) == {"ulp": 1, "where": "gradient of a"}


REFUSED = {
    "expected a Value or a function of numbers, got 3.0": (3.0,),
    "must return one number that depends on its arguments, got 'text'": (lambda x: "text", 1.0),
    "must return one number that depends on its arguments, got 2.0": (lambda x: 2.0, 1.0),
    "expected arguments with a function only": (Value(1.0), 2.0),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_cannot_be_encoded(sentence):
    with pytest.raises(TypeError, match=sentence):
        encode(*REFUSED[sentence])


def test_the_script_is_small_and_the_same_each_time():
    assert len(script().encode()) <= 25_000
    assert "eval(" not in script()
    assert "Function(" not in script()

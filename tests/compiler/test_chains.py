"""Compare loops over equal blocks with the same steps written one by one, bit for bit, and with Python."""

from __future__ import annotations

import math
import operator
import random
import struct
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny import Op
from autograd_tiny.check.strategies import programs
from autograd_tiny.compiler import Program, Step, jit
from autograd_tiny.compiler.lower import prepared
from autograd_tiny.engine import ops
from autograd_tiny.nn.modules import MLP
from autograd_tiny.transforms.columns import columns_of
from autograd_tiny.transforms.derivatives import grad, hessian, value_and_grad

np = pytest.importorskip("numpy", reason="runs are found by NumPy")
pytest.importorskip("llvmlite", reason="the backend needs llvmlite: pip install 'autograd-tiny[compile]'")

from autograd_tiny.compiler.backends import repeats, to_llvm, to_python  # noqa: E402 - needs llvmlite
from autograd_tiny.compiler.backends.llvm import chains, engine, functions  # noqa: E402
from autograd_tiny.compiler.backends.repeats import Run  # noqa: E402

inf, nan = math.inf, math.nan


@pytest.fixture(autouse=True, scope="module")
def _compiled_anew():
    """Disable the cache: the tests change constants that are not part of its key."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOGRAD_TINY_CACHE", "/dev/null/none")
        patch.setattr(chains, "MIN_STEPS", 0)
        patch.setattr(repeats, "MIN_SAVED", 4)
        yield


def bits(ys):
    return [struct.pack("<d", y) if y == y else b"nan" for y in ys]


def loops_of(program):
    return repeats.repeats(columns_of(prepared(program)))


def compare(program, points, by_python=True):
    """Run a program in loops, step by step, and by Python, which has functions of its own for some ops."""
    looped = to_llvm.build(program)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chains, "MIN_STEPS", inf)
        unrolled = to_llvm.build(program)
    python = to_python.build(program)
    for xs in points:
        ys = looped(list(xs))
        assert bits(ys) == bits(looped(np.array(xs, float)).tolist())
        assert bits(ys) == bits(unrolled(list(xs)))
        assert not by_python or bits(ys) == bits(python(list(xs)))


# ---- random recurrences

UNARY = ["exp", "sin", "tanh", "relu", "sqrt", "log"]
BINARY = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "max": ops.maximum}


def recurrence(rng, count):
    """Make a random function of many equal iterations, and its arguments."""
    states, lags = rng.randint(1, 3), rng.randint(1, 3)
    data = [[rng.choice([-1.0, 0.0, 1.0, 2.0, rng.uniform(-1, 1)]) for _ in range(count)] for _ in range(2)]
    irregular = {rng.randrange(max(1, count)) for _ in range(rng.randrange(3))}
    gathered = [rng.randrange(4) for _ in range(count)]
    taken = [rng.randrange(count + 1) for _ in range(count)]
    body = []
    for _ in range(rng.randint(2, 9)):
        sources = [rng.choice(["state", "state", "input", "data", "shared", "earlier", "gathered"]) for _ in range(2)]
        body.append((rng.choice([*BINARY, *UNARY]), [(s, rng.randrange(100)) for s in sources]))

    def f(shared, inputs):
        history = [[shared[i % 4] * 0.5 if i % 2 else shared[0] for i in range(states)]]
        outputs = []
        for t in range(count):
            known = []

            def read(source, k, t=t, known=known):
                if source == "state":
                    return history[max(0, len(history) - 1 - k % lags)][k % states]
                if source == "input":
                    return inputs[t if k % 2 else count - 1 - t]
                if source == "data":
                    return data[k % 2][t]
                if source == "shared":
                    return shared[k % 4]
                if source == "gathered":
                    return history[min(taken[t], len(history) - 1)][0] if k % 2 else shared[gathered[t]]
                return known[k % len(known)] if known else shared[1]

            for word, operands in body:
                a, b = (read(*x) for x in operands)
                if isinstance(a, float):
                    a = shared[0] * a
                known.append(BINARY[word](a, b) if word in BINARY else getattr(a, word)())
            if t in irregular:
                known.append(shared[2] * 0.1)
            history.append([0.3 * known[-1 - i % len(known)] + 0.1 * shared[i] for i in range(states)])
            outputs.append(known[-1])
        return outputs, history[-1]

    return f, [rng.uniform(-1, 1) for _ in range(4)], [rng.uniform(-1, 1) for _ in range(count)]


def last(f):
    def g(shared, inputs):
        outputs, state = f(shared, inputs)
        return sum(state) + outputs[0] * outputs[-1]

    return g


def points(rng, n):
    """Yield ordinary inputs, and some with infinities, zeros of both signs and nan."""
    yield [rng.uniform(-1, 1) for _ in range(n)]
    yield [rng.choice([inf, -inf, nan, 0.0, -0.0, 1e308, 5e-324, 1.0]) if rng.random() < 0.2 else 0.5 for _ in range(n)]


@pytest.mark.parametrize("seed", range(40))
def test_a_random_recurrence_in_loops_equals_its_steps(seed):
    rng = random.Random(seed)
    count = rng.choice([2, 3, 4, 5, 8, 17, 40])
    f, *args = recurrence(rng, count)
    for g in (f, value_and_grad(last(f), argnums=0), value_and_grad(last(f), argnums=1)):
        program = jit(g).program(*args)
        compare(program, points(rng, len(program.inputs)))


@pytest.mark.parametrize("seed", range(100, 110))
def test_a_hessian_of_a_random_recurrence_equals_its_steps(seed):
    rng = random.Random(seed)
    f, *args = recurrence(rng, rng.choice([5, 12]))
    program = jit(hessian(last(f), argnums=0)).program(*args)
    compare(program, points(rng, len(program.inputs)))


@pytest.mark.parametrize("limit", [1, 5, 20])
@pytest.mark.parametrize("seed", range(200, 206))
def test_a_long_block_is_cut_into_functions(seed, limit, monkeypatch):
    monkeypatch.setattr(functions, "MAX_INSTRUCTIONS", limit)
    rng = random.Random(seed)
    f, *args = recurrence(rng, 12)
    program = jit(value_and_grad(last(f), argnums=0)).program(*args)
    compare(program, points(rng, len(program.inputs)))


@pytest.mark.filterwarnings("ignore::autograd_tiny.compiler.backends.to_llvm.CallbackWarning")
@given(programs(), st.integers(0, 6), st.integers(0, 9), st.integers(0, 99))
def test_any_program_repeated_equals_its_steps(program, count, distance, seed):
    """Repeat a random program on its own outputs or on inputs, in equal steps or at random."""
    rng, n, steps, block = random.Random(seed), len(program.inputs), [], prepared(program)
    outputs = []
    for _ in range(count):
        at = n + len(steps)
        origin = [rng.choice(outputs) if outputs and rng.random() < 0.5 else i for i in range(n)]
        if distance < 5:  # the same in each iteration
            origin = [outputs[-1] if outputs and i < distance else i for i in range(n)]

        def moved(x, at=at, origin=origin):
            return x if not isinstance(x, int) else origin[x] if x < n else x - n + at

        steps += [Step(op, tuple(map(moved, operands))) for op, operands in block.steps]
        outputs += [moved(y) for y in block.outputs]
    whole = Program(program.inputs, tuple(steps), tuple(outputs))
    compare(whole, points(rng, n), by_python=False)


# ---- runs


def chain(count, first=0):
    """Make v ← exp(v) · x, `count` times."""
    steps = []
    for i in range(count):
        steps += [Step(ops.exp, (2 * i if i else first,)), Step(ops.mul, (1 + 2 * i, 0))]
    return Program(("x",), tuple(steps), (2 * count,))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 50])
def test_a_chain_of_any_length_equals_its_steps(count):
    program = chain(count)
    assert loops_of(program) == ([Run(0, 2, count)] if count > 3 else [])
    compare(program, [[x] for x in (0.1, -0.3, inf, -inf, nan, 0.0, -0.0)])


def test_the_first_operand_may_be_a_constant():
    steps = [Step(ops.add, (0 if i else 0.5, i)) if i else Step(ops.add, (0.5, 0)) for i in range(30)]
    compare(Program(("x",), tuple(steps), (30,)), [[1.0], [nan]])


@pytest.mark.parametrize("least", [1, 32])
@pytest.mark.parametrize("lag", [1, 2, 3, 4])
def test_a_result_of_some_iterations_ago_may_begin_as_another_result(lag, least, monkeypatch):
    monkeypatch.setattr(chains, "LEAST", least)
    steps = []
    for i in range(40):
        steps.append(Step(ops.tanh, (2 * i,)))
        steps.append(Step(ops.sub, (1 + 2 * i, 2 * (i - lag + 1) if i >= lag else max(0, 2 * i - 1))))
    compare(Program(("x",), tuple(steps), (80,)), [[0.5], [-0.25]])


def test_outputs_may_be_inputs_constants_and_steps_in_any_order():
    program = chain(20)
    outputs = (0, 2.5, *range(40, 0, -1), 7, 7, -0.0, 0, nan)
    compare(program.with_outputs(outputs), [[0.1], [-inf]])


@pytest.mark.parametrize("count", [31, 32, 33, 40, 100])
def test_outputs_that_lie_side_by_side_arrive_where_they_belong(count):
    steps = tuple(Step(ops.mul, (i % 4, 3)) if i else Step(ops.exp, (0,)) for i in range(2 * count))
    program = Program(tuple(f"x{i}" for i in range(150)), tuple(steps), ())
    first, zeros = [*range(150, 150 + count)], [-0.0] * count
    for outputs in (
        first,
        first[::-1],
        [*range(count), *first],
        [0, *first, 149, 1.5, *first[3:], *range(3, 150)],
        [*zeros, nan, 0.0, 0, *zeros],
    ):
        compare(program.with_outputs(outputs), points(random.Random(count), 150))


def test_an_operand_may_be_a_constant_in_one_iteration_and_an_input_or_a_step_in_others():
    rng = random.Random(0)
    steps = []
    for i in range(60):
        steps.append(Step(ops.mul, (0, 1)))
        steps.append(Step(ops.add, (2 + 2 * i, rng.choice([0.5, -0.0, nan, 0, 1, *range(2, 2 + 2 * i)]))))
    compare(Program(("x", "y"), tuple(steps), tuple(range(2, 122))), [[0.1, 0.2], [inf, nan]])


def test_signed_zeros_and_nans_in_tables_keep_their_bits():
    data = [0.0, -0.0, 1.0, -1.0, 5e-324, inf, -inf, 1e300] * 10
    steps = tuple(Step(ops.mul, (0, x)) for x in data)
    compare(Program(("x",), steps, tuple(range(1, 81))), [[1.0], [-0.0], [inf]])


def test_an_interrupted_chain_is_two_loops():
    steps = list(chain(40).steps)
    steps[41] = Step(ops.mul, (40, 41))  # another operand of the same iteration
    program = Program(("x",), tuple(steps), (80,))
    assert len(loops_of(program)) == 2
    compare(program, [[0.1]])


def test_blocks_of_one_op_at_places_without_a_pattern_are_loops():
    rng = random.Random(1)
    steps = [Step(ops.add, (rng.randrange(20), rng.randrange(20))) for _ in range(500)]
    program = Program(tuple(f"x{i}" for i in range(20)), tuple(steps), tuple(range(20, 520)))
    assert sum(run.period * run.times for run in loops_of(program)) > 100
    compare(program, points(rng, 20))


def test_an_op_of_ones_own_is_called_in_each_iteration_and_its_error_arrives():
    seen = []

    def halved(x):
        seen.append(x)
        if x > 1e3:
            raise RuntimeError("too large")
        return float(x) / 2 if float(x) else 0.0

    half = Op("halved", lambda x: halved(float(x)), (lambda y, x: 0.5,))
    steps = []
    for i in range(20):
        steps += [Step(half, (2 * i,)), Step(ops.add, (1 + 2 * i, 0))]
    with pytest.warns(to_llvm.CallbackWarning):
        kernel = to_llvm.build(Program(("x",), tuple(steps), (40,)))
    assert kernel([1.0]) == [2.0 - 2.0**-20]
    assert len(seen) == 20
    with pytest.raises(RuntimeError, match="too large"):
        kernel([1e9])


def test_a_long_chain_is_a_short_text():
    assert len(to_llvm.source(chain(5000))) < 5_000


# ---- models


def garch(p, returns):
    w, a, b = p
    s, total = w / (1 - a - b), 0.0
    for x in returns:
        total = total + (s.log() + x * x / s)
        s = w + a * (x * x) + b * s
    return total * 0.5


def lotka(p):
    a, b, c, d, x, y = p
    h = 0.05

    def slope(x, y):
        return a * x - b * x * y, c * x * y - d * y

    for _ in range(10):
        k1 = slope(x, y)
        k2 = slope(x + h / 2 * k1[0], y + h / 2 * k1[1])
        k3 = slope(x + h / 2 * k2[0], y + h / 2 * k2[1])
        k4 = slope(x + h * k3[0], y + h * k3[1])
        x = x + h / 6 * (k1[0] + 2 * k2[0] + 2 * k3[0] + k4[0])
        y = y + h / 6 * (k1[1] + 2 * k2[1] + 2 * k3[1] + k4[1])
    return x * y


def network(w):
    rng = np.random.default_rng(0)
    model, total = MLP(2, [4, 3, 1], seed=0).with_parameters(w), 0.0
    for x, y in zip(rng.normal(size=(8, 2)).tolist(), [1.0, -1.0] * 4, strict=True):
        total = total + (1 - y * model(x)).relu()
    return total


def recurrent(w):
    rng, h, total = np.random.default_rng(1), [0.0] * 4, 0.0
    for x in rng.normal(size=12).tolist():
        h = [(sum(w[4 * i + j] * h[j] for j in range(4)) + w[16 + i] * x).tanh() for i in range(4)]
        total = total + (h[0] + h[3] - x) * (h[0] + h[3] - x)
    return total


RNG = np.random.default_rng(0)
RETURNS = RNG.normal(size=60).tolist()
MODELS = {
    "garch of data": (lambda p: garch(p, RETURNS), [[0.1, 0.1, 0.8]]),
    "garch of inputs": (garch, [[0.1, 0.1, 0.8], RETURNS]),
    "lotka": (lotka, [[1.1, 0.4, 0.1, 0.4, 10.0, 5.0]]),
    "samples": (network, [RNG.normal(size=31).tolist()]),
    "recurrent": (recurrent, [RNG.normal(size=20).tolist()]),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("transform", [lambda f: f, grad, value_and_grad], ids=["f", "grad", "value_and_grad"])
def test_a_model_in_loops_equals_its_steps(name, transform):
    f, args = MODELS[name]
    program = jit(transform(f)).program(*args)
    assert loops_of(program)
    flat = [x for arg in args for x in arg]
    compare(program, [flat, [x * 1.5 for x in flat], [nan if i == 1 else x for i, x in enumerate(flat)]])


@pytest.mark.parametrize("name", MODELS)
def test_contracted_products_change_the_last_digits_only(name):
    f, args = MODELS[name]
    y, dp = jit(value_and_grad(f), contract=True)(*args)
    expected = value_and_grad(f)(*args)
    assert [y, *dp] == pytest.approx([expected[0], *expected[1]], rel=1e-9, abs=1e-9)


# ---- long programs without repeated blocks


def unlike(rng, count):
    """Make a program of steps without a pattern."""
    steps = [
        Step(rng.choice([ops.add, ops.mul, ops.sub]), (rng.randrange(max(0, n - 40), n), rng.choice([0.5, n - 1])))
        for n in range(20, 20 + count)
    ]
    return Program(tuple(f"x{i}" for i in range(20)), tuple(steps), (*range(count, count + 20),))


@pytest.mark.parametrize("contract", [False, True])
def test_many_unlike_steps_are_compiled_quickly_unless_products_are_contracted(contract, monkeypatch):
    monkeypatch.setattr(to_llvm, "MAX_STRAIGHT", 100)
    levels, rng = [], random.Random(0)
    target, mine = engine._target, threading.get_ident()  # not what other tests left in the background

    def noted(level):
        if threading.get_ident() == mine:
            levels.append(level)
        return target(level)

    monkeypatch.setattr(engine, "_target", noted)
    for count in (50, 500):
        to_llvm.build(unlike(rng, count), contract=contract)
    assert levels == [2, 2 if contract else 0]


@pytest.mark.parametrize("seed", range(4))
def test_quick_compilation_gives_the_same_bits(seed, monkeypatch):
    monkeypatch.setattr(to_llvm, "MAX_STRAIGHT", 0)
    rng = random.Random(seed)
    f, *args = recurrence(rng, 5)
    for program in (unlike(rng, 300), jit(value_and_grad(last(f))).program(*args)):
        compare(program, points(rng, len(program.inputs)))

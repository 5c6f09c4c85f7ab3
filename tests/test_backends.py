"""Every backend against the steps run one by one under IEEE 754: values, gradients, Hessians, batches, kinks, edges."""

from __future__ import annotations

import importlib
import math
import shutil
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny import Op, ops
from autograd_tiny.check.programs import programs, special_reals
from autograd_tiny.compile import Program, Step, jit
from autograd_tiny.compile.lower import prepared
from autograd_tiny.op import EDGES
from autograd_tiny.transforms import grad, hessian, value_and_grad

np = pytest.importorskip("numpy", reason="batches are NumPy arrays")

ARITHMETIC = [
    ops.add,
    ops.mul,
    ops.sub,
    ops.div,
    ops.neg,
    ops.relu,
    ops.abs,
    ops.maximum,
    ops.where,
    ops.step,
    ops.sqrt,
]
pytestmark = pytest.mark.filterwarnings("ignore:.*only Python computes it")  # said once
LIMITS = {"python": 60, "numpy": 60, "llvm": 25, "c": 8, "jax": 4}  # examples: each is compiled


def missing(name):
    if name == "c":
        return "" if any(map(shutil.which, ("cc", "gcc", "clang"))) else "there is no C compiler"
    needed = {"llvm": "llvmlite", "jax": "jax"}.get(name, "numpy")
    return "" if importlib.util.find_spec(needed) else f"{needed} is not installed"


BACKENDS = [pytest.param(name, marks=pytest.mark.skipif(bool(missing(name)), reason=missing(name))) for name in LIMITS]
EXACT = [
    backend for backend in BACKENDS if backend.values[0] != "jax"
]  # XLA contracts as it likes, and knows no subnormals


def build(name, program, **options):
    return importlib.import_module(f"autograd_tiny.compile.to_{name}").build(program, **options)


def of(drawn, widths=(), reduce=None):
    """A program of the checker's generator; its last values are outputs."""
    n = len(drawn.inputs)
    count = n + len(drawn.steps)
    steps = tuple(Step(*step) for step in drawn.steps)
    return Program(tuple(f"x{i}" for i in range(n)), steps, tuple(range(count))[-3:], widths, reduce)


def one_by_one(program, xs):
    return prepared(program).run(xs, lambda op, operands: op.ieee(*operands))


def bits(ys):
    return [struct.pack("d", y) if y == y else b"nan" for y in ys]


def same(found, expected, rel=1e-11):
    """Equal to the last bit, or near: functions differ by ulps, which later steps may magnify."""
    scale = max([abs(y) for y in expected if math.isfinite(y)], default=0.0)
    for y, z in zip(found, expected, strict=True):
        close = math.isfinite(y) and math.isclose(y, z, rel_tol=rel, abs_tol=rel * min(scale, 1e300) + 1e-300)
        assert close or bits([y]) == bits([z]), f"{y!r}, not {z!r}"


@pytest.mark.parametrize("name", EXACT)
def test_arithmetic_is_the_same_to_the_last_bit(name):
    @given(drawn=programs(ARITHMETIC, max_size=20), edge=st.lists(special_reals(), min_size=3, max_size=3))
    @settings(max_examples=LIMITS[name])
    def check(drawn, edge):
        kernel = build(name, of(drawn))
        for xs in (list(drawn.inputs), edge[: len(drawn.inputs)]):
            expected = one_by_one(of(drawn), xs)
            assert bits(kernel(xs)) == bits(expected)
            assert bits(map(float, kernel(np.array(xs)))) == bits(expected)

    check()


def mild(drawn):
    """Whether no step magnifies its operands' last digits beyond what the test allows."""
    count = len(drawn.inputs) + len(drawn.steps)
    return all(abs(y) < 1e4 for y in of(drawn).with_outputs(range(count)).run(drawn.inputs))


@pytest.mark.parametrize("name", BACKENDS)
def test_random_programs(name):
    @given(drawn=programs(max_size=10).filter(mild))
    @settings(max_examples=LIMITS[name])
    def check(drawn):
        same(build(name, of(drawn))(list(drawn.inputs)), one_by_one(of(drawn), drawn.inputs), 1e-9)

    check()


@pytest.mark.parametrize("reduce", [None, "sum"])
@pytest.mark.parametrize("name", BACKENDS)
def test_batches(name, reduce):
    @given(drawn=programs(ARITHMETIC[:6]), seed=st.integers(0, 99), size=st.sampled_from([1, 2, 3, 7, 8, 9, 17, 33]))
    @settings(max_examples=max(2, LIMITS[name] // 4))
    def check(drawn, seed, size):
        n = len(drawn.inputs)
        widths = (1,) if n == 1 else (1, n - 1) if seed % 2 else (n - 1,)
        program = of(drawn, widths, reduce)
        rng = np.random.default_rng(seed)
        shared, tables = [0.5] * program.shared, [rng.integers(-4, 5, (size, w)) / 2 for w in widths]
        rows = [[*shared, *(x for table in tables for x in table[i].tolist())] for i in range(size)]
        expected = list(zip(*(one_by_one(program, row) for row in rows), strict=True))
        found = build(name, program)(shared, tables, size)
        for ys, zs in zip(found, expected, strict=True):
            same([float(ys)] if reduce else list(map(float, ys)), [sum(zs)] if reduce else zs)

    check()


def hinge(w, x):
    hidden = [ops.relu(w[0] * x[0] + w[1] * x[1]), ops.tanh(w[2] * x[0]), ops.softplus(w[3] - x[1])]
    return ops.relu(1.0 - (hidden[0] * w[4] + hidden[1] * w[5] - hidden[2]) ** 2) + hidden[1] ** 2.5


@pytest.mark.parametrize("transform", [lambda f: f, value_and_grad, lambda f: grad(f, argnums=(0, 1)), hessian])
@pytest.mark.parametrize("name", BACKENDS)
def test_gradients_and_hessians_with_kinks_crossed(name, transform):
    compiled = jit(transform(hinge), backend=name)
    compiled([0.5, 1.0, -0.5, 2.0, 1.0, 0.25], [1.0, 2.0])
    for w, x in (([-0.5, 1.0, 0.5, 2.0, 1.0, 0.25], [1.0, -2.0]), ([0.0, 0.0, 0.5, -2.0, 3.0, 1.0], [0.5, 0.5])):
        same(flat(compiled(w, x)), flat(transform(hinge)(w, x)))


@given(drawn=programs(max_size=8).filter(mild))
@settings(max_examples=20)
@pytest.mark.parametrize("transform", [value_and_grad, hessian])
@pytest.mark.parametrize("name", [pytest.param("numpy"), BACKENDS[2]])
def test_random_gradients_and_hessians(name, transform, drawn):
    n = len(drawn.inputs)
    program = Program(tuple("x" * n), tuple(Step(*step) for step in drawn.steps), (n + len(drawn.steps) - 1,))
    f = transform(lambda xs: program.run(xs)[0])
    try:
        expected = flat(f(list(drawn.inputs)))
    except EDGES:
        return
    same(flat(jit(f, backend=name)(list(drawn.inputs))), expected, 1e-8)


def flat(x):
    return [y for item in x for y in flat(item)] if isinstance(x, (list, tuple)) else [float(x)]


OWN = Op("own", lambda x: x * x if x > 0 else -x, (lambda y, x: ops.abs(x),))


@pytest.mark.parametrize("name", BACKENDS)
def test_an_op_that_no_machine_has_calls_back(name):
    f = jit(lambda x, y: OWN(x) + ops.digamma(y) + OWN(2.0 * x), backend=name)
    expected = [x * x * 5 if x > 0 else -3 * x for x in (2.0, -1.0)]
    same([f(2.0, 1.0), f(-1.0, 1.0)], [y + ops.digamma(1.0) for y in expected])
    each = jit(lambda x: OWN(x), batch="x", backend=name)
    same(list(map(float, each([2.0, -1.0, 0.0]))), [4.0, 1.0, -0.0])


@pytest.mark.parametrize("name", BACKENDS)
def test_programs_without_steps_or_inputs(name):
    assert list(build(name, Program(("a", "b"), (), (1, 0, 2.5, 1)))([3.0, 4.0])) == [4.0, 3.0, 2.5, 4.0]
    assert list(build(name, Program((), (), (math.inf, -0.0)))([])) == [math.inf, -0.0]
    found = build(name, Program(("a", "b"), (), (0, 1, 7.0), (1,), "sum"))([3.0], [np.array([[1.0], [2.0]])], 2)
    assert list(map(float, found)) == [6.0, 3.0, 14.0]


@pytest.mark.parametrize("language", ["python", "numpy", "c", "jax"])
def test_source_is_deterministic_and_names_are_comments(language):
    program = jit(lambda p: p["*/ \n import os"] * 2 + ops.tanh(p["b"]), backend="python").program({"*/ \n import os": 1.0, "b": 2.0})  # fmt: skip
    text = program.source(language)
    assert text == program.source(language)
    assert "tanh" in text
    assert not any(line.strip().startswith("import os") for line in text.splitlines())
    assert "*/ \n" not in text


def test_source_runs_where_it_is_taken():
    program = jit(value_and_grad(hinge), backend="python").program([0.5, 1.0, 0.5, 2.0, 1.0, 0.25], [1.0, 2.0])
    for language in ("python", "numpy"):
        scope = {}
        exec(program.source(language), scope)
        same([float(y) for y in scope["f"](program.example)], program.run(program.example))

"""Compare plans of layers, and the loops made of them, with the steps they stand for, to the bit."""

from __future__ import annotations

import itertools
import math
import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograd_tiny import Op
from autograd_tiny.compiler import jit
from autograd_tiny.compiler.lower import prepared
from autograd_tiny.engine import ops
from autograd_tiny.nn.modules import MLP
from autograd_tiny.transforms.derivatives import grad, value_and_grad
from autograd_tiny.transforms.program import Program, Step

np = pytest.importorskip("numpy", reason="batches are NumPy arrays")

from autograd_tiny.compiler import layers as finder  # noqa: E402 - needs NumPy
from autograd_tiny.compiler.backends import to_numpy  # noqa: E402
from autograd_tiny.compiler.backends.matrices import Layers  # noqa: E402
from autograd_tiny.compiler.layers import Map, Outer, Product, Sum, layers  # noqa: E402

inf, nan = math.inf, math.nan
ACTIVATIONS = (ops.relu, ops.tanh, ops.square, lambda z: z, lambda z: 1 / (1 + z * z), lambda z: ops.sqrt(abs(z)))
SEEDS = st.integers(0, 10**9)


def by_plan(program, shared, tables, size):
    """Outputs of a program, computed group by group for each sample, and sums in the order of the samples."""
    plan = layers(program)
    first = program.run_steps([*shared, *(float(x) for table in tables for x in table[0])], _ieee)

    def common(place):
        return plan.constants[~place] if place < 0 else first[place]

    sums, rows = np.zeros(plan.sums), []
    for sample in range(size):
        row = np.full(plan.rows, nan)
        row[: sum(program.widths)] = [x for table in tables for x in table[sample]]
        for group in plan.groups:
            _run(group, row, sums, common)
        rows.append(row)
    if program.reduce:
        once = program.run(first[: len(program.inputs)], _ieee)
        return np.array([once[i] * size if y is None else sums[y] for i, y in enumerate(plan.outputs)])
    return np.array([[row[y] for row in rows] for y in plan.outputs]).reshape(len(plan.outputs), size)


def _ieee(op, xs):
    return op.ieee(*xs)


def _run(group, row, sums, common):
    with np.errstate(all="ignore"):
        match group:
            case Product(out, weights, operands, init):
                total = row[out : out + len(weights)] if init is None else np.array([common(x) for x in init])
                for k, operand in enumerate(operands):
                    total = total + np.array([common(x) for x in weights[:, k]]) * row[operand]
                row[out : out + len(weights)] = total
            case Map(out, count, steps, leaves):
                for r in range(count):
                    values = [float(row[at[r]]) if varies else common(at[r]) for varies, at in leaves]
                    for op, operands in steps:
                        values.append(op.ieee(*(values[x] if isinstance(x, int) else x for x in operands)))
                    row[out + r] = values[-1]
            case Outer(out, left, right):
                sums[out : out + len(left) * len(right)] += np.outer(row[left], row[right]).ravel()
            case Sum(out, chosen):
                sums[out : out + len(chosen)] += row[chosen]


def by_steps(program, shared, tables, size):
    """Outputs of a program, computed step by step for each sample."""
    samples = [program.run([*shared, *(float(x) for table in tables for x in table[i])], _ieee) for i in range(size)]
    if not program.reduce:
        return np.array(samples).T.reshape(len(program.outputs), size)
    plan, total = layers(program), [0.0] * len(program.outputs)
    for sample in samples:
        total = [float(a + b) for a, b in zip(total, sample, strict=True)]
    return np.array([samples[0][i] * size if y is None else total[i] for i, y in enumerate(plan.outputs)])


def network(seed):
    """Program of random layers: missing and shared weights, repeated inputs, dead neurons, several outputs."""
    rng = random.Random(seed)
    width = rng.randint(1, 9)
    sizes = [width, *(rng.randint(1, 14) for _ in range(rng.randint(1, 3)))]
    count = sum(a * b + b for a, b in itertools.pairwise(sizes))
    holes, bias, shared = rng.choice([0, 0, 0.3]), rng.random() < 0.5, rng.random() < 0.3
    activation = rng.choice(ACTIVATIONS)
    skip, repeated = rng.random() < 0.3, rng.random() < 0.3
    outputs = rng.choice(["loss", "gradients", "both", "all"])

    def forward(w, x):
        numbers = iter(w)
        h = [*x, x[0]] if repeated else list(x)
        for size in sizes[1:]:
            new = []
            for j in range(size):
                total = next(numbers) if bias else 0.0
                for k, xi in enumerate(h[: sizes[0] if len(new) % 5 == 4 else None]):
                    if rng_of(j, k) >= holes:
                        total = total + (w[0] if shared and k == 1 else w[(j * 7 + k) % count]) * xi
                new.append(activation(total) if j % 6 != 5 else total * 0.0)
            h = [a + b for a, b in zip(new, h, strict=False)] + new[len(h) :] if skip else new
        return h

    table = [[rng.random() for _ in range(16)] for _ in range(16)]

    def rng_of(j, k):
        return table[j % 16][k % 16]

    def loss(w, x):
        ys = forward(w, x)
        return sum((y - 0.5) * (y - 0.5) for y in ys)

    chosen = {
        "loss": loss,
        "gradients": grad(loss),
        "both": value_and_grad(loss, (0, 1)),
        "all": lambda w, x: [*forward(w, x), w[0], w[0] * w[-1], x[0], 2.0, loss(w, x)],
    }[outputs]
    w = [rng.uniform(-1, 1) for _ in range(count + 1)]
    reduce = rng.choice(["sum", None])
    made = jit(chosen, batch="x", reduce=reduce, backend="numpy").program(w, np.ones((2, width)))
    return prepared(made), w, np.random.default_rng(rng.randrange(10**6))


@given(SEEDS, st.integers(1, 3), st.booleans())
def test_a_plan_computes_the_steps_to_the_bit(seed, size, wild):
    program, w, rng = network(seed)
    tables = [rng.normal(size=(size, sum(program.widths)))]
    if wild:
        tables[0][rng.random(tables[0].shape) < 0.2] = rng.choice([0.0, -0.0, inf, -inf, nan, 1e308])
    assert same(by_plan(program, w, tables, size), by_steps(program, w, tables, size))


def test_every_kind_of_group_is_drawn():
    """The random networks reach each kind of group, with and without a first summand that differs between samples."""
    seen = set()
    for seed in range(60):
        for group in layers(network(seed)[0]).groups:
            kind = type(group).__name__
            seen.add((kind, group.init is None) if isinstance(group, Product) else kind)
    assert seen == {("Product", True), ("Product", False), "Map", "Outer", "Sum"}


def same(a, b):
    """True if arrays are equal to the bit, except for the bits of a nan."""
    number = ~np.isnan(a)
    return a.shape == b.shape and np.array_equal(number, ~np.isnan(b)) and a[number].tobytes() == b[number].tobytes()


# Loops in LLVM.

SIZES = (1, 7, 8, 9, 63, 64, 65, 129, 1000)


@pytest.fixture
def kernels(monkeypatch):
    """Build a program straight-line, and as loops."""
    pytest.importorskip("llvmlite", reason="the backend needs llvmlite: pip install 'autograd-tiny[compile]'")
    from autograd_tiny.compiler.backends import to_llvm

    monkeypatch.setenv("AUTOGRAD_TINY_CACHE", "/dev/null/none")

    def build(program, **options):
        monkeypatch.setattr(to_llvm, "worthwhile", lambda program: None)
        unrolled = to_llvm.build(program, **options)
        monkeypatch.setattr(to_llvm, "worthwhile", layers)
        return unrolled, to_llvm.build(program, **options)

    return build


FEW = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.mark.slow
@given(SEEDS, st.sampled_from(SIZES), st.booleans())
@FEW
def test_loops_compute_what_straight_line_code_does_to_the_bit(kernels, seed, size, wild):
    program, w, rng = network(seed)
    table = rng.normal(size=(size, sum(program.widths)))
    if wild:
        table[rng.random(table.shape) < 0.05] = rng.choice([0.0, -0.0, inf, -inf, nan, 1e308])
    unrolled, loops = kernels(program)
    given_ones = np.array(w), [table], size
    assert same(loops(*given_ones), unrolled(*given_ones))


@pytest.mark.slow
@given(SEEDS, st.sampled_from(SIZES))
@FEW
def test_with_contraction_loops_are_as_near_as_the_fused_products(kernels, seed, size):
    program, w, rng = network(seed)
    unrolled, loops = kernels(program, contract=True)
    given_ones = np.array(w), [rng.uniform(0.5, 1.0, size=(size, sum(program.widths)))], size
    assert np.allclose(loops(*given_ones), unrolled(*given_ones), rtol=1e-9, atol=1e-9)


def digits(sizes):
    """Program of the gradients of a classifier's cross-entropy, and its arguments for a size."""
    model = MLP(sizes[0], list(sizes[1:]), seed=0)
    w = np.array([p.data for p in model.parameters()])

    def loss(w, x, t):
        z = model.with_parameters(w)(x)
        return ops.log(sum(ops.exp(zi) for zi in z)) - sum(ti * zi for ti, zi in zip(t, z, strict=True))

    def given_ones(size):
        rng = np.random.default_rng(size)
        return w, [rng.normal(size=(size, sizes[0])), np.eye(sizes[-1])[rng.integers(sizes[-1], size=size)]], size

    f = jit(value_and_grad(loss), batch=("x", "t"), reduce="sum", backend="numpy")
    w, (x, t), _ = given_ones(2)
    return prepared(f.program(w, x, t)), given_ones


EDGES = ([-0.0] * 5, [0.0] * 5, [inf, -inf, 0, 0, 0], [nan, 1, 1, 1, 1], [1e308, 1e308, -1e308, 0, 0], [5e-324] * 5)


@pytest.mark.parametrize("x", EDGES, ids=str)
def test_the_edges_of_a_dot_product(kernels, x):
    """A dot product without a first summand keeps the sign of its zero, and nan and inf as they arise."""
    f = jit(
        lambda w, x: [
            w[i] * x[0] + w[i + 1] * x[1] + w[i] * x[2] + w[(i + 3) % 10] * x[3] + w[i] * x[4] for i in range(9)
        ],
        batch="x",
    )
    w, table = [1.0, 1.0, 1.0, -0.0, inf, -1.0, 2.0, 1e-200, nan, 1.0], np.array([x] * 9, float)
    program = prepared(f.program(w, table))
    assert [type(group) for group in layers(program).groups] == [Product]
    wanted = by_steps(program, w, [table], 9)
    assert same(by_plan(program, w, [table], 9), wanted)
    with np.errstate(all="ignore"):
        assert same(Layers(layers(program), program, to_numpy._function, contract=False).run(w, [table], 9), wanted)
    for kernel in kernels(program):
        assert same(kernel(np.array(w), [table], 9), wanted)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_network_of_any_batch_size_on_any_number_of_threads(kernels, threads, monkeypatch):
    from autograd_tiny.compiler.backends.llvm import kernel

    monkeypatch.setattr(kernel, "MIN_SHARD_WORK", 1000)
    monkeypatch.setattr(kernel, "MIN_THREAD_WORK", 1000)
    program, given_ones = digits((9, 14, 13, 3))
    unrolled, loops = kernels(program, threads=threads)
    for size in (*SIZES, 3000):
        assert same(loops(*given_ones(size)), unrolled(*given_ones(size)))


@pytest.mark.parametrize("lanes", [2, 4, 8])
def test_registers_of_any_width(kernels, lanes, monkeypatch):
    from autograd_tiny.compiler.backends import to_llvm
    from autograd_tiny.compiler.backends.llvm.engine import machine
    from autograd_tiny.compiler.backends.llvm.written import Machine

    if lanes > machine().lanes:
        pytest.skip(f"this processor has {machine().lanes} lanes")
    monkeypatch.setattr(to_llvm, "machine", lambda: Machine(lanes, {}))
    program, given_ones = digits((9, 14, 13, 3))
    unrolled, loops = kernels(program)
    for size in (1, 9, 100):
        assert same(loops(*given_ones(size)), unrolled(*given_ones(size)))


@pytest.mark.filterwarnings("ignore::autograd_tiny.compiler.backends.to_llvm.CallbackWarning")
def test_what_only_python_computes_is_called_from_loops(kernels):
    own = Op("own_of_layers", lambda x: math.floor(x) * 1.0, (lambda y, x: 0.0,))
    f = jit(lambda w, x: [own(sum(wi * xi for wi, xi in zip(row, x, strict=True))) for row in w], batch="x")
    w = np.arange(30.0).reshape(5, 6) / 7
    program = prepared(f.program(w, np.ones((2, 6))))
    unrolled, loops = kernels(program)
    x = np.random.default_rng(0).normal(size=(19, 6))
    assert same(loops(w.ravel(), [x], 19), unrolled(w.ravel(), [x], 19))


def test_layers_are_found_in_a_network_and_in_nothing_small():
    program, _ = digits((16, 24, 24, 4))
    plan = finder.worthwhile(program)
    shapes = [group.weights.shape for group in plan.groups if isinstance(group, Product)]
    assert shapes == [(24, 16), (24, 24), (4, 24), (24, 4), (24, 24)]
    outer = [(len(group.left), len(group.right)) for group in plan.groups if isinstance(group, Outer)]
    assert sorted(outer) == [(4, 24), (24, 16), (24, 24)]
    assert len(plan.groups) < 30
    assert finder.worthwhile(digits((3, 4, 2))[0]) is None


def test_few_products_among_other_steps_stay_straight_line_code(monkeypatch):
    """In attention over four tokens of six numbers each, a third of the steps are in matrix products."""

    def loss(w, x):
        tokens, total = [x[i : i + 6] for i in range(0, 24, 6)], 0.0
        q, k, v = ([[dot(w[a + b : a + b + 6], t) for b in range(0, 36, 6)] for t in tokens] for a in (0, 36, 72))
        for qi in q:
            e = [ops.exp(dot(qi, kj)) for kj in k]
            total = total + sum(sum(ej / sum(e) * vj[c] for ej, vj in zip(e, v, strict=True)) for c in range(6))
        return total

    program = prepared(jit(value_and_grad(loss), batch="x", backend="numpy").program([0.5] * 108, np.ones((2, 24))))
    assert len(program.steps) > finder.MIN_STEPS
    assert finder.worthwhile(program) is None
    monkeypatch.setattr(finder, "SLOW_TO_COMPILE", 0)
    assert finder.worthwhile(program) is not None


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def test_unlike_steps_stay_straight_line_code():
    rng = random.Random(0)
    steps = [Step(rng.choice((ops.add, ops.mul)), (rng.randrange(i), rng.randrange(i))) for i in range(4, 4000)]
    program = Program(tuple("abcd"), tuple(steps), tuple(range(4, 4000)), (2,), "sum")
    assert finder.worthwhile(program) is None


def test_a_plan_of_many_steps_is_quick():
    program, _ = digits((32, 48, 48, 8))
    start = time.perf_counter()
    layers(program)
    seconds = time.perf_counter() - start
    assert seconds < 30e-6 * len(program.steps)


# Array calls of NumPy.


@given(SEEDS, st.sampled_from([1, 8, 300, 4100]), st.booleans(), st.booleans())
@settings(max_examples=25, deadline=None)
def test_numpy_by_layers_gives_the_numbers_of_numpy_by_steps(seed, size, contract, wild):
    """Samples agree to the bit without contraction; sums over the batch are cut into other blocks."""
    program, w, rng = network(seed)
    table = rng.normal(size=(size, sum(program.widths)))
    if wild:
        table[rng.random(table.shape) < 0.05] = rng.choice([0.0, -0.0, inf, -inf, nan, 1e308])
    by_layers = Layers(layers(program), program, to_numpy._function, contract=contract)
    by_groups = to_numpy.Tables(to_numpy.grouped(program), program)
    with np.errstate(all="ignore"):
        for _ in range(2):  # the second call uses the arrays of the first
            found, wanted = by_layers.run(w, [table], size), by_groups.run(w, [table], size)
    if not (contract or program.reduce):
        assert same(found, wanted)
    elif not wild:
        assert np.allclose(found, wanted, rtol=1e-9, atol=1e-9 * size)


@pytest.mark.parametrize("contract", [True, False])
def test_numpy_uses_layers_for_batches_of_a_network(contract, monkeypatch):
    used = []
    monkeypatch.setattr(to_numpy, "Layers", lambda *given, **options: used.append(1) or Layers(*given, **options))
    program, given_ones = digits((9, 14, 13, 3))
    kernel = to_numpy.build(program, contract=contract)
    few, many = kernel(*given_ones(3)), kernel(*given_ones(1000))
    assert used == [1]
    assert few.shape == many.shape == (len(program.outputs),)
    assert np.allclose(many, by_steps(program, *given_ones(1000)))


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_a_penalty_that_all_samples_share_beside_the_layers(backend, monkeypatch):
    monkeypatch.setattr(finder, "SLOW_TO_COMPILE", 0)
    monkeypatch.setenv("AUTOGRAD_TINY_CACHE", "/dev/null/none")
    if backend == "llvm":
        pytest.importorskip("llvmlite", reason="the backend needs llvmlite: pip install 'autograd-tiny[compile]'")
    model = MLP(6, [16, 16, 1], seed=0)
    w, x = np.array([p.data for p in model.parameters()]), np.random.default_rng(0).normal(size=(300, 6))

    def loss(w, x):
        return model.with_parameters(w)(x).tanh() + 0.1 * sum(wi * wi for wi in w)

    f = jit(value_and_grad(loss), batch="x", reduce="mean", backend=backend)
    assert finder.worthwhile(prepared(f.program(w, x)))
    value, gradient = f(w, x)
    wanted, by_python = jit(value_and_grad(loss), batch="x", reduce="mean", backend="python")(w, x)
    assert np.isclose(value, wanted, rtol=1e-12)
    assert np.allclose(gradient, by_python, rtol=1e-9, atol=1e-12)

"""Compare every backend with stepwise IEEE 754: values, gradients, Hessians, batches, kinks, edges."""

from __future__ import annotations

import ctypes
import itertools
import math
import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny import Op
from autograd_tiny.check.strategies import programs, special_reals
from autograd_tiny.compiler import Program, Step, jit
from autograd_tiny.compiler.lower import prepared
from autograd_tiny.engine import ops
from autograd_tiny.engine.op import EDGES
from autograd_tiny.transforms.derivatives import grad, hessian, value_and_grad

np = pytest.importorskip("numpy", reason="batches are NumPy arrays")
from autograd_tiny.compiler.backends import registry, to_c, to_numpy  # noqa: E402
from autograd_tiny.compiler.backends import schedule as levels  # noqa: E402

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
    ops.heaviside,
    ops.sqrt,
]
pytestmark = pytest.mark.filterwarnings("ignore:.*computed by Python")  # the warning comes once per op
# Examples per test, fewer for slow compilers.
LIMITS = {name: {"python": 60, "numpy": 60, "c": 8, "jax": 4}.get(name, 25) for name in registry.OURS}


def missing(name):
    """Reason why a backend of ours cannot run here, "" if it can."""
    try:
        registry.chosen(name)
        if name == "c":
            to_c._compiler()
    except (ImportError, RuntimeError) as error:
        return str(error)
    return ""


BACKENDS = [pytest.param(name, marks=pytest.mark.skipif(bool(missing(name)), reason=missing(name))) for name in LIMITS]
EXACT = [backend for backend in BACKENDS if registry.named(backend.values[0]).exact]


@pytest.fixture(autouse=True, scope="module")
def _programs_are_small_but_not_for_python():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(to_numpy, "NARROW", 0)
        yield


def build(name, program, **options):
    return registry.named(name).kernel(program, **options)


def of(drawn, widths=(), reduce=None):
    """Turn a drawn program into one whose last three values are its outputs."""
    count = len(drawn.inputs) + len(drawn.steps)
    return replace(drawn, outputs=tuple(range(count))[-3:], widths=widths, reduce=reduce)


def one_by_one(program, xs):
    return prepared(program).run(xs, lambda op, operands: op.ieee(*operands))


def bits(ys):
    return [struct.pack("d", y) if y == y else b"nan" for y in ys]


def same(found, expected, rel=1e-11, terms=()):
    """Assert equal bits or a small relative error: functions differ by ulps, which later steps may magnify."""
    scale = max([abs(y) for y in (*expected, *terms) if math.isfinite(y)], default=0.0)
    for y, z in zip(found, expected, strict=True):
        close = math.isfinite(y) and math.isclose(y, z, rel_tol=rel, abs_tol=rel * min(scale, 1e300) + 1e-300)
        assert close or bits([y]) == bits([z]), f"{y!r}, not {z!r}"


@pytest.mark.parametrize("name", EXACT)
def test_arithmetic_is_the_same_to_the_last_bit(name):
    @given(drawn=programs(ARITHMETIC, max_size=20), edge=st.lists(special_reals(), min_size=3, max_size=3))
    @settings(max_examples=LIMITS[name])
    def check(drawn, edge):
        kernel = build(name, of(drawn))
        for xs in (list(drawn.example), edge[: len(drawn.inputs)]):
            expected = one_by_one(of(drawn), xs)
            assert bits(kernel(xs)) == bits(expected)
            assert bits(map(float, kernel(np.array(xs)))) == bits(expected)

    check()


def mild(drawn):
    """True if no step magnifies rounding errors beyond the tolerance of the test."""
    return all(abs(y) < 1e4 for y in drawn.run_steps(drawn.example))


@pytest.mark.parametrize("name", BACKENDS)
def test_random_programs(name):
    @given(drawn=programs(max_size=10).filter(mild))
    @settings(max_examples=LIMITS[name])
    def check(drawn):
        same(build(name, of(drawn))(list(drawn.example)), one_by_one(of(drawn), drawn.example), 1e-9)

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
            same([float(ys)] if reduce else list(map(float, ys)), [sum(zs)] if reduce else zs, terms=zs)

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
@pytest.mark.parametrize("name", [b for b in BACKENDS if b.values[0] in ("numpy", "llvm")])
def test_random_gradients_and_hessians(name, transform, drawn):
    f = transform(lambda xs: drawn.run(xs)[0])
    try:
        expected = flat(f(list(drawn.example)))
    except EDGES:
        return
    same(flat(jit(f, backend=name)(list(drawn.example))), expected, 1e-8)


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


FIXED = [row for row in ops.TABLE.values() if isinstance(row.partials, tuple)]
SPECIAL = (
    (0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 0.5)
    + (-2.0, 3.0, -2.5, 1e-20, -1e-9, 1 + 2**-52, 20.0, -37.0, 710.0, -746.0, 1e16 + 2, -1e150, 1.7e308)
    + (-0.5, 1 - 2**-53, 1 / 3, math.pi / 2, -1e-300, 88.9, 700.0, -708.5, 5e-324, -1e-310)
)  # fmt: skip


@pytest.mark.parametrize("arity", [1, 2, 3])
@pytest.mark.parametrize("name", BACKENDS)
def test_every_row_at_its_edges(name, arity):
    rows = [row for row in FIXED if len(row.partials) == arity]
    steps = tuple(Step(row, tuple(range(arity))) for row in rows)
    program = Program(("a", "b", "c")[:arity], steps, tuple(range(arity, arity + len(rows))), (arity,))
    points = list(itertools.product(SPECIAL[: (None, None, 21, 8)[arity]], repeat=arity))
    if name == "jax":  # it flushes subnormals, and some of XLA's functions are hundreds of ulps off
        points = [xs for xs in points if not any(0 < abs(x) < 1e-300 for x in xs)]
    found = build(name, program)([], [np.array(points)], len(points))
    for place, xs in enumerate(points):
        for row, y, z in zip(rows, found, one_by_one(program, xs), strict=True):
            if name == "jax" and row is ops.floordiv and abs(xs[1]) > 1e300:
                continue  # XLA divides by reciprocals, and flushes this one to zero
            if name != "jax" or not 0 < abs(z) < 1e-300:
                assert near(float(y[place]), z, 500 if name == "jax" else 8), f"{row.name}{xs}: {y[place]!r}, not {z!r}"


def near(y, z, ulps):
    """True if y is within `ulps` units in the last place of z, with the same sign of zero."""
    if math.isfinite(y) and math.isfinite(z):
        return abs(y - z) <= ulps * math.ulp(z) and (y != 0 or z != 0 or math.copysign(1, y) == math.copysign(1, z))
    return bits([y]) == bits([z])


@pytest.mark.parametrize("name", BACKENDS)
def test_means_through_jit_with_kinks_crossed_in_the_batch(name):
    compiled = jit(value_and_grad(hinge), batch="x", reduce="mean", backend=name)
    w, rng = [-0.5, 1.0, 0.5, 2.0, 1.0, 0.25], np.random.default_rng(0)
    for size in (17,) if name == "jax" else (1, 2, 3, 17):
        xs = np.abs(rng.normal(size=(size, 2))) * [1.0, 3.0]
        rows = [flat(value_and_grad(hinge)(w, x)) for x in xs.tolist()]
        same(flat(compiled(w, xs)), [math.fsum(column) / size for column in zip(*rows, strict=True)])


@pytest.mark.parametrize("reduce", [None, "sum"])
@pytest.mark.parametrize("name", [b for b in BACKENDS if b.values[0] in ("numpy", "c", "jax")])
def test_batches_around_the_size_of_a_block(name, reduce, monkeypatch):
    monkeypatch.setattr(levels, "MIN_BLOCK", 4)
    monkeypatch.setattr(levels, "MAX_BLOCK", 4)
    monkeypatch.setattr(to_c, "SHARD_SAMPLES", 4)
    program = Program(("w", "x"), (Step(ops.mul, (0, 1)), Step(ops.less, (2, 3.0))), (3, 1, 2, 0), (1,), reduce)
    kernel, shared = build(name, program), build(name, program, threads=2)
    for size in (3, 4, 5, 8, 9, 3):
        table = np.arange(float(size))[:, None]
        expected = np.array([one_by_one(program, [2.0, x]) for x in range(size)], float).T
        for found in (kernel([2.0], [table], size), shared([2.0], [table], size)):
            assert np.array_equal(found, expected.sum(1) if reduce else expected)


def recurrence(n):
    steps = [Step((ops.mul, ops.add)[i % 2], (0, i + 1)) for i in range(n)]
    return Program(("r", "x"), tuple(steps), (n + 1,), (1,))


def test_numpy_leaves_narrow_programs_to_python(monkeypatch):
    def refused(*_):
        raise AssertionError("in tables")

    monkeypatch.setattr(to_numpy, "NARROW", 50)
    expected = build("numpy", recurrence(100))([0.5], [np.ones((500, 1))], 500)
    monkeypatch.setattr(to_numpy, "Tables", refused)
    assert build("numpy", recurrence(100))([0.5], [np.ones((3, 1))], 3).tolist() == expected[:, :3].tolist()
    with pytest.raises(AssertionError, match="in tables"):
        build("numpy", recurrence(100))([0.5], [np.ones((500, 1))], 500)


@pytest.mark.parametrize("name", EXACT)
def test_a_kernel_is_called_from_many_threads(name):
    size = 500 if name == "python" else 20_000
    kernel, table = build(name, recurrence(200)), np.linspace(-1, 1, size)[:, None]
    shared = [[i / 16] for i in range(16)]
    expected = [np.array(kernel(xs, [table], size)) for xs in shared]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda xs: np.array(kernel(xs, [table], size)), shared))
    assert all(np.array_equal(y, z) for y, z in zip(found, expected, strict=True))


def test_python_sums_what_has_no_exact_sum():
    kernel = build("python", Program(("x",), (), (0,), (1,), "sum"))
    assert math.isnan(kernel([], [[[math.inf], [-math.inf]]], 2)[0])
    assert kernel([], [[[1.7e308], [1.7e308], [-1.7e308]]], 3) in ([1.7e308], [math.inf])


@pytest.mark.skipif(bool(missing("c")), reason=missing("c"))
def test_what_a_callback_from_c_raises_is_raised():
    def forward(x):
        if x > 100:
            raise KeyError("too far")
        return x

    kernel = build("c", Program(("x",), (Step(Op("own", forward, (lambda y, x: 1.0,)), (0,)),), (1,), (1,)))
    with pytest.raises(KeyError, match="too far"):
        kernel([], [np.array([[1.0], [200.0]])], 2)
    assert kernel([], [np.array([[1.0], [2.0]])], 2).tolist() == [[1.0, 2.0]]


def test_a_compiler_is_asked_for_by_name(monkeypatch):
    program = Program(("x",), (), (0,))
    monkeypatch.setenv("CC", "no-such-compiler -O3")
    with pytest.raises(RuntimeError, match=r"\$CC, no-such-compiler, is not on the PATH"):
        build("c", program)
    monkeypatch.setenv("CC", "false")
    with pytest.raises(RuntimeError, match=r"^false .* failed"):
        build("c", program)
    monkeypatch.delenv("CC")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="none of cc, gcc, clang is on the PATH"):
        build("c", program)


@pytest.mark.skipif(bool(missing("jax")), reason=missing("jax"))
def test_jax_is_left_as_it_was():
    import jax.numpy as jnp

    before = jnp.asarray(1.0).dtype
    assert build("jax", Program(("x",), (Step(ops.add, (0, 1e-12)),), (1,)))([1.0]) == [1.0 + 1e-12]
    assert jnp.asarray(1.0).dtype == before


@pytest.mark.parametrize("language", registry.languages())
def test_source_is_deterministic_and_names_are_comments(language):
    f = jit(lambda p: p["*/ \n import os"] * 2 + ops.tanh(p["b"]), backend="python")
    program = f.program({"*/ \n import os": 1.0, "b": 2.0})
    text = program.source(language)
    assert text == program.source(language)
    assert "tanh" in text
    assert not any(line.strip().startswith("import os") for line in text.splitlines())
    assert "*/ \n" not in text


OWN_NAME = Op("*/ \n import os", math.remainder, (lambda y, a, b: 1.0, lambda y, a, b: 0.0))
NAMES = ("*/ }", "a\n    import os", "??/", "\u2028\\")
AT = [0.75, 0.5, -2.0, 1.25]


@pytest.fixture
def written():
    """Program with every machine word, inf and nan as constants, a user's own op, and names that try to break out."""
    within = {
        row: next(i for i in (0, 3) if not row.domain or row.domain[0].has(AT[i])) for row in FIXED if row.machine
    }
    everything = [Step(row, (first, 1, 2)[: len(row.partials)]) for row, first in within.items()]
    steps = (*everything, Step(ops.add, (3, math.inf)), Step(ops.mul, (4, math.nan)), Step(OWN_NAME, (0, -1.5)))
    return Program(NAMES, steps, (*range(4, 4 + len(steps)), 3, -math.inf), (1, 1))


@pytest.mark.parametrize("language", ["python", "numpy"])
def test_python_and_numpy_text_run_where_they_are_taken(language, written):
    scope, own = {}, math.remainder if language == "python" else np.vectorize(math.remainder)
    exec(written.source(language), scope)
    same([float(y) for y in scope["f"](AT, op0=own)], one_by_one(written, AT))
    if language == "numpy":
        both = [*AT[:2], np.array([-2.0, 4.0]), np.array([1.25, 0.0])]
        columns = [np.broadcast_to(y, 2).tolist() for y in scope["f"](both, op0=own)]
        for found, xs in zip(zip(*columns, strict=True), (AT, [*AT[:2], 4.0, 0.0]), strict=True):
            same(found, one_by_one(written, xs))


@pytest.mark.skipif(bool(missing("jax")), reason=missing("jax"))
def test_jax_text_runs_where_it_is_taken(written):
    import jax

    scope = {}
    exec(written.source("jax"), scope)
    from autograd_tiny.compiler.backends.to_jax import enable_x64

    with enable_x64(True):
        found = jax.jit(lambda xs: scope["f"](xs, lambda x, y: x - y * jax.numpy.round(x / y)))(AT)
    same(list(map(float, found)), one_by_one(written, AT))


@pytest.mark.skipif(bool(missing("c")), reason=missing("c"))
def test_c_text_runs_where_it_is_taken(written):
    def numbers(*xs):
        return (ctypes.c_double * len(xs))(*xs)

    out = numbers(*[0.0] * len(written.outputs))
    own = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_double)(math.remainder)
    to_c.compiled(written.source("c"), False).f(numbers(*AT[:2]), numbers(*AT[2:]), out, own)
    same(list(out), one_by_one(written, AT))


def test_another_language_is_refused():
    with pytest.raises(ValueError, match=f"{', '.join(registry.languages())}, got 'rust'"):
        Program(("x",), (), (0,)).source("rust")

"""Compare the LLVM backend with stepwise IEEE 754, for any batch and any cut into functions."""

from __future__ import annotations

import ctypes
import functools
import gc
import itertools
import math
import mmap
import random
import struct
import sys
import threading
import weakref
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf
from rows import operands

from autograd_tiny import Op
from autograd_tiny.check.exact import digits, exact_value
from autograd_tiny.check.strategies import programs, reals, special_reals
from autograd_tiny.compiler import Program, Step, jit
from autograd_tiny.compiler.lower import prepared
from autograd_tiny.engine import ops
from autograd_tiny.transforms.derivatives import value_and_grad

np = pytest.importorskip("numpy", reason="batches are NumPy arrays")
pytest.importorskip("llvmlite", reason="the backend needs llvmlite: pip install 'autograd-tiny[compile]'")

from autograd_tiny.compiler.backends import to_llvm  # noqa: E402 - needs llvmlite
from autograd_tiny.compiler.backends.llvm import engine, functions, kernel, loops, written  # noqa: E402
from autograd_tiny.compiler.backends.llvm.written import SIMPLE, Machine  # noqa: E402

N = engine.machine().lanes
inf, nan = math.inf, math.nan


def one_row(op):
    n = len(op.partials)
    return Program(("a", "b", "c", "d")[:n], (Step(op, tuple(range(n))),), (n,))


FIXED = [row for row in ops.TABLE.values() if isinstance(row.partials, tuple)]
WORDS = {row: {step.op.machine for step in prepared(one_row(row)).steps} for row in FIXED}
ARITHMETIC = [row for row in FIXED if WORDS[row] <= SIMPLE]
CALLED = [row for row in FIXED if row.machine and row.machine not in SIMPLE]
COMPUTED = [row for row in FIXED if "" not in WORDS[row]]  # without Python callbacks
numbers = st.one_of(reals(), special_reals(), st.sampled_from([inf, -inf, nan]))


@pytest.fixture(autouse=True, scope="module")
def _compiled_anew():
    """Disable the cache: the tests change constants that are not part of its key."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOGRAD_TINY_CACHE", "/dev/null/none")
        yield


def bits(xs):
    return [struct.pack("d", x) if x == x else "nan" for x in xs]


def of(generated, batched=0, reduce=None):
    """Turn a drawn program into one with every value as output and its last inputs batched."""
    n = len(generated.inputs)
    batched = min(batched, n)
    widths = () if not batched else (batched,) if batched < 3 else (1, batched - 1)
    return replace(generated, outputs=tuple(range(n + len(generated.steps))), widths=widths, reduce=reduce)


def one_by_one(program, shared, tables, size):
    """Outputs of every sample, computed step by step."""
    rows = [[*shared, *(x for table in tables for x in table[i].tolist())] for i in range(size)]
    return [program.run(row, lambda op, xs: op.ieee(*xs)) for row in rows]


def drawn(data, program, size):
    shared = data.draw(st.lists(numbers, min_size=program.shared, max_size=program.shared))
    counts = [size * width for width in program.widths]
    flat = [data.draw(st.lists(numbers, min_size=n, max_size=n)) for n in counts]
    return shared, [np.array(xs).reshape(size, w) for xs, w in zip(flat, program.widths, strict=True)]


@given(programs(ARITHMETIC), st.data())
def test_arithmetic_agrees_to_the_last_bit(generated, data):
    program = of(generated)
    shared, _ = drawn(data, program, 1)
    f = to_llvm.build(program)
    (want,) = one_by_one(program, shared, [], 1)
    assert bits(f(shared)) == bits(f(tuple(shared))) == bits(want)
    assert bits(f(np.array(shared)).tolist()) == bits(want)


cuts = st.sampled_from([(1, 60), (600, 60), (600, 0), (4, 2)])


@given(programs(ARITHMETIC), st.integers(1, 3), st.integers(1, 2 * N + 1), cuts, st.data())
def test_each_sample_of_a_batch_agrees_to_the_last_bit(generated, batched, size, cut, data):
    largest, far = cut
    program = of(generated, batched)
    shared, tables = drawn(data, program, size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(functions, "MAX_INSTRUCTIONS", largest)
        patch.setattr(written, "RELOAD_AFTER", far)
        found = to_llvm.build(program)(shared, tables, size)
    assert found.shape == (len(program.outputs), size)
    for i, want in enumerate(one_by_one(program, shared, tables, size)):
        assert bits(found[:, i].tolist()) == bits(want)


@given(programs(COMPUTED), st.integers(1, N + 1), st.data())
def test_functions_lane_by_lane_agree_to_the_last_bit_with_the_library_itself(generated, size, data):
    program = prepared(of(generated, 2))
    shared, tables = drawn(data, program, size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(to_llvm, "machine", lambda: Machine(N, {}))
        found = to_llvm.build(program)(shared, tables, size)
    own = {op.machine: to_llvm.build(one_row(op)) for op in {step.op for step in program.steps} if op in CALLED}

    def by_the_library(op, xs):
        return own[op.machine](xs)[0] if op.machine in own else op.ieee(*xs)

    for i in range(size):
        want = program.run([*shared, *(x for t in tables for x in t[i].tolist())], by_the_library)
        assert bits(found[:, i].tolist()) == bits(want)


@given(programs(ARITHMETIC), st.integers(1, 3), st.integers(1, 5 * N), st.sampled_from([1, 600]), st.data())
def test_sums_are_those_of_the_samples(generated, batched, size, largest, data):
    program = of(generated, batched, "sum")
    shared, tables = drawn(data, program, size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(functions, "MAX_INSTRUCTIONS", largest)
        patch.setattr(loops, "MAX_FRAMES", 2)
        f = to_llvm.build(program)
    found = f(np.array(shared), tables, size).tolist()
    assert bits(f(shared, tables, size)) == bits(found)
    each = one_by_one(program, shared, tables, size)
    for y, column in zip(found, zip(*each, strict=True), strict=True):
        total = math.fsum(column) if all(map(math.isfinite, column)) else sum(column)
        error = 2 * size * 2**-53 * sum(map(abs, column))
        assert bits([y]) == bits([total]) or abs(y - total) <= error, (y, column)


def test_contraction_happens():
    program = Program(("a", "b", "c"), (Step(ops.mul, (0, 1)), Step(ops.add, (3, 2))), (4,), (3,))
    x = 1 + 2**-30
    rows = np.array([[x, x, -1.0]])
    assert to_llvm.build(program)([], [rows], 1)[0, 0] == x * x - 1
    assert to_llvm.build(program, contract=True)([], [rows], 1)[0, 0] == 2**-29 + 2**-60


@functools.cache
def both(op):
    """Two functions of a list of points: the op on vectors, and the op on single numbers."""
    program = one_row(op)
    batch = to_llvm.build(Program(program.inputs, program.steps, program.outputs, (1,) * len(op.partials)))
    single = to_llvm.build(program)

    def on_vectors(points):
        columns = [np.array(column).reshape(-1, 1) for column in zip(*points, strict=True)]
        return batch([], columns, len(points))[0].tolist()

    return on_vectors, lambda points: [single(xs)[0] for xs in points]


@pytest.mark.parametrize("op", CALLED, ids=lambda op: op.name)
@given(st.data())
def test_functions_are_within_4_ulp_of_the_exact_value(op, data):
    points = data.draw(st.lists(operands(op, -1e4, 1e4), min_size=3, max_size=3))
    for xs, *found in zip(points, *(f(points) for f in both(op)), strict=True):
        plain = op.ieee(*xs)
        if not math.isfinite(plain):
            assert bits(found) == bits([plain, plain])
            continue
        with mp.workdps(digits(xs) + 30):
            want = exact_value(op, *map(mpf, xs))
            for y in found:
                assert abs(mpf(y) - want) <= 4 * math.ulp(float(want)), (op, xs, y, plain)


@pytest.mark.parametrize("op", CALLED, ids=lambda op: op.name)
def test_functions_on_vectors_keep_the_edges_of_those_on_numbers(op):
    edges = [0.0, -0.0, inf, -inf, nan, 5e-324, -5e-324, 1e-310, 1.0, -1.0, 0.5, 2.0, -2.0, 3.0, 1e308, -1e308]
    edges += [709.782712893384, 709.7827128933841, -745.2, 710.4758600739440, 27.3, 1e22, math.nextafter(1, 2)]
    points = list(itertools.product(edges, repeat=len(op.partials)))
    on_vectors, on_numbers = both(op)
    for xs, y, want in zip(points, on_vectors(points), on_numbers(points), strict=True):
        ordinary = math.isfinite(want) and want != 0
        assert abs(y - want) <= 4 * math.ulp(want) if ordinary else bits([y]) == bits([want]), (op, xs, y, want)
        assert math.isfinite(y) == math.isfinite(op.ieee(*xs)), (op, xs)


x, y = np.array([[1.0], [2.0], [4.0]]), np.zeros((3, 0))
# (name, program, shared, tables, outputs of three samples)
SHAPES = [
    ("no steps", Program(("w", "x"), (), (1, 0, 0.5), (1,)), [3.0], [x], [[1, 2, 4], [3, 3, 3], [0.5] * 3]),
    ("no steps, summed", Program(("w", "x"), (), (1, 0, 0.5), (1,), "sum"), [3.0], [x], [7, 9, 1.5]),
    ("nothing shared", Program(("x",), (Step(ops.mul, (0, 0)),), (1,), (1,), "sum"), [], [x], [21]),
    ("one output twice", Program(("x",), (Step(ops.neg, (0,)),), (1, 0, 1), (1,), "sum"), [], [x], [-7, 7, -7]),
    ("only shared", Program(("w", "x"), (Step(ops.neg, (0,)),), (2, 2), (1,), "sum"), [3.0], [x], [-9, -9]),
    ("only shared, each", Program(("w", "x"), (Step(ops.neg, (0,)),), (2,), (1,)), [3.0], [x], [[-3] * 3]),
    ("no numbers in a sample", Program(("w",), (Step(ops.neg, (0,)),), (1,), (0,)), [3.0], [y], [[-3] * 3]),
    ("two tables", Program(("x", "y"), (Step(ops.sub, (1, 0)),), (2,), (1, 1), "sum"), [], [x, x * x], [14]),
    ("no outputs", Program(("x",), (), (), (1,)), [], [x], np.zeros((0, 3)).tolist()),
    ("no outputs, summed", Program(("x",), (), (), (1,), "sum"), [], [x], []),
]


@pytest.mark.parametrize(
    ("program", "shared", "tables", "want"), [row[1:] for row in SHAPES], ids=[r[0] for r in SHAPES]
)
def test_shapes(program, shared, tables, want):
    assert np.asarray(to_llvm.build(program)(shared, tables, 3)).tolist() == want


def test_a_run_without_a_batch():
    assert to_llvm.build(Program((), (), (0.5, -0.0, nan)))(())[:2] == [0.5, -0.0]
    f = to_llvm.build(
        Program(("x",), (Step(ops.less, (0, 1.0)), Step(ops.where, (1, 2.0, 0)), Step(ops.mul, (1, 2))), (0, 1, 3))
    )
    assert f([0.5]) == [0.5, 1.0, 2.0]
    assert f([nan])[1:2] == [0.0]


@pytest.mark.parametrize("word", ["==", "!="])
def test_a_comparison_of_a_comparison_is_not_taken_for_one_of_a_constant(word):
    """The place 0 is not the constant 0.0."""
    compare = next(row for row in FIXED if row.machine == word)
    program = Program(("x",), (Step(ops.less, (0, 5.0)), Step(compare, (1, 0)), Step(compare, (1, 0.0))), (1, 2, 3))
    assert to_llvm.build(program)([1.0]) == [1.0, float(word == "=="), float(word == "!=")]


def grown(steps, inputs=6, seed=0):
    """Long random program with few live values."""
    draw, rows = random.Random(seed), (ops.sub, ops.add, ops.maximum, ops.minimum, ops.abs, ops.less)
    made = []
    for place in range(inputs, inputs + steps):
        op = draw.choice(rows)
        made.append(Step(op, tuple(draw.randrange(max(0, place - 20), place) for _ in op.partials)))
    outputs = tuple(range(inputs + steps - 30, inputs + steps))
    return Program(tuple(f"x{i}" for i in range(inputs)), tuple(made), outputs, (inputs // 2,))


@pytest.mark.parametrize("largest", [3, 40, 10**6])
def test_long_programs_are_cut_into_functions_of_bounded_size(largest, monkeypatch):
    monkeypatch.setattr(functions, "MAX_INSTRUCTIONS", largest)
    monkeypatch.setattr(written, "RELOAD_AFTER", largest // 20)
    program, size = grown(800), 3 * N + 1
    made = functions.functions(prepared(program), engine.machine(), contract=False)
    bodies = made.text.split("define ")[1:]
    assert len(bodies) == len(made.once) + len(made.after)
    assert max(body.count("\n") for body in bodies) < 12 * largest + 60
    draw = np.random.default_rng(0)
    shared, table = draw.normal(size=3).tolist(), draw.normal(size=(size, 3))
    found = to_llvm.build(program)(shared, [table], size)
    for i, want in enumerate(one_by_one(program, shared, [table], size)):
        assert bits(found[:, i].tolist()) == bits(want)


@pytest.mark.parametrize("lanes", [n for n in (2, 4, 8) if n <= N])
@pytest.mark.parametrize("reduce", [None, "sum"])
def test_registers_of_any_width(lanes, reduce, monkeypatch):
    monkeypatch.setattr(to_llvm, "machine", lambda: Machine(lanes, {}))
    long = grown(100)
    program = Program(long.inputs, (*long.steps, Step(ops.exp, (3,))), (*long.outputs, 106), (3,), reduce)
    table = np.random.default_rng(0).normal(size=(5 * lanes + 1, 3))
    found = to_llvm.build(program)([0.5, -1.0, 2.0], [table], len(table))
    each = np.array(one_by_one(program, [0.5, -1.0, 2.0], [table], len(table))).T
    if reduce:
        assert found == pytest.approx([math.fsum(ys) for ys in each], rel=1e-12, abs=1e-12 * abs(each).max())
    else:
        assert bits(found.ravel().tolist()) == bits(each.ravel().tolist())


@pytest.fixture
def many_shards(monkeypatch):
    monkeypatch.setattr(kernel, "MIN_SHARD_WORK", 1)
    monkeypatch.setattr(kernel, "MIN_SHARD_BLOCKS", 1)
    monkeypatch.setattr(kernel, "MIN_THREAD_WORK", 1)


@pytest.mark.parametrize("reduce", [None, "sum"])
def test_results_do_not_depend_on_the_number_of_threads(reduce, many_shards):
    given_program = grown(100)
    program = Program(given_program.inputs, given_program.steps, given_program.outputs, (3,), reduce)
    draw = np.random.default_rng(0)
    for size in (1, N, 5 * N + 3, 200 * N + 1):
        shared, table = draw.normal(size=3), draw.normal(size=(size, 3))
        want = to_llvm.build(program)(shared, [table], size).ravel().tolist()
        for threads in (2, 3, 100):
            assert bits(to_llvm.build(program, threads=threads)(shared, [table], size).ravel().tolist()) == bits(want)


def test_one_kernel_called_from_several_threads(many_shards):
    program, table = grown(60), np.random.default_rng(0).normal(size=(9 * N, 3))
    batch = to_llvm.build(program, threads=2)
    single = to_llvm.build(Program(program.inputs, program.steps, program.outputs))
    wrong = []

    def call(k):
        shared = [float(k), k / 3, -float(k)]

        def found():
            return bits([*batch(shared, [table], len(table)).ravel().tolist(), *single([*shared, 1.0, 2.0, 3.0])])

        want = found()
        wrong.extend(k for _ in range(30) if found() != want)

    threads = [threading.Thread(target=call, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def python_only(name, f):
    return Op(name, f, (lambda y, x: 1.0,))


@pytest.mark.parametrize("widths", [(), (1,)])
def test_what_only_python_computes_is_called_and_said_once(widths):
    odd = python_only("odd", lambda x: float(int(x) % 2))
    program = Program(("x",), (Step(odd, (0,)), Step(ops.add, (1, 0))), (2,), widths)
    with pytest.warns(to_llvm.CallbackWarning, match="odd: computed by Python"):
        f = to_llvm.build(program)
    to_llvm.build(program)  # a second warning would be an error
    if widths:
        assert f([], [np.array([[1.0], [2.0], [3.0]])], 3).tolist() == [[2.0, 2.0, 4.0]]
    else:
        assert f([3.0]) == [4.0]


@pytest.mark.filterwarnings("ignore::autograd_tiny.compiler.backends.to_llvm.CallbackWarning")
def test_an_error_of_what_only_python_computes_is_raised_when_the_code_has_returned():
    bad = python_only("bad", lambda x: int(x) and {}["missing"])
    f = to_llvm.build(Program(("x",), (Step(bad, (0,)),), (1,), (1,)))
    with pytest.raises(KeyError, match="missing"):
        f([], [np.ones((3, 1))], 3)
    assert f([], [np.zeros((3, 1))], 3).tolist() == [[0.0] * 3]


def test_tables_are_read_where_they_lie():
    f = to_llvm.build(Program(("w", "x"), (Step(ops.mul, (0, 1)),), (2,), (1,)))
    table = np.arange(4.0).reshape(4, 1)
    table.flags.writeable = False
    assert f(np.array([2.0]), [table], 4).tolist() == [[0.0, 2.0, 4.0, 6.0]]
    for wrong in (table[:3], table.astype(np.float32)):
        with pytest.raises(ValueError, match="expected 4 numbers, got an array of float"):
            f([2.0], [wrong], 4)
    with pytest.raises(ValueError, match="C-contiguous"):
        f([2.0], [np.arange(8.0).reshape(4, 2)[:, :1]], 4)


@pytest.mark.parametrize("lanes", [n for n in (2, 4, 8) if n <= N])
def test_rows_of_any_width_are_turned_into_vectors(lanes, monkeypatch):
    """Inputs come back as outputs, from several tables, in blocks that are full or not."""
    monkeypatch.setattr(to_llvm, "machine", lambda: Machine(lanes, {}))
    for widths in ((1,), (7, 1), (8,), (9, 16), (1, 23, 8)):
        count = sum(widths)
        run = to_llvm.build(Program(tuple("x" * count), (), tuple(range(count)), widths))
        for size in (1, lanes, lanes + 1, 3 * lanes + 2):
            tables = [np.random.default_rng(width).normal(size=(size, width)) for width in widths]
            assert np.array_equal(run([], tables, size), np.concatenate(tables, 1).T)


@pytest.mark.skipif(sys.platform != "linux", reason="mprotect is called as on Linux")
@pytest.mark.parametrize("width", [1, 3])
def test_nothing_is_read_past_the_end_of_a_table(width):
    """Protect the page after the table, so that reading it would end the process."""
    page, size = mmap.PAGESIZE, N + 3
    pages = mmap.mmap(-1, 2 * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(pages))
    libc = ctypes.CDLL(None)
    assert libc.mprotect(ctypes.c_void_p(start + page), page, 0) == 0
    table = np.frombuffer(pages, float, size * width, page - 8 * size * width).reshape(size, width)
    table[:] = np.arange(size * width).reshape(size, width)
    names = tuple(f"x{i}" for i in range(width))
    found = to_llvm.build(Program(names, (), tuple(range(width)), (width,)))([], [table], size)
    assert found.tolist() == table.T.tolist()
    assert libc.mprotect(ctypes.c_void_p(start + page), page, mmap.PROT_READ | mmap.PROT_WRITE) == 0


def test_a_batch_that_does_not_fit_is_a_memory_error():
    f = to_llvm.build(Program((), (), (1.0,), (0,)))
    with pytest.raises(MemoryError):
        f([], [np.zeros((2**50, 0))], 2**50)


def test_code_ends_with_its_kernel():
    for widths in ((), (1,)):
        code = engine.Code(engine.compiled(to_llvm.source(Program(("x",), (Step(ops.neg, (0,)),), (1,), widths))))
        make = kernel.batched if widths else kernel.single
        f = make(Program(("x",), (), (0,), widths), code, *([N, 1] if widths else []))
        alive = weakref.ref(code)
        del code
        gc.collect()
        assert alive() is not None
        del f
        gc.collect()
        assert alive() is None


def test_more_code_than_the_process_has_maps_for_is_an_error(monkeypatch):
    def build():
        return to_llvm.build(Program(("x",), (Step(ops.neg, (0,)),), (1,)))

    gc.collect()
    monkeypatch.setattr(engine, "MAX_LOADED", len(engine._alive) + 2)
    kept = [build(), build()]
    with pytest.raises(RuntimeError, match="compiled programs are in use, and the process has no memory maps for more"):
        build()
    assert kept.pop()([1.0]) == [-1.0]
    kept.append(build())
    assert kept.pop()([1.0]) == [-1.0]


def test_through_jit():
    def loss(w, x, y):
        return (y - (w[0] * x[0] + w[1] * x[1]).tanh()).relu()

    draw = np.random.default_rng(0)
    xs, ys, w = draw.normal(size=(50, 2)), draw.normal(size=50), [0.3, -0.4]
    value, gradient = jit(value_and_grad(loss), batch=("x", "y"), reduce="mean", backend="llvm")(w, xs, ys)
    each = [value_and_grad(loss)(w, x, y) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)]
    assert value == pytest.approx(math.fsum(v for v, _ in each) / 50, rel=1e-13)
    for i in range(2):
        assert gradient[i] == pytest.approx(math.fsum(g[i] for _, g in each) / 50, rel=1e-12)


def test_the_source_is_the_assembly_of_the_program():
    assert "fmul double" in to_llvm.source(Program(("x",), (Step(ops.mul, (0, 0)),), (1,)))

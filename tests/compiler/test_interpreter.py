"""Compare the interpreter with compiled code, to the last bit: every machine word, random programs, any batch."""

from __future__ import annotations

import functools
import itertools
import math
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny import Op
from autograd_tiny.check.strategies import programs, reals, special_reals
from autograd_tiny.compiler import Program, Step
from autograd_tiny.compiler.backends import cache
from autograd_tiny.compiler.lower import prepared
from autograd_tiny.engine import ops

np = pytest.importorskip("numpy", reason="batches are NumPy arrays")
pytest.importorskip("llvmlite", reason="the backend needs llvmlite: pip install 'autograd-tiny[compile]'")

from autograd_tiny.compiler.backends import to_llvm  # noqa: E402 - needs llvmlite
from autograd_tiny.compiler.backends.llvm import engine, interpreted, interpreter, kernel  # noqa: E402
from autograd_tiny.compiler.backends.llvm.written import Machine  # noqa: E402

N = engine.machine().lanes
SIZES = (1, 7, 8, 9, 64, 65, 1000)
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -3.0, 1e-310, 1e308, -1e308, 800.0, math.inf, -math.inf, math.nan)
FIXED = [row for row in ops.TABLE.values() if isinstance(row.partials, tuple)]
numbers = st.one_of(reals(), special_reals(), st.sampled_from(SPECIAL))


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch):
    """Cut even small batches into shards, blocks and threads."""
    monkeypatch.setattr(kernel, "MIN_SHARD_WORK", 1)
    monkeypatch.setattr(kernel, "MIN_SHARD_BLOCKS", 2)
    monkeypatch.setattr(kernel, "MIN_THREAD_WORK", 1)


def bits(xs):
    return [struct.pack("d", x) if x == x else "nan" for x in np.asarray(xs, float).ravel().tolist()]


def both(program, threads=1):
    """Kernels of a program: interpreted, and compiled."""
    ready = prepared(program)
    first = interpreted.interpreted(ready)
    code = engine.Code(engine.compiled(to_llvm.source(program)))
    assert first is not None
    if not program.widths:
        return kernel.single(ready, first), kernel.single(ready, code)
    return [kernel.batched(ready, x, N, threads) for x in (first, code)]


def word(op, batched):
    """Program of one op whose last operands are batched; the result is used twice."""
    n = len(op.partials)
    return Program(("a", "b", "c")[:n], (Step(op, tuple(range(n))),), (n, n), (1,) * batched)


def cases():
    """Every number of shared and batched operands of every word."""
    for name, (op, n) in interpreter._words().items():
        for batched in range(n + 1):
            yield pytest.param(op, batched, id=f"{name}, {batched} of {n} batched")


@pytest.mark.parametrize(("op", "batched"), list(cases()))
def test_a_word_gives_the_bits_of_compiled_code(op, batched):
    first, code = both(word(op, batched))
    columns = np.array(list(itertools.product(SPECIAL, repeat=batched))).T
    tables = [np.ascontiguousarray(x[:, None]) for x in columns]
    for shared in itertools.product(SPECIAL, repeat=len(op.partials) - batched):
        given = (list(shared), tables, len(tables[0])) if batched else (list(shared),)
        assert bits(first(*given)) == bits(code(*given)), shared


def test_all_words_of_the_table_are_known():
    assert {row.machine for row in FIXED} - {""} == set(interpreter.WORDS)


@given(programs(FIXED, max_size=30), st.data())
def test_a_program_gives_the_bits_of_compiled_code(generated, data):
    n = len(generated.inputs)
    everything = tuple(range(n + len(generated.steps)))
    if interpreted.interpreted(prepared(replace(generated, outputs=everything))) is None:
        return  # it needs an op that Python computes
    batched = data.draw(st.integers(0, n))
    widths = () if not batched else (batched,) if batched < 3 else (1, batched - 1)
    reduce = data.draw(st.sampled_from([None, "sum"])) if widths else None
    size, threads = data.draw(st.sampled_from(SIZES)), data.draw(st.integers(1, 2))
    program = replace(generated, outputs=(*everything, 2.5), widths=widths, reduce=reduce)
    shared = data.draw(st.lists(numbers, min_size=program.shared, max_size=program.shared))
    pool = np.array(data.draw(st.lists(numbers, min_size=9, max_size=9)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interpreted, "MAX_NUMBERS", data.draw(st.sampled_from([1, 1 << 16])))
        first, code = both(program, threads)
    if not widths:
        assert bits(first(shared)) == bits(first(np.array(shared))) == bits(code(shared))
        return
    draw = np.random.default_rng(size)
    tables = [pool[draw.integers(0, 9, (size, w))] for w in widths]
    for _ in range(2):  # memory of the first call is used again
        assert bits(first(shared, tables, size)) == bits(code(shared, tables, size))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("reduce", [None, "sum"])
def test_outputs_that_do_not_vary_and_inputs_that_are_outputs(size, reduce):
    steps = (Step(ops.exp, (0,)), Step(ops.mul, (2, 0.1)), Step(ops.add, (1, 3)))
    program = Program(("w", "x"), steps, (4, 0, 1, 3, 7.0, 4, 1, -0.0), (1,), reduce)
    x = np.linspace(-1.0, 1.0, size).reshape(size, 1)
    first, code = both(program)
    assert bits(first([0.3], [x], size)) == bits(code([0.3], [x], size))


@pytest.mark.parametrize("lanes", [2, 4])
@pytest.mark.parametrize("reduce", [None, "sum"])
def test_registers_of_other_widths(lanes, reduce, monkeypatch):
    """Without vector versions of the library's functions, which are loaded for one width."""
    for module in (to_llvm, interpreted):
        monkeypatch.setattr(module, "machine", lambda: Machine(lanes, {}))
    load = functools.cache(lambda moving: engine.Code(engine.compiled(interpreter.text(Machine(lanes, {}), moving))))
    monkeypatch.setattr(interpreted, "_interpreter", load)
    steps = (Step(ops.exp, (1,)), Step(ops.where, (1, 2, 0)), Step(ops.mul, (3, 0)), Step(ops.less, (1, 4)))
    program = Program(("w", "x"), steps, (4, 5, 0), (1,), reduce)
    ready, code = prepared(program), engine.Code(engine.compiled(to_llvm.source(program)))
    for size in SIZES:
        x = np.linspace(-1.0, 1.0, size).reshape(size, 1)
        found = [kernel.batched(ready, k, lanes, 1)([0.3], [x], size) for k in (interpreted.interpreted(ready), code)]
        assert bits(found[0]) == bits(found[1])


def test_rows_are_used_again():
    steps = tuple(Step(ops.sin, (i,)) for i in range(500))
    found = interpreted.interpreted(Program(("x",), steps, (500,), (1,)))
    assert found.numbers("layout", 3)[1] <= 2 * interpreted.MAX_SAMPLES + N


def test_python_ops_are_not_interpreted():
    mine = Op("mine", lambda x: x if x > 0 else 0.0, (lambda y, x: 1.0,))
    other = Op("other", lambda x: x, (lambda y, x: 1.0,), machine="fabs2")
    for op in (mine, other):
        assert interpreted.interpreted(prepared(Program(("x",), (Step(op, (0,)),), (1,)))) is None


def test_the_interpreter_is_kept_on_disk(monkeypatch, tmp_path):
    monkeypatch.setenv("AUTOGRAD_TINY_CACHE", str(tmp_path))
    load = interpreted._interpreter.__wrapped__
    for moving, count in ((False, 1), (True, 2)):  # one for doubles, one for vectors
        load(moving)
        assert len(list(tmp_path.rglob(f"*{cache.SUFFIX}"))) == count
    monkeypatch.setattr(interpreted, "compiled", None)
    for moving in (False, True):
        load(moving)

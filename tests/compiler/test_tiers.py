"""Two tiers: a large function is interpreted until it is compiled in the background, with the same results."""

from __future__ import annotations

import copy
import gc
import itertools
import math
import os
import pathlib
import pickle
import subprocess
import sys
import threading
import time
import warnings
import weakref

import pytest

from autograd_tiny.compiler import jit
from autograd_tiny.compiler.backends import background, registry, tiers
from autograd_tiny.compiler.jitted import load
from autograd_tiny.transforms.derivatives import value_and_grad

np = pytest.importorskip("numpy", reason="batches are NumPy arrays")
pytest.importorskip("llvmlite", reason="the backend needs llvmlite: pip install 'autograd-tiny[compile]'")

from autograd_tiny.compiler.backends import to_llvm  # noqa: E402 - needs llvmlite
from autograd_tiny.compiler.backends.llvm import engine, functions, interpreted, pieces, reader  # noqa: E402


@pytest.fixture(autouse=True)
def _all_are_large(monkeypatch, tmp_path):
    """Give every program two tiers, and no code from earlier tests."""
    monkeypatch.setattr(to_llvm, "AT_ONCE", 0)
    monkeypatch.setenv("AUTOGRAD_TINY_CACHE", str(tmp_path))


def wave(w, x):
    y = x * w[0]
    for _ in range(20):
        y = (y * w[1] + w[0]).tanh() + x / 3.0
    return y * y


branching = value_and_grad(lambda x: x.tanh() * x if x > 0 else x.sin() / 3.0)
one = value_and_grad(wave)
W, X = [0.7, -1.3], np.linspace(-2.0, 2.0, 100)


def kernels(f):
    return [v.kernel for variants in f._variants.values() for v in variants.known]


def is_waiting(f):
    return any(hasattr(kernel, "wait") for kernel in kernels(f))


def threads():
    return [t for t in threading.enumerate() if t.name == "autograd-tiny-build"]


CALLS = {
    "numbers": (lambda **more: jit(one, **more), (W, 0.5)),
    "an array": (lambda **more: jit(one, **more), (np.array(W), 0.5)),
    "a batch": (lambda **more: jit(one, batch="x", **more), (W, X)),
    "a sum": (lambda **more: jit(one, batch="x", reduce="sum", **more), (W, X)),
    "a mean by two threads": (lambda **more: jit(one, batch="x", reduce="mean", threads=2, **more), (W, X)),
    "branches": (lambda **more: jit(branching, **more), (0.5,)),
    "branches of a batch": (lambda **more: jit(branching, batch="x", **more), (X,)),
    "checked": (lambda **more: jit(one, check_finite=True, **more), (W, 0.5)),
}


@pytest.mark.parametrize("make", CALLS.values(), ids=CALLS)
def test_results_do_not_depend_on_the_tier(make):
    f, given = make[0](), make[1]
    with background.turn():  # nothing is compiled meanwhile
        first = [f(*given) for _ in range(3)]
        assert is_waiting(f)
    f.wait()
    assert not is_waiting(f)
    later = [f(*given) for _ in range(3)]
    at_once = make[0](wait=True)(*given)
    assert all(str(y) == str(at_once) for y in [*first, *later])


def test_machine_code_is_swapped_in_without_waiting_for_it():
    f = jit(one)
    y = f(W, 0.5)
    end = time.monotonic() + 60
    while is_waiting(f):
        assert f(W, 0.5) == y
        assert time.monotonic() < end
        time.sleep(0.001)
    assert f(W, 0.5) == y
    assert hasattr(kernels(f)[0], "builtin")


def test_by_wait_it_is_compiled_at_the_first_call():
    with background.turn():
        f = jit(one, wait=True)
        f(W, 0.5)
    assert not is_waiting(f)
    assert not threads()


def test_small_programs_are_compiled_at_once(monkeypatch):
    monkeypatch.setattr(to_llvm, "AT_ONCE", 300)
    f = jit(lambda x: x.sin() * x)
    f(0.5)
    assert not is_waiting(f)


def test_code_on_disk_is_used_at_once():
    jit(one, wait=True)(W, 0.5)
    f = jit(one)
    f(W, 0.5)
    assert not is_waiting(f)


def test_large_batches_wait_for_machine_code(monkeypatch):
    monkeypatch.setattr(tiers, "MANY", 100)
    f = jit(one, batch="x")
    f(W, X[:99])
    f(W, X)
    assert not is_waiting(f)


def test_other_backends_have_one_tier():
    for backend in ("numpy", "python"):
        f = jit(one, backend=backend)
        f(W, 0.5)
        f.wait()
        assert not is_waiting(f)
    assert registry.named("llvm").tiers


def test_a_failure_is_a_warning_and_the_interpreter_stays(monkeypatch):
    def fail(*given, **how):
        raise MemoryError("no room for code")

    monkeypatch.setattr(to_llvm, "compiled", fail)
    f = jit(one)
    y = f(W, 0.5)
    message = r"a program of \d+ steps stays interpreted, because it cannot be compiled: MemoryError: no room for code"
    with pytest.warns(tiers.CompilationWarning, match=message):
        f.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert f(W, 0.5) == y
        f.wait()
    other = jit(one)
    other(W, 0.5)
    while threads():
        time.sleep(0.001)
    with pytest.warns(tiers.CompilationWarning, match=message):
        assert other(W, 0.5) == y


def test_one_thread_builds_the_smallest_first(monkeypatch):
    order = []
    compiled = to_llvm.compiled
    monkeypatch.setattr(
        to_llvm, "compiled", lambda text, *more, **how: (order.append(len(text)), compiled(text, *more, **how))[1]
    )

    def chain(n):
        def f(x):
            for _ in range(n):
                x = x.sin()
            return x

        return jit(f)

    with background.turn():
        fs = [chain(n) for n in (10, 50, 30, 20, 40)]
        for f in fs:
            f(0.5)
        assert len(threads()) == 1
    for f in fs:
        f.wait()
    assert order[1:] == sorted(order[1:])
    assert len(order) == 5
    while threads():
        time.sleep(0.001)


def test_what_nobody_uses_any_more_is_not_built():
    busy, built = threading.Event(), []

    def owner():
        """Owner of what is built."""

    first = background.later(busy.wait, 0, threads)
    second = background.later(lambda: built.append(1), 1, owner)
    third = background.later(lambda: built.append(3), 2, threads)
    del owner
    busy.set()
    third.wait()
    assert (first.result, second.result, second.finished, built) == (True, None, True, [3])


def test_a_kernel_is_freed_with_its_interpreter():
    f = jit(one)
    with background.turn():
        f(W, 0.5)
        kernel = weakref.ref(kernels(f)[0])
        del f
        gc.collect()
        assert kernel() is None


def test_threads_that_call_while_code_is_swapped(monkeypatch):
    f, expected = jit(one), jit(one, wait=True)(W, 0.5)
    monkeypatch.setenv("AUTOGRAD_TINY_CACHE", os.devnull)
    found, ended = [], threading.Event()

    def call():
        while not ended.is_set():
            found.append(f(W, 0.5))

    running = [threading.Thread(target=call) for _ in range(4)]
    for thread in running:
        thread.start()
    while not kernels(f):
        time.sleep(0.001)
    f.wait()
    time.sleep(0.02)
    ended.set()
    for thread in running:
        thread.join()
    assert found
    assert all(y == expected for y in found)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))])
def test_copies_while_code_is_built(copied):
    f = jit(wave, batch="x", wait=False)
    with background.turn():
        y = f(W, X)
        other = copied(f)
        assert (other(W, X) == y).all()
    other.wait()
    assert (other(W, X) == f(W, X)).all()
    assert copied(jit(wave, wait=True))._options["wait"] is True


def test_recordings_are_read_in_either_tier(tmp_path, monkeypatch):
    with background.turn():
        f = jit(one, wait=True)
        y, path = f(W, 0.5), f.save(tmp_path / "f.json")
        assert load(path)._options["wait"] is False
        monkeypatch.setenv("AUTOGRAD_TINY_CACHE", os.devnull)
        first, at_once = load(path), load(path, wait=True)
        assert (first(W, 0.5), at_once(W, 0.5)) == (y, y)
        assert (is_waiting(first), is_waiting(at_once)) == (True, False)


@pytest.mark.parametrize("lines", [1, 40, 10_000])
@pytest.mark.parametrize("make", CALLS.values(), ids=CALLS)
def test_programs_are_compiled_in_pieces(make, lines, monkeypatch):
    expected = make[0](wait=True)(*make[1])
    monkeypatch.setenv("AUTOGRAD_TINY_CACHE", os.devnull)
    monkeypatch.setattr(pieces, "LINES", lines)
    monkeypatch.setattr(functions, "MAX_INSTRUCTIONS", 20)
    assert str(make[0](wait=True)(*make[1])) == str(expected)


@pytest.mark.parametrize("count", [1, 510, 511, 512, 513])
def test_any_number_of_functions_in_pieces(count, monkeypatch):
    """Around a page of addresses, beside those of library functions, which LLVM does not count."""
    monkeypatch.setattr(pieces, "LINES", 100)
    words = ("exp", "log", "tanh", "sin", "cos", "erf", "expm1", "atan")
    body = "  %a = load double, ptr %x\n" + "".join(
        f"  %{word} = call double @{word}(double %{before})\n" for before, word in itertools.pairwise(("a", *words))
    )
    one = "\ndefine internal void @f{i}(ptr noalias %x, i64 %n) nounwind {{\n" + body + "  store double %atan, ptr %x\n"
    text = "\n".join(f"declare double @{word}(double)" for word in words)
    text += "".join(f"{one.format(i=i)}  ret void\n}}\n" for i in range(count))
    calls = "".join(f"  call void @f{i}(ptr %x, i64 0)\n" for i in range(count)) * 2
    text += "\ndefine void @all(ptr %x) {\n" + calls + body + "  ret void\n" + "; more\n" * 100 + "}\n"
    assert len(pieces.pieces(text)) > 1
    code, x = engine.Code(engine.compiled(text)), np.array([0.3])
    code.function("all", 1)(x.ctypes.data)
    expected = 0.3
    for _ in range(2 * count):
        for word in words:
            expected = getattr(math, word)(expected)
    assert x[0] == pytest.approx(expected)


LARGE = """
import os, sys, time
from autograd_tiny.compiler import jit
from autograd_tiny.compiler.jitted import load
from autograd_tiny.transforms.derivatives import value_and_grad

def chain(x):
    for i in range(1000):
        x = (x * 0.9 + 0.1 / (1.0 + i)).sin() + x / 3.0
    return x

f = jit(value_and_grad(chain))
y = f(0.5)
waiting = lambda: any(hasattr(v.kernel, "wait") for variants in f._variants.values() for v in variants.known)
"""


def ran(code, tmp_path):
    return subprocess.run(
        [sys.executable, "-c", LARGE + code], capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "AUTOGRAD_TINY_CACHE": str(tmp_path)},
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("delay", "end"), [(0.0, ""), (0.03, "del f"), (0.1, "sys.exit(0)"), (0.2, "")])
def test_a_process_ends_while_code_is_built(end, delay, tmp_path):
    done = ran(f"assert waiting()\ntime.sleep({delay})\n{end}", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_calls_at_the_end_of_a_process(tmp_path):
    early = "import atexit\natexit.register(lambda: print(f(0.5) == y, f.wait(), f(0.5) == y))\n"
    late = "g = jit(lambda x: chain(x) + 1.0)\natexit.register(lambda: print(g(0.5) > 0.0))"
    done = subprocess.run(
        [sys.executable, "-c", early + LARGE + late], capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "AUTOGRAD_TINY_CACHE": str(tmp_path)},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\nTrue None True\n", "")


FORK = """
found = []
for i in range(8):
    time.sleep(0.02)
    if not (child := os.fork()):
        ok = f(0.5) == y
        if i % 2:
            f.wait()
            ok = ok and not waiting() and f(0.5) == y
        os._exit(0 if ok else 1)
    found.append(child)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in found])
f.wait()
assert not waiting() and f(0.5) == y
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_process_forks_while_code_is_built(tmp_path):
    done = ran("import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n" + FORK, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{[0] * 8}\n", "")


@pytest.mark.slow
def test_another_process_uses_what_was_built_in_the_background(tmp_path):
    assert ran("f.wait()", tmp_path).returncode == 0
    done = ran("print(waiting())", tmp_path)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_a_first_call_makes_only_what_it_needs(monkeypatch):
    """No interpreter of batches, and no machine code that puts results in place, which the second call makes."""
    made, found = [], interpreted._interpreter
    monkeypatch.setattr(interpreted, "_interpreter", lambda moving: made.append(moving) or found(moving))
    monkeypatch.setattr(reader, "builder", lambda model: made.append("results"))

    def chain(x):
        for k in range(200):
            x = [(x[0] * x[1] + k).sin(), x[0] - x[1] * 0.5]
        return x[0]

    f, x = jit(value_and_grad(chain)), np.array([0.5, 0.25])
    first = f(x)
    assert made == [False]
    second = f(x)
    assert made == [False, "results"]
    assert repr(first) == repr(second)


def test_a_process_that_ends_before_its_code_is_compiled_leaves_the_prepared_program(monkeypatch):
    """The next one does not prepare it again; numbers are the same."""
    monkeypatch.setattr(to_llvm, "WORTH", 0)
    monkeypatch.setattr(to_llvm, "tiered", lambda first, build, steps: first)  # nothing is ever compiled
    counted = []
    prepared = to_llvm.prepared
    monkeypatch.setattr(to_llvm, "prepared", lambda program: counted.append(program) or prepared(program))
    for f, given in ((one, (W, 0.5)), (lambda x: (x.sigmoid() + x.exp() * x.hypot(3.0)) ** 2.5, (1.5,))):
        first, second = (jit(f)(*given) for _ in range(2))
        assert first == second == jit(f, wait=True)(*given)
    assert len(counted) == 4  # once by the first, once by the last of each
    for path in pathlib.Path(os.environ["AUTOGRAD_TINY_CACHE"]).rglob("*.code"):
        path.write_bytes(path.read_bytes()[:-3])  # cut short
    assert jit(one)(W, 0.5) == jit(one, wait=True)(W, 0.5)
    assert len(counted) == 6

"""Compiled code does not end or exhaust a process: scattered memory, many structures, unloaded libraries, forks."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys

import pytest

np = pytest.importorskip("numpy", reason="batches are NumPy arrays")


needs_maps = pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="only Linux lists the maps of a process")
needs_cc = pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="there is no C compiler")
needs_llvm = pytest.mark.skipif(not importlib.util.find_spec("llvmlite"), reason="llvmlite is not installed")


def survived(code, *arguments):
    """Output of code run in a process of its own, which may crash instead of the tests."""
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr[-1000:]
    return run.stdout


@needs_llvm
def test_code_and_constants_lie_near_each_other_in_a_scattered_memory():
    """Leave holes that fit 188 KiB of constants, but 192 KiB of code only beyond 3 GiB."""
    code = """
import mmap
import numpy as np
from autograd_tiny.engine import ops
from autograd_tiny.compiler.backends import to_llvm
from autograd_tiny.compiler import Program, Step
from autograd_tiny.compiler.backends.llvm.engine import Code, compiled

steps = tuple(Step(op, (i, 1.0 + i / 1e9)) for i, op in enumerate([ops.mul, ops.add] * 12_000))
program = Program(("x",), steps, (len(steps),))
data = compiled(to_llvm.source(program))
holes = [mmap.mmap(-1, 188 << 10) for _ in range(200)]
far = np.empty(3 << 27)  # of addresses only, since nothing is written
del holes[::2]
codes = [Code(data) for _ in range(30)]  # the first ones fill what larger holes there are
assert to_llvm.single(program, codes[-1])([0.5]) == program.run([0.5])
"""
    survived(code)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("backend", [pytest.param("llvm", marks=needs_llvm), pytest.param("c", marks=needs_cc)])
def test_a_child_has_threads_of_its_own(backend):
    code = """
import multiprocessing, sys
import numpy as np
from autograd_tiny.compiler import jit

def f(x):
    for _ in range(500):
        x = x * 1.0001 + 0.5
    return x

f, xs = jit(f, batch="x", threads=2, backend=sys.argv[1]), np.linspace(0, 1, 50_000)
ys = f(xs)
child = multiprocessing.get_context("fork").Process(target=lambda: np.testing.assert_array_equal(f(xs), ys))
child.start()
child.join(60)
print(child.exitcode)
child.kill()
"""
    assert survived(code, backend) == "0\n"


@needs_maps
@needs_cc
def test_a_library_is_given_back_with_its_kernel_and_not_while_it_runs():
    code = """
import gc, threading
import numpy as np
from autograd_tiny.engine import ops
from autograd_tiny import Op
from autograd_tiny.compiler.backends import to_c
from autograd_tiny.compiler import Program, Step

def maps():
    with open("/proc/self/maps") as file:
        return sum("program.so" in line for line in file)

gc.disable()
for i in range(3):
    kernel = to_c.build(Program(("x",), (Step(ops.mul, (0, 2.0)),), (1,)))
    first = first if i else maps()
    assert maps() == first > 0
    assert kernel([3.0]) == [6.0]
    del kernel

began, dropped = threading.Event(), threading.Event()

def forward(x):
    x = float(x)  # so that only Python computes it
    began.set()
    assert dropped.wait(60)
    return x + 1.0

kernel = to_c.build(Program(("x",), (Step(Op("own", forward, (lambda y, x: 1.0,)), (0,)),), (1,)))
found = []
thread = threading.Thread(target=lambda kernels: found.append(kernels.pop()([3.0])), args=([kernel],))
thread.start()
assert began.wait(60)
del kernel
assert maps()
dropped.set()
thread.join(60)
assert found == [[4.0]]
assert maps() == 0
"""
    survived(code)


@needs_maps
@needs_llvm
def test_new_structures_take_no_more_memory_than_the_bound():
    code = """
import gc, sys, warnings
from autograd_tiny.compiler import jit

def maps():
    with open("/proc/self/maps") as file:
        return len(file.readlines())

warnings.simplefilter("ignore")
gc.disable()
sys.modules["autograd_tiny.compiler.jitted"].STRUCTURES = bound = 20
f = jit(lambda xs: sum(x * x for x in xs.values()))
before = maps()
for i in range(5 * bound):
    assert f({i: 3.0, -1: 2.0}) == 13.0
    if i == bound:
        full = maps()
assert full > before + 2 * bound, (before, full)  # each has some
assert maps() < full + bound, (full, maps())
"""
    survived(code)

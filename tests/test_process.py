"""A process lives through what it compiles: memory far apart, many structures, libraries given back, children."""

from __future__ import annotations

import subprocess
import sys

import pytest

np = pytest.importorskip("numpy", reason="batches are NumPy arrays")


def survived(code, *arguments):
    """What a process of its own prints; it may die in place of the tests."""
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr[-1000:]
    return run.stdout


def test_code_and_constants_lie_near_each_other_in_a_scattered_memory():
    """For the constants LLVM asks for 188 KiB, which are free in between, for the code for 192, on the far side of 3 GiB."""
    pytest.importorskip("llvmlite")
    code = """
import mmap
import numpy as np
from autograd_tiny import ops
from autograd_tiny.compile import Program, Step, to_llvm
from autograd_tiny.compile.llvm.engine import Code, compiled

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

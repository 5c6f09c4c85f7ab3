"""Every benchmark runs at tiny sizes, with the packages installed for the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MODULES = {"quick", "race", "rivals", "soak"}  # imported by the others; soak has its own tests
RUNS = {
    "eager": "bytes per node",
    "check": "without the oracle",
    "seeing": "one step back",
    "drawing": "a chain of 1,000 × tanh",
    "growth numpy": "[",
    "recording": "lower and passes",
    "calls": "step(model, X, y) over step(array, X, y)",
    "tiers": "ns per op and sample",
    "chains": "recurrence",
    "layers": "networks: 2-5-5-1, 4-6-10",
    "compiled a c d e f": "section f:",
    "compiled growth": "section growth:",
    "compiled b": "section b:",
}
SLOW = {"compiled b": [pytest.mark.long]}  # section a at another size


@pytest.mark.parametrize("run", [pytest.param(run, marks=SLOW.get(run, [])) for run in RUNS])
def test_a_benchmark_runs(run, tmp_path):
    name, *arguments = run.split()
    needed = {
        "check": ("mpmath",),
        "growth": ("numpy",),
        "recording": ("numpy",),
        "calls": ("numpy", "llvmlite"),
        "tiers": ("numpy", "llvmlite"),
        "chains": ("numpy", "llvmlite"),
        "layers": ("numpy", "llvmlite"),
        "compiled": ("numpy", "llvmlite"),
    }
    for package in needed.get(name, ()):
        pytest.importorskip(package, reason=f"{name}.py needs {package}")
    if name == "compiled" and sys.platform != "linux":
        pytest.skip("compiled.py asks Linux about the processor")
    done = subprocess.run(
        [sys.executable, BENCHMARKS / f"{name}.py", "--quick", *arguments], capture_output=True, text=True, check=False,
        encoding="utf-8", cwd=tmp_path, env={**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "160"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert RUNS[run] in done.stdout


def test_no_benchmark_is_forgotten():
    assert {path.stem for path in BENCHMARKS.glob("*.py")} == MODULES | {run.split()[0] for run in RUNS}

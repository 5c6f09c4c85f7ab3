"""Every benchmark runs at tiny sizes, with the packages installed for the tests."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
# Imported by the others; soak has its own tests.
MODULES = {"folds", "number", "page", "quick", "race", "rivals", "soak"}
RUNS = {
    "eager": "bytes per node",
    "eager --runs 2": "its time over ours",
    "check": "without the oracle",
    "seeing": "one step back",
    "drawing": "a chain of 1,000 × tanh",
    "live": "script, bytes",
    "growth numpy": "[",
    "recording": "lower and passes",
    "calls": "step(model, X, y) over step(array, X, y)",
    "tiers": "ns per op and sample",
    "chains": "recurrence",
    "layers": "networks: 2-5-5-1, 4-6-10",
    "entrant": ", 0 with other numbers",
    "compiled --rows floats": "floats:",
    "train --rows gpt": "s until ready, warm",
    "train --rows breast-cancer": "a fit again, over scikit-learn's",
    "train --rows epochs steps sizes micrograd optimizers": "most apart from PyTorch",
    "train --rows digits cancer moons second killed": "checkpoints that are whole",
}
LONG = {  # processes that import all there is, or other engines
    "entrant",
    "compiled --rows floats",
    "seeing",
    "train --rows gpt",
    "train --rows epochs steps sizes micrograd optimizers",
    "train --rows digits cancer moons second killed",
}


@pytest.mark.parametrize("run", [pytest.param(run, marks=[pytest.mark.long] * (run in LONG)) for run in RUNS])
def test_a_benchmark_runs(run, tmp_path):
    name, *arguments = run.split()
    needed = {
        "check": ("mpmath",),
        "growth": ("numpy",),
        "live": ("numpy",),
        "recording": ("numpy",),
        "calls": ("numpy", "llvmlite"),
        "tiers": ("numpy", "llvmlite"),
        "chains": ("numpy", "llvmlite"),
        "layers": ("numpy", "llvmlite"),
        "entrant": ("numpy", "llvmlite"),
        "compiled": ("numpy", "llvmlite"),
        "train": ("numpy", "llvmlite", "sklearn", "safetensors"),
    }
    for package in needed.get(name, ()):
        pytest.importorskip(package, reason=f"{name}.py needs {package}")
    done = subprocess.run(
        [sys.executable, BENCHMARKS / f"{name}.py", "--quick", *arguments], capture_output=True, text=True, check=False,
        encoding="utf-8", cwd=tmp_path, env={**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "160"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert RUNS[run] in done.stdout


def test_the_tables_are_replaced_and_the_page_is_kept(monkeypatch, tmp_path):
    pytest.importorskip("llvmlite", reason="compiled.py needs llvmlite")
    monkeypatch.syspath_prepend(BENCHMARKS)
    compiled = importlib.import_module("compiled")
    before, _, rest = compiled.PAGE.read_text(encoding="utf-8").partition(compiled.BEGIN)
    after = rest.partition(compiled.END)[2]
    page = tmp_path / "measured.md"
    page.write_text(compiled.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    row = next(iter(compiled.subjects.every(quick=True).values()))
    seen = {"jit": compiled.Seen(first=0.5, warm=0.25, memory=3.0, call=2e-6), "JAX": compiled.Seen(why="over 60 s")}
    seen["C"] = compiled.Seen(first=0.5, memory=0.0, call=1e-6)
    for _ in range(2):  # the second time over what the first wrote
        compiled.page.write(page, compiled.BEGIN, compiled.END, compiled.page_of([(row, seen)], (1e9, 1e9), 60))
        text = page.read_text(encoding="utf-8")
        assert text.startswith(before)
        assert text.endswith(compiled.END + after)
        assert f"| {row.title} | **2 µs (2.00)** | over 60 s | 1 µs |" in text
        assert f"| {row.title} | 0.5 / 0.25 |  |" in text


def test_no_benchmark_is_forgotten():
    assert {path.stem for path in BENCHMARKS.glob("*.py")} == MODULES | {run.split()[0] for run in RUNS}

"""The soak runs without a finding, and finds each planted leak."""

from __future__ import annotations

import importlib
import mmap
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from rich.console import Console

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the soak reads /proc")


def memory(stack, folder):
    stack.push(lambda *_, held=b"x" * 12_000_000: None)


def handles(stack, folder):
    stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))


def maps(stack, folder):
    for _ in range(8):
        stack.enter_context(mmap.mmap(-1, 4096))


def threads(stack, folder):
    stop = threading.Event()
    threading.Thread(target=stop.wait, daemon=True).start()
    stack.callback(stop.set)


def files(stack, folder):
    tempfile.mkstemp(dir=folder)


def nothing(stack, folder):
    pass


LONG = [pytest.param(plant, marks=pytest.mark.long) for plant in (memory, handles, maps, threads)]


@pytest.mark.parametrize("plant", [files, nothing, *LONG])
def test_what_is_planted_is_found(plant, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    soak = importlib.import_module("soak")
    with ExitStack() as stack:

        def work(rng):
            plant(stack, tmp_path)
            time.sleep(0.03)

        samples = soak.soak([work], 0.5, Console(quiet=True), tmp_path)
        grown = {what for what, by in soak.growth(samples).items() if by > soak.MAY_GROW[what]}
    assert plant.__name__ in grown if plant is not nothing else not grown


@pytest.mark.long
def test_seconds_of_mixed_work_do_not_grow():
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "soak.py", "--quick"], capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr

"""Programs of `alone/`, each run in a process of its own on one processor, as a user runs a script.

Their seconds are those of the processor: alone on it, the clock shows little more.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from race import CPUS, cpus

ALONE = Path(__file__).parent / "alone"


def environment(cache, bytecode):
    """Variables of a process: its cache of machine code, and the one of Python's bytecode, as an installation has."""
    return {
        **os.environ,
        "AUTOGRAD_TINY_CACHE": str(cache),
        "PYTHONPYCACHEPREFIX": str(bytecode),
        "PYTHONDONTWRITEBYTECODE": "",
    }


def started(name, *given, cache, bytecode):
    """Start a program on one processor."""
    cpus(1)
    try:
        return subprocess.Popen(
            [sys.executable, ALONE / f"{name}.py", *map(str, given)], env=environment(cache, bytecode),
            stdout=subprocess.PIPE, text=True, encoding="utf-8",
        )  # fmt: skip
    finally:
        cpus(len(CPUS))


def seen(name, *given, cache, bytecode):
    """Run a program; return what it printed, with "process", the seconds since it was started."""
    start = time.perf_counter()
    with started(name, *given, cache=cache, bytecode=bytecode) as process:
        printed, _ = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, name)
    found = json.loads(printed)
    return {**found, "process": found["end"] - start}  # one clock for all processes of a machine


def several(name, *given, often, warm=False):
    """Run a program some times after a first one, each with an empty cache unless `warm`."""
    with tempfile.TemporaryDirectory() as folder:
        bytecode, first = Path(folder) / "bytecode", Path(folder) / "first"
        seen(name, *given, cache=first, bytecode=bytecode)
        caches = [first if warm else Path(folder) / f"cache{i}" for i in range(often)]
        return [seen(name, *given, cache=cache, bytecode=bytecode) for cache in caches]


def least(runs, what):
    """The least of a number over runs."""
    return min(run[what] for run in runs)

"""Races between calls: check that they compute the same numbers, time them in interleaved rounds, show them."""

import ctypes
import gc
import math
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

C = Path(__file__).parent / "c"
COMPILER_FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-shared", "-fPIC")  # without errno sqrt is an instruction
CPUS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
CPUINFO = Path("/proc/cpuinfo")
LANES = 8 if CPUINFO.exists() and "avx512f" in CPUINFO.read_text(encoding="utf-8") else 4  # of a vector of doubles
quick = False  # one round each, as a test
console = Console(width=150, highlight=False)


def cpus(n):
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, CPUS[:n])


class Race:
    """Entrants by name, which must all compute the numbers of the first one.

    `make()` returns the call to time; "first run" is the time of `make()` and the first call.
    """

    def __init__(self, near=1e-9):
        self.near, self.calls, self.first, self.missing = near, {}, {}, {}
        self.expected = self.best = None

    def enter(self, name, make, numbers=lambda found: found):
        start = time.perf_counter()
        try:
            call = make()
            found = call()
        except (ImportError, FileNotFoundError, RecursionError) as error:  # FileNotFoundError: no C compiler
            self.missing[name] = "RecursionError" if isinstance(error, RecursionError) else "not installed"
            return
        self.first[name] = time.perf_counter() - start
        found = flat(numbers(found))
        if self.expected is None:
            self.expected = found.copy()
        far = float(np.max(np.abs(found - self.expected))) / (float(np.max(np.abs(self.expected))) or 1.0)
        assert far <= self.near, f"{name} computes other numbers: {far} apart"
        self.calls[name] = call

    def run(self, seconds=1.0, rounds=7):
        self.best = least(self.calls, seconds, rounds)
        return self

    def ratio(self, name, other):
        """Time of `name` over that of `other`, or over the fastest of several; nan if one did not run."""
        others = [self.best[o] for o in ([other] if isinstance(other, str) else other) if o in self.best]
        return self.best[name] / min(others) if name in self.best and others else math.nan

    def show(self, title, against, each=1, unit=""):
        """Show all entrants in a table; `each` is the number of `unit`s in a call."""
        table = Table("", *([f"per {unit}"] if unit else []), "per call", "× C", "first run", title=title)
        for name, seconds in self.best.items():
            per = [shown(seconds / each)] if unit else []
            table.add_row(name, *per, shown(seconds), f"{self.ratio(name, against):,.2f}", shown(self.first[name]))
        for name, why in self.missing.items():
            table.add_row(name, why)
        console.print(table)


def least(calls, seconds=1.0, rounds=7):
    """Minimum seconds of each call over interleaved rounds, each round long enough to measure."""
    seconds, rounds = (0.0, 1) if quick else (seconds, rounds)
    best, often = {}, {}
    for name, call in calls.items():
        call()
        start = time.perf_counter()
        call()
        often[name] = max(1, int(seconds / rounds / max(time.perf_counter() - start, 1e-7)))
    gc.collect()
    gc.freeze()  # objects of the libraries must not be scanned while timing
    for _ in range(rounds):
        for name, call in calls.items():
            n = often[name]
            start = time.perf_counter()
            for _ in range(n):
                call()
            best[name] = min(best.get(name, math.inf), (time.perf_counter() - start) / n)
    gc.unfreeze()
    return best


def targets(title, rows):
    """Show rows of (what, measured, "≤" or "≥", target), and mark the missed targets; a target of None is none."""
    shown = [(what, verdict(*rest)) for what, *rest in rows if rest[0] == rest[0]]
    marks = {"missed": "[bold red]missed[/]"}
    table(title, [["", "measured", "target", ""], *[[what, *(marks.get(x, x) for x in v)] for what, v in shown]])


def verdict(seen, sign, target):
    """Spell a figure, its target, and whether it is reached; `seen` may be a word that says why there is none."""
    if isinstance(seen, str):
        number, reached = seen, ""
    else:
        number = f"{seen:,.0f}" if seen >= 100 else f"{seen:.3g}"
        good = target is None or (seen <= target if sign == "≤" else seen >= target)
        reached = "" if target is None else "reached" if good else "missed"
    return number, "" if target is None else f"{sign} {round(target, 3) or target:,g}", reached


def table(title, lines):
    """Show lines of cells, the first of them the header."""
    made = Table(*lines[0], title=title)
    for line in lines[1:]:
        made.add_row(*line)
    console.print(made)


def difference(found, expected, near):
    """Say how far the results are apart, or "" if they agree."""
    if found.shape[-1] != expected.shape[-1]:
        return f"gives {found.shape[-1]:,} numbers, not {expected.shape[-1]:,}"
    far = float(np.max(np.abs(found - expected))) / (float(np.max(np.abs(expected))) or 1.0)
    return "" if far <= near else f"gives other numbers, {far:.0e} apart"


def surroundings(cache):
    """Environment of an entrant: one thread, its own cache on disk, no kernels chosen by the user."""
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {
        **dict.fromkeys(threads, "1"),
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
        "JAX_ENABLE_X64": "1",
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "NUMBA_CACHE_DIR": str(cache),
        "AUTOGRAD_TINY_CACHE": str(cache),
    }


def flat(found):
    """Flatten a nested result to one array."""
    if isinstance(found, dict):
        found = list(found.values())
    if isinstance(found, (list, tuple)):
        return np.concatenate([flat(x) for x in found])
    return np.asarray(found, float).ravel()


def shown(seconds):
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:,.3g} {unit}" if seconds * scale < 1000 else f"{seconds * scale:,.0f} {unit}"
    return f"{seconds * 1e9:,.3g} ns"


def hand_written(name, *given, flags=(), symbol="", returns=None):
    """Compile `name`.c and bind its function `symbol` (default: `name`) to arrays and numbers.

    The last array is the output, unless it `returns` a type of ctypes.
    """

    def make():
        made = Path(tempfile.mkdtemp()) / "made.so"
        compiler = os.environ.get("CC", "cc")
        subprocess.run([compiler, *COMPILER_FLAGS, C / f"{name}.c", "-o", made, *flags, "-lm"], check=True)
        f = getattr(ctypes.CDLL(str(made)), symbol or name)
        f.restype = returns
        types = {int: ctypes.c_long, float: ctypes.c_double}
        arguments = [types[type(x)](x) if type(x) in types else ctypes.c_void_p(x.ctypes.data) for x in given]

        def call():
            found = f(*arguments)
            return found if returns else given[-1]

        return call

    return make

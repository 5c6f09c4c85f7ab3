"""Compare compiled functions with other engines, hand-written C and the roofline: a call, the first call, memory.

Run: make bench-compiled, or python benchmarks/compiled.py --rows mlp-2-16 gpt for some of its rows; --write puts the
tables into docs/measured.md.

Each engine runs each row in a process of its own, on one processor and one thread, from an empty cache on disk; one
with a cache starts a second time, "warm". A process that takes longer than the limit to its first result is ended. The
processes of a row are then asked in turn, in rounds; a time is the least CPU time of a call over all rounds, with the
call from Python and without the conversion of arguments to the engine's own arrays. All must compute the same numbers.
"""

import contextlib
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import page
import race
import subjects
from entrant import timed
from quick import parser
from race import console, hand_written, shown
from rich.table import Table

HERE = Path(__file__).parent
PAGE = page.MEASURED
BEGIN, END = "<!-- The table: make bench-compiled WRITE=1 -->", "<!-- End of the table -->"
ROUNDS, ROUND = 7, 0.1  # seconds
SLOW = 3.0  # seconds of all rounds from which on there are no further ones
ENGINES = (
    "jit", "jit, contract", "jit, NumPy", "jit, sparse", "JAX", "torch", "casadi, scalars", "casadi, vectors",
    "casadi, its C", "ddx", "HIPS", "numba", "NumPy", "C", "eager", "a GPT's Value", "micrograd",
)  # fmt: skip
BY_HAND = ("C", "NumPy", "numba")  # whose derivatives are written by hand
CACHED = ("jit", "JAX", "numba")  # engines with a cache on disk
PACKAGES = ("numpy", "llvmlite", "jax", "torch", "casadi", "ddx-ad", "autograd", "numba", "micrograd")


@dataclass
class Seen:
    """What was measured of one engine at one row; `why` says why there is no time."""

    first: float = math.nan  # seconds
    warm: float = math.nan
    memory: float = math.nan  # MB
    call: float = math.nan  # seconds
    why: str = ""


@dataclass
class Process:
    """A process of entrant.py, with its cache; asked by lines, and ended when it takes longer than `limit` seconds."""

    key: str
    engine: str
    quick: bool
    limit: float
    folder: Path
    late: bool = field(default=False, init=False)

    def __post_init__(self):
        (self.folder / "cache").mkdir(parents=True, exist_ok=True)
        self.errors = (self.folder / "errors").open("w+", encoding="utf-8")
        arguments = [self.key, self.engine, self.folder / "results.npy", *["--quick"] * self.quick]
        self.process = subprocess.Popen(
            [sys.executable, HERE / "entrant.py", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.errors, text=True, encoding="utf-8",
            env={**os.environ, **race.surroundings(self.folder / "cache")},
        )  # fmt: skip

    def answer(self, *asked):
        """Ask, and return the answer, or a string that says why there is none."""
        timer = threading.Timer(self.limit, self.end, [True])
        timer.start()
        try:
            with contextlib.suppress(BrokenPipeError):
                for line in asked:
                    self.process.stdin.write(f"{line}\n")
                    self.process.stdin.flush()
            line = self.process.stdout.readline()
        finally:
            timer.cancel()
        if line:
            found = json.loads(line)
            return found[0] if isinstance(found[0], str) else found
        return f"over {self.limit:g} s" if self.late else self.last_words()

    def last_words(self):
        code = self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        return f"died of signal {-code}" if code < 0 else f"failed: {(lines or [''])[-1]:.70}"

    def end(self, late=False):
        self.late = late
        self.process.kill()

    def close(self):
        self.end()
        self.process.communicate()
        self.errors.close()


def measured(row, quick, limit, folder):
    """What is seen of each engine at a row."""
    seen, running, expected = {}, {}, None
    try:
        for engine in row.entrants:
            seen[engine] = found = Seen()
            process = Process(row.key, engine, quick, limit, folder / row.key / engine)
            running[engine] = process
            answer = process.answer()
            if not isinstance(answer, str):
                (found.first,) = answer
                answer = process.answer()
            if not isinstance(answer, str):
                (found.memory,) = answer
                numbers = np.load(process.folder / "results.npy")
                expected = numbers[:1] if expected is None else expected
                answer = race.difference(numbers, expected, row.near)
            if answer:
                found.why = answer
                running.pop(engine).close()
                continue
            if engine.partition(",")[0] in CACHED:
                again = Process(row.key, engine, quick, limit, process.folder)
                answer = again.answer()
                found.warm = math.nan if isinstance(answer, str) else answer[0]
                again.close()
        for k in range(1 if quick else ROUNDS):
            for engine, process in list(running.items()):
                if k > 1 and k * seen[engine].call > SLOW:
                    continue
                answer = process.answer(0.0 if quick else ROUND)
                if isinstance(answer, str):
                    seen[engine].why = answer
                    running.pop(engine).close()
                else:
                    cpu_time, wall_time = answer
                    seconds = wall_time if "two threads" in engine else cpu_time
                    seen[engine].call = float(np.fmin(seconds, seen[engine].call))  # nan before the first round
    finally:
        for process in running.values():
            process.close()
    return seen


# The roofline.


def roofline():
    """Rates that a small loop in C reaches on one processor: flops and bytes per second; nan without a C compiler."""
    flops, many = 1 << 24, 1 << 22
    x = np.ones(many)
    try:
        calls = {
            "flops": hand_written("flops", flops, np.empty(1))(),
            "bytes": hand_written("bytes", x, many, np.empty(many))(),
        }
    except FileNotFoundError:
        return math.nan, math.nan
    best = {name: min(timed(call, 0.02)[0] for _ in range(15)) for name, call in calls.items()}
    return flops / best["flops"], 16 * many / best["bytes"]


def limit_of(row, rates):
    """The least seconds of a row by its flops and bytes; nan if they are not counted."""
    return max(row.flops / rates[0], row.bytes / rates[1]) or math.nan


# Tables: for the terminal by row, for the page by engine.


def show(row, seen, least):
    table = Table("", "a call", "× C", "× roofline", "first call", "warm", "memory", title=row.title)
    in_c = seen["C"].call if "C" in seen else math.nan
    for engine in sorted(seen, key=lambda engine: seen[engine].call if seen[engine].call > 0 else math.inf):
        found = seen[engine]
        cells = [
            shown(found.call) if found.call > 0 else found.why,
            factor(found.call / in_c),
            factor(found.call / least),
            *(shown(x) if x > 0 else "" for x in (found.first, found.warm)),
            f"{found.memory:,.0f} MB" if found.memory >= 0 else "",
        ]
        table.add_row(engine, *cells)
    console.print(table)


def factor(x):
    return f"{x:,.2f}" if x > 0 else ""


def page_of(results, rates, limit):
    """The section of the page: the machine, then three tables with a column for each engine."""
    columns = [engine for engine in ENGINES if any(engine in seen for _, seen in results)]
    table = partial(tabled, results, columns)
    gflops, gbytes = (f"{rate / 1e9:.1f}" for rate in rates)
    return "\n\n".join([
        f"{page.machine()}. {page.versions(PACKAGES)}.",
        f"One processor and one thread. A time is the least CPU time over {ROUNDS} interleaved rounds, two of slow "
        f"calls, the call from Python included. The roofline is the time of a row's matrix products at "
        f"{gflops} GFlop/s, or of its arguments and results at {gbytes} GB/s, which loops in C reach here. In "
        "brackets: the multiple of hand-written C, or of the roofline without C.",
        table(partial(call_of, rates), [or_empty(limit_of(row, rates)) for row, _ in results]),
        "The first call in seconds, with recording and compiling, without imports; after the slash in another process "
        f"that finds the cache on disk. \"over {limit:g} s\" above: without a result by then.",
        table(first_of),
        "The memory in MB that the process takes at most to its first result and until nothing is compiled behind it, "
        "without imports and data.",
        table(memory_of),
    ])  # fmt: skip


def tabled(results, columns, cell, roofline=()):
    """A table in Markdown, with a line for each row and a column for each engine."""
    lines = [[row.title, *(cell(row, seen, engine) for engine in columns)] for row, seen in results]
    lines = [[*line, *last] for line, last in zip(lines, zip(roofline) if roofline else [()] * len(lines), strict=True)]
    return page.markdown([["", *columns, *["roofline"] * bool(roofline)], *lines])


def call_of(rates, row, seen, engine):
    """The time of a call and its multiple of C, or of the roofline without C; bold if no engine is faster."""
    if engine not in seen:
        return ""
    seconds = {name: found.call for name, found in seen.items() if found.call > 0}
    if engine not in seconds:
        return seen[engine].why
    multiple = factor(seconds[engine] / seconds.get("C", limit_of(row, rates)))
    cell = f"{shown(seconds[engine])} ({multiple})" if multiple and engine != "C" else shown(seconds[engine])
    engines = [name for name in seconds if name in ENGINES and name not in BY_HAND]
    return f"**{cell}**" if engine == min(engines, key=seconds.get, default="") else cell


def first_of(row, seen, engine):
    if engine not in seen or not seen[engine].first > 0:
        return ""
    found = seen[engine]
    return f"{found.first:,.2g}" + (f" / {found.warm:,.2g}" if found.warm > 0 else "")


def memory_of(row, seen, engine):
    return f"{seen[engine].memory:,.0f}" if engine in seen and seen[engine].memory >= 0 else ""


def or_empty(seconds, otherwise=""):
    return shown(seconds) if seconds > 0 else otherwise


def chosen(every, parts):
    """The rows with these keys, or with these parts in their keys; without parts all."""
    return {
        key: row for key, row in every.items() if not parts or any(key == p if p in every else p in key for p in parts)
    }


def main(every, quick, limit, written):
    """Run rows by key; return what failed, or None."""
    rates, results = roofline(), []
    console.print(
        f"{page.machine()}; {rates[0] / 1e9:.1f} GFlop/s, {rates[1] / 1e9:.1f} GB/s\n{page.versions(PACKAGES)}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for key, row in every.items():
            start = time.perf_counter()
            seen = measured(row, quick, limit, Path(folder))
            show(row, seen, limit_of(row, rates))
            console.print(f"[dim]{key}: {time.perf_counter() - start:.0f} s[/]\n")
            results.append((row, seen))
    section = page_of(results, rates, limit)
    if written:
        page.write(PAGE, BEGIN, END, section)
    failed = {
        f"{engine} at {row.key} {found.why}"
        for row, seen in results
        for engine, found in seen.items()
        if found.why.startswith(("failed", "died", "gives"))
    }
    return "\n".join(sorted(failed)) or None


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument("--rows", nargs="+", default=[], help="rows to run, by parts of their keys (default: all)")
    arguments.add_argument("--limit", type=float, default=60, help="seconds to a first result (default: 60)")
    arguments.add_argument("--write", action="store_true", help="write the tables into docs/measured.md")
    given = arguments.parse_args()
    keys = subjects.every(given.quick)
    if unknown := [part for part in given.rows if not chosen(keys, [part])]:
        arguments.error(f"no row {', '.join(unknown)}: expected parts of {', '.join(keys)}")
    if given.quick and given.write:
        arguments.error("--quick gives figures that mean nothing: expected --write without it")
    sys.exit(main(chosen(keys, given.rows), given.quick, given.limit, given.write))

"""One engine at one row, in a process of its own: make the call, then time it whenever the parent asks.

Run by compiled.py. Prints, as JSON: the first call in seconds, with all that is compiled for it but without imports;
then, when nothing is compiled in the background any more, the megabytes taken so far beyond imports and data; then, for
each line read with a number of seconds, the CPU time and the time of a call in a round of that length. The results of
the first call, and of one by the final code, are written to a file.
"""

import gc
import importlib
import json
import os
import sys
import tempfile
import time

import numpy as np
import race
import subjects
from growth import peak
from quick import parser

MODULES = {
    "jit": ("llvmlite.binding", "autograd_tiny.compiler.backends.to_llvm"),
    "JAX": ("jax", "jax.numpy", "jax.scipy.special"),
    "torch": ("torch",),
    "casadi": ("casadi",),
    "HIPS": ("autograd", "autograd.numpy"),
    "numba": ("numba",),
    "ddx": ("ddx",),
    "micrograd": ("micrograd.nn",),
}  # imported before the clock starts


def settled():
    """Wait until nothing is compiled any more in the background: until the process is idle."""
    while True:
        before = time.process_time()
        time.sleep(0.05)
        if time.process_time() - before < 0.01:
            return


def timed(call, seconds, about=None):
    """Seconds of CPU time, and seconds, of a call in a round of calls; each takes `about` so long, if known."""
    if about is None:
        start = time.perf_counter()
        call()
        about = time.perf_counter() - start
    often = max(1, int(seconds / max(about, 1e-7)))
    used, start = time.process_time(), time.perf_counter()
    for _ in range(often):
        call()
    end = time.perf_counter()
    return (time.process_time() - used) / often, (end - start) / often


def absence(error):
    """Say why an engine cannot enter; any other error is raised."""
    if isinstance(error, RecursionError):
        return "RecursionError"
    optional = {module.partition(".")[0] for modules in MODULES.values() for module in modules} - {"autograd_tiny"}
    if isinstance(error, ModuleNotFoundError) and error.name.partition(".")[0] in optional:
        return "not installed"
    if isinstance(error, FileNotFoundError) and error.filename == os.environ.get("CC", "cc"):
        return "not installed"
    raise error


def said(*found):
    print(json.dumps(found), flush=True)


def entered(row, engine, given):
    """Make the call, and return it with its first results and a function that orders their numbers."""
    made = row.entrants[engine](*given)
    call, numbers = made if isinstance(made, tuple) else (made, lambda found: found)
    return call, call(), numbers


def main(key, engine, results, quick):
    race.quick = quick
    race.cpus(2 if "two threads" in engine else 1)
    try:
        for module in MODULES.get(engine.partition(",")[0], ()):
            importlib.import_module(module)
        row = subjects.every(quick)[key]
        given = row.given()
        gc.collect()
        gc.freeze()  # objects of the libraries must not be scanned while timing
        before, start = peak(), time.perf_counter()
        call, found, numbers = entered(row, engine, given)
        first = time.perf_counter() - start
    except Exception as error:
        return said(absence(error))
    said(first)
    settled()
    memory = peak() - before
    np.save(results, [race.flat(numbers(found)), race.flat(numbers(call()))])
    said(memory / 1e6)
    found = None, None
    for line in sys.stdin:
        found = timed(call, float(line), found[1])
        said(*found)
    return None


def together():
    """Run every engine at every row in this process, on tiny sizes, and say who does not compute the same numbers."""
    race.quick, apart, count = True, [], 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(race.surroundings(folder))
        for row in subjects.every(True).values():
            expected = None
            for engine in row.entrants:
                try:
                    _, found, numbers = entered(row, engine, row.given())
                except Exception as error:
                    absence(error)
                    continue
                found, count = race.flat(numbers(found)), count + 1
                expected = found if expected is None else expected
                if how := race.difference(found, expected, row.near):
                    apart.append(f"{engine} at {row.key} {how}")
    print(f"{count} entrants, {len(apart)} with other numbers")
    return "\n".join(apart) or None


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument(
        "given", nargs="*", help="row, engine, file for the results; with --quick alone: all of them"
    )
    given = arguments.parse_args()
    sys.exit(main(*given.given, given.quick) if given.given else together())

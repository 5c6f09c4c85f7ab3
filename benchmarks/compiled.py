"""Compare compiled functions with other engines and hand-written C: run time, compile time, memory, growth.

Run: make bench-compiled, or python benchmarks/compiled.py a d for two of its sections. An engine that is not installed
is left out, and a line says so.

All engines use one processor and one thread, unless a row says two. Each time is the minimum of interleaved rounds, so
that a slow moment of the machine affects every engine; read the ratios. All engines are first checked to compute the
same numbers. Each time includes the call from Python and excludes the conversion of arguments to another engine's
arrays.
"""

import ctypes
import importlib
import itertools
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)  # OpenBLAS then selects the kernel for this processor
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_ENABLE_X64"] = "1"
os.environ["AUTOGRAD_TINY_CACHE"] = tempfile.mkdtemp()  # each run compiles anew

import numpy as np  # noqa: E402 - after the environment is set
import race as pace  # noqa: E402
import rivals  # noqa: E402
from quick import parser  # noqa: E402
from race import Race, console, cpus, hand_written, least, shown, targets  # noqa: E402
from rich.table import Table  # noqa: E402

from autograd_tiny import compiler  # noqa: E402
from autograd_tiny.compiler.lower import prepared  # noqa: E402
from autograd_tiny.compiler.sparse import sparse_hessian  # noqa: E402
from autograd_tiny.nn.modules import MLP  # noqa: E402
from autograd_tiny.transforms.derivatives import grad, hessian, jacobian, value_and_grad  # noqa: E402

jit = partial(compiler.jit, wait=True)  # machine code from the first call on
LANES = 8 if "avx512f" in Path("/proc/cpuinfo").read_text(encoding="utf-8") else 4
SHAPES = {f"hand-written C, {b} × {lanes} lanes": (lanes, b) for lanes, b in ((4, 1), (4, 4), (8, 4))}


# (a), (b): an MLP with hinge loss.


def hinge(model):
    return lambda w, x, y: (1 + -y * model.with_parameters(w)(x)).relu()


def mlp_given(hidden, n):
    model, rng = MLP(2, [hidden, hidden, 1], seed=0), np.random.default_rng(n)
    w = np.array([p.data for p in model.parameters()])
    return model, w, rng.normal(size=(n, 2)), np.where(rng.random(n) < 0.5, -1.0, 1.0)


def our_mlp(hidden, names):
    """Compiled functions by name, each traced once for all batch sizes."""
    options = {
        "llvm, contract": {"contract": True},
        "llvm": {},
        "numpy": {"backend": "numpy"},
        "c backend": {"backend": "c"},
        "python": {"backend": "python"},
        "jax backend": {"backend": "jax"},
    }
    model = mlp_given(hidden, 1)[0]
    f = value_and_grad(hinge(model))
    return {name: jit(f, batch=("x", "y"), reduce="mean", **options[name]) for name in names}


def raced_mlp(hidden, n, ours):
    model, w, x, y = mlp_given(hidden, n)
    race = Race()
    for name, (lanes, b) in SHAPES.items():
        flags = (f"-DH={hidden}", f"-DL={lanes}", f"-DB={b}")
        race.enter(name, hand_written("mlp", w, x, y, n, np.empty(1 + len(w)), flags=flags))
    for name, f in ours.items():
        if name != "python" or n <= 100:
            race.enter(name, lambda f=f: lambda: f(w, x, y))
    for name, make in (("JAX jit", rivals.jax_mlp), ("torch", rivals.torch_mlp), ("HIPS autograd", rivals.hips_mlp)):
        race.enter(name, make(w, x, y, hidden), rivals.in_order)
    if hidden <= 16:
        race.enter("casadi SX, mapped", rivals.casadi_mlp(w, x, y, hidden))
        race.enter("casadi's C, mapped", rivals.casadi_mlp(w, x, y, hidden, generated=True))
        race.enter("ddx-ad JIT", rivals.ddx_mlp(w, x, y, hidden))
        if n <= 100:
            race.enter("eager", rivals.eager_mlp(model, x, y))
            race.enter("micrograd", rivals.micrograd_mlp(w, x, y, hidden))
    return race.run()


def mlp(hidden, batches, names, title):
    ours, races = our_mlp(hidden, names), {}
    for n in batches:
        races[n] = raced_mlp(hidden, n, ours)
    table = Table("", *(f"batch {n:,}  × C" for n in batches), "first run", title=title)
    for name in dict.fromkeys(name for race in races.values() for name in race.calls):
        cells = [
            f"{shown(race.best[name])}  {race.ratio(name, SHAPES):,.2f}" if name in race.best else ""
            for race in races.values()
        ]
        table.add_row(name, *cells, shown(max(race.first.get(name, 0) for race in races.values())))
    for name, why in races[batches[0]].missing.items():
        table.add_row(name, why)
    console.print(table)
    _, w, x, y = mlp_given(hidden, 1)
    steps = len(prepared(ours["llvm"].program(w, x, y)).steps)
    console.print(
        f"{steps:,} steps a sample, {len(w):,} gradients; × C is the time relative to the fastest hand-written C"
    )
    return races


def section_a(hidden=16, batches=(1, 100, 1024, 8192), many=65_536):
    names = ("llvm, contract", "llvm", "numpy", "c backend", "python", "jax backend")
    races = mlp(hidden, batches, names, f"(a) MLP 2-{hidden}-{hidden}-1, hinge loss and gradients")
    rows = [
        (f"llvm, contract over hand-written C at {n:,}", races[n].ratio("llvm, contract", SHAPES), "≤", limit)
        for n, limit in ((100, 2.5), (1024, 1.5), (8192, 1.5))
        if n in races
    ]
    rows += [
        (f"{name.partition(' ')[0]} over llvm, contract at {n:,}", races[n].ratio(name, "llvm, contract"), "≥", limit)
        for name, n, limit in (
            ("JAX jit", 100, 3),
            ("torch", 100, 5),
            ("JAX jit", 8192, 1),
            ("torch", 8192, 1),
            ("ddx-ad JIT", 100, 10),
            ("micrograd", 100, 50_000),
        )
        if n in races
    ]
    rows += [numpy_against_eager(hidden), two_threads_mlp(hidden, many), scalar_overhead()]
    targets("(a) targets", [row for row in rows if not math.isnan(row[1])])


def two_threads_mlp(hidden, n):
    model, w, x, y = mlp_given(hidden, n)
    pair = {
        t: jit(value_and_grad(hinge(model)), batch=("x", "y"), reduce="mean", contract=True, threads=t) for t in (1, 2)
    }
    seen = two_threads({t: lambda f=f: f(w, x, y) for t, f in pair.items()})
    return f"speed-up of two threads, at {n:,}", seen, "≥", 1.7


def two_threads(calls, seconds=1.0):
    cpus(2)
    best = least(calls, seconds)
    cpus(1)
    return best[1] / best[2]


def scalar_overhead():
    f = jit(lambda x, y: x * y + x)
    return "µs of a call of two floats", least({"": lambda: f(2.0, 3.0)}, 0.5)[""] * 1e6, "≤", 0.5


def numpy_against_eager(hidden):
    model, w, x, y = mlp_given(hidden, 100)

    def ten_steps():
        f = jit(value_and_grad(hinge(model)), batch=("x", "y"), reduce="mean", backend="numpy")
        for _ in range(10):
            f(w, x, y)

    best = least({"eager": rivals.eager_mlp(model, x, y)(), "ten": ten_steps})
    return "eager over NumPy backend, ten steps and tracing", 10 * best["eager"] / best["ten"], "≥", 100


def section_b(hidden=64, batches=(1, 100, 1024, 8192)):
    title = f"(b) MLP 2-{hidden}-{hidden}-1, hinge loss and gradients"
    mlp(hidden, batches, ("llvm, contract", "llvm", "numpy"), title)


# (c): Rosenbrock.


def rosenbrock(x):
    return sum(100.0 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(x))


def section_c(sizes=(10, 100, 10_000)):
    for n in sizes:
        x = np.linspace(-1.0, 1.2, n)
        by_order = {}
        for order, kind in ((1, "gradient"), (2, "Hessian")):
            race = by_order[kind] = Race()
            dense = order == 2 and n <= 100
            symbol, size = ("gradient", n) if order == 1 else ("hessian", n * n) if dense else ("bands", 3 * n - 2)
            race.enter("hand-written C", hand_rosenbrock(symbol, x, np.empty(size)))
            transformed, matrix = (grad, hessian)[order - 1](rosenbrock), partial(filled, n) if dense else values
            if n <= 100:
                race.enter("llvm, contract", lambda f=jit(transformed, contract=True): lambda: f(x))
            if n <= 100 or order == 1:
                race.enter("numpy", lambda f=jit(transformed, backend="numpy"): lambda: f(x))
            if order == 2:
                race.enter("sparse, llvm", lambda f=sparse_hessian(rosenbrock, "llvm"): lambda: f(x), matrix)
                race.enter("sparse, numpy", lambda f=sparse_hessian(rosenbrock): lambda: f(x), matrix)
            nonzeros = partial(tridiagonal, n) if dense else lambda found: found
            race.enter(
                "casadi SX (sparse)" if order == 2 else "casadi SX", rivals.casadi_rosenbrock(x, order), nonzeros
            )
            if n <= 100 or order == 1:
                race.enter("JAX jit", rivals.jax_rosenbrock(x, order))
                race.enter("HIPS autograd", rivals.hips_rosenbrock(x, order))
            if order == 1 and n <= 100:
                race.enter("eager", lambda: lambda: grad(rosenbrock)(x.tolist()))
            race.run(0.5)
        table = Table(
            "",
            "gradient",
            "× C",
            "first run",
            "Hessian",
            "× C",
            "first run",
            title=f"(c) Rosenbrock of {n:,} variables",
        )
        for name in dict.fromkeys(name for race in by_order.values() for name in race.calls):
            cells = []
            for race in by_order.values():
                there = name in race.best
                cells += [shown(race.best[name]), f"{race.ratio(name, 'hand-written C'):,.1f}"] if there else ["", ""]
                cells += [shown(race.first[name]) if there else ""]
            table.add_row(name, *cells)
        for name, why in {**by_order["gradient"].missing, **by_order["Hessian"].missing}.items():
            table.add_row(name, why)
        console.print(table)


def hand_rosenbrock(symbol, x, out):
    return hand_written("rosenbrock", x, len(x), out, symbol=symbol)


def filled(n, found):
    return found.dense()


def values(found):
    order = np.lexsort((found.columns, found.rows))
    return found.values[order]


def tridiagonal(n, nonzeros):
    """Fill a symmetric tridiagonal matrix from its nonzeros, given row by row."""
    matrix, rows = np.zeros((n, n)), np.arange(n)
    places = [(i, j) for i in rows for j in (i - 1, i, i + 1) if 0 <= j < n]
    matrix[tuple(np.array(places).T)] = nonzeros
    return matrix


# (d): Black–Scholes.


def price(spot, strike, years, rate, vol):
    spread = vol * years.sqrt()
    d1 = ((spot / strike).log() + (rate + 0.5 * vol * vol) * years) / spread
    normal = lambda d: 0.5 * (-d * math.sqrt(0.5)).erfc()  # noqa: E731
    return spot * normal(d1) - strike * (-rate * years).exp() * normal(d1 - spread)


def greeks(spot, strike, years, rate, vol):
    """Compute price, delta, theta (with respect to the years left), rho, vega, gamma."""
    y, (delta, theta, rho, vega) = value_and_grad(price, argnums=(0, 2, 3, 4))(spot, strike, years, rate, vol)
    gamma = grad(grad(price))(spot, strike, years, rate, vol)
    return y, delta, theta, rho, vega, gamma


def section_d(n=1_000_000):
    rng = np.random.default_rng(0)
    given = [rng.uniform(*r, n) for r in ((50, 150), (50, 150), (0.1, 2), (0.0, 0.1), (0.1, 0.6))]
    names, race = ("spot", "strike", "years", "rate", "vol"), Race(1e-8)
    lanes = f"hand-written C, {LANES} lanes"
    race.enter("hand-written C, libm", hand_written("black_scholes", *given, n, np.empty((6, n))))
    flags = (f"-DL={LANES}", "-lmvec")
    race.enter(lanes, hand_written("black_scholes", *given, n, np.empty((6, n)), flags=flags))
    for name, options in {
        "llvm, contract": {"contract": True},
        "llvm": {},
        "numpy": {"backend": "numpy"},
        "c backend": {"backend": "c"},
    }.items():
        race.enter(name, lambda options=options: lambda f=jit(greeks, batch=names, **options): f(*given))
    race.enter("JAX jit", rivals.jax_black_scholes(given))
    race.run(2.0, 5).show(f"(d) Black–Scholes, price and five Greeks of {n:,} points", lanes, n, "point")
    pair = {t: jit(greeks, batch=names, contract=True, threads=t) for t in (1, 2)}
    targets(
        "(d)",
        [
            ("llvm, contract over C in lanes", race.ratio("llvm, contract", lanes), "≤", 2),
            ("two threads' speed-up", two_threads({t: lambda f=f: f(*given) for t, f in pair.items()}, 2.0), "≥", 1.7),
        ],
    )


# (e): a two-link arm; (f): a long recurrence.


def torques(q, v, a):
    """Inverse dynamics of a planar two-link arm, in closed form from its Lagrangian."""
    m1, m2, l1, c1, c2, i1, i2, g = 1.2, 0.8, 0.5, 0.25, 0.2, 0.03, 0.02, 9.81
    s2, k2 = q[1].sin(), q[1].cos()
    coupled = m2 * l1 * c2
    inertia = i1 + i2 + m1 * c1**2 + m2 * (l1**2 + c2**2) + 2 * coupled * k2
    mixed = i2 + m2 * c2**2 + coupled * k2
    weight = m2 * c2 * g * (q[0] + q[1]).cos()
    first = inertia * a[0] + mixed * a[1] - coupled * s2 * (2 * v[0] * v[1] + v[1] * v[1])
    second = mixed * a[0] + (i2 + m2 * c2**2) * a[1] + coupled * s2 * v[0] * v[0]
    return [first + (m1 * c1 + m2 * l1) * g * q[0].cos() + weight, second + weight]


def section_e(n=100_000):
    q, v, a = np.random.default_rng(0).normal(size=(3, n, 2))
    race, lanes = Race(), f"hand-written C, {LANES} lanes"

    def both(q, v, a):
        slopes = jacobian(torques, argnums=(0, 1, 2))(q, v, a)
        return [torques(q, v, a), slopes]

    race.enter("hand-written C, libm", hand_written("arm", q, v, a, n, np.empty((14, n))))
    flags = (f"-DL={LANES}", "-lmvec")
    race.enter(lanes, hand_written("arm", q, v, a, n, np.empty((14, n)), flags=flags))
    for name, options in {"llvm, contract": {"contract": True}, "llvm": {}, "numpy": {"backend": "numpy"}}.items():
        race.enter(
            name, lambda options=options: lambda f=jit(both, batch=tuple("qva"), **options): f(q, v, a), by_place
        )
    race.enter("JAX jit", rivals.jax_arm(torques, q, v, a), samples_last)
    race.enter("casadi SX, mapped", rivals.casadi_arm(torques, q, v, a), columns_first)
    race.run().show(f"(e) inverse dynamics of a two-link arm and its Jacobian, {n:,} arms", lanes, n, "arm")
    one = jit(both)
    best = least({"": lambda: one(q[0], v[0], a[0])}, 0.5)[""]
    console.print(f"one arm, called from Python: {shown(best)}")


def by_place(found):
    """Torques and derivatives as (14, n): each torque, then its derivatives with respect to q, v and a."""
    ys, slopes = found
    return [np.transpose(ys), [[np.transpose(row[k]) for row in slopes] for k in range(3)]]


def samples_last(found):
    ys, slopes = found
    return [np.asarray(ys).T, [np.moveaxis(np.asarray(part), 0, -1) for part in slopes]]


def columns_first(found):
    """Reorder casadi's results, which are column-major, sample after sample."""
    ys, slopes = found[0].reshape(-1, 2).T, found[1].reshape(-1, 3, 2, 2)
    return [ys, slopes.transpose(1, 3, 2, 0)]


def section_f(steps=10_000):
    race, given = Race(), (2.5, 0.3, steps)
    f = value_and_grad(lambda r, x: rivals.logistic(r, x, steps), argnums=(0, 1))
    race.enter("hand-written C", hand_written("logistic", np.array(given[:2]), steps, np.empty(3)))
    for name, options in {
        "llvm, contract": {"contract": True},
        "llvm": {},
        "numpy": {"backend": "numpy"},
        "python": {"backend": "python"},
    }.items():
        race.enter(name, lambda options=options: lambda g=jit(f, **options): g(2.5, 0.3))
    race.enter("eager", lambda: lambda: f(2.5, 0.3))
    race.enter("JAX jit, fori_loop", rivals.jax_logistic(*given))
    race.enter("casadi SX", rivals.casadi_logistic(*given))
    race.enter("torch", rivals.torch_logistic(*given))
    race.enter("HIPS autograd", rivals.hips_logistic(*given))
    race.enter("micrograd", rivals.micrograd_logistic(*given))
    race.run().show(f"(f) a recurrence of {steps:,} steps, value and gradient", "hand-written C", steps, "step")


# Growth with the size, each size in its own process.


def grown(engine, n):
    """Run growth.py: (seconds to trace, to compile, to run; bytes; a result), or a string that says what failed."""
    command = [sys.executable, Path(__file__).with_name("growth.py"), engine, str(n), *["--quick"] * pace.quick]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        return "over 60 s"
    lines = found.stderr.strip().splitlines()
    return json.loads(found.stdout) if not found.returncode else (lines or ["died"])[-1][:60]


def section_growth(sizes=(1_000, 10_000, 100_000), batches=(1, 100, 1_024, 8_192, 65_536, 1_000_000)):
    table = Table("", "steps", "trace", "compile", "compile per step", "run", "memory", title="Growth with steps")
    compiled, expected = {}, {}
    for engine in ("llvm", "llvm, again", "numpy", "python", "casadi", "ddx", "jax"):
        for n in sizes if engine not in ("jax",) else sizes[:2]:
            found = grown(engine.partition(",")[0], n)
            if isinstance(found, str):
                table.add_row(engine, f"{n:,}", found)
                continue
            recording, compiling, run, memory, number = found
            assert math.isclose(expected.setdefault(n, number), number, rel_tol=1e-9), f"{engine} at {n}: {number}"
            compiled[engine, n] = compiling
            cells = shown(recording), shown(compiling), f"{compiling / n * 1e3:.3f} ms", shown(run)
            table.add_row(engine, f"{n:,}", *cells, f"{memory / 2**20:,.0f} MB", end_section=n == sizes[-1])
    console.print(table)
    per_step = {n: compiled["llvm", n] / n * 1e3 for n in sizes}
    rows = [(f"ms of compiling per step, {n:,} steps", per_step[n], "≤", 0.5) for n in sizes]
    rows += [(f"from the cache, {n:,}", compiled["llvm, again", n] / compiled["llvm", n], "≤", 0.1) for n in sizes]
    least, most = sizes[0], sizes[-1]
    rows += [(f"{most:,} steps over {least:,}, per step", per_step[most] / per_step[least], "≤", 1.3)]
    targets("Compile time", rows)
    table = Table("batch", "per call", "per sample", "memory", title="Growth with the batch: the MLP of (a), llvm")
    for n in batches:
        _, _, run, memory, _ = grown("batch", n)
        table.add_row(f"{n:,}", shown(run), shown(run / n), f"{memory / 2**20:,.0f} MB")
    console.print(table)


QUICK = {
    "a": {"hidden": 8, "batches": (9,), "many": 16},
    "b": {"hidden": 8, "batches": (9,)},
    "c": {"sizes": (4,)},
    "d": {"n": 16},
    "e": {"n": 16},
    "f": {"steps": 10},
    "growth": {"sizes": (20,), "batches": (8,)},
}


def main(names, quick):
    cpus(1)
    pace.quick = quick
    kernel = importlib.import_module("numpy.__config__").CONFIG["Build Dependencies"]["blas"]["name"]
    console.print(f"NumPy {np.__version__} with {kernel}, kernel {blas_kernel()}; Python {sys.version.split()[0]}")
    for name in names or QUICK:
        start = time.perf_counter()
        globals()[f"section_{name}"](**(QUICK[name] if quick else {}))
        console.print(f"[dim]section {name}: {time.perf_counter() - start:.0f} s[/]\n")


def blas_kernel():
    """Name of the kernel that NumPy's OpenBLAS selected."""
    for path in Path(np.__file__).parent.parent.glob("numpy.libs/*openblas*"):
        f = ctypes.CDLL(str(path)).scipy_openblas_get_corename64_
        f.restype = ctypes.c_char_p
        return f().decode()
    return "unknown"


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument(
        "sections", nargs="*", metavar="section", help=f"sections to run, of {', '.join(QUICK)} (default: all)"
    )
    given = arguments.parse_args()
    if unknown := set(given.sections) - set(QUICK):
        arguments.error(f"no section {', '.join(sorted(unknown))}: expected some of {', '.join(QUICK)}")
    main(given.sections, given.quick)

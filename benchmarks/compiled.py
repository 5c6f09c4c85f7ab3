"""Compiled functions against other engines and hand-written C, in one run: ratios, compile times, memory, growth.

Run: make bench-compiled, or python benchmarks/compiled.py a d for some of its sections

One processor, unless a row says two; each time is the least of interleaved rounds, so that a slow moment of the machine
meets every side; the figures to read are the ratios. First all sides are checked to compute the same numbers.
"""

import ctypes
import gc
import importlib
import itertools
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_ENABLE_X64"] = "1"
os.environ["AUTOGRAD_TINY_CACHE"] = tempfile.mkdtemp()  # each run compiles anew

import numpy as np  # noqa: E402 - once the threads are set
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from autograd_tiny import Value  # noqa: E402
from autograd_tiny.compile import jit  # noqa: E402
from autograd_tiny.compile.lower import prepared  # noqa: E402
from autograd_tiny.compile.sparse import sparse_hessian  # noqa: E402
from autograd_tiny.nn import MLP  # noqa: E402
from autograd_tiny.transforms import grad, hessian, jacobian, value_and_grad  # noqa: E402

C = Path(__file__).parent / "c"
CPUS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
console = Console(width=150, highlight=False)


def cpus(n):
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, CPUS[:n])


def optional(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def compiled_c(name, *flags):
    """A hand-written C file as a library."""
    made = Path(tempfile.mkdtemp()) / "made.so"
    subprocess.run(
        [os.environ.get("CC", "cc"), "-O3", "-march=native", "-shared", "-fPIC", C / name, "-o", made, *flags, "-lm"],
        check=True,
    )
    return ctypes.CDLL(str(made))


def pointers(*arrays):
    return [ctypes.c_void_p(a.__array_interface__["data"][0]) for a in arrays]


def least(calls, seconds=1.0, rounds=7):
    """The least seconds of each call, in interleaved rounds, each round long enough to be measured."""
    best, often = {}, {}
    for name, call in calls.items():
        call()
        start = time.perf_counter()
        call()
        often[name] = max(1, int(seconds / rounds / max(time.perf_counter() - start, 1e-7)))
    gc.collect()
    for _ in range(rounds):
        for name, call in calls.items():
            n = often[name]
            start = time.perf_counter()
            for _ in range(n):
                call()
            best[name] = min(best.get(name, math.inf), (time.perf_counter() - start) / n)
    return best


def taking(f):
    start = time.perf_counter()
    found = f()
    return time.perf_counter() - start, found


def shown(seconds):
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:,.3g} {unit}"
    return f"{seconds * 1e9:,.3g} ns"


def same(name, found, expected, near=1e-9):
    scale = float(np.max(np.abs(expected)))
    far = float(np.max(np.abs(np.asarray(found, float) - np.asarray(expected, float))))
    assert far <= near * scale, f"{name} computes other numbers: {far} apart"


# (a), (b): an MLP with hinge loss.


def hinge(model):
    return lambda w, x, y: (1 + -y * model.with_parameters(w)(x)).relu()


def jax_mlp(jax, hidden):
    def loss(w, x, y):
        w1, b1 = w[: 3 * hidden].reshape(hidden, 3)[:, :2], w[: 3 * hidden].reshape(hidden, 3)[:, 2]
        rest = w[3 * hidden :]
        second = rest[: hidden * (hidden + 1)].reshape(hidden, hidden + 1)
        third = rest[hidden * (hidden + 1) :]
        h = jax.nn.relu(jax.nn.relu(x @ w1.T + b1) @ second[:, :hidden].T + second[:, hidden])
        return jax.nn.relu(1 - y * (h @ third[:hidden] + third[hidden])).mean()

    return jax.jit(jax.value_and_grad(loss))


def torch_mlp(torch, w, hidden):
    sizes = [(hidden, 2), (hidden, hidden), (1, hidden)]
    layers, place = [], 0
    for out, into in sizes:
        layer = torch.nn.Linear(into, out, dtype=torch.float64)
        rows = w[place : place + out * (into + 1)].reshape(out, into + 1)
        layer.weight.data, layer.bias.data = torch.tensor(rows[:, :into]), torch.tensor(rows[:, into])
        place += out * (into + 1)
        layers += [layer, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])

    def step(x, y):
        model.zero_grad()
        loss = torch.relu(1 - y * model(x)[:, 0]).mean()
        loss.backward()
        return loss

    return step


def hips_mlp(hidden):
    anp, differentiate = importlib.import_module("autograd.numpy"), importlib.import_module("autograd").value_and_grad

    def loss(w, x, y):
        first = anp.reshape(w[: 3 * hidden], (hidden, 3))
        second = anp.reshape(w[3 * hidden : 3 * hidden + hidden * (hidden + 1)], (hidden, hidden + 1))
        third = w[3 * hidden + hidden * (hidden + 1) :]
        h = anp.maximum(anp.dot(x, first[:, :2].T) + first[:, 2], 0)
        h = anp.maximum(anp.dot(h, second[:, :hidden].T) + second[:, hidden], 0)
        return anp.mean(anp.maximum(1 - y * (anp.dot(h, third[:hidden]) + third[hidden]), 0))

    return differentiate(loss)


def casadi_mlp(casadi, model, count):
    w, x, y = casadi.SX.sym("w", count), casadi.SX.sym("x", 2), casadi.SX.sym("y")
    place, h = 0, [x[0], x[1]]
    for k, layer in enumerate(model.layers):
        out = []
        for neuron in layer.neurons:
            n = len(neuron.w)
            total = w[place + n]
            for i in range(n):
                total += w[place + i] * h[i]
            out.append(casadi.fmax(total, 0) if k < 2 else total)
            place += n + 1
        h = out
    loss = casadi.fmax(1 - y * h[0], 0)
    return casadi.Function("f", [w, x, y], [loss, casadi.gradient(loss, w)])


def ddx_mlp(ddx, model, count, points):
    def loss():
        w, place = [ddx.var(f"w{i}") for i in range(count)], 0
        h, y = [ddx.param("x0"), ddx.param("x1")], ddx.param("y")
        for k, layer in enumerate(model.layers):
            out = []
            for neuron in layer.neurons:
                n = len(neuron.w)
                total = w[place + n]
                for i in range(n):
                    total = total + w[place + i] * h[i]
                out.append(ddx.max(total, 0.0) if k < 2 else total)
                place += n + 1
            h = out
        return ddx.max(1.0 - y * h[0], 0.0)

    return ddx.equation(loss).compile(points=points)


def micrograd_mlp(w):
    nn = importlib.import_module("micrograd.nn")
    model = nn.MLP(2, [16, 16, 1])
    for p, q in zip(model.parameters(), w, strict=True):
        p.data = float(q)

    def step(xs, ys):
        model.zero_grad()
        loss = sum((1 + -y * model(x)).relu() for x, y in zip(xs, ys, strict=True)) * (1 / len(xs))
        loss.backward()

    return step


def mlp(hidden, batches, title):
    model, rng = MLP(2, [hidden, hidden, 1], seed=0), np.random.default_rng(0)
    w = np.array([p.data for p in model.parameters()])
    count, table = len(w), Table("", *(f"batch {n:,}" for n in batches), "first call", title=title)
    per_batch, first = {}, {}
    hand = {lanes: compiled_c("mlp.c", f"-DH={hidden}", f"-DL={lanes}").mlp for lanes in (4, 8)}
    rows = [
        ("llvm, contract", {"contract": True}),
        ("llvm", {}),
        ("numpy", {"backend": "numpy"}),
        ("c backend", {"backend": "c"}),
    ]
    ours = {}
    for name, options in rows:
        if not (name == "c backend" and hidden > 16):
            ours[name] = jit(value_and_grad(hinge(model)), batch=("x", "y"), reduce="mean", **options)
    program = ours["llvm"].program(w, np.zeros((1, 2)), np.zeros(1))
    steps = len(prepared(program).steps)
    jax, torch, casadi, ddx = map(optional, ("jax", "torch", "casadi", "ddx"))
    jaxed = jax and jax_mlp(jax, hidden)
    if torch:
        torch.set_num_threads(1)
        torched = torch_mlp(torch, w, hidden)
    if casadi and hidden <= 16:
        first["casadi SX"], machine = taking(lambda: casadi_mlp(casadi, model, count))

    def raced(n):
        x, y = rng.normal(size=(n, 2)), np.where(rng.random(n) < 0.5, -1.0, 1.0)
        out, calls = np.empty(1 + count), {}
        for lanes, f in hand.items():
            f.argtypes, f.restype = [ctypes.c_void_p] * 3 + [ctypes.c_long, ctypes.c_void_p], None
            given = [*pointers(w, x, y), n, *pointers(out)]
            calls[f"hand-written C, {lanes} lanes"] = lambda f=f, given=given: f(*given)
        for name, f in ours.items():
            seconds, (loss, gradient) = taking(lambda f=f: f(w, x, y))
            first.setdefault(name, seconds)
            calls["hand-written C, 8 lanes"]()
            same(name, [loss, *gradient], out)
            calls[name] = lambda f=f: f(w, x, y)
        if jaxed:

            def by_jax(x=x, y=y):
                value, gradient = jaxed(w, x, y)
                gradient.block_until_ready()
                return value

            seconds, _ = taking(by_jax)
            first.setdefault("JAX jit", seconds)
            calls["JAX jit"] = by_jax
        if torch:
            tx, ty = torch.tensor(x), torch.tensor(y)
            calls["torch"] = lambda tx=tx, ty=ty: torched(tx, ty)
        if n <= 1024 and hidden <= 16:
            if optional("autograd"):
                hips = hips_mlp(hidden)
                calls["HIPS autograd"] = lambda: hips(w, x, y)
            if casadi:

                def by_casadi(x=x, y=y):
                    losses, gradients = machine(w, x.T, y[None])
                    return np.asarray(losses).mean(), np.asarray(gradients).reshape(count, -1).mean(1)

                calls["casadi SX"] = by_casadi
        if ddx and hidden <= 16 and n in (1, 100):
            seconds, equation = taking(lambda n=n: ddx_mlp(ddx, model, count, n))
            first["ddx-ad JIT"] = seconds
            points = np.concatenate([np.tile(w[:, None], (1, n)), x.T, y[None]])

            def by_ddx(equation=equation, points=points):
                values, gradients = equation.jacobian(points)
                return values.mean(), gradients.mean(1)

            same("ddx", by_ddx()[1], out[1:])
            calls["ddx-ad JIT"] = by_ddx
        if hidden <= 16 and n <= 100:
            data = list(zip(x.tolist(), y.tolist(), strict=True))

            def eagerly(data=data):
                model.zero_grad()
                mean = sum(((1 + -b * model(a)).relu() for a, b in data), Value(0.0)) * (1 / len(data))
                mean.backward()

            calls["autograd_tiny, eager"] = eagerly
            if optional("micrograd"):
                step = micrograd_mlp(w)
                calls["micrograd"] = lambda data=data, step=step: step([a for a, _ in data], [b for _, b in data])
        return least(calls)

    for n in batches:
        per_batch[n] = raced(n)
    names = dict.fromkeys(name for best in per_batch.values() for name in best)
    for name in names:
        cells = []
        for n in batches:
            best = per_batch[n]
            hand_best = min(best[f"hand-written C, {lanes} lanes"] for lanes in hand)
            cells.append(f"{shown(best[name])}  {best[name] / hand_best:,.2f}×" if name in best else "")
        table.add_row(name, *cells, shown(first[name]) if name in first else "")
    for name, module in (("JAX jit", jax), ("torch", torch), ("casadi SX", casadi), ("ddx-ad JIT", ddx)):
        if module is None:
            table.add_row(name, "not installed")
    console.print(table)
    console.print(f"{steps:,} steps a sample, {count:,} gradients; × is the time in that of the better hand-written C")


def two_threads(hidden=16, n=65_536):
    model, rng = MLP(2, [hidden, hidden, 1], seed=0), np.random.default_rng(0)
    w, x, y = np.array([p.data for p in model.parameters()]), rng.normal(size=(n, 2)), np.sign(rng.normal(size=n))
    calls = {}
    for threads in (1, 2):
        f = jit(value_and_grad(hinge(model)), batch=("x", "y"), reduce="mean", contract=True, threads=threads)
        calls[threads] = lambda f=f: f(w, x, y)
    cpus(2)
    best = least(calls)
    cpus(1)
    console.print(f"two threads, the MLP at {n:,} samples: {best[1] / best[2]:.2f} × one (target 1.7)")


def scalar_overhead():
    f = jit(lambda x, y: x * y + x)
    python = jit(lambda x, y: x * y + x, backend="python")
    best = least({"llvm": lambda: f(2.0, 3.0), "python": lambda: python(2.0, 3.0)}, 0.5)
    console.print(
        f"a call of a compiled function of two floats: {shown(best['llvm'])}, python backend {shown(best['python'])} (target 5 µs)"
    )


def numpy_against_eager():
    model, rng = MLP(2, [16, 16, 1], seed=0), np.random.default_rng(0)
    w, x, y = np.array([p.data for p in model.parameters()]), rng.normal(size=(100, 2)), np.sign(rng.normal(size=100))
    data = list(zip(x.tolist(), y.tolist(), strict=True))

    def eagerly():
        model.zero_grad()
        (sum(((1 + -b * model(a)).relu() for a, b in data), Value(0.0)) * (1 / 100)).backward()

    def ten_steps():
        f = jit(value_and_grad(hinge(model)), batch=("x", "y"), reduce="mean", backend="numpy")
        for _ in range(10):
            f(w, x, y)

    f = jit(value_and_grad(hinge(model)), batch=("x", "y"), reduce="mean", backend="numpy")
    best = least({"eager": eagerly, "numpy": lambda: f(w, x, y), "ten": ten_steps})
    console.print(
        f"the loss of 100 points, 64,739 values: eager {shown(best['eager'])}, NumPy backend {shown(best['numpy'])}, "
        f"{best['eager'] / best['numpy']:.0f}× as fast; ten steps with recording {10 * best['eager'] / best['ten']:.0f}× (target 100)"
    )


# (c): Rosenbrock.


def rosenbrock(x):
    return sum(100.0 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(x))


def rosen():
    table = Table("", "gradient", "first call", "Hessian", "first call", title="(c) Rosenbrock; × is the time in ours")
    casadi, jax = optional("casadi"), optional("jax")

    def row(n):
        x, calls, first = np.linspace(-1.0, 1.2, n), {}, {}

        def added(name, make, first=first, calls=calls, x=x):
            first[name], f = taking(make)
            seconds, found = taking(lambda: f(x))
            first[name] += seconds
            calls[name] = lambda: f(x)
            return found

        wide = {"backend": "numpy"} if n > 1000 else {}
        ours = added("ours, gradient", lambda wide=wide: jit(grad(rosenbrock), **wide))
        if n > 1000:
            found = added("ours, Hessian", lambda: sparse_hessian(rosenbrock))
            entries = len(found.values)
        else:
            added("ours, Hessian", lambda: jit(hessian(rosenbrock)))
            entries = n * n
        if casadi:

            def symbolic(order, n=n):
                s = casadi.SX.sym("x", n)
                f = casadi.sum1(100 * (s[1:] - s[:-1] ** 2) ** 2 + (1 - s[:-1]) ** 2)
                return casadi.Function("f", [s], [casadi.gradient(f, s) if order == 1 else casadi.hessian(f, s)[0]])

            same("casadi", np.asarray(added("casadi, gradient", lambda: symbolic(1))).ravel(), ours)
            theirs = added("casadi, Hessian", lambda: symbolic(2))
            if n > 1000:
                same("casadi", np.sort(theirs.nonzeros()), np.sort(found.values))
        if jax and n <= 100:
            f = lambda x: (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()  # noqa: E731
            for kind, transformed in (("gradient", jax.grad(f)), ("Hessian", jax.hessian(f))):
                jaxed = jax.jit(transformed)
                added(f"JAX jit, {kind}", lambda jaxed=jaxed: lambda x: jaxed(x).block_until_ready())
        best = least(calls)
        for who in dict.fromkeys(name.partition(",")[0] for name in best):
            cells = []
            for kind in ("gradient", "Hessian"):
                name, mine = f"{who}, {kind}", best[f"ours, {kind}"]
                cells += (
                    [f"{shown(best[name])}  {best[name] / mine:.2f}×", shown(first[name])] if name in best else ["", ""]
                )
            table.add_row(
                f"{n:,} variables, {who}",
                *cells,
                end_section=who == list(dict.fromkeys(b.partition(",")[0] for b in best))[-1],
            )
        if n > 1000:
            console.print(f"{n:,} variables: {entries:,} entries of the Hessian")

    for n in (10, 100, 10_000):
        row(n)
    console.print(table)


# (d): Black–Scholes.


def price(spot, strike, years, rate, vol):
    spread = vol * years.sqrt()
    d1 = ((spot / strike).log() + (rate + 0.5 * vol * vol) * years) / spread
    normal = lambda d: 0.5 * (-d * math.sqrt(0.5)).erfc()  # noqa: E731
    return spot * normal(d1) - strike * (-rate * years).exp() * normal(d1 - spread)


def greeks(spot, strike, years, rate, vol):
    """Price, delta, theta by the years to come, rho, vega, gamma."""
    y, (delta, theta, rho, vega) = value_and_grad(price, argnums=(0, 2, 3, 4))(spot, strike, years, rate, vol)
    gamma = grad(grad(price))(spot, strike, years, rate, vol)
    return [y, delta, theta, rho, vega, gamma]


def black_scholes(n=1_000_000):
    rng = np.random.default_rng(0)
    given = [rng.uniform(*r, n) for r in ((50, 150), (50, 150), (0.1, 2), (0.0, 0.1), (0.1, 0.6))]
    names = ("spot", "strike", "years", "rate", "vol")
    out, calls, first = np.empty((6, n)), {}, {}
    lanes = 8 if "avx512f" in Path("/proc/cpuinfo").read_text(encoding="utf-8") else 4
    for name, flags in (
        (f"hand-written C, {lanes} lanes", [f"-DL={lanes}", "-lmvec"]),
        ("hand-written C, libm", ["-fno-math-errno"]),
    ):
        f = compiled_c("black_scholes.c", *flags).black_scholes
        f.argtypes, f.restype = [ctypes.c_void_p] * 5 + [ctypes.c_long, ctypes.c_void_p], None
        calls[name] = lambda f=f: f(*pointers(*given), n, *pointers(out))
    for name, options in (("llvm, contract", {"contract": True}), ("llvm", {}), ("numpy", {"backend": "numpy"})):
        f = jit(greeks, batch=names, **options)
        first[name], found = taking(lambda f=f: f(*given))
        calls["hand-written C, libm"]()
        same(name, found, out, 1e-8)
        calls[name] = lambda f=f: f(*given)
    if jax := optional("jax"):
        jnp, erfc = jax.numpy, importlib.import_module("jax.scipy.special").erfc

        def theirs(spot, strike, years, rate, vol):
            spread = vol * jnp.sqrt(years)
            d1 = (jnp.log(spot / strike) + (rate + 0.5 * vol * vol) * years) / spread
            normal = lambda d: 0.5 * erfc(-d * math.sqrt(0.5))  # noqa: E731
            return spot * normal(d1) - strike * jnp.exp(-rate * years) * normal(d1 - spread)

        all_of = jax.jit(
            jax.vmap(lambda *xs: (jax.value_and_grad(theirs, (0, 2, 3, 4))(*xs), jax.grad(jax.grad(theirs))(*xs)))
        )
        first["JAX jit"], _ = taking(lambda: jax.block_until_ready(all_of(*given)))
        calls["JAX jit"] = lambda: jax.block_until_ready(all_of(*given))
    best = least(calls, 2.0, 5)
    table = Table(
        "",
        "time",
        "per point",
        "in that of C in lanes",
        "first call",
        title=f"(d) Black–Scholes, price and five Greeks of {n:,} points",
    )
    for name, seconds in best.items():
        ratio = seconds / best[f"hand-written C, {lanes} lanes"]
        table.add_row(
            name, shown(seconds), shown(seconds / n), f"{ratio:.2f}×", shown(first[name]) if name in first else ""
        )
    console.print(table)
    pair = {t: jit(greeks, batch=names, contract=True, threads=t) for t in (1, 2)}
    cpus(2)
    best = least({t: (lambda f=f: f(*given)) for t, f in pair.items()}, 2.0, 5)
    cpus(1)
    console.print(f"two threads {best[1] / best[2]:.2f} × one (target 1.7)")


# (e): a two-link arm; (f): a long recurrence.


def torques(q, v, a):
    """Inverse dynamics of a two-link arm in the plane, from its Lagrangian's closed form; angles, rates, accelerations."""
    m1, m2, l1, c1, c2, i1, i2, g = 1.2, 0.8, 0.5, 0.25, 0.2, 0.03, 0.02, 9.81
    s2, k2 = q[1].sin(), q[1].cos()
    coupled = m2 * l1 * c2
    inertia = i1 + i2 + m1 * c1**2 + m2 * (l1**2 + c2**2) + 2 * coupled * k2
    mixed = i2 + m2 * c2**2 + coupled * k2
    weight = m2 * c2 * g * (q[0] + q[1]).cos()
    first = inertia * a[0] + mixed * a[1] - coupled * s2 * (2 * v[0] * v[1] + v[1] * v[1])
    second = mixed * a[0] + (i2 + m2 * c2**2) * a[1] + coupled * s2 * v[0] * v[0]
    return [first + (m1 * c1 + m2 * l1) * g * q[0].cos() + weight, second + weight]


def arm(n=100_000):
    q, v, a = np.random.default_rng(0).normal(size=(3, n, 2))

    def both(q, v, a):
        return [torques(q, v, a), jacobian(torques, argnums=(0, 1, 2))(q, v, a)]

    f, one = jit(both, batch=("q", "v", "a"), contract=True), jit(both)
    calls = {"llvm, contract": lambda: f(q, v, a), "one arm": lambda: one(q[0], v[0], a[0])}
    if jax := optional("jax"):
        sin, cos = jax.numpy.sin, jax.numpy.cos

        class Number:  # torques() as it stands, on JAX's numbers
            def __init__(self, x):
                self.x = x

            def sin(self):
                return sin(self.x)

            def cos(self):
                return cos(self.x)

            def __add__(self, other):
                return Number(self.x + other.x)

        def theirs(q, v, a):
            return jax.numpy.stack(torques([Number(q[0]), Number(q[1])], v, a))

        jaxed = jax.jit(jax.vmap(lambda q, v, a: (theirs(q, v, a), jax.jacobian(theirs, (0, 1, 2))(q, v, a))))
        calls["JAX jit"] = lambda: jax.block_until_ready(jaxed(q, v, a))
        same("JAX", np.array(jaxed(q[:9], v[:9], a[:9])[0]).T, np.array(f(q[:9], v[:9], a[:9])[0]))
    best = least(calls)
    start = time.perf_counter()
    for i in range(100):
        both([Value(x) for x in q[i]], [Value(x) for x in v[i]], [Value(x) for x in a[i]])
    eager = (time.perf_counter() - start) / 100
    each = {name: seconds / (1 if name == "one arm" else n) for name, seconds in best.items()}
    told = ", ".join(f"{name} {shown(seconds)}" for name, seconds in each.items())
    console.print(f"(e) inverse dynamics of a two-link arm with its Jacobian, per arm: {told}; eager {shown(eager)}")


def recurrence(steps=10_000):
    def last(r, x):
        for _ in range(steps):
            x = r * x * (1 - x)
        return x

    f, first, calls = value_and_grad(last, argnums=(0, 1)), {}, {}
    for name, options in (("llvm", {}), ("numpy", {"backend": "numpy"}), ("python", {"backend": "python"})):
        g = jit(f, **options)
        first[name], found = taking(lambda g=g: g(2.5, 0.3))
        same(name, [found[0], *found[1]], np.array([(y := f(2.5, 0.3))[0], *y[1]]))
        calls[name] = lambda g=g: g(2.5, 0.3)
    calls["eager"] = lambda: f(2.5, 0.3)
    if jax := optional("jax"):
        jaxed = jax.jit(
            jax.value_and_grad(lambda r, x: jax.lax.fori_loop(0, steps, lambda i, x: r * x * (1 - x), x), (0, 1))
        )
        first["JAX jit, scan"], _ = taking(lambda: jax.block_until_ready(jaxed(2.5, 0.3)))
        calls["JAX jit, scan"] = lambda: jax.block_until_ready(jaxed(2.5, 0.3))
    best = least(calls)
    told = ", ".join(
        f"{name} {shown(s)}{f' (first call {shown(first[name])})' if name in first else ''}" for name, s in best.items()
    )
    console.print(f"(f) a recurrence of {steps:,} steps, value and gradient: {told}")


GROWN = """
import os, sys, time
from autograd_tiny.compile import jit
from autograd_tiny.compile.to_llvm import build
n = int(sys.argv[1])
def f(x):
    xs = [x[i % 20] for i in range(40)]
    for k in range(n // 2):
        xs[k % 40] = xs[(7 * k + 1) % 40] * xs[(3 * k + 2) % 40] + 0.5
    return sum(xs)
program = jit(f).program([0.1 * i for i in range(20)])
start = time.perf_counter()
build(program)
print(len(program.steps), time.perf_counter() - start)
"""


def growth():
    table = Table(
        "steps",
        "compiled",
        "ms per step",
        "again, from the cache",
        "of that",
        title="Compile time, each in a process of its own",
    )
    for n in (1_000, 10_000, 100_000):
        runs = [
            subprocess.run([sys.executable, "-c", GROWN, str(n)], capture_output=True, text=True, check=True)
            for _ in range(2)
        ]
        (steps, cold), (_, warm) = (run.stdout.split() for run in runs)
        cold, warm = float(cold), float(warm)
        table.add_row(
            f"{int(steps):,}", shown(cold), f"{cold / int(steps) * 1e3:.3f}", shown(warm), f"{warm / cold:.3f}"
        )
    console.print(table)
    console.print("targets: 0.5 ms per step, linear; 0.1 from the cache")


def main(sections):
    cpus(1)
    known = {
        "a": lambda: (
            mlp(16, (1, 100, 1024, 8192), "(a) MLP 2-16-16-1, hinge loss and gradients"),
            two_threads(),
            scalar_overhead(),
            numpy_against_eager(),
        ),
        "b": lambda: mlp(64, (1, 100, 1024), "(b) MLP 2-64-64-1, hinge loss and gradients"),
        "c": rosen,
        "d": black_scholes,
        "e": arm,
        "f": recurrence,
        "growth": growth,
    }
    for section in sections or known:
        known[section]()
    console.print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])

"""Compare the checker with others: seeded bugs found, false alarms, time.

Run: make bench

The seeded bugs are those of tests/bugs.py. The others, with default settings, are HIPS autograd's check_grads, JAX's,
and PyTorch's gradcheck if it is installed. They check each wrong rule as a custom rule of their framework, at the same
points of the op's domain.
"""

import importlib.util
import math
import statistics
import sys
import time
import warnings
from itertools import islice
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from quick import parser
from rich.console import Console
from rich.progress import track
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from bugs import FAULTS, RULES, Small, with_rule

from autograd_tiny.check import GradcheckError, ValueEngine, check_engine, engine_property, programs, properties
from autograd_tiny.check.properties import single_ops
from autograd_tiny.engine import ops
from autograd_tiny.engine.op import EDGES, Variadic


def points(op, n):
    return [p.example for p in islice(single_ops([op]), n) if all(abs(x) < 1e3 for x in p.example)]


def ours(op, rules, n):
    engine = with_rule(op.name, 0, lambda d, *rest: d)
    for i, rule in rules.items():
        engine = with_rule(op.name, i, rule)
    return [
        not check_engine(engine, p, again=False)
        for p in islice(single_ops([op]), n)
        if all(abs(x) < 1e3 for x in p.example)
    ]


def derivative(op, i, rules, xs, y):
    try:
        d = op.partials[i](y, *xs)
        return rules[i](d, y, *xs) if i in rules else d
    except EDGES:
        return math.nan


def hips(op, rules, n):
    extend = importlib.import_module("autograd.extend")
    check_grads = importlib.import_module("autograd.test_util").check_grads
    f = extend.primitive(lambda *xs: op.forward(*map(float, xs)))
    vjps = [lambda y, *xs, i=i: lambda g: g * derivative(op, i, rules, xs, y) for i in range(len(op.partials))]
    extend.defvjp(f, *vjps)
    return [fails(lambda xs=xs: check_grads(f, modes=["rev"], order=1)(*xs)) for xs in points(op, n)]


def jax_(op, rules, n):
    jax = importlib.import_module("jax")
    np = importlib.import_module("numpy")
    check_grads = importlib.import_module("jax.test_util").check_grads
    shape = jax.ShapeDtypeStruct((), np.float32)

    @jax.custom_vjp
    def f(*xs):
        return jax.pure_callback(lambda *xs: np.float32(op.ieee(*map(float, xs))), shape, *xs)

    def backward(saved, g):
        y, xs = saved
        rule = [
            jax.pure_callback(
                lambda y, *xs, i=i: np.float32(derivative(op, i, rules, tuple(map(float, xs)), float(y))), shape, y, *xs
            )
            for i in range(len(xs))
        ]
        return tuple(g * d for d in rule)

    f.defvjp(lambda *xs: ((y := f(*xs)), (y, xs)), backward)
    return [fails(lambda xs=xs: check_grads(f, xs, order=1, modes=["rev"])) for xs in points(op, min(n, 8))]


def torch_(op, rules, n):
    torch = importlib.import_module("torch")

    class F(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *xs):
            ctx.save_for_backward(*xs)
            return torch.tensor(op.ieee(*map(float, xs)), dtype=torch.float64)

        @staticmethod
        def backward(ctx, g):
            xs = tuple(map(float, ctx.saved_tensors))
            return tuple(g * derivative(op, i, rules, xs, op.ieee(*xs)) for i in range(len(xs)))

    def check(xs):
        torch.autograd.gradcheck(F.apply, [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in xs])

    return [fails(lambda xs=xs: check(xs)) for xs in points(op, n)]


def fails(check):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check()
    except Exception:  # any exception is an alarm
        return True
    return False


def compare(console, bugs, points):
    """Give each checker the same `bugs` and the same number of `points` per op."""
    rules = list(islice(RULES.values(), bugs))
    rows = [op for op in ops.TABLE.values() if not isinstance(op.partials, Variadic)][:bugs]
    table = Table("", f"seeded rule bugs found, of {len(rules)}", "alarms on the right rules", "seconds")
    for name, method, module in (
        ("autograd_tiny", ours, "mpmath"),
        ("HIPS check_grads", hips, "autograd"),
        ("JAX check_grads", jax_, "jax"),
        ("PyTorch gradcheck", torch_, "torch"),
    ):
        if importlib.util.find_spec(module) is None:
            table.add_row(name, "not installed")
            continue
        start = time.perf_counter()
        found = sum(
            any(method(ops.TABLE[row], {i: rule}, points)) for row, i, rule in track(rules, name, transient=True)
        )
        alarms = [alarm for op in track(rows, name, transient=True) for alarm in method(op, {}, points)]
        share = f"{sum(alarms)} of {len(alarms):,} points ({sum(alarms) / len(alarms):.1%})"
        table.add_row(name, str(found), share, f"{time.perf_counter() - start:.0f}")
    console.print(table)


def first_failure(engine, seed, limit):
    """Count the random graphs until a bug is found; None if it is not."""
    tried = 0

    @settings(
        max_examples=limit, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
    )  # fmt: skip
    @given(programs(list(engine.ops)))
    def search(program):
        nonlocal tried
        tried += 1
        check_engine(engine, program).raise_for()

    try:
        properties.hypothesis.seed(seed)(search)()
    except GradcheckError:
        return tried
    return None


def first_point(op, engine):
    """Count the points, with its op alone, until a wrong rule is found; None if it is not."""
    for n, program in enumerate(single_ops([op]), 1):
        if not check_engine(engine, program, again=False):
            return n
    return None


def each_bug(console, bugs, seeds, limit):
    """Search each bug with its op alone and in random graphs, at most `limit` graphs per seed."""
    table = Table(
        "seeded bug", "its op alone: points", "random graphs until found, by seed", "ops when shrunk", "seconds"
    )
    each = [(name, ops.TABLE[rule[0]], with_rule(*rule)) for name, rule in islice(RULES.items(), bugs)]
    each += [(fault, None, Small(fault)) for fault in FAULTS[:bugs]]
    sizes = {"rule": [], "graph": []}
    for name, op, engine in track(each, "bugs", transient=True):
        alone = "" if op is None else str(first_point(op, engine) or "–")
        found = [first_failure(engine, seed, limit) for seed in range(seeds)]
        start, size = time.perf_counter(), "–"
        try:
            engine_property(engine, max_examples=limit, seed=0)()
        except GradcheckError as error:
            size = error.report.size
            sizes["graph" if op is None else "rule"].append(size)
        shown = ", ".join("–" if n is None else str(n) for n in found)
        table.add_row(name, alone, shown, str(size), f"{time.perf_counter() - start:.1f}")
    console.print(table)
    console.print(
        f"– : not found in {limit} random graphs, but with its op alone or in a deep chain.",
        "Size of the program reported, median:",
        ", ".join(f"{statistics.median(found)} ({kind} bugs)" for kind, found in sizes.items()),
    )


def rates(console, n):
    """Measure random graphs per second, with and without the exact oracle, and alarms on the right engine."""
    drawn = []

    @settings(
        max_examples=n, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(programs())
    def draw(program):
        drawn.append(program)

    draw()
    engine, alarms = ValueEngine(), 0
    start = time.perf_counter()
    for program in track(drawn, "graphs", transient=True):
        alarms += not check_engine(engine, program)
    exact = len(drawn) / (time.perf_counter() - start)
    start = time.perf_counter()
    for program in drawn:
        values = program.run_steps(map(engine.leaf, program.example), engine.apply)
        engine.backward(values[-1])
        assert all(math.isfinite(v.data) for v in values)
    plain = len(drawn) / (time.perf_counter() - start)
    size = sum(len(program.steps) for program in drawn) / len(drawn)
    console.print(
        f"{len(drawn):,} random graphs of {size:.1f} ops: {exact:.0f} per second with the exact oracle (target 40), "
        f"{plain:,.0f} without the oracle (target 200), {alarms} alarms"
    )


def main(quick):
    console = Console(width=120)
    compare(console, *((2, 1) if quick else (len(RULES), 30)))
    each_bug(console, *((2, 1, 5) if quick else (len(RULES), 5, 400)))
    rates(console, 20 if quick else 2000)


if __name__ == "__main__":
    main(parser(__doc__).parse_args().quick)

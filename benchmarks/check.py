"""Compare the checker with others: seeded bugs found, false alarms, time.

Run: make bench

The seeded bugs are those of tests/bugs.py. The others, with default settings, are HIPS autograd's check_grads, JAX's,
and PyTorch's gradcheck if it is installed. They check each wrong rule as a custom rule of their framework, at the same
points of the op's domain.
"""

import importlib.util
import math
import random
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

from autograd_tiny.check import (
    GradcheckError,
    ValueEngine,
    balls,
    check_engine,
    engine_property,
    exact,
    gradcheck,
    gradcheck_property,
    programs,
    properties,
)
from autograd_tiny.check.points import single_ops
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


def network_loss(nodes):
    """Loss of a chain of neurons whose every node computes at floats of its own."""
    rng = random.Random(0)
    weights = [(rng.uniform(-2, 2), rng.uniform(-2, 2), rng.uniform(-1, 1)) for _ in range(nodes // 7)]

    def loss(x, y):
        total = h = x * y
        for a, b, c in weights:
            h = (x * a + h * b + c).tanh()
            total = total + h.erf()
        return total * total

    return loss


def plain(n):
    """Function of n floats with its gradient."""
    weights = [random.Random(i).uniform(-1, 1) for i in range(n)]
    return (
        lambda *xs: sum(math.log1p(math.exp(w * x)) for w, x in zip(weights, xs, strict=True)),
        lambda *xs: tuple(w / (1 + math.exp(-w * x)) for w, x in zip(weights, xs, strict=True)),
    )


def arithmetics(console, sizes, examples, arguments):
    """Time the same checks with the exact oracle in balls and in mpmath, in processor time."""
    if not balls.are_there():
        console.print("balls against mpmath: python-flint is not installed")
        return
    jobs = {"each op alone": lambda: all(check_engine(ValueEngine(), p, again=False) for p in alone)}
    alone = list(single_ops(list(ops.FUNCTIONS.values()), per_op=min(80, examples)))
    for nodes in sizes:
        test = gradcheck_property(network_loss(nodes), x=(-3, 3), y=(-3, 3), max_examples=examples)
        jobs[f"a property of a loss of {nodes} nodes, {examples} examples"] = test
    for n in arguments:
        f, gradient = plain(n)
        xs = tuple(random.Random(i).uniform(-2, 2) for i in range(n))
        jobs[f"a gradient of {n} arguments at a point"] = lambda f=f, xs=xs, g=gradient: gradcheck(f, xs, grad=g)
    table = Table("seconds", "in balls", "in mpmath", "ratio")
    there = balls.are_there
    for name, job in track(jobs.items(), "balls and mpmath", transient=True):
        spent = []
        for way in (there, lambda: False):
            balls.are_there = way
            exact._facts.cache_clear()
            start = time.process_time()
            job()
            spent.append(time.process_time() - start)
        balls.are_there = there
        table.add_row(name, f"{spent[0]:.2f}", f"{spent[1]:.2f}", f"{spent[1] / spent[0]:.1f}")
    console.print(table)


def main(quick):
    console = Console(width=120)
    compare(console, *((2, 1) if quick else (len(RULES), 30)))
    each_bug(console, *((2, 1, 5) if quick else (len(RULES), 5, 400)))
    rates(console, 20 if quick else 2000)
    arithmetics(console, *(((20,), 2, (2,)) if quick else ((100, 500), 40, (8, 16, 32))))


if __name__ == "__main__":
    main(parser(__doc__).parse_args().quick)

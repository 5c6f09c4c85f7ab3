"""The table of optimisers: every rule on floats, compiled, as a graph, and against PyTorch's recorded numbers."""

from __future__ import annotations

import inspect
import json
import math
import struct
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny import Value, gradcheck, jit, optim, trace
from autograd_tiny.compiler.backends import registry
from autograd_tiny.optim.rules import DECAY, POSITIVE, TABLE

np = pytest.importorskip("numpy", reason="the recorded problem is an array")
RECORDED = json.loads((Path(__file__).parent / "pytorch.json").read_text(encoding="utf-8"))
RUNS = RECORDED["runs"]
RULES = list(TABLE.values())
BACKENDS = [name for name in ("llvm", "numpy", "python") if not registry.OURS[name].missing()]


def names(rule):
    return list(inspect.signature(rule.formula).parameters)


def defaults(rule):
    return [default for default, _ in rule.hyper.values()]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_row_has_what_the_formula_takes(rule):
    assert names(rule) == ["p", "g", *rule.slots, "step", "lr", *rule.hyper]
    assert all(interval.has(default) for default, interval in rule.hyper.values())
    assert rule.lr > 0
    assert len(rule.formula(1.0, 0.5, *rule.slots.values(), 0, rule.lr, *defaults(rule))) == 1 + len(rule.slots)


@given(st.data())
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_compiled_over_the_parameters_it_is_the_rule_itself_bit_for_bit(rule, data):
    number = st.one_of(st.sampled_from([0.0, -0.0, 1.0, 5e-324, 1e300]), st.floats(-1e3, 1e3), st.floats())
    positive = st.one_of(st.just(0.0), st.floats(0, 1e300))
    rows = data.draw(
        st.lists(st.tuples(number, number, *[positive if name == "v" else number for name in rule.slots]), min_size=1)
    )
    unit = {DECAY: st.floats(0, 0.9999), POSITIVE: st.floats(1e-12, 1.0)}
    hyper = [data.draw(unit.get(interval, st.floats(0, 10))) for _, interval in rule.hyper.values()]
    step, lr = float(data.draw(st.integers(0, 10**6))), data.draw(st.floats(1e-8, 10))
    wanted = [rule.formula(*row, step, lr, *hyper) for row in rows]
    for backend in BACKENDS:
        got = compiled(rule, backend)(*map(np.array, zip(*rows, strict=True)), step, lr, *hyper)
        for column, ys in zip(got, zip(*wanted, strict=True), strict=True):
            assert [*map(bits, column)] == [*map(bits, ys)], backend


@cache
def compiled(rule, backend):
    return jit(rule.formula, batch=("p", "g", *rule.slots), backend=backend)


def bits(x):
    return "nan" if x != x else struct.pack("d", x)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_drawn_stepped_through_and_checked_like_any_function(rule):
    numbers = [0.5, -0.25, *[0.75] * len(rule.slots)]
    rest = [3, 0.1, *defaults(rule)]
    xs = [Value(x, name) for x, name in zip(numbers, names(rule), strict=False)]
    made = rule.formula(*xs, *rest)
    assert [y.data for y in made] == [*rule.formula(*numbers, *rest)]
    for y in made:
        y.backward()
        assert "g" in {node.name for node in trace(y).nodes if node.name}
        assert "<b>g</b>" in str(y.draw())
    for i in range(len(made)):
        assert gradcheck(lambda xs, i=i: rule.formula(*xs, *rest)[i], numbers)


def trained(run, options, steps=100, clip=None):
    """Train on the fixed problem by `backward()` and `step()`; return the parameters after 1, 10 and 100 steps."""
    w = [Value(x) for x in RECORDED["start"]]
    optimizer, found = run(w, **options), []
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        errors = [
            (sum((wi * xi for wi, xi in zip(w[:3], x, strict=True)), w[3]).tanh() - y) ** 2
            for x, y in zip(RECORDED["X"], RECORDED["y"], strict=True)
        ]
        (sum(errors) / len(errors)).backward()
        if clip:
            optim.clip_grad_norm_(w, clip)
        optimizer.step()
        if step in RECORDED["after"]:
            found.append([x.data for x in w])
    return found


def distance(found, wanted):
    return max(abs(a - b) for xs, ys in zip(found, wanted, strict=True) for a, b in zip(xs, ys, strict=True))


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run['name']} {run['options']}")
def test_a_hundred_steps_are_those_of_pytorch(run):
    """Within 1e-12 of PyTorch's own optimizers in float64; Lion, which it lacks, was written in its tensors.

    Each run amplifies a change of 1e-14 at the start by less than ten, or rounding alone would make the difference.
    """
    assert distance(trained(getattr(optim, run["name"]), run["options"]), run["parameters"]) < 1e-12


def test_clipped_steps_are_those_of_pytorch():
    clipped = RECORDED["clipped"]
    assert distance(trained(optim.SGD, {"lr": clipped["lr"]}, clip=clipped["max_norm"]), clipped["parameters"]) < 1e-12


def test_scheduled_steps_are_those_of_pytorch():
    run = RECORDED["scheduled"]
    lr = lambda step: run["lr"] * optim.cosine(step, run["steps"])  # noqa: E731
    assert distance(trained(optim.Adam, {"lr": lr}), run["parameters"]) < 1e-12


@pytest.mark.parametrize("name", RECORDED["factors"])
def test_schedules_are_those_of_pytorch(name):
    recorded, schedule = RECORDED["factors"][name], getattr(optim, name)
    for step, wanted in enumerate(recorded["factors"]):
        assert math.isclose(schedule(step, **recorded["options"]), wanted, rel_tol=1e-12)


@pytest.mark.parametrize("schedule", [optim.warmup, optim.cosine, optim.step_decay, optim.exponential])
def test_a_schedule_of_no_steps_or_of_a_negative_factor_is_refused(schedule):
    with pytest.raises(ValueError, match=r"(steps|every|factor) must be at least [01], got -1"):
        schedule(0, -1)
    with pytest.raises(ValueError, match="got nan"):
        schedule(0, math.nan)

"""Test that forward steps come in the order of the code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny import Value, trace
from autograd_tiny.check import programs
from autograd_tiny.cli.main import main
from autograd_tiny.engine.execution import execution_order
from autograd_tiny.engine.provenance import tracing
from autograd_tiny.engine.value import topological_order
from autograd_tiny.nn.modules import MLP
from autograd_tiny.stepper.events import Forward
from autograd_tiny.stepper.trace_json import from_json, to_json


def computed(steps):
    return [step.node.data for step in steps if isinstance(step, Forward) and step.node.op is not None]


def is_after_operands(steps):
    seen = set()
    for step in steps[: steps.seed]:
        assert all(x in seen or isinstance(x, float) for x in step.node.operands)
        seen.add(step.node)
    return len(seen) == steps.seed


@st.composite
def sums(draw):
    """A function that makes values in a random order, each known by its number, and returns the calls it made."""
    pairs = draw(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=20))

    def run():
        leaves = [Value(0.0) for _ in range(3)]
        made = []
        for i, j in pairs:
            known = leaves + made
            made.append(known[i % len(known)] + known[j % len(known)])
        y = made[0]
        for x in made[1:]:
            made.append(y := y + x)
        for n, v in enumerate(made):
            v.data = float(n)
        return y

    return run


@given(sums(), st.booleans())
def test_forward_steps_are_in_the_order_of_the_code(run, after):
    with tracing() as recording:
        y = run()
        steps = trace(y)
    steps = trace(y, recording) if after else steps
    found = computed(steps)
    assert found == sorted(found)
    assert is_after_operands(steps)
    assert computed(from_json(to_json(steps))) == found
    assert [n for n in range(steps.seed) for node in steps.nodes if steps.at(n).known(node)] == [
        n for n in range(steps.seed) for _ in range(n + 1)
    ]


@given(programs())
def test_without_a_recording_each_value_follows_its_operands_and_the_output_is_last(program):
    y = program.value()
    order = topological_order(y)
    found = execution_order(order, {})
    assert sorted(map(id, found)) == sorted(map(id, order))
    assert found[-1] is y
    assert is_after_operands(trace(y))


@given(sums(), st.sets(st.integers(0, 30)))
def test_recorded_values_keep_their_order_among_others(run, unknown):
    with tracing() as recording:
        y = run()
    where = {v: origin for v, origin in recording.where.items() if origin.place not in unknown}
    found = [v for v in execution_order(topological_order(y), where) if v in where]
    assert found == sorted(found, key=lambda v: where[v].place)


@pytest.mark.parametrize("sizes", [[1], [2, 1], [3, 3, 1], [2, 2]])
@pytest.mark.parametrize("recorded", [True, False])
def test_the_layers_of_a_network_come_in_order(sizes, recorded):
    model = MLP(2, sizes, seed=1)
    model.name_parameters()
    samples = [[Value(1.0), Value(-2.0)], [Value(0.5), Value(0.25)]]

    def loss():
        outputs = [model(xs) for xs in samples]
        return sum((y if isinstance(y, Value) else sum(y)) ** 2 for y in outputs)

    with tracing() as recording:
        truth = loss()
    steps = trace(truth, recording)
    places = computed(steps)
    assert places == [v.data for v in sorted(recording.where, key=lambda v: recording.where[v].place) if v in set(
        topological_order(truth))]  # fmt: skip
    if not recorded:
        one = trace(model(samples[0]) if sizes[-1] == 1 else sum(model(samples[0])))
        layers = [s.node.name.split(".")[0] for s in one[: one.seed] if s.node.name.endswith(".b")]
        assert layers == sorted(layers)
        assert is_after_operands(trace(loss()))


WRITTEN = {
    "left to right": lambda a, b: a * b + a.sin() + b.sin() + a / b,
    "an argument first": lambda a, b: (a * b + 1.0).tanh() * 2.0 + a,
    "powers": lambda a, b: (a - b) ** 2 + (a + b) ** 2,
}


@pytest.mark.parametrize("f", WRITTEN.values(), ids=WRITTEN)
def test_an_expression_is_computed_as_written_even_if_it_is_not_recorded(f):
    a, b = Value(0.5, "a"), Value(2.0, "b")
    with tracing() as recording:
        y = f(a, b)
    assert computed(trace(y)) == computed(trace(y, recording))


def test_a_value_that_is_used_twice_is_computed_before_the_statements_that_use_it():
    a, b = Value(0.5, "a"), Value(2.0, "b")
    c = a * b
    d = c + 1.0
    y = (a + b) * c + d
    assert computed(trace(y)) == [1.0, 2.5, 2.5, 2.0, 4.5]


def test_the_command_steps_in_the_order_of_the_expression_and_of_the_file(tmp_path, capsys):
    assert main(["step", "b = exp(a); c = a * a; c + b", "a=2"]) in (0, None)
    text = capsys.readouterr().out
    assert text.index("b = exp(a)") < text.index("c = a * a") < text.index("BACKWARD")
    assert ".py:" not in text
    file = tmp_path / "late.py"
    file.write_text("def f(a):\n    late = a.exp()\n    early = a * a\n    return early + late\n")
    assert main(["step", f"{file}:f", "a=2"]) in (0, None)
    text = capsys.readouterr().out
    assert text.index("exp(a)") < text.index("a * a") < text.index("BACKWARD")

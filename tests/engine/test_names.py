"""Test that values are called by the user's variables, and that every command knows every name that another prints."""

from __future__ import annotations

import linecache

import pytest
from hypothesis import given, settings

from autograd_tiny import Value, draw, trace
from autograd_tiny.check import programs
from autograd_tiny.cli.main import main
from autograd_tiny.engine.provenance import tracing
from autograd_tiny.nn.modules import MLP
from autograd_tiny.stepper.narration import explain_step
from autograd_tiny.stepper.views.terminal import lines


def names(steps):
    return {node.name for node in steps.nodes}


@settings(max_examples=30)
@given(programs())
def test_every_name_that_is_printed_is_known_to_each_command(program):
    y = program.value()
    steps = trace(y)
    for name in names(steps):
        assert steps.node(name).name == name
        assert steps.find(f"node {name}") is not None
        draw(y, highlight=name)
        draw(y, focus=name)


def test_variables_of_the_block_and_of_the_functions_it_calls_are_names():
    def helper(p):
        inner = p * p
        return inner + 1.0

    with tracing() as recording:
        w = Value(3.0)
        ws = [Value(1.0), Value(2.0)]
        out = helper(w) * ws[0] - ws[1]
    steps = trace(out, recording)
    assert {"w", "ws[0]", "ws[1]", "inner", "out"} <= names(steps)
    assert "p" not in names(steps)
    assert [v.name for v in (w, *ws, out)] == [None] * 4
    picture = draw(out, recording=recording, focus="inner").source
    assert "inner = w * w" in picture
    assert "w =" not in picture


def test_names_are_known_while_the_block_runs():
    with tracing():
        a = Value(3.0)
        b = a * a
        steps = trace(b)
    assert names(steps) == {"a", "b"}


def test_a_name_stands_for_one_value_and_the_user_s_own_comes_first():
    with tracing() as recording:
        x = Value(1.0, "y")
        y = x + 1.0
        z = y * y
        z = z + y
    assert [node.name for node in trace(z, recording).nodes] == ["y", "y + 1", "(y + 1) * (y + 1)", "z"]


def test_parameters_of_a_recorded_model_are_called_by_their_paths():
    model = MLP(1, [1], seed=0)
    with tracing() as recording:
        out = model([Value(2.0, "x")])
    assert {"layers[0].neurons[0].w[0]", "layers[0].neurons[0].b", "x", "out"} <= names(trace(out, recording))


def test_a_line_of_a_function_comes_with_the_line_of_its_call(tmp_path):
    file = tmp_path / "called.py"
    file.write_text("def helper(p):\n    return p * p\n\ndef f(x):\n    y = helper(x)\n    return y + 1.0\n")
    space = {}
    exec(compile(file.read_text(), str(file), "exec"), space)
    linecache.checkcache()
    with tracing() as recording:
        out = space["f"](Value(2.0, "x"))
    steps = trace(out, recording)
    n = steps.find("node y")
    assert explain_step(steps, n).source == "called.py:2  return p * p  called at called.py:5  y = helper(x)"


def test_the_command_calls_values_by_the_variables_of_the_file(tmp_path, capsys):
    file = tmp_path / "net.py"
    file.write_text(
        "from autograd_tiny import Value\nbias = Value(0.5)\n"
        "def loss(x):\n    w = Value(3.0)\n    act = (w * x + bias).tanh()\n    total = act * act\n    return total\n"
    )
    assert main(["step", f"{file}:loss", "x=0.1"]) in (0, None)
    text = capsys.readouterr().out
    assert "act = tanh(w * x + bias)" in text
    assert "total = act * act" in text
    out = tmp_path / "graph.svg"
    assert main(["draw", f"{file}:loss", "x=0.1", "--highlight", "act", "-o", str(out)]) in (0, None)
    assert "total = act * act" in out.read_text()


@pytest.mark.parametrize("times", [0, 1])
def test_the_first_step_says_what_an_earlier_backward_left(times):
    a = Value(3.0, "a")
    y = a * a
    for _ in range(times):
        y.backward()
    said = explain_step(trace(y), 0).context
    assert ("6 is left over in a.grad" in said) == bool(times)
    assert any("left over" in str(line) for line in lines(trace(y))) == bool(times)


def test_floats_given_to_a_recorded_model_are_inputs_and_change_no_number():
    model = MLP(2, [2, 1], seed=0)
    with tracing() as recording:
        out = model([1.0, -2.0])
    steps = trace(out, recording)
    assert [steps.node(name).data for name in ("x[0]", "x[1]")] == [1.0, -2.0]
    out.backward()
    grads = [p.grad for p in model.parameters()]
    model.zero_grad()
    plain = model([1.0, -2.0])
    plain.backward()
    assert (plain.data, [p.grad for p in model.parameters()]) == (out.data, grads)
    assert all(v.op is not None or v in set(model.parameters()) for v in plain.parents)

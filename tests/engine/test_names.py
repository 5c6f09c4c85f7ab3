"""Test that values are called by the user's variables, and that every command knows every name that another prints."""

from __future__ import annotations

import gc
import io
import linecache
import re
import weakref

import pytest
from hypothesis import given, settings
from rich.console import Console

from autograd_tiny import Value, draw, trace
from autograd_tiny.check import programs
from autograd_tiny.cli.main import main
from autograd_tiny.engine.provenance import tracing
from autograd_tiny.nn.modules import MLP, Neuron
from autograd_tiny.stepper import paths, print_trace, to_json, why
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


@pytest.mark.parametrize("make", [lambda: MLP(2, [2, 1], seed=0), lambda: Neuron(2, seed=0)])
def test_floats_given_to_a_recorded_model_are_inputs_and_change_no_number(make):
    model = make()
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


def drawn(y):
    return re.findall(r"<title>([^<]*)</title>|<text[^>]*>([^<]*)</text>", draw(y).pipe("svg").decode())


# What names values: each lists texts, in which a name stands for a value.
FACES = {
    "trace": lambda y: [node.name for node in trace(y).nodes],
    "y.trace": lambda y: [node.name for node in y.trace().nodes],
    "draw": lambda y: [text for pair in drawn(y) for part in pair for text in part.split()],
    "y.draw": lambda y: re.findall(r"\w+", y.draw().source),
    "dot": lambda y: re.findall(r"\w+", draw(y).source),
    "paths": lambda y: re.findall(r"\w+", str(paths(y, "x"))),
    "print_trace": lambda y: printed(y).split(),
    "to_json": lambda y: re.findall(r"\w+", to_json(y)),
}


def printed(y):
    out = io.StringIO()
    print_trace(y, Console(file=out, width=200))
    return out.getvalue()


@pytest.mark.parametrize("face", FACES.values(), ids=FACES)
def test_variables_of_the_caller_are_names(face):
    x = Value(0.5)
    hidden = (x * 2.0).tanh()
    loss = hidden * hidden
    found = face(loss)
    assert {"x", "hidden", "loss"} <= set(found)
    assert (x.name, hidden.name, loss.name) == (None, None, None)


@pytest.mark.parametrize("name", ["__main__", "train"])
def test_globals_are_names_in_a_script_and_a_notebook_only(name):
    space = {"__name__": name, "trace": trace}
    code = "from autograd_tiny import Value\nbias = Value(2.0)\ndef f(x):\n    y = x * bias\n    return trace(y)\n"
    exec(code, space)
    found = {node.name for node in space["f"](Value(3.0)).nodes}
    assert {"x", "y"} <= found
    assert ("bias" in found) == (name == "__main__")


def test_the_outer_call_names_what_both_hold():
    def show(shown):
        return trace(shown)

    loss = Value(2.0, "x") * 3.0
    assert show(loss).output.name == "loss"


def test_a_name_of_one_command_is_taken_by_the_others():
    x = Value(0.5)
    hidden = (x * 2.0).tanh()
    loss = hidden * hidden
    steps = trace(loss)
    for name in ("x", "hidden", "loss"):
        assert steps.node(name).name == name
        assert draw(loss, focus=name, highlight=name).source
        assert steps.find(f"node {name}") is not None
        assert why(loss, name) is not None
        assert paths(loss, name)


def test_a_trace_keeps_no_other_variable_of_the_caller():
    class Big:
        pass

    def run():
        big, other = Big(), Value(1.0)
        x = Value(2.0)
        kept = weakref.ref(big), weakref.ref(other)
        return trace(x * x), kept

    steps, kept = run()
    gc.collect()
    assert [ref() for ref in kept] == [None, None]
    assert steps.nodes[0].name == "x"

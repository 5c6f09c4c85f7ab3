"""Help, signature, flags, types and errors of the options are built from one table."""

from __future__ import annotations

import inspect
import typing

import pytest

from autograd_tiny import Value
from autograd_tiny.cli import main as cli
from autograd_tiny.cli import verbs
from autograd_tiny.engine import ops
from autograd_tiny.pictures import options
from autograd_tiny.pictures.drawing import draw
from autograd_tiny.pictures.links import linked
from autograd_tiny.pictures.options import DrawOptions, GraphOptions, choices, rows, sentence


def graph():
    return Value(2.0, "a") * 3


@pytest.mark.parametrize("name", rows())
def test_each_option_stands_in_help_in_the_signature_and_on_the_command_line(name, capsys):
    hint, option = rows()[name]
    parameter = inspect.signature(draw).parameters[name]
    assert (parameter.default, parameter.annotation) == (option.default, hint)
    assert f"- `{name}`: {sentence(name)}" in draw.__doc__
    assert cli.main(["draw", "--help"]) == 0
    assert (f"--{name} {option.flag}" in capsys.readouterr().out) == bool(option.flag)


@pytest.mark.parametrize("name", [name for name in rows() if len(choices(name)) > 1])
def test_each_choice_is_taken_and_others_are_refused(name):
    for word in choices(name):
        assert draw(graph(), **{name: word}).source
    with pytest.raises(ValueError, match=f"{name}: 'x' is not one of {', '.join(choices(name))}"):
        draw(graph(), **{name: "x"})


def test_an_option_as_it_is_by_default_changes_nothing():
    defaults = {name: option.default for name, (_, option) in rows().items()}
    assert draw(graph(), **defaults).source == draw(graph()).source
    assert draw(ops.sin, **defaults).source == draw(ops.sin).source


@pytest.mark.parametrize(
    ("name", "near"),
    [("focuss", "did you mean focus"), ("colapse", "did you mean collapse"), ("q", "choose from rankdir")],
)
@pytest.mark.parametrize("what", [graph(), ops.sin, lambda x: x * x])
def test_an_option_that_is_not_one_names_the_nearest(what, name, near):
    for call in (lambda: draw(what, **{name: 1}), lambda: graph().draw(**{name: 1})):
        with pytest.raises(TypeError, match=rf"there is no option '{name}': {near}"):
            call()


def test_editors_and_type_checkers_see_the_options():
    for f, known in ((draw, DrawOptions), (linked, GraphOptions)):
        f = inspect.unwrap(f)
        assert typing.get_type_hints(f)["options"] == typing.Unpack[known]


def test_a_symbol_has_no_options_of_a_graph():
    with pytest.raises(TypeError, match=r"takes only the option rankdir for .*, got depth, fold"):
        draw(ops.sin, depth=3, fold="sums")


def test_an_option_more_is_one_row(monkeypatch, capsys):
    row = (str, options.Option("", "what is written beside each box", "TEXT"))
    more = {**rows(), "beside": row}
    for module in (options, verbs):
        monkeypatch.setattr(module, "rows", lambda: more)
    draw(graph(), beside="b")
    assert cli.main(["draw", "--help"]) == 0
    assert "--beside TEXT what is written beside each box" in " ".join(capsys.readouterr().out.split())


def test_names_that_are_numbers_stay_names(tmp_path):
    assert cli.main(["draw", "a * a", "a=1", "--focus", "3", "-o", str(tmp_path / "a.svg")]) == 2
    assert cli.main(["draw", "a * a", "a=1", "--depth", "1", "-o", str(tmp_path / "a.svg")]) == 0

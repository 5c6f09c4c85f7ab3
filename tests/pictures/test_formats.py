"""The table of formats: each row writes a file of its kind, and every list of formats is read from it."""

from __future__ import annotations

import pytest
from rich.console import Console

from autograd_tiny import Value
from autograd_tiny.pictures import doctor
from autograd_tiny.pictures.drawing import draw
from autograd_tiny.pictures.rendering import render
from autograd_tiny.pictures.writers import formats
from autograd_tiny.pictures.writers.formats import FORMATS, NOTHING, Format
from autograd_tiny.stepper.traces import trace
from autograd_tiny.stepper.views.sequence import frame

STARTS = {".dot": b"digraph", ".mmd": b"flowchart", ".tex": b"\\documentclass"}  # others: at least a byte


def graph():
    return draw(Value(2.0, "a") * 3)


@pytest.mark.parametrize("suffix", FORMATS)
def test_each_format_writes_a_file_of_its_kind_or_says_what_it_needs(suffix, tmp_path):
    format, path = FORMATS[suffix], tmp_path / f"a{suffix.upper()}"
    if format.needs == formats.GRAPHVIZ and render.renderer().name != "dot":
        with pytest.raises(render.RenderError, match="install Graphviz"):
            graph().write(path)
        assert not path.exists()
    else:
        assert graph().write(path).read_bytes().startswith(format.start or STARTS.get(suffix, b""))


def test_what_needs_nothing_is_written_where_nothing_draws(tmp_path, monkeypatch):
    monkeypatch.setattr(render, "candidates", dict)
    for suffix, format in FORMATS.items():
        if format.needs == NOTHING:
            assert graph().write(tmp_path / f"a{suffix}").exists()
        else:
            with pytest.raises(render.RenderError, match="no renderer found"):
                graph().write(tmp_path / f"a{suffix}")


def test_a_format_more_is_one_row(tmp_path, monkeypatch, capsys):
    row = Format(".titles", "the titles", lambda drawing: b"titles", mime="text/x-titles")
    monkeypatch.setitem(FORMATS, ".titles", row)
    assert graph().write(tmp_path / "a.titles").read_bytes() == b"titles"
    assert graph()._repr_mimebundle_()["text/x-titles"] == "titles"
    with pytest.raises(ValueError, match=r"has no suffix: choose one of \.svg, .*\.titles"):
        graph().write(tmp_path / "a")
    with pytest.raises(render.RenderError, match=r"cannot write \.xyz: choose one of \.svg, .*\.titles"):
        graph().write(tmp_path / "a.xyz")
    monkeypatch.setattr(render, "candidates", dict)
    doctor.doctor(Console(width=200))
    assert ".titles files and the terminal" in capsys.readouterr().out


def test_a_frame_has_no_picture_to_write_as_other_text(tmp_path):
    step = frame(trace(Value(2.0, "a") * 3), 0)
    assert step.write(tmp_path / "a.dot").exists()
    with pytest.raises(render.RenderError, match="mermaid takes a graph of a Picture, got one without"):
        step.write(tmp_path / "a.mmd")

"""Pictures: every value and every use of it is drawn, the same text each time, with nothing installed or a clear reason."""

from __future__ import annotations

import os
import re
import stat
import time
import xml.etree.ElementTree as ET

import pytest
from graphs import LEAVES, programs, run
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny import Value, render
from autograd_tiny.draw import draw
from autograd_tiny.nn import MLP
from autograd_tiny.value import topological_order

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg):
    return ["".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{SVG}text")]


def titles(svg, kind):
    groups = [g for g in ET.fromstring(svg).iter(f"{SVG}g") if g.get("class") == kind]
    return [g.find(f"{SVG}title").text for g in groups]


@given(programs())
@settings(max_examples=25)
def test_every_value_and_every_use_is_in_the_picture(program):
    y = run(program, [Value(x) for x in LEAVES])
    svg = draw(y).pipe("svg")
    order = topological_order(y)
    number = {v: f"n{i}" for i, v in enumerate(order)}
    assert sorted(titles(svg, "node")) == sorted(number.values())
    assert sorted(titles(svg, "edge")) == sorted(f"{number[x]}->{number[v]}" for v in order for x in v.parents)
    assert draw(y).source == draw(y).source


def test_a_picture_shows_data_gradient_and_operation():
    a, b = Value(3.0, "a"), Value(-2.0, "b")
    c = (a - b) / (b - 1)
    before = texts(draw(c).pipe("svg"))
    assert before.count("grad –") == 5
    c.backward()
    after = texts(draw(c).pipe("svg"))
    assert {"(a - b) / (b - 1)", "a - b", "b - 1", "data -1.667", "grad -0.3333", "grad -0.2222"} <= set(after)
    assert "grad –" not in after


@given(st.text(max_size=40))
@settings(max_examples=40)
def test_any_label_is_text_and_nothing_else(name):
    svg = draw(Value(1.0, name or "a") * 2).pipe("svg")
    assert len(titles(svg, "node")) == 2
    assert not [e for e in ET.fromstring(svg).iter() if e.tag not in {SVG + t for t in ("svg", "g", "title", "text", "path", "polygon")}]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["<b>bold</b>", "a|b", "{a}", 'say "a"', "back\\slash", "line\nbreak", "</script>", "&amp;", "é漢🎉", "a" * 10_000],
)
def test_hostile_labels(name):
    shown = texts(draw(Value(1.0, name)).pipe("svg", encoding="utf-8"))
    assert shown[0].replace("\xa0", " ") == (name.replace("\n", "·") if len(name) < 60 else "a" * 40 + "…" + "a" * 19)


def test_files_and_formats(tmp_path):
    graph = draw(Value(2.0, "a") * 3)
    assert graph.write(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert graph.write(tmp_path / "a.dot").read_text(encoding="utf-8") == graph.source
    assert graph.render(tmp_path / "b", format="svg") == str(tmp_path / "b.svg")
    assert graph.pipe(encoding="utf-8", format="svg").startswith("<?xml")
    assert set(graph._repr_mimebundle_()) == {"image/svg+xml", "text/plain"}
    svg = graph.pipe("svg", encoding="utf-8")
    assert "<script" not in svg
    assert re.findall(r'(?:href|src)="', svg) == []
    (tmp_path / "a.svg").write_text("the picture before", encoding="utf-8")
    for bad, error in (("a.nothing", render.RenderError), ("no suffix", ValueError), ("missing/a.svg", OSError)):
        with pytest.raises(error):
            graph.write(tmp_path / bad)
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == "the picture before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.dot", "a.png", "a.svg", "b.svg"]
    with pytest.raises(TypeError, match=r"got 3\.0"):
        draw(3.0)


def test_too_large_is_said_at_once():
    y = Value(1.0)
    for _ in range(1_000_000):
        y = y + 1.0
    start = time.perf_counter()
    with pytest.raises(
        ValueError, match=r"too large to draw: 1,000,001 values, and the limit is 1,000.*raise the limit"
    ):
        draw(y)
    assert time.perf_counter() - start < 10


def test_one_sample_of_a_network_is_drawn(tmp_path):
    loss = (MLP(2, [4, 4, 1], seed=1)([1.0, -1.0]) - 1) ** 2
    loss.backward()
    path = draw(loss).write(tmp_path / "sample.svg")
    assert len(titles(path.read_bytes(), "node")) == len(topological_order(loss))


def program(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return path


def test_renderers_are_tried_in_order(tmp_path, monkeypatch):
    monkeypatch.delenv(render.VARIABLE, raising=False)
    bare = os.pathsep.join(["/usr/bin", "/bin"])
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{bare}")
    own = render.renderer()
    assert own.name in ("graphviz-pure", "dot")
    fake = program(tmp_path / "dot", "cat > /dev/null; echo drawn")
    assert render.renderer() == fake
    assert render.render("digraph {}", "svg") == b"drawn\n"
    monkeypatch.setenv(render.VARIABLE, str(own))
    assert render.renderer() == own
    monkeypatch.setenv(render.VARIABLE, str(tmp_path / "nothing"))
    with pytest.raises(render.RenderError, match="there is no such program"):
        render.renderer()


def test_a_renderer_that_fails_hangs_or_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv(
        render.VARIABLE, str(program(tmp_path / "dies", "cat > /dev/null; echo 'out of ink' >&2; exit 3"))
    )
    with pytest.raises(render.RenderError, match="dies could not draw svg: out of ink"):
        render.render("digraph {}")
    monkeypatch.setenv(render.VARIABLE, str(program(tmp_path / "hangs", "exec sleep 60")))
    monkeypatch.setattr(render, "SECONDS", 0.2)
    with pytest.raises(render.RenderError, match="still drawing after"):
        render.render("digraph {}")
    monkeypatch.delenv(render.VARIABLE)
    monkeypatch.setattr(render.shutil, "which", lambda *args, **kwargs: None)
    with pytest.raises(render.RenderError, match="pip install graphviz-pure"):
        draw(Value(1.0)).pipe("svg")
    assert draw(Value(1.0)).source.startswith("digraph")

"""Pictures draw every value and use, deterministically, without Graphviz, or with a message that says why not."""

from __future__ import annotations

import os
import re
import stat
import xml.etree.ElementTree as ET

import graphviz
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny import Value
from autograd_tiny.check import programs
from autograd_tiny.nn.modules import MLP
from autograd_tiny.pictures import drawing
from autograd_tiny.pictures.drawing import draw
from autograd_tiny.pictures.measure import printable
from autograd_tiny.pictures.picture import Arrow, Box, Picture
from autograd_tiny.pictures.rendering import render
from autograd_tiny.pictures.theme import Color
from autograd_tiny.pictures.writers.graph import graph_of
from autograd_tiny.pictures.writers.mermaid import mermaid
from autograd_tiny.pictures.writers.tikzpicture import tikz

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg):
    return ["".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{SVG}text")]


def groups(svg, kind):
    return [g for g in ET.fromstring(svg).iter(f"{SVG}g") if kind in g.get("class", "").split()]


@given(programs())
@settings(max_examples=25)
def test_every_box_and_every_arrow_is_in_the_svg(program):
    graph = draw(program.value())
    svg = graph.pipe("svg")
    assert len(groups(svg, "node")) == len(graph.picture.boxes)
    assert len(groups(svg, "edge")) == len(graph.picture.arrows)


def test_a_picture_shows_data_gradient_and_operation():
    a, b = Value(3.0, "a"), Value(-2.0, "b")
    c = (a - b) / (b - 1)
    before = texts(draw(c).pipe("svg"))
    assert before.count("grad –") == 5
    c.backward()
    after = texts(draw(c).pipe("svg"))
    assert {"c = (a - b) / (b - 1)", "a - b", "b - 1", "data -1.667", "grad -0.3333", "grad -0.2222"} <= set(after)
    assert "grad –" not in after


def test_what_is_shown_is_asked_for():
    a = Value(3.0, "a")
    y = a * a
    assert [text.strip("\xa0 ") for text in texts(draw(y, show="local").pipe("svg"))] == ["a", "mul", "3", "3"]
    assert "data 9" in texts(draw(y, show=["data"]).pipe("svg"))


@given(st.text(max_size=40))
@settings(max_examples=40)
def test_any_label_is_text_and_nothing_else(name):
    svg = draw(Value(1.0, name or "a") * 2).pipe("svg")
    assert len(groups(svg, "node")) == 2
    assert {e.tag for e in ET.fromstring(svg).iter()} == {
        SVG + t for t in ("svg", "style", "g", "title", "text", "path", "polygon")
    }


HOSTILE = [
    "<b>bold</b>", "a|b", "{a}", 'say "a"', "back\\slash", "\\N \\G", "line\nbreak", "</script>", "&amp;", "&", "é漢🎉",
    "\u05d0\u05d1 \u202eabc", "a" * 10_000, " ",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_labels(name):
    shown = printable(name if len(name) <= 60 else "a" * 40 + "…" + "a" * 19)
    graph = draw(Value(1.0, name))
    assert texts(graph.pipe("svg", encoding="utf-8"))[0].replace("\xa0", " ") == shown
    (title,) = (g.find(f"{SVG}title").text for g in groups(graph.pipe("svg"), "node"))
    told = title.split("\n")[0]
    assert printable(name).startswith(told.removesuffix("…"))
    assert len(title) <= 400
    assert graph.pipe("png").startswith(b"\x89PNG")
    two = draw(Value(1.0, f"{name}.w") * Value(2.0, f"{name}.v"), show="names scopes local")
    assert len(groups(two.pipe("svg"), "node")) == 3


def test_an_svg_is_plain_and_leaks_nothing_into_a_page():
    loss = (MLP(2, [4, 1], seed=1)([1.0, -1.0]) - 1) ** 2
    svg = draw(loss).pipe("svg", encoding="utf-8")
    for outside in ("<script", "href", "src=", "url(", "<!DOCTYPE", "@import"):
        assert outside not in svg
    root = ET.fromstring(svg)
    assert root.get("class") == "autograd-tiny"
    (style,) = root.iter(f"{SVG}style")
    condition, rules = style.text.split("{", 1)
    assert condition == "@media screen and (prefers-color-scheme:dark)"
    assert all(rule.startswith(".autograd-tiny [") for rule in re.split("(?<=})", rules.removesuffix("}")) if rule)
    assert not [element for element in root.iter() if element.get("id")]
    fonts = {text.get("font-family") for text in root.iter(f"{SVG}text")}
    assert len(fonts) == 1
    assert fonts.pop().endswith("sans-serif")


def luminance(color):
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return sum(
        w * (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4)
        for w, c in zip((0.2126, 0.7152, 0.0722), parts, strict=True)
    )


def test_text_stands_out_in_the_light_and_in_the_dark():
    def contrast(a, b):
        low, high = sorted((luminance(a), luminance(b)))
        return (high + 0.05) / (low + 0.05)

    for back in (Color.LEAF, Color.PAPER, Color.PANEL, Color.ACTIVE):
        light = back.light.replace("white", "#ffffff")
        for text in (Color.INK, Color.VALUE, Color.GRAD, Color.SOFT):
            assert contrast(text.light, light) >= 4.5
            assert contrast(text.dark, back.dark) >= 4.5
        if back is not Color.ACTIVE:  # ACTIVE is outlined in INK
            assert contrast(Color.LINE.light, light) >= 2.8
            assert contrast(Color.LINE.dark, back.dark) >= 3


def test_files_and_formats(tmp_path):
    graph = draw(Value(2.0, "a") * 3)
    assert graph.write(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert graph.write(tmp_path / "a.dot").read_text(encoding="utf-8") == graph.source
    assert graph.render(tmp_path / "b", format="svg") == str(tmp_path / "b.svg")
    assert graph.pipe(encoding="utf-8", format="svg").startswith("<?xml")
    assert set(graph._repr_mimebundle_()) == {"image/svg+xml", "text/plain"}
    (tmp_path / "a.svg").write_text("the picture before", encoding="utf-8")
    for bad, error in (("a.nothing", render.RenderError), ("no suffix", ValueError), ("missing/a.svg", OSError)):
        with pytest.raises(error):
            graph.write(tmp_path / bad)
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == "the picture before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.dot", "a.png", "a.svg", "b.svg"]
    with pytest.raises(TypeError, match=r"got 3\.0"):
        draw(3.0)


def test_the_graph_is_a_digraph_that_can_be_added_to():
    graph = draw(Value(2.0, "a") * 3)
    assert isinstance(graph, graphviz.Digraph)
    graph.node("mine", "my own")
    assert "my own" in texts(graph.pipe("svg"))


def test_a_notebook_shows_a_picture_or_the_text_and_never_fails(monkeypatch):
    y = Value(2.0, "a") * 3
    assert set(y._repr_mimebundle_()) == {"image/svg+xml", "text/plain"}
    monkeypatch.setattr(drawing, "pictures", lambda options: 1 / 0)
    assert y._repr_mimebundle_() == {"text/plain": repr(y)}


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
    monkeypatch.setattr(render, "LAYOUT_SECONDS", 0.2)
    with pytest.raises(render.RenderError, match="still drawing after"):
        render.render("digraph {}")
    monkeypatch.delenv(render.VARIABLE)
    monkeypatch.setattr(render.shutil, "which", lambda *args, **kwargs: None)
    with pytest.raises(render.RenderError, match="pip install graphviz-pure"):
        draw(Value(1.0)).pipe("svg")
    assert draw(Value(1.0)).source.startswith("digraph")


@pytest.mark.long
def test_a_coarser_picture_is_drawn_when_time_is_short(tmp_path, monkeypatch):
    own = render.renderer()
    # A renderer that hangs on more than 50 boxes.
    slow = 'source=$(cat); [ $(printf "%s" "$source" | grep -c "label=") -gt 50 ] && exec sleep 60; '
    slow += f'printf "%s" "$source" | {own} "$@"'
    monkeypatch.setenv(render.VARIABLE, str(program(tmp_path / "slow", slow)))
    monkeypatch.setattr(render, "LAYOUT_SECONDS", 4.0)
    loss = (MLP(2, [4, 4, 1], seed=1)([1.0, -1.0]) - 1) ** 2
    graph = draw(loss, fold="nothing")
    assert len(graph.picture.boxes) == 103
    said = [text for text in texts(graph.pipe("svg")) if text.startswith("Coarser")]
    assert said == ["Coarser than requested: the finer picture was not laid out in 2 s."]
    assert graph.write(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_renderer_that_always_hangs_ends_in_one_error(tmp_path, monkeypatch):
    monkeypatch.setenv(render.VARIABLE, str(program(tmp_path / "hangs", "exec sleep 60")))
    monkeypatch.setattr(render, "LAYOUT_SECONDS", 1.0)
    loss = (MLP(2, [4, 4, 1], seed=1)([1.0, -1.0]) - 1) ** 2
    with pytest.raises(render.RenderError, match=r"hangs was still drawing .* coarser pictures? timed out"):
        draw(loss).pipe("svg")
    monkeypatch.setattr(drawing, "NOTEBOOK_SECONDS", 0.3)
    assert loss._repr_mimebundle_() == {"text/plain": repr(loss)}


@pytest.mark.parametrize("letter", ["\\", '"', "&", "<"])
@pytest.mark.parametrize("write", [lambda p: graph_of(p).source, tikz, mermaid], ids=["dot", "tikz", "mermaid"])
def test_a_longer_text_makes_no_longer_picture(write, letter):
    """Quoting a run of backslashes takes graphviz quadratic time."""

    def picture(n):
        boxes = Box("n0", letter * n, note=letter * n, scope=letter * n), Box("n1", "y", tooltip=letter * n)
        return Picture(boxes, (Arrow("n0", "n1", label=letter),))

    assert len(write(picture(4000))) == len(write(picture(2000)))

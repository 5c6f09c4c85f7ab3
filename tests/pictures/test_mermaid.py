"""A flowchart has every box, arrow and frame of its picture, and Mermaid interprets none of its text."""

from __future__ import annotations

import html
import re

import pytest
from hostile import HOSTILE
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny import Value
from autograd_tiny.check import programs
from autograd_tiny.nn.modules import MLP
from autograd_tiny.pictures.drawing import draw
from autograd_tiny.pictures.measure import shortened
from autograd_tiny.pictures.picture import Arrow, Box, Line, Picture
from autograd_tiny.pictures.writers.mermaid import MOST_ARROWS, mermaid

BOX = re.compile(r'(n\d+)(\(|\[\[)"([^"]*)"(\)|\]\])')
ARROW = re.compile(r'(n\d+) (-->|==>)(?:\|"([^"]*)"\|)? (n\d+)')
FRAME = re.compile(r'subgraph (s\d+)\["([^"]*)"\]')
# Unescaped, each of these broke a flowchart or became an icon, a formula, a link or a list.
TEXT = st.sampled_from(HOSTILE) | st.text(st.characters(codec=None), max_size=30)


def read(text):
    """Parse the boxes, arrows and frames of a flowchart; fail on any other line."""
    first, *lines = text.splitlines()
    assert re.fullmatch(r"flowchart (LR|TB|RL|BT)", first)
    boxes, arrows, frames, depth, caption = {}, [], {}, 0, None
    for line in lines:
        if found := BOX.fullmatch(line):
            boxes[found[1]] = plain(found[3])
        elif found := ARROW.fullmatch(line):
            arrows.append((found[1], found[4], plain(found[3] or ""), found[2] == "==>"))
        elif found := FRAME.fullmatch(line):
            frames[found[1]] = plain(found[2])
            depth += 1
        elif line == "end":
            depth -= 1
        elif found := re.fullmatch(r'caption\["([^"]*)"\]', line):
            caption = plain(found[1])
        else:
            assert re.fullmatch(r"classDef \w+ [\w:#,-]+|class [\w,]+ \w+", line), line
        assert depth >= 0
    assert depth == 0
    return boxes, arrows, frames, caption


def plain(label):
    """Lines shown by a label."""
    for line in label.split("<br/>"):
        shown = re.sub(r"#\d+;", "", line)
        assert not re.findall(r"[^\w ,=/()\[\].+-]|_", shown), label
        assert not re.match(r"[.+*>]|- |\d+[.)] ", line), label
        assert "direction " not in line, label
    return [re.sub(r"#(\d+);", lambda m: chr(int(m[1])), line).replace("\u200b", "") for line in label.split("<br/>")]


@given(programs())
def test_every_box_and_arrow_is_there(program):
    picture = draw(program.value(), show={"data", "local"}).picture
    boxes, arrows, _, _ = read(mermaid(picture))
    ids = {box.key: name for box, name in zip(picture.boxes, sorted(boxes, key=lambda n: int(n[1:])), strict=True)}
    assert [(ids[a.tail], ids[a.head], a.label, a.bold) for a in picture.arrows] == [
        (tail, head, label, bold) for tail, head, (label,), bold in arrows
    ]


@given(TEXT, TEXT, TEXT)
def test_any_text_is_text(title, label, scope):
    boxes = tuple(Box(f"n{i}", title, (Line("data", "1"),), note=label, scope=f"f[{scope!r}]") for i in (0, 1))
    picture = Picture((*boxes, Box("n2", "y", count=3)), (Arrow("n0", "n2", label=label),), caption=(title, scope))
    text = mermaid(picture)
    shown, arrows, frames, caption = read(text)
    notes = [shortened(line) for line in label.splitlines()]
    expected = [shortened(title), "data 1", *notes]
    expected = [line.replace("\u200b", "") for line in expected if line]
    assert shown == {"n0": expected, "n1": expected, "n2": ["y"]}
    assert [a[2] for a in arrows] == [[shortened(label).replace("\u200b", "")]]
    assert caption == [shortened(line, 200).replace("\u200b", "") for line in (title, scope)]
    assert len(frames) == 1
    assert not re.search(r"\$\$|fa[a-z]?:fa-", html.unescape(text.replace("#", "&#")))  # a formula, an icon


def test_frames_and_looks():
    network = MLP(2, [2, 1], seed=0)
    y = network([Value(1.0, "x"), Value(2.0, "z")])
    text = mermaid(draw(y).picture)
    _, _, frames, _ = read(text)
    assert sorted(label for (label,) in frames.values()) == [
        "layers[0]",
        "layers[1].neurons[0]",
        "neurons[0]",
        "neurons[1]",
    ]
    a = Value(1.0, "a")
    b = a * a
    text = mermaid(draw(b, notes={a: "dead\nunit"}, highlight=a).picture)
    assert 'n0("a<br/>data 1<br/>grad #8211;<br/>dead<br/>unit")' in text
    assert text.count("n0 ==> n1") == 2
    for line in ("class n0,n1 value", "class n0 leaf", "class n1 output", "class n0,n1 marked", "class n0 noted"):
        assert line in text


def test_what_mermaid_would_not_draw_is_refused():
    boxes = (Box("n0", "a"), Box("n1", "b"))
    most = Picture(boxes, (Arrow("n0", "n1"),) * MOST_ARROWS)
    assert mermaid(most).count("-->") == MOST_ARROWS
    with pytest.raises(ValueError, match=r"501 arrows are too many: Mermaid draws 500\. Fold"):
        mermaid(Picture(boxes, (Arrow("n0", "n1"),) * (MOST_ARROWS + 1)))
    with pytest.raises(ValueError, match=r"5\d,\d+ characters are too many: Mermaid draws 50,000\. Fold"):
        mermaid(Picture(tuple(Box(f"n{i}", "漢" * 60) for i in range(700)), ()))

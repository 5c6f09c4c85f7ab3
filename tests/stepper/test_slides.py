"""Test slides: each shows the numbers known by its step, names are text, keys move, print has a page for each."""

from __future__ import annotations

import itertools
import re

import pytest
from hostile import HOSTILE

from autograd_tiny import Value
from autograd_tiny.engine.digits import short
from autograd_tiny.stepper.narration import explain_step
from autograd_tiny.stepper.traces import trace
from autograd_tiny.stepper.views.slides import slide_page, slides


def shared():
    a = Value(1.0, "a")
    b = a + a
    b.name = "b"
    c = b + b
    c.name = "c"
    return trace(c)


STEPS = shared()


def sections(text):
    return re.findall(r"<section.*?</section>", text, re.S)


@pytest.mark.slow
def test_a_slide_shows_what_is_known_by_its_step_and_no_more():
    found = sections(slide_page(STEPS))
    assert len(found) == len(STEPS)
    for n, section in enumerate(found):
        state = STEPS.at(n)
        for layout in re.findall(r"<svg.*?</svg>", section, re.S):
            numbers = re.findall(r'class="(data|grad)">\w+ ([^<]*)<', layout)
            expected = []
            for node in STEPS.nodes:
                grad = state.grad(node)
                expected.append(("data", short(node.data) if state.known(node) else "–"))
                expected.append(("grad", "–" if grad is None else short(grad)))
            assert numbers == expected, n
        assert explain_step(STEPS, n).headline in section
        assert section.count('class="local"') == 2 * (n > STEPS.seed)  # in both layouts


@pytest.mark.slow
def test_a_large_graph_is_shown_in_parts_that_hold_the_step():
    x = y = Value(0.5, "x")
    for k in range(30):
        y = (y + x).tanh() if k % 2 else y * 1.5
    steps = trace(y)
    text = slide_page(steps)
    assert len(text) < 3_000_000
    assert "a part of the graph of 46 values" in text
    seen = {"wide": [], "tall": []}
    for section in sections(text):
        for look, view, inside in re.findall(r'<svg class="graph (\w+)" viewBox="([^"]*)"(.*?)</svg>', section, re.S):
            left, upper, width, height = map(float, view.split())
            active = re.findall(r'class="box (?:active|target) \w+"><rect x="(\S+)" y="(\S+)" width="(\S+)"', inside)
            assert active
            for x, y, wide in ([*map(float, box)] for box in active):
                assert left - 1 <= x <= x + wide <= left + width + 1
                assert upper - 1 <= y <= upper + height + 1
            seen[look].append(view)
    for views in seen.values():
        changes = sum(a != b for a, b in itertools.pairwise(views))
        assert 0 < changes < len(views) / 2


@pytest.mark.parametrize("name", [*HOSTILE, "</section>", "<script>alert(1)</script>", "{style}"], ids=ascii)
def test_hostile_names_are_text(name):
    text = slide_page(trace(Value(2.0, name) * Value(3.0, "b")), steps=[2])
    assert set(re.findall(r"<(\w+)", text.split("<main>")[1].split("</main>")[0])) <= {
        "section", "h1", "svg", "g", "rect", "path", "text", "div", "p",
    }  # fmt: skip
    assert text.count("<script") == 1


def test_sizes_and_refusals(tmp_path):
    assert "--words:56px" in slide_page(STEPS, [0], scale=2.0)
    for scale in (0.0, -1.0, float("nan"), 11.0):
        with pytest.raises(ValueError, match=r"the scale is a number from 0\.1 to 10, got"):
            slide_page(STEPS, [0], scale=scale)
    with pytest.raises(IndexError, match="there is no step 8"):
        slides(STEPS, tmp_path / "a.html", [8])
    with pytest.raises(OSError, match="cannot write there"):
        slides(STEPS, tmp_path / "nowhere" / "a.html")
    assert list(tmp_path.iterdir()) == []

"""A flag is one row of one table: a row more, and every view knows it."""

from __future__ import annotations

import json
import re

import pytest

from autograd_tiny import Value
from autograd_tiny.stepper.breakpoints import BreakpointError, grammar
from autograd_tiny.stepper.diagnosis import diagnose
from autograd_tiny.stepper.events import Backward
from autograd_tiny.stepper.flags import FLAGS, Flag, flags_of
from autograd_tiny.stepper.narration import explain_step
from autograd_tiny.stepper.trace_json import from_json, to_json
from autograd_tiny.stepper.traces import trace
from autograd_tiny.stepper.views.page import page, write_page

STEEP = Flag(
    lambda step: isinstance(step, Backward) and abs(step.local) > 100,
    hint="the slope is above 100",
    sentence="steep: a small change moves the result far",
    symptom="have a slope above 100",
)


def steps():
    return trace(Value(3.0, "a") * 200.0 + 1.0)


@pytest.fixture
def steep(monkeypatch):
    assert "steep" not in FLAGS
    monkeypatch.setitem(FLAGS, "steep", STEEP)


def test_no_view_knows_a_flag_without_a_row():
    with pytest.raises(BreakpointError, match="'steep' is not a breakpoint"):
        steps().breakpoint("steep")
    assert "steep" not in page(steps())


@pytest.mark.usefixtures("steep")
def test_a_row_more_is_a_flag_in_every_view():
    found = steps()
    n = found.find("steep")
    assert [flags_of(step) for step in found].index(("steep",)) == n == len(found) - 1
    assert "steep" in grammar().split(", ")
    with pytest.raises(BreakpointError, match=re.escape(grammar())):
        found.breakpoint("often")
    assert explain_step(found, n).context.endswith(STEEP.sentence)
    assert "steep: 1 of 3 values has a slope above 100: a * 200" in str(diagnose(found))
    assert json.loads(to_json(found))["steps"][n]["flags"] == ["steep"]
    assert from_json(to_json(found)).find("steep") == n


@pytest.mark.usefixtures("steep")
@pytest.mark.browser
def test_a_row_more_is_a_flag_on_the_page(browser, tmp_path):
    found = steps()
    opened = browser.new_page()
    opened.goto(write_page(found, tmp_path / "page.html").as_uri())
    assert opened.get_attribute("#grammar option[value=steep]", "label") == STEEP.hint
    assert "steep" in opened.text_content("#help")
    ticks = opened.get_attribute("#ticks .flag", "d")
    opened.fill("#break", "steep")
    opened.press("#break", "Enter")
    assert opened.inner_text("#breaking li").split() == ["steep:", "1", "step", "×"]
    opened.keyboard.press("c")
    n = opened.evaluate("now")
    assert n == found.find("steep")
    assert ticks == f"M{n + 0.5} 6V10"
    assert opened.inner_text("#context").endswith(STEEP.sentence)
    opened.fill("#break", "often")
    opened.press("#break", "Enter")
    assert grammar() in opened.inner_text("#message")
    opened.close()

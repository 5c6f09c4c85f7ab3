"""Test work sheets: blanks where a number is asked, answers that are the trace's, names that are text, paper."""

from __future__ import annotations

import re

import pytest
from hostile import HOSTILE

from autograd_tiny import Value
from autograd_tiny.engine.digits import short
from autograd_tiny.stepper.events import Backward
from autograd_tiny.stepper.traces import trace
from autograd_tiny.stepper.views.worksheet import worksheet
from autograd_tiny.stepper.views.worksheet.page import page
from autograd_tiny.stepper.views.worksheet.questions import Answer, markdown, questions


def neuron():
    x1, x2, w1, w2, b = Value(2.0, "x1"), Value(0.0, "x2"), Value(-3.0, "w1"), Value(1.0, "w2"), Value(6.88, "b")
    y = (x1 * w1 + x2 * w2 + b).tanh() * x1
    y.name = "y"
    w2.grad = 0.25  # left over from an earlier backward()
    return trace(y)


STEPS = neuron()


def answers(heading):
    (part,) = [part for part in questions(STEPS) if part.heading == heading]
    return [[str(cell) for cell in row if isinstance(cell, Answer)] for row in part.rows]


def test_the_answers_are_those_of_the_trace():
    passes = [step for step in STEPS if isinstance(step, Backward)]
    assert answers("Backward") == [
        [short(x) for x in (step.upstream, step.local, step.contribution, step.after)] for step in passes
    ]
    for (text,), step in zip(answers("Local derivatives"), passes, strict=True):
        assert text.endswith(short(step.local))
    assert [row[0].rpartition(" ")[2] for row in answers("Forward")] == [
        short(node.data) for node in STEPS.nodes if node.op
    ]
    end = STEPS.at(len(STEPS) - 1)
    twice = [step.operand for step in passes if step.of > 1 and step.final]
    assert [node.name for node in twice] == ["x1"]
    assert [row[1] for row in answers("Sums") if "0.25" not in row[0]] == [short(end.grad(node)) for node in twice]
    assert ["0.25 + 0", "0.25"] in answers("Sums")
    leaves = [node for node in STEPS.nodes if node.op is None]
    assert [float(text) for (text,) in answers("Nudges")] == pytest.approx(
        [0.01 * (end.grad(node) - (STEPS.at(-1).grad(node) or 0.0)) for node in leaves], rel=1e-3
    )


def test_questions_do_not_give_the_answers_away():
    text = page(STEPS)
    assert text.count('class="blank"') == sum(
        isinstance(cell, Answer) for part in questions(STEPS) for row in part.rows for cell in row
    )
    assert 'class="right"' not in text
    assert "Answers" not in text
    numbers = re.findall(r'class="(data|grad)">\w+ ([^<]*)<', text)
    blanks = {"data": sum(node.op is not None for node in STEPS.nodes), "grad": len(STEPS.nodes) - 1}
    for kind, count in blanks.items():
        assert [x for name, x in numbers if name == kind].count("________") == count
    assert ("grad", "1") in numbers  # the seed
    whole = page(STEPS, answers=True)
    assert whole.startswith(text.partition("</main>")[0])
    assert whole.count('class="right"') == text.count('class="blank"')
    assert markdown(STEPS, answers=True).startswith(markdown(STEPS).rstrip())


@pytest.mark.parametrize("name", [*HOSTILE, "</table>", "<script>alert(1)</script>", "{style}", "|"], ids=ascii)
def test_hostile_names_are_text(name):
    steps = trace(Value(2.0, name) * Value(3.0, "b"))
    text = page(steps, answers=True)
    assert set(re.findall(r"<(\w+)", text.split("<main>")[1])) <= {
        "h1", "p", "figure", "svg", "g", "rect", "path", "text", "section", "h2", "table", "thead", "tbody", "tr", "th",
        "td", "div", "ul", "li",
    }  # fmt: skip
    tables = [line for line in markdown(steps).splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in tables} <= {3, 4, 5, 6, 7}


def test_refusals(tmp_path):
    with pytest.raises(ValueError, match=r"sheet\.pdf: expected a name ending in \.html or \.md, such as sheet\.html"):
        worksheet(STEPS, "sheet.pdf")
    with pytest.raises(OSError, match="cannot write there"):
        worksheet(STEPS, tmp_path / "nowhere" / "sheet.md")
    with pytest.raises(ValueError, match="x is given: there is nothing to compute"):
        worksheet(Value(1.0, "x"), tmp_path / "sheet.md")
    y = Value(1.0, "x")
    for _ in range(60):
        y = y + 1.0
    with pytest.raises(ValueError, match="too large for a work sheet: 61 values, and the limit is 60"):
        worksheet(y, tmp_path / "sheet.html")
    assert list(tmp_path.iterdir()) == []

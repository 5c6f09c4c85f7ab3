"""Test exercises: the template is told what is missing, the key passes, each wrong answer is named with a number."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("mpmath", reason="the checker needs mpmath")

from autograd_tiny.cli.examining import EXERCISES
from autograd_tiny.cli.exercising import NAMES, TO_WRITE, read
from autograd_tiny.cli.main import main

ALL = [read(number) for number in range(1, len(NAMES) + 1)]
WRONG = [(exercise, words, text) for exercise in ALL for words, text in exercise.wrong]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = main([*map(str, arguments)])
        found = capsys.readouterr()
        assert "Traceback" not in found.out + found.err
        return code, found.out, found.err

    return run


def test_each_exercise_is_complete():
    assert list(NAMES) == list(EXERCISES)
    for exercise in ALL:
        assert len(exercise.wrong) >= 2, exercise.name
        for marker in ("# your turn", "# end", "# %%"):
            assert marker not in exercise.key
        assert exercise.template.count(TO_WRITE) >= 1
        assert "# %%" not in exercise.template


@pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.name)
def test_the_template_is_told_what_is_missing_and_the_key_passes(exercise, run, tmp_path):
    assert run("exercise", exercise.number, "-o", "mine.py") == (0, "mine.py\n", "")
    lines = (tmp_path / "mine.py").read_text(encoding="utf-8").split("\n")
    code, said, _ = run("exercise", exercise.number, "mine.py")
    assert code == 1
    assert re.findall(r"mine\.py:(\d+)", said) == [str(k) for k, line in enumerate(lines, 1) if TO_WRITE in line]
    assert said.rstrip().endswith("still to be written")

    code, key, _ = run("answer", exercise.number)
    (tmp_path / "key.py").write_text(key, encoding="utf-8")
    code, said, _ = run("exercise", exercise.number, "key.py")
    assert (code, said.startswith("right: ")) == (0, True), said


@pytest.mark.parametrize(("exercise", "words", "text"), WRONG, ids=lambda x: getattr(x, "name", None))
def test_a_wrong_answer_is_named_with_a_number_that_shows_it(exercise, words, text, run, tmp_path):
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    code, said, _ = run("exercise", exercise.number, "mine.py")
    first, *others = said.splitlines()
    assert code == 1
    assert first.startswith("mine.py is not right yet: ")
    assert re.search(r"\d", first)
    assert not re.search(r"\bv\d", first)
    assert others[-1] == words
    if " along " not in first and re.search(r"is (\S+), and (right|the exact one) is (\S+)$", first):
        got, _, exact = re.search(r"is (\S+), and (right|the exact one) is (\S+)$", first).groups()
        assert float(got) != float(exact)


ODD = [
    (1, "def slope(x): return None", 1, "slope(0.5) returned None: expected a number"),
    (1, "def slope(x): return 2.5 * x", 1, "your slope for x is 1.25, and the exact one is 0.7864"),
    (1, "def slope(x): return float('nan')", 1, "your slope for x is nan"),
    (
        1,
        "import math\ndef slope(x): return (math.tanh(x + 1e-6) - math.tanh(x - 1e-6)) / 2e-6",
        1,
        "nearly: a formula is exact, and a difference of nearby values loses digits",
    ),
    (1, "def slope(): return 1", 2, "mine.py: TypeError: slope() takes 0 positional arguments but 1 was given"),
    (1, "def slope(x):\n    return 1 / 0", 2, "mine.py:2: ZeroDivisionError"),
    (1, "def slope(x)\n    return 1", 2, "mine.py:1: SyntaxError"),
    (1, "y = 1", 2, "mine.py has no function slope"),
    (2, "def slopes(a, b): return b", 1, "slopes(2, 3) returned 3.0: expected 2 numbers"),
    (5, "def hand_down(value): pass", 1, "b.grad is 0, and right is 2"),
    (5, "def hand_down(value):\n    value.operand.grad = 1", 2, "mine.py:2: AttributeError"),
    (6, "def order(output): return None", 1, "order returned None: expected a list of Values"),
    (6, "def order(output): return [output]", 1, "a is not in the list"),
    (6, "def order(output): return [1]", 1, "order returned [1]: expected a list of Values"),
    (6, "def order(v): return order(v)", 2, "RecursionError"),
    (7, "class Number:\n    def __init__(self, data): self.data, self.grad = data, 0.0", 1, "Number has no mul yet"),
    (
        7,
        "class Number:\n    def __init__(self, data): self.data = data\n    def __mul__(self, other): pass",
        1,
        "mul returned None: expected a Number",
    ),
]


@pytest.mark.parametrize(("number", "text", "code", "said"), ODD)
def test_odd_answers(number, text, code, said, run, tmp_path):
    (tmp_path / "mine.py").write_text(text + "\n", encoding="utf-8")
    found = run("exercise", number, "mine.py")
    assert (found[0], said in found[1] + found[2]) == (code, True), found


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "import math\ndef slope(x): return 1 / math.cosh(x) ** 2"),
        (1, "from math import *\ndef slope(x): return 4 / (exp(x) + exp(-x)) ** 2"),
        (3, "def slopes(a, b): return (1, 0) if a >= b else (0, 1)"),  # a subgradient, too
        (4, "import math\nslope = lambda x: 2 * (x * math.cos(x**2))"),
        (
            5,
            "def hand_down(v):\n    for i, x in enumerate(v.operands): x.grad += v.local_derivatives[i] * v.grad",
        ),
    ],
)
def test_a_key_written_another_way_passes(number, text, run, tmp_path):
    (tmp_path / "mine.py").write_text(f"{text}\n", encoding="utf-8")
    code, said, _ = run("exercise", number, "mine.py")
    assert (code, said.startswith("right: ")) == (0, True), said


def test_the_list_and_refusals(run, tmp_path):
    code, said, _ = run("exercise")
    assert code == 0
    for exercise in ALL:
        assert f"{exercise.number}  {exercise.title}\n" in said
    (tmp_path / "mine.py").write_text("my work", encoding="utf-8")
    for arguments, words in (
        (("exercise", 1, "-o", "mine.py"), "mine.py is there already, and what is written in it would be lost"),
        (("exercise", 1, "-o", "nowhere/mine.py"), "cannot write there"),
        (("exercise", 1, "gone.py"), "gone.py: no such file"),
        (("exercise", 1, "mine.py", "-o", "other.py"), "not both"),
        (("exercise", 0), "there is no exercise 0: they are 1 to 7"),
        (("answer", "tanh"), "there is no exercise tanh: they are 1 to 7"),
    ):
        code, said, complaint = run(*arguments)
        assert (code, said) == (2, "")
        assert words in complaint
    assert (tmp_path / "mine.py").read_text(encoding="utf-8") == "my work"
    assert run("exercise", 1)[1] == ALL[0].template

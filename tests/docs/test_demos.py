"""The demos run, and print their promised results."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from autograd_tiny.cli.main import main

pytestmark = pytest.mark.slow

DEMOS = Path(__file__).parents[2] / "demos"
PROMISES = {
    "1_formula.py": "one sweep:     ∂f/∂a = -9.77778  ∂f/∂b = 5.33333  ∂f/∂c = 2.66667",
    "2_neuron.py": "step 10   neuron -0.5000   error 0.0000",
    "3_penguins.py": "after:   loss 0.06",
    "4_check_an_engine.py": "hint: one path is kept, the others are lost",
    "5_check_a_function.py": "off by a factor of 1 + 1.000e-09",
    "6_check_a_framework.py": "with its two rules swapped: The derivative does not match",
    "7_compile.py": "after:   loss 0.0468   right on 99% of the others",
    "8_gpt.py": "made up: ",
}
ARGUMENTS = {"8_gpt.py": ["--quick"]}


@pytest.mark.parametrize("demo", sorted(path.name for path in DEMOS.glob("[0-9]*.py")))
def test_demo(demo, tmp_path):
    if demo.startswith("6"):
        pytest.importorskip("autograd", reason="demo 6 needs autograd")
    if demo.startswith(("7", "8")):
        pytest.importorskip("numpy", reason=f"demo {demo[0]} needs NumPy")
    done = subprocess.run(
        [sys.executable, DEMOS / demo, *ARGUMENTS.get(demo, ())], capture_output=True, text=True, check=False,
        encoding="utf-8", cwd=tmp_path, env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert PROMISES[demo] in done.stdout


def test_a_training_step_can_be_stepped_through():
    done = subprocess.run(
        [sys.executable, "-m", "autograd_tiny", "step", DEMOS / "3_penguins.py:loss"],
        capture_output=True, text=True, encoding="utf-8", check=True, env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert "loss = softplus(-1 * score)" in done.stdout
    assert "use 4 of 4, final  local = layers[0].neurons[0].w[0]" in done.stdout


STORIES = {
    "pendulum.py": "step 60   friction 0.3517   length 0.5997",
    "option.py": "gamma     0.0278   in the books    0.0278",
    "reach.py": "the hand is at (0.5000, 1.2000), 0.0000 away",
}


@pytest.mark.parametrize("story", sorted(path.name for path in (DEMOS / "stories").glob("*.py")))
def test_a_story_prints_its_end_and_writes_its_page(story, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    module = runpy.run_path(str(DEMOS / "stories" / story), run_name="__main__")
    assert STORIES[story] in capsys.readouterr().out
    (page,) = (tmp_path / "out").iterdir()
    assert "BACKWARD" in page.read_text(encoding="utf-8")
    look = re.search(r"^Look: autograd-tiny (\w+) demos/stories/(\w+\.py):(\w+)$", module["__doc__"], re.M)
    assert look[2] == story
    assert main([look[1], f"{DEMOS / 'stories' / story}:{look[3]}"]) == 0

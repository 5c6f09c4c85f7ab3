"""The README quotes the real code, and shows what the commands print."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import autograd_tiny

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FILES = sorted(Path(autograd_tiny.__file__).parent.rglob("*.py"))
SOURCES = " ".join("\n".join(path.read_text(encoding="utf-8") for path in FILES).split())
QUOTED = [block for block in re.findall(r"```python\n(.*?)```", README, re.S) if ">>>" not in block]


@pytest.mark.parametrize("block", QUOTED)
def test_quoted_code_is_the_real_code(block):
    for line in block.splitlines() if "Op(" in block else [block]:
        assert " ".join(line.split()) in SOURCES


def test_the_step_shown_is_the_step_printed():
    (shown,) = re.findall(r"\$ autograd-tiny step \"tanh.*?\n(.*?)```", README, re.S)
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-m", "autograd_tiny", "step", "tanh(x1*w1 + x2*w2 + b)", "x1=2", "x2=0", "w1=-3", "w2=1", "b=6.88"],
        capture_output=True, check=True, encoding="utf-8",
    )  # fmt: skip
    assert set(shown.splitlines()) - {"   …"} <= set(done.stdout.splitlines())


def test_every_file_is_in_the_reading_order():
    for path in Path(autograd_tiny.__file__).parent.glob("[!_]*.py"):
        assert f"`{path.name}`" in README
    for link in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / link).exists()


def test_the_picture_is_the_one_that_is_drawn(tmp_path):
    neuron = re.search(r"^NEURON := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    arguments = [argument.strip('"') for argument in re.findall(r'"[^"]*"|\S+', neuron[1])]
    path = tmp_path / "neuron.svg"
    subprocess.run(
        [sys.executable, "-m", "autograd_tiny", "draw", *arguments, "-o", path], check=True, capture_output=True
    )
    shown = [
        re.findall(r"<text[^>]*>(.*?)</text>", p.read_text(encoding="utf-8")) for p in (path, ROOT / "demos/neuron.svg")
    ]
    assert shown[0] == shown[1]

"""LaTeX compiles the document for any names, and shows every box, arrow and frame of the picture."""

from __future__ import annotations

import itertools
import math
import re
import shutil
import subprocess

import pytest
from hostile import HOSTILE
from hypothesis import given, settings

from autograd_tiny import Value
from autograd_tiny.check import programs
from autograd_tiny.nn.modules import MLP
from autograd_tiny.pictures.drawing import draw
from autograd_tiny.pictures.picture import Arrow, Box, Line, Picture
from autograd_tiny.pictures.writers.tikzpicture import LARGEST_PAGE, tikz
from autograd_tiny.stepper.traces import trace
from autograd_tiny.stepper.views import sequence as frames

NUMBER = r"-?\d+\.\d\d"
# Text that LaTeX or a slide would interpret, or has no letters for.
OBEYED = [
    "<1->[x]--",
    "?`!`<<>>,,''",
    "αβγ∂∇ ≈ √2 ± x²",
    "\\input{/etc/passwd}",
    "\\end{document}",
    "שלום🎉",
    "a\\b{c}%$#_&~^|",
]
NAMES = [*HOSTILE, *OBEYED, "é ß ÿ ð"]


def network():
    module = MLP(2, [3, 1], seed=0)
    y = module([Value(1.0, "x"), Value(2.0, "z")])
    y.backward()
    return draw(y).picture


def hostile():
    boxes = [
        Box(
            f"n{i}",
            name,
            (Line("data", "-1e-05"), Line("grad", "–")),
            note=name,
            scope=f"f[{i // 2!r}].x",
            tooltip=name,
            count=i % 3,
        )
        for i, name in enumerate(NAMES)
    ]
    arrows = [Arrow("n0", box.key, label=box.title, bold=i % 2 == 0) for i, box in enumerate(boxes) if i]
    return Picture(tuple(boxes), tuple(arrows), caption=tuple(NAMES))


@settings(max_examples=15)
@given(programs())
def test_every_box_and_arrow_is_there(program):
    picture = draw(program.value(), show={"data", "local"}).picture
    text = tikz(picture)
    drawn = re.findall(r"^\\draw\[arrow.*", text, re.MULTILINE)
    assert len(set(drawn)) == len(drawn) == len(picture.arrows)  # no arrow covers another
    assert len(re.findall(r"^\\node\[local\]", text, re.MULTILINE)) == sum(
        bool(arrow.label) for arrow in picture.arrows
    )
    found = {
        int(name): (float(x), float(y), float(wide), float(high))
        for wide, high, name, x, y in re.findall(
            rf"minimum width=([\d.]+)pt, minimum height=([\d.]+)pt\] \(n(\d+)\) at \(({NUMBER}),({NUMBER})\)", text
        )
    }
    assert sorted(found) == list(range(len(picture.boxes)))
    number = {box.key: i for i, box in enumerate(picture.boxes)}
    ends = re.findall(
        rf"^\\draw\[arrow[^]]*\] \(({NUMBER}),({NUMBER})\).*\(({NUMBER}),({NUMBER})\);$", text, re.MULTILINE
    )
    for arrow, (x0, y0, x1, y1) in zip(picture.arrows, ends, strict=True):
        for key, at_x, at_y in ((arrow.tail, x0, y0), (arrow.head, x1, y1)):  # it touches both boxes
            x, y, wide, high = found[number[key]]
            assert abs(float(at_x) - x) <= wide / 2 + 2
            assert abs(float(at_y) - y) <= high / 2 + 2


def test_frames_hold_their_boxes_and_nothing_else():
    picture = network()
    text = tikz(picture)
    titles = re.findall(r"^\\node\[frametitle\] at \(.*\) \{(.*)\};$", text, re.MULTILINE)
    assert sorted(titles) == ["layers[0]", "layers[1].neurons[0]", "neurons[0]", "neurons[1]", "neurons[2]"]
    corners = re.findall(
        rf"^\\draw\[frame\] \(({NUMBER}),({NUMBER})\) rectangle \(({NUMBER}),({NUMBER})\);$", text, re.MULTILINE
    )
    middles = [(float(x), float(y)) for x, y in re.findall(rf"\(n\d+\) at \(({NUMBER}),({NUMBER})\)", text)]
    scopes = [box.scope for box in picture.boxes]
    inside = sorted(
        sum(float(left) < x < float(right) and float(bottom) < y < float(top) for x, y in middles)
        for left, bottom, right, top in corners
    )
    of = [
        sum(scope.startswith(path) for scope in scopes)
        for path in ("layers[0]", *(f"layers[0].neurons[{i}]" for i in range(3)), "layers[1]")
    ]
    assert inside == sorted(of)


def test_what_is_beyond_a_page_of_tex_is_made_smaller():
    boxes = tuple(Box(f"n{i}", "v" * 40) for i in range(100))
    text = tikz(Picture(boxes, tuple(Arrow(a.key, b.key) for a, b in itertools.pairwise(boxes))))
    lengths = [float(x) for x in re.findall(r"-?\d+\.\d+(?=pt|,|\))", text)]
    assert 0.9 * LARGEST_PAGE < max(lengths) < 1.1 * LARGEST_PAGE
    assert re.search(r"scale=0\.\d+", text)


def test_nothing_obeys_a_name():
    text = tikz(hostile())
    assert text.count("\\end{document}") == text.count("\\begin{document}") == 1
    assert "\\input" not in text
    assert all(c.isascii() or "À" <= c <= "ÿ" for c in text)


@pytest.mark.latex
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX here: apt-get install texlive-latex-recommended")
@pytest.mark.parametrize("what", ["hostile", "network", "long", "slides", "hostile slides"])
def test_latex_takes_it(what, tmp_path):
    pages = 1
    if what.endswith("slides"):
        a = Value(3.0, "a")
        y = math.prod(Value(2.0, name) for name in OBEYED) if what.startswith("hostile") else a * a + (a * 0.5).tanh()
        steps = trace(y)
        chosen = range(0, len(steps), 3)
        pages, text = len(chosen), frames.tikz(steps, chosen)
    elif what == "long":
        boxes = tuple(Box(f"n{i}", "v" * 40) for i in range(200))
        text = tikz(Picture(boxes, tuple(Arrow(a.key, b.key) for a, b in itertools.pairwise(boxes))))
    else:
        text = tikz(hostile() if what == "hostile" else network())
    (tmp_path / "picture.tex").write_text(text, encoding="utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "picture.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=False)
    log = (tmp_path / "picture.log").read_text(encoding="latin-1")
    assert done.returncode == 0, log[-2000:]
    assert f"Output written on picture.pdf ({pages} page" in log
    assert not re.findall(r"Overfull|Missing character|LaTeX Warning: (?!Label)", log)

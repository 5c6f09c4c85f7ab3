"""One more row of quantities adds a line to each box, in every format."""

from __future__ import annotations

import pytest

from autograd_tiny import Value
from autograd_tiny.nn.modules import MLP
from autograd_tiny.pictures import builder, labels, networks, options
from autograd_tiny.pictures.drawing import draw
from autograd_tiny.pictures.labels import QUANTITIES, Quantity
from autograd_tiny.pictures.networks.picture import network
from autograd_tiny.pictures.options import SHOWN_BY_DEFAULT, choices
from autograd_tiny.pictures.theme import Color
from autograd_tiny.stepper.traces import trace
from autograd_tiny.stepper.views.sequence import frame

USES = Quantity("operands", Color.SOFT, lambda v: float(len(v.operands)) or None)


def test_each_quantity_has_its_word_of_show():
    assert {quantity.label for quantity in QUANTITIES} <= set(choices("show"))


@pytest.mark.parametrize("suffix", [".svg", ".dot", ".mmd", ".tex"])
def test_a_line_more_is_one_row_and_stands_in_every_format(suffix, tmp_path, monkeypatch):
    for module in (labels, builder, networks.picture):
        monkeypatch.setattr(module, "QUANTITIES", (*QUANTITIES, USES))
    y = MLP(2, [3, 1], seed=0)([Value(1.0, "x"), 2.0])
    monkeypatch.setattr(options, "choices", lambda name: (*choices(name), "operands"))
    text = draw(y, show=(*SHOWN_BY_DEFAULT, "operands")).write(tmp_path / f"a{suffix}").read_text(encoding="utf-8")
    assert text.count("operands 2") > 5
    assert any("operands 2" in box.tooltip for box in network(y).picture.boxes)


def test_a_frame_shows_names_with_backslashes_as_they_are():
    """Graphviz replaces a single backslash before N by the name of the node."""
    a = Value(2.0, "\\N\\G")
    svg = frame(trace(a * 2), 0).pipe("svg", encoding="utf-8")
    assert ">\\N\\G</text>" in svg
    assert ">FORWARD 1/4: \\N\\G is given</text>" in svg

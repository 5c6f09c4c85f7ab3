"""Parsing plain output finds every box and arrow of any graph, in order, for any labels."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograd_tiny.pictures.rendering.plain import places
from autograd_tiny.pictures.rendering.render import RenderError

LABELS = ["", "local 3", 'say \\"a\\" solid black', "1 2 3 4", "edge a b 4", "漢 🎉", "a" * 300]


@settings(max_examples=10)
@example([(0, 1, ""), (1, 0, "local 3"), (1, 0, "")])
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.sampled_from(LABELS)), min_size=1, max_size=12))
def test_every_box_and_arrow_is_found(arrows):
    lines = [f'n{a} -> n{b} [label="{label}", arrowhead=none]' for a, b, label in arrows if a != b]
    lines += [f"n{k} [width={k + 1}, height=0.5, fixedsize=true]" for k in range(6)]
    found = places("digraph {" + ";".join(lines) + "}")
    assert {name: round(box.width, 2) for name, box in found.boxes.items()} == {
        f"n{k}": 72.0 * (k + 1) for k in range(6)
    }
    assert all(0 < box.x < found.width and 0 < box.y < found.height for box in found.boxes.values())
    for (a, b), curves in found.by_ends().items():
        labels = [label for x, y, label in arrows if (f"n{x}", f"n{y}") == (a, b)]
        assert len(curves) == len(labels)
        for curve, label in zip(curves, labels, strict=True):
            assert len(curve.points) % 3 == 1
            assert (curve.label is None) == (label == "")
            for (x, y), name in zip((curve.points[0], curve.points[-1]), (a, b), strict=True):
                box = found.boxes[name]  # both ends touch their box
                assert abs(x - box.x) <= box.width / 2 + 1
                assert abs(y - box.y) <= box.height / 2 + 1
    assert sum(map(len, found.by_ends().values())) == len([1 for a, b, _ in arrows if a != b])


def test_what_is_no_graph_is_an_error():
    with pytest.raises(RenderError):
        places("digraph {")

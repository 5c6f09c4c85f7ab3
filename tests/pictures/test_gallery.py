"""The pictures of the gallery count every value and use in a box, on an arrow, or in the caption."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from autograd_tiny import Value
from autograd_tiny.engine.value import topological_order

pytestmark = pytest.mark.slow

FILE = Path(__file__).parents[2] / "demos" / "gallery.py"
spec = importlib.util.spec_from_file_location("gallery", FILE)
gallery = importlib.util.module_from_spec(spec)
spec.loader.exec_module(gallery)


def test_there_are_twenty_and_more():
    assert len(gallery.GALLERY) >= 20


@pytest.mark.parametrize("name", gallery.GALLERY)
def test_every_value_and_use_is_in_the_picture_or_counted(name, monkeypatch):
    drawn = []
    for how in ("draw", "network"):
        whole = getattr(gallery, how)
        monkeypatch.setattr(gallery, how, lambda y, whole=whole, **asked: drawn.append(y) or whole(y, **asked))
    _, make = gallery.GALLERY[name]
    graph = make()
    picture, (y,) = graph.picture, drawn
    if isinstance(y, Value):
        order = topological_order(y)
        assert picture.values == len(order)
        assert picture.uses == sum(len(v.parents) for v in order)
        if picture.left_out:
            assert f"{picture.left_out:,} of {picture.values:,} values are left out" in " ".join(picture.caption)
    shown = ET.fromstring(graph.pipe("svg")).iter("{http://www.w3.org/2000/svg}g")
    kinds = [g.get("class", "").split() for g in shown]
    assert sum("edge" in kind for kind in kinds) == len(picture.arrows)
    assert len([kind for kind in kinds if "node" in kind]) >= len(picture.boxes)


@pytest.mark.long
def test_the_page_shows_each(tmp_path, capsys):
    gallery.main(tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert all((tmp_path / f"{name}.svg").exists() and f'src="{name}.svg"' in page for name in gallery.GALLERY)
    assert {path.name for path in (tmp_path / "linked").iterdir()} == {"network.svg", "scalars.svg"}
    assert "index.html" in capsys.readouterr().out

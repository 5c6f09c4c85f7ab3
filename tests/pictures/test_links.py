"""A network and its scalars as two files: links lead from each to the other and back."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from urllib.parse import unquote

import pytest

from autograd_tiny import Value
from autograd_tiny.engine import ops
from autograd_tiny.nn.modules import MLP, Module, Neuron
from autograd_tiny.pictures.links import linked

HREF = "{http://www.w3.org/1999/xlink}href"


class Parts(Module):
    def __init__(self):
        self.parts = {"a <'b'> &.c": Neuron(1, seed=0), "d%20e": Neuron(1, seed=1)}
        self.name_parameters()

    def __call__(self, x):
        return ops.fsum(*(n([x]) for n in self.parts.values()))


def batch(model):
    return ops.fsum(*((model([k / 5, 1.0]) - 1) ** 2 for k in range(5)))


NETWORKS = {
    "small": lambda: (MLP(2, [3, 1], seed=0)([1.0, -1.0]) - 1) ** 2,
    "a batch": lambda: batch(MLP(2, [8, 8, 1], seed=0)),
    "folded": lambda: MLP(20, [20, 20, 1], seed=0)([Value(0.1 * k) for k in range(20)]) ** 2,
    "names": lambda: Parts()(Value(2.0)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_each_link_leads_to_the_same_module_or_the_nearest(name, tmp_path):
    y = NETWORKS[name]()
    y.backward()
    trees = {path.name: ET.parse(path) for path in linked(y, tmp_path / "new" / "folder")}
    assert list(trees) == ["network.svg", "scalars.svg"]
    ids = {file: {e.get("id") for e in tree.iter()} for file, tree in trees.items()}
    for file, tree in trees.items():
        assert not list(tree.iter("{http://www.w3.org/2000/svg}script"))
        links = [link.get(HREF) for link in tree.iter() if link.get(HREF)]
        assert len(set(links)) > 1
        for link in links:
            other, _, fragment = link.partition("#")
            assert {file, other} == set(trees)
            assert not fragment or unquote(fragment) in ids[other]
    circles = {link.get(HREF) for link in trees["network.svg"].iter() if link.get(HREF)}
    assert all("#" in link for link in circles)
    if name == "names":
        assert {unquote(link.partition("#")[2]) for link in circles} == {"parts[\"a <'b'> &.c\"]", "parts['d%20e']"}


def test_what_cannot_be_written_says_so(tmp_path):
    y = NETWORKS["small"]()
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(OSError, match="file"):
        linked(y, tmp_path / "file")
    with pytest.raises(ValueError, match="no module is known"):
        linked(Value(1.0) * 2, tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


@pytest.mark.browser
def test_a_click_leads_there_and_back(browser, tmp_path):
    first = linked(NETWORKS["small"](), tmp_path)[0]
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(first.as_uri())
    module = '[id="layers[0].neurons[1]"]'
    page.locator(f"{module} a").click(force=True)
    assert re.search(r"scalars\.svg#layers(\[|%5B)0", page.url)
    stroke = "e => getComputedStyle(e.querySelector('path, polygon')).strokeWidth"
    assert page.locator(module).evaluate(stroke) == "4px"
    page.locator(f"{module} a text").first.click()
    assert page.url.partition("#")[0] == first.as_uri()
    assert page.locator(module).evaluate(stroke.replace("path, polygon", "ellipse")) == "4px"
    page.close()

"""The renderer's SVG as a tree: made fit for any page, light and dark, texts in the middle of their boxes and as tooltips."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from autograd_tiny.pictures.theme import Color

NAMESPACE = "http://www.w3.org/2000/svg"
ET.register_namespace("", NAMESPACE)
ET.register_namespace("xlink", "http://www.w3.org/1999/xlink")
SVG, HREF = f"{{{NAMESPACE}}}", "{http://www.w3.org/1999/xlink}href"
FONTS = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', 'Noto Color Emoji', sans-serif"
# What Graphviz draws in a colour of its own is white or black.
DARK = {"black": Color.INK.dark} | {color.light: color.dark for color in Color if color.dark}
BOX = "box"  # the class of a node whose text is in its middle
_OWN = re.compile(r"(a_)?(node|edge|clust|graph)\d+")  # the ids that Graphviz gives, the same in every picture
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def finished(drawn: str, title: str) -> str:
    """The SVG that Graphviz wrote, with a title, with no document type, and with nothing that reaches out of it.

    Colours change where the screen is dark, not on paper; the rules hold within the picture only, so that it can stand
    in a page beside others.
    """
    root = read(drawn)
    root.set("class", "autograd-tiny")
    style = ET.Element(f"{SVG}style")
    style.text = _rules(drawn)
    root.insert(0, style)
    for group in root.iter(f"{SVG}g"):
        if _OWN.fullmatch(group.get("id", "")):
            del group.attrib["id"]
        _unwrapped(group)
        kind, name = group.get("class"), group.find(f"{SVG}title")
        if kind == "graph" and name is not None:
            name.text = title
        elif kind == f"node {BOX}":
            _in_the_middle(group)
        elif kind == "cluster":
            _at_the_edge(group)
    for text in root.iter(f"{SVG}text"):
        text.set("font-family", FONTS)
    return written(root)


def read(svg: str) -> ET.Element:
    """The tree of an SVG."""
    return ET.fromstring(svg)


def written(root: ET.Element) -> str:
    """The text of a tree.

    >>> print(written(read('<svg xmlns="http://www.w3.org/2000/svg" xmlns:x="http://www.w3.org/1999/xlink"><a x:href="b"/></svg>')))
    <?xml version="1.0" encoding="UTF-8"?>
    <svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><a xlink:href="b" /></svg>
    <BLANKLINE>
    """
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _rules(drawn: str) -> str:
    """A rule for each colour that is there: attributes weigh less than any rule, so nothing else needs to know of the dark."""
    rules = (
        f'.autograd-tiny [{what}="{light}"]{{{what}:{dark}}}'
        for light, dark in DARK.items()
        if f'"{light}"' in drawn
        for what in ("fill", "stroke")
    )
    return f"@media screen and (prefers-color-scheme:dark){{{''.join(rules)}}}"


def _unwrapped(group: ET.Element) -> None:
    """A tooltip as the title of its group, where browsers and screen readers look, and not as a link to nowhere."""
    name, told = group.find(f"{SVG}title"), False
    for inner in [*group]:
        link = inner.find(f"{SVG}a") if inner.tag == f"{SVG}g" and inner.get("class") is None else None
        if link is None:
            continue
        tooltip = link.attrib.pop("{http://www.w3.org/1999/xlink}title", None)
        if name is not None and tooltip:
            name.text, told = tooltip, True
        place = [*group].index(inner)
        group.remove(inner)
        kept = [link] if link.get(HREF) else [*link]
        for k, element in enumerate(kept):
            group.insert(place + k, element)
    if name is not None and not told and group.get("class") != "graph":
        group.remove(name)  # a key of the DOT text, which says nothing to anybody


def _bounds(group: ET.Element) -> tuple[float, float] | None:
    """The left and right end of its outline."""
    for shape in group.iter():
        drawn = shape.get("points") or shape.get("d")
        if drawn:
            xs = [float(x) for x in _NUMBER.findall(drawn)[::2]]
            return min(xs), max(xs)
    return None


def _in_the_middle(group: ET.Element) -> None:
    """dot measured the text in letters that this browser may not have."""
    if bounds := _bounds(group):
        for text in group.iter(f"{SVG}text"):
            text.set("text-anchor", "middle")
            text.set("x", f"{sum(bounds) / 2:.2f}")


def _at_the_edge(group: ET.Element) -> None:
    if bounds := _bounds(group):
        for text in group.iter(f"{SVG}text"):
            text.set("text-anchor", "start")
            text.set("x", f"{bounds[0] + 8:.2f}")

"""Write a picture as a Mermaid flowchart, which code hosts draw in place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from autograd_tiny.pictures.measure import shortened
from autograd_tiny.pictures.picture import Box, Frame, Picture, framed
from autograd_tiny.pictures.theme import Color

MOST_ARROWS, MOST_CHARACTERS = 500, 50_000  # Mermaid's default limits; a page cannot raise them
# Fill and letters are both set, so that a box is readable on any page; arrows take the colour of the page.
_CLASSES: dict[str, tuple[str, Callable[[Box], bool]]] = {
    "value": (
        f"fill:{Color.PAPER.light},color:{Color.INK.light},stroke:{Color.LINE.either}",
        lambda box: box.count > 0,
    ),
    "leaf": (f"fill:{Color.LEAF.light}", lambda box: box.kind == "leaf"),
    "output": (f"stroke:{Color.INK.either},stroke-width:3px", lambda box: box.kind == "output"),
    "marked": (f"stroke:{Color.INK.either},stroke-width:5px", lambda box: box.bold),
    "noted": (f"stroke:{Color.GRAD.light},stroke-width:4px", lambda box: bool(box.note)),
    "cut": ("fill:none,stroke:none", lambda box: box.count == 0),
}
_OTHER = {"scope": f"fill:none,stroke:{Color.LINE.either}", "caption": "fill:none,stroke:none"}
LONGEST_CAPTION_LINE = 200  # characters
# Letters that no version of Mermaid interprets; only a zero-width space works after `$` and `fa`.
_PLAIN = re.compile(r"[^\W_]|[,=/(\[\]]|(?<!\d)\)|\)(?! )|(?<!direction) |(?<=[^\W_])[.+](?=[^\W_])|-(?=[^\W_])")
_ICON = re.compile(r"(?<=\$)(?=\$)|(?<=fa)(?=[a-z]?:fa-)")


def mermaid(picture: Picture) -> str:
    """Write a flowchart, to be put between lines of ```` ```mermaid ```` and ```` ``` ```` in a Markdown file.

    >>> from autograd_tiny.pictures.picture import Arrow, Line
    >>> a, b = (Box(f"n{i}", title, (Line("data", x),)) for i, (title, x) in enumerate((("a", "3"), ("a * a", "9"))))
    >>> print(*mermaid(Picture((a, b), (Arrow("n0", "n1"), Arrow("n0", "n1")))).splitlines()[:5], sep="\\n")
    flowchart LR
    n0("a<br/>data 3")
    n1("a #42; a<br/>data 9")
    n0 --> n1
    n0 --> n1

    A box of several values has double side lines. Raises ValueError for more than 500 arrows or 50,000
    characters, the limits of Mermaid. Source: https://mermaid.js.org/syntax/flowchart.html
    """
    if len(picture.arrows) > MOST_ARROWS:
        raise ValueError(f"{len(picture.arrows):,} arrows are too many: Mermaid draws {MOST_ARROWS}. {_SMALLER}")
    ids = {box.key: f"n{i}" for i, box in enumerate(picture.boxes)}
    scopes: list[str] = []
    lines = [f"flowchart {picture.rankdir}", *_inside(framed(picture.boxes), ids, scopes)]
    for arrow in picture.arrows:
        label = f"|{_label([shortened(arrow.label)])}|" if arrow.label else ""
        lines.append(f"{ids[arrow.tail]} {'==>' if arrow.bold else '-->'}{label} {ids[arrow.head]}")
    members = {name: [ids[box.key] for box in picture.boxes if has(box)] for name, (_, has) in _CLASSES.items()}
    members["scope"] = scopes
    if picture.caption:
        lines.append(f"caption[{_label(shortened(line, LONGEST_CAPTION_LINE) for line in picture.caption)}]")
        members["caption"] = ["caption"]
    looks = {name: look for name, (look, _) in _CLASSES.items()} | _OTHER
    for name, found in members.items():
        if found:
            lines += [f"classDef {name} {looks[name]}", f"class {','.join(found)} {name}"]
    text = "\n".join(lines) + "\n"
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"{len(text):,} characters are too many: Mermaid draws {MOST_CHARACTERS:,}. {_SMALLER}")
    return text


_SMALLER = "Fold the graph or draw a part of it, or write .svg"


def _inside(frame: Frame, ids: dict[str, str], scopes: list[str]) -> Iterator[str]:
    """Lines for the boxes and inner frames of a frame; ids of frames are appended to `scopes`."""
    for box in frame.boxes:
        texts = [frame.title(box), *map(str, box.lines), *box.note.splitlines()]
        left, right = ("[[", "]]") if box.count > 1 else ("(", ")")
        yield f"{ids[box.key]}{left}{_label([shortened(text) for text in texts if text] or [' '])}{right}"
    for inner in frame.frames:
        scopes.append(f"s{len(scopes)}")
        yield f"subgraph {scopes[-1]}[{_label([shortened(frame.title(Box('', inner.path)))])}]"
        yield from _inside(inner, ids, scopes)
        yield "end"


def _label(lines: Iterable[str]) -> str:
    return f'"{"<br/>".join(map(_escaped, lines))}"'


def _escaped(text: str) -> str:
    """Escape every character that Mermaid may interpret by its code point."""
    text = _ICON.sub("\u200b", text)
    plain = {match.start() for match in _PLAIN.finditer(text)}
    return "".join(c if i in plain else f"#{ord(c)};" for i, c in enumerate(text))

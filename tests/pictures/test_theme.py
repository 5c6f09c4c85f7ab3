"""Every colour is defined once, in the theme."""

from __future__ import annotations

import re
from pathlib import Path

import autograd_tiny
from autograd_tiny import Value
from autograd_tiny.pictures.drawing import draw
from autograd_tiny.pictures.theme import Color, style_sheet
from autograd_tiny.pictures.writers.svg import DARK

PACKAGE = Path(autograd_tiny.__file__).parent
HEX = re.compile(r"#(?:[0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})\b")


def test_no_file_but_the_theme_names_a_color_by_its_number():
    found = {
        f"{path.relative_to(PACKAGE)}:{n}: {match[0]}"
        for suffix in ("py", "css", "js", "html")
        for path in PACKAGE.rglob(f"*.{suffix}")
        if path.name != "theme.py"
        for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for match in HEX.finditer(line)
    }
    assert not found


def test_the_page_has_a_value_for_each_variable_that_it_uses_in_light_and_dark():
    css = (PACKAGE / "stepper/views/page/page.css").read_text(encoding="utf-8")
    light, dark = (set(re.findall(r"(--\w+):", block)) for block in style_sheet().splitlines())
    assert light == dark >= set(re.findall(r"var\((--\w+)\)", css))


def test_no_two_colors_of_a_picture_are_alike_on_white_and_differ_in_the_dark():
    assert len({color.light for color in Color}) == len(Color)
    assert set(DARK) == {"black", *(color.light for color in Color if color.dark)}


def test_a_picture_has_a_dark_rule_for_each_of_its_colors():
    a = Value(2.0, "a")
    svg = draw(a * a, notes={a: "look"}).pipe("svg", encoding="utf-8")
    style = svg[svg.index("<style>") : svg.index("</style>")]
    used = {found for found in re.findall(r'(?:fill|stroke)="([^"]+)"', svg.replace(style, "")) if found in DARK}
    assert used >= {"white", Color.GRAD.light, Color.VALUE.light, Color.LEAF.light}
    assert all(f'"{color}"]{{fill:{DARK[color]}}}' in style for color in used)
    assert f'"{Color.NEGATIVE.light}"' not in style

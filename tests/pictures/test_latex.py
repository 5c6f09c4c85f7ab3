"""Escaped text contains no command that LaTeX would run."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from autograd_tiny.pictures.measure import printable
from autograd_tiny.pictures.writers.latex import spelled, spline, tex

ANY = st.text(st.characters(codec=None) | st.sampled_from("\\{}%#&_^~$-<>|,`'\"?!αβ∂∇"), max_size=60)
# A command written by `tex`, with the braces that end its name.
OURS = re.compile(r"\\(?:[&%$#_{}]|text[a-z]+\{\}|ldots\{\})|\$(?:\\[A-Za-z]+|-|\^[23])\$|[-,]\{\}")


@given(ANY)
@example("?` !` <<a>> ,,b'' -- --- ff")
def test_nothing_special_is_left(text):
    written = OURS.sub("", tex(printable(text)))
    assert not re.findall(r"[\\{}%#&_^~$<>|`'\",]", written)
    assert "-" not in written.replace("---", "").replace("--", "")
    assert all(c.isascii() or "À" <= c <= "ÿ" for c in written)


@given(ANY, ANY)
def test_letters_do_not_meet(a, b):
    """Escaping a text does not depend on the text beside it, except for a minus."""
    a, b = a.replace("-", ""), b.replace("-", "")
    assert tex(a + b) == tex(a) + tex(b)
    assert spelled(spelled(a)) == spelled(a)


NEAR = st.floats(-1e4, 1e4)


@given(st.lists(st.tuples(NEAR, NEAR), min_size=4, max_size=4 + 3 * 5).filter(lambda p: len(p) % 3 == 1))
def test_a_spline_goes_through_every_point(points):
    written = [(float(x), float(y)) for x, y in re.findall(r"\((-?[\d.]+),(-?[\d.]+)\)", spline(points))]
    assert [(round(x, 2), round(y, 2)) for x, y in points] == written
    assert spline(points).count("controls") == len(points) // 3

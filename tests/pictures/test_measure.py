"""The estimated width of a text is an upper bound, and truncation is marked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny.pictures.measure import printable, shortened, text_width, wrapped

ANY = st.text(st.characters(codec=None), max_size=200)


@given(ANY, ANY)
def test_a_longer_text_is_wider_and_letters_add_up(a, b):
    assert text_width(a + b) == pytest.approx(text_width(a) + text_width(b))
    assert text_width(a, 22) == pytest.approx(2 * text_width(a, 11))
    assert text_width("") == 0


@given(ANY)
def test_printable_is_one_line_of_as_many_characters(text):
    shown = printable(text)
    assert len(shown) == len(text)
    assert shown.isprintable()
    assert all(c in (was, "·") for c, was in zip(shown, text, strict=True))
    assert printable(shown) == shown


@given(ANY, st.integers(3, 80))
def test_a_shortened_text_keeps_both_ends(text, longest):
    shown, whole = shortened(text, longest), printable(text)
    assert len(shown) == min(len(text), longest)
    head, _, tail = (
        (shown, "", shown) if len(text) <= longest else shown.partition("…") if "…" not in whole else ("",) * 3
    )
    assert whole.startswith(head)
    assert whole.endswith(tail)


@given(ANY, st.integers(3, 80), st.integers(1, 4))
def test_wrapped_lines_fit_and_lose_no_word_unsaid(text, longest, most):
    lines = wrapped(text, longest, most)
    assert 1 <= len(lines) <= most
    assert all(len(line) <= longest and line.isprintable() for line in lines)
    joined, whole = "".join(lines).replace(" ", ""), printable(text).replace(" ", "")
    assert joined == whole or lines[-1].endswith("…")
    assert whole.startswith(joined.removesuffix("…"))

"""Escape text that Graphviz shall show unchanged."""

from __future__ import annotations

import graphviz  # type: ignore[import-untyped]

LONGEST_TOOLTIP = 400  # characters; graphviz takes quadratic time to quote a run of backslashes


def attribute(text: str) -> str:
    r"""Escape text for an attribute, in which Graphviz interprets backslashes and entities.

    >>> print(attribute(r"a\n &lt;"))
    a\\n &amp;lt;
    """
    # Not converted to str: the type keeps <b> from being read as an HTML-like label.
    return graphviz.escape(text.replace("&", "&amp;"))


def tooltip(text: str) -> str:
    r"""Escape text for a tooltip, in which backslashes are interpreted twice; a very long one is truncated.

    >>> print(tooltip(r"a\n"))
    a\\\\n
    """
    text = text if len(text) <= LONGEST_TOOLTIP else f"{text[: LONGEST_TOOLTIP - 1]}…"
    return graphviz.escape(attribute(text))

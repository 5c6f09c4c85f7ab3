"""Text that Graphviz shows as it is."""

from __future__ import annotations

import graphviz  # type: ignore[import-untyped]

LONGEST_TOOLTIP = 400  # characters; graphviz quotes a run of backslashes in the square of its length


def attribute(text: str) -> str:
    r"""For an attribute, in which Graphviz reads backslashes and entities.

    >>> print(attribute(r"a\n &lt;"))
    a\\n &amp;lt;
    """
    return graphviz.escape(text.replace("&", "&amp;"))  # no str(): its type says that <b> is no HTML-like label


def tooltip(text: str) -> str:
    r"""For a tooltip, in which it reads backslashes twice; the end of a very long one is left out.

    >>> print(tooltip(r"a\n"))
    a\\\\n
    """
    text = text if len(text) <= LONGEST_TOOLTIP else f"{text[: LONGEST_TOOLTIP - 1]}…"
    return graphviz.escape(attribute(text))

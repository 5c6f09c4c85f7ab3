"""Text that Graphviz shows as it is."""

from __future__ import annotations

import graphviz  # type: ignore[import-untyped]


def attribute(text: str) -> str:
    r"""For an attribute, in which Graphviz reads backslashes and entities.

    >>> print(attribute(r"a\n &lt;"))
    a\\n &amp;lt;
    """
    return graphviz.escape(text.replace("&", "&amp;"))  # no str(): its type says that <b> is no HTML-like label


def tooltip(text: str) -> str:
    r"""For a tooltip, in which it reads backslashes twice.

    >>> print(tooltip(r"a\n"))
    a\\\\n
    """
    return graphviz.escape(attribute(text))

"""Names of values as a reader inside their module needs them: w₀ for layers[0].neurons[3].w[0]."""

from __future__ import annotations

import re

from autograd_tiny.engine.names import number, spell
from autograd_tiny.engine.op import Spelled
from autograd_tiny.stepper.events import Node

_INDEXED = re.compile(r"(\w*[^\W\d_])((?:\[\d+\])+)")
_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def short_name(name: str, scope: str) -> str:
    """Write a name as it is called within a module: without the module's path, indices lowered, counted from 0.

    >>> short_name("layers[0].neurons[3].w[1]", "layers[0].neurons[3]"), short_name("w[1][12]", "")
    ('w₁', 'w₁,₁₂')
    >>> short_name("layers[0].neurons[3].w[1]", "layers[1].neurons[0]")  # seen from another module
    'layers[0].neurons[3].w[1]'
    """
    inner = name.removeprefix(f"{scope}.") if scope else name
    found = _INDEXED.fullmatch(inner)
    return found[1] + found[2][1:-1].replace("][", ",").translate(_LOWERED) if found else inner


def short_title(node: Node, longest: int) -> str:
    """Write a node's name and formula in short names; the name alone if both have more than `longest` characters."""
    label, written = _label(node, node.scope).text, short_formula(node)
    title = label if written in ("", label) else f"{label} = {written}"
    return title if len(title) <= longest else label


def short_label(node: Node) -> str:
    """Write what a node is called within its module; a node without a name is called by its formula."""
    return _label(node, node.scope).text


def short_formula(node: Node) -> str:
    """Write the op on the short names of its operands; "" for a leaf."""
    return _written(node, node.scope).text if node.op else ""


def short_text(text: str, *nodes: Node) -> str:
    """Write each node's name in a text as its short name; the text holds them as whole words."""
    for node in sorted(nodes, key=lambda node: -len(node.name)):
        if node.op is None and (short := short_name(node.name, node.scope)) != node.name:
            text = text.replace(node.name, short)
    return text


def _label(node: Node, scope: str) -> Spelled:
    """The name of a node as seen from a module; a node without one is called by its formula."""
    label = node.named.label
    if node.op is None or label.text != node.named.written:
        return Spelled(short_name(label.text, scope), label.binds)
    return _written(node, scope)


def _written(node: Node, scope: str) -> Spelled:
    assert node.op is not None
    return spell(node.op, [_label(x, scope) if isinstance(x, Node) else number(x) for x in node.operands])

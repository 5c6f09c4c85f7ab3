"""The first value and the first gradient that are not finite: where they begin, why, and what to write instead."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from autograd_tiny.engine.digits import short
from autograd_tiny.engine.names import number, spell
from autograd_tiny.engine.op import EDGES, Spelled
from autograd_tiny.engine.ops import add
from autograd_tiny.engine.tree import leaves
from autograd_tiny.stepper.events import Backward, Node
from autograd_tiny.stepper.traces import Trace

MOST_SEARCHED = 100_000  # numbers of a variable that are searched for the nan that was given
_WHERE = "select the operand with `where` before the function, not its result"
_SCALE = "scale the numbers, or add logarithms instead of multiplying"
_SHIFT = "subtract the largest exponent first, or write softplus or log1p for log(1 + exp(x))"
GIVEN = "replace or leave out such numbers before the computation: math.isfinite(x) finds them"
CANCELS = "keep both finite: clip them, or subtract before the function that overflows"

# Advice by op; {x} is the operand at the pole with `+ eps`.
POLES = {
    "sqrt": "({x}).sqrt() with a small eps, such as 1e-12",
    "cbrt": "({x}).cbrt() with a small eps, such as 1e-12",
    "pow": "({x}) ** p with a small eps, such as 1e-12",
    "log": "({x}).log() with a small eps, or log1p(u) for log(1 + u)",
    "log2": "({x}).log2() with a small eps",
    "log10": "({x}).log10() with a small eps",
    "div": "a / where(b, b, 1.0): select the denominator with `where` before dividing",
    "reciprocal": "1 / where(b, b, 1.0): select the denominator with `where` before dividing",
}
OVERFLOWS = dict.fromkeys(("exp", "expm1", "sinh", "cosh"), _SHIFT)
CANCELLING = ("add", "sub", "fsum")


def first_value(steps: Trace, variables: Mapping[str, Any]) -> list[str]:
    """Tell the first value that is not finite, and the first that is nan although no operand is.

    `variables` are searched for a number that was given as nan or inf.
    """
    began: str | None = None
    for node in steps.nodes:
        if math.isfinite(node.data):
            continue
        if node.op is None:  # the variables are those of the code that reads it
            reader = next((user for user in steps.nodes if any(x is node for x in user.operands)), node)
            told = _given(node, reader, {**_module_variables(reader), **variables})
        else:
            told = _value(node, {**_module_variables(node), **variables})
        if not told:
            continue
        if math.isnan(node.data) and node.op is not None and began is not None:
            return [began, told]  # the inf came first, the nan from it
        began = began or told
        if math.isnan(node.data):
            break
    return [began] if began else []


def _given(node: Node, reader: Node, variables: Mapping[str, Any]) -> str:
    """Tell where a leaf that is not finite was given; an input of a network, ``x[1]``, is item 1 of a row somewhere."""
    item = re.fullmatch(r"x\[(\d+)\]", node.name)
    ends = (f"[{item[1]}]", f", {item[1]}]") if item else ()
    found = (path for path in _paths_of(node.data, variables) if path.endswith(ends))
    return f"{_with_row(next(found, node.name))} is given as {node.data}{place(reader)}\n  try: {GIVEN}"


def _value(node: Node, variables: Mapping[str, Any]) -> str:
    """Tell why a value is not finite; "" if it only passes on what an operand is."""
    assert node.op is not None
    xs = numbers(node)
    title = f"{node.named.title} is {node.data}"
    computed = spell(node.op, [number(x) for x in xs]).text
    if given := [x for x in node.operands if not isinstance(x, Node) and not math.isfinite(x)]:
        path = next(_paths_of(given[0], variables), "")
        said = f"{_with_row(path)} is given as {given[0]}" if path else f"an operand is given as {given[0]}"
        return f"{title}: {said}{place(node)}\n  try: {GIVEN}"
    if all(map(math.isfinite, xs)):
        return f"{title}, the first value that is not finite: {_from_finite(node, xs, computed)}"
    if math.isnan(node.data) and not any(map(math.isnan, xs)):
        advice = CANCELS if node.op.name in CANCELLING else _WHERE
        return f"{title}: {computed} has no value{place(node)}\n  try: {advice}"
    return ""


def _from_finite(node: Node, xs: list[float], computed: str) -> str:
    assert node.op is not None
    if math.isnan(node.data):
        return f"{computed} has no value{place(node)}\n  try: {_WHERE}"
    if at_pole(node):
        return f"{computed} is at a pole{place(node)}\n  try: {_at_pole(node, 0)}"
    advice = OVERFLOWS.get(node.op.name, _SCALE)
    return f"{computed} overflows, it is larger than any float{place(node)}\n  try: {advice}"


def first_gradient(steps: Trace) -> list[str]:
    """Tell the first contribution that is not finite, and its reason."""
    for n in range(steps.seed + 1, len(steps)):
        step = steps[n]
        if isinstance(step, Backward) and not math.isfinite(step.after):
            why, advice = _gradient(step)
            start = f"the gradient of {step.operand.name} is {step.after} from {step.node.named.title} on: "
            return [start + why + place(step.node) + (f"\n  try: {advice}" if advice else "")]
    return []


def _gradient(step: Backward) -> tuple[str, str]:
    node = step.node
    at = ", ".join(f"{x.name} = {short(x.data)}" for x in node.operands if isinstance(x, Node))
    local = f"∂{_(node.named.written)}/∂{_(step.operand.name)}"
    if not math.isfinite(step.upstream):
        return f"the upstream gradient is {step.upstream} already", ""
    if not math.isfinite(step.local):
        if not all(map(math.isfinite, (node.data, *numbers(node)))):
            return f"the local derivative {local} is {step.local}, because not all of its numbers are finite", ""
        if not at_pole(node) and math.isinf(step.local):
            return f"it overflows, the local derivative {local} is larger than any float where {at}", _SCALE
        advice = _at_pole(node, step.i)
        if step.upstream == 0:
            return f"0 × {step.local}: the upstream gradient is 0, and {local} has a pole where {at}", advice
        return f"it has a pole, the local derivative {local} is {step.local} where {at}", advice
    if not math.isfinite(step.contribution):
        return f"{short(step.upstream)} × {short(step.local)} overflows, it is larger than any float", _SCALE
    if not math.isfinite(step.before):
        return f"it was {step.before} before the backward pass, to which it is added", "zero_grad() before backward()"
    return "the sum of its contributions overflows, it is larger than any float", _SCALE


def _at_pole(node: Node, i: int) -> str:
    assert node.op is not None
    x = node.operands[i]
    label = x.named.label if isinstance(x, Node) else number(x)
    return POLES.get(node.op.name, _WHERE).format(x=spell(add, [label, Spelled("eps")]).text)


def remedy(error: Exception) -> str:
    """Return the advice for an error that names an op and its operands, such as ``log(x=0.0): …``; "" without one."""
    match = re.match(r"(\w+)\(|.* (/|\*\*) .*:", str(error))
    if not isinstance(error, EDGES) or not match:
        return ""
    name = match[1] or {"/": "div", "**": "pow"}[match[2]]
    if isinstance(error, OverflowError):
        return OVERFLOWS.get(name, _SCALE)
    return POLES.get(name, "").format(x="x + eps")


def at_pole(node: Node) -> bool:
    """Return True where the op has a kink or a pole."""
    assert node.op is not None
    try:
        return not node.op.avoid(*numbers(node))
    except (TypeError, *EDGES):
        return False


def numbers(node: Node) -> list[float]:
    """The numbers that an op was applied to."""
    return [x.data if isinstance(x, Node) else x for x in node.operands]


def place(node: Node) -> str:
    """Format the source line and the module of a value, if they were recorded."""
    text = f" at {node.source}" if node.source else ""
    return text + (f" in {node.scope}" if node.scope and node.where else "")


def _(name: str) -> str:
    """Put parentheses around a name after ∂ if it needs them: not around ``exp(a * b)``."""
    bare = name
    while bare != (bare := re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", bare)):  # without what is in brackets
        pass
    return name if bare and not re.search(r"[ +\-*/]", bare) else f"({name})"


def _with_row(path: str) -> str:
    """Add the row to a path of two indices: ``X[3][1] (row 3 of X)``."""
    match = re.fullmatch(r"(\w+)\[(\d+)(?:\]\[|, )\d+.*\]", path)
    return f"{path} (row {match[2]} of {match[1]})" if match else path


def _module_variables(node: Node) -> Mapping[str, Any]:
    """The variables of the module whose code computed a value, if that was recorded."""
    file = node.where.file if node.where else None
    found = [m for m in list(sys.modules.values()) if file and getattr(m, "__file__", None) == file]
    return vars(found[0]) if found else {}


def _paths_of(given: float, variables: Mapping[str, Any]) -> Iterator[str]:
    """Yield the paths of the variables' numbers that are the one that was given: ``X[3][1]``."""
    for name, variable in list(variables.items()):
        if name.startswith("_") or isinstance(variable, type(sys)):
            continue
        try:
            for path, x in islice(leaves(variable, name), MOST_SEARCHED):
                if path != name and isinstance(x, float) and (x == given or (x != x and given != given)):
                    yield path
        except Exception:  # any object may stand in a variable, and raise anything
            continue

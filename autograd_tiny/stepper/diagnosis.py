"""Find the origin of nan and inf, dead units, and data changed after the forward pass."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from autograd_tiny.engine.digits import short
from autograd_tiny.engine.extras import needed_by
from autograd_tiny.engine.value import Value
from autograd_tiny.stepper.events import Backward, Node
from autograd_tiny.stepper.flags import FLAGS, flags_of
from autograd_tiny.stepper.traces import Trace, trace

MOST_NAMED = 5  # values that a sentence names


@dataclass(frozen=True)
class Diagnosis:
    """The symptoms found, the earliest cause first; false if there are none.

    >>> a = Value(3.0, "a")
    >>> bool(diagnose(a * a)), str(diagnose(a * a)).partition(":")[0]
    (False, 'nothing found')
    """

    symptoms: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.symptoms)

    def __str__(self) -> str:
        return (
            "\n".join(self.symptoms)
            or "nothing found: all numbers are finite, no unit is dead, no data was changed after the forward pass"
        )


def diagnose(y: Value | Trace, check: bool = False) -> Diagnosis:
    """Find where nan and inf begin, dead and saturated units, and data changed after the forward pass.

    >>> x = Value(0.0, "x")
    >>> print(diagnose(x.sqrt() * 2))
    the gradient of x is inf from sqrt(x) on: a pole, the local derivative ∂sqrt(x)/∂x is inf where x = 0

    With `check`, compare every local derivative with the exact one and name the first that is wrong; this needs
    autograd_tiny[check]. Under `tracing()` each symptom has its source line. Raises TypeError if y is neither a Value
    nor a Trace, ImportError if `check` lacks its packages.
    """
    steps = y if isinstance(y, Trace) else trace(y)
    found = [*_changed(steps), *_values(steps), *_gradients(steps), *_units(steps)]
    if check:
        found += _checked(steps)
    return Diagnosis(tuple(found))


def _changed(steps: Trace) -> list[str]:
    for node in steps.nodes:
        if node.op is None:
            continue
        xs = [x.data if isinstance(x, Node) else x for x in node.operands]
        try:
            now = node.op.ieee(*xs)
        except (TypeError, ValueError):
            continue
        if now != node.data and (now == now or node.data == node.data):
            names = ", ".join(x.name for x in node.operands if isinstance(x, Node))
            found = f"{node.named.title} is {short(node.data)}, but {_operation(node)} is {short(now)}"
            return [f"{found}: {names} was changed after the forward pass{_place(node)}"]
    return []


def _values(steps: Trace) -> list[str]:
    """Find the first value that is not finite although its operands are."""
    for node in steps.nodes:
        xs = [x.data if isinstance(x, Node) else x for x in node.operands]
        if not math.isfinite(node.data) and all(map(math.isfinite, xs)):
            if node.op is None:
                return [f"{node.name} is given as {node.data}{_place(node)}"]
            found = f"{node.named.title} is {node.data}, the first value that is not finite"
            return [f"{found}: {_operation(node)}{_place(node)}"]
    return []


def _gradients(steps: Trace) -> list[str]:
    """Find the first contribution that is not finite, and its reason."""
    for n in range(steps.seed + 1, len(steps)):
        step = steps[n]
        if not isinstance(step, Backward) or math.isfinite(step.after):
            continue
        start = f"the gradient of {step.operand.name} is {step.after} from {step.node.named.title} on: "
        at = ", ".join(f"{x.name} = {short(x.data)}" for x in step.node.operands if isinstance(x, Node))
        local = f"∂{step.node.named.written}/∂{step.operand.name}"
        if not math.isfinite(step.upstream):
            why = f"upstream is {step.upstream} already: the value {step.node.name} itself is not finite"
        elif not math.isfinite(step.local):
            why = f"a pole, the local derivative {local} is {step.local} where {at}"
            if step.upstream == 0:
                why = f"0 × {step.local}: the upstream gradient is 0, and {local} has a pole where {at}"
        elif not math.isfinite(step.contribution):
            why = f"overflow, {short(step.upstream)} × {short(step.local)} is larger than any float"
        else:
            why = "overflow, the sum of its contributions is larger than any float"
        return [start + why + _place(step.node)]
    return []


def _units(steps: Trace) -> list[str]:
    found: dict[str, list[str]] = {name: [] for name, flag in FLAGS.items() if flag.symptom}
    for n in range(steps.seed + 1, len(steps)):
        step = steps[n]
        for flag in flags_of(step):
            if flag in found:
                found[flag].append(step.node.name)
    return [
        f"{flag}: {len(names):,} of {steps.seed:,} values {FLAGS[flag].symptom}: "
        f"{', '.join(names[:MOST_NAMED])}{', …' if len(names) > MOST_NAMED else ''}"
        for flag, names in found.items()
        if names
    ]


def _checked(steps: Trace) -> list[str]:
    with needed_by("diagnose(…, check=True)"):
        from autograd_tiny.check import graph

    nodes = [
        graph.EngineNode(
            node.op,
            tuple(x.number if isinstance(x, Node) else x for x in node.operands),
            node.data,
            None,
            node.local_derivatives,
        )
        for node in steps.nodes
    ]
    found = graph.check_nodes(nodes, [node.name for node in steps.nodes], accumulation=False).findings
    return [f"wrong: {_told(found[0])}{_place(steps.nodes[found[0].node or 0])}"] if found else []


def _told(finding: Any) -> str:
    return f"{finding.what} is {finding.got!r} and should be {finding.exact}: {finding.note}"


def _operation(node: Node) -> str:
    assert node.op is not None
    xs = [x.data if isinstance(x, Node) else x for x in node.operands]
    shown = [short(x) for x in (xs if len(xs) <= 6 else [*xs[:5], xs[-1]])]
    return f"{node.op.name}({', '.join(shown)})"


def _place(node: Node) -> str:
    text = f" at {node.source}" if node.source else ""
    return text + (f" in {node.scope}" if node.scope and node.where else "")

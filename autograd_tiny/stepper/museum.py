"""Run four well-known wrong backward passes beside the right one, up to the first difference."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from autograd_tiny.engine.chain_rule import contributions
from autograd_tiny.engine.digits import short
from autograd_tiny.stepper.events import Backward, Node
from autograd_tiny.stepper.traces import Trace

BUGS = {
    "assign": "x.grad = … instead of +=: a value used twice keeps one of its contributions",
    "order": "no topological order: a value passes its gradient on before all contributions have arrived",
    "stale": "no zero_grad: a second backward() adds to the gradients that the first left behind",
    "seed": "no seed: the output's own gradient is left at 0, and 0 times anything is 0",
}


class Exhibit(NamedTuple):
    """The first difference of a wrong pass from the right one, "" if there is none, and the gradients of the leaves."""

    bug: str
    parted: str
    leaves: tuple[tuple[Node, float, float], ...]  # leaf, right gradient, wrong gradient
    step: int | None = None  # number of the step at the first difference

    def __str__(self) -> str:
        lines = [
            BUGS[self.bug],
            f"  {self.parted or 'it makes no difference here'}",
        ]
        for node, right, wrong in self.leaves:
            sign = "=" if right == wrong else "≠"
            lines.append(f"  {node.name}.grad  right {short(right)}  {sign}  wrong {short(wrong)}")
        return "\n".join(lines)


def exhibit(trace: Trace, bug: str) -> Exhibit:
    """Run a wrong backward pass beside the right one.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> a = Value(3.0, "a"); b = a + a; b.name = "b"
    >>> print(exhibit(trace(b), "assign"))
    x.grad = … instead of +=: a value used twice keeps one of its contributions
      they part when a gets its contribution through b: right 1 + 1 → 2, wrong 1
      a.grad  right 2  ≠  wrong 1

    `bug` is a key of `BUGS`; any other raises ValueError.
    """
    if bug not in BUGS:
        raise ValueError(f"{bug!r} is not in the museum; its bugs are {', '.join(BUGS)}")
    wrong = [float(g) for g in trace._start]
    if bug == "stale":
        wrong = _swept(trace, trace.nodes, _seeded(wrong), False)[0]
    order = _as_met(trace.output) if bug == "order" else trace.nodes
    wrong, handed = _swept(trace, order, wrong if bug == "seed" else _seeded(wrong), bug == "assign")
    leaves = tuple((v, trace._adjoint[v.number], wrong[v.number]) for v in trace.nodes if v.op is None)
    if bug == "seed":
        parted = "they part at once: the right pass starts from 1, the wrong one from 0"
        return Exhibit(bug, parted, leaves, trace.seed)
    for k, upstream, before, after in handed:
        if parted := _parted(trace, bug, k, upstream, before, after):
            return Exhibit(bug, parted, leaves, trace.seed + 1 + k)
    return Exhibit(bug, "", leaves)


def _seeded(grads: list[float]) -> list[float]:
    return [*grads[:-1], 1.0]


def _parted(trace: Trace, bug: str, k: int, upstream: float, before: float, after: float) -> str:
    """Describe the difference at a use; "" while both passes agree."""
    step = trace[trace.seed + 1 + k]
    assert isinstance(step, Backward)
    consumer, target = step.node.name, step.operand.name
    if bug == "order":
        if upstream == step.upstream:
            return ""
        both = f"right {short(step.upstream)}, wrong {short(upstream)}"
        return f"they part when {consumer} passes its gradient on to {target}: {both}, because more was to come"
    if after == step.after:
        return ""
    wrong = short(after) if bug == "assign" else f"{short(before)} + {short(after - before)} → {short(after)}"
    right = f"{short(step.before)} + {short(step.contribution)} → {short(step.after)}"
    return f"they part when {target} gets its contribution through {consumer}: right {right}, wrong {wrong}"


def _swept(
    trace: Trace, order: Sequence[Node], grads: list[float], assign: bool
) -> tuple[list[float], list[tuple[int, float, float, float]]]:
    """Sweep in the given order; return the gradients, and (k, upstream, before, after) for each use."""
    adjoint, handed, columns = dict(zip(trace.nodes, grads, strict=True)), [], trace._uses
    use = {where: k for k, where in enumerate(zip(columns.consumers, columns.slots, strict=True))}
    for v, i, x, contribution in contributions(order, adjoint):
        before = adjoint[x]
        adjoint[x] = (0.0 if assign else before) + contribution
        handed.append((use[v.number, i], adjoint[v], before, adjoint[x]))
    return [*adjoint.values()], handed


def _as_met(output: Node) -> list[Node]:
    """Order the nodes as a breadth-first walk from the output meets them, the output last."""
    met = {output: None}
    queue = deque(met)
    while queue:
        new = [x for x in queue.popleft().operands if isinstance(x, Node) and x not in met]
        met.update(dict.fromkeys(new))
        queue.extend(dict.fromkeys(new))
    return [*reversed(met)]

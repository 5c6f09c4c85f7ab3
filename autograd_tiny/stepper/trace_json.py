"""A trace as JSON, and back: plain events, with a version; nan and inf as strings, which JSON's numbers lack."""

from __future__ import annotations

import json
import math
from typing import Any

from autograd_tiny.engine import ops
from autograd_tiny.engine.names import Named
from autograd_tiny.engine.op import Op, Spelled
from autograd_tiny.engine.provenance import Where
from autograd_tiny.engine.value import NO_GRAD
from autograd_tiny.stepper.events import Backward, Forward, Node, Seed, flags, rule
from autograd_tiny.stepper.traces import Columns, Trace

FORMAT, VERSION = "autograd_tiny.stepper.traces", 1


def to_json(trace: Trace) -> str:
    """The nodes and steps of a trace as JSON text.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> a = Value(3.0, "a")
    >>> from_json(to_json(trace(a * a)))[4].after
    6.0
    """
    steps = [_step(step) for step in trace]
    rules = {(step.node.number, step.i): rule(step) for step in trace[trace.seed + 1 :] if isinstance(step, Backward)}
    nodes = [_node(node, rules) for node in trace.nodes]
    return json.dumps({"format": FORMAT, "version": VERSION, "nodes": nodes, "steps": steps}, ensure_ascii=False)


def _node(node: Node, rules: dict[tuple[int, int], str]) -> dict[str, Any]:
    return {
        "id": node.number,
        "name": node.name,
        "binds": node.named.label.binds,
        "expression": node.named.written,
        "op": node.op.name if node.op else None,
        "data": _out(node.data),
        "operands": [x.number if isinstance(x, Node) else {"constant": _out(x)} for x in node.operands],
        "locals": [None if d is None else _out(d) for d in node.local_derivatives],
        "rules": [rules.get((node.number, i), "") for i in range(len(node.operands))],
        "where": node.where and {"file": node.source.rpartition(":")[0], "line": node.where.line, "scope": node.scope},
    }


def _step(step: Forward | Seed | Backward) -> dict[str, Any]:
    if isinstance(step, Forward):
        return {"kind": "forward", "node": step.node.number, "flags": flags(step)}
    if isinstance(step, Seed):
        return {"kind": "seed", "node": step.node.number, "before": _grad(step.before), "after": _out(step.after)}
    return {
        "kind": "backward",
        "node": step.node.number,
        "operand": step.i,
        "to": step.operand.number,
        "upstream": _out(step.upstream),
        "local": _out(step.local),
        "contribution": _out(step.contribution),
        "before": _grad(step.before),
        "after": _out(step.after),
        "nth": step.nth,
        "of": step.of,
        "final": step.final,
        "flags": flags(step),
    }


def _grad(x: float) -> Any:
    return None if x is NO_GRAD else _out(x)


def _out(x: float) -> Any:
    return x if math.isfinite(x) else repr(x)


def from_json(text: str) -> Trace:
    """The trace of `to_json`; ValueError for anything else, or for the JSON of a newer version."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"this is no JSON: {error}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ValueError(f"this JSON is no trace: its format is not {FORMAT!r}")
    if found.get("version") != VERSION:
        raise ValueError(
            f"this trace has version {found.get('version')!r}, and version {VERSION} can be read: update autograd_tiny"
        )
    try:
        return _trace(found["nodes"], found["steps"])
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise ValueError(f"this trace is damaged: {type(error).__name__}: {error}") from None


def _trace(items: list[dict[str, Any]], steps: list[dict[str, Any]]) -> Trace:
    nodes: list[Node] = []
    for item in items:
        operands = tuple(float(x["constant"]) if isinstance(x, dict) else nodes[x] for x in item["operands"])
        named = Named(Spelled(str(item["name"]), int(item["binds"])), str(item["expression"]))
        op = None if item["op"] is None else ops.TABLE.get(item["op"]) or _unknown(str(item["op"]), len(operands))
        locals_ = tuple(None if d is None else float(d) for d in item["locals"])
        where = item["where"] and Where(
            str(item["where"]["file"]), int(item["where"]["line"]), str(item["where"]["scope"])
        )
        nodes.append(
            Node(len(nodes), named, op, float(item["data"]), operands, locals_, where, tuple(map(str, item["rules"])))
        )
    start = [NO_GRAD if node.op is None else 0.0 for node in nodes]
    adjoint, uses = [0.0] * len(nodes), Columns()
    for step in steps:
        if step["kind"] == "forward":
            continue
        target = int(step["to"] if step["kind"] == "backward" else step["node"])
        before = NO_GRAD if step["before"] is None else float(step["before"])
        if step["kind"] == "seed" or step["nth"] == 1:
            start[target] = before
        adjoint[target] = float(step["after"])
        if step["kind"] == "backward":
            uses.consumers.append(int(step["node"]))
            uses.slots.append(int(step["operand"]))
            uses.targets.append(target)
            uses.before.append(before)
    return Trace(lambda: tuple(nodes), start, adjoint, uses)


def _unknown(name: str, arity: int) -> Op:
    """An op of somebody else's: it can be shown, and not computed with."""

    def refuse(*xs: Any) -> Any:
        raise ValueError(f"the op {name} was read from a file: it is a name only")

    return Op(name, refuse, (refuse,) * max(arity, 1))

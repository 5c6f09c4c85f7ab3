"""Write a trace as JSON, and read it back.

    {"format": "autograd-tiny trace", "version": 1, "nodes": [...], "steps": [...]}

A node, in the order of the sweep turned round, the output last; every other node is an operand of a later one:

    id          its index in the list, from 0
    name        its name; `binds`: how tightly the name binds, 99 if it never needs parentheses
    expression  the op on the names of its operands; "" for a leaf
    op          {"name": "mul", "symbol": "*", "binds": 12}, the symbol "" for a function; null for a leaf
    data        its value, a number
    operands    in order: the id of an earlier node, or {"constant": 2.0}
    scope       the module it belongs to; `source`: the line that made it, "train.py:12"; "" if unknown

A step, in the order of the run: `forward` for each node in the order of the code, the `seed`, then `backward` for each
operand that is a node, from the last node to the first:

    kind, node  the kind, and the id of the node that the step is about
    flags       the names of its flags, in the order of flags.py
    before      of seed and backward: the gradient that the step adds to; null if no backward() had reached it
    after       before + contribution; of the seed, before + 1
    operand, to of backward: which operand of the node, from 0, and its id
    upstream    the gradient of the node
    local       the local derivative; `rule`: its formula, or ""
    contribution  upstream × local; where that is 0 × ∞, what passes the pole
    nth, of     number of this use of the operand, and of all its uses; `final`: true for the last

Numbers that JSON lacks are "nan", "inf" and "-inf". Names, data, `local`, `rule` and the first `before` of a leaf are
read; `from_json` computes all other fields again and refuses a file in which they differ.
"""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from autograd_tiny.engine import ops
from autograd_tiny.engine.names import Named
from autograd_tiny.engine.op import Op, Spelled
from autograd_tiny.engine.provenance import Where
from autograd_tiny.engine.value import NO_GRAD, Value
from autograd_tiny.stepper.events import Forward, Node, Seed, Step, rule
from autograd_tiny.stepper.flags import FLAGS, flags_of
from autograd_tiny.stepper.traces import Columns, Trace, as_trace

FORMAT, VERSION = "autograd-tiny trace", 1


def to_json(trace: Trace | Value) -> str:
    """Write the nodes and steps of a trace as JSON text.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> a = Value(3.0, "a")
    >>> from_json(to_json(trace(a * a)))[4].after
    6.0
    """
    trace = as_trace(trace, "to_json")
    text = json.dumps(document(trace), ensure_ascii=False, allow_nan=False)
    return text.encode(errors="replace").decode()  # a name may hold a lone surrogate, a file may not


def document(trace: Trace) -> dict[str, Any]:
    """Build the dictionary that `to_json` writes."""
    nodes, steps = [_node(node) for node in trace.nodes], [_step(step) for step in trace]
    return {"format": FORMAT, "version": VERSION, "nodes": nodes, "steps": steps}


def _node(node: Node) -> dict[str, Any]:
    return {
        "id": node.number,
        "name": node.name,
        "binds": node.named.label.binds,
        "expression": node.named.written,
        "op": node.op and _op(node.op),
        "data": _out(node.data),
        "operands": [x.number if isinstance(x, Node) else {"constant": _out(x)} for x in node.operands],
        "scope": node.scope,
        "source": node.source,
    }


def _op(op: Op) -> dict[str, Any]:
    symbol, binds = op.infix or ("", 99)
    return {"name": op.name, "symbol": symbol, "binds": binds}


def _step(step: Step) -> dict[str, Any]:
    start = {"kind": type(step).__name__.lower(), "node": step.node.number, "flags": list(flags_of(step))}
    if isinstance(step, Forward):
        return start
    end = {"before": None if step.before is NO_GRAD else _out(step.before), "after": _out(step.after)}
    if isinstance(step, Seed):
        return start | end
    product = {
        "operand": step.i,
        "to": step.operand.number,
        "upstream": _out(step.upstream),
        "local": _out(step.local),
        "rule": rule(step),
        "contribution": _out(step.contribution),
    }
    return start | product | end | {"nth": step.nth, "of": step.of, "final": step.final}


def _out(x: float) -> Any:
    return float(x) if math.isfinite(x) else repr(float(x))


# Readers of fields: each returns the value it reads, or raises ValueError with the path to it.

Kind = Callable[[Any, str], Any]
LARGEST_INTEGER = 2**53  # every reader of JSON keeps integers up to it


def _whole(x: Any, path: str) -> int:
    if type(x) is not int or abs(x) > LARGEST_INTEGER:
        _refuse(path, "a whole number", x)
    return x


def _truth(x: Any, path: str) -> bool:
    if type(x) is not bool:
        _refuse(path, "true or false", x)
    return x


def _text(x: Any, path: str) -> str:
    if type(x) is not str or x != x.encode(errors="replace").decode():
        _refuse(path, "text", x)
    return x


def _name(x: Any, path: str) -> str:
    return _text(x, path) or _refuse(path, "a name", x)


def _number(x: Any, path: str) -> float:
    if type(x) is str and x in ("nan", "inf", "-inf"):
        return float(x)
    if type(x) not in (int, float) or not -LARGEST_FLOAT <= x <= LARGEST_FLOAT:
        _refuse(path, "a number", x)
    return float(x)


LARGEST_FLOAT = int(float.fromhex("0x1.fffffffffffffp+1023"))


def _or_null(kind: Kind) -> Kind:
    return lambda x, path: None if x is None else kind(x, path)


def _list(kind: Kind) -> Kind:
    def read(x: Any, path: str) -> list[Any]:
        if type(x) is not list:
            _refuse(path, "a list", x)
        return [kind(item, f"{path}[{i}]") for i, item in enumerate(x)]

    return read


def _object(fields: Mapping[str, Kind]) -> Kind:
    def read(x: Any, path: str) -> dict[str, Any]:
        if type(x) is not dict:
            _refuse(path, "an object", x)
        within = f"{path}." if path else ""
        for name in (*fields, *x):
            if name not in x or name not in fields:
                raise ValueError(f"{within}{name:.40}: {'missing' if name in fields else 'not a field of this format'}")
        return {name: kind(x[name], within + name) for name, kind in fields.items()}

    return read


def _flag(x: Any, path: str) -> str:
    if type(x) is not str or x not in FLAGS:
        _refuse(path, f"one of {', '.join(FLAGS)}", x)
    return str(x)


def _operand(x: Any, path: str) -> Any:
    return _object({"constant": _number})(x, path) if type(x) is dict else _whole(x, path)


def _step_fields(x: Any, path: str) -> Any:
    kind = x.get("kind") if type(x) is dict else None
    if type(kind) is not str or kind not in STEPS:
        _refuse(f"{path}.kind" if type(x) is dict else path, f"a step: {', '.join(STEPS)}", kind)
    return _object(STEPS[kind])(x, path)


NODE: dict[str, Kind] = {
    "id": _whole,
    "name": _name,
    "binds": _whole,
    "expression": _text,
    "op": _or_null(_object({"name": _text, "symbol": _text, "binds": _whole})),
    "data": _number,
    "operands": _list(_operand),
    "scope": _text,
    "source": _text,
}
FORWARD: dict[str, Kind] = {"kind": _text, "node": _whole, "flags": _list(_flag)}
SUM: dict[str, Kind] = {"before": _or_null(_number), "after": _number}
PRODUCT: dict[str, Kind] = {
    "operand": _whole,
    "to": _whole,
    "upstream": _number,
    "local": _number,
    "rule": _text,
    "contribution": _number,
}
STEPS = {
    "forward": FORWARD,
    "seed": FORWARD | SUM,
    "backward": FORWARD | PRODUCT | SUM | {"nth": _whole, "of": _whole, "final": _truth},
}


def _refuse(path: str, expected: str, got: Any) -> NoReturn:
    raise ValueError(f"{path}: expected {expected}, got {reprlib.repr(got)}")


def from_json(text: str) -> Trace:
    """Read a trace that `to_json` wrote; anything incomplete or inconsistent raises ValueError with its path.

    >>> from_json('{"format": "autograd-tiny trace", "version": 1, "nodes": [{"id": "a"}], "steps": []}')
    Traceback (most recent call last):
    ValueError: this trace is damaged: nodes[0].name: missing

    An op that is not in the table can be shown but not computed. Source files are not read.
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"this is not JSON: {error}") from None
    except RecursionError:
        raise ValueError("this is not a trace: its JSON is nested too deeply") from None
    if type(found) is not dict or found.get("format") != FORMAT:
        raise ValueError(f"this JSON is not a trace: its format is not {FORMAT!r}")
    version = found.get("version")
    if type(version) is not int or version != VERSION:
        raise ValueError(
            f"this trace has version {reprlib.repr(version)}, and this autograd_tiny reads version {VERSION}"
        )
    try:
        fields = {"format": _text, "version": _whole, "nodes": _list(_object(NODE)), "steps": _list(_step_fields)}
        found = _object(fields)(found, "")
        return _trace(found["nodes"], found["steps"])
    except ValueError as error:
        raise ValueError(f"this trace is damaged: {error}") from None


def _trace(items: list[dict[str, Any]], written: list[dict[str, Any]]) -> Trace:
    """Build a trace from nodes, local derivatives and first gradients; compare all other fields with it."""
    _check_graph(items)
    uses = [
        (item["id"], i) for item in reversed(items) for i, x in enumerate(item["operands"]) if not isinstance(x, dict)
    ]
    kinds = ["forward"] * len(items) + ["seed"] + ["backward"] * len(uses)
    if len(written) != len(kinds):
        raise ValueError(f"steps: expected {len(kinds):,} for these nodes, got {len(written):,}")
    for n, (kind, given) in enumerate(zip(kinds, written, strict=True)):
        if given["kind"] != kind:
            _refuse(f"steps[{n}].kind", kind, given["kind"])
    found = dict(zip(uses, written[len(items) + 1 :], strict=True))
    nodes: list[Node] = []
    for item in items:
        nodes.append(_read(item, nodes, [found.get((item["id"], i)) for i in range(len(item["operands"]))]))
    start: dict[int, float] = {}
    for given in written[len(items) :]:
        start.setdefault(given.get("to", given["node"]), NO_GRAD if given["before"] is None else given["before"])
    forward = _forward(items, [given["node"] for given in written[: len(items)]])
    passed = [given["contribution"] for given in written[len(items) + 1 :]]
    steps = _swept(nodes, forward, [0.0 if node.op else start.get(node.number, NO_GRAD) for node in nodes], passed)
    for i, node in enumerate(nodes):
        read = _node(node)
        _compare(f"nodes[{i}]", items[i], {name: read[name] for name in ("op", "scope", "source")})
    for n, step in enumerate(steps):
        _compare(f"steps[{n}]", written[n], _step_fields(_step(step), ""))
    return steps


def _check_graph(items: list[dict[str, Any]]) -> None:
    if not items:
        raise ValueError("nodes: expected at least one node, got none")
    used = set()
    for i, item in enumerate(items):
        path, operands = f"nodes[{i}].operands", item["operands"]
        if item["id"] != i:
            _refuse(f"nodes[{i}].id", str(i), item["id"])
        for k, x in enumerate(operands):
            if not isinstance(x, dict) and not 0 <= x < i:
                _refuse(f"{path}[{k}]", "the id of an earlier node", x)
        parents = [x for x in operands if not isinstance(x, dict)]
        used.update(parents)
        if item["op"] is None and (operands or item["expression"]):
            raise ValueError(f"nodes[{i}]: a node without an op cannot have operands or an expression")
        if item["op"] is not None and not parents:
            raise ValueError(f"{path}: expected at least one node among the operands of an op")
        if item["op"] and item["op"]["symbol"] and len(operands) > 2:
            raise ValueError(
                f"{path}: expected one or two operands for the symbol {item['op']['symbol']:.40}, got {len(operands)}"
            )
    if left := set(range(len(items) - 1)) - used:
        raise ValueError(f"nodes[{min(left)}]: no later node uses it, and it is not the output")


def _forward(items: list[dict[str, Any]], numbers: list[int]) -> list[int]:
    """Check the order of the forward steps: each node once, after its operands."""
    place: dict[int, int] = {}
    for n, i in enumerate(numbers):
        if i in place or not 0 <= i < len(items):
            _refuse(f"steps[{n}].node", "each node once", i)
        if any(not isinstance(x, dict) and x not in place for x in items[i]["operands"]):
            _refuse(f"steps[{n}].node", "a node whose operands come before it", i)
        place[i] = n
    return numbers


def _read(item: dict[str, Any], earlier: list[Node], uses: list[dict[str, Any] | None]) -> Node:
    """Read a node; `uses` has the step of each operand, None for a constant."""
    operands = tuple(x["constant"] if isinstance(x, dict) else earlier[x] for x in item["operands"])
    file, _, line = item["source"].rpartition(":")
    where = None
    if item["source"]:
        if not (line.isdecimal() and line.isascii() and len(line) < 10):
            _refuse(f"nodes[{item['id']}].source", "a file and a line, train.py:12", item["source"])
        where = Where(file, int(line), item["scope"])
    return Node(
        item["id"],
        Named(Spelled(item["name"], item["binds"]), item["expression"]),
        item["op"] and _known(item["op"], len(operands)),
        item["data"],
        operands,
        tuple(use["local"] if use else None for use in uses),
        where,
        tuple(use["rule"] if use else "" for use in uses),
        tuple(next((flag for flag in use["flags"] if FLAGS[flag].by_op), "") if use else "" for use in uses),
    )


def _known(written: dict[str, Any], arity: int) -> Op:
    """Return the op's row of the table, or for an unknown op a stand-in that cannot be computed."""
    row = ops.TABLE.get(written["name"])
    if row and _op(row) == written and (not isinstance(row.partials, tuple) or len(row.partials) == arity):
        return row
    name, symbol = written["name"], written["symbol"]

    def refuse(*xs: Any) -> Any:
        raise ValueError(f"the op {name} was read from a file and is not in the table: it cannot be computed")

    infix = (symbol, written["binds"]) if symbol else None
    return Op(name, refuse, (refuse,) * arity, limit=refuse, infix=infix)


def _swept(nodes: list[Node], forward: list[int], start: list[float], passed: list[float]) -> Trace:
    """Run the backward pass of nodes whose local derivatives are known; `passed` says what passes 0 × ∞."""
    adjoint, uses = [*start], Columns()
    adjoint[-1] += 1.0
    for node in reversed(nodes):
        for i, (x, local) in enumerate(zip(node.operands, node.local_derivatives, strict=True)):
            if isinstance(x, Node):
                assert local is not None
                uses.consumers.append(node.number)
                uses.slots.append(i)
                uses.targets.append(x.number)
                contribution, k = adjoint[node.number] * local, len(uses.before)
                if contribution != contribution:
                    contribution = uses.passed[k] = passed[k]
                uses.before.append(adjoint[x.number])
                adjoint[x.number] += contribution
    return Trace(lambda: tuple(nodes), start, adjoint, uses, lambda: forward)


def _compare(path: str, written: dict[str, Any], computed: dict[str, Any]) -> None:
    for name, x in computed.items():
        got = written[name]
        if got != x and not (x != x and got != got):
            _refuse(f"{path}.{name}", reprlib.repr(x), got)

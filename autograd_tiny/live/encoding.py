"""Encode a graph, or a function at its arguments, as the JSON that `Program` of the script computes with."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from autograd_tiny.engine import ops
from autograd_tiny.engine.chain_rule import by_square, contributions, past_poles, topological_order
from autograd_tiny.engine.names import Named, name_nodes
from autograd_tiny.engine.op import Op, Spelled
from autograd_tiny.engine.tree import leaves, rebuild
from autograd_tiny.engine.value import Value
from autograd_tiny.live.spelling import ROWS, Unspellable, absences_of, forward_of, slopes_of, traced
from autograd_tiny.transforms.program import Program, program_of
from autograd_tiny.transforms.tracer import CUT, Guard, Tracer, recording

LEAF = -1  # in place of the row of a step
Guarded = tuple[Value, bool, str]  # a comparison, its outcome, its line


def encode(target: Value | Callable[..., Any], *args: Any) -> dict[str, Any]:
    """Encode a Value's graph, or a function at its arguments, with its numbers and gradients, for JSON.

    >>> a = Value(1.0, "a"); b = a + a
    >>> encoded = encode(b + b)
    >>> encoded["rows"], encoded["steps"], encoded["grad"]
    (['add'], [[-1], [0, 0, 0], [0, 1, 1]], [4.0, 2.0, 1.0])

    A step is a row and its operands: the numbers of nodes, or ~k for constant k; a leaf is [-1]. The numbers inf, -inf
    and nan are strings. Comparisons that a function branches on are `guards`; those of a Value's graph are not known.
    Raises TypeError if the target is not a Value or a function that returns one number that depends on an argument.
    """
    return written(*graph(target, args))


def graph(target: Value | Callable[..., Any], args: Sequence[Any]) -> tuple[Value, list[Guarded]]:
    """Return the Value that a page shows, and the comparisons that its function branches on."""
    if isinstance(target, Value):
        if args:
            raise TypeError(f"expected arguments with a function only, got {target!r:.60} and {len(args)} more")
        return target, []
    if not callable(target):
        raise TypeError(f"expected a Value or a function of numbers, got {target!r:.60}")
    return _run(target, args)


def _run(f: Callable[..., Any], args: Sequence[Any]) -> tuple[Value, list[Guarded]]:
    """Trace a function at its arguments, and compute it as Values with the comparisons it branches on."""
    names = _parameters(f, len(args))
    with recording() as recorded:
        inputs: dict[Any, Tracer] = {}
        given = []
        for name, x in zip(names, args, strict=True):
            new = []
            for path, leaf in leaves(x, name):
                key = leaf if isinstance(leaf, Value) else object()
                new.append(inputs.setdefault(key, Tracer.leaf(leaf.data if isinstance(leaf, Value) else leaf, path)))
            given.append(rebuild(x, new))
        y = f(*given)
        guards: list[Guard] = [guard for guard in recorded.guards if isinstance(guard.condition, Tracer)]
        known = set(map(id, inputs.values()))
        outside = [x for v, x in recorded.captured.items() if v.op is None and id(x) not in known]
        if isinstance(y, Value):  # of numbers that f closes over only
            return y, []
        if not isinstance(y, Tracer):
            raise TypeError(f"{_name(f)} must return one number that depends on its arguments, got {y!r:.60}")
        program = program_of([*inputs.values(), *outside], [y, *[guard.condition for guard in guards]])
    values = _values(program)
    if not isinstance(values[0], Value):
        raise TypeError(f"{_name(f)} returned {values[0]!r}, which depends on no argument")
    sources = [f"{Path(file).name}:{line}" for file, line in (guard.source for guard in guards)]
    conditions = zip(values[1:], guards, sources, strict=True)
    return values[0], [(v, guard.held, line) for v, guard, line in conditions if isinstance(v, Value)]


def _values(program: Program) -> list[Any]:
    """Compute the outputs as Values; what is cut off from its derivative stays in the graph."""
    leaves = [Value(x, name) for x, name in zip(program.example, program.inputs, strict=True)]
    return program.run(leaves, lambda op, xs: op(*xs))


def _parameters(f: Callable[..., Any], n: int) -> list[str]:
    try:
        parameters = [*inspect.signature(f).parameters.values()]
    except (TypeError, ValueError):
        parameters = []
    plain = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.KEYWORD_ONLY, p.VAR_KEYWORD)]
    return [*plain, *[f"x{i}" for i in range(len(plain), n)]][:n]


def _name(f: Callable[..., Any]) -> str:
    return getattr(f, "__name__", repr(f)[:60])


def written(y: Value, guards: Sequence[Guarded]) -> dict[str, Any]:
    """Write a graph and its comparisons for JSON."""
    order = topological_order(y)
    output = len(order) - 1
    gradients = _gradients(order)
    order += topological_order(*[v for v, _, _ in guards], stop=order)
    place = {v: i for i, v in enumerate(order)}
    named = name_nodes(order)
    rows = _Rows()
    constants: dict[str, int] = {}
    steps, squares, edge = [], [], 0
    for v in order:
        if v.op is None:
            steps.append([LEAF])
            continue
        xs = v.operands
        row = rows.place(v.op, len(xs))
        steps.append([row, *[place[x] if isinstance(x, Value) else ~_constant(x, constants) for x in xs]])
        squares += [[edge + i, rule] for i, rule in rows.roots(v)]
        edge += len(xs)
    return {
        "rows": rows.written,
        "steps": steps,
        "constants": [_number(float.fromhex(x)) for x in constants],
        "output": output,
        "leaves": [[i, named[v].label.text] for i, v in enumerate(order) if v.op is None],
        "names": [named[v].label.text for v in order],
        "data": [_number(v.data) for v in order],
        "grad": [*map(_number, gradients), *[0.0] * (len(order) - output - 1)],
        "guards": [[place[v], held, _comparison(v, named), line] for v, held, line in guards],
        "locals": [
            [i, *[_number(d or 0.0) for d in v.local_derivatives]]
            for i, v in enumerate(order)
            if v.op is not None and rows.is_stuck(v)
        ],
        "squares": squares,
    }


def _comparison(v: Value, named: dict[Value, Named]) -> str:
    """Spell a comparison as it is written in code: ``x > 1``."""
    plain = [x.parents[0] if isinstance(x, Value) and x.op is CUT else x for x in v.operands]
    a, b = [named[x].label.text if isinstance(x, Value) else Spelled.number(x).text for x in plain]
    return f"{a} {v.op.machine} {b}" if v.op else ""


def _gradients(order: list[Value]) -> list[float]:
    """Compute what `backward` adds to each gradient, and leave the gradients as they are."""
    adjoint = dict.fromkeys(order, 0.0)
    adjoint[order[-1]] = 1.0
    for _, _, x, contribution in contributions(order, adjoint):
        adjoint[x] += contribution
    if any(g != g for g in adjoint.values()):
        adjoint = dict.fromkeys(order, 0.0)
        adjoint[order[-1]] = 1.0
        for _, _, x, contribution in past_poles(order, adjoint):
            adjoint[x] += contribution
    return [adjoint[v] for v in order]


class _Rows:
    """The ops of a graph: names of rows of the script, and the lowered rules of others."""

    def __init__(self) -> None:
        self.written: list[Any] = []
        self.known: dict[Any, int] = {}

    def place(self, op: Op, arity: int) -> int:
        """Return the place of an op among the rows, which it is added to."""
        key: Any = (op, arity)
        if key not in self.known:
            is_row = ops.TABLE.get(op.name) is op and op.name in ROWS and isinstance(op.partials, tuple)
            row = op.name if is_row else self._own(op, arity)
            self.known[key] = len(self.written)
            self.written.append(row)
        return self.known[key]

    def is_stuck(self, v: Value) -> bool:
        assert v.op is not None
        row = self.written[self.place(v.op, len(v.operands))]
        return isinstance(row, dict) and "stuck" in row

    def _own(self, op: Op, arity: int) -> dict[str, Any]:
        row: dict[str, Any] = {"name": op.name, "squared": op.squared}
        try:
            row |= {"forward": self._rule(forward_of(op, arity)), "slopes": self._rule(slopes_of(op, arity))}
            if op.absent:
                row["absent"] = self._rule(absences_of(op, arity))
        except Unspellable as error:
            return {"name": op.name, "squared": op.squared, "stuck": f"{error}, so that only Python computes it"}
        return row

    def _rule(self, program: Program) -> dict[str, Any]:
        """Write a lowered program; its steps are rows of the script."""
        constants: dict[str, int] = {}

        def place(x: Any) -> int:
            return x if isinstance(x, int) else ~_constant(x, constants)

        steps = [[self._row(op), *map(place, xs)] for op, xs in program.steps]
        outputs = [*map(place, program.outputs)]
        numbers = [_number(float.fromhex(x)) for x in constants]
        return {"inputs": len(program.inputs), "steps": steps, "constants": numbers, "outputs": outputs}

    def _row(self, op: Op) -> int:
        if op.name not in self.known:
            self.known[op.name] = len(self.written)
            self.written.append(op.name)
        return self.known[op.name]

    def roots(self, v: Value) -> list[tuple[int, Any]]:
        """List the operands by whose squares the sweep passes a pole, each with its rule."""
        found: list[tuple[int, Any]] = []
        for i, x in enumerate(v.operands):
            rooted = isinstance(x, Value) and x.op is not None and x.op.squared
            if rooted and by_square(v.op, v.operands, i, lambda _: 1.0) is not None:
                rule = traced(1, lambda xs, i=i: [by_square(v.op, v.operands, i, lambda _: xs[0])])  # type: ignore[misc]
                found.append((i, self._rule(rule)))
        return found


def _constant(x: float, constants: dict[str, int]) -> int:
    return constants.setdefault(float(x).hex(), len(constants))


def _number(x: float) -> float | str:
    """Return a number as JSON has it: nan and ±inf as text."""
    return x if math.isfinite(x) else str(x)

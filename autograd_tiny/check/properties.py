"""Checks of an engine: every op alone, random graphs with sharing, repeated passes, depth and fan-out."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings

from autograd_tiny.check.causes import explained, with_hint
from autograd_tiny.check.engines import Engine
from autograd_tiny.check.exact import OUTSIDE, facts_of
from autograd_tiny.check.graph import Checked, EngineNode, check_nodes, node_table
from autograd_tiny.check.limits import WithInts, check_depth, check_limits, long_paths, with_ints
from autograd_tiny.check.points import arity_of, single_ops
from autograd_tiny.check.report import Finding, GradcheckError, Raises, Report, WrongState, WrongValue
from autograd_tiny.check.runs import without_files
from autograd_tiny.check.shrinking import simplest
from autograd_tiny.check.strategies import program_at, programs
from autograd_tiny.engine import ops
from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.expression import evaluate
from autograd_tiny.engine.op import EDGES, Op
from autograd_tiny.engine.value import Value, topological_order
from autograd_tiny.transforms.program import Program, program_of
from autograd_tiny.transforms.tracer import CUT


def engine_property(
    engine: Engine,
    table: Sequence[Op] | None = None,
    *,
    max_examples: int = 400,
    depth: int = 4000,
    again: bool = True,
    seed: int | None = None,
) -> Callable[[], None]:
    """Make a test of an engine; pytest collects it under a name that starts with test_.

    >>> from autograd_tiny.check import ValueEngine
    >>> from autograd_tiny.engine import ops
    >>> test_ours = engine_property(ValueEngine(), [ops.add, ops.mul, ops.tanh], max_examples=20)
    >>> test_ours()

    `table` lists the ops to use (default: all that the engine knows), `max_examples` is the number of random graphs,
    `depth` the length of a chain that the engine must survive. A second `backward()` must give the gradient once or
    twice; `again=False` does not check that. `seed` fixes the random graphs. The test raises GradcheckError with the
    smallest wrong program found. Raises ValueError if there is no op to check.
    """
    rows = list(table if table is not None else getattr(engine, "ops", None) or _known(engine))
    if not rows:
        raise ValueError("engine_property needs at least one op that the engine knows, got none")

    wrong: list[tuple[Program, type[GradcheckError]]] = []

    @settings(
        max_examples=max_examples,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        database=None,
        phases=[Phase.generate],
    )
    @given(programs(rows))
    def graphs(program: Program) -> None:
        report = check_engine(engine, program, again=again)
        wrong.extend((program, finding.kind) for finding in report.findings[:1])
        report.raise_for()

    if seed is not None:
        graphs = hypothesis.seed(seed)(graphs)

    def test() -> None:
        for program in single_ops(rows):
            check_engine(engine, program, again=False).raise_for()
        for op in rows:
            check_limits(engine, op).raise_for()
        for program in with_ints(rows):
            check_engine(WithInts(engine), program, again=False).raise_for()
        for program in long_paths(rows):
            check_engine(engine, program, again=False).raise_for()
        wrong.clear()
        try:
            with without_files():
                graphs()
        except GradcheckError:
            program, kind = wrong[-1]
            smallest = simplest(program, lambda p: _fails_as(kind, _judged(engine, p, again)[1]), rows)
            check_engine(engine, smallest, again=again).raise_for()
            raise  # it is not wrong each time
        check_depth(engine, rows, depth)

    return test


def _fails_as(kind: type[GradcheckError], report: Report | Checked) -> bool:
    return any(finding.kind is kind for finding in report.findings[:1])


def check_engine(engine: Engine, program: Program | str, *, again: bool = True, **inputs: float) -> Report:
    """Check an engine node by node on a program at its example, or on an expression with its inputs.

    >>> from autograd_tiny.check import ValueEngine
    >>> print(check_engine(ValueEngine(), "twice = x + x; twice * x", x=3.0))
    correct: 9 numbers agree with the oracle (balls)

    `again=False` does not check a second `backward()`. For a wrong engine the Report is false; no error is raised.
    Raises ValueError for a program without an example or with more than one output, and NotImplementedError for an op
    that the engine lacks.
    """
    program = _parsed(program, inputs, getattr(engine, "ops", ())) if isinstance(program, str) else _checkable(program)
    nodes, checked = _judged(engine, program, again)
    if isinstance(checked, Report):
        return checked
    if nodes and checked.findings:
        first, *more = checked.findings
        first = explained(first, nodes, lambda op, xs: _partials(engine, op, xs))
        first = with_hint(first, _elsewhere(engine, program))
        checked = checked._replace(findings=[first, *more])
    return _report(engine, program, nodes, checked)


def _partials(engine: Engine, op: Op, xs: tuple[float, ...]) -> tuple[float | None, ...]:
    told = getattr(engine, "local_derivatives", None)
    if told:
        return tuple(told(engine.apply(op, tuple(map(engine.leaf, xs)))))
    return _probe(engine, op, xs, (True,) * len(xs))


def _elsewhere(engine: Engine, program: Program) -> Iterator[list[Finding]]:
    """Check the same program at generic inputs."""
    for k in range(8):
        example = [0.37 + 0.61 * ((3 * k + 5 * i) % 7) for i in range(len(program.example))]
        try:
            nodes = _run(engine, program_at(example, program.steps))
            yield check_nodes(nodes, [str(i) for i in range(len(nodes))]).findings
        except Exception:  # the op is not defined there
            continue


def _judged(engine: Engine, program: Program, again: bool) -> tuple[list[EngineNode] | None, Checked | Report]:
    """Run and check a program; the nodes are None if the engine raises."""
    names = [program.name(i).text for i in range(len(program.inputs) + len(program.steps))]
    try:
        nodes = _run(engine, program)
        moved = [_moved(names[i], nodes[i].value, x, i) for i, x in enumerate(program.example) if nodes[i].value != x]
        checked = Checked(0, 0, moved) if moved else check_nodes(nodes, names)
        if not checked.findings and again and any(op is ops.add for op, _ in program.steps):
            checked = checked._replace(findings=_states(engine, program, nodes, names))
    except (NotImplementedError, MemoryError):  # a missing op or memory says nothing about a gradient
        raise
    except Exception as error:  # an error of the engine is a finding
        if isinstance(error, EDGES) and _has_pole(program):
            note = f"{type(error).__name__}: {error}, at a point where a derivative is not finite"
            return None, Report("inconclusive", "mpmath", skipped=1, subject=program.expression(), notes=(note,))
        finding = Finding(Raises, "it", math.nan, "a number", note=f"raises {type(error).__name__}: {error}")
        return None, Checked(0, 0, [finding])
    return nodes, checked


def _moved(name: str, got: float, x: float, node: int) -> Finding:
    note = "the leaf does not hold the number it was made of, or backward() changed it"
    return Finding(WrongValue, name, got, repr(x), note=note, node=node)


def _has_pole(program: Program) -> bool:
    """True if an op of the program has no finite derivative, where an engine of plain floats may raise."""
    floats = list(program.example)
    for op, operands in program.steps:
        xs = tuple(floats[x] if isinstance(x, int) else x for x in operands)
        try:
            if None in facts_of(op, xs).slopes:
                return True
            floats.append(op.forward(*xs))
        except OUTSIDE:
            return True
    return False


def _parsed(text: str, inputs: dict[str, float], rows: Sequence[Op]) -> Program:
    """Parse an expression over the table and further ops into a program."""
    y = evaluate(text, inputs, {**ops.TABLE, **{row.name: row for row in rows}})
    return _checkable(program_of([v for v in topological_order(y) if v.op is None], [y]))


def _checkable(program: Program) -> Program:
    """Validate a program, and rename inputs that `evaluate` could not read back from a report."""
    last = len(program.inputs) + len(program.steps) - 1
    if program.outputs != (last,):
        raise ValueError(f"check_engine needs a program with one output, its last value, not outputs {program.outputs}")
    if len(program.example) != len(program.inputs):
        numbers = counted(len(program.example), "number")
        raise ValueError(f"the program has inputs {', '.join(program.inputs)} but an example of {numbers}")
    if any(op is CUT for op, _ in program.steps):
        raise ValueError("a program with x.data or stop_gradient has no exact gradient to check: leave them out")
    if all(name.isidentifier() and not re.fullmatch(r"v\d+", name) for name in program.inputs):
        return program
    return program_at(program.example, program.steps)


def _run(engine: Engine, program: Program) -> list[EngineNode]:
    """Run a program through an engine, with one backward pass, and collect its nodes."""
    values = program.run_steps(map(engine.leaf, program.example), engine.apply)
    engine.backward(values[-1])
    return _nodes(engine, program, values)


def _nodes(engine: Engine, program: Program, values: list[Any]) -> list[EngineNode]:
    n = len(program.inputs)
    nodes = [EngineNode(None, (), float(engine.data(v)), _grad(engine, v), None) for v in values[:n]]
    for (op, operands), v in zip(program.steps, values[n:], strict=True):
        xs = tuple(nodes[x].value if isinstance(x, int) else x for x in operands)
        told = getattr(engine, "local_derivatives", None)
        partials = told(v) if told else _probe(engine, op, xs, tuple(isinstance(x, int) for x in operands))
        nodes.append(EngineNode(op, operands, float(engine.data(v)), _grad(engine, v), partials))
    return nodes


def _grad(engine: Engine, v: Any) -> float | None:
    g = engine.grad(v)
    return None if g is None else float(g)


def _probe(engine: Engine, op: Op, xs: tuple[float, ...], wanted: tuple[bool, ...]) -> tuple[float | None, ...]:
    """Local derivatives of an engine, from its gradients of the op alone on fresh leaves."""
    leaves = [engine.leaf(x) if w else x for x, w in zip(xs, wanted, strict=True)]
    y = engine.apply(op, tuple(leaves))
    engine.backward(y)
    return tuple(_grad(engine, leaf) if w else None for leaf, w in zip(leaves, wanted, strict=True))


def _states(engine: Engine, program: Program, nodes: list[EngineNode], names: list[str]) -> list[Finding]:
    """Check a second pass, a second graph over the same leaves, and a pass from an inner value."""
    scale = _scales(nodes)
    inputs = range(len(program.inputs))
    once = [nodes[i].adjoint for i in inputs]

    values = program.run_steps(map(engine.leaf, program.example), engine.apply)
    for _ in range(2):
        engine.backward(values[-1])
    for i in inputs:
        got, g = _grad(engine, values[i]), once[i]
        if not _is_times(got, g, (1, 2), scale[i]):
            note = "a second backward() on one graph: inner gradients of the first are left over"
            return [_state(names[i], got, g, "or twice that", note, i)]

    values = program.run_steps(map(engine.leaf, program.example), engine.apply)
    third = engine.apply(ops.add, (values[0], values[0]))
    engine.backward(values[-1])
    before = [_grad(engine, v) for v in values]
    engine.backward(third)
    got, g = _grad(engine, values[0]), once[0]
    if g is not None and not (_is_times(got, g + 2, (1,), scale[0] + 2) or _is_times(got, 2.0, (1,), 2.0)):
        return [_state(names[0], got, g + 2, "or 2", "a second graph over the same leaf was swept", 0)]
    for i, v in enumerate(values[1:], 1):
        if not _same(_grad(engine, v), before[i]):
            return [_state(names[i], _grad(engine, v), before[i], "as before", "sweeping another graph changed it", i)]

    middle = len(program.inputs) + (len(program.steps) - 1) // 2
    if middle < len(nodes) - 1:
        values = program.run_steps(map(engine.leaf, program.example), engine.apply)
        engine.backward(values[middle])
        within = _nodes(engine, program, values)[: middle + 1]
        inner = check_nodes(within, names)
        if inner.findings:
            return [replace(f, note=f"{f.note}; backward() from an inner value") for f in inner.findings]
        return _in_turns(engine, program, nodes, names, middle, _scales(within))
    return []


def _in_turns(
    engine: Engine, program: Program, nodes: list[EngineNode], names: list[str], middle: int, inner: list[float]
) -> list[Finding]:
    """Check passes from the output, from an inner value, and from the output again."""
    values = program.run_steps(map(engine.leaf, program.example), engine.apply)
    after: list[list[float | None]] = []
    for root in (-1, middle, -1):
        engine.backward(values[root])
        after.append([_grad(engine, v) for v in values])
    note = "backward() from the output, from an inner value, and from the output again: {} left over"
    scale = _scales(nodes)
    alone = program.run_steps(map(engine.leaf, program.example), engine.apply)
    engine.backward(alone[middle])
    for i in range(len(program.inputs)):
        g, got, h = nodes[i].adjoint, after[2][i], _grad(engine, alone[i])
        if g is None or h is None:
            continue
        size = scale[i] * 2 + (inner[i] if i < len(inner) else 0.0)
        if not (_is_times(got, 2 * g + h, (1,), size) or _is_times(got, g, (1,), size)):
            return [_state(names[i], got, 2 * g + h, f"or {g!r}", note.format("gradients are"), i)]
    for i in range(len(program.inputs), len(values)):
        if not _is_times(after[2][i], nodes[i].adjoint, (1,), scale[i]):
            return [_state(names[i], after[2][i], nodes[i].adjoint, "as before", note.format("its gradient is"), i)]
    return []


def _scales(nodes: list[EngineNode]) -> list[float]:
    """Sum of the magnitudes of the contributions to each adjoint, the scale of its rounding error."""
    scale = [0.0] * len(nodes)
    for node in nodes:
        for x, d in zip(node.operands, node.local_derivatives or (None,) * len(node.operands), strict=True):
            if isinstance(x, int) and d is not None and node.adjoint is not None:
                scale[x] += abs(node.adjoint * d)
    return scale


def _is_times(got: float | None, g: float | None, factors: tuple[int, ...], scale: float) -> bool:
    if got is None or g is None or not math.isfinite(scale):
        return True
    return any(abs(got - k * g) <= 1e-12 * (scale + abs(g)) for k in factors) or not math.isfinite(g)


def _same(a: float | None, b: float | None) -> bool:
    return a == b or (a is not None and b is not None and a != a and b != b)


def _state(name: str, got: float | None, exact: float | None, more: str, note: str, node: int) -> Finding:
    return Finding(
        WrongState, f"adjoint of {name}", math.nan if got is None else got, f"{exact!r} {more}", None, "", note, node
    )


def _known(engine: Engine) -> list[Op]:
    """Ops for which `apply` does not raise NotImplementedError."""
    rows = []
    for op in ops.FUNCTIONS.values():
        try:
            engine.apply(op, tuple(engine.leaf(0.5) for _ in range(arity_of(op))))
        except NotImplementedError:
            continue
        except Exception:  # reported when the op is checked
            pass
        rows.append(op)
    return rows


def _report(engine: Engine, program: Program, nodes: list[EngineNode] | None, checked: Checked) -> Report:
    given = list(zip(program.inputs, program.example, strict=True))
    at = ", ".join(f"{name} = {x!r}" for name, x in given)
    expression = program.expression()
    texts = [*program.inputs, *program.lines()]
    table = node_table(texts, nodes, checked.findings) if nodes else ()
    return Report(
        "wrong" if checked.findings else "correct",
        checked.by,
        checked.checked,
        checked.skipped,
        tuple(checked.findings),
        f"{expression}   at {at}",
        table,
        f"check_engine({type(engine).__name__}(…), {expression!r}, {', '.join(f'{name}={x!r}' for name, x in given)})",
        size=len(program.steps),
        graph=_drawn(program) if nodes and checked.findings else (),
    )


def _drawn(program: Program) -> tuple[Value, ...]:
    """Values of a program computed by this package, named as in the report."""
    return tuple(program.run_steps(map(Value, program.example, program.inputs)))

"""A traced function as a flat list: inputs, one step per op in topological order, outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.faces import FACES
from autograd_tiny.engine.names import spell
from autograd_tiny.engine.op import Op, Spelled
from autograd_tiny.engine.value import Value, topological_order
from autograd_tiny.transforms.columns import NONE, Steps
from autograd_tiny.transforms.columns import Place as Place
from autograd_tiny.transforms.columns import Step as Step
from autograd_tiny.transforms.derivatives import stop_gradient
from autograd_tiny.transforms.tape import Tape
from autograd_tiny.transforms.tracer import CUT, UNPLACED, Tracer, elsewhere

REPR_LIMIT = 60  # steps, and outputs, shown by a repr


@dataclass(frozen=True, eq=False, repr=False)
class Program:
    """A straight-line program over numbered values: inputs first, then one per step.

    >>> from autograd_tiny.engine import ops
    >>> program = Program(("x",), (Step(ops.mul, (0, 0)), Step(ops.add, (1, 0.5))), (2,))
    >>> program
    program of 1 input, 2 steps, 1 output
    v1 = x * x
    v2 = v1 + 0.5
    return v2
    >>> program.run([3.0])
    [9.5]

    The last `sum(widths)` inputs have a batch axis; `widths` holds the size of each batched argument.
    `reduce` is "sum" to add the outputs over the batch axis, or None to return them per sample.
    Raises ValueError if `run` gets another number of inputs.
    """

    inputs: tuple[str, ...]
    steps: Steps  # any iterable of Step becomes one
    outputs: tuple[Place, ...]
    widths: tuple[int, ...] = ()
    reduce: str | None = None
    example: tuple[float, ...] = ()  # the inputs it was traced with

    if TYPE_CHECKING:  # what a person writes

        def __init__(
            self,
            inputs: tuple[str, ...],
            steps: Iterable[Step],
            outputs: tuple[Place, ...],
            widths: tuple[int, ...] = ...,
            reduce: str | None = ...,
            example: tuple[float, ...] = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        if not isinstance(self.steps, Steps) or self.steps.inputs != len(self.inputs):
            object.__setattr__(self, "steps", Steps.of(len(self.inputs), self.steps))

    @property
    def shared(self) -> int:
        """Number of inputs without a batch axis."""
        return len(self.inputs) - sum(self.widths)

    def run(self, xs: Iterable[Any], apply: Callable[[Op, tuple[Any, ...]], Any] | None = None) -> list[Any]:
        """Compute the outputs for one sample, with any kind of number; `apply(op, xs)` replaces op(*xs)."""
        values = self.run_steps(xs, apply)
        return [values[x] if isinstance(x, int) else x for x in self.outputs]

    def run_steps(self, xs: Iterable[Any], apply: Callable[[Op, tuple[Any, ...]], Any] | None = None) -> list[Any]:
        """Compute every value: the inputs, then one per step."""
        values = list(xs)
        if len(values) != len(self.inputs):
            raise ValueError(f"the program has {counted(len(self.inputs), 'input')}, got {len(values)}")
        append = values.append
        for op, operands in self.steps:
            arguments = tuple([values[x] if x.__class__ is int else x for x in operands])
            if apply:
                append(apply(op, arguments))
            else:
                append(stop_gradient(arguments[0]) if op is CUT else op(*arguments))
        return values

    def value(self, xs: Iterable[float] | None = None) -> Value:
        """Compute the first output as a Value, at xs or at the traced inputs; `trace` and `draw` show it.

        >>> from autograd_tiny.engine import ops
        >>> y = Program(("x",), (Step(ops.square, (0,)),), (1,)).value([3.0])
        >>> y.backward(); y.data, y.parents[0].name, y.parents[0].grad
        (9.0, 'x', 6.0)
        """
        leaves = [Value(x, name) for x, name in zip(self.example if xs is None else xs, self.inputs, strict=True)]
        y = self.run(leaves)[0]
        return y if isinstance(y, Value) else Value(y)

    def source(self, language: str) -> str:
        """Return stand-alone source text of the program in "python", "numpy", "c" or "jax"."""
        text: str = FACES["source"](self, language)
        return text

    def with_outputs(self, outputs: Sequence[Place], reduce: str | None = None) -> Program:
        """Return a program with the same steps and other outputs."""
        return replace(self, outputs=tuple(outputs), reduce=reduce)

    def statistics(self) -> dict[str, Any]:
        """Count the steps, in all and per op, and the depth of the longest chain of steps."""
        depth = [0] * len(self.inputs)
        for step in self.steps:
            depth.append(1 + max((depth[x] for x in step.operands if isinstance(x, int)), default=0))
        ops = Counter(step.op.name for step in self.steps)
        return {"steps": len(self.steps), "depth": max(depth, default=0), "ops": dict(ops.most_common())}

    def name(self, place: Place) -> Spelled:
        """Return ``x[0]`` for an input, v7 for a step, the number for a constant."""
        if not isinstance(place, int):
            return Spelled.number(place)
        return Spelled(self.inputs[place] if place < len(self.inputs) else f"v{place}")

    def lines(self) -> Iterable[str]:
        """Yield each step as an assignment: ``v7 = v3 * x``."""
        for place, (op, operands) in enumerate(self.steps, len(self.inputs)):
            yield f"v{place} = {spell(op, [self.name(x) for x in operands]).text}"

    def expression(self) -> str:
        """Return the first output as one expression, with a name for each part used more than once.

        >>> from autograd_tiny.engine import ops
        >>> Program(("x",), (Step(ops.exp, (0,)), Step(ops.mul, (1, 1)), Step(ops.neg, (2,))), (3,)).expression()
        'v1 = exp(x); -(v1 * v1)'
        """
        spelled = [self.name(i) for i in range(len(self.inputs))]
        uses = Counter(x for step in self.steps for x in step.operands if isinstance(x, int))
        parts = []
        for place, (op, operands) in enumerate(self.steps, len(self.inputs)):
            spelled.append(spell(op, [spelled[x] if isinstance(x, int) else Spelled.number(x) for x in operands]))
            if uses[place] > 1:
                parts.append(f"v{place} = {spelled[-1].text}")
                spelled[-1] = self.name(place)
        (output, *_) = self.outputs
        return "; ".join([*parts, spelled[output].text if isinstance(output, int) else Spelled.number(output).text])

    def __repr__(self) -> str:
        kinds = {"input": self.inputs, "step": self.steps, "output": self.outputs}
        counts = (counted(len(places), kind) for kind, places in kinds.items())
        lines = list(self.lines()) if len(self.steps) <= REPR_LIMIT else []
        results = ", ".join(self.name(x).text for x in self.outputs[:REPR_LIMIT])
        more = ", …" if len(self.outputs) > REPR_LIMIT else ""
        body = [*lines, f"return {results}{more}"] if lines or not self.steps else ["(print the lines of .lines())"]
        return "\n".join([f"program of {', '.join(counts)}", *body])


def program_of(inputs: Sequence[Any], outputs: Sequence[Any], widths: tuple[int, ...] = ()) -> Program:
    """Build the program that computes outputs from inputs; every node between them is a step.

    >>> x = Value(3.0, "x")
    >>> program_of([x], [x * x * x])
    program of 1 input, 2 steps, 1 output
    v1 = x * x
    v2 = v1 * x
    return v2

    Inputs are Values or, while tracing, Tracers; outputs may also be numbers.
    """
    given = [x.known() if x.__class__ is Tracer else (x.data, x.name) for x in inputs]
    names = tuple([name or f"x{i}" for i, (_, name) in enumerate(given)])
    example = tuple([number for number, _ in given])
    traced = [y for y in outputs if isinstance(y, Tracer)]
    if traced or any(isinstance(x, Tracer) for x in inputs):
        steps, results = _recorded(inputs, outputs, traced)
    else:
        steps, results = _built(inputs, outputs)
    return Program(names, steps, results, widths, example=example)


def _built(inputs: Sequence[Any], outputs: Sequence[Any]) -> tuple[Steps, tuple[Place, ...]]:
    """Write the Values between inputs and outputs as steps."""
    places: dict[Any, Place] = {x: i for i, x in enumerate(inputs)}
    steps: list[Step] = []
    for v in topological_order(*(y for y in outputs if isinstance(y, Value)), stop=inputs):
        if v.op is None:  # a constant
            places[v] = v.data
        else:
            places[v] = len(inputs) + len(steps)
            steps.append(Step(v.op, tuple([x if x.__class__ is float else places[x] for x in v.operands])))
    results = tuple(places[y] if isinstance(y, Value) else float(y) for y in outputs)
    return Steps.of(len(inputs), steps), results


def _recorded(inputs: Sequence[Any], outputs: Sequence[Any], traced: list[Tracer]) -> tuple[Steps, tuple[Place, ...]]:
    """Copy the rows between inputs and outputs from the tape."""
    tapes = [x.tape for x in (*traced, *inputs) if x.tape is not UNPLACED]
    tape = tapes[0] if tapes else Tape(Tracer)
    for x in inputs:
        if x.tape is UNPLACED:
            x.settle(tape)
    for x in (*traced, *inputs):
        if x.tape is not tape:
            raise elsewhere(x)
    n, op, constants = len(inputs), tape.op, tape.pool.constants
    order = tape.order([y.place for y in traced], [x.place for x in inputs])
    new = [*[NONE] * len(op), *range(-len(constants), 0)]  # new[~i] is ~i
    for place, x in enumerate(inputs):
        new[x.place] = place
    for place, v in enumerate(order, n):
        new[v] = place
    rows = [op[v] for v in order]
    codes = {row: code for code, row in enumerate(dict.fromkeys(rows))}
    if None in codes:
        raise elsewhere(tape.at(order[rows.index(None)]))
    a = [new[x] for x in map(tape.a.__getitem__, order)]
    b = [new[x] if x != NONE else NONE for x in map(tape.b.__getitem__, order)]
    c = [NONE] * len(order)
    more = {}
    for v, wide in tape.more.items():
        if (i := new[v] - n) >= 0:
            c[i] = new[wide[0]]
            if len(wide) > 1:
                more[i] = tuple([new[x] for x in wide[1:]])
    columns = (map(codes.__getitem__, rows), a, b, c)
    results = tuple([new[y.place] if isinstance(y, Tracer) else float(y) for y in outputs])
    steps = Steps(n, list(codes), columns, more, constants)
    steps.alive = results
    return steps, results

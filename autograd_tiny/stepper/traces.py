"""Record backpropagation: the forward steps, the seed, and every contribution of the sweep.

A trace keeps columns of numbers, one entry per use of a value; nodes and steps are made as needed.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, overload

from autograd_tiny.engine.chain_rule import contributions, past_poles
from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.execution import execution_order
from autograd_tiny.engine.faces import FACES
from autograd_tiny.engine.ieee import met_a_pole
from autograd_tiny.engine.names import name_nodes
from autograd_tiny.engine.provenance import Recording, Where, names_known, recorded
from autograd_tiny.engine.value import NO_GRAD, Value, topological_order
from autograd_tiny.stepper.breakpoints import Breakpoint, BreakpointError, near
from autograd_tiny.stepper.events import Backward, Forward, Node, Seed, Step


class Columns:
    """Columns of a trace: one entry per use of a value, in the order of the sweep."""

    def __init__(self) -> None:
        self.consumers, self.slots, self.targets, self.before = array("l"), array("l"), array("l"), array("d")
        self.passed: dict[int, float] = {}  # contributions of entries where upstream × local is 0 · inf

    @cached_property
    def nth(self) -> list[int]:
        """Number of each entry among the uses of its target, from 1."""
        seen, nth = dict.fromkeys(self.targets, 0), []
        for target in self.targets:
            seen[target] += 1
            nth.append(seen[target])
        return nth

    @cached_property
    def of(self) -> dict[int, int]:
        """Number of uses of each target."""
        return dict(zip(self.targets, self.nth, strict=True))


class Trace:
    """The nodes of a graph in the order of the sweep, and the steps of forward and backward, numbered from 0.

    Forward steps are in the order in which the code ran, backward steps in the order of the sweep.

    >>> a = Value(3.0, "a")
    >>> steps = trace(a * a)
    >>> len(steps), steps[0].node.name, steps[-1].after, steps.output.name
    (5, 'a', 6.0, 'a * a')
    """

    def __init__(
        self,
        nodes: Callable[[], tuple[Node, ...]],
        start: list[float],
        adjoint: list[float],
        uses: Columns,
        forward: Callable[[], list[int]],
    ) -> None:
        self._make_nodes, self._start, self._adjoint, self._uses = nodes, start, adjoint, uses
        self._make_forward = forward

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        return self._make_nodes()

    @cached_property
    def forward(self) -> list[int]:
        """Numbers of the nodes in the order in which the code computed them."""
        return self._make_forward()

    @cached_property
    def place(self) -> list[int]:
        """The forward step of each node."""
        places = [0] * len(self.forward)
        for n, number in enumerate(self.forward):
            places[number] = n
        return places

    @property
    def output(self) -> Node:
        return self.nodes[-1]

    @property
    def seed(self) -> int:
        """Number of the step that seeds the output; the forward steps come before it, the backward steps after."""
        return len(self._start)

    def __len__(self) -> int:
        return len(self._start) + 1 + len(self._uses.targets)

    def __iter__(self) -> Iterator[Step]:
        return (self[n] for n in range(len(self)))

    @overload
    def __getitem__(self, n: int) -> Step: ...
    @overload
    def __getitem__(self, n: slice) -> list[Step]: ...
    def __getitem__(self, n: int | slice) -> Step | list[Step]:
        if isinstance(n, slice):
            return [self[i] for i in range(*n.indices(len(self)))]
        n = range(len(self))[n]
        if n < self.seed:
            return Forward(self.nodes[self.forward[n]])
        if n == self.seed:
            return Seed(self.output, self._start[-1], self._start[-1] + 1.0)
        return self._use(n - self.seed - 1)

    def _use(self, k: int) -> Backward:
        uses, nodes = self._uses, self.nodes
        consumer, i, target = uses.consumers[k], uses.slots[k], uses.targets[k]
        node, upstream, nth = nodes[consumer], self._adjoint[consumer], uses.nth[k]
        local = node.local_derivatives[i]
        assert local is not None
        before, contribution = uses.before[k], uses.passed.get(k, upstream * local)
        if nth == 1 and self._start[target] is NO_GRAD:
            before = NO_GRAD
        after = before + contribution
        return Backward(node, i, nodes[target], upstream, local, contribution, before, after, nth, uses.of[target])

    def at(self, n: int) -> State:
        """Return the data and gradients known after step n; n = -1 is before the first."""
        return State(self).seek(n)

    def node(self, name: str) -> Node:
        """Find a node by its name; raises BreakpointError with similar names."""
        found = [node for node in self.nodes if node.name == name]
        if not found:
            raise BreakpointError(f"no value is called {name!r}{near(name, [node.name for node in self.nodes])}")
        return found[-1]

    def breakpoint(self, what: str | Callable[[Step], bool]) -> Callable[[Step], bool]:
        """Make a test of steps from text such as ``nan``, ``|grad| > 10``, ``node w1``, or from a function of a step.

        Raises BreakpointError for text that is not a breakpoint, or that names something not in this trace.
        """
        if not isinstance(what, str):
            return what
        parsed = Breakpoint.parse(what)
        parsed.check(self.nodes)
        return parsed.stops

    def find(self, what: str | Callable[[Step], bool], start: int = 0, back: bool = False) -> int | None:
        """Find the first step from `start` on, or back from it, where a breakpoint stops; None if it never does.

        >>> a = Value(3.0, "a"); steps = trace(a * a)
        >>> steps.find("node a"), steps.find("final"), steps.find("|grad| > 100")
        (0, 4, None)
        """
        stops = self.breakpoint(what)
        numbers = range(min(start, len(self) - 1), -1, -1) if back else range(max(start, 0), len(self))
        return next((n for n in numbers if stops(self[n])), None)

    def html(self, path: str | Path) -> Path:
        """Write a web page that steps through this trace, one file without dependencies, and return its path."""
        written: Path = FACES["page"](self, path)
        return written

    def debug(self) -> None:
        """Step through this trace in the terminal; print every step if there is no terminal."""
        FACES["prompt"](self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **kwargs: Any) -> dict[str, str]:
        return {"text/html": FACES["page in a notebook"](self), "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"<trace of {counted(self.seed, 'value')} and {counted(len(self), 'step')}>"


class State:
    """The data and gradients known after a step; stepping back restores `before`.

    >>> a = Value(3.0, "a"); steps = trace(a * a)
    >>> state = steps.at(3); state.grad(steps.node("a")), state.seek(2).grad(steps.node("a"))
    (3.0, None)
    """

    def __init__(self, trace: Trace) -> None:
        self.trace, self.n = trace, -1
        self._grads: list[float | None] = [None if g is NO_GRAD else g for g in trace._start]
        for i, node in enumerate(trace.nodes):
            if node.op is not None:
                self._grads[i] = None

    def seek(self, n: int) -> State:
        """Go to step n, forwards or back; numbers beyond the ends are clamped."""
        n = max(-1, min(n, len(self.trace) - 1))
        while self.n < n:
            self._set(self.n + 1, True)
            self.n += 1  # after the step: an interrupt between the two repeats it, which is harmless
        while self.n > n:
            self._set(self.n, False)
            self.n -= 1
        return self

    def _set(self, n: int, ahead: bool) -> None:
        """Write the gradient of step n, or on the way back the one before it."""
        trace, seed = self.trace, self.trace.seed
        if n < seed:
            return
        place, step = seed - 1 if n == seed else trace._uses.targets[n - seed - 1], trace[n]
        assert isinstance(step, (Seed, Backward))
        first = isinstance(step, Seed) or step.nth == 1
        fresh = first and (trace.nodes[place].op is not None or trace._start[place] is NO_GRAD)
        self._grads[place] = step.after if ahead else None if fresh else step.before

    def known(self, node: Node) -> bool:
        """Tell if the forward pass has computed the node."""
        return self.trace.place[node.number] <= self.n

    def grad(self, node: Node) -> float | None:
        """Return the node's gradient so far; None before the first contribution."""
        return self._grads[node.number]


def as_trace(given: Any, function: str) -> Trace:
    """Return a Trace as it is, and the trace of a Value; `function` is named in the error for anything else."""
    if isinstance(given, Trace):
        return given
    if isinstance(given, Value):
        return trace(given)
    raise TypeError(f"{function} takes a Trace, as trace(y) returns, or the Value y, got {given!r:.60}")


def trace(y: Any, recording: Recording | None = None) -> Trace:
    """Record the steps that `y.backward()` takes, bit for bit; reads `.grad` of leaves only and writes none.

    >>> a = Value(3.0, "a")
    >>> b = a * a
    >>> for step in trace(b):
    ...     if isinstance(step, Backward):
    ...         print(step.upstream, "×", step.local, "=", step.contribution, f"use {step.nth} of {step.of}")
    1.0 × 3.0 = 3.0 use 1 of 2
    1.0 × 3.0 = 3.0 use 2 of 2

    A value without a name is called by the variable of the caller that holds it. Within `tracing()`, or with its
    recording, nodes know their source lines and modules too, and come in the order in which they were computed. y can
    be a program of a compiled function, too: it is traced at the point where it was recorded. Raises TypeError for
    anything else.
    """
    if hasattr(y, "value"):  # a program of a compiled function
        y = y.value()
    if not isinstance(y, Value):
        raise TypeError(f"trace takes a Value, the one to call backward() on, got {y!r:.60}")
    order = topological_order(y)
    place = {v: i for i, v in enumerate(order)}
    start = [0.0 if v.op else v.grad if v.has_grad else NO_GRAD for v in order]
    adjoint, uses = _swept(order, place, start, contributions)
    if met_a_pole.is_set() and any(g != g for g in adjoint.values()):
        adjoint, uses = _swept(order, place, start, past_poles)
    record = recording or recorded() or Recording()
    data, where = [v.data for v in order], record.where
    names = {v: name for v, name in names_known(record).items() if v in place}

    def forward() -> list[int]:
        return [place[v] for v in execution_order(order, where)]

    return Trace(lambda: _nodes(order, data, place, where, names), start, [*adjoint.values()], uses, forward)


def _swept(
    order: list[Value], place: dict[Value, int], start: list[float], sweep: Callable[..., Iterator[Any]]
) -> tuple[dict[Value, float], Columns]:
    """Take the steps of a sweep; return the gradients, and the columns of its steps."""
    adjoint, uses = dict(zip(order, start, strict=True)), Columns()
    adjoint[order[-1]] += 1.0
    consumers, slots, targets = uses.consumers.append, uses.slots.append, uses.targets.append
    befores = uses.before.append
    for v, i, x, contribution in sweep(order, adjoint):
        before = adjoint[x]
        if sweep is past_poles and math.isnan(adjoint[v] * v.local_derivatives[i]):
            uses.passed[len(uses.before)] = contribution
        consumers(place[v]), slots(i), targets(place[x]), befores(before)
        adjoint[x] = before + contribution
    return adjoint, uses


def _nodes(
    order: list[Value],
    data: list[float],
    place: dict[Value, int],
    where: dict[Value, Where],
    names: dict[Value, str],
) -> tuple[Node, ...]:
    named = name_nodes(order, names)
    nodes: list[Node] = []
    for i, v in enumerate(order):
        operands = tuple(nodes[place[x]] if isinstance(x, Value) else x for x in v.operands)
        nodes.append(Node(i, named[v], v.op, data[i], operands, v.local_derivatives if v.op else (), where.get(v)))
    return tuple(nodes)

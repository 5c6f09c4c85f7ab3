"""What a check found, told so that a person can act on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autograd_tiny.engine.digits import short
from autograd_tiny.engine.value import Value
from autograd_tiny.pictures.drawing import Graph, draw


class GradcheckError(AssertionError):
    """A gradient is wrong; `report` says which, where and how to see it again."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


class WrongValue(GradcheckError):
    """The forward pass computes something else than the op's own function."""


class WrongLocal(GradcheckError):
    """A rule gives a local derivative that is not the slope of the op."""


class WrongAccumulation(GradcheckError):
    """Every rule agrees with the oracle, but an adjoint is not the sum of its contributions."""


class WrongState(GradcheckError):
    """A second pass, a reused leaf or another graph gives another gradient."""


class Raises(GradcheckError):
    """The engine, or a derivative, raises where the function of floats does not."""


class WrongFunction(GradcheckError):
    """A function and the derivative written for it do not belong together."""


class Inconclusive(GradcheckError):
    """No oracle was sure; raised when strict."""


@dataclass(frozen=True)
class Finding:
    """One number that is wrong."""

    kind: type[GradcheckError]
    what: str  # "∂v2/∂x0"
    got: float
    exact: str
    ulps: float | None = None
    oracle: str = ""
    note: str = ""
    node: int | None = None  # the place of the node to blame


@dataclass(frozen=True)
class Report:
    """The outcome of a check: "correct", "wrong" or "inconclusive", and all that was found.

    `checked` counts numbers compared with the oracle, `skipped` those at poles, where there is no derivative.
    """

    outcome: str
    oracle: str
    checked: int = 0
    skipped: int = 0
    findings: tuple[Finding, ...] = ()
    subject: str = ""  # the expression, with what it was checked at
    table: tuple[str, ...] = ()  # a line per node, the first bad one marked
    reproduce: str = ""
    notes: tuple[str, ...] = ()
    size: int = 0  # how many ops the subject has
    graph: tuple[Value, ...] = ()  # its values in topological order, where there is a graph

    def __bool__(self) -> bool:
        return self.outcome == "correct"

    def raise_for(self, strict: bool = False) -> Report:
        """Self when it is correct; raises GradcheckError when wrong, and when inconclusive under `strict`."""
        if self.findings:
            raise self.findings[0].kind(self)
        if strict and self.outcome == "inconclusive":
            raise Inconclusive(self)
        return self

    def draw(self) -> Graph:
        """The graph as this package computes it, the node to blame in a thick frame; `.write("wrong.svg")` draws it.

        Raises ValueError when nothing is wrong, or when the subject has no graph.
        """
        node = self.findings[0].node if self.findings else None
        if node is None or not self.graph:
            raise ValueError("there is no graph with a wrong node to draw")
        first, y = self.findings[0], self.graph[-1]
        y.backward()
        return draw(y, notes={self.graph[node]: f"{first.what}: wrong\ngot {first.got!r}\nexact {first.exact}"})

    def __str__(self) -> str:
        counted = f"{self.checked} numbers agree with the oracle" if self.checked else "nothing was compared"
        if not self.findings:
            skipped = f"; {self.skipped} at poles were left out" if self.skipped else ""
            return "\n".join([f"{self.outcome}: {counted}{skipped} ({self.oracle})", *self.notes])
        first = self.findings[0]
        lines = [str(first.kind.__doc__).split("\n", 1)[0], f"    {self.subject}"]
        lines += [f"    {describe(finding)}" for finding in self.findings[:3]]
        lines += [f"    {line}" for line in (*self.table, *self.notes)]
        return "\n".join([*lines, *([f"    reproduce: {self.reproduce}"] if self.reproduce else [])])


def describe(finding: Finding) -> str:
    """One line: what, got, exact, ulps, oracle, and what kind of mistake it looks like."""
    ulps = "" if finding.ulps is None else f" ({short(float(f'{finding.ulps:.2g}'))} ulp; 8 allowed; {finding.oracle})"
    note = f"\n        {finding.note}" if finding.note else ""
    return f"{finding.what}:  got {finding.got!r}  exact {finding.exact}{ulps}{note}"


def likeness(got: float, exact: float, others: Sequence[float] = ()) -> str:
    """What kind of mistake a wrong derivative looks like: the sign, a factor of 2, the other operand's, float32."""
    if got != got or got in (float("inf"), float("-inf")):
        return "not finite where the slope is"
    if got == 0:
        return "zero where the slope is not: a path is cut"
    if exact == 0:
        return ""
    ratio = got / exact
    for factor, words in ((-1.0, "the sign is wrong"), (2.0, "twice as much"), (0.5, "half as much")):
        if abs(ratio - factor) < 1e-6:
            return words
    if any(abs(got - other) <= 1e-9 * abs(other) for other in others if other):
        return "it is the other operand's derivative"
    if abs(ratio * exact - 1) < 1e-9:
        return "it is 1"
    if 1e-8 < abs(ratio - 1) < 1e-6:
        return (
            f"right to seven digits, as float32 is: a factor of 1 {'+' if ratio > 1 else '-'} {short(abs(ratio - 1))}"
        )
    if abs(ratio - 1) < 1e-2:
        return f"off by a factor of 1 {'+' if ratio > 1 else '-'} {short(abs(ratio - 1))}"
    return ""

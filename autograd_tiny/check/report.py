"""Reports of checks, and the errors that carry them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autograd_tiny.check.sweeps import from_zero
from autograd_tiny.engine.digits import counted, short
from autograd_tiny.engine.value import Value
from autograd_tiny.pictures.drawing import Graph, draw

MOST_LINES, LONGEST = 40, 2000  # lines of a report, and characters of a line


class GradcheckError(AssertionError):
    """A gradient is wrong; `report` says which, where and how to reproduce it.

    >>> from autograd_tiny.check import gradcheck
    >>> try:
    ...     gradcheck(lambda x: x * x, 3.0, grad=lambda x: x)
    ... except GradcheckError as error:
    ...     error.report.outcome, error.report.findings[0].got, error.report.findings[0].exact
    ('wrong', 3.0, '6.0')
    """

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


class WrongValue(GradcheckError):
    """The forward pass does not compute the op's function."""


class WrongLocal(GradcheckError):
    """A rule gives a wrong local derivative."""


class WrongAccumulation(GradcheckError):
    """Every rule agrees with the oracle, but an adjoint is not the sum of its contributions."""


class WrongState(GradcheckError):
    """A second pass, a reused leaf or another graph changes the gradient."""


class Raises(GradcheckError):
    """The engine or a derivative raises, but the function of floats does not."""


class WrongFunction(GradcheckError):
    """The derivative does not match the function."""


class Inconclusive(GradcheckError):
    """No oracle could decide; raised if strict."""


@dataclass(frozen=True)
class Finding:
    """One wrong number."""

    kind: type[GradcheckError]
    what: str  # "∂v2/∂x0"
    got: float
    exact: str
    ulps: float | None = None
    oracle: str = ""
    note: str = ""
    node: int | None = None  # index of the node to blame
    operand: int | None = None  # index of the operand whose derivative is wrong
    cause: str = ""  # the likely kind of mistake, by this number alone


@dataclass(frozen=True)
class Report:
    """Outcome of a check, "correct", "wrong" or "inconclusive", with its findings; true if correct.

    `checked` counts the numbers compared with the oracle, `skipped` those at poles, where there is no derivative.

    >>> report = Report("inconclusive", "none", notes=("an argument is not finite",))
    >>> bool(report), report.raise_for() is report
    (False, True)
    """

    outcome: str
    oracle: str
    checked: int = 0
    skipped: int = 0
    findings: tuple[Finding, ...] = ()
    subject: str = ""  # the expression, and the numbers of its inputs
    table: tuple[str, ...] = ()  # a line per node, the first wrong one marked
    reproduce: str = ""
    notes: tuple[str, ...] = ()
    size: int = 0  # number of ops
    graph: tuple[Value, ...] = ()  # its values in topological order; () without a graph
    numbers: str = ""  # of the exact oracle: balls or mpmath

    def __bool__(self) -> bool:
        return self.outcome == "correct"

    def raise_for(self, strict: bool = False) -> Report:
        """Return self, or raise GradcheckError if wrong, and if inconclusive under `strict`."""
        if self.findings:
            raise self.findings[0].kind(self)
        if strict and self.outcome == "inconclusive":
            raise Inconclusive(self)
        return self

    def draw(self) -> Graph:
        """Draw the graph as this package computes it, the node to blame in a thick frame; `.write(path)` saves it.

        Raises ValueError if nothing is wrong, or if there is no graph.
        """
        node = self.findings[0].node if self.findings else None
        if node is None or not self.graph:
            raise ValueError(f"this report is {self.outcome!r} and has no graph with a wrong node to draw")
        first, y = self.findings[0], self.graph[-1]
        with from_zero(y):
            y.backward()
            return draw(y, notes={self.graph[node]: f"{first.what}: wrong\ngot {first.got!r}\nexact {first.exact}"})

    def __str__(self) -> str:
        agree = "agrees" if self.checked == 1 else "agree"
        compared = (
            f"{counted(self.checked, 'number')} {agree} with the oracle" if self.checked else "nothing was compared"
        )
        if not self.findings:
            oracle = f"{self.oracle}, {self.numbers}" if self.numbers else self.oracle
            skipped = f"; {counted(self.skipped, 'number')} at poles skipped" if self.skipped else ""
            return "\n".join([f"{self.outcome}: {compared}{skipped} ({oracle})", *self.notes])
        first = self.findings[0]
        lines = [str(first.kind.__doc__).split("\n", 1)[0], f"    {self.subject}"]
        lines += [f"    {describe(finding)}" for finding in self.findings[:3]]
        lines += [f"    {line}" for line in (*self._near(MOST_LINES - 4 - len(lines) - len(self.notes)), *self.notes)]
        lines += [f"    reproduce: {self.reproduce}"] if self.reproduce else []
        return "\n".join(
            line if len(line) <= LONGEST else f"{line[:LONGEST]} …" for line in "\n".join(lines).split("\n")
        )

    def _near(self, most: int) -> list[str]:
        """List the lines of the table, those around the node to blame if they are many."""
        table = list(self.table)
        if len(table) <= most:
            return table
        blamed = next((i for i, line in enumerate(table) if line.endswith("<== here")), 0)
        start = max(0, min(blamed - most // 2, len(table) - most))
        before, after = start, len(table) - start - most
        return [
            *([f"… {counted(before, 'node')} before"] if before else []),
            *table[start : start + most],
            *([f"… {counted(after, 'node')} after"] if after else []),
        ]


def describe(finding: Finding) -> str:
    """Format a finding: what, got, exact, ulps, oracle, and the likely kind of mistake."""
    ulps = "" if finding.ulps is None else f" ({short(float(f'{finding.ulps:.2g}'))} ulp; 8 allowed; {finding.oracle})"
    note = f"\n        {finding.note}" if finding.note else ""
    return f"{finding.what}:  got {finding.got!r}  exact {finding.exact}{ulps}{note}"


def likeness(got: float, exact: float, others: Sequence[float] = ()) -> str:
    """Guess the kind of mistake in a wrong derivative: the sign, a factor of 2, the other operand's, float32."""
    if got != got or got in (float("inf"), float("-inf")):
        return "not finite, but the slope is"
    if got == 0:
        return "zero, but the slope is not: a path is cut"
    if exact == 0:
        return ""
    ratio = got / exact
    for factor, words in ((-1.0, "the sign is wrong"), (2.0, "twice as much"), (0.5, "half as much")):
        if abs(ratio - factor) < 1e-6:
            return words
    if abs(ratio - 1) > 1e-6 and any(abs(got - other) <= 1e-9 * abs(other) for other in others if other):
        return "it is the other operand's derivative"
    if abs(ratio - 1) > 1e-6 and abs(got - 1) < 1e-9:
        return "it is 1"
    if 1e-8 < abs(ratio - 1) < 1e-6:
        sign = "+" if ratio > 1 else "-"
        return f"right to seven digits, like float32: off by a factor of 1 {sign} {short(abs(ratio - 1))}"
    if abs(ratio - 1) < 1e-2:
        return f"off by a factor of 1 {'+' if ratio > 1 else '-'} {short(abs(ratio - 1))}"
    return ""

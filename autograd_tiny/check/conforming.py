"""A table of named properties of an engine, each checked by itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from autograd_tiny.check.engines import Engine
from autograd_tiny.check.limits import WithInts, check_depth, check_limits
from autograd_tiny.check.properties import check_engine
from autograd_tiny.check.report import GradcheckError, Report
from autograd_tiny.engine import ops
from autograd_tiny.engine.expression import ExpressionError

# A property: its group, its name, an expression, and inputs at which its values and gradients are exact within 8 ulp.
EXPRESSIONS: tuple[tuple[str, str, str, tuple[dict[str, float], ...]], ...] = tuple(
    (group, text, text, tuple(inputs))
    for group, texts, inputs in (
        (
            "operators",
            "x + y|x - y|x * y|x / y|-x|x ** 2|x + 2|x - 2|x * 2|x / 2|2 + x|2 - x|2 * x|2 / x|x ** -1",
            [{"x": 3.0, "y": -0.7}, {"x": -0.3, "y": 2.5}],
        ),
        ("operators", "x ** 0.5|x ** y|2 ** x", [{"x": 3.0, "y": -0.7}]),
        ("powers", "x ** 1|x ** 2|x ** 3", [{"x": x} for x in (0.0, -1.0, -2.0)]),
        ("powers", "x ** 0", [{"x": 2.0}, {"x": -1.0}]),
        ("reuse", "x + x|x * x|x - x|v = x + x; v + v|v = x * x; v + (v + x)|v = x * 2; (v + x) * v", [{"x": 1.5}]),
        ("kinks", "relu(x)|abs(x)", [{"x": x} for x in (0.0, 5e-324, -1.0, 3.0)]),
        ("ties", "maximum(x, y)|minimum(x, y)", [{"x": 1.0, "y": 1.0}, {"x": 2.0, "y": 1.0}]),
        ("functions", "exp(x)|sin(x)|cos(x)|tanh(x)|sigmoid(x)|softplus(x)", [{"x": 0.5}, {"x": -2.0}]),
        ("functions", "log(x)|sqrt(x)", [{"x": 0.5}, {"x": 3.0}]),
        ("accuracy", "tanh(x)|sigmoid(x)|softplus(x)", [{"x": x} for x in (20.0, -40.0, 300.0)]),
        ("accuracy", "exp(x)|expm1(x)|sin(x)", [{"x": x} for x in (1e-12, 30.0, -30.0)]),
    )
    for text in texts.split("|")
)


class Row(NamedTuple):
    """Property of an engine: passed, failed or lacking, with what is wrong."""

    group: str
    name: str
    outcome: str
    note: str = ""


class Conformance(NamedTuple):
    """Rows of a table, in the order of the groups."""

    rows: tuple[Row, ...]

    @property
    def passed(self) -> int:
        """Number of properties that hold."""
        return sum(row.outcome == "passed" for row in self.rows)

    @property
    def failed(self) -> int:
        """Number of properties that do not."""
        return sum(row.outcome == "failed" for row in self.rows)

    def to_json(self) -> str:
        """Format the table as JSON."""
        score = {"passed": self.passed, "failed": self.failed, "lacking": len(self.rows) - self.passed - self.failed}
        return json.dumps({**score, "properties": [row._asdict() for row in self.rows]}, ensure_ascii=False, indent=1)

    def __str__(self) -> str:
        width = max(len(f"{row.group}: {row.name}") for row in self.rows)
        lines = [f"{f'{row.group}: {row.name}':<{width}}  {row.outcome}  {row.note}".rstrip() for row in self.rows]
        return "\n".join([f"{self.passed} of {self.passed + self.failed} properties hold", *lines])


def conformance(engine: Engine) -> Conformance:
    """Check the named properties of an engine, all of them, whatever fails.

    >>> from autograd_tiny.check import ValueEngine
    >>> table = conformance(ValueEngine())
    >>> table.failed, table.passed > 50
    (0, True)

    An op that the engine lacks makes a property "lacking".
    """
    return Conformance(tuple(_row(group, name, check) for group, name, check in _properties(engine)))


def _properties(engine: Engine) -> Iterator[tuple[str, str, Callable[[], Report | None]]]:
    for group, name, text, inputs in EXPRESSIONS:
        yield group, name, partial(_first_wrong, engine, text, inputs)
    for text in ("x * 3", "x ** 2", "3 - x", "x / 2"):
        ints = ({"x": 2.0}, {"x": 3.0})
        yield "ints", text, partial(_first_wrong, WithInts(engine), text, ints)
    again = "v = x + x; w = v * v; w + (w + x)"
    yield "sweeps", "second backward, another graph, inner values", partial(check_engine, engine, again, x=1.5)
    for name in ("div", "log", "sqrt", "exp", "pow", "tanh", "relu", "add", "mul"):
        op = ops.TABLE[name]
        yield "errors, inf and nan", name, partial(check_limits, engine, op)
    for depth in (500, 4000):
        yield "size", f"a chain of {depth:,}", partial(check_depth, engine, [ops.add], depth)


def _first_wrong(engine: Engine, text: str, inputs: tuple[dict[str, float], ...]) -> Report:
    used = [{name: x for name, x in given.items() if name in text} for given in inputs]
    reports = [check_engine(engine, text, again=False, **given) for given in used]
    return next((report for report in reports if report.outcome == "wrong"), reports[0])


def _row(group: str, name: str, check: Callable[[], Any]) -> Row:
    try:
        report = check()
    except GradcheckError as error:
        report = error.report
    except (NotImplementedError, ExpressionError):  # the engine has no such op or method
        return Row(group, name, "lacking")
    except Exception as error:  # of the engine: a property that fails
        return Row(group, name, "failed", f"{type(error).__name__}: {error}".split("\n", 1)[0][:120])
    if report is None or not report.findings:
        return Row(group, name, "passed" if report is None or report else "lacking")  # nothing could be checked
    first = report.findings[0]
    note = first.note.split("\n", 1)[0]
    return Row(
        group, name, "failed", f"{first.what}: got {first.got!r}, exact {first.exact}; {note}".rstrip("; ")[:160]
    )

"""Breakpoints: one grammar for Python, the terminal and the page."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from autograd_tiny.stepper.events import Backward, Forward, Node, Step
from autograd_tiny.stepper.flags import FLAGS, has_flag

COMPARED = re.compile(r"(\|?)\s*(grad|data|local)\s*(\|?)\s*(<=|>=|<|>|==)\s*(\S+)")
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq,
}  # fmt: skip
OTHERS = ("final", "|grad| > 10", "data < 0", "node w1", "op relu", "scope layers[0]", "line train.py:12")


def grammar() -> str:
    """List a breakpoint of each kind.

    >>> grammar()  # doctest: +ELLIPSIS
    'nan, ..., final, |grad| > 10, data < 0, node w1, op relu, scope layers[0], line train.py:12'
    """
    return ", ".join([*FLAGS, *OTHERS])


class BreakpointError(ValueError):
    """Raised for text that is not a breakpoint, or that names a value, op, module or line the trace does not have.

    >>> from autograd_tiny import Value, trace
    >>> trace(Value(3.0, "a") * 2.0).find("node b")
    Traceback (most recent call last):
    autograd_tiny.stepper.breakpoints.BreakpointError: there is no node b (known: a, a * 2)
    """


class Breakpoint(NamedTuple):
    """A parsed breakpoint; `stops(step)` tests a step.

    >>> Breakpoint.parse("|grad| > 10")
    Breakpoint(kind='|grad|', what='>', limit=10.0)
    >>> Breakpoint.parse("often")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    autograd_tiny.stepper.breakpoints.BreakpointError: 'often' is not a breakpoint; write one of: nan, inf, ...
    """

    kind: str
    what: str = ""
    limit: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Breakpoint:
        text = text.strip()
        kind, _, what = text.partition(" ")
        if text in (*FLAGS, "final"):
            return cls(text)
        if kind in ("node", "op", "scope", "line") and what.strip():
            return cls(kind, what.strip())
        if (match := COMPARED.fullmatch(text)) and match[1] == match[3]:
            try:
                return cls(f"{match[1]}{match[2]}{match[3]}", match[4], float(match[5]))
            except ValueError:
                raise BreakpointError(f"{text!r}: {match[5]!r} is not a number") from None
        raise BreakpointError(f"{text!r} is not a breakpoint; write one of: {grammar()}")

    def check(self, nodes: Sequence[Node]) -> None:
        """Raise BreakpointError if it names something that none of the nodes has."""
        named: dict[str, Callable[[Node], str]] = {
            "node": lambda node: node.name,
            "op": lambda node: node.op.name if node.op else "",
            "scope": lambda node: node.scope,
            "line": lambda node: node.source,
        }
        if self.kind in named and not any(self.is_about(node) for node in nodes):
            there = sorted({named[self.kind](node) for node in nodes} - {""})
            raise BreakpointError(f"there is no {self.kind} {self.what}{near(self.what, there)}")

    def is_about(self, node: Node) -> bool:
        """Test a node for the name, op, scope or line of the breakpoint."""
        match self.kind:
            case "node":
                return node.name == self.what
            case "op":
                sign = node.op.infix[0] if node.op and node.op.infix else None
                return node.op is not None and self.what in (node.op.name, sign)
            case "scope":
                return re.match(rf"{re.escape(self.what)}(?![\w])", node.scope) is not None
            case _:
                return self.what in (node.source, node.source.rpartition(":")[2])

    def stops(self, step: Step) -> bool:
        """Test a step."""
        if self.kind in FLAGS:
            return has_flag(step, self.kind)
        if self.kind == "final":
            return isinstance(step, Backward) and step.final
        if self.kind == "node":
            return self.is_about(step.operand if isinstance(step, Backward) else step.node)
        if self.kind in ("op", "scope", "line"):
            return self.is_about(step.node)
        x = _number(step, self.kind.strip("|"))
        return x is not None and COMPARISONS[self.what](abs(x) if self.kind[0] == "|" else x, self.limit)


def _number(step: Step, kind: str) -> float | None:
    if isinstance(step, Forward):
        return step.node.data if kind == "data" else None
    if kind == "local":
        return step.local if isinstance(step, Backward) else None
    return step.after if kind == "grad" else None


def near(name: str, there: Sequence[str]) -> str:
    """Suggest names similar to a misspelt one, or list the first of all names.

    >>> near("w7", ["w1", "w2", "b"]), near("loss", ["w1", "b"]), near("a", [])
    (' (did you mean w2 or w1?)', ' (known: w1, b)', '')
    """
    known = list(dict.fromkeys(there))
    if similar := difflib.get_close_matches(name, known, 3, 0.5):
        return f" (did you mean {' or '.join(similar)}?)"
    return f" (known: {', '.join(known[:5])}{', …' if len(known) > 5 else ''})" if known else ""

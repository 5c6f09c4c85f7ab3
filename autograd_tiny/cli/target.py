"""The target of a verb: an expression, or a function of a file, with numbers for its names."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from autograd_tiny.cli.process import Refused
from autograd_tiny.cli.userfile import UserFile
from autograd_tiny.engine.expression import ExpressionError, evaluate, number
from autograd_tiny.engine.provenance import Recording, tracing
from autograd_tiny.engine.value import Value

if TYPE_CHECKING:
    from autograd_tiny.stepper.traces import Trace

_FUNCTION = re.compile(r"(.+\.py):(\w+)", re.DOTALL)


def recorded_value(given: argparse.Namespace) -> tuple[Value, Recording]:
    """Compute the target, and record the order, lines and modules it comes from; an expression has no lines."""
    with tracing() as recording:
        y = _value(given)
    if not _FUNCTION.fullmatch(given.target):
        recording.forget_sources()
    return y, recording


def trace_of(given: argparse.Namespace) -> Trace:
    """Trace the target."""
    from autograd_tiny.stepper.traces import trace

    return trace(*recorded_value(given))


def function_in_file(target: str) -> tuple[UserFile, str]:
    """Split ``losses.py:softplus`` into the file and the function's name."""
    match = _FUNCTION.fullmatch(target)
    if not match:
        raise Refused(f"{target} is not a function of a file: write file and function, such as losses.py:softplus")
    return UserFile(match[1]), match[2]


def _value(given: argparse.Namespace) -> Value:
    values = numbers(given.values)
    if _FUNCTION.fullmatch(given.target):
        file, name = function_in_file(given.target)
        with file.running():
            return file.returned(name, values)
    if given.target.endswith(".py"):
        raise Refused(f"{given.target}: which function? Write {given.target}:loss")
    try:
        return evaluate(given.target, values)
    except ExpressionError as error:
        raise Refused(error) from None


def numbers(pairs: list[str]) -> dict[str, float]:
    """Parse ``name=value`` pairs; a value may be arithmetic, such as ``pi/2``."""
    values: dict[str, float] = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign:
            raise Refused(f"{pair!r} is not of the form name=value")
        if name in values:
            raise Refused(f"{name} has two values, {values[name]:g} and {text}")
        try:
            values[name] = number(text)
        except ExpressionError as error:
            raise Refused(f"{pair}: {error}") from None
    return values


def domains(pairs: list[str]) -> dict[str, tuple[float, float]]:
    """Parse ``name=low:high`` pairs."""
    found: dict[str, tuple[float, float]] = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        try:
            low, high = map(number, text.split(":"))
        except ValueError:
            raise Refused(f"{pair!r} is not of the form name=low:high, such as x=-10:10") from None
        if name in found:
            raise Refused(f"{name} has two domains")
        if not low <= high:
            raise Refused(f"{pair}: expected low <= high")
        found[name] = low, high
    return found

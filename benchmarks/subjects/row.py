"""One row of the table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """A computation, and those who enter: each makes, of what is given, a call without arguments.

    An entrant may return (call, numbers): numbers(result) puts its results in the order of the first entrant's.
    """

    key: str  # what --rows chooses by
    title: str
    given: Callable[[], tuple[Any, ...]]
    entrants: dict[str, Callable[..., Any]]  # by engine; the first one's results are those that all must have
    near: float = 1e-9  # relative to the largest result
    flops: float = 0  # of the least work; 0: not counted
    bytes: float = 0  # read and written at least; 0: they stay in the cache

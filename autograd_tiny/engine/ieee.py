"""Edges of the backward pass: ±inf or nan as in IEEE 754, although Python's ``1 / 0.0`` raises."""

from __future__ import annotations

from contextvars import ContextVar
from threading import Event
from typing import Any

from autograd_tiny.engine.op import EDGES, Op, real
from autograd_tiny.engine.operand import Operand

never_raise: ContextVar[bool] = ContextVar("never_raise", default=False)  # set while local derivatives are computed
met_a_pole = Event()  # set for good when a local derivative was at one: from then on, backward looks for nan


class Ieee(Operand):
    """A float under IEEE 754: 1 / Ieee(0.0) is inf, and no op raises.

    >>> float(1 / Ieee(0.0))
    inf
    """

    __slots__ = ("data",)
    rank = 0

    def __init__(self, data: float) -> None:
        self.data = data

    @staticmethod
    def apply(op: Op, xs: tuple[Any, ...]) -> Any:
        if (kind := Operand.outranking(xs, Ieee.rank)) is not None:
            return kind.apply(op, xs)
        return Ieee(op.ieee(*(real(x) for x in xs)))

    def __float__(self) -> float:  # type: ignore[override]
        return self.data


def local_derivatives(op: Op, y: Any, xs: tuple[Any, ...], wanted: tuple[bool, ...] | None = None) -> tuple[Any, ...]:
    """Compute `op.local_derivatives` for any kind of number, with the IEEE 754 limit if a float raises.

    >>> from autograd_tiny.engine import ops
    >>> local_derivatives(ops.sqrt, 0.0, (0.0,))
    (inf,)
    """
    token = never_raise.set(True)
    try:
        return op.local_derivatives(y, xs, wanted)
    except EDGES:
        met_a_pole.set()
        y, *xs = (Ieee(x) if isinstance(x, float) else x for x in (y, *xs))  # type: ignore[assignment]
        return tuple(d.data if isinstance(d, Ieee) else d for d in op.local_derivatives(y, tuple(xs), wanted))
    finally:
        never_raise.reset(token)

"""A float that never raises: how a local derivative is taken at a pole, where Python's ``1 / 0.0`` raises."""

from __future__ import annotations

from typing import Any

from autograd_tiny.operand import Operand
from autograd_tiny.op import Op, real


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
    def apply(op: Op, *xs: Any) -> Ieee:
        return Ieee(op.ieee(*(real(x) for x in xs)))

    def __float__(self) -> float:
        return self.data


def locals_at_edge(op: Op, y: float, xs: tuple[float, ...]) -> tuple[float, ...]:
    """The local derivatives of op at floats, ±inf or nan where IEEE 754 says so."""
    return tuple(real(d) for d in op.locals(Ieee(y), tuple(map(Ieee, xs))))

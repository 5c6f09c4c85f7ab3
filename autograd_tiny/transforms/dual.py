"""Forward mode: dual numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, NoReturn

from autograd_tiny.engine.chain_rule import absent, by_square, slope_of_square
from autograd_tiny.engine.familiar import ITEM
from autograd_tiny.engine.ieee import local_derivatives
from autograd_tiny.engine.op import Op, real
from autograd_tiny.engine.operand import Operand
from autograd_tiny.transforms.absence import all_of, either, has_kink, unless

_levels: Iterator[int] = count(1)
ABSENT = float("0")  # this very object, as a tangent: not a number that is 0 but none, so that ABSENT · inf is nothing


def new_level() -> int:
    """Return a new highest level; each derivative has its own, so that nested derivatives are not confused."""
    return next(_levels)


_live: set[int] = {0}  # levels of derivatives under way; 0 is nobody's


@contextmanager
def forward_level() -> Iterator[int]:
    """Open a new highest level; Duals of it are refused in operations after the block."""
    level = new_level()
    _live.add(level)
    try:
        yield level
    finally:
        _live.discard(level)


def is_live(x: Dual) -> bool:
    """Return True while the derivative that made x is under way."""
    return x.level in _live


class Dual(Operand):
    """primal + tangent·ε with ε² = 0; both parts are floats, Values, or Duals of a lower level.

    >>> y = (Dual(3.0, 1.0) * 2.0).square()
    >>> y.primal, y.tangent  # (2x)² and its derivative 8x at 3
    (36.0, 24.0)

    If operands have different levels, the op is applied at the highest, and the others are constants.
    """

    __slots__ = ("level", "op", "operands", "primal", "squared", "still", "tangent")
    rank = 3

    def __init__(self, primal: Any, tangent: Any, level: int = 0, still: Any = 0.0) -> None:
        self.primal, self.tangent, self.level = primal, tangent, level
        self.still = still  # while tracing, the condition under which the tangent is absent
        self.op: Op | None = None  # with its operands, of a number whose square has no kink
        self.operands: tuple[Any, ...] = ()
        self.squared: Any = None  # the tangent of its square

    @staticmethod
    def apply(op: Op, xs: tuple[Any, ...]) -> Any:
        if (kind := Operand.outranking(xs, Dual.rank)) is not None:
            return kind.apply(op, xs)
        try:
            xs = tuple(x if isinstance(x, Operand) else real(x) for x in xs)
        except TypeError:
            return NotImplemented
        level = max(x.level for x in xs if isinstance(x, Dual))
        if level not in _live:
            ended = next(x for x in xs if isinstance(x, Dual) and x.level == level)
            raise TypeError(f"{ended!r} belongs to a jvp that has ended: return it from the function")
        carried = tuple(isinstance(x, Dual) and x.level == level for x in xs)
        primals = tuple(x.primal if c else x for x, c in zip(xs, carried, strict=True))
        y = op(*primals)
        moved = tuple(c and x.tangent is not ABSENT for x, c in zip(xs, carried, strict=True))
        tangent: Any = ABSENT
        stills = []
        for i, d in enumerate(local_derivatives(op, y, primals, moved)):
            if not moved[i]:
                continue
            before = still = xs[i].still
            if op.absent and (still := either(absent(op, i, primals), before)).__class__ is float and still:
                continue
            d2 = None if xs[i].squared is None else by_square(op, xs, i, _primal)
            part = xs[i].tangent * d if d2 is None else xs[i].squared * d2
            if still.__class__ is not float and (still is not before or has_kink(op)):
                part = unless(still, part)
            tangent = part if tangent is ABSENT else tangent + part
            stills.append(still)
        made = Dual(y, tangent, level, all_of(stills))
        if op.squared and tangent is not ABSENT:
            made.op, made.operands = op, xs
            parts = [(x, x.tangent, x.squared) for x, m in zip(xs, moved, strict=True) if m]
            made.squared = slope_of_square(op, parts, _primal)
        return made

    # fmt: off
    def __lt__(self, other: Any) -> bool: return bool(self.primal < _primal(other))
    def __le__(self, other: Any) -> bool: return bool(self.primal <= _primal(other))
    def __gt__(self, other: Any) -> bool: return bool(self.primal > _primal(other))
    def __ge__(self, other: Any) -> bool: return bool(self.primal >= _primal(other))
    # fmt: on

    @property
    def data(self) -> Any:
        """The number, as in a Value."""
        return self.primal.data if isinstance(self.primal, Operand) else float(self.primal)  # type: ignore[attr-defined]

    def item(self) -> NoReturn:
        raise TypeError(ITEM)

    def detach(self) -> Any:
        """Return the primal as a constant at every level."""
        return self.primal.detach() if isinstance(self.primal, Operand) else self.primal  # type: ignore[attr-defined]

    def __bool__(self) -> NoReturn:
        raise TypeError("a Dual cannot be converted to bool: compare it, or use its .data")

    def backward(self) -> NoReturn:
        raise TypeError("backward() cannot run in forward mode: use grad(f) instead of a call of backward()")

    def __format__(self, spec: str) -> str:
        return format(self.primal, spec) if spec else repr(self)

    def __repr__(self) -> str:
        return f"Dual({self.primal!r}, {self.tangent!r})"


def _primal(x: Any) -> Any:
    return x.primal if isinstance(x, Dual) else x

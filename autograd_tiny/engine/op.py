"""What an op is: a row of the table, with its forward, its local derivatives, its spelling and its errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.special import real as real
from autograd_tiny.engine.spelling import Interval as Interval
from autograd_tiny.engine.spelling import Spelled as Spelled

Rule = Callable[..., Any]
EDGES = (ValueError, ArithmeticError)  # what ``math`` and ``/`` raise outside the domain, at a pole, on overflow


@dataclass(frozen=True)
class Variadic:
    """The partials of an op with any number of operands: one rule gives all of them, ``rule(y, *xs)[i]``."""

    rule: Rule


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Op:
    """A primitive: a function of floats and one local derivative per operand.

    >>> cube = Op("cube", lambda x: x * x * x, (lambda y, x: 3 * x * x,))
    >>> cube(2.0)
    8.0

    Applied to floats it computes, to Values it records, to Duals it carries a tangent, to Symbols it spells.
    Raises what `forward` raises (ValueError, ZeroDivisionError, OverflowError), naming op and operands.
    """

    name: str
    forward: Callable[..., float]
    partials: tuple[Rule, ...] | Variadic
    domain: tuple[Interval, ...] = ()  # one per operand; none: every float
    avoid: Rule = lambda *xs: 1.0  # zero at kinks and poles: tests stay away from them by it
    limit: Callable[..., float] = lambda *xs: math.nan  # the IEEE 754 result where `forward` raises
    infix: tuple[str, int] | None = None  # sign and how tightly it binds; none: name(x, …)
    formula: Rule | None = None  # how a person writes it in other rows; none: as a call
    defaults: tuple[float, ...] = ()  # for the last operands
    machine: str = ""  # the instruction or the C library's function that computes it; none: `lower`, else `forward`
    lower: Rule | None = None  # the op in other rows, for the compiler; a result of None: `machine` for these operands
    pickle_recipe: tuple[Any, ...] = ()  # (function, *arguments) that make it, where it is not in the table

    def __post_init__(self) -> None:
        rules = self.partials.rule if isinstance(self.partials, Variadic) else self.partials
        if not callable(rules) and not (isinstance(rules, tuple) and rules and all(map(callable, rules))):
            raise TypeError(f"{self.name}: partials is a tuple with one function per operand, got {rules!r:.60}")
        if callable(rules) and not isinstance(self.partials, Variadic):
            raise TypeError(f"{self.name}: partials is a tuple: with one operand it needs a comma, (rule,)")
        if not (isinstance(self.domain, tuple) and all(isinstance(d, Interval) for d in self.domain)):
            raise TypeError(f"{self.name}: domain is a tuple of Intervals, one per operand, got {self.domain!r}")

    def __call__(self, *xs: Any) -> Any:
        for x in xs:
            if x.__class__ is not float:
                return self._apply(xs)
        try:
            return self.forward(*xs)
        except EDGES as error:
            raise self.complaint(error, xs) from None
        except TypeError:
            if isinstance(self.partials, Variadic) or len(xs) == len(self.partials):
                raise
            return self._apply(xs)

    def _apply(self, xs: tuple[Any, ...]) -> Any:
        if isinstance(self.partials, tuple) and len(xs) != (arity := len(self.partials)):
            xs += self.defaults[len(xs) - arity :] if len(xs) < arity else ()
            if len(xs) != arity:
                raise TypeError(f"{self.name} takes {counted(arity, 'operand')}, got {len(xs)}")
        for x in xs:
            if x.__class__ is not float and hasattr(x, "apply") and (y := x.apply(self, xs)) is not NotImplemented:
                return y
        return self(*(real(x) for x in xs))

    def local_derivatives(self, y: Any, xs: tuple[Any, ...], wanted: tuple[bool, ...] | None = None) -> tuple[Any, ...]:
        """The local derivatives ∂y/∂xs[i], in whatever numbers y and xs are; None by an operand not wanted."""
        if isinstance(self.partials, Variadic):
            return self.partials.rule(y, *xs)
        wanted = wanted or (True,) * len(xs)
        return tuple(rule(y, *xs) if w else None for rule, w in zip(self.partials, wanted, strict=True))

    def ieee(self, *xs: float) -> float:
        """`forward`, with the IEEE 754 limit where Python raises: 1/0 is inf."""
        try:
            return self.forward(*xs)
        except EDGES:
            return self.limit(*xs)

    def spell(self, *xs: Spelled) -> Spelled:
        """The op written out: ``a * (b + c)``, ``-x``, ``tanh(x)``."""
        return Spelled.infix(*self.infix, *xs) if self.infix else Spelled.call(self.name, *xs)

    def complaint(self, error: Exception, xs: tuple[float, ...], names: tuple[str | None, ...] = ()) -> Exception:
        """The error that names op and operands: ``log(-1.0): outside the domain (0, ∞)``."""
        call = self.spell(*map(Spelled.operand, xs, names or (None,) * len(xs)))
        outside = [interval for x, interval in zip(xs, self.domain, strict=False) if not interval.has(x)]
        reason = "too large for a float" if isinstance(error, OverflowError) else str(error)
        return type(error)(f"{call.text}: {f'outside the domain {outside[0]}' if outside else reason}")

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __reduce__(self) -> Any:
        if self.pickle_recipe:
            return self.pickle_recipe[0], self.pickle_recipe[1:]
        if TABLE.get(self.name) is self:
            return _row, (self.name,)
        raise TypeError(
            f"{self!r} is not in the table: to pickle it, give it pickle_recipe=(f, x, …), to make it as f(x, …)"
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # IPython and hypothesis would list every field
        printer.text(repr(self))


TABLE: dict[str, Op] = {}  # filled by ops.py


def _row(name: str) -> Op:
    return TABLE[name]

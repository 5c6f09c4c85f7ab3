"""A row of the op table: forward function, local derivatives, spelling and errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from inspect import CO_VARARGS
from typing import Any

from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.special import converted
from autograd_tiny.engine.special import real as real
from autograd_tiny.engine.spelling import Interval as Interval
from autograd_tiny.engine.spelling import Spelled as Spelled

Rule = Callable[..., Any]
EDGES = (ValueError, ArithmeticError)  # raised by ``math`` and ``/`` outside the domain, at a pole, on overflow


@dataclass(frozen=True)
class Variadic:
    """Partials of an op with any number of operands: one rule returns all of them, ``rule(y, *xs)[i]``."""

    rule: Rule


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Op:
    """A primitive: a function of floats with one local derivative per operand.

    >>> cube = Op("cube", lambda x: x * x * x, (lambda y, x: 3 * x * x,))
    >>> cube(2.0)
    8.0

    Floats are computed with; Values record the op, Duals propagate a tangent, Symbols build a formula.
    Raises ValueError, ZeroDivisionError or OverflowError as `forward` does, with the op and its operands named.
    """

    name: str
    forward: Callable[..., float]
    partials: tuple[Rule, ...] | Variadic
    domain: tuple[Interval, ...] = ()  # one per operand; empty: every float
    avoid: Rule = lambda *xs: 1.0  # zero at kinks and poles; tests use it to stay away from them
    absent: tuple[Rule, ...] = ()  # per operand, true where y is constant around it: it passes nothing on, not 0 · inf
    squared: int = 0  # k if y² is the sum of the operands' k-th powers: a square has the slope of that sum
    limit: Callable[..., float] = lambda *xs: math.nan  # the IEEE 754 result if `forward` raises
    infix: tuple[str, int] | None = None  # sign and precedence; None: name(x, …)
    formula: Rule | None = None  # the op in terms of other ops, for display; None: a call
    defaults: tuple[float, ...] = ()  # of the last operands
    machine: str = ""  # instruction or C library function; "": use `lower`, else `forward`
    lower: Rule | None = None  # expansion into other ops for the compiler; may return None: use `machine`
    pickle_recipe: tuple[Any, ...] = ()  # (factory, *args) used to pickle ops that are not in the table

    def __post_init__(self) -> None:
        rules = self.partials.rule if isinstance(self.partials, Variadic) else self.partials
        if not callable(rules) and not (isinstance(rules, tuple) and rules and all(map(callable, rules))):
            raise TypeError(f"{self.name}: partials must be a tuple with one function per operand, got {rules!r:.60}")
        if callable(rules) and not isinstance(self.partials, Variadic):
            raise TypeError(f"{self.name}: partials must be a tuple; for one operand write (rule,)")
        for rule in self.partials if isinstance(self.partials, tuple) else ():
            code, n = getattr(rule, "__code__", None), len(self.partials)  # type: ignore[arg-type]
            if code and not code.co_flags & CO_VARARGS and code.co_argcount < n + 1:
                written = f"lambda y, {', '.join('abcdefgh'[:n]) if n > 1 else 'x'}: …"
                raise TypeError(f"{self.name}: a rule takes the result and {counted(n, 'operand')}, as in {written}")
        if not (isinstance(self.domain, tuple) and all(isinstance(d, Interval) for d in self.domain)):
            raise TypeError(f"{self.name}: domain must be a tuple of Intervals, one per operand, got {self.domain!r}")

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
            if x.__class__ is not float and hasattr(x, "outranking") and (y := x.apply(self, xs)) is not NotImplemented:
                return y
        return self(*converted(xs))

    def local_derivatives(self, y: Any, xs: tuple[Any, ...], wanted: tuple[bool, ...] | None = None) -> tuple[Any, ...]:
        """Return the local derivatives ∂y/∂xs[i], as numbers of the kind of y and xs; None for operands not wanted."""
        if isinstance(self.partials, Variadic):
            return self.partials.rule(y, *xs)
        wanted = wanted or (True,) * len(xs)
        return tuple(rule(y, *xs) if w else None for rule, w in zip(self.partials, wanted, strict=True))

    def ieee(self, *xs: float) -> float:
        """Compute `forward`, with the IEEE 754 limit if Python raises: 1/0 is inf."""
        try:
            return self.forward(*xs)
        except EDGES:
            return self.limit(*xs)

    def spell(self, *xs: Spelled) -> Spelled:
        """Return the op as text: ``a * (b + c)``, ``-x``, ``tanh(x)``."""
        return Spelled.infix(*self.infix, *xs) if self.infix else Spelled.call(self.name, *xs)

    def complaint(self, error: Exception, xs: tuple[float, ...], names: tuple[str | None, ...] = ()) -> Exception:
        """Return the error that names op and operands: ``log(-1.0): outside the domain (0, ∞)``."""
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
            f"{self!r} is not in the table: to pickle it, give it pickle_recipe=(f, x, …), called as f(x, …)"
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # else IPython and hypothesis list every field
        printer.text(repr(self))


TABLE: dict[str, Op] = {}  # filled by ops.py


def _row(name: str) -> Op:
    return TABLE[name]

"""Symbolic numbers that print as formulas, used to show the rules of the op table."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NoReturn, Self

from autograd_tiny.engine.op import TABLE, Op, Spelled, Variadic, real
from autograd_tiny.engine.operand import Operand

# Rules that are computed in a form without cancellation or overflow, as textbooks write them. For display only: a test
# compares them with the rules.
SHOWN: dict[str, Callable[[Any, Any], Any]] = {
    "tanh": lambda y, x: 1 - y**2,
    "sigmoid": lambda y, x: y * (1 - y),
    "atan": lambda y, x: 1 / (1 + x**2),
    "asin": lambda y, x: 1 / TABLE["sqrt"](1 - x**2),
    "acos": lambda y, x: -1 / TABLE["sqrt"](1 - x**2),
    "asinh": lambda y, x: 1 / TABLE["sqrt"](1 + x**2),
    "acosh": lambda y, x: 1 / TABLE["sqrt"](x**2 - 1),
    "atanh": lambda y, x: 1 / (1 - x**2),
    "softsign": lambda y, x: 1 / (1 + abs(x)) ** 2,
}
MAX_SPELLED = 2000  # characters of a formula; longer ones are cut in the middle


class Symbol(Operand):
    """A name, or an op applied to Symbols and numbers; `str()` returns the formula with the minimum of parentheses.

    >>> a, b = Symbol("a"), Symbol("b")
    >>> str((a + 2) * -b), str(a - (b - a)), str((a * b).tanh())
    ('(a + 2) * -b', 'a - (b - a)', 'tanh(a * b)')

    Raises TypeError if it is compared or converted to bool: a rule that branches has no formula.
    """

    __slots__ = ("a", "b", "op", "spelled")  # as in a Value; all operands are in b
    rank = 1_000_000_000

    def __init__(self, name: str) -> None:
        self.op: Op | None = None
        self.a: None = None
        self.b: tuple[Symbol | float, ...] = ()
        self.spelled = Spelled(name)

    @classmethod
    def named(cls, spelled: Spelled) -> Self:
        """Make a Symbol named by a text that may need parentheses: ``x + 1``."""
        symbol = cls("")
        symbol.spelled = spelled
        return symbol

    @classmethod
    def applied(cls, op: Op, operands: tuple[Symbol | float, ...]) -> Self:
        """Make the Symbol of op(*operands)."""
        symbol = cls("")
        symbol.op, symbol.b = op, operands
        written = op.formula(*operands) if op.formula else op
        text, binds = written.spelled if isinstance(written, Symbol) else op.spell(*map(spelled, operands))
        if len(text) > MAX_SPELLED:  # an operand used twice is written twice: the text may double with each op
            text = f"{text[: MAX_SPELLED // 2]}…{text[-MAX_SPELLED // 2 :]}"
        symbol.spelled = Spelled(text, binds)
        return symbol

    @property
    def operands(self) -> tuple[Symbol | float, ...]:
        """The operands of `op` in order: Symbols and numbers."""
        return self.b

    @staticmethod
    def apply(op: Op, xs: tuple[Any, ...]) -> Symbol:
        return Symbol.applied(op, tuple(x if isinstance(x, Symbol) else real(x) for x in xs))

    def _refuse(self, other: object = None) -> NoReturn:
        raise TypeError(
            f"the symbol `{self}` cannot be compared or converted to bool: "
            "use the ops where, heaviside, greater, … instead of if"
        )

    __bool__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse

    def __str__(self) -> str:
        return self.spelled.text

    def __repr__(self) -> str:
        return f"<symbol {self}>"


def spelled(x: Symbol | float) -> Spelled:
    """Return the text of a Symbol or a number with its precedence."""
    return x.spelled if isinstance(x, Symbol) else Spelled.number(x)


def operand_symbols(op: Op) -> tuple[Symbol, ...]:
    """Make one Symbol per operand, named as in the op's first rule: a, b or x."""
    if isinstance(op.partials, Variadic):
        return tuple(Symbol(name) for name in ("x0", "x1", "x2", "x3"))
    names, count = list(inspect.signature(op.partials[0]).parameters)[1:], len(op.partials)
    if len(names) != count or names == ["xs"]:  # a rule may take *xs
        names = list("abcdefgh"[:count]) if count <= 8 else [f"x{i}" for i in range(count)]
    return tuple(map(Symbol, names))


def shown_derivatives(op: Op, y: Any, xs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the local derivatives of an op on Symbols in the form that is displayed: 1 - y ** 2 for tanh."""
    shown = SHOWN.get(op.name) if TABLE.get(op.name) is op else None  # an op of the user's may have the same name
    return (shown(y, *xs),) if shown else op.local_derivatives(y, xs)


def explain(op: Op) -> str:
    """Return the formula of each local derivative of an op, one per line.

    >>> from autograd_tiny.engine import ops
    >>> print(explain(ops.mul))
    ∂(a * b)/∂a = b
    ∂(a * b)/∂b = a
    >>> print(explain(ops.sqrt))
    ∂sqrt(x)/∂x = 0.5 / y    where y = sqrt(x)

    The formulas are the rules of `op.partials`, those of tanh, atan and their like as textbooks write them. Raises
    TypeError if a rule branches, or for anything but an Op.
    """
    if not isinstance(op, Op):
        of = "the op of a Value is v.op" if isinstance(op, Operand) else "the ops are in autograd_tiny.ops"
        raise TypeError(f"explain takes an Op, such as ops.tanh, got {op!r:.60}: {of}")
    xs = operand_symbols(op)
    result = Symbol.apply(op, xs)
    shown = f"({result})" if result.spelled.binds < 99 else str(result)
    lines = []
    for x, d in zip(xs, shown_derivatives(op, Symbol("y"), xs), strict=True):
        spelled = d if isinstance(d, Symbol) else Spelled.number(real(d)).text
        uses_y = isinstance(d, Symbol) and _mentions(d, "y")
        lines.append(f"∂{shown}/∂{x} = {spelled}{f'    where y = {result}' if uses_y else ''}")
    return "\n".join(lines)


def _mentions(symbol: Symbol, name: str) -> bool:
    waiting, seen = [symbol], {symbol}
    while waiting:
        found = waiting.pop()
        if found.op is None and str(found) == name:
            return True
        new = {x for x in found.operands if isinstance(x, Symbol)} - seen
        seen |= new
        waiting += new
    return False

"""A number that spells itself: how a rule of the table is shown to a person."""

from __future__ import annotations

import inspect
from typing import Any, NoReturn, Self

from autograd_tiny.engine.op import Op, Spelled, Variadic, real
from autograd_tiny.engine.operand import Operand

LONGEST = 2000  # characters that are spelled out


class Symbol(Operand):
    """A name, or an op applied to Symbols and numbers; `str()` writes it out with as few parentheses as will do.

    >>> a, b = Symbol("a"), Symbol("b")
    >>> str((a + 2) * -b), str(a - (b - a)), str((a * b).tanh())
    ('(a + 2) * -b', 'a - (b - a)', 'tanh(a * b)')

    Raises TypeError when asked for its truth or its order: a rule that branches cannot be spelled.
    """

    __slots__ = ("a", "b", "op", "spelled")  # op and operands as in a Value, where they all stand in b
    rank = 1_000_000_000

    def __init__(self, name: str) -> None:
        self.op: Op | None = None
        self.a: None = None
        self.b: tuple[Symbol | float, ...] = ()
        self.spelled = Spelled(name)

    @classmethod
    def named(cls, spelled: Spelled) -> Self:
        """A Symbol whose name is a text that may need parentheses: ``x + 1``."""
        symbol = cls("")
        symbol.spelled = spelled
        return symbol

    @classmethod
    def applied(cls, op: Op, operands: tuple[Symbol | float, ...]) -> Self:
        """The Symbol of op(*operands)."""
        symbol = cls("")
        symbol.op, symbol.b = op, operands
        written = op.formula(*operands) if op.formula else op
        text, binds = written.spelled if isinstance(written, Symbol) else op.spell(*map(spelled, operands))
        if len(text) > LONGEST:  # what is used twice is spelled twice: it doubles with each step
            text = f"{text[: LONGEST // 2]}…{text[-LONGEST // 2 :]}"
        symbol.spelled = Spelled(text, binds)
        return symbol

    @property
    def operands(self) -> tuple[Symbol | float, ...]:
        """What op was applied to, in order: Symbols and numbers."""
        return self.b

    @staticmethod
    def apply(op: Op, xs: tuple[Any, ...]) -> Symbol:
        return Symbol.applied(op, tuple(x if isinstance(x, Symbol) else real(x) for x in xs))

    def _refuse(self, other: object = None) -> NoReturn:
        raise TypeError(f"the truth of `{self}` is not known: use the rows where, heaviside, greater, … in place of if")

    __bool__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse

    def __str__(self) -> str:
        return self.spelled.text

    def __repr__(self) -> str:
        return f"<symbol {self}>"


def spelled(x: Symbol | float) -> Spelled:
    """The text of a Symbol or a number, with how tightly it binds."""
    return x.spelled if isinstance(x, Symbol) else Spelled.number(x)


def operand_symbols(op: Op) -> tuple[Symbol, ...]:
    """One Symbol per operand, named as the op's first rule names them: a, b or x."""
    if isinstance(op.partials, Variadic):
        return tuple(Symbol(name) for name in ("x0", "x1", "x2", "x3"))
    names, count = list(inspect.signature(op.partials[0]).parameters)[1:], len(op.partials)
    if len(names) != count or names == ["xs"]:  # a rule may take them all together, *xs
        names = list("abcdefgh"[:count]) if count <= 8 else [f"x{i}" for i in range(count)]
    return tuple(map(Symbol, names))


def explain(op: Op) -> str:
    """Each local derivative of an op, spelled from its rule in the table, one per line.

    >>> from autograd_tiny.engine import ops
    >>> print(explain(ops.mul))
    ∂(a * b)/∂a = b
    ∂(a * b)/∂b = a
    >>> print(explain(ops.sqrt))
    ∂sqrt(x)/∂x = 0.5 / y    where y = sqrt(x)
    """
    xs = operand_symbols(op)
    result = Symbol.apply(op, xs)
    shown = f"({result})" if result.spelled.binds < 99 else str(result)
    lines = []
    for x, d in zip(xs, op.local_derivatives(Symbol("y"), xs), strict=True):
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

"""Arithmetic parsed from text, such as ``b = a + a; b * tanh(a)``, by an allow list over ``ast``; nothing is run."""

from __future__ import annotations

import ast
import difflib
import math
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from autograd_tiny.engine import ops
from autograd_tiny.engine.op import EDGES, Op, real
from autograd_tiny.engine.value import Value

MAX_DEPTH, MAX_CHARACTERS = 200, 20_000  # levels of nesting; length of the text
_PARTS = "name parts of it, as in `b = …; b * b`"
SIGNS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**", ast.Mod: "%", ast.FloorDiv: "//",
    ast.USub: "-", ast.UAdd: "+",
}  # fmt: skip
FLAT = ast.Add, ast.Sub, ast.Mult, ast.Div  # Python nests a + b + c as (a + b) + c; it counts as one level
INFIX = {
    (row.infix[0], len(row.partials)): row
    for row in ops.TABLE.values()
    if row.infix and isinstance(row.partials, tuple)
}
REFUSED = {
    ast.Attribute: "an attribute", ast.Subscript: "a subscript", ast.Lambda: "a lambda", ast.Compare: "a comparison",
    ast.BoolOp: "and/or", ast.IfExp: "an if", ast.ListComp: "a comprehension", ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension", ast.GeneratorExp: "a comprehension", ast.List: "a list", ast.Tuple: "a tuple",
    ast.Set: "a set", ast.Dict: "a dict", ast.JoinedStr: "a string", ast.NamedExpr: ":=", ast.Starred: "a star",
    ast.Import: "an import", ast.ImportFrom: "an import", ast.Not: "not",
    ast.MatMult: "@", ast.BitXor: "^; a power is **",
}  # fmt: skip

ALIASES = {
    "max": "maximum", "min": "minimum", "ln": "log", "sgn": "sign", "arcsin": "asin", "arccos": "acos",
    "arctan": "atan", "logistic": "sigmoid", "swish": "silu",
}  # fmt: skip


class ExpressionError(ValueError):
    """A text that is not arithmetic over known names; the message names the part and its column."""


def evaluate(text: str, values: Mapping[str, float], table: Mapping[str, Op] = ops.TABLE) -> Value:
    """Evaluate an expression to a Value with named leaves; ``name = …;`` before it names an intermediate result.

    >>> y = evaluate("b = a + a; b * tanh(a)", {"a": 0.5})
    >>> y.backward()
    >>> [(v.name, v.data) for v in y.parents[0].parents]
    [('a', 0.5), ('a', 0.5)]
    >>> evaluate("a.real", {"a": 0.5})  # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
    autograd_tiny.engine.expression.ExpressionError: column 1: a.real is an attribute:
    only arithmetic on names, numbers and ops

    Functions are the ops of `table`, and `pi` is π unless a value is given for it.
    Raises ExpressionError, a ValueError, for any other text.
    """
    values = {unicodedata.normalize("NFKC", name): x for name, x in values.items()}  # as Python normalises names
    for name in values:
        if not name.isidentifier():
            raise ExpressionError(f"{name!r} is not a name")
    statements = _parsed(text, "expression")
    reader = _Reader(text.strip(), values, table)
    for i, statement in enumerate(statements):
        y = reader.statement(statement, last=i + 1 == len(statements))
    if unused := [name for name in values if name not in reader.used]:
        raise ExpressionError(f"{unused[0]} has a value but is not in the expression")
    if not isinstance(y, Value):
        raise ExpressionError(f"{text.strip()} is the constant {y!r}: name something to differentiate with respect to")
    return y


def number(text: str) -> float:
    """Evaluate arithmetic on numbers, `pi` and ops, or `inf` or `nan`, to a float.

    >>> number("1/2"), number("-pi"), number("-inf")
    (0.5, -3.141592653589793, -inf)

    Raises ExpressionError, a ValueError, for any other text.
    """
    with suppress(ValueError):
        if math.isinf(x := float(text)) == ("inf" in text.lower()):
            return x
    statements = _parsed(text, "number")
    if len(statements) != 1 or not isinstance(statements[0], ast.Expr):
        raise ExpressionError(f"{text.strip():.60} is not one number")
    reader = _Reader(text.strip(), {}, ops.TABLE)
    reader.known = {"inf": math.inf, "nan": math.nan}
    if isinstance(name := statements[0].value, ast.Name) and name.id not in (*reader.known, "pi"):
        raise ExpressionError(f"{name.id} is not a number")
    return real(reader.number(statements[0].value))


def _parsed(text: str, what: str) -> list[ast.stmt]:
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(f"the {what} has {len(text):,} characters: at most {MAX_CHARACTERS:,} are accepted")
    try:
        statements = ast.parse(text.strip()).body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        where = f"column {error.offset}: " if isinstance(error, SyntaxError) and error.offset else ""
        reason = error.msg if isinstance(error, SyntaxError) else f"more than Python's parser accepts: {_PARTS}"
        raise ExpressionError(f"{where}{reason} in {text.strip()!r:.200}") from None
    if not statements:
        raise ExpressionError(f"the {what} is empty")
    return statements


class _Reader:
    """Walk over the syntax tree; `known` holds the names defined so far, `used` the names read."""

    def __init__(self, text: str, values: Mapping[str, float], table: Mapping[str, Op]) -> None:
        self.text, self.table = text, table
        self.known: dict[str, Any] = {name: Value(x, name) for name, x in values.items()}
        self.given = list(values)
        self.used: set[str] = set()

    def statement(self, node: ast.stmt, last: bool) -> Any:
        if isinstance(node, ast.Expr):
            if not last:
                raise self.refused(node.value, "has no effect: name it, as in `b = …;`, or put it last")
            return self.number(node.value)
        if not (isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)):
            raise self.refused(node)
        name = node.targets[0].id
        if name in self.known:
            raise self.refused(node.targets[0], "has a value already")
        y = self.number(node.value)
        if isinstance(y, Value):
            if y.name is None:
                y.name = name
            elif y.op is None or y.name != name:
                y = +y  # a second name for the same value
                y.name = name
        self.known[name] = y
        return y

    def number(self, node: ast.expr, depth: int = 0) -> Any:
        """Evaluate a part; left-nested sums and products are walked in a loop, all else adds a level of depth."""
        chain: list[ast.BinOp] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, FLAT):
            chain.append(node)
            node = node.left
        y = self.inner(node, depth + bool(chain))
        for term in reversed(chain):
            y = self.apply(term, INFIX[SIGNS[type(term.op)], 2], y, self.number(term.right, depth + 1))
        return y

    def inner(self, node: ast.expr, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise ExpressionError(f"nested more than {MAX_DEPTH} levels deep: {_PARTS}")
        if isinstance(node, ast.Constant):
            return self.constant(node)
        if isinstance(node, ast.Name):
            return self.name(node)
        if isinstance(node, ast.UnaryOp) and type(node.op) in SIGNS:
            return self.apply(node, INFIX[SIGNS[type(node.op)], 1], self.number(node.operand, depth + 1))
        if isinstance(node, ast.BinOp) and type(node.op) in SIGNS:
            left, right = self.number(node.left, depth + 1), self.number(node.right, depth + 1)
            return self.apply(node, INFIX[SIGNS[type(node.op)], 2], left, right)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.keywords:
                raise self.refused(node, "has keyword arguments: give the operands in order")
            if node.func.id not in self.table:
                raise self.unknown(node.func, "op", list(self.table))
            return self.apply(node, self.table[node.func.id], *(self.number(x, depth + 1) for x in node.args))
        raise self.refused(node)

    def constant(self, node: ast.Constant) -> float:
        if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
            raise self.refused(node, f"is {_with_article(type(node.value).__name__)}")
        try:
            x = real(node.value)
        except OverflowError:
            x = math.inf
        if math.isinf(x):
            raise self.refused(node, "is too large for a float")
        return x

    def name(self, node: ast.Name) -> Any:
        self.used.add(node.id)
        if node.id in self.known:
            return self.known[node.id]
        if node.id == "pi":
            return math.pi
        if node.id in self.table:
            raise self.refused(node, f"is an op: write {node.id}(…)")
        raise self.unknown(node, "name", self.given)

    def apply(self, node: ast.expr, op: Op, *xs: Any) -> Any:
        try:
            return op(*xs)
        except (*EDGES, TypeError) as error:
            raise ExpressionError(f"{_column(node)}: {error}") from None

    def unknown(self, node: ast.Name, kind: str, known: list[str]) -> ExpressionError:
        alias = ALIASES.get(node.id, "")
        close = [alias] if alias in known else difflib.get_close_matches(node.id, known, 3 if kind == "op" else 1)
        if close:
            hint = f"did you mean {close[0]}?" + (f" Near it: {', '.join(close[1:])}" if close[1:] else "")
        else:
            hint = f"give it a value: {node.id}=…" if kind == "name" else "ops are such as exp, tanh and maximum"
        return self.refused(node, f"is an unknown {kind}; {hint}")

    def refused(self, node: ast.AST, why: str = "") -> ExpressionError:
        kind = REFUSED.get(type(getattr(node, "op", node))) or REFUSED.get(type(node), "not arithmetic")
        source = " ".join((ast.get_source_segment(self.text, node) or "").split())
        why = why or f"is {kind}: only arithmetic on names, numbers and ops"
        return ExpressionError(f"{_column(node)}: {source:.60} {why}")


def _column(node: Any) -> str:
    line = f"line {node.lineno}, " if node.lineno > 1 else ""
    return f"{line}column {node.col_offset + 1}"


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"

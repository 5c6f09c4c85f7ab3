"""Spell the rows of the op table in JavaScript: each rule is traced, lowered as for the compiler, and written out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from autograd_tiny.compiler.backends.text import Language, spelled, statements
from autograd_tiny.compiler.lower import opaque, prepared
from autograd_tiny.engine import ops
from autograd_tiny.engine.ieee import local_derivatives
from autograd_tiny.engine.op import EDGES, Op
from autograd_tiny.transforms.program import Program, Step, program_of
from autograd_tiny.transforms.tracer import Tracer, recording

NAMED = ("erf", "erfc", "exp2", "fmod", "hypot", "lgamma", "polygamma", "pow")  # functions of runtime.js
WORDS = Language("", "Math.", "+({})", "{0}!==0?{1}:{2}", {"fabs": "Math.abs"} | {name: name for name in NAMED})
SUMS = {ops.fsum: "fsum(V,X,s,S[i+1])", ops.dot: "dot(V,X,s,S[i+1])"}  # forward only, of any number of operands
# polygamma(n, x), with the order as an operand: a row that the script has instead of one for each order
POLYGAMMA = Op(
    "polygamma", lambda n, x: ops.polygamma(int(n)).forward(x), (lambda y, n, x: 0.0,) * 2, machine="polygamma"
)
FIXED = [row for row in ops.TABLE.values() if isinstance(row.partials, tuple)]
ROWS = [row.name for row in FIXED] + ["polygamma", "fsum", "dot"]  # the code of a row is its place from 1; 0: a leaf


class Unspellable(TypeError):
    """An op is made of more than arithmetic and rows, so that only Python can compute it."""


def forward_of(op: Op, arity: int) -> Program:
    """Lower an op to a program of rows with a word in JavaScript; raises Unspellable if that cannot be."""
    if op in SUMS:
        return Program(_names(arity), (Step(op, tuple(range(arity))),), (arity,))
    return _worded(op, Program(_names(arity), (Step(op, tuple(range(arity))),), (arity,)))


def slopes_of(op: Op, arity: int) -> Program:
    """Lower the local derivatives of an op to a program; its inputs are the result and the operands.

    >>> from autograd_tiny.engine import ops
    >>> slopes_of(ops.mul, 2)
    program of 3 inputs, 0 steps, 2 outputs
    return x2, x1
    """
    return _traced(op, arity + 1, lambda xs: local_derivatives(op, xs[0], xs[1:]))


def absences_of(op: Op, arity: int) -> Program:
    """Lower the conditions under which an op is constant around each of its operands to a program."""
    return _traced(op, arity, lambda xs: [rule(*xs) for rule in op.absent] or [0.0] * arity)


def traced(numbers: int, f: Callable[[tuple[Any, ...]], Sequence[Any]]) -> Program:
    """Trace and lower a function of so many numbers; raises Unspellable if it branches or needs a float."""
    return _traced(ops.pos, numbers, f)


def _names(n: int) -> tuple[str, ...]:
    return tuple([f"x{i}" for i in range(n)])


def _traced(op: Op, n: int, f: Callable[[tuple[Any, ...]], Sequence[Any]]) -> Program:
    try:
        with recording() as recorded:
            xs = tuple([Tracer.leaf(0.5, name) for name in _names(n)])
            program = program_of(xs, f(xs))
    except (TypeError, AttributeError, *EDGES) as error:
        raise Unspellable(f"a rule of {op.name} is not made of arithmetic and ops") from error
    if recorded.guards or recorded.captured:
        raise Unspellable(f"a rule of {op.name} {'compares' if recorded.guards else 'closes over a Value'}")
    return _worded(op, program)


def _worded(op: Op, program: Program) -> Program:
    """Lower a program, and give the gamma family its words; raises Unspellable for an op that only Python computes."""
    program = prepared(program)
    unknown = [row for row in opaque(program) if row is not ops.lgamma and _order(row) is None]
    if unknown:
        raise Unspellable(f"{op.name} is not made of arithmetic and ops")
    steps = []
    for row, xs in program.steps:
        order = _order(row)
        if order is not None:
            steps.append(Step(POLYGAMMA, (float(order), *xs)))
        else:
            steps.append(Step(_LGAMMA if row is ops.lgamma else row, xs))
    return replace(program, steps=steps)  # type: ignore[arg-type]


_LGAMMA = replace(ops.lgamma, machine="lgamma")


def _order(op: Op) -> int | None:
    """Return n for the row polygamma(n), None for any other op."""
    factory, *args = op.pickle_recipe or (None,)
    return args[0] if factory is ops.polygamma else None


def body(program: Program, takes: Sequence[str], gives: Sequence[str]) -> str:
    """Write a lowered program as statements that assign its outputs; what is used once is written where it is used.

    >>> body(slopes_of(ops.div, 2), ["y", "a", "b"], ["p", "q"])
    'p=1/b;q=(-y)/b'
    """
    texts = dict(statements(program, WORDS))
    outputs = [spelled(y, program, WORDS) for y in program.outputs]
    names = dict(zip((f"x{i}" for i in range(len(program.inputs))), takes, strict=True))
    used: dict[str, int] = {}
    for text in [*texts.values(), *outputs]:
        for name in _PLACES.findall(text):
            used[name] = used.get(name, 0) + 1
    kept: list[str] = []
    for name, text in texts.items():
        text = _PLACES.sub(lambda found: names[found[0]], text)
        if used[name] == 1 or text in takes:
            names[name] = text if _ATOM.fullmatch(text) else f"({text})"
        else:
            names[name] = f"t{len(kept)}"
            kept.append(f"{names[name]}={_bare(text)}")
    given = [_bare(_PLACES.sub(lambda found: names[found[0]], y)) for y in outputs]
    assigned = [f"{target}={text}" for target, text in zip(gives, given, strict=True)]
    return ";".join([*([f"const {','.join(kept)}"] if kept else []), *assigned])


_PLACES = re.compile(r"\b[xv]\d+\b")
_ATOM = re.compile(r"[\w.]+|(Math\.)?\w+\([^()]*\)")
_TIDY = [
    (re.compile(r"Math\.inf"), "Infinity"),
    (re.compile(r"Math\.nan"), "NaN"),
    (re.compile(r"(?<![\w.])(\d+)\.0(?![\d.])"), r"\1"),
    (re.compile(r"(?<![\w.])0\.(\d)"), r".\1"),
    (re.compile(r"\(\+\(([^()]*(?:\([^()]*\)[^()]*)*)\)\)!==0\?"), r"\1?"),
    (re.compile(r"(?<![=!<>])([=!]=)(?!=)"), r"\1="),
    (re.compile(r" *([-+*/<>?:,]|[<>=!]==?) *"), r"\1"),
]


def _bare(text: str) -> str:
    """Return an expression in few characters, without parentheses around it."""
    for pattern, instead in _TIDY:
        text = pattern.sub(instead, text)
    inner = text[1:-1]
    closed = text.startswith("(") and text.endswith(")") and _is_balanced(inner)
    return inner if closed else text


def _is_balanced(text: str) -> bool:
    depth = 0
    for c in text:
        depth += (c == "(") - (c == ")")
        if depth < 0:
            return False
    return depth == 0

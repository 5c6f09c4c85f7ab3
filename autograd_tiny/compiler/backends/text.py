"""A program as text to take elsewhere: a function of one sample in Python, NumPy, C or JAX."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.op import Op
from autograd_tiny.transforms.program import Place, Program

SIGNS, COMPARISONS = frozenset("+-*/"), frozenset(("<", "<=", ">", ">=", "==", "!="))
# What array libraries call the words that they spell otherwise than the C library.
ARRAY_NAMES = {
    "+": "add", "-": "subtract", "*": "multiply", "/": "divide", "neg": "negative", "fabs": "absolute", "pow": "power",
    "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal", "==": "equal", "!=": "not_equal",
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2",
    "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
}  # fmt: skip


@dataclass(frozen=True)
class Language:
    """How a language spells what a machine has."""

    top: str  # the first line of code
    library: str  # what stands before the name of a function
    comparison: str  # 1.0 or 0.0
    select: str
    renamed: dict[str, str] = field(default_factory=dict)  # functions with another name
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)  # lines at the top where a function is used
    before: str = ""  # the function
    takes: str = "inputs"
    numbers: str = "floats"  # what goes in and out


LANGUAGES = {
    "numpy": Language(
        "import numpy as np",
        "np.",
        "({}) * 1.0",
        "np.where({0} != 0, {1}, {2})",
        {word: f"np.{name}" for word, name in ARRAY_NAMES.items()} | {"erf": "erf", "erfc": "erfc"},
        {w: ("import math", f"{w} = np.vectorize(math.{w}, otypes=[float])") for w in ("erf", "erfc")},
        '@np.errstate(all="ignore")\n',
        "(np.asarray(x, float) for x in inputs)",
        "numbers, or arrays that broadcast, with a place for each sample on their last axis",
    ),
    "python": Language("import math", "math.", "1.0 if {} else 0.0", "{1} if {0} else {2}"),
    "c": Language("#include <math.h>", "", "(double)({})", "{0} != 0 ? {1} : {2}"),
    "jax": Language(
        "import jax.numpy as jnp",
        "jnp.",
        "({}) * 1.0",
        "jnp.where({0} != 0, {1}, {2})",
        {word: f"jnp.{name}" for word, name in ARRAY_NAMES.items()} | {"erf": "erf", "erfc": "erfc"},
        {w: (f"from jax.scipy.special import {w}",) for w in ("erf", "erfc")},
        "",
        "(jnp.asarray(x, float) for x in inputs)",
        "numbers, or arrays that broadcast; float64 where jax_enable_x64 is on",
    ),
}


def text(program: Program, language: str) -> str:
    """The text of a prepared program."""
    return "\n".join((_c if language == "c" else _python)(program, LANGUAGES[language])) + "\n"


def parameters(program: Program) -> dict[tuple[Op, int], str]:
    """The ops of a prepared program that no machine has, with so many operands, and what its text calls them."""
    found = dict.fromkeys((step.op, len(step.operands)) for step in program.steps if not step.op.machine)
    return {key: f"op{i}" for i, key in enumerate(found)}


def _python(program: Program, words: Language) -> Iterable[str]:
    ops = parameters(program)
    yield "# Made by autograd_tiny from a recorded program."
    yield from _top(program, words)
    yield from ("", "")
    yield f"{words.before}def f({', '.join(['inputs', *ops.values()])}):"
    inputs, outputs = counted(len(program.inputs), "input"), counted(len(program.outputs), "output")
    yield f"    # {inputs} in a row, {outputs} in a list: {words.numbers}."
    yield from (f"    # {name} is {_comment(op.name)}({', '.join('x' * arity)})." for (op, arity), name in ops.items())
    if program.inputs:
        yield "    ("
        yield from (f"        x{i},  # {_comment(name)}" for i, name in enumerate(program.inputs))
        yield f"    ) = {words.takes}"
    yield from (f"    {name} = {written}" for name, written in _steps(program, words))
    yield f"    return [{', '.join(_text(y, program, words) for y in program.outputs)}]"


def _c(program: Program, words: Language) -> Iterable[str]:
    ops = parameters(program)
    given = [f"shared[{i}]" for i in range(program.shared)] + [f"sample[{i}]" for i in range(sum(program.widths))]
    used = {x for step in program.steps for x in step.operands if isinstance(x, int)} | set(program.outputs)
    yield "/* Made by autograd_tiny from a recorded program: C99."
    shared, others = counted(program.shared, "number"), sum(program.widths)
    yield f"   shared: {shared} that all samples share; sample: {others:,} of one;"
    yield f"   out: {counted(len(program.outputs), 'output')}. */"
    yield from _top(program, words)
    yield ""
    yield from (f"/* {name} is {_comment(op.name)}. */" for (op, _), name in ops.items())
    yield f"void f({', '.join(['const double *shared', 'const double *sample', 'double *out', *c_parameters(ops)])})"
    yield "{"
    for i, name in enumerate(program.inputs):
        yield f"    {f'const double x{i} = {given[i]};' if i in used else ''} /* {given[i]}: {_comment(name)} */"
    yield from (f"    const double {name} = {written};" for name, written in _steps(program, words))
    yield from (f"    out[{i}] = {_text(y, program, words)};" for i, y in enumerate(program.outputs))
    yield "}"


def c_parameters(ops: dict[tuple[Op, int], str]) -> list[str]:
    """The declarations of the ops that a C text takes as pointers."""
    return [f"double (*{name})({', '.join(['double'] * arity)})" for (_, arity), name in ops.items()]


def _top(program: Program, words: Language) -> list[str]:
    used = {step.op.machine for step in program.steps}
    return list(
        dict.fromkeys([words.top, *(line for word in words.needs if word in used for line in words.needs[word])])
    )


def _steps(program: Program, words: Language) -> Iterable[tuple[str, str]]:
    """The name of each step and what computes it."""
    ops = parameters(program)
    for place, (op, operands) in enumerate(program.steps, len(program.inputs)):
        xs = [_text(x, program, words) for x in operands]
        word = op.machine
        if word in SIGNS:
            written = f"{xs[0]} {word} {xs[1]}"
        elif word in COMPARISONS:
            written = words.comparison.format(f"{xs[0]} {word} {xs[1]}")
        elif word == "neg":
            written = f"-{xs[0]}"
        elif word == "select":
            written = words.select.format(*xs)
        else:
            name = words.renamed.get(word, words.library + word) if word else ops[op, len(xs)]
            written = f"{name}({', '.join(xs)})"
        yield f"v{place}", written


def _text(x: Place, program: Program, words: Language) -> str:
    if isinstance(x, int):
        return f"{'x' if x < len(program.inputs) else 'v'}{x}"
    if math.isfinite(x):
        number = repr(x)
    else:
        number = words.library + ("nan" if x != x else "inf") if words.library else "NAN" if x != x else "INFINITY"
        number = f"-{number}" if x < 0 else number
    return f"({number})" if number[0] == "-" else number


def _comment(name: str) -> str:
    """A name from outside, that ends no comment and no line."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name).replace("*/", "* /")

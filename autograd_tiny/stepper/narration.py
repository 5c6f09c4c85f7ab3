"""Describe a step in words, the same in the terminal, on the page and in the frames."""

from __future__ import annotations

import itertools
import linecache
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from autograd_tiny.engine.digits import counted, equals, short
from autograd_tiny.engine.names import number, spell
from autograd_tiny.engine.op import Spelled
from autograd_tiny.engine.value import NO_GRAD
from autograd_tiny.stepper.events import Backward, Forward, Node, Seed, Step, rule
from autograd_tiny.stepper.flags import FLAGS, flags_of
from autograd_tiny.stepper.traces import Trace


class Explained(NamedTuple):
    """The texts of a step; "" for those that do not apply."""

    headline: str  # BACKWARD 13/20: how much does w1 move L through a?
    equation: str  # upstream × local = contribution, each with its symbol
    accumulation: str  # w1.grad += …
    code: str  # the accumulation in Python
    context: str  # answers to common questions about such a step
    source: str  # train.py:12  y = a * b


def explain_step(trace: Trace, n: int, exact: bool = False) -> Explained:
    """Describe step n, with numbers in four digits, or in full if `exact`.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> a = Value(3.0, "a"); b = a + a; b.name = "b"
    >>> for line in explain_step(trace(b), 4)[:5]:
    ...     print(line)
    BACKWARD 5/5: how much does a move b through b?
    upstream ∂b/∂b = 1,  local ∂(a + a)/∂a = 1:  1 × 1 = 1
    a.grad += 1 : 1 → 2   (use 2 of 2, final)
    a.grad += b.grad * 1
    1 + 1 → 2; with = instead of += here alone it would be 1
    """
    step, digits = trace[n], repr if exact else short
    numbered = f"{n + 1}/{len(trace)}"
    source = _source(step.node)
    if isinstance(step, Forward):
        told = _forward(step.node, numbered, exact, source)
        left = left_over(trace, digits) if n == 0 else ""
        return told._replace(context="; ".join(filter(None, (left, told.context))))
    if isinstance(step, Seed):
        name, change = step.node.name, f"{digits(step.before) if step.before else '–'} → {digits(step.after)}"
        context = f"backpropagation starts here: the derivative of {name} with respect to itself is 1"
        return Explained(f"SEED {numbered}: how much does {name} move {name}?", f"∂{_(name)}/∂{_(name)} = 1",
                         f"{_(name)}.grad += 1 : {change}", f"{_(name)}.grad += 1", context, source)  # fmt: skip
    return _backward(trace, step, numbered, exact, source)


def _forward(node: Node, numbered: str, exact: bool, source: str) -> Explained:
    digits = repr if exact else short
    context = "; ".join(_flagged(Forward(node)))
    if node.op is None:
        text = f"{node.name} {'=' if exact else equals(node.data)} {digits(node.data)}"
        return Explained(f"FORWARD {numbered}: {node.name} is given", text, "", "", context, source)
    numbers = [x.data if isinstance(x, Node) else x for x in node.operands]
    spelled = [Spelled(repr(x), number(x).binds) if exact else number(x) for x in numbers]
    computed = spell(node.op, spelled).text
    sign = "=" if exact else equals(node.data, *numbers)
    written = node.named.written
    equation = f"{written} = {computed} {sign} {digits(node.data)}"
    name = f"{node.name} = {equation}" if node.name != written else equation
    return Explained(f"FORWARD {numbered}: {node.name} is computed", name, "", "", context, source)


def _backward(trace: Trace, step: Backward, numbered: str, exact: bool, source: str) -> Explained:
    digits = repr if exact else short
    output, node, operand = trace.output.name, step.node, step.operand.name
    spelled = rule(step)
    local = f"∂{_(node.named.written or node.name)}/∂{_(operand)}"
    reason = f" = {spelled.removeprefix('local = ')}" if spelled.startswith("local = ") else ""
    sign = "=" if exact else equals(step.upstream, step.local, step.contribution)
    upstream = f"upstream ∂{_(output)}/∂{_(node.name)} {_sign(step.upstream, exact)} {digits(step.upstream)}"
    by_rule = f"local {local}{reason} {_sign(step.local, exact)} {digits(step.local)}"
    sign = "passes the pole as" if step.passes_pole else sign
    product = f"{digits(step.upstream)} × {digits(step.local)} {sign} {digits(step.contribution)}"
    equation = f"{upstream},  {by_rule}:  {product}"
    before = (
        "–"
        if step.before is NO_GRAD or (step.nth == 1 and not step.before and step.operand.op)
        else digits(step.before)
    )
    use = numbered_use(step)
    accumulation = f"{_(operand)}.grad += {digits(step.contribution)} : {before} → {digits(step.after)}   ({use})"
    factor = _factor(spelled.removeprefix("local = ")) if reason else digits(step.local)
    code = f"{_(operand)}.grad += {_(node.name)}.grad * {factor}"
    said = [spelled] if spelled and not reason else []
    headline = f"BACKWARD {numbered}: how much does {operand} move {output} through {node.name}?"
    return Explained(headline, equation, accumulation, code, "; ".join(said + _context(step, digits)), source)


def numbered_use(step: Backward) -> str:
    """Number a use of a value: each arrow of the graph is one, while a path leads from the output to the value.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> a = Value(3.0, "a")
    >>> numbered_use(trace(a + a)[4])
    'use 2 of 2, final'
    """
    return f"use {step.nth} of {step.of}{', final' if step.final else ''}"


def _context(step: Backward, digits: object) -> list[str]:
    shown = digits if callable(digits) else short
    name, said = step.operand.name, []
    if step.nth > 1:
        sums = f"{shown(step.before)} + {_bracketed(shown(step.contribution))} → {shown(step.after)}"
        said.append(f"{sums}; with = instead of += here alone it would be {shown(step.contribution)}")
    elif step.before and step.before is not NO_GRAD:
        said.append(
            f"{shown(step.before)} is left over from an earlier backward(): gradients add up until they are zeroed"
        )
    if not step.final:
        left = step.of - step.nth
        said.append(
            f"{name} waits for {counted(left, 'more contribution')} before it passes its gradient on"
            if step.operand.op
            else f"{counted(left, 'more contribution')} will reach {name}"
        )
    return said + _flagged(step)


def _flagged(step: Step) -> list[str]:
    return [sentence for flag in flags_of(step) if (sentence := FLAGS[flag].sentence)]


def _source(node: Node) -> str:
    if node.where is None or not node.source:
        return f"in {node.scope}" if node.where and node.scope else ""
    # A trace read from JSON names a file of another machine: a line of ours would be wrong, or a secret.
    file, at = node.where.caller
    line = "" if node.rules is not None else linecache.getline(node.where.file, node.where.line).strip()
    called = f"called at {Path(file).name}:{at}  {linecache.getline(file, at).strip()}".rstrip() if file else ""
    return "  ".join(part for part in (node.source, line, f"in {node.scope}" if node.scope else "", called) if part)


def left_over(trace: Trace, digits: Callable[[float], str] = short) -> str:
    """Say what an earlier backward() left in the leaves, to which this one adds; "" if nothing."""
    start = trace.at(-1)
    left = [node for node in trace.nodes if node.op is None and start.grad(node)]
    if not left:
        return ""
    told = [f"{digits(start.grad(node) or 0.0)} is left over in {_(node.name)}.grad" for node in left[:3]]
    more = f", and {counted(len(left) - 3, 'more gradient')}" if len(left) > 3 else ""
    return f"{', '.join(told)}{more} from an earlier backward(): gradients add up until they are zeroed"


def _sign(x: float, exact: bool) -> str:
    return "=" if exact else equals(x)


def _bracketed(text: str) -> str:
    return f"({text})" if text.startswith("-") else text


def _factor(text: str) -> str:
    """Put parentheses around a formula after * if it needs them.

    >>> _factor("b"), _factor("1 - y ** 2"), _factor("sigmoid(x + 1)")
    ('b', '(1 - y ** 2)', 'sigmoid(x + 1)')
    """
    depths = itertools.accumulate({"(": 1, ")": -1}.get(c, 0) for c in text)
    outside = "".join(c for c, depth in zip(text, depths, strict=True) if not depth)
    return f"({text})" if any(sign in outside for sign in (" + ", " - ", " / ", " % ")) else text


def _(name: str) -> str:
    """Put parentheses around a name after ∂ if it needs them."""
    return name if name.isidentifier() or not any(c in name for c in " +-*/") else f"({name})"

"""Draw an op from its row of the table, and a function by running it on Symbols."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterable
from typing import Any

from autograd_tiny.engine.names import numbered, spell
from autograd_tiny.engine.op import Op, Spelled, Variadic, real
from autograd_tiny.engine.symbol import SHOWN, Symbol, operand_symbols, shown_derivatives, spelled
from autograd_tiny.engine.value import topological_order
from autograd_tiny.pictures.measure import shortened, wrapped
from autograd_tiny.pictures.picture import Arrow, Box, Picture

# Lengths in characters.
LONGEST_ARROW_LABEL = 40
LONGEST_SHARED_LABEL = 18  # of labels side by side
LONGEST_INLINED = 16  # of an expression; a longer one is called v1, v2, … where it is used


def picture_of_op(op: Op) -> Picture:
    """Draw operands and result with the local derivative on each arrow, then each rule of several ops as a graph.

    >>> from autograd_tiny.engine import ops
    >>> picture = picture_of_op(ops.div)
    >>> [arrow.label for arrow in picture.arrows[:2]]
    ['∂y/∂a = 1 / b', '∂y/∂b = -y / b']
    >>> [box.title for box in picture.boxes]
    ['a', 'b', 'y = a / b', '∂y/∂a = 1 / b', '-y', '∂y/∂b = -y / b']

    A rule that does not run on Symbols is shown as ``?``, with the reason in the caption.
    """
    xs, y = operand_symbols(op), Symbol("y")
    drawing = _Drawing()
    for x in xs:
        drawing.box(x, str(x), kind="leaf")
    drawing.box(y, f"y = {Symbol.applied(op, xs)}", kind="output")
    rules = _locals(op, y, xs)
    for x, rule in zip(xs, rules, strict=True):
        text = f"∂y/∂{x} = {_text(rule)}"
        drawing.arrow(x, y, text if len(xs) == 1 or len(text) <= LONGEST_SHARED_LABEL else "")
    by: dict[Symbol, list[str]] = {}
    for x, rule in zip(xs, rules, strict=True):
        if isinstance(rule, Symbol) and rule.op is not None:
            by.setdefault(rule, []).append(f"∂y/∂{x}")
    for rule, names in by.items():
        label = drawing.labels(order := topological_order(rule))
        for s in order:
            if s not in drawing.key:
                written = _written(s, label).text
                title = f"{' = '.join(names)} = {written}" if s is rule else _title(label[s].text, written)
                drawing.box(s, title, scope=names[0], tooltip=f"{' = '.join(names)} = {rule}" if s is rule else str(s))
                drawing.arrows_into(s)
    caption = [f"{x} lies in {interval}" for x, interval in zip(xs, op.domain, strict=False)]
    caption += [
        f"∂y/∂{x} = {rule}"
        for x, rule in zip(xs, rules, strict=True)
        if len(f"∂y/∂{x} = {_text(rule)}") > (LONGEST_ARROW_LABEL if len(xs) == 1 else LONGEST_SHARED_LABEL)
    ]
    return drawing.picture([*caption, *_complaints(op, rules)])


def picture_of_function(f: Callable[..., Any]) -> Picture:
    """Draw the expression that f computes from Symbols named as its parameters, with a local derivative per arrow.

    >>> picture = picture_of_function(lambda a, b, slope=0.5: (a * b + slope).tanh())
    >>> [box.title for box in picture.boxes]
    ['a', 'b', 'a * b', 'a * b + 0.5', 'tanh(a * b + 0.5)']
    >>> [arrow.label for arrow in picture.arrows[:3]]
    ['b', 'a', '1']

    Parameters with a default are constants. Raises TypeError if f does not take a fixed number of numbers, branches on
    an argument or uses it as anything but a number, or does not return a single number.
    """
    name = getattr(f, "__name__", type(f).__name__)
    symbols = _arguments(f, name)
    try:
        y = f(*(x for x, named in symbols.items() if not named), **{str(x): x for x, named in symbols.items() if named})
    except (TypeError, AttributeError) as error:
        raise TypeError(
            f"{name} does not run on symbols: {error}; compute with the rows of the table (ops.sin, not math.sin), "
            "or draw the Value that it returns for Values"
        ) from error
    if isinstance(y, (int, float)):
        raise TypeError(f"{name} of {', '.join(map(str, symbols))} is {y!r:.60}, a constant: there is no graph to draw")
    if not isinstance(y, Symbol):
        raise TypeError(
            f"{name} of {', '.join(map(str, symbols))} is {y!r:.60}, not a single number: draw one component, "
            "such as draw(lambda x: f(x)[0])"
        )
    drawing = _Drawing()
    label = drawing.labels(order := topological_order(y))
    complaints: list[str] = []
    for s in dict.fromkeys([*(x for x in symbols if x in order), *order]):
        kind = "output" if s is y else "inner" if s.op else "leaf"
        drawing.box(s, _title(label[s].text, _written(s, label).text), kind=kind, tooltip=str(s))
        if s.op is not None:
            operands = tuple(Symbol.named(label[x]) if isinstance(x, Symbol) else x for x in s.operands)
            rules = _locals(s.op, Symbol.named(label[s]), operands)
            complaints += _complaints(s.op, rules)
            drawing.arrows_into(s, map(_text, rules))
    unused = [f"{x} is not used" for x in symbols if x not in order]
    return drawing.picture([*unused, *dict.fromkeys(complaints)])


class _Drawing:
    """Boxes and arrows of a picture under construction."""

    def __init__(self) -> None:
        self.key: dict[Symbol, str] = {}
        self.label: dict[Symbol, Spelled] = {}
        self.boxes: list[Box] = []
        self.arrows: list[Arrow] = []
        self.number = itertools.count()

    def labels(self, order: list[Symbol]) -> dict[Symbol, Spelled]:
        """Label of each Symbol where it is used: its expression if short, else v1, v2, …"""
        taken = {str(s) for s in order if s.op is None}
        label = self.label  # a Symbol that two rules share has one name
        for s in order:
            if s in label:
                continue
            label[s] = written = _written(s, label)
            if s.op is not None and s is not order[-1] and len(written.text) > LONGEST_INLINED:
                label[s] = Spelled(next(v for k in self.number if (v := numbered(k)) not in taken))
        return label

    def box(self, s: Symbol, title: str, **look: Any) -> None:
        self.key[s] = f"n{len(self.key)}"
        self.boxes.append(Box(self.key[s], title, **({"tooltip": title} | look)))

    def arrow(self, tail: Symbol, head: Symbol, label: str = "") -> None:
        self.arrows.append(Arrow(self.key[tail], self.key[head], label=shortened(label, LONGEST_ARROW_LABEL)))

    def arrows_into(self, s: Symbol, labels: Iterable[str] | None = None) -> None:
        for x, label in zip(s.operands, labels or [""] * len(s.operands), strict=True):
            if isinstance(x, Symbol):
                self.arrow(x, s, label)

    def picture(self, caption: Iterable[str]) -> Picture:
        return Picture(
            tuple(self.boxes),
            tuple(self.arrows),
            caption=tuple(part for line in caption for part in wrapped(line, 110, 6)),
        )


def _arguments(f: Callable[..., Any], name: str) -> dict[Symbol, bool]:
    """A Symbol per parameter without a default, mapped to True if it is keyword-only."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        raise TypeError(f"{name}: its signature cannot be read; wrap it: draw(lambda x: {name}(x))") from None
    if many := [p for p in parameters if p.kind is p.VAR_POSITIONAL]:
        raise TypeError(
            f"{name} takes any number of arguments, *{many[0].name}: draw it for some Values, "
            f'draw({name if name.isidentifier() else "f"}(Value(1.0, "a"), Value(2.0, "b")))'
        )
    symbols = {
        Symbol(p.name): p.kind is p.KEYWORD_ONLY
        for p in parameters
        if p.default is p.empty and p.kind is not p.VAR_KEYWORD
    }
    if not symbols:
        raise TypeError(f"{name} has no parameter without a default: there is nothing to differentiate with respect to")
    return symbols


def _written(s: Symbol, label: dict[Symbol, Spelled]) -> Spelled:
    if s.op is None:
        return s.spelled
    operands = [Symbol.named(label[x]) if isinstance(x, Symbol) else x for x in s.operands]
    return Symbol.applied(s.op, tuple(operands)).spelled if s.op.formula else spell(s.op, list(map(spelled, operands)))


def _title(label: str, written: str) -> str:
    return written if label == written else f"{label} = {written}"


def _locals(op: Op, y: Symbol, xs: tuple[Symbol | float, ...]) -> list[Any]:
    """Local derivatives as Symbols or numbers; the exception instead of one that does not run on Symbols."""
    if op.name in SHOWN:
        return list(shown_derivatives(op, y, xs))
    found: list[Any] = []
    for rule in [op.partials.rule] if isinstance(op.partials, Variadic) else op.partials:
        try:
            found.append(rule(y, *xs))
        except (TypeError, AttributeError, ValueError, ArithmeticError) as error:
            found.append([error] * len(xs) if isinstance(op.partials, Variadic) else error)
    return list(found[0]) if isinstance(op.partials, Variadic) else found


def _text(rule: Any) -> str:
    if isinstance(rule, Exception):
        return "?"
    return str(rule) if isinstance(rule, Symbol) else Spelled.number(real(rule)).text


def _complaints(op: Op, rules: list[Any]) -> list[str]:
    errors = dict.fromkeys(str(rule) for rule in rules if isinstance(rule, Exception))
    return [f"a rule of {op.name} cannot be spelled: {error}" for error in errors]

"""Pictures of ops and functions: the expressions drawn compute the same as the op or the function."""

from __future__ import annotations

import functools
import inspect
import math
import time

import pytest

from autograd_tiny import Op, Value
from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Variadic
from autograd_tiny.engine.symbol import Symbol, explain, operand_symbols, shown_derivatives
from autograd_tiny.engine.value import topological_order
from autograd_tiny.nn.modules import Neuron
from autograd_tiny.pictures.drawing import draw
from autograd_tiny.pictures.measure import shortened
from autograd_tiny.pictures.symbolic import (
    LONGEST_ARROW_LABEL,
    LONGEST_SHARED_LABEL,
    picture_of_function,
    picture_of_op,
)
from autograd_tiny.pictures.writers.graph import graph_of

softsign = Op("softsign", lambda x: x / (1 + abs(x)), (lambda y, x: (d := 1 / (1 + abs(x))) * d,))
late = Op("late", lambda a, b: a * b, (lambda y, *xs: xs[1], lambda y, *xs: xs[0]))
many = Op("many", lambda *xs: math.fsum(xs), (lambda y, *xs: 1.0,) * 9)
rough = Op("rough", lambda x, z: x, (lambda y, x, z: math.cos(x), lambda y, x, z: z * x))
OPS = [*ops.TABLE.values(), softsign, late, many, ops.falling_power(3), ops.polygamma(2)]
POINTS = (0.7, 0.3, 0.9, 1.3, 1.7, -0.4, 0.2, -1.1, 2.3)


def computed(picture, given):
    """Evaluate each box by its title, with `eval` and not with the package."""
    env = (
        dict(ops.TABLE)
        | {f"power_rule{n}": ops.falling_power(n) for n in range(6)}
        | {"nan": math.nan, "inf": math.inf}
    )
    env |= {f"sinc_rule{n}": ops.sinc_derivative(n) for n in range(1, 5)}
    env |= {f"polygamma{n}": ops.polygamma(n) for n in range(2, 5)} | {"softsign": softsign, "late": late, "many": many}
    env |= given
    for box in picture.boxes:
        names, _, text = box.title.rpartition(" = ")
        x = eval(text, env)
        for name in names.split(" = "):
            env[name] = x
    return env


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_the_picture_of_an_op_is_its_row(op):
    picture = picture_of_op(op)
    xs, y = operand_symbols(op), Symbol("y")
    lines = [line.split(" = ", 1)[1].split("    where ")[0] for line in explain(op).splitlines()]
    assert [box.title for box in picture.boxes[: len(xs)]] == [str(x) for x in xs]
    assert [(a.tail, a.head) for a in picture.arrows[: len(xs)]] == [(f"n{i}", f"n{len(xs)}") for i in range(len(xs))]
    assert [a.label for a in picture.arrows[: len(xs)]] == [
        shortened(text, LONGEST_ARROW_LABEL)
        if len(text := f"∂y/∂{x} = {line}") <= LONGEST_SHARED_LABEL or len(xs) == 1
        else ""
        for x, line in zip(xs, lines, strict=True)
    ]
    shown = shown_derivatives(op, y, xs)
    rules, stack = {}, [d for d in shown if isinstance(d, Symbol)]
    while stack:
        s = stack.pop()
        if s.op is not None:
            rules.setdefault(s)
            stack += [x for x in s.operands if isinstance(x, Symbol)]
    assert len(picture.boxes) <= len(xs) + 1 + len(rules)
    assert len({box.key for box in picture.boxes}) == len(picture.boxes)
    point = POINTS[: len(xs)]
    result = op.forward(*point) if op is not ops.acosh else op.forward(1.5)
    point = point if op is not ops.acosh else (1.5,)
    env = computed(picture, {**{str(x): p for x, p in zip(xs, point, strict=True)}, "y": result})
    for x, derivative, rule in zip(xs, op.local_derivatives(result, point), op.local_derivatives(y, xs), strict=True):
        if isinstance(rule, Symbol) and rule.op is not None:
            assert env[f"∂y/∂{x}"] == pytest.approx(derivative, rel=1e-12)
    if len(picture.boxes) < 5:
        assert graph_of(picture).pipe("svg")


def test_a_rule_that_symbols_do_not_get_through_is_shown_as_unknown():
    picture = picture_of_op(rough)
    assert [a.label for a in picture.arrows[:2]] == ["∂y/∂x = ?", "∂y/∂z = z * x"]
    assert picture.caption[0].startswith("a rule of rough cannot be spelled: <symbol x> cannot be converted to float")
    lines = picture_of_function(lambda a: rough(a, 1.0)).caption
    assert tuple(line.replace("<symbol a>", "<symbol x>") for line in lines) == picture.caption


def neuron(x, w, b, k=2.0):
    z = (x * w + b).tanh()
    return z * z / k + ops.log(1 + ops.exp(-x))


FUNCTIONS = {
    "neuron": neuron,
    "repeats": lambda a: a + a,
    "one of itself": lambda a: a,
    "keyword": lambda a, *, b, c=3.0: a**b * c,
    "partial": functools.partial(neuron, b=1.0),
    "many operands": lambda a, b: ops.fsum(a, b, a, a, b, b, a * b, 1.0),
    "named v1": lambda v1, v2: (v1 * v2 * v1 * v2 * v1).exp() * (v1 + v2 + v1 + v2 + v1).sin(),
    "unused": lambda a, b: a.exp(),
    "variable keywords": lambda a, **options: a * 2,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_picture_of_a_function_is_that_of_its_value(name):
    f = FUNCTIONS[name]
    picture = picture_of_function(f)
    parameters = [
        p for p in inspect.signature(f).parameters.values() if p.default is p.empty and p.kind is not p.VAR_KEYWORD
    ]
    given = {p.name: Value(x, p.name) for p, x in zip(parameters, POINTS, strict=False)}
    positional = [given[p.name] for p in parameters if p.kind is not p.KEYWORD_ONLY]
    y = f(*positional, **{p.name: given[p.name] for p in parameters if p.kind is p.KEYWORD_ONLY})
    order = topological_order(y)
    assert picture.values == len(order)
    assert picture.uses == sum(len(v.parents) for v in order)
    labels = [arrow.label for arrow in picture.arrows]
    if name not in ("many operands", "neuron", "partial"):  # these have shortened titles
        env = computed(picture, {n: v.data for n, v in given.items()})
        assert sorted(eval(label, env) for label in labels) == pytest.approx(
            sorted(d for v in order if v.op for d in v.local_derivatives if d is not None), rel=1e-12
        )
    assert graph_of(picture).pipe("svg")


BAD = [
    (lambda x: x if x > 0 else -x, r"`x` cannot be compared or converted to bool: use.*draw the Value that"),
    (lambda *xs: xs[0], r"takes any number of arguments, \*xs: draw it for some Values"),
    (lambda p: p["a"] * 2, r"not subscriptable; compute with the rows"),
    (lambda p: p.w * 2, r"has no attribute 'w'; compute with the rows"),
    (lambda xs: sum(xs), r"not iterable; compute with the rows"),
    (lambda x: 3.0, r"of x is 3\.0, a constant: there is no graph to draw"),
    (lambda x: (x, x), r"of x is \(<symbol x>, <symbol x>\), not a single number"),
    (lambda k=1.0: k, r"no parameter without a default"),
    (Neuron(2, seed=0), r"Neuron does not run on symbols: .*takes a list of numbers, got <symbol x>"),
    (max, r"max: its signature cannot be read; wrap it"),
]


@pytest.mark.parametrize(("f", "message"), BAD)
def test_functions_that_cannot_be_drawn(f, message):
    with pytest.raises(TypeError, match=message):
        picture_of_function(f)


def test_every_operand_of_an_op_of_many_has_its_arrow():
    picture = picture_of_op(ops.dot)
    assert isinstance(ops.dot.partials, Variadic)
    assert [a.label for a in picture.arrows] == ["∂y/∂x0 = x2", "∂y/∂x1 = x3", "∂y/∂x2 = x0", "∂y/∂x3 = x1"]


def test_what_is_used_twice_at_each_step_is_drawn_at_once():
    def squared(x):
        for _ in range(200):
            x = x * x
        return x

    start = time.perf_counter()
    source = draw(squared).source
    assert time.perf_counter() - start < 5
    assert len(source) < 1_000_000


def test_a_direction_is_checked_for_every_kind_of_picture():
    for what in (ops.tanh, lambda x: x * x, Value(1.0)):
        with pytest.raises(ValueError, match="rankdir: 'x' is not one of LR, TB, RL, BT"):
            draw(what, rankdir="x")

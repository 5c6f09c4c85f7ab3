"""Tests that balls and mpmath give the same exact numbers and the same verdicts."""

from __future__ import annotations

import math

import pytest
from bugs import with_rule
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from autograd_tiny.check import (
    Callables,
    GradcheckError,
    ValueEngine,
    balls,
    check_engine,
    exact,
    gradcheck,
    special_reals,
)
from autograd_tiny.check.exact import BALLS, MPMATH, OUTSIDE, digits, exact_value
from autograd_tiny.check.points import single_ops
from autograd_tiny.check.strategies import program_at
from autograd_tiny.compiler import Step
from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Variadic

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not balls.are_there(), reason="python-flint is not installed")]
FLOATS = st.one_of(
    special_reals(), st.floats(-60, 60), st.floats(-1e4, 1e4), st.floats(-1e-9, 1e-9), st.floats(-1e20, 1e20)
)
ROWS = [*ops.TABLE.values(), ops.polygamma(2), ops.sinc_derivative(1), ops.sinc_derivative(4)]


@pytest.fixture(params=["balls", "mpmath"])
def oracle(request, monkeypatch):
    if request.param == "mpmath":
        monkeypatch.setattr(balls, "are_there", lambda: False)
    exact._facts.cache_clear()
    yield request.param
    exact._facts.cache_clear()


def arity(op):
    return 4 if isinstance(op.partials, Variadic) else len(op.partials)


@st.composite
def calls(draw):
    op = draw(st.sampled_from(ROWS))
    xs = tuple(draw(FLOATS) + 0.0 for _ in range(arity(op)))
    try:
        y = op.forward(*xs)
    except (ArithmeticError, ValueError):
        y = math.nan
    return op, xs, y


@given(calls())
@example((ops.erfc, (26.0,), 0.0))
@example((ops.digamma, (-1e4 + 0.5,), 0.0))
@example((ops.trigamma, (-3.7,), 0.0))
@example((ops.sinc_derivative(4), (1e-12,), 0.0))
@example((ops.sinc_derivative(3), (-2.0,), 0.0))
@settings(max_examples=400, deadline=None)
def test_the_two_arithmetics_agree_on_every_row(call):
    op, xs, y = call
    if not math.isfinite(y) or max(map(abs, xs)) > 1e20 or (op.name in ("exp", "erf") and abs(xs[0]) > 1e6):
        return  # no float to check, or mpmath takes minutes
    with balls.precision(digits(xs)):
        try:
            ball = balls.as_mpf(exact_value(op, *map(BALLS.number, xs)))
        except balls.Undecided:
            return
        except OUTSIDE as error:
            ball = error
    with mp.workdps(digits(xs)):
        try:
            number = exact_value(op, *map(MPMATH.number, xs))
        except OUTSIDE as error:
            number = error
    assert isinstance(ball, Exception) == isinstance(number, Exception), (ball, number)
    if isinstance(ball, Exception) or float(ball) == float(number):
        return
    with mp.workdps(3 * digits(xs)):  # the ball is right
        better = exact_value(op, *map(MPMATH.number, xs))
        falls_to_0 = ball == 0 and abs(better) < abs(number) * mpf(10) ** -100
        assert falls_to_0 or abs(ball - better) <= abs(better) * mpf(10) ** -100


def facts(op, xs):
    exact._facts.cache_clear()
    return exact.facts_of(op, xs)


@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)
def test_the_two_arithmetics_find_the_same_slopes_kinks_and_poles(op, monkeypatch):
    for program in list(single_ops([op], per_op=24))[::2]:
        xs = tuple(program.example[i] if isinstance(i, int) else i for i in program.steps[0].operands)
        if max(map(abs, xs)) > 1e4:
            continue  # mpmath takes seconds
        a = facts(op, xs)
        with monkeypatch.context() as patch:
            patch.setattr(balls, "are_there", lambda: False)
            b = facts(op, xs)
        assert a.kink == b.kink
        assert abs(a.value - b.value) <= b.value_slack * 1e-9
        assert abs(a.value_slack - b.value_slack) <= b.value_slack * 1e-6 + 1e-320
        for pair, other, slack, same in zip(a.slopes, b.slopes, a.slacks, b.slacks, strict=True):
            assert (pair is None) == (other is None), xs
            if pair and other:
                assert abs(slack - same) <= same * 1e-6 + 1e-320, (xs, slack, same)
                assert max(abs(p - q) for p, q in zip(pair, other, strict=True)) <= same * 1e-9
    exact._facts.cache_clear()


def test_a_wrong_rule_is_found_by_either(oracle):
    for name, i, rule in (
        ("erf", 0, lambda d, y, x: d * (1 + 1e-12)),
        ("trigamma", 0, lambda d, y, x: -d),
        ("maximum", 0, lambda d, y, a, b: 1.0 if a == b else d),
        ("pow", 1, lambda d, y, a, b: d + y if a < 1 else d),
    ):
        programs = list(single_ops([ops.TABLE[name]], per_op=20))
        assert not all(check_engine(with_rule(name, i, rule), p, again=False) for p in programs), name
        assert all(check_engine(ValueEngine(), p, again=False) for p in programs), name


@pytest.mark.parametrize(
    ("name", "xs"), [("log1p", (0.0,)), ("add", (1.0, 0.0)), ("mul", (0.0, 2.0)), ("hypot", (0.0, 3.0))]
)
def test_an_operand_that_is_0_allows_no_larger_error(oracle, name, xs):
    program = program_at(xs, [Step(ops.TABLE[name], tuple(range(len(xs))))])
    assert check_engine(ValueEngine(), program)
    assert not check_engine(with_rule(name, 0, lambda d, *_: d + 1e-12), program)


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda x: x**3, lambda x: 3 * x**2),
        (lambda x: x - math.sin(x), lambda x: 1 - math.cos(x)),
        (lambda x: math.tanh(x) - x, lambda x: -(math.tanh(x) ** 2)),
        (lambda x: x**5 + x, lambda x: 5 * x**4 + 1),
        (lambda x: math.cos(x) + x * x * x * x, lambda x: 4 * x**3 - math.sin(x)),
    ],
)
def test_a_slope_that_vanishes_at_0_raises_no_alarm(oracle, f, slope):
    for x in (0.0, 1e-300, -1e-300):
        assert check_engine(
            Callables(flat=(f, slope)), program_at([x], [Step(Callables(flat=(f, slope)).ops[0], (0,))])
        )


def log_sum(x, y):
    return math.log(math.exp(x) + math.exp(y)) + math.erf(x) * abs(y)


def log_sum_grad(x, y):
    total = math.exp(x) + math.exp(y)
    bell = 2 / math.sqrt(math.pi) * math.exp(-x * x)
    return math.exp(x) / total + bell * abs(y), math.exp(y) / total + math.erf(x) * math.copysign(1, y)


@pytest.mark.parametrize("x", [(0.5, -1.5), (3.0, 2.0), (0.0, 1e-9), (1.0, 0.0)])
def test_a_plain_function_is_judged_alike(oracle, x):
    assert gradcheck(log_sum, x, grad=log_sum_grad).oracle == "exact"
    with pytest.raises(GradcheckError):
        gradcheck(log_sum, x, grad=lambda x, y: (log_sum_grad(x, y)[0] * (1 + 1e-9), log_sum_grad(x, y)[1]))


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda x: x**3, lambda x: 3 * x * x),
        (lambda x: x - math.sin(x), lambda x: 1 - math.cos(x)),
        (lambda x: x * abs(x), lambda x: 2 * abs(x)),
        (lambda x: math.floor(x) + x % 1.0, lambda x: 1.0),
        (lambda x: math.gamma(x + 1.5), None),
        (lambda x: float(x) ** 2, lambda x: 2 * x),
        (lambda x: {0.0: 0.0}.get(x, x), lambda x: 1.0),
    ],
)
@pytest.mark.parametrize("x", [0.0, 0.75])
def test_what_balls_cannot_tell_mpmath_is_asked(f, slope, x, monkeypatch):
    slope = slope or (lambda x: 1.0)

    def told():
        try:
            report = gradcheck(f, x, grad=slope)
        except GradcheckError as error:
            return "wrong", str(error).replace("exact, mpmath", "exact, balls")
        return report.outcome, report.oracle

    with_balls = told()
    monkeypatch.setattr(balls, "are_there", lambda: False)
    assert told() == with_balls


def undecided():
    third = balls.Ball(1) / 3
    return [
        lambda x: third < third + 0 * x,
        lambda x: third == 1 / balls.Ball(3),
        lambda x: float(x),
        lambda x: int(x),
        lambda x: {x: 1},
        lambda x: x.imag,
        lambda x: x % 1.0,
        lambda x: x + "a",
        lambda x: x * math.inf,
        lambda x: BALLS.math.gamma(x),
        lambda x: BALLS.math.floor(third * 3 + x),
        lambda x: BALLS.math.lgamma(-x * 2),
        lambda x: BALLS.math.atan2(0, -x),
        lambda x: (-third) ** (third + x),
        lambda x: 1 / (third * 3 - x),
    ]


@pytest.mark.parametrize("f", range(15))
def test_what_is_undecided_is_never_believed(f):
    f = undecided()[f]

    def caught(x):
        try:
            f(x)
        except balls.Undecided:
            return x
        return x

    with balls.precision(30):
        for g in (f, caught):
            with pytest.raises(balls.Undecided):
                balls.value(g, [BALLS.number(1)], trusted=True)


def test_errors_are_those_of_a_row_but_not_of_any_function():
    with balls.precision(30):
        for f in (BALLS.math.log, BALLS.math.log1p, BALLS.math.acosh, BALLS.math.sqrt, lambda x: x**0.5):
            with pytest.raises(ValueError, match=r"log 0|complex"):
                balls.value(f, [BALLS.number(-1)], trusted=True)
            with pytest.raises(balls.Undecided):
                balls.value(f, [BALLS.number(-1)], trusted=False)
        for f in (lambda x: 1 / (x + 1), lambda x: (x + 1) ** -1):
            with pytest.raises(ZeroDivisionError):
                balls.value(f, [BALLS.number(-1)], trusted=True)


def test_a_report_says_which_numbers_told(oracle):
    assert f"node by node, {oracle})" in str(gradcheck(lambda x: x.tanh(), 0.5))
    assert f"(exact, {oracle})" in str(gradcheck(log_sum, (0.5, 1.0), grad=log_sum_grad))
    with pytest.raises(GradcheckError, match=f"oracle: exact, {oracle}"):
        gradcheck(math.sin, 0.5, grad=math.sin)
    program = program_at([0.5], [Step(ops.tanh, (0,))])
    report = check_engine(with_rule("tanh", 0, lambda d, y, x: 1 - y), program)
    assert f"oracle: {oracle}, 1" in str(report)

"""Tests of `prove`: what it calls proven is so, what is wrong is found however narrow, and the rest stays open."""

from __future__ import annotations

import math
import time

import pytest

from autograd_tiny import Op
from autograd_tiny.check import balls, jets, prove
from autograd_tiny.check.exact import OUTSIDE, facts_of
from autograd_tiny.check.points import arity_of
from autograd_tiny.engine import ops

needs_flint = pytest.mark.skipif(not balls.are_there(), reason="python-flint is not installed")


def softplus(x):
    return math.log1p(math.exp(-abs(x))) + max(x, 0.0)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def tanh_slope(x):
    return 1 - math.tanh(x) ** 2


def branches(x):
    return x * x if x > 1 else 2 * x - 1


PROVEN = [
    (softplus, sigmoid, (-10, 10)),
    (lambda x: math.log1p(math.exp(x)), sigmoid, (-10, 10)),
    (math.tanh, tanh_slope, (-10, 10)),
    (math.tanh, lambda x: 1 / math.cosh(x) ** 2, (-10, 10)),
    (math.erf, lambda x: 2 / math.sqrt(math.pi) * math.exp(-x * x), (-4, 4)),
    (lambda x: max(x, 0.0), lambda x: 1.0 if x > 0 else 0.0, (-10, 10)),
    (abs, lambda x: 1.0 if x >= 0 else -1.0, (-3, 2)),
    (branches, lambda x: 2 * x if x > 1 else 2.0, (-3, 3)),
    (lambda x: x**3 - 2 / x, lambda x: 3 * x * x + 2 / x**2, (0.5, 4)),
    (lambda x: x**x, lambda x: x**x * (math.log(x) + 1), (0.5, 2)),
    (lambda x: x.lgamma() + x.sqrt(), None, (1, 3)),
    (lambda x: x.tanh() * x.relu() + x.sigmoid() * x.gelu(), None, (-3, 3)),
    (lambda x: (x * x).tanh() * x.relu() - abs(x), None, (-3, 3)),
    (lambda x: (x.softplus() + 1).log() / (x.cosh() + x.atan()), None, (-3, 3)),
    (lambda x, y: math.sin(x * y), lambda x, y: (y * math.cos(x * y), x * math.cos(x * y)), ((0, 1), (0, 1))),
    (lambda x, y: (x * y).exp() / y, None, ((0, 0.5), (1, 1.5))),
    (lambda x, y, z: x * y * z + math.exp(x), lambda x, y, z: (y * z + math.exp(x), x * z, x * y), ((-1, 1),) * 3),
]


@needs_flint
@pytest.mark.parametrize(("f", "grad", "x"), PROVEN, ids=range(len(PROVEN)))
def test_a_right_gradient_is_proven(f, grad, x):
    proof = prove(f, grad, x, tol=1e-6 if isinstance(x[0], tuple) else 1e-9, seconds=30)
    assert proof, str(proof)
    assert proof.outcome == "proven"


@needs_flint
@pytest.mark.parametrize("at", [-1.5, 0.0, 0.3])
def test_a_point_that_a_proof_covers_agrees(at):
    """A planted error of any kind is not proven."""
    for error in (
        lambda x: 2e-9,
        lambda x: 1e-3 if at < x < at + 0.001 else 0.0,
        lambda x: 1e-3 * math.exp(-(((x - at) / 1e-3) ** 2)),
        lambda x: 1e-8 * x if x > at else 0.0,
    ):
        proof = prove(softplus, lambda x, error=error: sigmoid(x) + error(x), x=(-10, 10))
        assert proof.outcome == "wrong"
        assert not proof
        (x,) = proof.wrong[0].witness
        assert proof.wrong[0].box.lows[0] <= x <= proof.wrong[0].box.highs[0]
        assert abs(error(x)) > 1e-9


@needs_flint
def test_a_band_is_found_with_its_ends():
    proof = prove(math.tanh, lambda x: tanh_slope(x) + (1e-3 if 1.2345 < x < 1.2355 else 0.0))
    assert [part.box for part in proof.wrong] == [((1.2345,), (1.2355,))]
    assert "wrong on x in [1.2345, 1.2355]: at x = 1.23" in str(proof)


@needs_flint
def test_wrong_rules_of_ops():
    wrong = Op("wrong", math.tanh, (lambda y, x: 1 - y * y * y,))
    assert prove(lambda x: wrong(x) * x, x=(-2, 2)).outcome == "wrong"
    assert prove(lambda x: ops.silu(x) * 2, x=(-5, 5))


@needs_flint
def test_one_of_several_arguments_is_wrong():
    proof = prove(lambda x, y: x * y * y, lambda x, y: (y * y, x * y), x=(0, 1), y=(1, 2), seconds=3)
    assert proof.outcome == "wrong"
    assert proof.wrong[0].argument == 1
    assert "∂f/∂y is" in str(proof)


@needs_flint
@pytest.mark.parametrize(
    ("f", "grad", "x", "said"),
    [
        (math.log, lambda x: 1 / x, (-1, 3), "not defined there"),
        (lambda x: 1 / x, lambda x: -1 / x**2, (-1, 2), ""),
        (lambda x: 1.0 if x > 0.5 else 0.0, lambda x: 0.0, (0, 1), "at the branch"),
        (lambda x: math.fmod(x, 1.0), lambda x: 1.0, (0, 3), "a jump"),
        (lambda x, y: max(x, y), lambda x, y: (1.0, 0.0) if x > y else (0.0, 1.0), ((0, 1), (0, 1)), "a branch"),
    ],
)
def test_what_stays_open(f, grad, x, said):
    proof = prove(f, grad, x, seconds=5)
    assert proof.outcome == "open"
    assert not proof.wrong
    assert any(said in part.reason for part in proof.open), str(proof)
    assert len(str(proof).splitlines()) <= 40


@needs_flint
def test_a_wrong_gradient_at_a_branch_alone():
    proof = prove(lambda x: max(x, 0.0), lambda x: float(x > 0) + 5 * (x == 0), x=(-1, 1))
    assert proof.outcome == "wrong"
    assert proof.wrong[0].witness == (0.0,)


@needs_flint
def test_the_time_limit():
    start = time.monotonic()
    proof = prove(lambda x: math.sin(1e5 * x), lambda x: 1e5 * math.cos(1e5 * x), seconds=0.5)
    assert time.monotonic() - start < 10
    assert proof.outcome == "open"
    assert proof.open[0].reason == "the time is up"


@needs_flint
@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda: prove(3), TypeError, "takes a function and its derivative, got 3"),
        (lambda: prove(math.sin, math.cos, x=3), TypeError, "is not an interval: write x="),
        (lambda: prove(softplus, sigmoid, x=(2, 1)), ValueError, "the lower one first"),
        (lambda: prove(softplus, sigmoid, x=(0, math.inf)), ValueError, "finite numbers"),
        (lambda: prove(softplus, sigmoid, y=(0, 1)), TypeError, "has no argument y; it has x"),
        (lambda: prove(lambda x, y: x * y, None), TypeError, "needs an interval for y"),
        (lambda: prove(softplus, sigmoid, tol=0), ValueError, "tol=0: expected a number above 0"),
        (lambda: prove(lambda a, b, c, d: a, None, x=((0, 1),) * 4), ValueError, "takes one to three"),
        (lambda: prove(softplus, lambda x: (1, 2)), TypeError, "returned 2 numbers: expected 1"),
        (lambda: prove(lambda x: None, None), TypeError, "returned None"),
    ],
)
def test_bad_input(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()


def test_without_python_flint(monkeypatch):
    monkeypatch.setattr(balls, "are_there", lambda: False)
    with pytest.raises(ImportError, match="prove needs python-flint: pip install python-flint"):
        prove(softplus, sigmoid)


@needs_flint
@pytest.mark.parametrize("op", [op for op in ops.FUNCTIONS.values() if arity_of(op) == 1], ids=lambda op: op.name)
def test_series_of_ops_hold_the_exact_values_and_slopes(op):
    checked = 0
    for x in (0.3, -0.7, 1.5, 2.5, -3.25):
        try:
            facts = facts_of(op, (x,))
        except OUTSIDE:
            continue
        r = 2.0**-6
        with jets.over(jets.Box((x - r,), (x + r,))):
            try:
                thin, wide = (op(*jets.arguments_about([c])) for c in (balls.arb(x), balls.arb(x - r / 3, r)))
            except balls.Undecided:
                continue
            thin, wide = (jets.terms(y, 1) for y in (thin, wide))
            for k, c in thin.items():
                assert wide.get(k, balls.arb(0)).contains(c), k
        value, slope = (float(thin.get((k,), balls.arb(0)).mid()) for k in (0, 1))
        assert value == pytest.approx(float(facts.value), rel=1e-14)
        assert slope == pytest.approx(float(facts.slopes[0][0]), rel=1e-14)
        checked += 1
    assert checked

"""Edges: one table of expressions with their values and gradients."""

from __future__ import annotations

import copy
import math
import pickle
from decimal import Decimal
from fractions import Fraction

import pytest

from autograd_tiny import Op, Value
from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Interval

inf, nan = math.inf, math.nan

# (name, function, operands, value or exception, gradients or None)
EDGES = [
    ("x**0 at 0", lambda x: x**0, [0.0], 1.0, [0.0]),
    ("x**0.0 at -2", lambda x: x**0.0, [-2.0], 1.0, [0.0]),
    ("x**0.5 at 0", lambda x: x**0.5, [0.0], 0.0, [inf]),
    ("x**1 at 0", lambda x: x**1, [0.0], 0.0, [1.0]),
    ("x**2 at -3", lambda x: x**2, [-3.0], 9.0, [-6.0]),
    ("(-8)**(1/3)", lambda x: x ** (1 / 3), [-8.0], ValueError, None),
    ("0**-1", lambda x: x**-1, [0.0], ZeroDivisionError, None),
    ("2**x", lambda x: 2**x, [3.0], 8.0, [8 * math.log(2)]),
    ("x**y at (0, 2)", lambda x, y: x**y, [0.0, 2.0], 0.0, [0.0, 0.0]),
    ("x**y at (-2, 3)", lambda x, y: x**y, [-2.0, 3.0], -8.0, [12.0, nan]),
    ("x**y at (0, 0)", lambda x, y: x**y, [0.0, 0.0], 1.0, [0.0, 0.0]),
    ("log(0)", lambda x: x.log(), [0.0], ValueError, None),
    ("log(-1)", lambda x: x.log(), [-1.0], ValueError, None),
    ("1/0", lambda x: 1 / x, [0.0], ZeroDivisionError, None),
    ("sqrt at 0", lambda x: x.sqrt(), [0.0], 0.0, [inf]),
    ("cbrt at 0", lambda x: x.cbrt(), [0.0], 0.0, [inf]),
    ("asin at 1", lambda x: x.asin(), [1.0], math.pi / 2, [inf]),
    ("acosh at 1", lambda x: x.acosh(), [1.0], 0.0, [inf]),
    ("exp(1000)", lambda x: x.exp(), [1000.0], OverflowError, None),
    ("exp(-1000)", lambda x: x.exp(), [-1000.0], 0.0, [0.0]),
    ("sigmoid at 1000", lambda x: x.sigmoid(), [1000.0], 1.0, [0.0]),
    ("sigmoid at -1000", lambda x: x.sigmoid(), [-1000.0], 0.0, [0.0]),
    ("sigmoid at -700", lambda x: x.sigmoid(), [-700.0], math.exp(-700), [math.exp(-700)]),
    ("softplus at 1000", lambda x: x.softplus(), [1000.0], 1000.0, [1.0]),
    ("softplus at -1000", lambda x: x.softplus(), [-1000.0], 0.0, [0.0]),
    ("tanh at 1000", lambda x: x.tanh(), [1000.0], 1.0, [0.0]),
    ("tanh at -1000", lambda x: x.tanh(), [-1000.0], -1.0, [0.0]),
    ("tanh at 1e-9", lambda x: x.tanh(), [1e-9], 1e-9, [1.0]),
    ("silu at -inf", lambda x: x.silu(), [-inf], -0.0, [0.0]),
    ("gelu at inf", lambda x: x.gelu(), [inf], inf, [1.0]),
    ("relu at 0", lambda x: x.relu(), [0.0], 0.0, [0.0]),
    ("relu at -0.0", lambda x: x.relu(), [-0.0], 0.0, [0.0]),
    ("relu at nan", lambda x: x.relu(), [nan], nan, [nan]),
    ("abs at 0", abs, [0.0], 0.0, [0.0]),
    ("abs at nan", abs, [nan], nan, [nan]),
    ("leaky_relu at 0", lambda x: x.leaky_relu(0.1), [0.0], 0.0, [0.1]),
    ("elu at 0", lambda x: x.elu(2.0), [0.0], 0.0, [2.0]),
    ("sign and heaviside at 0", lambda x: x.sign() + x.heaviside(), [0.0], 0.0, [0.0]),
    ("maximum, a tie", ops.maximum, [2.0, 2.0], 2.0, [0.5, 0.5]),
    ("maximum, a tie at inf", ops.maximum, [inf, inf], inf, [0.5, 0.5]),
    ("minimum, a tie", ops.minimum, [2.0, 2.0], 2.0, [0.5, 0.5]),
    ("maximum(nan, 1)", ops.maximum, [nan, 1.0], nan, [nan, nan]),
    ("minimum(1, nan)", ops.minimum, [1.0, nan], nan, [nan, nan]),
    ("clip inside", lambda x: x.clip(0, 1), [0.5], 0.5, [1.0]),
    ("clip at its end", lambda x: x.clip(0, 1), [1.0], 1.0, [0.5]),
    ("clip outside", lambda x: x.clip(0, 1), [2.0], 1.0, [0.0]),
    ("clip, ends crossed", lambda x: x.clip(1, 0), [2.0], ValueError, None),
    ("where takes its branch", lambda c, a, b: ops.where(c, a, b), [0.0, 2.0, 3.0], 3.0, [0.0, 0.0, 1.0]),
    ("hypot(0, 0)", ops.hypot, [0.0, 0.0], 0.0, [0.0, 0.0]),
    ("hypot, large", ops.hypot, [3e200, 4e200], 5e200, [0.6, 0.8]),
    ("atan2(0, 1)", ops.atan2, [0.0, 1.0], 0.0, [1.0, 0.0]),
    ("atan2(1, 0)", ops.atan2, [1.0, 0.0], math.pi / 2, [0.0, -1.0]),
    ("atan2(0, -1)", ops.atan2, [0.0, -1.0], math.pi, [-1.0, 0.0]),
    ("atan2(0, 0)", ops.atan2, [0.0, 0.0], 0.0, [nan, nan]),
    ("-0.0 is kept", lambda x: -x, [0.0], -0.0, [-1.0]),
    ("0.0 + -0.0", lambda x, y: x + y, [0.0, -0.0], 0.0, [1.0, 1.0]),
    ("inf - inf", lambda x, y: x - y, [inf, inf], nan, [1.0, -1.0]),
    ("0 * inf", lambda x, y: x * y, [0.0, inf], nan, [inf, 0.0]),
    ("nan + 1", lambda x: x + 1, [nan], nan, [1.0]),
    ("1e-320 / 1e-320", lambda x, y: x / y, [1e-320, 1e-320], 1.0, [inf, -inf]),
    ("lgamma at 0", lambda x: x.lgamma(), [0.0], ValueError, None),
    ("fsum, exact", ops.fsum, [1e16, 1.0, -1e16], 1.0, [1.0, 1.0, 1.0]),
    ("a + a", lambda a: a + a, [3.0], 6.0, [2.0]),
    ("a * a", lambda a: a * a, [3.0], 9.0, [6.0]),
    ("b = a + a; c = b + b", lambda a: (b := a + a) + b, [3.0], 12.0, [4.0]),
    ("a diamond of unequal length", lambda a: (b := a * 2) * (b + 1).exp().log(), [1.0], 6.0, [10.0]),
    ("a³ as a*a*a", lambda a: a * a * a, [3.0], 27.0, [27.0]),
]


def same(x, y):
    return (math.isnan(x) and math.isnan(y)) or (
        math.isclose(x, y, rel_tol=1e-14) and math.copysign(1, x) == math.copysign(1, y)
    )


@pytest.mark.parametrize(("f", "xs", "value", "grads"), [row[1:] for row in EDGES], ids=[row[0] for row in EDGES])
def test_edge(f, xs, value, grads):
    leaves = [Value(x) for x in xs]
    if isinstance(value, type):
        with pytest.raises(value):
            f(*leaves)
        return
    y = f(*leaves)
    assert same(y.data, value)
    y.backward()
    if grads is not None:
        for leaf, g in zip(leaves, grads, strict=True):
            assert math.isclose(leaf.grad, g, rel_tol=1e-14) or (math.isnan(leaf.grad) and math.isnan(g)), leaves


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda: Value(-1.0, "price").log(), r"log\(price=-1.0\): outside the domain \(0, ∞\)"),
        (lambda: 2.0 / Value(0.0, "n"), r"2.0 / n=0.0: float division by zero"),
        (lambda: Value(1e3).exp(), r"exp\(1000.0\): too large for a float"),
        (lambda: Value(-8.0) ** (1 / 3), r"\(-8.0\) \*\* 0.333.*: a negative base needs an integer exponent"),
        (lambda: ops.log(-1), r"log\(-1.0\): outside the domain \(0, ∞\)"),
    ],
)
def test_a_domain_error_names_op_operands_and_node(f, message):
    with pytest.raises((ValueError, ArithmeticError), match=message):
        f()


def test_division_is_pythons_to_the_bit():
    for i in range(1, 1000):
        assert (Value(float(i)) / Value(7.0 * i + 3)).data == i / (7.0 * i + 3)


@pytest.mark.parametrize("x", [3, True, Decimal("3.5"), Fraction(7, 2)])
def test_real_numbers_are_taken(x):
    assert Value(x).data == float(x)
    assert (Value(2.0) * x).data == (x * Value(2.0)).data == 2.0 * float(x)


def test_numpy_scalars_are_taken_and_arrays_spread():
    np = pytest.importorskip("numpy")
    assert Value(np.float32(0.5)).data == 0.5
    assert type(Value(np.int64(3)).data) is float
    assert Value(np.array(1.5)).data == 1.5
    assert (np.float64(3.0) * Value(2.0)).data == (Value(2.0) * np.int64(3)).data == 6.0
    assert [v.data for v in Value(2.0) * np.array([1.0, 2.0])] == [2.0, 4.0]
    assert [v.data for v in np.array([1.0, 2.0]) - Value(2.0)] == [-1.0, 0.0]
    assert [v.data for v in np.arctan(np.array([Value(1.0)]))] == [math.atan(1.0)]
    for x in (np.array([1.0]), np.array(1j), np.complex64(1)):
        with pytest.raises(TypeError, match="expected a real number"):
            Value(x)


@pytest.mark.parametrize("x", ["3", None, 1j, [1.0], object()])
def test_anything_else_is_a_type_error_that_says_what_was_given(x):
    with pytest.raises(TypeError, match=f"got .* of type {type(x).__name__}"):
        Value(x)
    with pytest.raises(TypeError):
        Value(1.0) * x
    with pytest.raises(TypeError):
        x + Value(1.0)
    with pytest.raises(TypeError, match="expected a real number"):
        ops.hypot(Value(1.0), x)


def test_value_of_a_value_is_refused():
    with pytest.raises(TypeError, match="is a Value already"):
        Value(Value(1.0))


def test_backward_twice_is_twice_at_the_leaves_and_nowhere_else():
    a = Value(3.0)
    b = a * a
    c = b * a
    c.backward()
    c.backward()
    assert (a.grad, b.grad, c.grad) == (54.0, 3.0, 1.0)
    a.grad = 0.0
    c.backward()
    assert a.grad == 27.0


def test_two_losses_that_share_a_node_add_up():
    a = Value(2.0)
    shared = a * a
    first, second = shared * 3, shared + a
    first.backward()
    second.backward()
    assert a.grad == 12.0 + 5.0
    assert shared.grad == 1.0


def test_the_gradient_is_that_of_the_forward_pass_that_ran():
    a, b = Value(2.0), Value(3.0)
    c = a * b
    d = c.exp()
    a.data, c.data = 100.0, 200.0
    d.backward()
    assert b.grad == 2.0 * math.exp(6.0)


def test_copies():
    leaf = Value(2.0, "w")
    leaf.grad = 5.0
    for twin in (copy.copy(leaf), copy.deepcopy(leaf), pickle.loads(pickle.dumps(leaf))):
        assert (twin.data, twin.grad, twin.name) == (2.0, 5.0, "w")
        assert twin is not leaf
    assert repr(pickle.loads(pickle.dumps(Value(2.0)))) == "Value(data=2.0)"
    for copier in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="inside a graph"):
            copier(leaf * 2)


def test_comparisons_look_at_data_and_identity_is_equality():
    a, b = Value(1.0), Value(2.0)
    assert a < b
    assert a <= 1.0
    assert 3 > b >= 2
    assert max([a, b]) is b
    assert sorted([b, a]) == [a, b]
    assert a != Value(1.0)
    assert len({a, b, a}) == 2
    with pytest.raises(TypeError, match=r"\.data"):
        bool(a)
    with pytest.raises(TypeError):
        a < "3"  # noqa: B015


def test_text():
    a = Value(2.0, "a")
    assert (repr(a), f"{a:.3f}", str(a.data)) == ("Value(data=2.0, name='a')", "2.000", "2.0")
    (a * 2).backward()
    assert repr(a) == "Value(data=2.0, grad=2.0, name='a')"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Op("o", lambda x: x, lambda y, x: 1.0), r"for one operand write \(rule,\)"),
        (lambda: Op("o", lambda x: x, (1.0,)), r"one function per operand, got \(1\.0,\)"),
        (lambda: Op("o", lambda x: x, ()), "one function per operand"),
        (lambda: Op("o", lambda x: x, (lambda y, x: 1.0,), domain=Interval(0, 1)), "domain must be a tuple of Interv"),
    ],
)
def test_an_op_that_cannot_work_is_refused_as_it_is_made(wrong, message):
    with pytest.raises(TypeError, match=message):
        wrong()

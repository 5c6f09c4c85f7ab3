"""The transforms: structures, nesting, Modules, unchanged state, and refused input."""

from __future__ import annotations

import math
from collections import namedtuple

import pytest

from autograd_tiny import Op, Value
from autograd_tiny.engine import ops
from autograd_tiny.transforms.derivatives import grad, hessian, hvp, jacobian, jvp, stop_gradient, value_and_grad, vjp

Point = namedtuple("Point", "x y")


def test_structures_come_back_as_they_went_in():
    def f(tree):
        return tree["a"][0] * tree["a"][1] + tree["p"].x * tree["p"].y ** 2

    tree = {"a": (2.0, 3), "p": Point(5.0, 7.0)}
    assert grad(f)(tree) == {"a": (3.0, 2.0), "p": Point(49.0, 70.0)}
    assert isinstance(grad(f)(tree)["p"], Point)


@pytest.mark.parametrize("order", range(6))
def test_any_order(order):
    f = ops.sin
    for _ in range(order):
        f = grad(f)
    expected = [math.sin, math.cos, lambda x: -math.sin(x), lambda x: -math.cos(x)][order % 4](0.7)
    assert f(0.7) == pytest.approx(expected, rel=1e-12)


def test_nested_derivatives_are_not_confused():
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(2.0) == 1.0
    assert grad(lambda x: x * jvp(lambda y: x * y, (3.0,), (1.0,))[1])(2.0) == 4.0
    assert jvp(lambda x: x * grad(lambda y: x * y * y)(3.0), (2.0,), (1.0,)) == (24.0, 24.0)
    assert jvp(lambda x: jvp(lambda y: x * y * y, (x,), (1.0,))[1], (2.0,), (1.0,)) == (8.0, 8.0)
    assert jvp(lambda x: x * jvp(lambda y: x + y, (1.0,), (1.0,))[1], (2.0,), (1.0,)) == (2.0, 1.0)


def test_the_four_ways_to_a_hessian_agree():
    def f(x):
        return x[0] ** 3 * x[1].exp() + (x[0] * x[1]).sin()

    at = [1.2, -0.7]
    second = hessian(f)(at)
    assert second[0][1] == pytest.approx(second[1][0], rel=1e-14)
    for j, v in enumerate(([1.0, 0.0], [0.0, 1.0])):
        column = [row[j] for row in second]
        assert hvp(f, at, v) == pytest.approx(column, rel=1e-14)
        assert grad(lambda x, v=v: jvp(f, (x,), (v,))[1])(at) == pytest.approx(column, rel=1e-14)
        assert jvp(jacobian(f), (at,), (v,))[1] == pytest.approx(column, rel=1e-14)


def test_floats_in_floats_out_and_values_in_values_out():
    w = Value(3.0)
    assert type(grad(lambda x: x * x * w)(2.0)) is float
    assert type(value_and_grad(lambda x: x * x)(2.0)[0]) is float
    x = Value(2.0)
    slope = grad(lambda x: x * x * w)(x)
    slope.backward()
    assert (slope.data, x.grad, w.grad) == (12.0, 6.0, 4.0)


def test_no_grad_is_touched():
    w, seen = Value(3.0), []

    def f(x):
        seen.append(x * w)
        return seen[-1] ** 2

    grad(f)(2.0)
    hessian(f)(2.0)
    assert repr(w) == "Value(data=3.0)"
    assert all("grad" not in repr(node) for node in seen)


def test_a_constant_function_has_gradient_zero():
    assert grad(lambda x: 5.0)(2.0) == 0.0
    assert jacobian(lambda x: [1, x[0]])([2.0, 3.0]) == [[0.0, 0.0], [1.0, 0.0]]
    assert jvp(lambda x: 5.0, (2.0,), (1.0,)) == (5.0, 0.0)
    assert vjp(lambda x: 5.0, 2.0)[1](1.0) == (0.0,)


def test_argnums_and_keywords():
    f = grad(lambda x, y, scale=1.0: scale * x * y, argnums=(0, 1))
    assert f(2.0, 5.0, scale=10.0) == (50.0, 20.0)
    assert grad(lambda x, y: x * y, argnums=-1)(2.0, 5.0) == 2.0


def test_edges_do_not_raise_backward():
    assert grad(ops.sqrt)(0.0) == math.inf
    assert grad(grad(ops.sqrt))(0.0) == -math.inf
    assert jvp(ops.sqrt, (0.0,), (1.0,)) == (0.0, math.inf)
    with pytest.raises(ValueError, match="log"):
        grad(ops.log)(-1.0)
    with pytest.raises(ValueError, match="log"):
        grad(grad(ops.log))(-1.0)


def test_stop_gradient():
    assert grad(lambda x: x * stop_gradient(x))(3.0) == 3.0
    assert jvp(lambda x: x * stop_gradient(x), (3.0,), (1.0,)) == (9.0, 3.0)
    assert grad(lambda p: p["a"] * stop_gradient(p)["a"])({"a": 2.0}) == {"a": 2.0}


def test_data_changed_under_a_recorded_sweep_is_said():
    def f(x):
        y = x * x
        x.data = 7.0
        return y

    with pytest.raises(RuntimeError, match="changed after the forward pass"):
        grad(grad(f))(3.0)


def test_a_users_op_works_everywhere():
    cube = Op("cube", lambda x: x * x * x, (lambda y, x: 3 * ops.square(x),))
    x = Value(2.0)
    cube(x).backward()
    assert x.grad == grad(cube)(2.0) == jvp(cube, (2.0,), (1.0,))[1] == 12.0
    assert grad(grad(grad(cube)))(2.0) == 6.0
    assert hvp(lambda v: cube(v[0]), [2.0], [1.0]) == [12.0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: grad(lambda x: None)(1.0), TypeError, "returned None, expected numbers: is a `return` missing"),
        (lambda: grad(lambda x: [x])(1.0), TypeError, "returned a list.*jacobian"),
        (lambda: grad(lambda x: x)("a"), TypeError, "argument 0: expected a real number, got 'a'"),
        (lambda: grad(lambda x: x)({"w": [1.0, "b"]}), TypeError, r"argument 0\['w'\]\[1\]: .*'b'"),
        (lambda: grad(lambda x: x, argnums=1)(1.0), TypeError, "got 1 positional argument: argnums=1 is out of range"),
        (lambda: jvp(lambda x: x, (1.0,), ([1.0],)), ValueError, r"structure of tangents \(1 number\) differs"),
        (lambda: vjp(lambda x: [x, x], 1.0)[1]([1.0]), ValueError, r"differs from that of the output \(2 numbers\)"),
        (lambda: ops.tanh(1.0, 2.0), TypeError, "tanh takes 1 operand, got 2"),
        (lambda: ops.dot(1.0, 2.0, 3.0), TypeError, "as many ys as xs"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_transform_in_a_thread_inside_another_is_differentiated_through():
    from concurrent.futures import ThreadPoolExecutor

    def f(x):
        with ThreadPoolExecutor(2) as threads:
            return sum(threads.map(grad(lambda z: z * z * x), [1.0, 2.0]))

    assert grad(f)(3.0) == 6.0
    assert jvp(f, (3.0,), (1.0,)) == (18.0, 6.0)
    assert grad(lambda x: x * grad(lambda z: z * z)(3.0))(2.0) == 6.0


def test_a_value_passed_beside_the_argument_can_be_differentiated_by_later():
    w = Value(2.0)
    penalty = grad(lambda x, w: x * x * w)(3.0, w) ** 2
    penalty.backward()
    assert w.grad == 2 * 12.0 * 6.0


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda: grad(lambda x, y: x * y, argnums=(0, 0))(1.0, 2.0), ValueError, "names an argument twice"),
        (lambda: grad(lambda x, y: x * y, argnums=(0, -2))(1.0, 2.0), ValueError, "names an argument twice"),
        (lambda: jvp(lambda x: x, 2.0, 1.0), TypeError, "two tuples"),
    ],
)
def test_arguments_that_make_no_sense(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()


def test_argnums_may_be_a_list():
    assert grad(lambda x, y: x * y, argnums=[0, 1])(1.0, 2.0) == (2.0, 1.0)

"""Compare sparse Jacobians and Hessians with dense ones: pattern, colours, and both modes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny import Value
from autograd_tiny.engine import ops
from autograd_tiny.transforms.derivatives import hessian, jacobian

np = pytest.importorskip("numpy", reason="sparse derivatives are arrays")
from autograd_tiny.compiler import jit  # noqa: E402
from autograd_tiny.compiler.sparse import Sparse, colours, pattern, sparse_hessian, sparse_jacobian  # noqa: E402


def rosenbrock(x):
    return sum(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(x))


def banded(x):
    return [a * b.sin() + c.exp() for a, b, c in zip(x, x[1:], x[2:], strict=False)]


def arrow(x):  # dense in a row and in a column
    return [sum(x), *(x[0] * xi for xi in x[1:])]


@given(xs=st.lists(st.floats(-2, 2), min_size=3, max_size=9))
@settings(max_examples=15)
@pytest.mark.parametrize("f", [banded, arrow, lambda x: [x[-1].heaviside(), 1.0, x[0] * x[0]], lambda x: x])
def test_jacobian(f, xs):
    found = sparse_jacobian(f, "python")(xs)
    assert np.array_equal(found.dense(), np.array(jacobian(f)(xs), float).reshape(found.shape))


@given(xs=st.lists(st.floats(-2, 2), min_size=2, max_size=9))
@settings(max_examples=15)
@pytest.mark.parametrize("f", [rosenbrock, lambda x: sum(x) ** 2, lambda x: x[0].exp() * x[1], lambda x: sum(x)])
def test_hessian(f, xs):
    found = sparse_hessian(f, "python")(xs)
    assert np.allclose(found.dense(), np.array(hessian(f)(xs)), rtol=1e-12, atol=1e-12)


@given(lines=st.lists(st.lists(st.integers(0, 7), max_size=4, unique=True), max_size=10))
def test_no_line_has_a_colour_twice(lines):
    found = colours(lines, 8)
    assert all(len({found[column] for column in line}) == len(line) for line in lines)


def test_a_band_takes_as_many_colours_as_it_is_wide():
    n = 400
    x = np.linspace(-1.0, 1.2, n)
    found = sparse_hessian(rosenbrock, "python")(x)
    rows = pattern(jit(lambda x: banded(x), backend="python").program(x.tolist()))
    assert max(colours(rows, n)) == 2
    assert len(found.values) == 3 * n - 2
    assert found.shape == (n, n)


def test_what_is_counted_and_how():
    f = sparse_jacobian(lambda p, k: {"a": p["w"][1] * k, "b": p["w"][0] - p["w"][0].data}, "python")
    found = f({"w": [2.0, 3.0]}, 5.0)
    assert isinstance(found, Sparse)
    assert found.dense().tolist() == [[0.0, 5.0, 3.0], [1.0, 0.0, 0.0]]
    steps = sparse_jacobian(lambda x: [ops.relu(x[0]) * x[1] if x[0] > 0 else x[1]], "python")
    assert [steps([1.0, 2.0]).dense().tolist(), steps([-1.0, 2.0]).dense().tolist()] == [[[2.0, 1.0]], [[0.0, 1.0]]]
    w = Value(3.0)
    scaled = sparse_jacobian(lambda x: [w * x[1], x[0] * x[0]], "python")
    assert scaled([1.0, 2.0]).dense().tolist() == [[0.0, 3.0], [2.0, 0.0]]
    w.data = 4.0
    assert scaled([1.0, 2.0]).dense().tolist() == [[0.0, 4.0], [2.0, 0.0]]
    with pytest.raises(TypeError, match="expected a real number, got 'x'"):
        f({"w": [2.0, "x"]}, 5.0)

"""Compare sparse Jacobians and Hessians with dense ones: pattern, colours, and both modes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny import Value
from autograd_tiny.engine import ops
from autograd_tiny.transforms.derivatives import grad, hessian, jacobian, jvp, stop_gradient

np = pytest.importorskip("numpy", reason="sparse derivatives are arrays")
from autograd_tiny.compiler import jit  # noqa: E402
from autograd_tiny.compiler.entries import entries  # noqa: E402
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


def blocks(x):
    return sum((x[i] * x[i + 1]).tanh() / (x[i] ** 2 + 1) for i in range(0, len(x) - 1, 2))


def wide(x):  # a row, and a column, with more inputs than a value may have tangents
    return sum(x[0] * xi**2 + xi.exp() for xi in x[1:])


def turns(x):
    return sum((b - a).relu() ** 2 + abs(a * b) + ops.where(ops.greater(a, b), a * a, b) for a, b in pairs(x))


def scattered(x):
    n = len(x)
    return sum((x[i * 7 % n] * x[(i * i + 3) % n]).sin() + x[i] ** 3 for i in range(n))


def roots(x):  # forward mode knows the square of a root
    return sum((a * a + b * b).sqrt() ** 2 * a for a, b in pairs(x))


def dots(x):
    return (
        sum(ops.dot(a, b, c, b, c, a) * ops.fsum(a, b, c, a) for a, b, c in zip(x, x[1:], x[2:], strict=False)) + x[0]
    )


def soft(x):  # of more operands than a template has
    return sum(ops.logsumexp(a, b, c, 1.0) ** 2 for a, b, c in zip(x, x[1:], x[2:], strict=False)) + x[0]


def whole(x):
    return sum(x) ** 3


pairs = itertools.pairwise
SHAPES = pytest.mark.parametrize("f", [rosenbrock, blocks, wide, turns, scattered, roots, dots, soft, whole])


@SHAPES
@pytest.mark.parametrize("backend", [None, "numpy", "python"])
@pytest.mark.parametrize("n", [2, 7, 90])
def test_shapes(f, n, backend):
    xs = np.cos(np.arange(n) * 2.0).tolist()
    exact = np.array(hessian(f)(xs))
    found = sparse_hessian(f, backend)(xs)
    assert np.allclose(found.dense(), exact, rtol=1e-12, atol=1e-12 * np.abs(exact).max())
    places = list(zip(found.rows.tolist(), found.columns.tolist(), strict=True))
    assert places == sorted(set(places))


@given(xs=st.lists(st.sampled_from([0.0, 1.0, -1.0]), min_size=2, max_size=6))
@settings(max_examples=30)
@pytest.mark.parametrize("f", [turns, rosenbrock, blocks])
def test_kinks_and_ties(f, xs):
    assert np.array_equal(sparse_hessian(f, "python")(xs).dense(), np.array(hessian(f)(xs)), equal_nan=True)


@pytest.mark.parametrize(
    "op",
    [op for op in ops.TABLE.values() if isinstance(op.partials, tuple) and len(op.partials) < 4],
    ids=lambda op: op.name,
)
def test_each_op_in_a_band(op):
    """Entries are the derivatives of forward mode, to the bit, whatever operand is a constant."""
    n, arity = 12, len(op.partials)
    compared = 0
    for fixed in itertools.product([False, True], repeat=arity):
        for low, high in ((0.6, 1.7), (0.1, 0.9), (1.1, 2.5)):

            def f(x, fixed=fixed, high=high):
                given = [[high] * n if is_fixed else x[k:] for k, is_fixed in enumerate(fixed)]
                return [op(*xs) * x[0] for xs in zip(*given, strict=False)]

            xs = np.linspace(low, high, n).tolist()
            try:
                exact = np.array(list(jacobian_forward(f, xs)))
            except ValueError:  # outside the domain
                continue
            assert np.array_equal(sparse_jacobian(f, "python")(xs).dense(), exact, equal_nan=True), (fixed, low)
            compared += 1
    assert compared


def jacobian_forward(f, xs):
    columns = [jvp(f, (xs,), ([float(i == j) for i in range(len(xs))],))[1] for j in range(len(xs))]
    return zip(*columns, strict=True)


def test_programs_grow_with_the_entries():
    sizes = []
    for n in (100, 200, 400):
        program = jit(grad(rosenbrock), backend="python").program(np.linspace(-1.0, 1.2, n).tolist())
        found, rows = entries(program, n)
        assert sum(map(len, rows)) == 3 * n - 2 == len(found.outputs)
        sizes.append(len(found.steps))
    assert sizes[2] - sizes[1] == 2 * (sizes[1] - sizes[0])


def test_a_dense_row_is_swept_in_reverse():
    n = 2000
    xs = np.linspace(-1.0, 1.2, n).tolist()
    program = jit(grad(wide), backend="python").program(xs)
    found, rows = entries(program, n)
    assert rows[0] is None
    assert len(found.steps) < 20 * n
    assert len(sparse_hessian(wide, "python")(xs).values) == 3 * n - 3


def test_places_are_shared_and_values_are_not():
    f = sparse_hessian(rosenbrock)
    a, b = f([1.0, 2.0, 3.0]), f([1.0, 2.0, 4.0])
    assert a.rows is b.rows
    assert not a.rows.flags.writeable
    assert not a.columns.flags.writeable
    a.values[0] = 7.0
    assert b.values[0] != 7.0


@pytest.mark.parametrize("width", [2, 40])
@pytest.mark.parametrize("height", [1, 3])
def test_few_dense_rows_at_kinks(width, height):
    """Each row is a gradient: a nan at a kink stays in its entry."""

    def f(x):
        return [sum((xi * (k + 1.0)).sqrt() * xi.relu() for xi in x) for k in range(height)]

    xs = [0.0, *[float(i) for i in range(1, width)]]
    found, exact = sparse_jacobian(f, "python")(xs).dense(), np.array(jacobian(f)(xs))
    assert np.allclose(found, exact, rtol=1e-14, atol=0, equal_nan=True)


def test_a_cut_passes_nothing_on():
    f = sparse_jacobian(lambda x: [stop_gradient(x[0] * x[1]) * x[2], stop_gradient(x[0]), x[1] * 2.0])
    found = f([2.0, 3.0, 4.0])
    assert found.dense().tolist() == [[0.0, 0.0, 6.0], [0.0, 0.0, 0.0], [0.0, 2.0, 0.0]]
    assert found.rows.tolist() == [0, 2]


@pytest.mark.parametrize("count", [5, 100])
def test_any_number_of_constants(count):
    """Constants are told apart up to a number."""
    steps = [float(k + 2) for k in range(count)]

    def f(x):
        return [(a * k + 1.0 / k) * b + a**k for a, b, k in zip(x, x[1:], steps, strict=False)]

    xs = np.linspace(0.9, 1.1, count + 1).tolist()
    assert np.array_equal(sparse_jacobian(f, "python")(xs).dense(), np.array(list(jacobian_forward(f, xs))))

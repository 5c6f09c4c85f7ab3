"""0 · inf where the zero is no number but the absence of a factor: nothing; and the same in every mode."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny import Value, ops
from autograd_tiny.compiler import jit
from autograd_tiny.transforms import grad, hessian, hvp, jvp, vjp
from autograd_tiny.transforms.absence import all_of
from autograd_tiny.transforms.tracer import Tracer, recording

inf, nan = math.inf, math.nan
BACKENDS = ["python", "numpy", "llvm"]

# (name, function, point, gradient)
TABLE = [
    ("a zero direction past a pole", lambda v: v[0].sqrt() + v[1] * v[1], [0.0, 3.0], [inf, 6.0]),
    ("a pole in the branch not taken", lambda v: ops.where(v[1], v[1], v[0].sqrt()), [0.0, 3.0], [0.0, 1.0]),
    ("behind a product", lambda v: ops.where(v[1], v[0], (v[0] * 2.0).sqrt() * v[0]), [0.0, 3.0], [1.0, 0.0]),
    ("behind two branches", lambda v: ops.where(v[1], v[0], ops.where(0, v[0], v[0].cbrt())), [0.0, 3.0], [1.0, 0.0]),
    ("a condition of a pole", lambda v: ops.where(ops.greater(v[0].sqrt(), 1.0), v[0], v[1]), [0.0, 3.0], [0.0, 1.0]),
    ("a root of a flat piece", lambda v: v[0].relu().sqrt() * v[1], [-1.0, 3.0], [0.0, 0.0]),
    ("a root of a clipped number", lambda v: v[0].clip(0.0, 1.0).sqrt() + v[1], [-1.0, 3.0], [0.0, 1.0]),
    ("relu of a root below a bound", lambda v: (v[0].sqrt() - v[1]).relu(), [0.0, 3.0], [0.0, 0.0]),
    ("the smaller of two, past its pole", lambda v: ops.maximum(v[0].sqrt(), v[1]), [0.0, 3.0], [0.0, 1.0]),
    ("a sign of a root", lambda v: (v[0].sqrt() - v[1]).sign() * v[1], [0.0, 3.0], [0.0, -1.0]),
    ("both used and not taken", lambda v: (s := v[0].sqrt()) + ops.where(v[1], v[1], s), [0.0, 3.0], [inf, 1.0]),
    ("a zero that is a number", lambda v: v[0].sqrt() * v[0].cbrt() + v[1], [0.0, 3.0], [nan, 1.0]),
    ("an adjoint that is 0", lambda v: v[0].sqrt() ** 1.5 + v[1], [0.0, 3.0], [nan, 1.0]),
    ("relu at its kink before a root", lambda v: v[0].relu().sqrt() + v[1], [0.0, 3.0], [nan, 1.0]),
]  # fmt: skip
CASES = pytest.mark.parametrize(("f", "at", "exact"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])


def same(found, exact):
    for x, y in zip(map(float, found), exact, strict=True):
        assert (x != x and y != y) or math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-12), (found, exact)


def along(f, at):
    """The derivative along each axis, by forward mode."""
    return [jvp(f, (at,), ([float(i == k) for i in range(len(at))],))[1] for k in range(len(at))]


SQUARED = [lambda y: y**2, lambda y: y.square(), lambda y: y * y]


@pytest.mark.parametrize("square", SQUARED)
@pytest.mark.parametrize("at", [0.0, 4.0])
def test_a_root_squared_has_the_slope_of_what_is_under_it(square, at):
    f = lambda x: square((3.0 * x).sqrt()) + 5.0 * x  # noqa: E731
    leaf = Value(at)
    f(leaf).backward()
    assert leaf.grad == pytest.approx(8.0, rel=1e-15) == grad(f)(at)
    assert jit(grad(f))(at) == pytest.approx(8.0, rel=1e-15)
    norm = lambda v: square((v[0] * v[0] + v[1] * v[1]).sqrt())  # noqa: E731
    same(grad(norm)([0.0, 0.0]), [0.0, 0.0])
    assert hessian(norm)([0.0, 0.0]) == [[2.0, 0.0], [0.0, 2.0]]


@CASES
def test_reverse_and_forward_mode(f, at, exact):
    same(grad(f)(at), exact)
    same(along(f, at), exact)


@CASES
def test_backward(f, at, exact):
    leaves = [Value(x) for x in at]
    leaves[1].grad = 1.0  # kept from before
    f(leaves).backward()
    same([leaves[0].grad, leaves[1].grad - 1.0], exact)


@pytest.mark.parametrize("zero", [0.0, 0, -0.0])
def test_a_cotangent_of_zero_leaves_its_output_out(zero):
    pullback = vjp(lambda x, y: [x.sqrt(), x + y * y], 0.0, 3.0)[1]
    assert pullback([zero, 1.0]) == (1.0, 6.0)
    assert pullback([zero, zero]) == (0.0, 0.0)
    assert pullback([1.0, zero]) == (inf, 0.0)


@CASES
@pytest.mark.parametrize("backend", BACKENDS)
def test_compiled(f, at, exact, backend):
    same(jit(grad(f), backend=backend)(at), exact)
    same(jit(lambda at: along(f, at), backend=backend)(at), exact)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_guarded_quotient_of_which_eager_python_would_raise(backend):
    f = jit(grad(lambda x, n: ops.where(ops.equal(n, 0.0), 0.0, x / n), argnums=(0, 1)), backend=backend)
    assert [float(x) for x in f(1.0, 0.0)] == [0.0, 0.0]
    assert [float(x) for x in f(1.0, 2.0)] == [0.5, -0.25]


def test_a_column_of_the_hessian_past_a_pole():
    f = lambda v: v[0] ** v[1]  # noqa: E731
    assert hvp(f, [-2.0, 2.0], [1.0, 0.0])[0] == hessian(f)([-2.0, 2.0])[0][0] == 2.0


ONE = [ops.sqrt, ops.relu, ops.cbrt, ops.square, ops.sign, ops.abs, ops.neg, ops.heaviside]
TWO = [ops.add, ops.mul, ops.hypot, ops.maximum, ops.minimum, ops.sub, ops.greater]


@st.composite
def graphs(draw):
    """Functions of two numbers that meet poles, kinks and branches."""
    steps = []
    for n in range(2, 2 + draw(st.integers(2, 7))):
        op = draw(st.sampled_from([*ONE, *TWO, ops.where, ops.where]))
        steps.append((op, [draw(st.integers(0, n - 1)) for _ in op.partials]))

    def f(v):
        values = list(v)
        for op, places in steps:
            xs = [values[i] for i in places]
            values.append(op(ops.abs(xs[0])) if op is ops.sqrt else op(*xs))
        return values[-1] + (v[0] - v[0])

    f.steps = steps
    return f


@given(graphs(), st.tuples(*[st.sampled_from([0.0, 1.0, -1.0, 2.0])] * 2).map(list))
@settings(max_examples=200, deadline=None)
def test_every_mode_agrees_at_poles(f, at):
    reverse = grad(f)(at)
    leaves = [Value(x) for x in at]
    f(leaves).backward()
    same([x.grad for x in leaves], reverse)
    for backend in ("python", "numpy"):
        same(jit(grad(f), backend=backend)(at), reverse)
        same(jit(lambda at: along(f, at), backend=backend)(at), along(f, at))
    for x, y in zip(along(f, at), reverse, strict=True):
        assert x != x or y != y or x == y or math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-12), (f.steps, at, x, y)


@given(graphs(), st.tuples(*[st.sampled_from([0.0, 1.0, -1.0, 2.0])] * 2).map(list))
@settings(max_examples=60, deadline=None)
def test_second_derivatives_agree_in_every_mode_or_are_nan(graph, at):
    """Of squared kinks of graphs with kinks and poles: no mode has another finite number than the others."""

    def f(v):
        return abs(graph(v)) ** 2 + graph(v)

    axes = [[1.0, 0.0], [0.0, 1.0]]
    found = [
        hessian(f)(at),
        [hvp(f, at, axis) for axis in axes],
        [jvp(lambda at: along(f, at), (at,), (axis,))[1] for axis in axes],
        [grad(lambda at, k=k: along(f, at)[k])(at) for k in range(2)],
        jit(hessian(f), backend="python")(at),
    ]
    for entry in zip(*[[float(x) for row in rows for x in row] for rows in found], strict=True):
        finite = [x for x in entry if math.isfinite(x)]
        assert all(math.isclose(x, finite[0], rel_tol=1e-6, abs_tol=1e-9) for x in finite), (graph.steps, at, entry)


HOW = [
    lambda x, k: ops.equal(x, k),
    lambda x, k: ops.not_equal(x, k),
    lambda x, k: ops.equal(ops.equal(x, k), 0.0),
    lambda x, k: ops.not_equal(ops.equal(x, k), 0.0),
    lambda x, k: ops.equal(ops.not_equal(ops.equal(x, k), 0.0), 0.0),
    lambda x, k: ops.less(x, k),
    lambda x, k: ops.equal(ops.less(x, k), 0.0),
]


@given(
    st.lists(
        st.tuples(st.sampled_from(HOW), st.integers(0, 1), st.sampled_from([0.0, 1.0, 2.0, nan])),
        min_size=1,
        max_size=4,
    )
)
def test_all_of_comparisons_hold_where_each_does(rows):
    numbers = [0.0, -0.0, 1.0, 2.0, 3.0, nan, inf]
    f = jit(lambda v: all_of([how(v[i], k) for how, i, k in rows]) + 0.0, backend="python")
    for v in itertools.product(numbers, repeat=2):
        assert f([*v]) == float(all(how(v[i], k) for how, i, k in rows))


def test_conditions_that_exclude_each_other_are_found_while_tracing():
    with recording():
        x = Tracer.leaf(0.5, "x")
        one, two = ops.equal(x, 1.0), ops.equal(x, 2.0)
        is_one = ops.not_equal(one, 0.0)
        for a, b in [(one, two), (one, ops.not_equal(x, 1.0)), (one.detach(), ops.equal(one, 0.0)), (is_one, two)]:
            assert all_of([a, b]) == all_of([b, a]) == 0.0
        for other in [one, ops.not_equal(x, 2.0), ops.equal(two, 0.0), ops.less(x, 2.0), ops.equal(x, x)]:
            assert all_of([one, other]).__class__ is Tracer
        assert all_of([ops.equal(one, 0.0), ops.equal(two, 0.0)]).__class__ is Tracer

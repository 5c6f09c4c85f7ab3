"""Second derivatives at kinks: the exact one where there is one, else nan; never a number that is silently wrong."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny import Value, ops
from autograd_tiny.compiler import jit, sparse_hessian
from autograd_tiny.engine.op import Variadic
from autograd_tiny.transforms import grad, hessian, hvp, jacobian, jvp

nan = math.nan
AXES = ((1.0, 0.0), (0.0, 1.0))

# (name, function, point, Hessian)
NONE, FLAT = [[nan]], [[0.0]]
KINKS = [
    ("abs", lambda v: abs(v[0]), [0.0], NONE),
    ("abs of a value that is 0", lambda v: abs(v[0] - 2.0) * v[0], [2.0], NONE),
    ("relu", lambda v: v[0].relu(), [0.0], NONE),
    ("relu squared", lambda v: v[0].relu() ** 2, [0.0], NONE),
    ("leaky_relu", lambda v: v[0].leaky_relu(0.1), [0.0], NONE),
    ("elu", lambda v: v[0].elu(2.0), [0.0], NONE),
    ("x * sign(x)", lambda v: v[0] * v[0].sign(), [0.0], NONE),
    ("x * heaviside(x)", lambda v: v[0] * v[0].heaviside(), [0.0], NONE),
    ("sqrt(x**2)", lambda v: (v[0] ** 2).sqrt(), [0.0], NONE),
    ("maximum of a tie", lambda v: ops.maximum(v[0], v[1]), [2.0, 2.0], [[nan, nan], [nan, nan]]),
    ("minimum with a number", lambda v: ops.minimum(v[0] ** 2, 4.0), [2.0], NONE),
    ("clip at its end", lambda v: v[0].clip(0, 1), [1.0], NONE),
    ("hypot at the origin", lambda v: v[0].hypot(v[1]), [0.0, 0.0], [[nan, nan], [nan, nan]]),
    ("hypot on an axis", lambda v: v[0].hypot(v[1]), [0.0, 2.0], [[0.5, 0.0], [0.0, 0.0]]),
    ("x * abs(x)", lambda v: v[0] * abs(v[0]), [0.0], NONE),
    ("abs squared, once more", lambda v: (abs(v[0]) ** 2).sqrt(), [0.0], NONE),
    ("maximum(x, -x) squared", lambda v: ops.maximum(v[0], -v[0]) ** 2, [0.0], NONE),
    ("abs to the power of a variable", lambda v: abs(v[0]) ** (v[0] * 0 + 2), [0.0], NONE),
    ("abs to the power of 1.5", lambda v: abs(v[0]) ** 1.5, [0.0], NONE),
    ("abs squared", lambda v: abs(v[0]) ** 2, [0.0], [[2.0]]),
    ("abs of abs, squared", lambda v: abs(abs(v[0])) ** 2, [0.0], [[2.0]]),
    ("abs times abs", lambda v: abs(v[0]) * abs(v[0]), [0.0], [[2.0]]),
    ("abs in a dot product", lambda v: ops.dot(abs(v[0]), 3.0, abs(v[0]), 3.0), [0.0], [[2.0]]),
    ("abs cubed", lambda v: abs(v[0]) ** 3, [0.0], FLAT),
    ("sqrt(x**2) squared", lambda v: (v[0] ** 2).sqrt().square(), [0.0], [[2.0]]),
    ("hypot squared", lambda v: v[0].hypot(v[1]) ** 2, [0.0, 0.0], [[2.0, 0.0], [0.0, 2.0]]),
    ("hypot with a constant, squared", lambda v: v[0].hypot(0.0) ** 2, [0.0], [[2.0]]),
    ("hypot of hypot, squared", lambda v: v[0].hypot(v[1]).hypot(v[0]) ** 2, [0.0, 0.0], [[4.0, 0.0], [0.0, 2.0]]),
    ("abs beside its kink", lambda v: abs(v[0]) ** 2, [-3.0], [[2.0]]),
    ("relu beside its kink", lambda v: v[0].relu() ** 2, [1e-300], [[2.0]]),
    ("maximum of a step, tied", lambda v: ops.maximum(v[0].heaviside(), v[1]), [1.0, 1.0], [[0.0, 0.0], [0.0, nan]]),
    ("maximum of a sign, tied", lambda v: ops.maximum(v[0].sign(), v[1]), [3.0, 1.0], [[0.0, 0.0], [0.0, nan]]),
    ("abs of a step", lambda v: abs(v[0].heaviside() - v[1]), [1.0, 1.0], [[0.0, 0.0], [0.0, nan]]),
    ("hypot of a step", lambda v: (v[0].heaviside() - 1.0).hypot(v[1]), [1.0, 0.0], [[0.0, 0.0], [0.0, nan]]),
    ("maximum of a flat side, tied", lambda v: ops.maximum(v[0].relu(), v[1]), [-1.0, 0.0], [[0.0, 0.0], [0.0, nan]]),
    ("a kink below a flat side", lambda v: (abs(v[0]) - 1.0).relu() * v[1], [0.0, 2.0], [[0.0, 0.0], [0.0, 0.0]]),
    ("relu of relu", lambda v: (v[0].relu() - 1.0).relu(), [0.0], FLAT),
    ("abs clipped", lambda v: abs(v[0]).clip(1.0, 2.0) * v[1], [0.0, 2.0], [[0.0, 0.0], [0.0, 0.0]]),
    ("a branch that is chosen", lambda v: ops.where(ops.greater(v[0], 0.0), v[0] ** 2, 0.0), [0.0], FLAT),
    ("a sign beside its step", lambda v: v[0] * v[0].sign(), [-1.0], FLAT),
    ("tanh", lambda v: v[0].tanh(), [0.0], FLAT),
]
CASES = pytest.mark.parametrize(("f", "at", "exact"), [row[1:] for row in KINKS], ids=[row[0] for row in KINKS])


def flat(x):
    return [y for item in x for y in flat(item)] if isinstance(x, (list, tuple)) else [float(x)]


def same(found, exact):
    """Compare two structures of numbers, nan being equal to nan, and a sum that cancels to 0."""
    rounding = 1e-14 * max((abs(y) for y in flat(exact) if math.isfinite(y)), default=0.0)
    for x, y in zip(flat(found), flat(exact), strict=True):
        assert (x != x and y != y) or math.isclose(x, y, rel_tol=1e-12, abs_tol=1e-300 + rounding), (found, exact)


@CASES
def test_hessians_at_kinks(f, at, exact):
    same(hessian(f)(at), exact)


@CASES
@pytest.mark.parametrize("backend", ["python", "numpy", "llvm"])
def test_hessians_at_kinks_compiled(f, at, exact, backend):
    same(jit(hessian(f), backend=backend)(at), exact)


@CASES
def test_sparse_hessians_at_kinks(f, at, exact):
    same(sparse_hessian(f)(at).dense().tolist(), exact)


@CASES
def test_compiled_hessian_vector_products_at_kinks(f, at, exact):
    for k in range(len(at)):
        direction = list(AXES[k][: len(at)])
        same(compiled_hvp(f, direction)(at), [row[k] for row in exact])


def compiled_hvp(f, direction):
    return jit(lambda x: hvp(f, x, direction), backend="python")


@CASES
def test_hessian_vector_products_at_kinks(f, at, exact):
    for k in range(len(at)):
        same(hvp(f, at, list(AXES[k][: len(at)])), [row[k] for row in exact])


@pytest.mark.parametrize(
    "op", [op for op in ops.TABLE.values() if not isinstance(op.partials, Variadic) and len(op.partials) < 3]
)
def test_no_row_has_a_finite_second_derivative_where_its_first_one_jumps(op):
    """Of every row, at every tie of simple numbers: compare the slopes just beside it."""
    every = tuple(range(len(op.partials)))
    chosen = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"}
    if op.name in chosen | {"fmod", "mod", "magnitude_rule"}:  # steps; and that one is for even functions
        return
    for at in ([0.0], [1.0], [-1.0]) if len(every) == 1 else ([0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [-2.0, -2.0]):
        for i in every:

            def beside(h, at=at, i=i):
                return grad(op, argnums=i)(*[x + h * (k == i) for k, x in enumerate(at)])

            try:
                low, high = beside(-1e-9), beside(1e-9)
                second = hessian(op, argnums=every)(*at)[i][i]
            except (ValueError, ArithmeticError):
                continue
            if abs(high - low) > 1e-3 * (1 + abs(low)):
                assert not math.isfinite(second), f"{op.name}{at}[{i}]: {low} and {high} beside it, second {second}"


def test_the_third_derivative_of_tanh_crosses_zero():
    assert grad(grad(grad(lambda x: x.tanh())))(0.0) == -2.0
    assert jacobian(hessian(lambda x: x.tanh()))(0.0) == -2.0


POWERS = [
    ("y**2", lambda y: y**2, lambda s: s),
    ("square(y)", ops.square, lambda s: s),
    ("y * y", lambda y: y * y, lambda s: s),
    ("dot(y, y)", lambda y: ops.dot(y, y), lambda s: s),
    ("y**4", lambda y: y**4, lambda s: s * s),
    ("exp(y**2)", lambda y: (y**2).exp(), lambda s: s.exp()),
]
SQUARED = [op for op in ops.TABLE.values() if op.squared]


@st.composite
def lines(draw):
    a, b = draw(st.tuples(*[st.sampled_from([-2.0, -1.0, 0.0, 0.5, 3.0])] * 2))
    return lambda v: a * v[0] + b * v[1]


@st.composite
def kinks(draw):
    """A kink of two numbers, of kinks in turn, and the polynomial that its square is, by the rows of the table."""

    def over(op, within):
        others = [draw(lines()) for _ in op.partials[len(within) :]]
        if op.squared == 1:
            return (lambda v: op(others[0](v) ** 2)), (lambda v: others[0](v) ** 2)
        kink = lambda v: op(*[y(v) for y, _ in within], *[line(v) for line in others])  # noqa: E731
        return kink, lambda v: sum([q(v) for _, q in within] + [line(v) ** 2 for line in others])

    found = over(draw(st.sampled_from(SQUARED)), [])
    for op in draw(st.lists(st.sampled_from([op for op in SQUARED if op.squared == 2]), max_size=3)):
        found = over(op, [found])
    return found


def second_derivatives(f, at):
    """The Hessian of f in every mode."""

    def forward(at):
        return [jvp(f, (at,), (axis,))[1] for axis in AXES]

    yield "reverse over reverse", hessian(f)(at)
    yield "forward over reverse", [hvp(f, at, axis) for axis in AXES]
    yield "reverse over forward", jacobian(forward)(at)
    yield "forward over forward", [jvp(forward, (at,), (axis,))[1] for axis in AXES]
    yield "compiled", jit(hessian(f), backend="python")(at)
    yield "compiled forward over reverse", [jit(lambda at, axis=axis: hvp(f, at, axis))(at) for axis in AXES]
    yield "compiled reverse over forward", jit(jacobian(forward), backend="numpy")(at)


@pytest.mark.parametrize(("square", "of_sum"), [row[1:] for row in POWERS], ids=[row[0] for row in POWERS])
@given(pair=kinks(), at=st.sampled_from([[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]]))
@settings(max_examples=15, deadline=None)
def test_the_square_of_a_kink_has_the_derivatives_of_the_polynomial_it_is(square, of_sum, pair, at):
    kink, total = pair
    f, exact = (lambda v: square(kink(v))), (lambda v: of_sum(total(v)))
    leaves = [Value(x) for x in at]
    (f(leaves) + 0.0 * leaves[0]).backward()
    same([x.grad for x in leaves], grad(exact)(at))
    same([jvp(f, (at,), (axis,))[1] for axis in AXES], grad(exact)(at))
    for mode, found in second_derivatives(f, at):
        right = flat(hessian(exact)(at))
        rounding = 1e-9 * max(1.0, *map(abs, right))  # of sums that cancel
        for x, y in zip(flat(found), right, strict=True):
            assert math.isclose(x, y, rel_tol=1e-9, abs_tol=rounding), (mode, at, found, right)


@pytest.mark.parametrize("op", SQUARED)
@given(data=st.data())
def test_a_row_that_says_so_is_the_root_of_a_sum_of_powers(op, data):
    xs = data.draw(st.tuples(*[st.floats(0 if op.squared == 1 else -1e9, 1e9)] * len(op.partials)))
    assert op(*xs) ** 2 == pytest.approx(sum(x**op.squared for x in xs), rel=1e-12, abs=1e-300)


@CASES
def test_every_mode_agrees_at_kinks(f, at, exact):
    if len(at) == 2:
        for _, found in second_derivatives(f, at):
            same(found, exact)


def test_the_third_derivative_of_abs_cubed_jumps():
    assert math.isnan(grad(grad(grad(lambda x: abs(x) ** 3)))(0.0))
    assert grad(grad(grad(lambda x: abs(x) ** 4)))(0.0) == 0.0
    assert grad(grad(grad(grad(lambda x: abs(x) ** 4))))(0.0) == 24.0


def test_a_chain_of_squared_kinks_takes_linear_time():
    def f(x):
        for _ in range(200):
            x = ops.hypot(x, x)
        return (x * 2.0**-100) ** 2 + x * x * 2.0**-200

    assert jit(grad(f))(0.0) == grad(f)(0.0) == 0.0
    assert jit(grad(f))(3.0) == pytest.approx(12.0)

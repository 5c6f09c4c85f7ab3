"""SciPy's optimisers take functions of ours and their derivatives as they are, compiled or not."""

from __future__ import annotations

from itertools import pairwise

import pytest

from autograd_tiny import grad, hessian, hvp, jacobian, jit, ops, value_and_grad

np = pytest.importorskip("numpy")
optimize = pytest.importorskip("scipy.optimize")

WAYS = {"eager": lambda f: f, "jit": jit}
GRADIENTS = ("CG", "BFGS", "Newton-CG", "L-BFGS-B", "TNC", "SLSQP", "trust-constr")
HESSIANS = ("Newton-CG", "trust-exact", "trust-ncg", "trust-krylov", "dogleg", "trust-constr")
PRODUCTS = ("Newton-CG", "trust-ncg", "trust-krylov", "trust-constr")
ALONE = ("Nelder-Mead", "Powell", "COBYLA", "BFGS")

A = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
B = np.array([1.0, -2.0, 0.5])


def bowl(x, a=A, b=B):
    """Smooth and convex, with its minimum at the root of its gradient."""
    return x @ a @ x / 2 - b @ x + np.sum(np.exp(x)) / 10


def by_number(x, a=A, b=B):
    """The same, written for a sequence of numbers."""
    rows = [sum(p * q for p, q in zip(row, x, strict=True)) for row in a]
    return sum(u * r / 2 - v * u + ops.exp(u) / 10 for u, r, v in zip(x, rows, b, strict=True))


LOWEST = optimize.root(lambda x: A @ x - B + np.exp(x) / 10, np.zeros(3), tol=1e-14).x
START = np.array([0.5, 0.5, 0.5])
POINTS = (  # of other types and strides
    START.copy(), np.array([0, 0, 0]), np.zeros(6)[::2], START.astype(np.float32), np.zeros((3, 2), order="F")[:, 1],
)  # fmt: skip


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]


def check(found, close=1e-4):
    assert found.x == pytest.approx(LOWEST, abs=close)
    assert float(found.fun) == pytest.approx(bowl(LOWEST), abs=close)


@pytest.mark.parametrize("f", [bowl, by_number])
def test_what_they_are_given_is_what_they_expect(way, f):
    for x in POINTS:
        kept = x.copy()
        x.flags.writeable = False
        y, slopes = way(value_and_grad(f))(x)
        curvature = way(hessian(f))(x)
        assert isinstance(way(f)(x), float)
        assert isinstance(y, float)
        for found, shape in ((slopes, (3,)), (way(grad(f))(x), (3,)), (curvature, (3, 3))):
            assert (type(found), found.dtype, found.shape) == (np.ndarray, np.float64, shape)
            assert found.flags.writeable
        assert slopes == pytest.approx(A @ x - B + np.exp(x) / 10, rel=1e-6, abs=1e-12)
        assert (x == kept).all()


IDIOMS = {  # as people write them, of an array
    "exp": lambda x: np.sum(np.exp(x)),
    "sum of squares": lambda x: np.sum(x**2),
    "method sum": lambda x: (x**2).sum(),
    "quadratic form": lambda x: x @ A @ x,
    "transposed": lambda x: 0.5 * x.T @ (A @ x) - B @ x,
    "dot": lambda x: np.dot(x, A).dot(x),
    "inner": lambda x: np.inner(x, x),
    "outer": lambda x: np.trace(np.outer(x, x) @ A),
    "einsum": lambda x: np.einsum("i,ij,j", x, A, x),
    "norm": lambda x: np.linalg.norm(A @ x - 1.0),
    "norms of other orders": lambda x: np.linalg.norm(x, 1) + np.linalg.norm(x, np.inf),
    "mean and deviation": lambda x: np.mean(x) + np.std(x) + np.var(x),
    "average": lambda x: np.average(x, weights=[1, 2, 3]),
    "product": lambda x: np.prod(x),
    "log likelihood": lambda x: -np.sum(np.log(x) - x),
    "special": lambda x: np.sum(np.log1p(x) + np.tanh(x) + np.sqrt(x)),
    "differences": lambda x: np.sum(np.diff(x) ** 2) + np.sum(np.cumsum(x)),
    "clipped": lambda x: np.sum(np.clip(x, 0.8, 1.5) + np.maximum(x, 1.0) + np.abs(x)),
    "max": lambda x: np.max(x) - np.min(x),
    "where": lambda x: np.sum(np.where(x > 1, x**2, x)),
    "branch": lambda x: np.sum(x**2) if np.all(x > 0) else np.inf,
    "polynomial": lambda x: np.polyval(x, 2.0),
    "convolution": lambda x: np.sum(np.convolve(x, [1.0, 2.0]) ** 2),
    "concatenated": lambda x: np.sum(np.concatenate([x, 2 * x]) ** 2),
    "stacked": lambda x: np.sum(np.stack([x, x**2]) @ x),
    "unpacked": lambda x: (lambda a, b, c: (a - 1) ** 2 + b**2 * c)(*x),
    "filled": lambda x: np.sum(filled(x) ** 2),
}


def filled(x):
    """Shift x, as a loop over time does."""
    z = np.zeros_like(x)
    for i in range(1, len(z)):
        z[i] = x[i - 1] + z[i - 1] / 2
    return z


@pytest.mark.parametrize("idiom", IDIOMS)
def test_what_people_write(way, idiom):
    f, at, h = IDIOMS[idiom], np.array([0.7, 1.3, 1.9]), 1e-6
    slopes = [(f(at + step) - f(at - step)) / (2 * h) for step in h * np.eye(3)]
    y, found = way(value_and_grad(f))(at)
    assert y == pytest.approx(f(at), rel=1e-14)
    assert (type(found), found.dtype) == (np.ndarray, np.float64)
    assert found == pytest.approx(np.array(slopes), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("method", GRADIENTS)
def test_a_gradient(way, method):
    tol = 1e-10 if method == "SLSQP" else None
    check(optimize.minimize(way(bowl), START, jac=way(grad(bowl)), method=method, tol=tol))
    check(optimize.minimize(way(value_and_grad(bowl)), START, jac=True, method=method, tol=tol))
    check(optimize.minimize(way(value_and_grad(bowl)), START, (A, B), jac=True, method=method, tol=tol))
    check(optimize.minimize(way(value_and_grad(by_number)), [0, 0, 0], jac=True, method=method, tol=tol))


@pytest.mark.parametrize("method", HESSIANS)
def test_a_hessian(way, method):
    check(optimize.minimize(way(bowl), START, jac=way(grad(bowl)), hess=way(hessian(bowl)), method=method))
    function, curvature = way(value_and_grad(by_number)), way(hessian(by_number))
    check(optimize.minimize(function, START, (A, B), jac=True, hess=curvature, method=method))


@pytest.mark.parametrize("method", PRODUCTS)
def test_a_product_of_the_hessian(way, method):
    product = way(lambda x, v, a, b: hvp(lambda x: bowl(x, a, b), x, v))
    check(optimize.minimize(way(value_and_grad(bowl)), START, (A, B), jac=True, hessp=product, method=method))


@pytest.mark.parametrize("method", ALONE)
def test_a_function_alone(way, method):
    check(optimize.minimize(way(bowl), START, method=method, tol=1e-8, options={"maxiter": 2000}), close=1e-3)


def test_outside_of_the_domain_eager_code_raises_and_compiled_code_is_as_numpy():
    def f(p):
        return 2 * np.sum(p) - np.sum(np.log(p))

    for method in ("L-BFGS-B", "SLSQP", "BFGS"):
        with np.errstate(all="ignore"):
            right = optimize.minimize(f, [2, 1], jac=lambda p: 2 - 1 / p, method=method, options={"maxiter": 20})
        found = optimize.minimize(jit(value_and_grad(f)), [2, 1], jac=True, method=method, options={"maxiter": 20})
        assert found.success == right.success
        assert found.x == pytest.approx(right.x, rel=1e-6)
        with pytest.raises(ValueError, match=r"^log\(.*\): outside the domain"):
            optimize.minimize(value_and_grad(f), [2, 1], jac=True, method=method)
    bounded = optimize.minimize(value_and_grad(f), [2, 1], jac=True, bounds=[(1e-6, None)] * 2)
    assert bounded.x == pytest.approx([0.5, 0.5], abs=1e-4)


CONSTRAINTS = {  # within the unit circle, right of 0: the corner nearest to (2, 1)
    "a number": (lambda x: 1 - x @ x, grad),
    "a number and its jacobian": (lambda x: 1 - x @ x, jacobian),
    "a list": (lambda x: [1 - x[0] ** 2 - x[1] ** 2, x[0]], jacobian),
    "a tuple": (lambda x: (1 - x[0] ** 2 - x[1] ** 2, x[0]), jacobian),
    "an array": (lambda x: np.array([1 - x @ x, x[0]]), jacobian),
}


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_constraints(way, constraint):
    c, derivative = CONSTRAINTS[constraint]
    distance = lambda x: (x[0] - 2) ** 2 + (x[1] - 1) ** 2  # noqa: E731
    corner = pytest.approx(np.array([2, 1]) / 5**0.5, abs=1e-4)
    given = {"type": "ineq", "fun": way(c), "jac": way(derivative(c))}
    found = optimize.minimize(
        way(distance), [0.1, 0.1], jac=way(grad(distance)), constraints=given, method="SLSQP", tol=1e-10
    )
    assert found.x == corner
    within = optimize.NonlinearConstraint(way(c), 0, np.inf, jac=way(derivative(c)))
    found = optimize.minimize(
        way(value_and_grad(distance)), [0.1, 0.1], jac=True, constraints=within, method="trust-constr",
        hess=way(hessian(distance)), options={"gtol": 1e-6},
    )  # fmt: skip
    assert found.x == pytest.approx(np.array([2, 1]) / 5**0.5, abs=1e-3)


TIMES = np.linspace(0, 2, 9)
DECAY = 2.5 * np.exp(-1.3 * TIMES)
RESIDUALS = {
    "an array": lambda p, t=TIMES, y=DECAY: p[0] * np.exp(-p[1] * t) - y,
    "an array of a list": lambda p, t=TIMES, y=DECAY: np.array(
        [p[0] * ops.exp(-p[1] * a) - b for a, b in zip(t, y, strict=True)]
    ),
    "a list": lambda p, t=TIMES, y=DECAY: [p[0] * ops.exp(-p[1] * a) - b for a, b in zip(t, y, strict=True)],
    "a tuple": lambda p, t=TIMES, y=DECAY: (*(p[0] * ops.exp(-p[1] * a) - b for a, b in zip(t, y, strict=True)),),
}


@pytest.mark.parametrize("residuals", RESIDUALS)
@pytest.mark.parametrize("method", ["lm", "trf", "dogbox"])
def test_least_squares(way, method, residuals):
    f = RESIDUALS[residuals]
    value, slopes = way(f), way(jacobian(f))
    for data in ({}, {"args": (TIMES, DECAY)}, {"kwargs": {"t": TIMES, "y": DECAY}}):
        found = optimize.least_squares(value, [1, 1], jac=slopes, method=method, **data)
        assert found.x == pytest.approx([2.5, 1.3], abs=1e-6)
    assert optimize.leastsq(value, [1, 1], (TIMES, DECAY), Dfun=slopes)[0] == pytest.approx([2.5, 1.3], abs=1e-6)


CUBICS = {
    "an array": lambda x, c=1.0: x**3 + np.array([[2.0, 1.0], [1.0, 3.0]]) @ x - c,
    "a list": lambda x, c=1.0: [x[0] ** 3 + 2 * x[0] + x[1] - c, x[1] ** 3 + x[0] + 3 * x[1] - c],
    "a tuple": lambda x, c=1.0: (x[0] ** 3 + 2 * x[0] + x[1] - c, x[1] ** 3 + x[0] + 3 * x[1] - c),
}


@pytest.mark.parametrize("cubic", CUBICS)
@pytest.mark.parametrize("method", ["hybr", "lm"])
def test_roots(way, method, cubic):
    f = CUBICS[cubic]
    value, slopes = way(f), way(jacobian(f))
    for given in ({}, {"args": (1.0,)}):
        found = optimize.root(value, [0, 0], jac=slopes, method=method, **given)
        assert found.success
        assert value(found.x) == pytest.approx([0, 0], abs=1e-7)
    both = way(lambda x: (f(x), jacobian(f)(x)))
    assert optimize.root(both, [0, 0], jac=True, method=method).x == pytest.approx(found.x)
    assert optimize.fsolve(value, [0, 0], fprime=slopes) == pytest.approx(found.x)


@pytest.mark.parametrize("bounds", [{}, {"bounds": (0, 5)}, {"sigma": np.full(9, 0.1), "absolute_sigma": True}])
def test_curve_fit(way, bounds):
    def decay(t, size, rate):
        return size * np.exp(-rate * t)

    slopes = way(jacobian(decay, argnums=("size", "rate")))
    found, _ = optimize.curve_fit(way(decay), TIMES, DECAY, p0=[1, 1], jac=slopes, **bounds)
    assert found == pytest.approx([2.5, 1.3], abs=1e-6)


def test_one_number(way):
    def f(x):
        return x**3 - 2 * x - 5

    root = pytest.approx(2.0945514815423265)
    assert optimize.newton(way(f), 2.0, fprime=way(grad(f)), fprime2=way(grad(grad(f)))) == root
    assert optimize.root_scalar(way(value_and_grad(f)), x0=2.0, fprime=True, method="newton").root == root
    assert optimize.brentq(way(f), 2, 3) == root
    assert optimize.minimize_scalar(way(lambda x: (x - 2) ** 2)).x == pytest.approx(2.0)
    assert optimize.check_grad(way(bowl), way(grad(bowl)), START) < 1e-6


def test_a_stiff_equation_with_its_jacobian(way):
    integrate = pytest.importorskip("scipy.integrate")

    def chain(t, u):
        return [-100 * u[0] + u[1] ** 2, 100 * u[0] - u[1] ** 2 - u[1]]

    found = [
        integrate.solve_ivp(way(chain), (0, 2), [1.0, 0.5], method="Radau", rtol=1e-8, atol=1e-10, **given).y[:, -1]
        for given in ({}, {"jac": way(jacobian(chain, argnums="u"))})
    ]
    assert found[1] == pytest.approx(found[0], rel=1e-5)


def test_sparse_derivatives_are_arrays_to_scipy():
    sparse = pytest.importorskip("scipy.sparse")
    from autograd_tiny.compiler import sparse_hessian, sparse_jacobian

    def residuals(x):
        return [10 * (b - a * a) for a, b in pairwise(x)] + [1 - a for a in x]

    def total(x):
        return sum(r * r for r in residuals(x))

    start, slopes, curvature = np.full(6, 0.5), sparse_jacobian(residuals), sparse_hessian(total)
    assert (np.asarray(slopes(start)) == slopes(start).dense()).all()
    assert np.asarray(slopes(start), np.float32).dtype == np.float32

    def as_csr(found):
        return sparse.csr_array((found.values, (found.rows, found.columns)), found.shape)

    for jac in (slopes, lambda x: as_csr(slopes(x))):
        assert optimize.least_squares(jit(residuals), start, jac=jac).x == pytest.approx(np.ones(6), abs=1e-6)
    ways = [(curvature, "trust-exact"), (curvature, "trust-constr"), (lambda x: as_csr(curvature(x)), "trust-constr")]
    for hess, method in ways:
        found = optimize.minimize(jit(value_and_grad(total)), start, jac=True, hess=hess, method=method)
        assert found.x == pytest.approx(np.ones(6), abs=1e-4)

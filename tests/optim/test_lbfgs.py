"""LBFGS by SciPy on the compiled gradient."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from autograd_tiny import ops, optim
from autograd_tiny.nn import MLP

np = pytest.importorskip("numpy", reason="SciPy takes arrays")
pytest.importorskip("scipy", reason="lbfgs is SciPy's")


def bowl(x):
    return (x["a"] - 3.0) ** 2 + sum((xi - i) ** 2 for i, xi in enumerate(x["b"]))


def test_the_result_is_like_the_start():
    found = optim.lbfgs(bowl, start := {"a": 0, "b": [5.0, 5.0]})
    assert found.x == {"a": pytest.approx(3.0), "b": pytest.approx([0.0, 1.0])}
    assert start == {"a": 0, "b": [5.0, 5.0]}
    assert optim.lbfgs(lambda x: (x - 2.0) ** 2, 0.0).x == pytest.approx(2.0)
    array = optim.lbfgs(lambda x: ((x - 2.0) ** 2).sum(), np.zeros((2, 3))).x
    assert array.shape == (2, 3)
    assert np.allclose(array, 2.0)


def test_a_module_is_fitted_and_the_one_given_is_unchanged():
    model = MLP(1, [4, 1], activation=ops.tanh, seed=1)
    before = [p.data for p in model.parameters()]
    points = [(x / 4, math.sin(x / 4)) for x in range(-8, 9)]
    loss = lambda model: sum((model([x]) - y) ** 2 for x, y in points)  # noqa: E731
    found = optim.lbfgs(loss, model, options={"maxiter": 500})
    assert loss(found.x).data == pytest.approx(found.fun)
    assert found.fun < 1e-3
    assert [p.data for p in model.parameters()] == before
    assert [name for name, _ in found.x.named_parameters()] == [name for name, _ in model.named_parameters()]


def test_over_a_batch_the_mean_of_the_samples_is_minimised():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 2))
    y = X @ [2.0, -3.0] + 0.5 + rng.normal(size=50)
    loss = lambda w, x, y: (w["a"][0] * x[0] + w["a"][1] * x[1] + w["b"] - y) ** 2  # noqa: E731
    found = optim.lbfgs(loss, {"a": [0.0, 0.0], "b": 0.0}, X, y, tol=1e-12)
    best, residual, *_ = np.linalg.lstsq(np.c_[X, np.ones(50)], y, rcond=None)
    assert [*found.x["a"], found.x["b"]] == pytest.approx(best.tolist(), rel=1e-6)
    assert found.fun == pytest.approx(residual[0] / 50)
    with pytest.raises(ValueError, match="50"):
        optim.lbfgs(loss, {"a": [0.0, 0.0], "b": 0.0}, X, y[1:])


def test_options_are_those_of_scipy():
    assert optim.lbfgs(lambda x: (x[0] - 3.0) ** 2, [0.0], bounds=[(0, 1)]).x == [1.0]
    assert optim.lbfgs(lambda x: (x[0] - 3.0) ** 4, [0.0], options={"maxiter": 1}).nit == 1


@pytest.mark.parametrize(
    ("f", "x0", "told"),
    [
        (lambda x: x[0] * math.inf, [1.0], r"lbfgs: f is inf at x0"),
        (lambda x: x[1] + ops.sqrt(x[0]), [0.0, 1.0], r"lbfgs: ∂f/∂x0\[0\] is inf at x0: start where"),
        (lambda x: 1.0, [], r"lbfgs: x0 holds no numbers"),
    ],
)
def test_a_start_without_a_finite_gradient_is_refused(f, x0, told):
    with pytest.raises(ValueError, match=told):
        optim.lbfgs(f, x0)


def test_what_is_no_function_of_numbers_is_refused():
    with pytest.raises(TypeError, match="lbfgs takes a function, got 3"):
        optim.lbfgs(3, 1.0)
    with pytest.raises(TypeError, match=r"x0\[0\]: expected a real number, got 'a'"):
        optim.lbfgs(lambda x: x[0], ["a"])


def test_without_scipy_it_says_what_to_install():
    code = "import sys; sys.modules['scipy'] = None\nfrom autograd_tiny import optim\noptim.lbfgs(lambda x: x * x, 1.0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "ImportError: lbfgs needs scipy: pip install scipy"

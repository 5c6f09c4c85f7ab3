"""NumPy's maximum, minimum, clip, sign and sort of traced numbers: one path, the same value and gradient."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny.compiler import jit
from autograd_tiny.transforms.derivatives import grad, hessian, jvp, value_and_grad

np = pytest.importorskip("numpy", reason="these are functions of NumPy")

ONE_PATH = {
    "max": lambda x: np.max(x) * x[0],
    "min, amax": lambda x: np.min(x) * np.amax(x),
    "method max, min": lambda x: x.max() * x.min(),
    "max by rows": lambda x: np.sum(np.max(x.reshape(2, -1), axis=1, keepdims=True) * x.reshape(2, -1)),
    "max of a list": lambda x: np.max([x[0], 0.5, x[1]]),
    "initial": lambda x: np.max(x, initial=0.5) * 2.0,
    "ptp": lambda x: np.ptp(x),
    "maximum": lambda x: np.sum(np.maximum(x, 0.5) * x),
    "minimum of two": lambda x: np.sum(np.minimum(x, x[::-1])),
    "maximum of a number": lambda x: np.maximum(x[0], 0.5) * x[1],
    "maximum.reduce": lambda x: np.maximum.reduce(x) * 2.0,
    "maximum.accumulate": lambda x: np.sum(np.maximum.accumulate(x)),
    "maximum.outer": lambda x: np.sum(np.maximum.outer(x, x)),
    "fmax, fmin": lambda x: np.sum(np.fmax(x, 0.5) * np.fmin(x, 0.5)),
    "clip": lambda x: np.sum(np.clip(x, -0.5, 0.5) * x),
    "clip, one end": lambda x: np.sum(np.clip(x, None, 0.5) * x.clip(0.25)),
    "method clip": lambda x: np.sum(x.clip(-0.5, 0.5)),
    "sign": lambda x: np.sum(np.sign(x - 0.1234) * x),
    "sort": lambda x: np.dot(np.sort(x), np.arange(float(len(x)))),
    "norm": lambda x: np.linalg.norm(x, np.inf),
    "softmax": lambda x: np.log(np.sum(np.exp(x - np.max(x)))) + np.max(x),
}
ROWS = st.lists(st.sampled_from([-2.0, -0.5, 0.0, 0.5, 1.0]) | st.floats(-3, 3), min_size=4, max_size=4).map(np.array)


@pytest.mark.parametrize("f", ONE_PATH.values(), ids=ONE_PATH)
def test_a_function_of_numpy_takes_one_path(f):
    compiled, slope = jit(f, backend="python"), jit(grad(f), backend="python")

    @settings(max_examples=40)
    @given(ROWS)
    def agrees(x):
        value, gradient = value_and_grad(f)(x)
        assert compiled(x) == pytest.approx(value, rel=1e-12)
        assert list(slope(x)) == pytest.approx(gradient, rel=1e-12)

    agrees()
    for g in (compiled, slope):
        assert [len(variants.known) for variants in g._variants.values()] == [1]


def test_a_row_of_many_numbers_takes_one_path():
    f = jit(lambda x: np.sum(np.maximum(x, 0.0) + np.clip(x, -1.0, 1.0)) + np.max(x), backend="python")
    rng = np.random.default_rng(0)
    for x in rng.normal(size=(100, 20)):
        assert f(x) == pytest.approx(np.sum(np.maximum(x, 0.0) + np.clip(x, -1.0, 1.0)) + np.max(x))


def test_inside_other_derivatives_and_beside_plain_arrays():
    def f(x):
        assert np.maximum(np.array([1.0, 2.0]), 1.5).tolist() == [1.5, 2.0]
        assert np.sort(np.array([2.0, 1.0])).tolist() == [1.0, 2.0]
        assert np.clip(3, 0, 2) == np.max([1, 2]) == np.array([1, 2]).max() == 2
        return np.sum(np.maximum(x, 0.0) * x * x)

    x, t = np.array([1.0, -2.0]), np.array([1.0, 1.0])
    assert jit(lambda x: jvp(f, (x,), (t,))[1])(x) == 3.0
    assert np.array(jit(hessian(f))(x)).tolist() == [[6.0, 0.0], [0.0, 0.0]]


@pytest.mark.filterwarnings("ignore:invalid value")
def test_nan_is_chosen_as_numpy_chooses_between_objects():
    f = jit(lambda x: np.maximum(x, 1.0)[0], backend="python")
    for x in (0.5, math.nan, 2.0):
        assert repr(f(np.array([x]))) == repr(float(np.maximum(np.array([x], object), 1.0)[0]))


def test_numpy_is_as_before_after_a_trace():
    plain = np.maximum, np.clip, np.sort, np.sign
    jit(lambda x: x.max())(np.array([1.0, 2.0]))
    with pytest.raises(ZeroDivisionError):
        jit(lambda x: 1 / 0)(1.0)
    assert plain == (np.maximum, np.clip, np.sort, np.sign)
    assert isinstance(np.maximum, np.ufunc)

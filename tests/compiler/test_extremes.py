"""Builtin max, min and sorted of traced numbers: one path, and the same value and gradient as node by node."""

from __future__ import annotations

import builtins
import math
import statistics
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny import Value
from autograd_tiny.compiler import jit
from autograd_tiny.transforms.derivatives import grad, hessian, hvp, jacobian, jvp, value_and_grad

np = pytest.importorskip("numpy", reason="arrays of samples need NumPy")

ONE_PATH = {
    "max": lambda z: max(z) * z[0],
    "min": lambda z: min(z) * z[0],
    "max of arguments": lambda z: max(z[0], 0.5, z[1] * z[1], z[2], 1),
    "min of a generator": lambda z: min(a * a for a in z) + max(z[1], 0),
    "data": lambda z: sum((a - max(v.data for v in z)).exp() for a in z).log(),
    "softmax": lambda z: sum((a - max(z)).exp() for a in z).log() + max(z) - z[0],
    "key": lambda z: max(z, key=abs) ** 2 + min(z, key=lambda a: a * a - a),
    "default": lambda z: max(z, default=0.0) + max([], default=2.0),
    "sorted": lambda z: sum(k * a for k, a in enumerate(sorted(z))),
    "sorted down": lambda z: sum(k * a * a for k, a in enumerate(sorted(z, key=abs, reverse=True))),
    "median": lambda z: statistics.median(z) * 2.0,
    "nested": lambda z: max(min(z[0], z[1]), min(z[1], z[2]), key=lambda a: -a),
    "helper": lambda z: relu(z[0]) + relu(-z[1]),
}
TIES = st.lists(st.sampled_from([-2.0, -1.0, 0.0, -0.0, 0.5, 1.0, 2.0]) | st.floats(-3, 3), min_size=3, max_size=3)


def relu(x):
    return max(0.0, x)


def python(f, **options):
    return jit(f, backend="python", **options)


def paths(f):
    return [len(variants.known) for variants in f._variants.values()]


@pytest.mark.parametrize("f", ONE_PATH.values(), ids=ONE_PATH)
@given(samples=st.lists(TIES, min_size=1, max_size=6))
@settings(max_examples=30)
def test_an_extreme_takes_one_path_with_the_derivatives_of_eager_code(f, samples):
    """Ties included: the first of equal items is chosen, and has the whole gradient."""
    compiled, second = python(value_and_grad(f), batch="z"), python(hessian(f), batch="z")
    values, gradients = compiled(np.array(samples))
    expected = [value_and_grad(f)(z) for z in samples]
    assert np.allclose(values, [value for value, _ in expected], rtol=1e-12, atol=1e-12)
    assert np.allclose(np.array(gradients).reshape(len(samples), -1), [g for _, g in expected], rtol=1e-12, atol=1e-12)
    seconds = np.array(second(np.array(samples))).reshape(len(samples), -1)
    assert np.allclose(seconds, np.array([hessian(f)(z) for z in samples]).reshape(len(samples), -1), atol=1e-11)
    assert paths(compiled) == paths(second) == [1]


@pytest.mark.parametrize("f", ONE_PATH.values(), ids=ONE_PATH)
def test_every_transform_is_compiled_through_an_extreme(f):
    z, v = [0.25, -1.5, 0.75], [1.0, 2.0, -1.0]
    for g in (grad(f), jacobian(f), lambda z: jvp(f, (z,), (v,)), lambda z: hvp(f, z, v)):
        assert np.allclose(np.hstack(python(g)(z)), np.hstack(g(z)), rtol=1e-12)


OF_ARRAYS = {
    "max": lambda a, b: max(a, b, 0.5) * b,
    "of a list": lambda a, b: max([a * b, a, b]) * a,
    "min": lambda a, b: min(1.0, a) * b,
    "sorted": lambda a, b: sorted([a, b, 0.3])[1] * a,
    "reversed": lambda a, b: sorted([a, b], reverse=True)[0] * b,
    "a branch": lambda a, b: a * b if a > b else b,
    "a branch turned round": lambda a, b: a * b if 2 * a <= b else a,
    "by a key": lambda a, b: max([a, b], key=lambda x: -x) * b,
}


@pytest.mark.parametrize("f", OF_ARRAYS.values(), ids=OF_ARRAYS)
@pytest.mark.parametrize("a", [0.25, 0.75])
def test_arrays_without_axes_are_numbers_to_extremes_and_branches(f, a):
    expected = value_and_grad(f, (0, 1))(a, 0.5)
    for args in ((np.array(a), 0.5), (a, np.array(0.5)), (np.array(a), np.array(0.5))):
        assert jit(value_and_grad(f, (0, 1)), backend="python")(*args) == expected
        assert jit(f, backend="python")(*args) == expected[0]


@pytest.mark.parametrize("n", [10, 100])
def test_many_classes_compile_once(n):
    def loss(z):
        m = max(z)
        return m + sum((a - m).exp() for a in z).log() - z[0]

    z = np.random.default_rng(0).normal(size=(300, n))
    step = jit(value_and_grad(loss), batch="z", reduce="mean")
    value, gradient = step(z)
    assert math.isclose(value, np.mean(np.log(np.exp(z).sum(1)) - z[:, 0]), rel_tol=1e-12)
    share = np.exp(z) / np.exp(z).sum(1, keepdims=True) - np.eye(n)[0]
    assert np.allclose(gradient, share.mean(0), rtol=1e-10)
    assert paths(step) == [1]


def test_an_argmax_takes_one_path_per_class():
    f = python(lambda z: z[max(range(12), key=lambda i: z[i])] ** 2, batch="z")
    pairs = python(lambda z: max(((a, 2 * a) for a in z), key=lambda p: p[0])[1], batch="z")
    z = np.random.default_rng(1).normal(size=(400, 12))
    assert np.allclose(f(z), z.max(1) ** 2)
    assert np.allclose(pairs(z), z.max(1) * 2)
    assert paths(f) == paths(pairs) == [12]


@given(samples=st.lists(st.lists(st.sampled_from([math.nan, 0.0, 1.0, 2.0]), min_size=3, max_size=3), min_size=1))
@settings(max_examples=40)
def test_nan_chooses_as_in_eager_code(samples):
    for f in (lambda z: max(z) + 0.0, lambda z: min(z) + 0.0, lambda z: max(range(3), key=lambda i: z[i]) + 0.0):
        assert np.array_equal(python(f, batch="z")(np.array(samples)), [f(z) for z in samples], equal_nan=True)


def test_a_value_that_is_closed_over_is_compared_anew():
    w = Value(1.0)
    f = python(lambda x: max(x, w) + min(w, 3.0))
    assert f(0.5) == 2.0
    w.data = 5.0
    assert f(0.5) == 8.0


def test_what_is_not_traced_is_left_alone():
    plain = builtins.max, builtins.min, builtins.sorted
    seen = []

    def f(x):
        worker = threading.Thread(target=lambda: seen.append((max([1, 3, 2]), max("ab", key=ord), sorted("ba"))))
        worker.start()
        worker.join()
        seen.append((max(3, 2), min({"b": 1}, key=len), sorted([2, 1], reverse=True), max([], default="none")))
        for wrong in (lambda: max([]), lambda: max(), lambda: max(1), lambda: max(x, "a"), lambda: sorted(1)):
            with pytest.raises((TypeError, ValueError)):
                wrong()
        assert max is not plain[0]
        return x

    assert python(f)(1.0) == 1.0
    assert seen == [(3, "b", ["a", "b"]), (3, "b", [2, 1], "none")]
    assert (builtins.max, builtins.min, builtins.sorted) == plain
    with pytest.raises(ZeroDivisionError):
        python(lambda x: x / (1 // 0))(1.0)
    assert builtins.max is plain[0]


@pytest.mark.parametrize(
    "f",
    [lambda z: np.median(z), lambda z: list(z).sort() or z[0], lambda z: sum(a for a in z if a > 0)],
    ids=["np.median", "list.sort", "comparisons"],
)
def test_too_many_paths_name_the_line_and_the_cure(f):
    z = np.random.default_rng(2).normal(size=(3000, 9))
    line = f.__code__.co_firstlineno
    with pytest.raises(RuntimeError, match=rf"test_extremes.py:{line} \(.*functools.reduce\(ops.maximum, z\)"):
        python(f, batch="z")(z)

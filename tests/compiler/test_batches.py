"""Outputs over a batch: samples first, whatever the structure of the outputs."""

from __future__ import annotations

import dataclasses
import re
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny.compiler import jit
from autograd_tiny.transforms.derivatives import grad, hessian, jacobian, value_and_grad

np = pytest.importorskip("numpy", reason="arrays of samples need NumPy")
BACKENDS = ["python", "numpy"]


class Pair(NamedTuple):
    first: object
    second: object


@dataclasses.dataclass
class Point:
    x: object
    both: object


def uniform(shape):
    """Strategy for nested lists of this shape, of plans for one number each."""
    plan = st.integers(-3, 3)
    for n in reversed(shape):
        plan = st.lists(plan, min_size=n, max_size=n)
    return plan


LISTS = st.sampled_from([(), (1,), (3,), (2, 2), (1, 3), (2, 1, 2)]).flatmap(uniform)
TREES = st.recursive(
    LISTS,
    lambda inner: (
        st.tuples(inner, inner)
        | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
        | st.builds(Pair, inner, inner)
    ),
    max_leaves=4,
)


def planned(plan, x):
    if isinstance(plan, int):
        return x * plan + plan
    if isinstance(plan, dict):
        return {key: planned(item, x) for key, item in plan.items()}
    items = [planned(item, x) for item in plan]
    return plan._make(items) if isinstance(plan, Pair) else type(plan)(items)


def stacked(trees):
    """The rule, as a person would say it: tuples and dicts stay, lists of numbers are arrays, samples come first."""
    first = trees[0]
    if isinstance(first, dict):
        return {key: stacked([tree[key] for tree in trees]) for key in first}
    if isinstance(first, tuple):
        items = [stacked(list(items)) for items in zip(*trees, strict=True)]
        return first._make(items) if isinstance(first, Pair) else tuple(items)
    return np.array(trees, float)


def same(got, expected):
    if isinstance(expected, dict):
        return got.keys() == expected.keys() and all(same(got[key], expected[key]) for key in expected)
    if isinstance(expected, tuple):
        return type(got) is type(expected) and all(map(same, got, expected))
    return np.shape(got) == expected.shape and np.array_equal(got, expected)


@pytest.mark.parametrize("backend", BACKENDS)
@given(plan=TREES, xs=st.lists(st.integers(-9, 9), min_size=1, max_size=4))
@settings(max_examples=60)
def test_each_output_has_the_samples_as_its_first_axis(backend, plan, xs):
    got = jit(lambda x: planned(plan, x), batch="x", backend=backend)(np.array(xs, float))
    assert same(got, stacked([planned(plan, float(x)) for x in xs]))


def test_all_paths_of_a_batch_are_joined_samples_first():
    f = jit(lambda x: [x, -x] if x > 0 else [x * x, 1.0], batch="x")
    assert np.array_equal(f([1.0, -2.0, 3.0]), [[1.0, -1.0], [4.0, 1.0], [3.0, -3.0]])
    assert np.array_equal(f(np.array([-2.0])), [[4.0, 1.0]])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", [list, np.array, tuple], ids=["list", "array", "tuple"])
def test_gradients_of_each_sample_have_the_samples_first(backend, kind):
    def f(w):
        return w[0] ** 2 * w[1] + w[2]

    w = [[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0]]
    given_, first = [kind(x) for x in w], np.array(w)
    one = value_and_grad(f)
    values, gradients = jit(one, batch="w", backend=backend)(given_)
    assert np.array_equal(values, [one(x)[0] for x in w])
    gradients = np.stack(gradients, 1) if kind is tuple else np.array(gradients)  # one array for each item of a tuple
    assert np.array_equal(gradients, [one(x)[1] for x in w])
    if kind is not tuple:
        second = np.array(jit(hessian(f), batch="w", backend=backend)(given_))
        assert np.array_equal(second, [hessian(f)(x) for x in w])
        outputs = jit(jacobian(lambda w: {"a": [w[0] * w[1], w[2]]}), batch="w", backend=backend)(first)
        assert np.array_equal(outputs["a"], [jacobian(lambda w: [w[0] * w[1], w[2]])(x) for x in w])


def test_lists_that_are_no_array_keep_their_places():
    f = jit(lambda x: [x, [x, 2 * x]], batch="x")
    alone, pair = f([1.0, 2.0])
    assert np.array_equal(alone, [1.0, 2.0])
    assert np.array_equal(pair, [[1.0, 2.0], [2.0, 4.0]])
    (inner,) = jit(lambda x: [{"a": x}], batch="x")([1.0, 2.0])
    assert np.array_equal(inner["a"], [1.0, 2.0])
    assert np.shape(jit(lambda x: {"none": [], "x": x}, batch="x")([1.0, 2.0])["none"])[-1] == 0
    point = jit(lambda x: Point(x, [x, -x]), batch="x")([1.0, 2.0])
    assert type(point) is Point
    assert np.array_equal(point.x, [1.0, 2.0])
    assert np.array_equal(point.both, [[1.0, -1.0], [2.0, -2.0]])
    shared = jit(grad(lambda w, x: w[0] * x + w[1]), batch="x")([1.0, 2.0], [3.0, 4.0])
    assert np.array_equal(shared, [[3.0, 1.0], [4.0, 1.0]])


@pytest.mark.parametrize("transform", [grad, value_and_grad, hessian])
@pytest.mark.parametrize("options", [{}, {"reduce": "mean"}], ids=["each", "mean"])
@pytest.mark.parametrize("shapes", [((4, 1), (4,)), ((4,), (4, 1)), ((4, 2), (4,))], ids=str)
def test_a_number_made_an_array_by_a_batch_is_refused_with_both_shapes(transform, options, shapes):
    """Labels of shape (n, 1) against n outputs: each sample's loss is an array, not a number."""
    x, y = map(np.ones, shapes)
    f = jit(transform(lambda w, x, y: (w * x - y) ** 2), batch=("x", "y"), **options)
    wide = f"({max(shapes)[1]},)"
    cure = ", such as y.item()" if wide == "(1,)" else "; use jacobian"
    text = f"returned an array of shape {wide}: grad needs one number{cure}; of the batches, x has shape "
    with pytest.raises(TypeError, match=re.escape(f"{text}{shapes[0]}, y has shape {shapes[1]}")):
        f(2.0, x, y)
    with pytest.raises(TypeError, match=r"use jacobian; of the batches, x has shape \(3,\)"):
        jit(grad(lambda x: [x, x]), batch="x")([1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match=r"use jacobian$"):
        jit(grad(lambda x: [x, x]))(1.0)

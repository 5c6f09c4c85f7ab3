"""Flatteners: for trees of the structure they were written for the numbers of the general path, else None."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny import Value, jit, value_and_grad
from autograd_tiny.compiler import flatten
from autograd_tiny.compiler.arguments import joined, numbers
from autograd_tiny.compiler.layout import Layout
from autograd_tiny.engine.tree import structure
from autograd_tiny.nn import MLP, Module

np = pytest.importorskip("numpy")

floats = st.floats(width=32)
arrays = st.lists(floats, min_size=1, max_size=6).map(np.array) | st.just(np.arange(6.0).reshape(2, 3))
rows = st.integers(1, 3).flatmap(lambda n: st.lists(st.lists(floats, min_size=n, max_size=n), min_size=1, max_size=3))
keys = st.sampled_from(["w", "b", "k'ey", "a b", "x]"])
trees = st.recursive(
    floats | arrays | rows | st.none() | st.lists(floats, max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys | st.integers(0, 3), inner, max_size=3).filter(lambda d: len({*map(type, d)}) < 2)
    ),
    max_leaves=8,
)


def flattener(args, batched):
    return flatten.flattener(Layout(args, batched))


def same(a, b):
    return np.array_equal(np.asarray(a, float), np.asarray(b, float), equal_nan=True)


def by_the_general_path(args):
    return joined([numbers(x) for x in args])


def agrees(flat, args, other):
    """None for another structure; the numbers of the general path for this one."""
    found = flat(other)
    return found is None or (structure(other) == structure(args) and same(found, by_the_general_path(other)))


@given(trees, trees)
def test_a_flattener_gives_the_numbers_of_the_general_path(x, y):
    flat = flattener((x, y), [False, False])
    assert same(flat((x, y)), by_the_general_path((x, y)))
    assert same(flat(copy.deepcopy((x, y))), by_the_general_path((x, y)))


@settings(max_examples=300)
@given(trees, trees)
def test_a_flattener_refuses_other_structures(x, y):
    assert agrees(flattener((x,), [False]), (x,), (y,))


@settings(max_examples=300)
@given(trees.filter(lambda x: x.__class__ in (list, dict) and x), st.data())
def test_a_flattener_refuses_a_tree_changed_in_one_place(x, data):
    flat, changed = flattener((x,), [False]), copy.deepcopy(x)
    place = changed
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if place[key].__class__ not in (list, dict) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    other = data.draw(st.sampled_from([1, True, None, 2.0, [], [1.0], (1.0,), {}, np.float64(1.0), np.ones(2), "x"]))
    if isinstance(place, list) and data.draw(st.booleans()):
        place.append(other)
    else:
        place[key] = other
    if other.__class__ is str:
        assert flat((changed,)) is None
    else:
        assert agrees(flat, (x,), (changed,))


class Line(Module):
    def __init__(self, slope=2.0):
        self.slope, self.weights, self.sizes, self.on = Value(slope), {"b": Value(1.0), "a": [Value(3.0)]}, [2, 3], True
        self.inner = MLP(1, [2], seed=0)

    def __call__(self, x):
        return self.slope * x + self.weights["b"]


def test_modules_are_flattened_by_their_attributes():
    line = Line()
    flat = flattener((line, 1.0), [False, False])
    assert flat((line, 1.0)) == by_the_general_path((line, 1.0))
    other = copy.deepcopy(line)
    other.slope.data = 7.0
    assert flat((other, 1.0)) == by_the_general_path((other, 1.0)) != flat((line, 1.0))


def tie(line):
    line.slope = line.weights["b"]


@pytest.mark.parametrize(
    "change",
    [
        lambda line: vars(line).update(on=False),
        lambda line: line.sizes.append(4),
        lambda line: vars(line).update(extra=Value(1.0)),
        lambda line: vars(line).pop("on"),
        lambda line: line.weights["a"].append(Value(1.0)),
        lambda line: line.weights.update(b=2.0),
        lambda line: line.weights.update(c=Value(2.0)),
        lambda line: vars(line).update(inner=MLP(1, [3], seed=0)),
        lambda line: vars(line.inner.layers[0].neurons[0]).update(nonlin="no"),
        lambda line: vars(line.inner.layers[0].neurons[0]).update(activation=Value.tanh),
        lambda line: vars(line).update(slope=Value(1.0) * 2.0),
        lambda line: setattr(line.slope, "data", True),
        tie,
    ],
)
def test_a_changed_module_takes_the_general_path(change):
    line = Line()
    flat = flattener((line,), [False])
    change(line)
    assert flat((line,)) is None


def test_tied_weights_are_taken_once():
    line = Line()
    tie(line)
    flat = flattener((line,), [False])
    assert flat((line,)) == by_the_general_path((line,))
    line.slope = Value(2.0)
    assert flat((line,)) is None


def test_a_module_that_knows_its_parent():
    line = Line()
    line.inner.parent = line
    flat = flattener((line,), [False])
    assert flat((line,)) == by_the_general_path((line,))
    line.inner.parent = Line()
    assert flat((line,)) is None


@pytest.mark.parametrize("backend", ["llvm", "numpy", "python"])
def test_calls_with_trees_give_the_same_before_and_after_the_flattener(backend):
    if backend == "llvm":
        pytest.importorskip("llvmlite")
    model, x, y = MLP(2, [3, 1], seed=0), np.arange(8.0).reshape(4, 2), np.arange(4.0)
    step = jit(
        value_and_grad(lambda m, k, x, y: k["scale"] * (m(x) - y) ** 2),
        batch=("x", "y"),
        reduce="mean",
        backend=backend,
    )
    first = step(model, {"scale": 2.0}, x, y)
    assert [step(model, {"scale": 2.0}, x, y) for _ in range(3)] == [first] * 3
    assert len(step._quick.trees) == 1
    model.parameters()[0].data += 1.0
    changed = step(model, {"scale": 2.0}, x, y)
    assert changed != first
    assert changed == jit(step.f, batch=("x", "y"), reduce="mean", backend=backend)(model, {"scale": 2.0}, x, y)
    assert step(model, {"scale": 2.0}, x[:2], y[:2]) != changed
    with pytest.raises(ValueError, match="the same number of samples"):
        step(model, {"scale": 2.0}, x[:2], y)
    with pytest.raises(ValueError, match="empty"):
        step(model, {"scale": 2.0}, x[:0], y[:0])

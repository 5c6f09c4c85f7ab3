"""Containers: flattened and rebuilt, equal keys for equal structures, through every transform."""

from __future__ import annotations

import copy
import re
from collections import Counter, OrderedDict, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny import Value, grad, jit, jvp, value_and_grad, vjp
from autograd_tiny.engine import tree
from autograd_tiny.engine.tree import flat, leaves, rebuild, structure
from autograd_tiny.nn import Module

np = pytest.importorskip("numpy", reason="arrays are NumPy's")


class Pair(NamedTuple):
    first: object
    second: object


@dataclass
class Line:
    slope: object
    at_zero: object


@dataclass(frozen=True)
class Frozen:
    w: object
    doubled: object = field(init=False, default=0.0)


class Numbers(list):
    """A subclass of list."""


class Couple(tuple):
    """A subclass of tuple with a constructor of its own."""

    def __new__(cls, first, second):
        return super().__new__(cls, (first, second))


class Checked(list):
    """A subclass of list that checks what is written to it."""

    def __setitem__(self, at, x):
        raise AssertionError("written by its own method")


class Registered:
    def __init__(self, x, unit):
        self.x, self.unit = x, unit


tree.register(Registered, lambda r: [(".x", r.x)], lambda r, items: Registered(*items, r.unit), lambda r: r.unit)


def defaulting(items):
    return defaultdict(list, items)


NUMBERS = st.floats(-10, 10)
ARRAYS = st.builds(
    lambda shape, x: np.full(shape, x), st.sampled_from([(), (0,), (1,), (3,), (2, 1), (1, 2, 2)]), NUMBERS
)
KEYS = st.dictionaries(st.sampled_from(["b", "a", 3, 1, (1, "x")]), NUMBERS | ARRAYS, max_size=3)
TREES = st.recursive(
    NUMBERS | ARRAYS | st.none() | KEYS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.lists(inner, max_size=2).map(Numbers)
        | st.builds(Pair, inner, inner)
        | st.builds(Line, inner, inner)
        | st.builds(Frozen, inner)
        | st.builds(Registered, inner, st.sampled_from(["m", "s"]))
        | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
        | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3).map(OrderedDict)
        | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3).map(defaulting)
    ),
    max_leaves=6,
)


def same(a, b):
    """Return True if two trees have one structure and equal numbers."""
    return structure(a) == structure(b) and [float(x) for _, x in leaves(a)] == [float(x) for _, x in leaves(b)]


@given(TREES)
def test_a_tree_comes_apart_and_together_again(x):
    found = [leaf for _, leaf in leaves(x)]
    again = rebuild(x, found)
    assert type(again) is type(x)
    assert same(again, x)
    assert len({path for path, _ in leaves(x)}) == len(found)


@given(TREES, st.lists(st.sampled_from([Value(1.0), 2.0, "x", {1.0}, 3])))
def test_numbers_come_without_their_paths_too(x, items):
    for each in (x, [x, *items], {"items": items}):
        try:
            found = [leaf for _, leaf in leaves(each, "x")]
        except TypeError as error:
            with pytest.raises(TypeError, match=f"^{re.escape(str(error))}$"):
                flat(each, "x")
        else:
            assert [*map(type, flat(each))] == [*map(type, found)]
            assert all(a is b or a == b for a, b in zip(flat(each), found, strict=True))


@given(TREES)
def test_every_transform_gives_the_structure_of_the_argument(x):
    def f(t):
        return sum((leaf * leaf for _, leaf in leaves(t)), Value(0.0))

    twice = rebuild(x, [2 * leaf for _, leaf in leaves(x)])
    assert same(grad(f)(x), twice)
    compiled = jit(value_and_grad(f), backend="python")
    value, gradient = compiled(x)
    assert same(gradient, twice)
    assert same(compiled(copy.deepcopy(x))[1], twice)
    assert len(compiled._variants) == 1
    y, pullback = vjp(f, x)
    assert y == value
    assert same(pullback(1.0)[0], twice)
    assert jvp(f, (x,), (x,))[1] == pytest.approx(2 * float(y))


@pytest.mark.parametrize("make", [dict, OrderedDict, defaulting])
def test_the_order_of_insertion_makes_no_other_recording(make):
    f = jit(lambda p: p["a"] - 2 * p["b"], backend="python")
    assert f(make([("a", 1.0), ("b", 2.0)])) == f(make([("b", 2.0), ("a", 1.0)])) == -3.0
    assert len(f._variants) == 1
    assert list(grad(lambda p: p["a"] - 2 * p["b"])(make([("b", 2.0), ("a", 1.0)])).items()) == [
        ("b", -2.0),
        ("a", 1.0),
    ]


def test_what_a_subclass_is_besides_its_items_stays():
    found = grad(lambda p: p["x"][0] ** 2)(defaulting({"x": [3.0]}))
    assert found["new"] == []  # the default factory is kept
    assert (found["x"], type(found)) == ([6.0], defaultdict)


@pytest.mark.parametrize(
    "x", [Counter({"a": 3, "b": 2}), Couple(3.0, 2.0), Checked([3.0, 2.0])], ids=["Counter", "tuple", "list"]
)
def test_a_subclass_is_filled_as_its_base_is(x):
    def product(p):
        a, b = p.values() if isinstance(p, dict) else p
        return a * b

    for found in (grad(product)(x), jit(grad(product), backend="python")(x), jvp(lambda p: p, (x,), (x,))[1]):
        assert type(found) is type(x)
    assert [float(g) for _, g in leaves(grad(product)(x))] == [2.0, 3.0]


def nested(depth):
    x = 1.0
    for _ in range(depth):
        x = [x]
    return x


def around_itself():
    x = {"w": [1.0]}
    x["w"].append(x)
    return x


@pytest.mark.parametrize("x", [nested(20_000), around_itself()], ids=["deep", "a circle"])
@pytest.mark.parametrize("call", [grad(lambda p: 1.0), jit(lambda p: 1.0), lambda x: jvp(lambda p: 1.0, (x,), (x,))])
def test_what_has_no_end_is_refused(call, x):
    with pytest.raises(TypeError, match=r"^[^\n]{0,80}: nested too deeply, or inside itself$"):
        call(x)


def test_another_key_is_recorded_anew():
    f = jit(lambda r: r.x * (1.0 if r.unit == "m" else 1000.0), backend="python")
    assert (f(Registered(2.0, "m")), f(Registered(2.0, "km")), f(Registered(3.0, "m"))) == (2.0, 2000.0, 3.0)


def test_parameters_in_any_container_are_found():
    class Model(Module):
        def __init__(self):
            self.line, self.pair = Line(Value(1.0), Value(2.0)), Pair(Value(3.0), [Value(4.0)])
            self.own, self.table = Registered(Value(5.0), "m"), np.array([Value(6.0), Value(7.0)])
            self.data, self.nothing, self.text = np.ones(1000), None, "text"

    model = Model()
    assert [(name, p.data) for name, p in model.named_parameters()] == [
        ("line.slope", 1.0), ("line.at_zero", 2.0), ("pair.first", 3.0), ("pair.second[0]", 4.0),
        ("own.x", 5.0), ("table[0]", 6.0), ("table[1]", 7.0),
    ]  # fmt: skip
    other = model.with_parameters([10.0 * p.data for p in model.parameters()])
    assert (other.line, other.pair, other.own.x, list(other.table)) == (
        Line(10.0, 20.0),
        Pair(30.0, [40.0]),
        50.0,
        [60.0, 70.0],
    )
    assert model.line.slope.data == 1.0
    assert other.data is model.data


def test_a_module_may_know_its_parent():
    class Child(Module):
        def __init__(self, parent):
            self.parent, self.w = parent, Value(2.0)

    class Parent(Module):
        def __init__(self):
            self.child, self.b = Child(self), Value(1.0)

    f = jit(lambda model, x: model.child.w * x + model.b, backend="python")
    assert (f(Parent(), 3.0), f(Parent(), 4.0), len(f._variants)) == (7.0, 9.0, 1)


def test_an_error_lists_the_types_that_are_registered():
    with pytest.raises(TypeError, match=r"expected numbers, or lists, tuples, dicts, .*Registereds.* and Modules"):
        list(leaves({1.0}))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tree.register(list, None, None), ValueError, "list is already registered"),
        (lambda: tree.register(Registered, None, None), ValueError, "Registered is already registered"),
        (lambda: tree.register(Registered(1.0, ""), None, None), TypeError, "register takes a type, got .*Registered"),
        (lambda: list(leaves(Line(1.0, "x"), "p")), TypeError, r"p\.at_zero: expected a real number, got 'x' of type"),
        (lambda: list(leaves({"a": [{1.0}]}, "p")), TypeError, r"p\['a'\]\[0\]: expected a real number, got {1.0} of"),
        (lambda: grad(abs)(np.timedelta64(3)), TypeError, r"argument 0: expected a real number, got np.timedelta64"),
        (lambda: Value(np.datetime64("2020")), TypeError, r"^expected a real number, got np.datetime64"),
        (lambda: jit(abs, batch="x")(np.array([3], "m8[s]")), TypeError, r"x\[0\]: expected a real number"),
        (lambda: structure([object()], "p"), TypeError, r"p\[0\]: expected a real number"),
        (lambda: grad(lambda x: None)(1.0), TypeError, "returned None, expected numbers"),
        (lambda: grad(lambda x: np.array([x]))(1.0), TypeError, r"returned an array of shape \(1,\): grad needs one"),
    ],
)  # fmt: skip
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()

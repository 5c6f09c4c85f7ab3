"""Parameters found before: returned again as long as nothing has changed, and found anew as soon as anything has."""

from __future__ import annotations

import collections
import dataclasses
import functools
import gc
import types
import weakref
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny import Value
from autograd_tiny.compiler import jit
from autograd_tiny.engine import tree
from autograd_tiny.nn import MLP, Module, remembering
from autograd_tiny.nn.holding import parameters_of


@pytest.fixture(autouse=True, scope="module")
def _none_is_small():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(remembering, "FEW", 0)
        yield


class Inner(Module):
    def __init__(self, *kept):
        self.kept = kept[0]
        self.more = [*kept[1:]]


class Other(Inner):
    w = Value(7.0)


class Plain:
    def __init__(self, *kept):
        self.kept = kept[0]
        self.more = [*kept[1:]]


class Grown(Plain):
    w = Value(8.0)


class Slotted:
    __slots__ = ("kept", "more")

    def __init__(self, *kept):
        self.kept, self.more = kept[0], [*kept[1:]]


@dataclasses.dataclass
class Data:
    kept: Any
    more: Any = None


class Row(list):
    pass


class Point:
    def __init__(self, *kept):
        self.xs = kept


tree.register(Point, lambda p: [(f".xs[{i}]", x) for i, x in enumerate(p.xs)], lambda p, items: Point(*items))


def row_of(*kept):
    row = Row(kept)
    row.kept = kept[0]
    return row


def keyed(*kept):
    return {f"k{i}": x for i, x in enumerate(kept)}


HOLDERS = [
    Inner, Other, Plain, Slotted, Point, row_of, keyed,
    lambda *kept: Data(kept[0], [*kept[1:]]),
    lambda *kept: [*kept],
    lambda *kept: kept,
    lambda *kept: collections.deque(kept),
    lambda *kept: collections.OrderedDict(keyed(*kept)),
    lambda *kept: collections.UserList(kept),
    lambda *kept: types.SimpleNamespace(**keyed(*kept)),
    lambda *kept: functools.partial(max, *kept, **keyed(*kept)),
    lambda *kept: Inner(*kept).__repr__,
    lambda *kept: {1: kept[0], (2, "x"): kept[-1]},
]  # fmt: skip
ATOMS = st.sampled_from([None, 1, 2.5, "text", True])
numbers = st.builds(lambda x: Value(float(x)), st.integers(0, 9))
computed = st.builds(lambda x: Value(float(x)) * 2.0, st.integers(0, 9))
things = st.recursive(
    st.one_of(numbers, numbers, numbers, computed, ATOMS),
    lambda inner: st.builds(
        lambda make, xs: make(*xs), st.sampled_from(HOLDERS), st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=12,
)  # fmt: skip


def changeable(x, found=None):
    """List the lists, dicts, deques and objects below x."""
    found = {} if found is None else found
    if id(x) not in found and not isinstance(x, (Value, str, type, types.BuiltinFunctionType)):
        found[id(x)] = x
        if isinstance(x, types.MethodType | types.MethodWrapperType):
            changeable(x.__self__, found)
        if isinstance(x, functools.partial):
            changeable([*x.args, x.keywords], found)
        if isinstance(x, (list, tuple, collections.deque)):
            for item in x:
                changeable(item, found)
        if isinstance(x, dict):
            changeable([*x.values()], found)
        for name in ("kept", "more"):
            changeable(getattr(x, name, None), found)
        if hasattr(x, "__dict__"):
            changeable([*vars(x).values()], found)
    return [y for y in found.values() if isinstance(y, (list, dict, collections.deque)) or hasattr(y, "more")]


def change(x, how, new):
    """Change a holder in one of many ways; return True if it did."""
    if isinstance(x, (list, collections.deque)):
        if how % 5 == 0 or not x:
            x.append(new)
        elif how % 5 == 1:
            x[how % len(x)] = new
        elif how % 5 == 2:
            del x[how % len(x)]
        elif how % 5 == 3:
            x.reverse()
        else:
            x.clear()
    elif isinstance(x, dict):
        key = [*x][how % len(x)] if x else "k"
        if how % 4 == 0 or not x:
            x[f"n{how}"] = new
        elif how % 4 == 1:
            x[key] = new
        elif how % 4 == 2:
            del x[key]
        else:
            x[f"renamed{how}"] = x.pop(key)
    elif x.__class__ in (Inner, Plain) and how % 2:
        x.__class__ = {Inner: Other, Plain: Grown}[x.__class__]
    elif how % 5 == 0:
        x.kept = new
    elif how % 5 == 1 and hasattr(x, "__dict__"):
        x.further = new
    elif how % 5 == 3 and hasattr(x, "__dict__"):
        x.__dict__ = {"kept": new}
    elif hasattr(x, "kept"):
        del x.kept


@settings(max_examples=150)
@given(st.data(), st.lists(things, min_size=1, max_size=4))
def test_every_change_is_seen(data, kept):
    model = Inner(*kept)
    for _ in range(data.draw(st.integers(1, 4))):
        for _ in range(2):  # found, then remembered
            assert names(model) == [(name, id(p)) for name, p in parameters_of(model)]
        found = changeable(model)
        for _ in range(data.draw(st.integers(1, 2))):
            change(data.draw(st.sampled_from(found)), data.draw(st.integers(0, 20)), data.draw(things))
    assert names(model) == [(name, id(p)) for name, p in parameters_of(model)]


def names(model):
    return [(name, id(p)) for name, p in model.named_parameters()]


@pytest.fixture
def walks(monkeypatch):
    counted = []
    real = remembering.walked
    monkeypatch.setattr(remembering, "walked", lambda module: counted.append(module) or real(module))
    return counted


def test_what_is_unchanged_is_walked_once(walks):
    model = MLP(2, [3, 1], seed=0)
    for step in range(5):
        loss = model([1.0, 2.0])
        loss.backward()
        for p in model.parameters():
            p.data -= 0.1 * p.grad
        model.zero_grad()
        model.load_state_dict(model.state_dict())
        model.steps, model.last = step, loss  # neither is a parameter
        if step == 0:
            walks.clear()
            model.parameters()
    assert len(walks) == 1
    model = MLP(2, [3, 1], seed=0)
    for _ in range(3):
        model.named_parameters().clear()  # a list of the caller
        assert len(model.parameters()) == 13


def test_an_attribute_that_turns_into_a_parameter(walks):
    model = Inner(None)
    assert model.parameters() == []
    model.kept = Value(1.0) * 2.0
    assert model.parameters() == []
    assert len(walks) == 1
    model.kept = Value(1.0)
    assert model.parameters() == [model.kept]


def test_a_class_that_changes():
    class Base(Module):
        pass

    class Thing:
        pass

    model = Base()
    model.thing = thing = Thing()
    assert model.parameters() == model.parameters() == []
    Thing.w = w = Value(1.0)
    assert model.parameters() == [w]
    Base.v = v = [Value(2.0)]
    assert model.parameters() == [*v, w]
    v.append(Value(3.0))
    assert model.parameters() == [*v, w]
    del Thing.w
    assert model.parameters() == v
    thing.__class__ = type("Else", (), {"u": w})
    assert model.parameters() == [*v, w]


def test_keys_that_are_equal_but_spelled_otherwise():
    model = Inner({1: Value(1.0)})
    assert [name for name, _ in model.named_parameters()] == ["kept[1]"]
    model.kept[True] = model.kept.pop(1)
    assert [name for name, _ in model.named_parameters()] == ["kept[True]"]


def test_a_type_that_is_registered_later():
    class Late:
        def __init__(self, w):
            self.w = w

    model = Inner(Late(Value(1.0)))
    assert [name for name, _ in model.named_parameters()] == ["kept.w"]
    tree.register(Late, lambda x: [("[w]", x.w)], lambda x, items: Late(*items))
    assert [name for name, _ in model.named_parameters()] == ["kept[w]"]


def test_a_set_that_gets_a_parameter():
    model = Inner(set())
    assert model.parameters() == []
    model.kept.add(Value(1.0))
    with pytest.raises(TypeError, match="in a set, which has no order"):
        model.parameters()


def test_attributes_made_when_they_are_asked_for():
    class Asking:
        def __getattr__(self, name):
            if name == "__wrapped__" and self.__dict__.get("flag"):
                return self
            raise AttributeError(name)

        def __call__(self):
            return None

        recipe = property(lambda self: (Asking, ()))

    model = Inner(Asking())
    model.kept.w = Value(1.0)
    assert len(model.parameters()) == 1
    model.kept.flag = True
    assert names(model) == [(name, id(p)) for name, p in parameters_of(model)]


def test_a_compiled_method_does_not_make_it_walk_again(walks):
    model = Inner(Value(2.0))
    model.fast = jit(model.kept.__mul__)
    for _ in range(3):
        model.fast(3.0)
        assert len(model.parameters()) == 1
    assert len(walks) == 1


def test_modules_are_not_kept_alive_for_long():
    model = MLP(2, [2, 1], seed=0)
    model.parameters()
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
    before = Value(1.0) * 2.0
    kept = Inner(None)
    kept.more = [before]
    kept.parameters()
    kept.more.clear()
    node = weakref.ref(before)
    del before
    gc.collect()
    assert node() is None  # the graph of a forward pass


def test_many_modules_are_remembered_up_to_a_size(monkeypatch):
    remembering._kept.clear()
    monkeypatch.setattr(remembering, "LIMIT", 500)
    models = [MLP(1, [2, 1], seed=0) for _ in range(20)]
    for model in models:
        assert len(model.parameters()) == 7
    assert 0 < len(remembering._kept) < 20
    assert sum(found.size for found in remembering._kept.values()) <= 500
    monkeypatch.setattr(remembering, "MODULES", 3)
    for model in models:
        assert len(model.parameters()) == 7
    assert len(remembering._kept) == 3
    assert models[-1] is next(reversed(remembering._kept.values())).module()

"""What a Module holds: every way to keep a parameter, in lists, copies, pickles and derivatives."""

from __future__ import annotations

import collections
import copy
import dataclasses
import functools
import pickle
import types
import weakref
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny import Value
from autograd_tiny.compiler import jit
from autograd_tiny.nn import Module
from autograd_tiny.transforms import grad, hessian, hvp, jvp, value_and_grad


class Pair(NamedTuple):
    w: Any


@dataclasses.dataclass
class Data:
    w: Any


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    w: Any


class Plain:
    def __init__(self, w):
        self.w = w

    def times(self, x):
        return self.w * x


class Row(list):
    """A list with attributes."""


def row_of(w):
    row = Row([1.0])
    row.w = w
    return row


class Slotted:
    __slots__ = ("__w",)

    def __init__(self, w):
        self.__w = w

    @property
    def w(self):
        return self.__w


def array_of(w):
    np = pytest.importorskip("numpy", reason="NumPy is not installed")
    return np.array([[w]], object)


def times(w, x):
    return w * x


# How a Module keeps w in .kept, and how it computes with it
KEEPING = {
    "itself": (lambda m, w: w, lambda k, x: k * x),
    "a list": (lambda m, w: [w], lambda k, x: k[0] * x),
    "a tuple in a dict": (lambda m, w: {"a": (w,)}, lambda k, x: k["a"][0] * x),
    "a named tuple": (lambda m, w: Pair(w), lambda k, x: k.w * x),
    "an attribute of a list": (lambda m, w: row_of(w), lambda k, x: k.w * x),
    "a deque": (lambda m, w: collections.deque([w], maxlen=2), lambda k, x: k[-1] * x),
    "an ordered dict": (lambda m, w: collections.OrderedDict(a=w), lambda k, x: k["a"] * x),
    "a user list": (lambda m, w: collections.UserList([w]), lambda k, x: k[0] * x),
    "a namespace": (lambda m, w: types.SimpleNamespace(w=w), lambda k, x: k.w * x),
    "an object array": (lambda m, w: array_of(w), lambda k, x: k[0, 0] * x),
    "a dataclass": (lambda m, w: Data(w), lambda k, x: k.w * x),
    "a frozen dataclass with slots": (lambda m, w: Frozen([w]), lambda k, x: k.w[0] * x),
    "a plain object": (lambda m, w: Plain(w), lambda k, x: k.times(x)),
    "plain objects in a list": (lambda m, w: [Plain([w])], lambda k, x: k[0].w[0] * x),
    "an object with slots": (lambda m, w: Slotted(w), lambda k, x: k.w * x),
    "a method of a plain object": (lambda m, w: Plain(w).times, lambda k, x: k(x)),
    "a partial": (lambda m, w: functools.partial(times, w), lambda k, x: k(x)),
    "a partial by keyword": (lambda m, w: functools.partial(times, w=w), lambda k, x: k(x=x)),
}
# How a Module reaches its attribute w by .kept
REACHING = {
    "its method": (lambda m: m.plain, lambda k, x: k(x)),
    "its method in a dict": (lambda m: {"f": [m.plain]}, lambda k, x: k["f"][0](x)),
    "a partial of its method": (lambda m: functools.partial(m.plain, x=3.0), lambda k, x: k() * (x / 3.0)),
    "a lambda": (lambda m: lambda x: m.w * x, lambda k, x: k(x)),
    "a lambda with a default": (lambda m: lambda x, m=m: m.w * x, lambda k, x: k(x)),
    "a lambda in a lambda": (lambda m: (lambda f: lambda x: f(x))(lambda x: m.w * x), lambda k, x: k(x)),
    "a static method": (lambda m: staticmethod(lambda x: m.w * x), lambda k, x: k(x)),
    "a cache": (lambda m: functools.lru_cache(maxsize=None)(m.plain), lambda k, x: k(x)),
    "a weak reference": (weakref.ref, lambda k, x: k().w * x),
    "itself": (lambda m: m, lambda k, x: k.w * x),
    "a plain object with the same Value": (lambda m: Plain(m.w), lambda k, x: k.times(x)),
    "a plain object that knows it": (Plain, lambda k, x: k.w.w * x),
    "a list of its tied Value": (lambda m: [m.w, m.w], lambda k, x: k[1] * x),
    "a set of its tied Value": (lambda m: {m.w}, lambda k, x: next(iter(k)) * x),
    "a set of tuples": (lambda m: {(m.w, 1)}, lambda k, x: next(iter(k))[0] * x),
    "a mapping of its tied Value": (lambda m: types.MappingProxyType({"a": m.w}), lambda k, x: k["a"] * x),
    "keys": (lambda m: {m.w: 2.0}, lambda k, x: next(iter(k)) * x),
    "a jit of its method": (lambda m: jit(m.plain), lambda k, x: k(x) * Value(1.0)),
}


class Keeps(Module):
    def __init__(self, how):
        keep, self.how = KEEPING[how][0], how
        self.kept = keep(self, Value(2.0))
        self.last = None

    def __call__(self, x):
        self.last = KEEPING[self.how][1](self.kept, x)
        return self.last


class Reaches(Module):
    def __init__(self, how):
        self.w, self.how = Value(2.0), how
        self.kept = REACHING[how][0](self)
        self.last = None

    def __call__(self, x):
        self.last = REACHING[self.how][1](self.kept, x)
        return self.last

    def plain(self, x):
        return self.w * x


WAYS = [(cls, how) for cls, hows in ((Keeps, KEEPING), (Reaches, REACHING)) for how in hows]


@pytest.mark.parametrize(("cls", "how"), WAYS)
def test_every_face_differentiates_by_a_parameter_however_it_is_kept(cls, how):
    def loss(m, x):
        return m(x) ** 2

    model = cls(how)
    assert [p.data for p in model.parameters()] == [2.0]
    loss(model, 3.0).backward()
    assert [p.grad for p in model.parameters()] == [0.0 if "jit" in how else 36.0]  # compiled code returns floats
    assert len(model.parameters()) == 1  # not the number kept of the forward pass
    model.zero_grad()
    assert [p.grad for p in model.parameters()] == [0.0]
    ((name, p),) = model.named_parameters()
    if "property" not in how and "slots" not in how:
        assert eval(f"model.{name}", {"model": model}) is p
    assert grad(loss)(model, 3.0) == {name: 36.0}
    assert value_and_grad(loss)(model, 3.0) == (36.0, {name: 36.0})
    assert hessian(loss)(model, 3.0) == {name: {name: 18.0}}
    assert jvp(lambda m: loss(m, 3.0), (model,), ({name: 1.0},)) == (36.0, 36.0)
    assert hvp(lambda m: loss(m, 3.0), model, {name: 2.0}) == {name: 36.0}
    if "cache" not in how:  # keeps what the first trace computed
        assert jit(grad(loss), backend="python")(model, 3.0) == {name: 36.0}
    p.data = 4.0
    assert grad(loss)(model, 3.0) == {name: 72.0}
    other = model.with_parameters([5.0])
    assert (other(3.0) if "jit" not in how else other(3.0).data) == 15.0
    assert [p.data for p in model.parameters()] == [4.0]


@pytest.mark.parametrize(("cls", "how"), WAYS)
@pytest.mark.parametrize("copying", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_have_the_same_parameters(cls, how, copying):
    model = cls(how)
    model(3.0).backward()
    unpicklable = ("mapping",) if copying is copy.deepcopy else ("lambda", "cache", "weak", "static", "mapping")
    if copying is not copy.copy and any(word in how for word in unpicklable):
        with pytest.raises(
            (pickle.PicklingError, AttributeError, TypeError),
            match=r"<lambda>|lru_cache|weakref|plain|mappingproxy|staticmethod",
        ):
            copying(model)
        return
    other = copying(model)
    assert [(name, p.data) for name, p in other.named_parameters()] == [
        (name, p.data) for name, p in model.named_parameters()
    ]
    assert len(other.parameters()) == 1
    if copying is not copy.copy:
        (p,), (q,) = model.parameters(), other.parameters()
        assert p is not q
        q.data = 5.0
        if "cache" not in how:
            assert [m(3.0).data for m in (model, other)] == [6.0, 15.0]


class Weights(Module):
    shared = Value(3.0)

    def __init__(self, w):
        self.w = w

    def __call__(self, x):
        return self.w * x


def names(module):
    return [name for name, _ in module.named_parameters()]


def test_a_computed_number_is_a_parameter_only_if_the_module_was_made_with_it():
    model = Weights(Value(1.0) * 0.5)
    model.w2 = Value(4.0)
    model.last = model(2.0) * model.w2
    assert names(model) == ["shared", "w", "w2"]
    assert grad(lambda m: m(2.0))(model) == {"shared": 0.0, "w": 2.0, "w2": 0.0}
    assert names(pickle.loads(pickle.dumps(model))) == names(copy.deepcopy(model)) == names(model)
    assert copy.deepcopy(model).last == 4.0
    fast = model.with_parameters([p - 0.1 * p.data for p in model.parameters()])
    assert names(fast) == names(model)  # steps of an inner loop
    fast(2.0).backward()
    assert model.w.grad == 2.0


def test_an_activation_is_no_parameter_of_a_module_without_any():
    class Tanh(Module):
        def __call__(self, x):
            self.out = [x.tanh()]
            return self.out[0]

    tanh, weights = Tanh(), Weights(Value(0.5))
    tanh(weights(2.0))
    assert tanh.parameters() == []
    gradient = grad(lambda w: sum((p * p for p in w.parameters()), tanh(w(2.0))))(weights)
    assert gradient["w"] == pytest.approx(1 + 2 * (1 - tanh.out[0].data ** 2))


def test_a_module_made_of_numbers_that_are_differentiated():
    def loss(w):
        model = Weights(w)
        return model(3.0) ** 2 + sum(p * p for p in model.parameters())

    assert grad(loss)(2.0) == hessian(loss)(2.0) * 2.0 == 40.0
    assert jvp(loss, (2.0,), (1.0,))[1] == 40.0


def test_what_depends_on_a_parameter_from_the_start_is_none():
    class Scaled(Module):
        def __init__(self):
            self.w = Value(2.0)
            self.twice = self.w * 2

        @functools.cached_property
        def thrice(self):
            return self.w * 3

    model = Scaled()
    assert model.thrice.data == 6.0
    assert names(model) == ["w"]
    assert grad(lambda m: m.thrice)(model) == {"w": 3.0}


UNORDERED = [
    lambda w: {w},
    lambda w: frozenset([(1.0, w)]),
    lambda w: {w: 1},
    lambda w: {("a", w): 1},
    lambda w: {"a": w}.values(),
    lambda w: {"a": w}.items(),
    lambda w: types.MappingProxyType({"a": w}),
]


@pytest.mark.parametrize("keep", UNORDERED)
def test_a_parameter_without_an_order_is_refused(keep):
    with pytest.raises(
        TypeError, match=r"^Weights\.w holds a parameter, Value\(data=2\.0\), in a \w+, which has no order"
    ):
        Weights(keep(Value(2.0))).parameters()


@pytest.mark.parametrize("once", [lambda w: map(abs, [w]), lambda w: (x for x in [w]), lambda w: zip([w], strict=True)])
def test_what_can_be_read_once_is_refused(once):
    with pytest.raises(TypeError, match=r"^Weights\.w is a \w+, which can be read only once: keep a list"):
        Weights(once(Value(2.0))).parameters()


def test_modules_with_slots_frozen_dataclasses_and_abstract_ones():
    import abc

    class Slots(Module, abc.ABC):
        __slots__ = ("w",)

        def __init__(self):
            self.w = Value(2.0)
            self.me = self

    @dataclasses.dataclass(frozen=True, eq=False)
    class Fixed(Module):
        w: Value
        rest: list[Value]

    slots = Slots()
    for other in (copy.copy(slots), copy.deepcopy(slots), slots.with_parameters([Value(2.0)])):
        assert [p.data for p in other.parameters()] == [2.0]
    assert copy.deepcopy(slots).me is not slots
    fixed = Fixed(Value(1.0), [Value(2.0)])
    assert grad(lambda m: m.w * m.rest[0])(fixed) == {"w": 2.0, "rest[0]": 1.0}
    assert names(copy.deepcopy(fixed)) == ["w", "rest[0]"]


KEPT = [Value(float(i)) for i in range(4)]
lists = st.recursive(st.sampled_from(KEPT), lambda inner: st.lists(inner, max_size=4))


def as_tuples(x):
    return tuple(map(as_tuples, x)) if isinstance(x, list) else x


@given(lists, lists)
def test_lists_hold_what_tuples_hold(x, y):
    """Lists of numbers are walked and copied at once, tuples item by item; a number may be in several."""

    class Holder(Module):
        def __init__(self, *kept):
            self.first, self.second = kept

    model, other = Holder(x, y), Holder(as_tuples(x), as_tuples(y))
    assert model.named_parameters() == other.named_parameters()
    new = [Value(10.0) for _ in model.parameters()]
    made, alike = model.with_parameters(new), other.with_parameters(new)
    assert as_tuples([made.first, made.second]) == (alike.first, alike.second)
    assert made.named_parameters() == alike.named_parameters()
    if new:
        gradient = grad(lambda m: sum(p * p for p in m.parameters()))(model)
        assert gradient == {name: 2.0 * p.data for name, p in model.named_parameters()}


def test_a_class_that_changes_is_looked_at_anew():
    class Base(Module):
        kept = None

    class Line(Base):
        def slope(self):
            return 1.0

    def names():
        return [name for name, _ in Line().named_parameters()]

    assert names() == []
    Base.kept = Value(1.0)
    assert names() == ["kept"]
    Line.slope = [Value(2.0)]
    assert names() == ["kept", "slope[0]"]
    item = Line.slope
    del Line.slope
    Line.again = item
    assert names() == ["kept", "again[0]"]
    Line.again = Value(3.0)
    assert names() == ["kept", "again"]
    Base.kept = None
    assert names() == ["again"]
    assert Line().parameters() == [Line.again]

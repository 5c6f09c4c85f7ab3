"""What a compiled function reads besides its arguments: read anew when it changes, traced once while it does not."""

from __future__ import annotations

import array
import collections
import contextvars
import copy
import enum
import functools
import itertools
import random
import sys
import threading
import types
import warnings
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny import Value
from autograd_tiny.compiler import jit
from autograd_tiny.engine import ops
from autograd_tiny.nn.modules import Module
from autograd_tiny.transforms.derivatives import grad, value_and_grad
from autograd_tiny.transforms.tracer import number

np = pytest.importorskip("numpy", reason="arrays need NumPy")


def python(f, **options):
    return jit(f, backend="python", **options)


class Settings:
    k = 2.0

    def __init__(self, k):
        self.k = k
        self.steps = 0

    def scaled(self, x):
        return self.k * x

    @property
    def twice(self):
        return 2 * self.k


class Slotted:
    __slots__ = ("k",)


class Scaled(Module):
    def __init__(self, k):
        self.w, self.k = Value(1.0), k

    def __call__(self, x):
        return self.w * self.k * x


factor = 2.0


def by_global(x):
    return factor * x


def through_a_helper(x):
    return by_global(x)


def of_attribute(make, name="k"):
    """A function that reads an attribute, and how to write it."""
    thing = make()
    setattr(thing, name, 2.0)
    return (lambda x: getattr(thing, name) * x), lambda k: setattr(thing, name, k)


def of_cell():
    k = 2.0

    def write(new):
        nonlocal k
        k = new

    return (lambda x: k * x), write


def of_items(items, at):
    return (lambda x: items[at] * x), lambda k: items.__setitem__(at, k)


def of_set():
    chosen = {2.0}
    return (lambda x: sum(chosen) * x), lambda k: (chosen.clear(), chosen.add(k))


def of_method():
    settings = Settings(2.0)
    return settings.scaled, lambda k: setattr(settings, "k", k)


def of_property():
    settings = Settings(2.0)
    return (lambda x: settings.twice / 2 * x), lambda k: setattr(settings, "k", k)


def of_partial():
    table = {"k": 2.0}
    return functools.partial(lambda table, x: table["k"] * x, table), lambda k: table.update(k=k)


def of_default():
    def f(x, table=[2.0]):  # noqa: B006
        return table[0] * x

    return lambda x: f(x), lambda k: f.__defaults__[0].__setitem__(0, k)


def of_module():
    model = Scaled(2.0)
    return (lambda x: model(x)), lambda k: setattr(model, "k", k)


def of_array(k=2.0):
    array = np.array([k, 1.0])
    return (lambda x: array[0] * x), lambda k: array.__setitem__(0, k)


def of_bytes():
    held = array.array("d", [2.0])
    return (lambda x: held[0] * x), lambda k: held.__setitem__(0, k)


def of_replaced_array():
    thing = types.SimpleNamespace(array=np.array([2.0]))
    return (lambda x: thing.array[0] * x), lambda k: setattr(thing, "array", np.array([k]))


def of_nested():
    settings = {"all": [{"k": Settings(2.0)}]}
    return (lambda x: settings["all"][0]["k"].k * x), lambda k: setattr(settings["all"][0]["k"], "k", k)


def of_hidden_class_attribute():
    class Hidden:
        k = 2.0

    thing = Hidden()
    return (lambda x: thing.k * x), lambda k: setattr(thing, "k", k) if k != 2.0 else vars(thing).pop("k", None)


def of_function_attribute():
    def f(x):
        return f.k * x

    f.k = 2.0
    return f, lambda k: setattr(f, "k", k)


def of_value():
    thing = types.SimpleNamespace(v=Value(2.0))
    return (lambda x: thing.v * x), lambda k: setattr(thing, "v", Value(k))


def of_helper():
    thing = types.SimpleNamespace(helper=lambda x: 2.0 * x)

    def write(k):
        thing.helper = lambda x: k * x

    return (lambda x: thing.helper(x)), write


def of_reader(thing, read, write):
    """A function that reads an object of a library, and how to write that."""
    write(thing, 2.0)
    return (lambda x: read(thing) * x), lambda k: write(thing, k)


def first(thing):
    return thing[0]


def put_first(thing, k):
    thing[0] = k


def of_view_of_a_dict():
    table = {"k": 2.0}
    view = types.MappingProxyType(table)
    return (lambda x: view["k"] * x), lambda k: table.update(k=k)


def of_series():
    pandas = pytest.importorskip("pandas")
    return of_reader(pandas.Series([0.0, 1.0]), first, put_first)


def of_weak_reference():
    settings = Settings(2.0)
    weak = weakref.ref(settings)
    return (lambda x: weak().k * x), lambda k: setattr(settings, "k", k)


def of_cached_property():
    class Thing:
        @functools.cached_property
        def scale(self):
            return factor

    return (lambda x: Thing().scale * x), lambda k: setattr(sys.modules[__name__], "factor", k)


def of_class():
    class Two:
        def scale(self):
            return 2.0

    thing = Two()

    def write(k):
        thing.__class__ = type("Other", (Two,), {"scale": lambda self: k})

    return (lambda x: thing.scale() * x), write


def of_code():
    def f(x, k=2.0, *, other=0.0):
        return k * x + other

    def write(k):
        f.__code__, f.__defaults__ = (lambda x, k, *, other: k * x + other).__code__, (k,)

    return (lambda x: f(x)), write


def of_keyword_default():
    def f(x, *, k=2.0):
        return k * x

    return (lambda x: f(x)), lambda k: setattr(f, "__kwdefaults__", {"k": k})


def of_global(f=by_global):
    return f, lambda k: setattr(sys.modules[__name__], "factor", k)


READ = {
    "a cell": of_cell,
    "a global": of_global,
    "a global of a helper": lambda: of_global(through_a_helper),
    "an item of a dict": lambda: of_items({"k": 2.0}, "k"),
    "an item of a list": lambda: of_items([2.0], 0),
    "a set": of_set,
    "an attribute": lambda: of_attribute(lambda: Settings(2.0)),
    "an attribute of a class": lambda: of_attribute(lambda: Settings),
    "a slot": lambda: of_attribute(Slotted),
    "an attribute that hides one of the class": of_hidden_class_attribute,
    "a namespace": lambda: of_attribute(types.SimpleNamespace),
    "a method": of_method,
    "a property": of_property,
    "a partial": of_partial,
    "a default": of_default,
    "an attribute of a Module": of_module,
    "an array": of_array,
    "an array of Python": of_bytes,
    "a replaced array": of_replaced_array,
    "nested": of_nested,
    "an attribute of a function": of_function_attribute,
    "a replaced Value": of_value,
    "a replaced function": of_helper,
    "a chain of dicts": lambda: of_reader(collections.ChainMap({}), lambda t: t["k"], lambda t, k: t.update(k=k)),
    "a dict of a library": lambda: of_reader(collections.UserDict(), lambda t: t["k"], lambda t, k: t.update(k=k)),
    "a list of a library": lambda: of_reader(collections.UserList([0.0]), first, put_first),
    "a context variable": lambda: of_reader(contextvars.ContextVar("k"), lambda t: t.get(), lambda t, k: t.set(k)),
    "a local of a thread": lambda: of_attribute(threading.local),
    "a masked array": lambda: of_reader(np.ma.array([0.0, 1.0]), first, put_first),
    "a view of a dict": of_view_of_a_dict,
    "a series": of_series,
    "a weak reference": of_weak_reference,
    "a cached property": of_cached_property,
    "the class of an object": of_class,
    "code and defaults, as autoreload replaces them": of_code,
    "a default of a keyword": of_keyword_default,
}


@pytest.fixture(autouse=True)
def restored(monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "factor", 2.0)
    monkeypatch.setattr(Settings, "k", 2.0)


@pytest.mark.parametrize("make", READ.values(), ids=READ)
@given(ks=st.lists(st.sampled_from([2.0, 5.0, -0.0, 0.0, 1.5]), min_size=1, max_size=8))
def test_what_changes_between_calls_is_read_anew(make, ks):
    read, write = make()
    compiled, batched, derived = python(read), python(read, batch="x"), python(value_and_grad(read))
    for k in ks:
        write(k)
        for x in (1.0, 3.0):
            assert repr(compiled(x)) == repr(number(read(x)))
            assert derived(x) == (k * x, k)
        assert batched([1.0, 3.0]) == [k, 3 * k]
    write(2.0)


@pytest.mark.parametrize("make", [of_cell, of_array, of_method, of_nested, of_property])
def test_what_comes_back_is_not_traced_again(make):
    read, write = make()
    traces = []

    def f(x):
        traces.append(x)
        return read(x)

    compiled = python(f)
    for k in (2.0, 5.0) * 4:
        write(k)
        assert compiled(1.0) == k
    assert len(traces) <= 3  # the first change finds that f writes the list


def test_what_the_code_does_not_mention_is_not_watched():
    settings, traces = Settings(2.0), []

    def f(x):
        traces.append(x)
        return settings.scaled(x)

    compiled = python(f)
    for i in range(5):
        settings.steps = i
        assert compiled(1.0) == 2.0
    assert len(traces) == 1


def test_a_function_that_reads_nothing_checks_nothing():
    for f in (lambda x: x * x, value_and_grad(lambda x: ops.exp(x)), grad(lambda x: np.sum(x * x))):
        compiled = python(f)
        compiled(1.0)
        assert compiled._reads.checks == []


class Holder(Module):
    """A Module whose surroundings are reached through it alone."""

    def __init__(self):
        self.w, self.settings, self.inner = Value(1.0), Settings(2.0), [Inner()]

    def __call__(self, x):
        return self.inner[0](self.w * x) * self.settings.k


class Inner(Module):
    def __init__(self):
        self.w = Value(1.0)

    def __call__(self, x):
        return self.w * x * factor


def test_what_an_argument_reads_is_read_anew():
    model, traces = Holder(), []

    def f(model, x):
        traces.append(x)
        return model(x)

    compiled, batched = python(f), python(f, batch="x")
    for k, by in [(2.0, 1.0), (3.0, 1.0), (3.0, 5.0), (2.0, 1.0)]:
        model.settings.k = k
        setattr(sys.modules[__name__], "factor", by)  # noqa: B010
        assert compiled(model, 1.0) == k * by
        assert batched(model, [1.0, 2.0]) == [k * by, 2 * k * by]
    before = len(traces)
    assert compiled(Holder(), 1.0) == compiled(model, 1.0) == 2.0
    assert len(traces) <= before + 1


def test_the_data_of_a_value_is_read_anew():
    w = Value(2.0)
    compiled = python(grad(lambda x: x * w.data + w))
    for k in (2.0, 5.0, 2.0):
        w.data = k
        assert compiled(1.0) == k


def test_an_int_within_a_derivative():
    assert grad(python(power))(3.0, 4) == 108.0
    assert grad(lambda x: python(power)(x, n=4))(3.0) == 108.0


def test_what_is_too_large_to_watch_is_said_once():
    table = [float(i) for i in range(5000)]
    f = python(lambda x: table[3] * x)
    with pytest.warns(
        RuntimeWarning, match=r"<lambda>\.table has 5,000 entries, and jit watches 4,096 in all"
    ) as warned:
        assert f(1.0) == 3.0
    assert len(warned) == 1
    assert f(2.0) == 6.0


GENERATORS = {
    "random": (random.random, lambda: random.seed(1)),
    "numpy.random": (lambda: float(np.random.random()), lambda: np.random.seed(1)),
}


@pytest.mark.parametrize(("draw", "seed"), GENERATORS.values(), ids=GENERATORS)
def test_random_numbers_are_drawn_at_each_call(draw, seed):
    def f(x):
        return x * x + draw()

    compiled = python(value_and_grad(f))
    seed()
    with pytest.warns(RuntimeWarning, match="f draws random numbers, .*: draw them outside, and pass them") as warned:
        found = [compiled(1.0) for _ in range(5)]
    assert len(warned) == 1
    seed()
    assert found == [value_and_grad(f)(1.0) for _ in range(5)]
    assert len({y for y, _ in found}) == 5
    with pytest.raises(TypeError, match=r"f draws random numbers, .*: draw them outside, and pass them as an argument"):
        python(f, batch="x")([1.0, 2.0])


@pytest.mark.parametrize("make", [random.Random, np.random.default_rng, np.random.RandomState])
def test_a_generator_that_is_closed_over_is_drawn_from_at_each_call(make):
    rng, other = make(1), make(1)
    draw = (lambda g: g.random()) if make is random.Random else (lambda g: float(g.normal()))
    compiled = python(lambda x: x + draw(rng))
    with pytest.warns(RuntimeWarning, match="draws random numbers"):
        assert [compiled(1.0) for _ in range(5)] == [1.0 + draw(other) for _ in range(5)]


class Dropping(Module):
    def __init__(self):
        self.w, self.rng = Value(2.0), random.Random(0)

    def __call__(self, x):
        return self.w * x if self.rng.random() < 0.5 else x


def test_a_generator_of_an_argument_is_drawn_from_at_each_call():
    model, plain = Dropping(), Dropping()
    compiled = python(lambda m, x: m(x))
    with pytest.warns(RuntimeWarning, match="draws random numbers"):
        found = [compiled(model, 3.0) for _ in range(8)]
    assert found == [number(plain(3.0)) for _ in range(8)]
    assert set(found) == {3.0, 6.0}


class Mode(enum.Enum):
    UP = 1
    DOWN = 2


def power(x, n):
    y = 1.0
    for _ in range(n):
        y = y * x
    return y


def chosen(x, how):
    if how is None or how == "same" or how is Mode.UP:
        return x
    return x * x if how else -x


STATIC = {
    "an int in a range": (power, [0, 1, 4, 2, 4]),
    "an int as an index": (lambda x, i: [x, x * x, x.exp()][i], [2, 0, 1]),
    "made of an int": (lambda x, i: [x, x * x, x.exp()][i - 1] * i, [1, 2, 3]),
    "an int compared": (lambda x, n: x if n == 2 else x * x, [2, 3, 2]),
    "an int in a condition": (lambda x, n: x if n else x * x, [0, 1, 2]),
    "a NumPy int": (power, [np.int64(3), np.int32(2)]),
    "a bool": (chosen, [True, False, True]),
    "a NumPy bool": (chosen, [np.True_, np.False_]),
    "a string": (chosen, ["same", "other", "same"]),
    "None": (chosen, [None, True, None, False]),
    "an enum": (chosen, [Mode.UP, Mode.DOWN]),
}


@pytest.mark.parametrize(("f", "given"), STATIC.values(), ids=STATIC)
def test_static_arguments_by_type(f, given):
    compiled, derived, batched = python(f), python(grad(f)), python(f, batch="x")
    for x in (3.0, -0.5):
        for n in given:
            y, d = value_and_grad(f)(x, n)
            assert compiled(x, n) == pytest.approx(y)
            assert derived(x, n) == pytest.approx(d)
            assert batched([x, x], n) == pytest.approx([y, y])
            assert grad(compiled)(x, n) == pytest.approx(d)
            assert python(lambda x, n=n: compiled(x, n))(x) == pytest.approx(y)


def test_an_int_that_is_a_number_is_traced():
    traces = []

    def f(x, n):
        traces.append(n)
        return x * n if n > 0 else x

    compiled = python(f)
    assert [compiled(2.0, n) for n in range(1, 20)] == [2.0 * n for n in range(1, 20)]
    assert len(traces) == 1


def test_static_arguments_by_name():
    traces = []

    def f(x, how, k=2.0):
        traces.append(how)
        return how(x) * k

    compiled = python(f, static=("how", "k"))
    for _ in range(2):
        assert compiled(0.5, ops.exp) == 2 * ops.exp(0.5)
        assert compiled(0.5, ops.sin, k=3.0) == 3 * ops.sin(0.5)
        assert compiled(0.5, how=ops.sin, k=-0.0) == 0.0
    assert len(traces) == 3
    assert python(lambda x, sizes: sum(x for n in sizes for _ in range(n)), static="sizes")(2.0, (1, 2)) == 6.0


@pytest.mark.parametrize("make", READ.values(), ids=READ)
def test_what_a_static_function_reads_is_read_anew(make):
    read, write = make()
    compiled = python(lambda x, how: how(x), static="how")
    for k in (2.0, 5.0, 5.0, 1.5, 2.0):
        write(k)
        assert compiled(1.0, read) == k
    write(2.0)


def test_what_a_static_object_holds_is_read_anew():
    traces = []

    def f(x, settings):
        traces.append(settings)
        settings.steps += 1
        return settings.scaled(x)

    first, other, compiled = Settings(2.0), Settings(3.0), python(f, static="settings")
    assert (compiled(1.0, first), compiled(1.0, other)) == (2.0, 3.0)
    first.k = 5.0
    assert [compiled(1.0, first) for _ in range(4)] == [5.0] * 4
    assert len(traces) <= 4
    assert copy.copy(compiled)(1.0, first) == 5.0


STATIC_REFUSED = [
    (lambda: python(power, static="m"), ValueError, "static='m' is not an argument of power, which takes x, n"),
    (lambda: python(power, static="n", batch="n"), ValueError, "n is named in both batch= and static="),
    (lambda: python(lambda x, n: x, static="n")(1.0, [2]), TypeError, r"static argument n is \[2\] of .*tuple"),
    (lambda: python(lambda x, ns: power(x, ns[0]))(1.0, [2]), TypeError, r'static=\("ns",\) passes it as it is'),
    (lambda: python(power)(1.0, 2.0), TypeError, r'static=\("n",\) passes it as it is'),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), STATIC_REFUSED)
def test_what_cannot_be_static_is_refused(call, error, text):
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize("counted", ["list", "nonlocal"])
def test_concurrent_first_calls_trace_each_path_once(counted):
    traces, n, gate, found = [], 0, threading.Barrier(16), []

    def f(x):
        nonlocal n
        if counted == "list":
            traces.append(x)
        else:
            n += 1
        threading.Event().wait(0.02)
        return x * 2 if x > 0 else x

    compiled = python(f, batch="x")

    def work():
        gate.wait()
        found.append(compiled([-1.0, 1.0]))

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[-1.0, 2.0]] * 16
    assert n + len(traces) == 2


class Meta(type):
    rate = 2.0

    @property
    def twice(cls):
        return cls.rate * 2


class Made(metaclass=Meta):
    pass


@pytest.mark.parametrize("read", [lambda: Made.rate, lambda: Made.twice, lambda: type(Made).rate])
def test_an_attribute_of_a_metaclass_is_read_anew(read, monkeypatch):
    f = jit(lambda x: x * read(), backend="python")
    for rate in (3.0, 5.0):
        monkeypatch.setattr(Meta, "rate", rate)
        assert f(1.0) == read()


def counted_from_one():
    n = 0.0
    while True:
        n += 1.0
        yield n


class Feed:
    def __init__(self, numbers):
        self.numbers = numbers


class Loader:
    def __init__(self):
        self.read = 0.0

    def __iter__(self):
        return self

    def __next__(self):
        self.read += 1.0
        return self.read


ITERATORS = {
    "a class": Loader,
    "a list": lambda: iter([1.0, 2.0, 3.0, 4.0]),
    "a count": lambda: itertools.count(1.0),
    "a generator": counted_from_one,
    "a map": lambda: map(float, range(1, 9)),
    "an array": lambda: iter(np.arange(1.0, 9.0)),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("make", ITERATORS.values(), ids=ITERATORS)
@pytest.mark.parametrize("way", ["closure", "attribute", "for"])
def test_an_iterator_that_f_consumes_moves_on_at_each_call(make, way):
    numbers = make()
    feed = Feed(numbers)
    ways = {
        "closure": lambda x: x * next(numbers),
        "attribute": lambda x: x * next(feed.numbers),
        "for": lambda x: next(x * y for y, _ in zip(numbers, [0], strict=False)) if feed else x,
    }
    f = jit(ways[way], backend="python")
    with pytest.warns(RuntimeWarning, match="reads an iterator, a .*: draw them outside, and pass them as an argument"):
        first = f(1.0)
    assert first == 1.0
    assert f(1.0) > 1.0
    assert jit(grad(lambda x: x * 3.0), backend="python")(1.0) == 3.0
    with pytest.raises(TypeError, match="reads an iterator"):
        jit(ways[way], batch=("x",), backend="python")(np.ones(3))


def test_a_file_is_no_such_iterator(tmp_path):
    with open(tmp_path / "log.txt", "w", encoding="utf-8") as log, warnings.catch_warnings():
        warnings.simplefilter("error")
        assert jit(lambda x: (log.write("traced\n"), x * 2.0)[1], backend="python")(1.0) == 2.0

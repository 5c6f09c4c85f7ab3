"""Calls from the third on: code made for their arguments gives what the general path gives, bit for bit."""

import copy
import dataclasses
import enum
import math
import pickle
import threading
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny import Value, jit, ops, value_and_grad
from autograd_tiny.compiler.jitted import Jitted
from autograd_tiny.engine.tree import leaves
from autograd_tiny.nn import MLP, Module

np = pytest.importorskip("numpy")
BACKENDS = ["numpy", "python", pytest.param("llvm", marks=pytest.mark.compiler)]


@pytest.fixture(params=BACKENDS)
def backend(request):
    if request.param == "llvm":
        pytest.importorskip("llvmlite")
    return request.param


class Pair(NamedTuple):
    a: Any
    b: Any


@dataclasses.dataclass
class Rates:
    fast: Any
    slow: Any = None


class Kind(enum.Enum):
    PLAIN = 1


def total(*trees, **more):
    """A number that depends on every number of the arguments, each in its own way."""
    numbers = [x for tree in (*trees, *more.values()) for _, x in leaves(tree)]
    return sum((i + 1) * x * x for i, x in enumerate(numbers))


X = np.arange(12.0).reshape(4, 3)
TREES = {
    "dict": lambda: {"w": [1.0, 2.0], "b": 3.0},
    "dict in another order": lambda: {"b": 3.0, "a": {"d": 1.0, "c": 2.0}},
    "keys that are numbers": lambda: {2: 1.0, 1: [2.0]},
    "nested": lambda: [({"a": [1.0]}, [2.0, (3.0,)])],
    "None": lambda: {"a": None, "b": [None, 1.0]},
    "empty": lambda: [1.0, [], {}, (), None],
    "rows": lambda: [[1.0, 2.0], [3.0, 4.0]],
    "integers": lambda: {"a": 1, "b": [2, 3.0]},
    "NumPy numbers": lambda: [np.float64(1.5), 2.0],
    "array": lambda: X.copy(),
    "Fortran": lambda: np.asfortranarray(X),
    "strided": lambda: np.arange(24.0).reshape(4, 6)[:, ::2],
    "float32": lambda: X.astype("f"),
    "integer array": lambda: X.astype(int),
    "empty array": lambda: [np.zeros((0, 3)), 1.0],
    "one number in an array": lambda: [np.array(2.0), 1.0],
    "arrays": lambda: {"x": X.copy(), "y": [X[0].copy(), 2.0]},
    "named tuple": lambda: Pair(1.0, Pair([2.0], 3.0)),
    "dataclass": lambda: Rates(1.0, Rates([2.0, 3.0])),
    "Module": lambda: MLP(2, [2, 1], seed=0),
    "Modules": lambda: {"m": MLP(1, [1], seed=0), "k": 2.0},
}


def settled(f, *args, **kwargs):
    """The results of six calls, which must be alike, and True if the last was made by code for its arguments."""
    results = [f(*args, **kwargs) for _ in range(6)]
    assert all(repr(y) == repr(results[0]) for y in results[1:])
    general, f._given = f._given, None
    try:
        assert repr(f(*args, **kwargs)) == repr(results[0])
    finally:
        f._given = general
    return results[0]


@pytest.mark.parametrize("name", TREES)
def test_trees(name, backend):
    tree = TREES[name]()
    settled(jit(value_and_grad(total), backend=backend), tree, 2.0)


@pytest.mark.parametrize("name", TREES)
def test_trees_by_keyword(name, backend):
    settled(jit(lambda k, *, tree: k * total(tree), backend=backend), 2.0, tree=TREES[name]())


def test_keywords_defaults_and_more_arguments(backend):
    f = jit(lambda x, y=3.0, *more, k=2.0: x * y * k + sum(more), backend=backend)
    assert settled(f, 1.0) == 6.0
    assert settled(f, 1.0, k=4.0) == 12.0
    assert settled(f, x=1.0, y=2.0) == settled(f, y=2.0, x=1.0) == 4.0
    assert settled(f, 1.0, 2.0, 5.0, [6.0][0]) == 15.0
    with pytest.raises(TypeError):
        f(1.0, x=2.0)
    with pytest.raises(TypeError):
        f(1.0, z=2.0)


def test_static_arguments(backend):
    f = jit(lambda tree, how, n: (tree["x"] if how == "plain" else -tree["x"]) * n, static="n", backend=backend)
    for kind in ("plain", "turned", None, True, Kind.PLAIN):
        for n in (2, 3):
            expected = (1 if kind == "plain" else -1) * 4.0 * n
            assert settled(f, {"x": 4.0}, kind, n) == expected
    assert f({"x": 4.0}, "plain", 2) == 8.0


BATCHES = {
    "array": lambda: X,
    "list of rows": lambda: X.tolist(),
    "tuple of lists": lambda: tuple(X.tolist()),
    "list of tuples": lambda: [*map(tuple, X.tolist())],
    "integers in rows": lambda: [[1, 2.0, 3], [4, 5, 6]],
    "Fortran": lambda: np.asfortranarray(X),
    "strided": lambda: np.arange(24.0).reshape(4, 6)[:, ::2],
    "float32": lambda: X.astype("f"),
    "integer array": lambda: X.astype(int),
}


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize("reduce", [None, "mean"])
def test_batches(name, reduce, backend):
    x = BATCHES[name]()
    y = [1.0] * len(x)
    f = jit(value_and_grad(lambda w, x, y: total(w, x) * y), batch=("x", "y"), reduce=reduce, backend=backend)
    settled(f, {"w": 2.0}, x, y)
    settled(f, {"w": 2.0}, y=y[:2], x=x[:2])
    with pytest.raises(ValueError, match="the same number of samples"):
        f({"w": 2.0}, x, y[:1])
    with pytest.raises(ValueError, match="empty"):
        f({"w": 2.0}, x[:0], y[:0])


@pytest.mark.parametrize("reduce", [None, "sum", "mean"])
@pytest.mark.parametrize("given", ["array", "model", "closed over"])
def test_batches_of_every_size_give_the_bits_of_the_general_path(given, reduce, backend):
    model, rng = MLP(2, [3, 1], seed=0), np.random.default_rng(0)
    w = np.array([p.data for p in model.parameters()])
    f, args = {
        "array": (value_and_grad(lambda w, x, y: (model.with_parameters(w)(x) - y) ** 2), (w,)),
        "model": (value_and_grad(lambda m, x, y: (m(x) - y) ** 2), (model,)),
        "closed over": (lambda x, y: (model(x) - y) ** 2, ()),
    }[given]
    compiled = jit(f, batch=("x", "y"), reduce=reduce, backend=backend)
    for size in (1, 2, 7, 8, 100, 1, 1500 if backend == "python" else 30_000):
        x, y = rng.normal(size=(size, 2)), rng.normal(size=size)
        compiled(*args, x, y)
        fresh = jit(f, batch=("x", "y"), reduce=reduce, backend=backend)
        assert repr(compiled(*args, x, y)) == repr(fresh(*args, x, y))
    if given != "array":
        model.parameters()[0].data = 3.0
        fresh = jit(f, batch=("x", "y"), reduce=reduce, backend=backend)
        assert repr(compiled(*args, x[:8], y[:8])) == repr(fresh(*args, x[:8], y[:8]))


def test_threads_share_one_compiled_function(backend):
    model, rng, wrong = MLP(2, [3, 1], seed=0), np.random.default_rng(0), []
    f = jit(value_and_grad(lambda m, x: m(x) ** 2), batch="x", reduce="mean", backend=backend)
    tables = [rng.normal(size=(n, 2)) for n in (1, 20, 40, 80)]
    expected = [repr(f(model, x)) for x in tables]

    def work():
        for _ in range(20):
            wrong.extend(len(x) for x, y in zip(tables, expected, strict=True) if repr(f(model, x)) != y)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_tables_of_pandas(backend):
    pandas = pytest.importorskip("pandas")
    x, y = pandas.DataFrame({"a": [1.0, 2.0], "b": [3, 4]}), pandas.Series([1.0, 2.0])
    f = jit(lambda k, x, y: k["k"] * x["a"] * x["b"] - y, batch=("x", "y"), backend=backend)
    assert list(settled(f, {"k": 2.0}, x, y)) == [5.0, 14.0]
    assert list(f({"k": 2.0}, x[["b", "a"]], y)) == [5.0, 14.0]
    with pytest.raises(TypeError):
        f({"k": 2.0}, x.astype(str), y)


@pytest.mark.parametrize("bad", [[["1.0"] * 3], [[True] * 3], [[None] * 3], [[10**400] * 3], [[1.0, 2.0]], [1.0], "x"])
def test_bad_batches_are_refused_as_before(bad, backend):
    f = jit(lambda k, x: k["k"] * (x[0] + x[1] + x[2]), batch="x", backend=backend)
    good, fresh = X.tolist(), jit(f.f, batch="x", backend=backend)
    settled(f, {"k": 2.0}, good)
    try:
        expected = fresh({"k": 2.0}, bad)
    except Exception as error:
        with pytest.raises(type(error)):
            f({"k": 2.0}, bad)
    else:
        assert repr(f({"k": 2.0}, bad)) == repr(expected)


def test_a_structure_that_changes_between_calls(backend):
    f = jit(value_and_grad(total), backend=backend)
    for _ in range(3):
        for name, make in TREES.items():
            tree = make()
            if name != "integers":
                assert repr(f(tree)) == repr(jit(value_and_grad(total), backend=backend)(tree)), name


@pytest.mark.parametrize(
    "other", [1, True, None, [2.0], np.ones(2), np.float32(2.0), np.array(2.0), (), "x", 1j, Value(2.0)]
)
def test_a_leaf_that_becomes_something_else(other, backend):
    f = jit(lambda tree: total(tree["a"], tree["b"]), backend=backend)
    settled(f, {"a": 1.0, "b": [2.0, 3.0]})
    for tree in ({"a": other, "b": [2.0, 3.0]}, {"a": 1.0, "b": [2.0, other]}):
        try:
            expected = jit(f.f, backend=backend)(tree)
        except Exception as error:
            with pytest.raises(type(error)):
                f(tree)
        else:
            assert repr(f(tree)) == repr(expected)
    assert f({"a": 1.0, "b": [2.0, 3.0]}) == 36.0


class Scaled(Module):
    def __init__(self):
        self.w, self.factor, self.table, self.name = Value(2.0), 3.0, np.array([1.0, 2.0]), "x"

    def __call__(self, x):
        return self.w * x * self.factor + self.table[1]


WRITES = [
    lambda m: setattr(m, "factor", 5.0),
    lambda m: setattr(m, "table", np.array([1.0, 7.0])),
    lambda m: m.table.__setitem__(1, 7.0),
    lambda m: setattr(m.w, "data", 7.0),
    lambda m: setattr(m.w, "data", 7),
    lambda m: setattr(m, "w", Value(9.0)),
    lambda m: vars(m).update(w=Value(9.0)),
]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("given", [True, False])
def test_what_is_written_to_a_module_between_calls_is_read(write, given, backend):
    model = Scaled()
    f = jit((lambda m, x: m(x)) if given else (lambda x: model(x)), backend=backend)
    args = (model, 2.0) if given else (2.0,)
    assert [f(*args) for _ in range(5)] == [14.0] * 5
    write(model)
    expected = model(2.0).data
    assert expected != 14.0
    assert [f(*args) for _ in range(5)] == [expected] * 5


def test_functions_with_branches(backend):
    k = Value(2.0)

    def f(x, tree):
        if x > tree["a"]:
            return x * tree["b"][0]
        return k * x if x < 0.0 else -x

    compiled = jit(value_and_grad(f), backend=backend)
    assert settled(jit(value_and_grad(lambda x, y: x * y if x > y else x + y), backend=backend), 2.0, 1.0) == (2.0, 1.0)
    assert settled(compiled, 2.0, {"a": 1.0, "b": [3.0]}) == (6.0, 3.0)
    for _ in range(4):
        assert compiled(0.5, {"a": 1.0, "b": [3.0]}) == (-0.5, -1.0)
        assert compiled(2.0, {"a": 1.0, "b": [3.0]}) == (6.0, 3.0)
        assert compiled(-1.0, {"a": 1.0, "b": [3.0]}) == (-2.0, 2.0)
    k.data = 5.0
    assert compiled(-1.0, {"a": 1.0, "b": [3.0]}) == (-5.0, 5.0)
    assert compiled(float("nan"), {"a": 1.0, "b": [3.0]})[1] == -1.0


def test_values_that_are_given_and_closed_over(backend):
    w, model = Value(2.0), Scaled()
    f = jit(lambda m, x: w * m.w * x, backend=backend)
    assert [f(model, 2.0) for _ in range(5)] == [8.0] * 5
    w.data = 3.0
    assert [f(model, 2.0) for _ in range(5)] == [12.0] * 5
    model.w = w
    assert [f(model, 2.0) for _ in range(5)] == [18.0] * 5
    model.w = Value(1.0)
    assert [f(model, 2.0) for _ in range(5)] == [6.0] * 5


def test_threads_that_call_while_code_is_made_and_swapped(backend):
    k, wrong = {"k": 1.0}, []
    f = jit(value_and_grad(lambda tree: k["k"] * total(tree)), backend=backend)
    trees = [make() for name, make in TREES.items() if name not in ("integers", "Module", "Modules")][:8]
    expected = [repr(f(tree)) for tree in trees]

    def work():
        for _ in range(12):
            for tree, y in zip(trees, expected, strict=True):
                if repr(f(tree)) != y:
                    wrong.append(tree)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for _ in range(5):
        f._quick = type(f._quick)()  # all code is made again, while others call
    for t in threads:
        t.join()
    assert not wrong


def test_a_new_structure_delays_code_for_the_others_by_two_calls(backend):
    f = jit(value_and_grad(total), backend=backend)
    first, second = TREES["dict"](), TREES["nested"]()
    f(first), f(first), f(second)
    settled(f, first)
    settled(f, second)


def test_arrays_from_another_process_are_read_from_memory(monkeypatch):
    pytest.importorskip("llvmlite")
    monkeypatch.setattr("autograd_tiny.compiler.jitted.flattener", None)  # Python is not needed
    x = pickle.loads(pickle.dumps(X))  # its dtype is an equal object, not the same
    f = jit(value_and_grad(lambda w, x: total(w, x)), batch="x", reduce="sum", backend="llvm")
    w = {"w": pickle.loads(pickle.dumps(X[0]))}
    expected = settled(f, w, x)
    assert repr(f({"w": X[0]}, X)) == repr(settled(f, w, X)) == repr(expected)
    assert len(f._quick.trees) == 1
    assert repr(f({"w": X[0].astype(">f8")}, X)) == repr(expected)


ATOMS = st.sampled_from(
    [0, 1, True, 1.0, 0.0, -0.0, 1000, 2**40, "a", "ab", None, b"x", math.nan, np.int64(3), ops.exp]
)
STATIC = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.lists(inner, max_size=2).map(frozenset),
    max_leaves=4,
)


def spelled(x):
    """Write an argument; equal sets, whose items have no order, are written alike."""
    if isinstance(x, (tuple, frozenset)):
        items = [spelled(item) for item in x]
        return f"({', '.join(items)})" if isinstance(x, tuple) else f"{{{', '.join(sorted(items))}}}"
    return repr(x)


@pytest.mark.parametrize("backend", ["python", "llvm"])
@settings(max_examples=40, deadline=None)
@given(kept=st.lists(STATIC, min_size=1, max_size=3), data=st.data())
def test_static_arguments_of_any_kind_in_every_call(backend, kept, data):
    """The quick path takes equal ones alone: f sees the one it was called with, type and sign included."""
    if backend == "llvm":
        pytest.importorskip("llvmlite")
    number = {}
    f = jit(lambda w, how: w[0] * number.setdefault(spelled(how), len(number)), static="how", backend=backend)
    for _ in range(12):
        how = data.draw(st.sampled_from(kept))
        again = copy.deepcopy(how) if data.draw(st.booleans()) else how
        y = f([1.0, 2.0], again)
        assert y == number[spelled(how)], (kept, how)


@pytest.mark.parametrize(
    "make",
    [
        lambda: (1, (2.5, "a")),
        lambda: int("1000"),
        lambda: float("2.5"),
        lambda: "a" * int("5"),
        lambda: frozenset([1, 2]),
        lambda: np.int64(7),
        lambda: ops.tanh,
        lambda: math.sqrt,
        lambda: times_two,
    ],
)
def test_an_unchanged_static_argument_leaves_the_quick_path_open(make, monkeypatch):
    f = jit(lambda w, how: w[0] * w[1], static="how", backend="python")
    for _ in range(9):
        assert f([2.0, 3.0], make()) == f([2.0, 3.0], how=make()) == 6.0
    monkeypatch.setattr(Jitted, "_given", None)
    assert f([2.0, 3.0], make()) == f([2.0, 3.0], how=make()) == 6.0


def times_two(x):
    return 2.0 * x


def test_a_static_function_that_reads_something_else_is_seen_on_the_quick_path():
    rate = [2.0]
    f = jit(lambda w, how: how(w[0]), static="how", backend="python")
    how = lambda x: rate[0] * x  # noqa: E731
    for k in (2.0, 5.0, 2.0, 5.0, 7.0, 2.0):
        rate[0] = k
        assert [f([1.0], how) for _ in range(9)] == [k] * 9

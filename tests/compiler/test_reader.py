"""Machine code that reads arguments, compares what a function reads and rebuilds results: the same as in Python."""

import copy
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny import Value, jit, value_and_grad
from autograd_tiny.compiler.arguments import Results
from autograd_tiny.compiler.flatten import flattener
from autograd_tiny.compiler.layout import Layout, NoLayout
from autograd_tiny.compiler.lower import prepared
from autograd_tiny.compiler.surroundings import ANY, CLASS, watched_by_python
from autograd_tiny.engine.tree import leaves
from autograd_tiny.nn import MLP, Module

np = pytest.importorskip("numpy")
pytest.importorskip("llvmlite")
from autograd_tiny.compiler.backends import to_llvm  # noqa: E402 - after llvmlite
from autograd_tiny.compiler.backends.llvm import kernel, objects, reader  # noqa: E402

if not objects.is_known():
    pytest.skip("this interpreter lays out its objects in another way", allow_module_level=True)

floats = st.floats(width=32)
leaf = floats | floats.map(np.float64) | st.none()
arrays = st.lists(floats, min_size=1, max_size=6).map(np.array) | st.just(np.arange(6.0).reshape(2, 3))
keys = st.sampled_from(["w", "b", "k'ey", "x]", ""])
trees = st.recursive(
    leaf | arrays | st.lists(floats, max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys, inner, max_size=3)
        | st.dictionaries(st.integers(0, 3), inner, max_size=3)
    ),
    max_leaves=8,
)


def same(a, b):
    if a is None or b is None:
        return a is b
    return np.array_equal(np.asarray(a, float), np.asarray(b, float), equal_nan=True)


def both(args, captured=(), apart=()):
    layout = Layout(args, [False] * len(args))
    return flattener(layout, apart), reader.reader(layout, captured, apart)


@given(trees, trees)
def test_machine_code_takes_the_numbers_that_python_takes(x, y):
    slow, fast = both((x, y))
    assert same(fast((x, y)), slow((x, y)))
    again = copy.deepcopy((x, y))
    assert same(fast(again), slow(again))


@settings(max_examples=300)
@given(trees, trees)
def test_machine_code_refuses_what_python_refuses(x, y):
    slow, fast = both((x,))
    assert fast((y,)) is None or same(fast((y,)), slow((y,)))


@settings(max_examples=300)
@given(trees.filter(lambda x: x.__class__ in (list, dict) and x), st.data())
def test_a_tree_changed_in_one_place(x, data):
    slow, fast = both((x,))
    changed = copy.deepcopy(x)
    place = changed
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if place[key].__class__ not in (list, dict) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    kinds = [1, True, None, 2.0, [], [1.0], (1.0,), {}, np.float64(1.0), np.ones(2), np.ones(2, "f"), "x", Value(1.0)]
    other = data.draw(st.sampled_from(kinds))
    if isinstance(place, list) and data.draw(st.booleans()):
        place.append(other)
    else:
        place[key] = other
    found = fast((changed,))
    assert found is None or same(found, slow((changed,)))


class Line(Module):
    def __init__(self):
        self.slope, self.weights, self.sizes, self.on = Value(2.0), {"b": Value(1.0), "a": [Value(3.0)]}, [2, 3], True
        self.inner = MLP(1, [2], seed=0)


def tie(line):
    line.slope = line.weights["b"]


def grow(line):
    line.parts = [line.inner, line]


CHANGES = [
    lambda line: vars(line).update(on=False),
    lambda line: line.sizes.append(4),
    lambda line: vars(line).update(extra=Value(1.0)),
    lambda line: vars(line).pop("on"),
    lambda line: line.weights["a"].append(Value(1.0)),
    lambda line: line.weights.update(b=2.0),
    lambda line: line.weights.update(c=Value(2.0)),
    lambda line: vars(line).update(inner=MLP(1, [3], seed=0)),
    lambda line: vars(line.inner.layers[0].neurons[0]).update(activation=Value.tanh),
    lambda line: vars(line).update(slope=Value(1.0) * 2.0),
    lambda line: setattr(line.slope, "data", "2"),
    lambda line: delattr(line.slope, "data"),
    tie,
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_module_is_refused_at_every_call(change):
    line = Line()
    _, fast = both((line,))
    assert len(fast((line,))) == 7
    change(line)
    assert fast((line,)) is None
    assert fast((line,)) is None  # a refusal teaches nothing


@pytest.mark.parametrize("prepare", [tie, grow])
def test_a_value_or_module_that_stands_in_two_places(prepare):
    line = Line()
    prepare(line)
    slow, fast = both((line,))
    assert same(fast((line,)), slow((line,)))
    if prepare is tie:
        line.slope = Value(2.0)
    else:
        line.parts[1] = Line()
    assert slow((line,)) is fast((line,)) is None


def test_models_that_take_turns():
    lines = [Line(), Line()]
    slow, fast = both((lines[0],))
    for i in range(6):
        lines[i % 2].slope.data = float(i)
        assert same(fast((lines[i % 2],)), slow((lines[i % 2],)))


def test_values_apart_and_captured_values():
    line, other = Line(), Value(5.0)
    slow, fast = both((line, 1.0), (other,), (other,))
    assert same(fast((line, 1.0)), [*slow((line, 1.0)), 5.0])
    other.data = 6.0
    assert fast((line, 1.0))[-1] == 6.0
    line.slope = other
    assert slow((line, 1.0)) is fast((line, 1.0)) is None
    line.slope = Value(1.0)
    other.data = 7
    assert fast((line, 1.0)) is None


def test_dicts_with_equal_keys_that_are_other_objects():
    _, fast = both(({"key one": 1.0, "b": 2.0},))
    assert same(fast(({"".join(["key ", "one"]): 3.0, "b": 4.0},)), [4.0, 3.0])
    assert fast(({"b": 4.0, "key one": 3.0},)) is None  # in another order: by Python


def test_arrays_of_another_shape_order_or_type_are_refused():
    _, fast = both((np.ones((2, 3)),))
    assert same(fast((np.full((2, 3), 5.0),)), [5.0] * 6)
    for other in (np.ones((3, 2)), np.ones((3, 2)).T, np.ones((2, 6))[:, ::2], np.ones((2, 3), "f"), np.ones(6)):
        assert fast((other,)) is None
    unaligned = np.frombuffer(b"." + bytes(48), "d", offset=1).reshape(2, 3)
    assert unaligned.flags.aligned or fast((unaligned,)) is None


def test_no_reference_is_lost_or_kept():
    line, key = Line(), "some key of a dict"
    _, fast = both((line, {key: [1.0, 2.0]}))
    put = reader.builder((0.0, {key: [0.0, np.zeros(2)]}))
    watched = [line, line.slope, key, line.weights, None]
    args, ys = (line, {key: [1.0, 2.0]}), np.arange(4.0)
    before = [sys.getrefcount(x) for x in watched]
    for _ in range(5000):
        fast(args), fast((line,)), put(ys)
    assert all(abs(sys.getrefcount(x) - n) < 50 for x, n in zip(watched, before, strict=True))
    found = put(ys)[1][key]
    count = sys.getrefcount(found)
    assert count == 2  # the name, and the argument


def zeros(tree):
    return Results(tree, each=False).model


@given(trees.filter(lambda tree: tree is not None))
def test_results_are_rebuilt_as_in_python(tree):
    results = Results(tree, each=False)
    ys = np.arange(float(len([*leaves(tree)])))
    if put := reader.builder(results.model):
        assert repr(put(ys)) == repr(results.around(ys))


@pytest.mark.parametrize("watcher", [reader.watcher, watched_by_python])
@pytest.mark.parametrize(
    "change",
    [
        lambda items, own, cell, scope: items.append(1),
        lambda items, own, cell, scope: items.__setitem__(0, 2.0),
        lambda items, own, cell, scope: items.pop(),
        lambda items, own, cell, scope: own.update(a=3.5),
        lambda items, own, cell, scope: own.update(c=3.0),
        lambda items, own, cell, scope: own.pop("b"),
        lambda items, own, cell, scope: own.update(c=own.pop("b")),
        lambda items, own, cell, scope: setattr(cell, "cell_contents", None),
        lambda items, own, cell, scope: delattr(cell, "cell_contents"),
        lambda items, own, cell, scope: scope.update(g=None),
        lambda items, own, cell, scope: scope.pop("g"),
    ],
)
def test_every_change_of_what_is_watched_is_seen(watcher, change):
    x = [2, 3.5]
    items, own, cell, scope = [1, 2.5], {"a": 2.5, "b": x}, (lambda: x).__closure__[0], {"g": x, "other": 1}
    held = [(items, [*items]), (own, {**own}), (cell, x), (scope, "g", x)]
    same = watcher(held)
    assert same()
    scope["other"] = 2
    assert same()
    change(items, own, cell, scope)
    assert not same()


@pytest.mark.parametrize("watcher", [reader.watcher, watched_by_python])
def test_a_changed_class_is_seen(watcher):
    class Other(Line):
        pass

    line = Line()
    same = watcher([(CLASS, line, Line)])
    assert same()
    line.__class__ = Other
    assert not same()


def test_a_value_that_may_change():
    own = {"count": 1, "a": 2.5}
    same = reader.watcher([(own, {"count": ANY, "a": own["a"]})])
    own["count"] = 2
    assert same()
    own["a"] = 3.5
    assert not same()


def test_interpreters_of_another_layout_have_no_reader(monkeypatch):
    monkeypatch.setattr(reader, "is_known", lambda: False)
    assert both((1.0,))[1] is None
    assert reader.builder([0.0]) is None
    assert reader.watcher([([1], [1])]) is None
    k = [2.0]
    f = jit(lambda tree: k[0] * tree["a"], backend="llvm")
    assert [f({"a": 1.0}) for _ in range(4)] == [2.0] * 4
    k[0] = 3.0
    assert f({"a": 1.0}) == 3.0


def test_deep_trees_take_the_general_path():
    tree = 1.0
    for _ in range(100):
        tree = [tree]
    slow, fast = both((tree,))
    assert same(fast((tree,)), slow((tree,)))
    with pytest.raises(NoLayout):
        both((object(),))


def test_threads_read_their_own_numbers():
    model = MLP(2, [4, 1], seed=0)
    step = jit(value_and_grad(lambda m, tree: m(tree["x"]) ** 2), backend="llvm")
    expected = {k: step(model, {"x": [float(k), 1.0]}) for k in range(4)}
    wrong = []

    def work(k):
        for _ in range(300):
            if step(model, {"x": [float(k), 1.0]}) != expected[k]:
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    [t.start() for t in threads], [t.join() for t in threads]
    assert not wrong


TOGETHER = """
import gc, threading
import numpy as np
from autograd_tiny import jit
from autograd_tiny.compiler.backends.llvm import entry, reader

def together(make):
    made, start = [], threading.Barrier(4)
    threads = [threading.Thread(target=lambda: (start.wait(), made.append(make()))) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return made

def floats():
    f = jit(lambda x: x * x)
    return [f(3.0), f(3.0), f][-1]

for _ in range(10):
    reader._code.cache_clear(), entry._definition.cache_clear()
    rows, squares = together(lambda: reader.builder([0.0, 0.0])), together(floats)
    gc.collect()
    over = [bytearray(32) for _ in range(100_000)]
    for f in rows: assert f(np.arange(2.0)) == [0.0, 1.0]
    for f in squares: assert f(3.0) == 9.0
"""


def test_threads_that_make_the_first_code_together_keep_their_own():
    done = subprocess.run([sys.executable, "-c", TOGETHER], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("threads", [1, 2])
def test_a_batch_of_several_shards_has_the_bits_of_the_call_from_python(threads, monkeypatch):
    monkeypatch.setattr(kernel, "MIN_SHARD_WORK", 1)
    loss = value_and_grad(lambda w, x: (sum(a * b for a, b in zip(w, [*x, 2.0], strict=True)) - 1.0) ** 2)
    f = jit(loss, batch="x", reduce="sum")
    w, rng = np.array([0.3, -0.7, 0.1, 1.9, -0.2]), np.random.default_rng(0)
    program = prepared(f.program(w, np.ones((1, 4))))
    least = kernel.MIN_SHARD_BLOCKS * to_llvm.machine().lanes
    monkeypatch.setattr(kernel, "MIN_THREAD_WORK", 3 * least * len(program.steps))
    called = to_llvm.build(program, threads=threads)
    for size in (1, least, least + 1, 3 * least, 6 * least, 70 * least + 3, 200 * least):
        args = w, rng.normal(size=(size, 4))
        run = reader.runner(Layout(args, [False, True]), (), (), called.direct, True)
        found = run(args)
        if threads == 2 and size >= 6 * least:
            assert found is None
        else:
            assert found.tobytes() == (called(w, [args[1]], size) / size).tobytes()

"""Folding: a picture counts every value and every use, drawn, folded or left out."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny import Op, Value
from autograd_tiny.check import programs
from autograd_tiny.engine import ops
from autograd_tiny.engine.provenance import tracing
from autograd_tiny.engine.value import topological_order
from autograd_tiny.nn.modules import MLP
from autograd_tiny.pictures.drawing import draw
from autograd_tiny.pictures.options import READABLE_BOXES, choices
from autograd_tiny.pictures.picture import Box, framed
from autograd_tiny.stepper.attribution import paths
from autograd_tiny.stepper.traces import trace


def accounted(y, picture):
    """Assert that the picture counts each value and use once, and return it."""
    order = topological_order(y)
    assert picture.values == len(order)
    assert picture.uses == sum(len(v.parents) for v in order)
    keys = [box.key for box in picture.boxes]
    assert len(set(keys)) == len(keys)
    assert {arrow.tail for arrow in picture.arrows} | {arrow.head for arrow in picture.arrows} <= set(keys)
    assert all(arrow.count > 0 for arrow in picture.arrows)
    if picture.left_out or picture.values > len([box for box in picture.boxes if box.count]):
        assert picture.caption
    return picture


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "fold": st.sampled_from(choices("fold")),
        "collapse": st.sampled_from([1, 2, 3]),
        "depth": st.integers(1, 6),
        "focus": st.just("x0"),
        "highlight": st.just("x0"),
        "limit": st.integers(1, 12),
        "show": st.lists(st.sampled_from(choices("show")), unique=True),
        "rankdir": st.sampled_from(["LR", "TB"]),
    },
)


@given(programs(inputs=8), OPTIONS)
def test_every_value_and_every_use_is_accounted_for(program, options):
    options.pop("collapse", None)
    y = program.value()
    y = y + topological_order(y)[0]
    accounted(y, draw(y, **options).picture)


def batch(model, points):
    losses = [(1 - label * model(xs)).relu() for xs, label in points]
    return sum(losses) * (1 / len(losses))


def points(n, dimensions=2, kind=float):
    rng = random.Random(n)
    return [([kind(rng.uniform(-1, 1)) for _ in range(dimensions)], rng.choice((-1, 1))) for _ in range(n)]


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(1, 5), st.sampled_from([float, Value]),
    st.booleans(), OPTIONS,
)  # fmt: skip
@settings(max_examples=40)
def test_networks_are_accounted_for(sizes, n, kind, traced, options):
    options = {k: v for k, v in options.items() if k not in ("focus", "highlight")}
    model = MLP(2, [*sizes, 1], activation=ops.tanh, seed=0)
    with tracing() as recording:
        y = batch(model, points(n, kind=kind))
    y.backward()
    accounted(y, draw(y, recording=recording if traced else None, **options).picture)


@given(programs(), st.integers(1, 8))
def test_each_coarser_picture_has_fewer_boxes_and_the_same_values(program, limit):
    y = program.value()
    graph = draw(y, fold="nothing")
    before = len(accounted(y, graph.picture).boxes)
    for coarser in graph.coarser("why"):
        assert coarser.picture.caption[-1] == "why"
        drawn = len([box for box in accounted(y, coarser.picture).boxes if box.count])
        assert drawn < before
        before = drawn


def titles(graph):
    return [box.title for box in graph.picture.boxes]


def test_a_small_graph_is_drawn_as_it_is():
    a, b = Value(3.0, "a"), Value(-2.0, "b")
    picture = draw((a - b) / (b - 1)).picture
    assert [box.title for box in picture.boxes] == ["a", "b", "a - b", "b - 1", "(a - b) / (b - 1)"]
    assert [(arrow.tail, arrow.head) for arrow in picture.arrows] == [
        ("n0", "n2"), ("n1", "n2"), ("n1", "n3"), ("n2", "n4"), ("n3", "n4"),
    ]  # fmt: skip
    assert picture.caption == ()
    twice = draw(a + a).picture
    assert [(arrow.tail, arrow.head, arrow.count) for arrow in twice.arrows] == [("n0", "n1", 1)] * 2


def test_sums_and_dot_products_become_one_box():
    ws, xs = [Value(i, f"w{i}") for i in range(3)], [Value(i, f"x{i}") for i in range(3)]
    y = (sum(w * x for w, x in zip(ws, xs, strict=True)) + Value(1.0, "b")).tanh()
    assert titles(draw(y, fold="sums")) == ["w0", "x0", "w1", "x1", "w2", "x2", "b", "sum of 4 terms", "y = tanh(…)"]
    short = Value(2.0, "a") * Value(3.0, "b") + Value(4.0, "c")
    assert titles(draw(short, fold="sums"))[-1] == "short = a * b + c"


def test_what_has_a_name_or_another_use_is_not_taken_into_a_sum():
    a, b, c = (Value(1.0, name) for name in "abc")
    part = a + b
    assert len(draw(part + c, fold="sums").picture.boxes) == 4
    assert len(draw((part + c) * part, fold="sums").picture.boxes) == 6
    part.name = "part"
    assert titles(draw(part + c, fold="sums")) == ["a", "b", "part = a + b", "c", "part + c"]


def test_an_op_of_ones_own_folds_by_its_sign():
    plus = Op("plus", lambda a, b: a + b, (lambda y, a, b: 1.0, lambda y, a, b: 1.0), infix=("+", 1))
    y = Value(1.0)
    for _ in range(5):
        y = plus(y, 2.0)
    assert len(draw(y, fold="sums").picture.boxes) == 2


@pytest.mark.parametrize("total", [sum, lambda terms: ops.fsum(*terms), lambda terms: sum(terms, Value(0.0))])
@pytest.mark.parametrize("kind", [lambda x, name: float(x), lambda x, name: Value(x), Value])
def test_samples_fold_whatever_sums_them(total, kind):
    w, b = Value(2.0), Value(1.0)  # unnamed: shared because every sample uses them
    y = total([(w * kind(i, "x") + b - kind(2 * i, "t")) ** 2 for i in range(1, 21)])
    y.backward()
    picture = accounted(y, draw(y, fold="samples").picture)
    squares = [box for box in picture.boxes if "** 2 ×20" in box.title]
    assert len(squares) == 1
    assert squares[0].count == 20
    assert str(squares[0].lines[0]) == "data 1"
    assert {str(box.lines[0]) for box in picture.boxes if box.kind == "leaf"} >= {"data 2", "data 1"}
    inputs = [box for box in picture.boxes if box.kind == "leaf" and box.count == 20]
    assert sorted(str(box.lines[0]) for box in inputs) == (
        [] if isinstance(kind(1, "x"), float) else ["data 1 … 20 (mean 10.5)", "data 2 … 40 (mean 21)"]
    )


def test_the_inputs_of_a_sample_stay_apart():
    model = MLP(3, [4, 1], seed=0)
    y = batch(model, [([Value(i), Value(10 * i), Value(100 * i)], 1) for i in range(1, 9)])
    inputs = [
        str(box.lines[0]) for box in draw(y, fold="samples").picture.boxes if box.count == 8 and box.kind == "leaf"
    ]
    assert inputs == ["data 1 … 8 (mean 4.5)", "data 10 … 80 (mean 45)", "data 100 … 800 (mean 450)"]


def test_parameters_in_a_penalty_stay_apart():
    model = MLP(2, [3, 1], seed=0)
    y = batch(model, points(10)) + 0.1 * sum(p * p for p in model.parameters())
    picture = accounted(y, draw(y, fold="samples").picture)
    parameters = [box for box in picture.boxes if box.kind == "leaf"]
    assert len(parameters) == len(model.parameters())
    assert {box.count for box in parameters} == {1}


def test_two_uses_of_a_folded_value_are_two_arrows_and_an_unexpected_count_is_told():
    y = sum((x * x).tanh() for x in [Value(i) for i in range(1, 31)])
    picture = draw(y, fold="samples").picture
    assert [(arrow.count, arrow.label) for arrow in picture.arrows] == [(30, ""), (30, ""), (30, ""), (30, "")]
    y = MLP(2, [3, 2, 1], seed=0)([Value(1.0), Value(2.0)])
    picture = draw(y, collapse=1).picture
    assert [(arrow.count, arrow.label) for arrow in picture.arrows] == [(3, "×3"), (3, "×3"), (6, "×6"), (2, "×2")]


def test_a_batch_is_drawn_as_its_neurons():
    model = MLP(2, [16, 16, 1], seed=0)
    y = batch(model, points(20))
    y.backward()
    picture = accounted(y, draw(y).picture)
    assert len(picture.boxes) <= READABLE_BOXES
    neurons = [box for box in picture.boxes if box.title.endswith("neurons[3] ×20")]
    assert [box.title for box in neurons] == ["layers[0].neurons[3] ×20", "layers[1].neurons[3] ×20"]
    assert "…" in neurons[0].lines[1].text
    assert "draw(y, fold='samples'), 4" in picture.caption[-1]
    assert not framed(picture.boxes).frames


def test_modules_are_collapsed_by_name_and_by_depth():
    y = MLP(2, [3, 1], seed=0)([1.0, 2.0])
    assert sorted(titles(draw(y, collapse=1))) == ["layers[0]", "layers[1]"]
    one = draw(y, collapse="layers[0].neurons[1]")
    assert [box.title for box in one.picture.boxes if box.count > 1] == ["layers[0].neurons[1]"]
    frames = framed(one.picture.boxes).frames
    assert [frame.path for frame in frames] == ["layers[1].neurons[0]", "layers[0]"]
    with pytest.raises(ValueError, match=r"no value belongs to 'layers\[7\]'; the modules are layers"):
        draw(y, collapse="layers[7]")
    with pytest.raises(TypeError, match="collapse takes paths of modules or a depth, got 3"):
        draw(y, collapse=[3])


def test_the_mean_and_the_lacking_gradients_are_told():
    xs = [Value(x) for x in (1.0, 3.0, float("nan"))]
    y = ops.fsum(*[x.exp() for x in xs])
    for x in xs[:2]:
        x.grad = 1.0
    (leaf,) = (box for box in draw(y, fold="samples").picture.boxes if box.kind == "leaf")
    assert str(leaf.lines[0]) == "data 1 … 3 (mean 2), 1 nan"
    assert str(leaf.lines[1]) == "grad 1, 1 –"


def test_focus_keeps_every_path_and_counts_the_rest():
    a, b, c = (Value(2.0, name) for name in "abc")
    y = (a * b).tanh() * a + b * c
    picture = accounted(y, draw(y, focus="a").picture)
    last = "y = tanh(a * b) * a + b * c"
    assert titles(draw(y, focus=a)) == ["a", "a * b", "tanh(a * b)", "tanh(a * b) * a", last]
    assert (picture.left_out, picture.uses_left_out) == (3, 4)
    assert "Drawn: the paths from a to the output; 3 of 8 values are left out." in picture.caption


def test_depth_cuts_and_shows_where():
    a, b = Value(1.0, "a"), Value(2.0, "b")
    y = (a * b).tanh() + a
    picture = accounted(y, draw(y, depth=1).picture)
    titles = {"a": 1, "tanh(a * b)": 1, "y = tanh(a * b) + a": 1, "…": 0}
    assert [(box.title, box.count) for box in picture.boxes] == list(titles.items())
    assert [(arrow.tail, arrow.head) for arrow in picture.arrows][-1] == ("more1", "n1")


def test_highlight_takes_a_value_or_paths():
    a, b = Value(3.0, "a"), Value(2.0, "b")
    c = a * b
    y = c * a
    whole = draw(y, highlight=a).picture
    assert [box.bold for box in whole.boxes] == [True, False, True, True]
    steps = trace(y)
    best = paths(steps, steps.node("a"), 2)
    for way in ([y, c, a], [a, c, y], [[y, c, a]]):
        assert [arrow.bold for arrow in draw(y, highlight=way).picture.arrows] == [True, False, True, False]
    for both in (a, "a", best, best.largest, [[y, a], [y, c, a]]):
        assert [arrow.bold for arrow in draw(y, highlight=both).picture.arrows] == [True, False, True, True]


BAD = [
    ({"show": "data gradient"}, ValueError, "show: 'gradient' is not one of names, data, grad, scopes, local"),
    ({"fold": "all"}, ValueError, "fold: 'all' is not one of nothing, sums, samples"),
    ({"rankdir": "left"}, ValueError, "rankdir: 'left' is not one of LR, TB, RL, BT"),
    ({"depth": 0}, ValueError, "depth must be an integer of at least 1, got 0"),
    ({"depth": True}, ValueError, "depth must be an integer of at least 1, got True"),
    ({"limit": -1}, ValueError, "limit must be an integer of at least 1, got -1"),
    ({"collapse": "layer"}, ValueError, "collapse='layer': none of the values belongs to a module"),
    ({"collapse": 1}, ValueError, "collapse=1: none of the values belongs to a module"),
    ({"focus": "weigth"}, ValueError, "no value is called 'weigth'; the names are weight"),
    ({"focus": Value(1.0)}, ValueError, "is not in the drawn graph"),
    ({"focus": 3}, TypeError, "focus takes a Value or its name, got 3 of type int"),
    ({"highlight": 3}, TypeError, "highlight takes a Value, its name, or paths, got 3 of type int"),
    ({"highlight": ["weight"]}, TypeError, "highlight takes a Value, its name, or paths, got 'weight'"),
    ({"highlight": [Value(1.0)]}, ValueError, "is not in the drawn graph"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD, ids=[str(options)[:40] for options, *_ in BAD])
def test_bad_options_are_named(options, error, message):
    with pytest.raises(error, match=message):
        draw(Value(1.0, "weight") * 2, **options)


def test_a_path_is_made_of_operands():
    a = Value(1.0, "a")
    b = a.tanh()
    y = b.exp()
    with pytest.raises(ValueError, match="neither is an operand of the other"):
        draw(y, highlight=[y, a])


def test_a_named_note_is_drawn_however_far_it_is():
    x = v = Value(1.0, "x")
    for i in range(500):
        v = v.tanh() if i % 2 else v.sin()
    picture = accounted(v, draw(v, notes={x: "wrong"}).picture)
    assert [box.note for box in picture.boxes if box.note] == ["wrong"]


@pytest.mark.slow
@pytest.mark.parametrize("step", [lambda v: v + 1.0, lambda v: v.tanh()], ids=["sum", "tanh"])
def test_a_long_chain_is_drawn(step):
    y = Value(1.0)
    for _ in range(200_000):
        y = step(y)
    start = time.perf_counter()
    picture = accounted(y, draw(y).picture)
    assert time.perf_counter() - start < 10
    assert len(picture.boxes) <= READABLE_BOXES + 1


@pytest.mark.slow
def test_the_dot_text_is_the_same_in_every_process():
    code = (
        "from autograd_tiny.pictures.drawing import draw; from autograd_tiny.nn.modules import MLP; import hashlib;"
        "m = MLP(2, [4, 4, 1], seed=0); y = sum((m([i * 0.1, 1.0]) - i) ** 2 for i in range(9)); y.backward();"
        "options = {}, dict(fold='samples'), dict(depth=4);"
        "print([hashlib.sha256(draw(y, **o).source.encode()).hexdigest() for o in options])"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(seen) == 1


def test_a_module_of_one_box_has_no_frame():
    boxes = [Box("n0", "a.w", scope="a"), Box("n1", "b.c.w", scope="b.c"), Box("n2", "b.c.v", scope="b.c")]
    outermost = framed(boxes)
    assert [box.title for box in outermost.boxes] == ["a.w"]
    assert [frame.path for frame in outermost.frames] == ["b.c"]


@pytest.mark.slow
def test_the_call_below_a_picture_shows_more():
    """The call in a caption, run unchanged, draws more boxes than its picture."""
    model, rng = MLP(2, [4, 4, 1], seed=0), random.Random(0)
    batch = sum((1 - model([rng.random(), rng.random()])).relu() for _ in range(20)) / 20
    chain = Value(0.5, "x")
    for _ in range(3000):
        chain = chain.sin()
    for y, options in (
        (batch, {}), (batch, {"collapse": 1}), (batch, {"collapse": 2}), (batch, {"depth": 4}),
        (batch, {"fold": "samples"}),
        (batch, {"focus": "layers[0].neurons[0].w[0]"}), (batch, {"limit": 20}), (batch, {"collapse": "layers[0]"}),
        (chain, {}), (chain, {"limit": 2000}), (chain, {"focus": "x"}), (chain, {"depth": 10}),
    ):  # fmt: skip
        graph = draw(y, **options)
        call = re.search(r"More: (draw\(y.*?\))(,|\.)", " ".join(graph.picture.caption))
        boxes = [box for box in graph.picture.boxes if box.count]
        more = [box for box in eval(call[1], {"draw": draw, "y": y}).picture.boxes if box.count]
        assert len(more) > len(boxes) or "paths from one value" in graph.picture.caption[-1], (options, call[1])


def test_a_sum_that_is_cut_off_tells_all_its_terms():
    y = (sum(Value(float(i), f"x{i}") for i in range(20)) * 2).tanh()
    assert "sum of 20 terms" in titles(draw(y, fold="sums"))
    assert "sum of 20 terms" in titles(draw(y, fold="sums", depth=12))

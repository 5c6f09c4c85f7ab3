"""Traces and programs: rows are lowered exactly, branches are guarded, structures are rebuilt."""

from __future__ import annotations

import importlib.util
import math
import pickle
import random
import struct
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from rows import ROWS, arity, operands

from autograd_tiny import Op, Value
from autograd_tiny.check.exact import digits, exact_value, slack
from autograd_tiny.check.strategies import programs
from autograd_tiny.compiler import Program, Step, jit
from autograd_tiny.compiler.jitted import StructureWarning
from autograd_tiny.compiler.lower import lowered, opaque, prepared
from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Variadic
from autograd_tiny.nn.modules import MLP, Module
from autograd_tiny.pictures.drawing import draw
from autograd_tiny.stepper.traces import trace
from autograd_tiny.transforms.derivatives import grad, hessian, hvp, jacobian, jvp, stop_gradient, value_and_grad, vjp
from autograd_tiny.transforms.tracer import number

np = pytest.importorskip("numpy", reason="arrays of samples need NumPy")


def python(f, **options):
    return jit(f, backend="python", **options)


def ieee(program, xs):
    return program.run(xs, lambda op, operands: op.ieee(*operands))


def bits(ys):
    return [struct.pack("d", y) if y == y else b"nan" for y in ys]


def one_row(op):
    n = arity(op)
    return Program(tuple(f"x{i}" for i in range(n)), (Step(op, tuple(range(n))),), (n,))


@pytest.mark.parametrize(
    "op", [*(row for row in ROWS if not opaque(prepared(one_row(row)))), ops.falling_power(2)], ids=lambda op: op.name
)
@given(data=st.data())
def test_a_row_lowered_is_within_8_ulp(op, data):
    """Compare the lowered program with the exact value, or with the row itself if the result is not finite."""
    xs = data.draw(operands(op, -1e4, 1e4))
    program = prepared(one_row(op))
    (y,) = ieee(program, xs)
    (plain,) = ieee(one_row(op), xs)
    if not (math.isfinite(plain) and math.isfinite(y)):
        assert bits([y]) == bits([plain])
        return
    with mp.workdps(digits(xs)):
        allowed = slack(lambda at: exact_value(op, *map(mpf, at)), xs)
        if isinstance(op.partials, Variadic):
            allowed += 8 * 2**-53 * sum(map(abs, xs)) * max(1.0, *map(abs, xs))
        smallest = 8 * 5e-324
        assert abs(mpf(y) - exact_value(op, *map(mpf, xs))) <= allowed + smallest, f"{op.name}{xs} = {y}, not {plain}"


@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)
@given(data=st.data())
def test_a_row_lowered_keeps_its_edges(op, data):
    edges = st.sampled_from(
        [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 0.5, 2.0, -2.0, 710.0, -1e300, 5e-324]
    )
    xs = data.draw(st.tuples(*[edges] * arity(op)))
    program = prepared(one_row(op))
    if opaque(program) or isinstance(op.partials, Variadic) or (op.pickle_recipe and any(map(math.isinf, xs))):
        return
    (y,), expected = ieee(program, xs), op.ieee(*xs)
    same = bits([y]) == bits([expected])
    near = math.isfinite(y) and math.isclose(y, expected, rel_tol=1e-14, abs_tol=1e-320)
    assert same or near, f"{op.name}{xs} = {y}, the row gives {expected}"


def test_every_row_but_the_gammas_is_lowered():
    assert {op.name for row in ROWS for op in opaque(prepared(one_row(row)))} == {"lgamma", "digamma", "trigamma"}
    half_spelled = Op("half_spelled", lambda x: ops.exp(x) / 2, (lambda y, x: y,))
    branching = Op("branching", lambda x: x if x > 0 else ops.exp(x), (lambda y, x: 1.0,))
    equalling = Op("equalling", lambda x: 1.0 if x == 0 else ops.exp(x), (lambda y, x: 1.0,))
    assert [step.op.name for step in lowered(one_row(half_spelled)).steps] == ["exp", "div"]
    assert opaque(lowered(one_row(branching))) == [branching]
    assert opaque(lowered(one_row(equalling))) == [equalling]


def tree(x):
    """Convert arrays and tuples to lists, so that `==` compares the numbers."""
    if isinstance(x, np.ndarray):
        return tree(x.tolist())
    if isinstance(x, dict):
        return {key: tree(item) for key, item in x.items()}
    return [tree(item) for item in x] if isinstance(x, (list, tuple)) else x


def neuron(p, x):
    return ops.tanh(p["w"][0] * x[0] + p["w"][1] * x[1] + p["b"])


POINT = {"w": [0.5, -1.5], "b": 0.25}


@pytest.mark.parametrize(
    "transformed",
    [neuron, grad(neuron), value_and_grad(neuron), value_and_grad(neuron, argnums=(0, 1)), jacobian(neuron),
     hessian(neuron),
     grad(lambda p, x: grad(neuron)(p, x)["b"] ** 2),
     lambda p, x: jvp(lambda b: neuron({**p, "b": b}, x), (p["b"],), (1.0,)),
     lambda p, x: vjp(neuron, p, x)[1](2.0), lambda p, x: hvp(lambda b: neuron({**p, "b": b}, x), p["b"], 3.0),
     lambda p, x: grad(lambda k: k * k * p["b"])(2.0), lambda p, x: grad(lambda b: b * stop_gradient(b))(p["b"])],
)  # fmt: skip
def test_every_transform_is_recorded(transformed):
    compiled = python(transformed)
    compiled(POINT, [9.0, 9.0])
    x = [1.0, 3.0]
    assert tree(compiled(POINT, x)) == tree(transformed(POINT, x))
    assert type(compiled(POINT, x)) is type(transformed(POINT, x))


@given(drawn=programs(max_size=10))
@settings(max_examples=40)
def test_random_programs_with_gradient_and_hessian(drawn):
    """Trace at one point, replay at another, and compare with the uncompiled function."""

    def f(xs):
        return drawn.run(xs)[0]

    for transform in (value_and_grad, hessian):
        compiled = python(transform(f))
        compiled([0.5 + 0.25 * i for i in range(len(drawn.inputs))])
        try:
            expected = flat(transform(f)(list(drawn.example)))
        except (ValueError, ArithmeticError):
            continue
        found = flat(compiled(list(drawn.example)))
        for y, z in zip(found, expected, strict=True):
            assert bits([y]) == bits([z]) or math.isclose(y, z, rel_tol=1e-9, abs_tol=1e-9 * max(1.0, abs(z)))


def flat(x):
    return [y for item in x for y in flat(item)] if isinstance(x, (list, tuple)) else [x]


BRANCHY = [
    lambda x, y: x * y if x > y else y - x,
    lambda x, y: max(x, y) * min(x * x, y),
    lambda x, y: sorted([x, y, x * y, 1.0])[1] * 2.0,
    lambda x, y: abs(x) if x.data >= 0.5 else (y if y > 0.0 else x * x * x),
    lambda x, y: x if not x <= y else x * x if y < 2 * x else y * y,
]


@pytest.mark.parametrize("f", BRANCHY)
@given(
    points=st.lists(
        st.tuples(st.sampled_from([-2.0, -0.5, 0.0, 0.5, 1.0, 3.0]), st.floats(-3, 3)), min_size=1, max_size=12
    )
)
@settings(max_examples=25)
def test_no_branch_is_baked_in(f, points):
    compiled, batched = python(value_and_grad(f)), python(value_and_grad(f), batch=("x", "y"))
    summed = python(f, batch=("x", "y"), reduce="sum")
    expected = [value_and_grad(f)(x, y) for x, y in points]
    assert [compiled(x, y) for x, y in points] == expected
    xs, ys = [x for x, _ in points], [y for _, y in points]
    values, gradients = batched(xs, ys)
    assert list(zip(values, gradients, strict=True)) == expected
    assert math.isclose(summed(xs, ys), math.fsum(value for value, _ in expected), rel_tol=1e-12, abs_tol=1e-12)


def test_a_ladder_of_branches_ends_with_a_sentence():
    f = python(lambda x: next(k * x for k in range(1000) if x < k))
    for k in range(64):
        f(k + 0.5)
    with pytest.raises(RuntimeError, match=r"more than 64 paths .* most at test_jit.py:\d+ \(f = python.*ops.maximum"):
        f(64.5)


def test_a_deeper_recording_serves_all_samples_of_a_batch():
    f = python(lambda x: x * 2 if x > 0 else -x, batch="x")
    assert f([1.0, -1.0, 0.0]) == [2.0, 1.0, -0.0]
    assert len(next(iter(f._variants.values())).known) == 2
    assert f(np.array([-3.0, 4.0])) == [3.0, 8.0]


def test_structures():
    f = python(lambda x, k=2.0: {"sum": sum(x), "all": (x[0] * k, [xi * xi for xi in x])})
    assert f([1.0, 2.0]) == {"sum": 3.0, "all": (2.0, [1.0, 4.0])}
    assert f([1.0, 2.0, 3.0], k=5) == {"sum": 6.0, "all": (5.0, [1.0, 4.0, 9.0])}
    assert f((1, True), 1.0) == {"sum": 2.0, "all": (1.0, [1.0, 1.0])}
    assert len(f._variants) == 3
    g = python(value_and_grad(lambda a: (a * a).sum()))
    y, d = g(np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert y == 30.0
    assert d.tolist() == [[2.0, 4.0], [6.0, 8.0]]
    each = python(lambda x, w: w @ x, batch="x")
    x, w = np.arange(6.0).reshape(3, 2), np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]])
    assert each(x, w).tolist() == (x @ w.T).tolist()
    assert each(x.astype("f4"), w[::-1]).tolist() == (x @ w[::-1].T).tolist()
    assert python(lambda x: 3.0, batch="x", reduce="sum")([1.0, 2.0]) == 6.0


def test_of_ever_new_structures_the_least_used_go_and_a_warning_says_so_once(monkeypatch):
    monkeypatch.setattr(sys.modules["autograd_tiny.compiler.jitted"], "STRUCTURES", 8)
    recorded = []

    def total(xs):
        recorded.append(len(xs))
        return sum(xs)

    f = python(total)

    def call(sizes):
        for n in sizes:
            assert f([1.0] * n) == n
            assert f([1.0]) == f(np.ones(1)) == 1.0  # one by the slow path, one by the fast path

    call(range(2, 8))  # 8 structures, with those two
    with pytest.warns(StructureWarning, match="total was called with more than 8 structures of arguments") as warned:
        call(range(8, 30))
    assert len(warned) == 1
    assert "test_jit" in warned[0].filename
    assert len(f._variants) == 8
    assert len(f._quick.planned) <= 8
    assert recorded.count(1) == 2
    f([1.0] * 29)
    assert recorded.count(29) == 1
    f([1.0] * 2)
    assert recorded.count(2) == 2


def test_modules():
    """Another activation takes another trace, other weights do not."""
    rng = random.Random(0)
    points = [([rng.uniform(-1, 1), rng.uniform(-1, 1)], rng.choice((-1.0, 1.0))) for _ in range(20)]

    def hinge(model, x, y):
        return (1 + -y * model(x)).relu()

    compiled = python(value_and_grad(hinge), batch=("x", "y"), reduce="mean")
    xs, ys = [x for x, _ in points], [y for _, y in points]
    for model in (MLP(2, [4, 1], seed=0), MLP(2, [4, 1], seed=1), MLP(2, [4, 1], activation=ops.tanh, seed=1)):
        loss, gradient = compiled(model, xs, ys)
        model.zero_grad()
        mean = sum((hinge(model, x, y) for x, y in points), Value(0.0)) / len(points)
        mean.backward()
        assert math.isclose(loss, mean.data, rel_tol=1e-12)
        for name, p in model.named_parameters():
            assert math.isclose(gradient[name], p.grad, rel_tol=1e-9, abs_tol=1e-12)
    assert len(compiled._variants) == 2


def test_under_another_transform_the_function_itself_runs():
    f = python(lambda x: x * x)
    assert grad(f)(3.0) == 6.0
    assert python(grad(f))(3.0) == 6.0
    model = MLP(1, [1], seed=0)
    assert grad(python(lambda m, x: m([x])))(model, 2.0) == {
        "layers[0].neurons[0].w[0]": 2.0,
        "layers[0].neurons[0].b": 1.0,
    }
    with pytest.raises(TypeError, match=r"takes numbers only: differentiate first, jit\(grad\(f\)"):
        grad(lambda x: python(lambda x: x, batch="x")([x])[0])(1.0)


def test_what_a_function_closes_over_is_read_at_each_call():
    """Values alone, in Modules, in sums, in an inner gradient, in a branch, in a batch."""
    model, w = MLP(1, [2, 1], seed=0), Value(2.0, "w")

    def f(x):
        inner = grad(lambda m, x: m([x]))(model, x)["layers[0].neurons[0].w[0]"]
        return model([x]) + w * w * x + inner + (w if x > w else 0.0)

    compiled, each = python(value_and_grad(f)), python(f, batch="x")
    for shift in (0.0, 0.5, -2.5):
        w.data += shift
        for p in model.parameters():
            p.data += 0.1
        for x in (0.25, 1.0, 3.0):
            assert flat(compiled(x)) == pytest.approx(flat(value_and_grad(f)(x)), rel=1e-13)
        assert each([0.25, 3.0]) == pytest.approx([number(f(0.25)), number(f(3.0))], rel=1e-13)
    total = python(lambda xs: sum((w * x for x in xs), Value(0.0)))
    assert total([1.0, 2.0]) == 3 * w.data
    w.data = 5.0
    assert total([1.0, 2.0]) == 15.0
    assert python(lambda x: w)(1.0) == 5.0


def test_a_long_row_of_cut_derivatives_is_recorded_with_a_stack():
    def f(x):
        for _ in range(3000):
            x = stop_gradient(x) * 0.5 + x * 0.5
        return x

    program = python(f).program(0.5)
    assert program.statistics()["ops"]["data"] == 3000
    assert program.run([0.5]) == [f(0.5)]


def test_programs_are_data():
    program = python(value_and_grad(lambda x: ops.digamma(x) ** 2.5)).program(2.0)
    again = pickle.loads(pickle.dumps(program))
    assert again.run([3.0]) == program.run([3.0])
    assert repr(again) == repr(program)
    assert repr(program).startswith("program of 1 input, ")
    assert program.statistics()["steps"] == len(program.steps)
    with pytest.raises(TypeError, match="is not in the table: to pickle it, give it pickle_recipe="):
        pickle.dumps(Op("own", lambda x: x, (lambda y, x: 1.0,)))
    with pytest.raises(ValueError, match="has 1 input, got 2"):
        program.run([1.0, 2.0])
    with pytest.raises(ValueError, match="language must be one of numpy, python, c, jax, got 'java'"):
        program.source("java")


def test_a_program_is_traced_and_drawn():
    program = python(lambda a, b: (a * b).tanh() + a).program(2.0, 0.5)
    steps = trace(program)
    assert steps.output.data == math.tanh(1.0) + 2.0
    assert [node.name for node in steps.nodes[:2]] == ["a", "b"]
    assert draw(program).source.count("->") == 5


def test_where_a_nan_began():
    f = python(value_and_grad(lambda w, x: (w * x).log()), batch="x", reduce="mean", check_finite=True)
    assert f(1.0, [1.0, 1.0]) == (0.0, 1.0)
    with pytest.raises(ValueError, match=r"log\(-6\.0\): outside the domain") as raised:
        f(2.0, [1.0, 2.0, -3.0, 4.0, -5.0])
    assert raised.value.__notes__ == [
        "in sample 2: raised by the function itself, run again because the compiled code gave nan or inf"
    ]
    with pytest.raises(FloatingPointError, match=r"the result is inf: .*test_jit.py:"):
        python(grad(lambda x: x.sqrt()), check_finite=True)(0.0)
    with pytest.raises(FloatingPointError, match="the result of each sample is finite, but their sum is not"):
        python(lambda x: x, batch="x", reduce="sum", check_finite=True)([1e308, 1e308])


REFUSED = [
    (lambda: python(3), TypeError, "jit expects a function, got 3"),
    (lambda: jit(abs, backend="fortran"), ValueError, "one of llvm, numpy, python, c, jax, got 'fortran'"),
    (lambda: python(lambda x: x, batch="y"), ValueError, "batch='y' is not an argument of <lambda>, which takes x"),
    (lambda: python(lambda x: x, reduce="mean"), ValueError, "reduce='mean' needs a batch: name the batched"),
    (lambda: python(lambda x: x, batch="x", reduce="max"), ValueError, "reduce must be .* got 'max'"),
    (lambda: python(lambda x: x, threads=0), ValueError, "threads must be an integer of at least 1, got 0"),
    (lambda: python(lambda x: None)(1.0), TypeError, "<lambda> returned None, expected numbers"),
    (lambda: python(lambda x: math.exp(x))(1.0), TypeError, r"x\.exp\(\), not math\.exp"),
    (lambda: python(lambda x: 1.0 if x else 0.0)(1.0), TypeError, "select with `where`"),
    (lambda: python(lambda x: range(x))(3.0), TypeError, "cannot be converted to float, int or bool"),
    (lambda: python(lambda x: x if x == 1 else 2.0)(1.0), TypeError, "a constant of the trace: select with `where`"),
    (lambda: python(lambda x: x)(1.0, x=2.0), TypeError, "got two values for x: pass it by position or by name"),
    (lambda: python(lambda m: m)(MLP(1, [1])), TypeError, "returned a Module"),
    (lambda: python(lambda x: x.backward())(3.0), TypeError, "value_and_grad"),
    (lambda: python(lambda x: x.grad)(3.0), TypeError, "value_and_grad"),
    (lambda: python(lambda x: x)(["abc"]), TypeError, r"x\[0\]: expected a real number, got 'abc'"),
    (lambda: python(lambda x: x)({"a": [1.0, 2j]}), TypeError, r"x\['a'\]\[1\]: expected a real number, got 2j"),
    (lambda: python(lambda x: x)(np.array(["a"])), TypeError, r"x\[0\]: expected a real number, got 'a' of type str"),
    (lambda: python(lambda x: x, batch="x")([]), ValueError, "the batch is empty: x has no samples"),
    (lambda: python(lambda x: x, batch="x")(np.zeros((0, 2))), ValueError, "the batch is empty: x has no samples"),
    (lambda: python(lambda x: x, batch="x")(3.0), TypeError, "x is batched: expected an array, a list"),
    (lambda: python(lambda x, y: x, batch="x")(y=3.0), TypeError, "the batched argument x is missing"),
    (lambda: python(lambda x, y: x, batch=("x", "y"))([1.0], [1.0, 2.0]), ValueError, "x has 1, y has 2"),
    (lambda: python(lambda x: x[0], batch="x")([[1.0], [1.0, 2.0]]), ValueError, r"x\[1\] differs in structure"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), REFUSED)
def test_bad_input_is_refused(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_an_error_while_recording_leaves_nothing_behind():
    calls = []

    def f(x):
        calls.append(x)
        if len(calls) == 1:
            raise RuntimeError("once")
        return x * 2

    compiled = python(f)
    with pytest.raises(RuntimeError, match="once"):
        compiled(1.0)
    assert compiled(1.0) == 2.0
    assert grad(lambda x: x * x)(Value(3.0)).data == 6.0


def test_derivatives_by_arrays_are_arrays():
    w = np.array([1.0, 2.0])

    def f(w):
        return w[0] ** 2 * w[1] + w[1] ** 3

    for derivative in (hessian(f), jacobian(lambda x: x * x), jacobian(lambda x: np.array([x[0] * x[1], x[1]]))):
        assert np.array_equal(python(derivative)(w), derivative(w))
        assert derivative(w).shape == (2, 2)
    by_name = hessian(lambda p: (p["w"] @ p["w"]) ** 2)({"w": w})
    compiled = python(hessian(lambda p: (p["w"] @ p["w"]) ** 2))({"w": w})
    assert [item["w"].tolist() for item in compiled["w"]] == [item["w"].tolist() for item in by_name["w"]]


def test_arrays_of_any_layout_are_read_as_they_are():
    f = jit(lambda x: x * 2, batch="x")
    for x in (
        np.arange(3.0),
        np.arange(3.0).astype(">f8"),
        np.arange(6.0)[::2],
        np.arange(3),
        np.arange(3, dtype="f4"),
    ):
        for _ in range(2):
            assert list(map(float, f(x))) == [2 * float(y) for y in x]
    with pytest.raises(ValueError, match="the batch is empty: x has no samples"):
        f(np.zeros(0))


def test_a_function_that_closes_over_what_is_differentiated():
    assert grad(lambda w: python(lambda x: w * x)(2.0))(3.0) == 2.0
    batched = python(lambda x: x * 2, batch="x")
    assert grad(lambda w: w * batched([1.0, 2.0])[1])(3.0) == 4.0
    with pytest.raises(TypeError, match="takes numbers only: differentiate first"):
        grad(lambda w: python(lambda x: w * x, batch="x")([2.0])[0])(3.0)


def test_methods_keywords_and_pickles():
    class Line(Module):
        def __init__(self):
            self.w = Value(3.0)

        @jit
        def at(self, x):
            return self.w * x

    line = Line()
    assert line.at(2.0) == 6.0
    line.w.data = 4.0
    assert line.at(2.0) == 8.0

    def scaled(x, *, y):
        return x * y

    assert list(map(float, jit(scaled, batch="y")(2.0, y=[1.0, 2.0]))) == [2.0, 4.0]
    again = pickle.loads(pickle.dumps(python(math_free)))
    assert again(3.0) == 9.0


def math_free(x):
    return x * x


def test_what_is_missing_is_named(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "llvmlite" else found(name))
    assert jit(lambda x: x).backend == "numpy"
    with pytest.raises(ImportError, match=r"the llvm backend needs llvmlite: pip install 'autograd-tiny\[compile\]'"):
        jit(lambda x: x, backend="llvm")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert jit(lambda x: x * 2, batch="x")([1.0, 2.0]) is not None
    assert jit(lambda x: x).backend == "python"

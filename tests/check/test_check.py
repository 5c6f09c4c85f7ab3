"""Tests that the checker finds and names every seeded bug, and raises no false alarm."""

from __future__ import annotations

import json
import math
import random
import re
import tracemalloc
import types

import pytest
from bugs import (
    FAR,
    FAR_FAULTS,
    FAULTS,
    LIMITS,
    RULES,
    Forwards,
    Small,
    scaled,
    seeded,
    with_float_rule,
    with_rule,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny import Op, Value, draw, stop_gradient, trace
from autograd_tiny.check import (
    Callables,
    GradcheckError,
    MicrogradLike,
    ValueEngine,
    check_engine,
    check_grads,
    conformance,
    engine_property,
    exact,
    expressions,
    gradcheck,
    gradcheck_property,
    gradgradcheck,
    programs,
    reals,
    special_reals,
)
from autograd_tiny.check.limits import check_limits
from autograd_tiny.check.points import single_ops
from autograd_tiny.check.report import Inconclusive, Raises, WrongAccumulation, WrongLocal, WrongState, WrongValue
from autograd_tiny.compiler import Program, Step, jit
from autograd_tiny.engine import ops
from autograd_tiny.engine.expression import evaluate
from autograd_tiny.engine.op import Variadic

pytestmark = pytest.mark.slow

test_our_engine = engine_property(ValueEngine())
test_the_small_engine = engine_property(Small())


@pytest.mark.parametrize(("name", "engine"), list(seeded()), ids=[*RULES, *FAULTS])
def test_a_seeded_bug_is_found(name, engine):
    table = [ops.TABLE[RULES[name][0]]] if name in RULES else None  # the others are those of test_our_engine
    with pytest.raises(GradcheckError) as caught:
        engine_property(engine, table, seed=1)()
    report = caught.value.report
    assert report.size <= (2 if name in RULES else 6)
    if name in RULES:
        assert isinstance(caught.value, WrongLocal)
        assert f"the rule of {RULES[name][0]} at" in str(caught.value)


CAUSES = {
    "neg +1": "the sign is wrong",
    "sqrt no half": "twice as much",
    "square x": "half as much",
    "mul float32": "right to seven digits, like float32",
    "mul own operand": "",  # 1 at (1, 2), as many a mistake
    "pow no factor": "",  # half as much at an exponent of 2 alone
    "atan2 swapped": "",
    "tanh 1 - y": "",
    "sub both +1": "the sign is wrong",
    "relu dies past 20": "right at 7 of 7 other points",
    "sin for x < 0": "right at 5 of 7 other points",
    "pow at 0": "right at 5 of 5 other points",
    "adjoint eps": "off by a factor of 1 + 1.000e-12",
    "scaled by depth": "off by a factor of 1 + 1.000e-09",
    "= for +=": "hint: one path is kept",
    "at most two uses": "hint: one contribution is missing",
    "depth first": "was processed",
    "last is left out": "hint: nothing arrived",
}


@pytest.mark.parametrize("name", CAUSES)
def test_a_cause_is_named_only_if_other_points_confirm_it(name):
    engine = with_float_rule(*RULES[name]) if name in RULES else Small(name)
    with pytest.raises(GradcheckError) as caught:
        engine_property(engine, [ops.TABLE[RULES[name][0]]] if name in RULES else None, seed=1)()
    note = caught.value.report.findings[0].note
    assert CAUSES[name] in note
    if not CAUSES[name]:
        assert note.endswith(")"), note


def test_the_cause_of_a_wrong_plain_gradient():
    for grad, said in (
        (lambda x: -math.cos(x), "the sign is wrong"),
        (lambda x: math.cos(x) if x < 0.6 else 0.0, "right at"),
        (lambda x: math.cos(x) + 0.5 * (x - 1) + 1, ""),
    ):
        with pytest.raises(GradcheckError) as caught:
            gradcheck(math.sin, 1.0, grad=grad)
        note = caught.value.report.findings[0].note
        assert said in note
        assert said or not note


def test_there_are_bugs_enough():
    assert len(RULES) + len(FAULTS) + len(FAR) + len(LIMITS) + len(FAR_FAULTS) >= 120


@pytest.mark.parametrize("name", FAR)
def test_a_rule_that_is_wrong_at_few_points_is_found(name):
    op = ops.TABLE[FAR[name][0]]
    with pytest.raises(WrongLocal, match=f"the rule of {op.name} at") as caught:
        engine_property(with_float_rule(*FAR[name]), [op], seed=1)()
    assert caught.value.report.size == 1


@pytest.mark.parametrize("name", LIMITS)
def test_a_result_that_should_raise_or_is_not_finite_is_found(name):
    op = ops.TABLE[LIMITS[name][0]]
    with pytest.raises((WrongValue, Raises), match=f"the result of {op.name} at"):
        engine_property(Forwards(*LIMITS[name]), [op], seed=1)()


@pytest.mark.parametrize("fault", FAR_FAULTS)
def test_a_fault_with_few_numbers_or_in_large_graphs_is_found(fault):
    table = [row for row in Small(fault).ops if row.name in ("add", "mul", "div", "square", "where", "tanh")]
    with pytest.raises(GradcheckError, match=re.escape(FAR_FAULTS[fault])):
        engine_property(Small(fault), table, seed=1)()


class Quiet(ValueEngine):
    """Engine of NumPy's numbers, which are nan and inf where Python's floats raise."""

    def apply(self, op, xs):
        numpy = pytest.importorskip("numpy")
        floats = [x.data if isinstance(x, Value) else x for x in xs]
        try:
            return op(*xs)
        except (ArithmeticError, ValueError):
            return types.SimpleNamespace(data=numpy.float64(op.ieee(*floats)))


@pytest.mark.parametrize("engine", [ValueEngine(), Quiet(), Small("wide")], ids=["ours", "of NumPy's numbers", "small"])
def test_no_false_alarm_where_floats_raise(engine):
    for op in ops.FUNCTIONS.values():
        report = check_limits(engine, op)
        assert report, report


SCALED = [
    (op.name, i)
    for op in ops.FUNCTIONS.values()
    for i in range(4 if isinstance(op.partials, Variadic) else len(op.partials))
]
ZERO = {
    "sign",
    "heaviside",
    "compare",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "equal",
    "not_equal",
    "floordiv",
}


@pytest.mark.parametrize("factor", [1.001, 1 + 1e-9])
@pytest.mark.parametrize(("name", "i"), [(n, i) for n, i in SCALED if n not in ZERO and (n, i) != ("where", 0)])
def test_a_scaled_partial_is_found(name, i, factor):
    engine = scaled(name, i, factor)
    assert any(not check_engine(engine, program, again=False) for program in single_ops([ops.TABLE[name]]))


@given(programs())
@settings(max_examples=200)
def test_no_false_alarm_on_random_graphs(program):
    report = check_engine(ValueEngine(), program)
    assert report.outcome == "correct", report


@pytest.mark.long
@given(programs())
@settings(max_examples=20_000)
def test_no_false_alarm_on_many_random_graphs(program):
    check_engine(ValueEngine(), program).raise_for()


@pytest.mark.long
def test_no_false_alarm_at_many_single_points():
    programs = list(single_ops(list(ops.FUNCTIONS.values()), per_op=400))
    assert len(programs) >= 20_000
    for program in programs:
        check_engine(ValueEngine(), program, again=False).raise_for()


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: x + 1e16 - 1e16, 1.0),
        (lambda x: (1 - x.cos()) / x**2, 1e-8),
        (lambda x: x.exp(), 700.0),
        (lambda x: x.log(), 1e-300),
        (lambda x: x.relu() - (-x).relu(), 0.0),
        (lambda x: abs(x) + x.maximum(0.0) * x.clip(-1, 1), 0.0),
        (lambda x, y: x.hypot(y) / x.atan2(y), (3.0, -4.0)),
        (lambda x: x**0 + (x * x) ** 0.5, 2.0),
        (lambda x: x.sqrt(), 0.0),
        (lambda x: x.lgamma(), -2.6116962301557787),
        (lambda x, y: (x * y).atan2(y), (0.0, -1.0)),  # -0.0 lies below the branch cut
    ],
)
def test_what_must_not_alarm(f, x):
    assert gradcheck(f, x)
    assert check_grads(f, x, order=1)


@given(expressions(), st.tuples(st.floats(0.1, 3), st.floats(-3, -0.1), st.floats(0.5, 1)))
@settings(max_examples=40)
def test_an_expression_is_a_program(text, xs):
    inputs = {f"x{i}": x for i, x in enumerate(xs) if f"x{i}" in text}
    try:
        evaluate(text, inputs)
    except ValueError:
        return
    assert check_engine(ValueEngine(), text, **inputs)


@given(programs())
@settings(max_examples=20)
def test_a_program_that_is_drawn_is_checked_traced_pictured_and_compiled(program):
    (expected,) = program.run(program.example)
    steps = trace(program)
    assert steps.output.data == expected
    assert len(draw(program, fold="nothing").picture.boxes) == len(steps.nodes)
    compiled = jit(lambda xs: program.run(xs)[0], backend="python")
    again = compiled.program(list(program.example))
    assert again.run(again.example) == [pytest.approx(expected, nan_ok=True)]
    if again.steps:
        assert check_engine(ValueEngine(), program)
        assert check_engine(ValueEngine(), again)


@pytest.mark.parametrize(
    ("program", "message"),
    [(Program(("x",), (Step(ops.exp, (0,)),), (1, 0), example=(1.0,)),
      "one output, its last value, not outputs (1, 0)"),
     (Program(("x",), (Step(ops.exp, (0,)),), (1,)), "inputs x but an example of 0 numbers"),
     (jit(lambda x: x * stop_gradient(x), backend="python").program(1.0), "or stop_gradient has no exact gradient")],
)  # fmt: skip
def test_a_program_that_cannot_be_checked_is_refused(program, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        check_engine(ValueEngine(), program)


def test_a_report_calls_inputs_as_the_program_does_where_that_can_be_read_again():
    wrong = scaled("mul", 0, 2.0)
    assert "at width = 3.0, height = 0.5" in check_engine(wrong, "width * height", width=3.0, height=0.5).subject
    program = jit(lambda x: x[0] * x[1], backend="python").program([3.0, 0.5])
    assert program.inputs == ("x[0]", "x[1]")
    assert "x0 * x1   at x0 = 3.0, x1 = 0.5" in check_engine(wrong, program).subject


@given(st.from_type(Value))
def test_values_are_drawn_by_their_type(v):
    assert isinstance(v, Value)


@given(special_reals(), reals(0.0, 1.0))
def test_strategies(special, unit):
    assert math.isfinite(special)
    assert 0 <= unit <= 1
    with pytest.raises(ValueError, match="expected low <= high"):
        reals(2.0, 1.0)


def test_each_kind_of_bug_has_its_own_error_and_a_picture_in_words():
    for fault, kind, words in (
        ("value float32", WrongValue, "ulp"),
        ("= for +=", WrongAccumulation, "hint: one path is kept"),
        ("breadth first", WrongAccumulation, "hint:"),
        ("inner not reset", WrongState, "a second backward() on one graph"),
        ("recursion", WrongState, "walk the graph with a stack"),
    ):
        with pytest.raises(kind) as caught:
            engine_property(Small(fault), seed=2)()
        assert words in str(caught.value)
    with pytest.raises(GradcheckError) as caught:
        engine_property(Small("= for +="), seed=3)()
    text = str(caught.value)
    assert "<== here" in text
    assert "reproduce: check_engine(Small(…), " in text


def test_a_report_can_be_reproduced():
    with pytest.raises(GradcheckError) as caught:
        engine_property(with_rule("tanh", 0, lambda d, y, x: 1 - y), seed=0)()
    call = str(caught.value).partition("reproduce: ")[2].replace("Faulty(…)", "engine")
    engine = with_rule("tanh", 0, lambda d, y, x: 1 - y)
    assert not eval(call, {"check_engine": check_engine, "engine": engine})


def test_a_report_draws_the_node_to_blame():
    with pytest.raises(GradcheckError) as caught:
        engine_property(Small("= for +="), seed=3)()
    source = caught.value.report.draw().source
    assert source.count("penwidth=4") == 1
    assert "adjoint of x0: wrong" in source
    with pytest.raises(ValueError, match="no graph with a wrong node"):
        gradcheck(lambda x: x * x, 2.0).draw()


def test_micrograd_like_engines():
    class Mini:
        """Engine written like micrograd: closures, a set of parents, recursion."""

        def __init__(self, data, children=(), backward=lambda out: None):
            self.data, self.grad, self.children, self._backward = data, 0.0, set(children), backward

        def __add__(self, other):
            other = other if isinstance(other, Mini) else Mini(other)

            def backward(out):
                self.grad += out.grad
                other.grad += out.grad

            return Mini(self.data + other.data, (self, other), backward)

        __radd__ = __add__

        def __mul__(self, other):
            other = other if isinstance(other, Mini) else Mini(other)

            def backward(out):
                self.grad += other.data * out.grad
                other.grad += self.data * out.grad

            return Mini(self.data * other.data, (self, other), backward)

        __rmul__ = __mul__

        def backward(self):
            order, seen = [], set()

            def visit(v):
                if v not in seen:
                    seen.add(v)
                    for child in v.children:
                        visit(child)
                    order.append(v)

            visit(self)
            self.grad = 1.0
            for v in reversed(order):
                v._backward(v)

    engine = MicrogradLike(Mini)
    assert [op.name for op in engine.ops] == ["add", "mul"]
    engine_property(engine, again=False, depth=300, max_examples=100)()
    with pytest.raises(WrongState, match=r"a second backward"):
        engine_property(engine, depth=300)()
    with pytest.raises(WrongState, match="RecursionError"):
        engine_property(engine, again=False, max_examples=50)()


def test_functions_of_anybody_as_an_engine():
    right = Callables(tanh=(math.tanh, lambda x: 4 * math.exp(-2 * abs(x)) / (1 + math.exp(-2 * abs(x))) ** 2))
    engine_property(right, max_examples=100)()
    wrong = Callables(cubed=(lambda x: x**3, lambda x: 3 * x * x * (1 + 1e-9)), sin=(math.sin, math.cos))
    with pytest.raises(WrongLocal, match="the rule of cubed at") as caught:
        engine_property(wrong)()
    assert not eval(
        str(caught.value).partition("reproduce: ")[2].replace("Callables(…)", "e"),
        {"check_engine": check_engine, "e": wrong},
    )
    overflows = Callables(softplus=(softplus, softplus_grad))
    with pytest.raises(Raises, match=r"raises OverflowError"):
        engine_property(overflows)()
    with pytest.raises(WrongValue):
        engine_property(Callables(sin=(math.cos, math.cos)))()


# Functions with a hand-written derivative.


def softplus(x):
    return math.log1p(math.exp(-abs(x))) + max(x, 0.0)


def softplus_grad(x):
    return 1 / (1 + math.exp(-x))


test_softplus = gradcheck_property(softplus, softplus_grad, x=reals(-700, 700), max_examples=100)


@gradcheck_property(x=reals(-3, 3), y=(0.5, 2.0), max_examples=50)
def test_the_decorator(x, y):
    return (x * y).tanh() / y


@pytest.mark.parametrize("error", [1e-9, -1e-3, 1.0])
def test_a_planted_error_in_a_plain_function(error):
    with pytest.raises(GradcheckError, match=r"does not match the function"):
        gradcheck_property(softplus, lambda x: softplus_grad(x) * (1 + error), x=reals(-30, 30), max_examples=50)()


def test_a_right_formula_that_loses_digits():
    def sigmoid(x):
        return 1 / (1 + math.exp(-x))

    def slope(x):
        return sigmoid(x) * (1 - sigmoid(x))

    report = gradcheck(sigmoid, 30.0, grad=slope)
    assert report
    assert "loses digits" in str(report)
    with pytest.raises(GradcheckError):
        gradcheck(sigmoid, 30.0, grad=slope, accuracy="forward")


def test_oracles():
    numpy = pytest.importorskip("numpy")
    assert (
        gradcheck(lambda x: numpy.tanh(x) ** 2, 0.5, grad=lambda x: 2 * numpy.tanh(x) / numpy.cosh(x) ** 2).oracle
        == "exact"
    )
    table = {0.25: 1.0}
    opaque = compile("x * x", "", "eval")
    f = lambda x: eval(opaque, {"x": x})  # noqa: E731
    assert gradcheck(f, 0.5, grad=lambda x: 2 * x).oracle in ("exact", "complex")
    assert gradcheck(f, 0.5, grad=lambda x: 2 * x, oracle="complex").oracle == "complex"
    assert gradcheck(f, 0.5, grad=lambda x: 2 * x, oracle="stencil").oracle == "stencil"
    for oracle in ("complex", "stencil"):
        with pytest.raises(GradcheckError):
            gradcheck(f, 0.5, grad=lambda x: 2.001 * x, oracle=oracle)
    lookup = lambda x: table.get(x, random.random())  # noqa: E731
    report = gradcheck(lookup, 0.25, grad=lambda x: 0.0, oracle="stencil")
    assert report.outcome == "inconclusive"
    with pytest.raises(Inconclusive):
        gradcheck(lookup, 0.25, grad=lambda x: 0.0, oracle="stencil", strict=True)


def test_higher_orders():
    assert gradgradcheck(lambda x, y: (x * y).tanh() ** 2 / y, (0.3, 2.0))
    wrong = Op("wrong", lambda x: x**3, (lambda y, x: 3 * x * float(x),))  # right, but float() loses its own derivative
    assert gradcheck(wrong, 2.0)
    assert check_grads(lambda x: x.sin() * x.exp(), 0.5)


BAD = [
    (lambda: Callables(f=3), TypeError, "f=3: give a pair"),
    (lambda: Callables(f=(lambda x: x.item(), lambda x: 1.0)), TypeError, r"f cannot be run in mpmath \("),
    (lambda: gradcheck(lambda x: None, 2.0), TypeError, "returned None of type NoneType: expected one Value"),
    (lambda: gradcheck(lambda x: [x], 2.0), TypeError, "of type list: expected one Value"),
    (lambda: gradcheck(lambda x: 3.0, 2.0), TypeError, "is a float and leaves the graph"),
    (
        lambda: gradcheck(lambda x: x * math.exp(x), 2.0),
        TypeError,
        "cannot be converted to float: its gradient would be lost",
    ),
    (lambda: gradcheck(lambda x: x, "3"), TypeError, "takes a number or a tuple of numbers, not '3'"),
    (lambda: gradcheck(lambda: 1, ()), ValueError, "at least one number"),
    (lambda: gradcheck(lambda x: x, 1.0, oracle="best"), ValueError, "oracle='best': expected one of auto, exact"),
    (lambda: gradcheck(lambda x: x, 1.0, accuracy="high"), ValueError, "accuracy='high'"),
    (
        lambda: gradcheck(softplus, 1.0, grad=lambda x: (1, 2)),
        TypeError,
        "returned 2 numbers: expected 1, one per argument of softplus",
    ),
    (lambda: gradcheck(softplus, 1.0, grad=lambda x: None), TypeError, "returned None of type NoneType"),
    (lambda: gradcheck_property(softplus, softplus_grad), TypeError, r"softplus needs a domain for x: x=reals"),
    (lambda: check_grads(lambda x: x, 1.0, order=3), ValueError, "order=3, .*: expected order 1 or 2"),
    (lambda: engine_property(ValueEngine(), []), ValueError, "at least one op"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), BAD)
def test_bad_input(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()


def test_functions_that_misbehave():
    assert gradcheck(lambda x: x * math.nan, 2.0).outcome == "inconclusive"
    rng = random.Random(0)
    with pytest.raises(GradcheckError, match="it is random, or keeps state between calls"):
        gradcheck(lambda x: x * rng.random(), 2.0)

    def mutates(x):
        x.data += 1.0
        return x * x

    with pytest.raises(GradcheckError, match="changed it"):
        gradcheck(mutates, 2.0)
    breaks = Op("breaks", lambda x: x, (lambda y, x: 1 / (x - x),))
    with pytest.raises(GradcheckError, match="not finite, but the slope is"):
        gradcheck(breaks, 2.0)


def test_hips_primitives():
    autograd = pytest.importorskip("autograd")
    import autograd.numpy as anp
    from autograd.extend import defvjp, primitive

    @primitive
    def logsumexp(x, y):
        return anp.log(anp.exp(x) + anp.exp(y))

    def rule(error):
        defvjp(
            logsumexp,
            lambda ans, x, y: lambda g: g * anp.exp(x - ans) * (1 + error),
            lambda ans, x, y: lambda g: g * anp.exp(y - ans),
        )

    rule(0.0)
    gradcheck_property(logsumexp, x=reals(-3, 3), y=reals(-3, 3), max_examples=30)()
    rule(1e-9)
    with pytest.raises(GradcheckError):
        gradcheck(logsumexp, (0.5, 1.5))
    assert autograd.grad(logsumexp)(0.5, 1.5) == pytest.approx(0.2689, abs=1e-4)


def test_jax_custom_vjps():
    jax = pytest.importorskip("jax")
    import jax.numpy as jnp

    def with_error(error):
        @jax.custom_vjp
        def softplus(x):
            return jnp.log1p(jnp.exp(x))

        softplus.defvjp(lambda x: (softplus(x), x), lambda x, g: (g * jax.nn.sigmoid(x) * (1 + error),))
        return softplus

    gradcheck_property(with_error(0.0), x=reals(-3, 3), max_examples=20)()
    with pytest.raises(GradcheckError):
        gradcheck(with_error(1e-9), 1.5)


def test_other_frameworks_rules_in_random_graphs():
    pytest.importorskip("autograd")
    import autograd.numpy as anp
    from autograd.extend import defvjp, primitive

    tanh = primitive(lambda x: anp.tanh(x))
    defvjp(tanh, lambda y, x: lambda g: g * (1 - y))
    with pytest.raises(WrongLocal, match="the rule of tanh"):
        engine_property(Callables(tanh=tanh))()


def test_a_framework_is_its_own_oracle_where_mpmath_lacks_a_function():
    jax = pytest.importorskip("jax")

    def gelu(error):
        f = jax.custom_vjp(lambda x: jax.nn.gelu(x, approximate=False))
        f.defvjp(lambda x: (f(x), x), lambda x, g: (g * jax.grad(f.fun)(x) * (1 + error),))
        return f

    assert gradcheck(gelu(0.0), 0.75).oracle == "framework"
    with pytest.raises(GradcheckError):
        gradcheck(gelu(1e-9), 0.75)


@pytest.mark.long
def test_torch_functions():
    torch = pytest.importorskip("torch")

    class Softplus(torch.autograd.Function):
        error = 0.0

        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.log1p(torch.exp(x))

        @staticmethod
        def backward(ctx, g):
            return g * torch.sigmoid(*ctx.saved_tensors) * (1 + Softplus.error)

    class Gate(torch.autograd.Function):
        @staticmethod
        def forward(x, y):
            return x.clamp(min=0) * y.exp()

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return g * (x > 0) * y.exp(), g * x.clamp(min=0) * y.exp()

    gradcheck_property(Gate, x=(-3, 3), y=(-2, 2), max_examples=50)()
    assert gradcheck(Gate, (0.5, 1.0)).oracle == "framework"
    assert gradcheck(Softplus, 1.5).oracle == "exact"
    engine_property(Callables(gentle=Softplus), max_examples=50)()
    Softplus.error = 1e-9
    with pytest.raises(GradcheckError):
        gradcheck(Softplus, 1.5)


def test_what_the_oracle_remembers_fits_a_run_and_stays_small():
    known = [program for row in ops.FUNCTIONS.values() for program in single_ops([row])]
    room = exact._facts.cache_parameters()["maxsize"]
    assert len(known) + 1500 < room  # each op alone and 300 random graphs, which the next run needs again
    exact._facts.cache_clear()
    tracemalloc.start()
    for program in known[::90]:
        check_engine(ValueEngine(), program, again=False)
    count, full = exact._facts.cache_info().currsize, tracemalloc.get_traced_memory()[0]
    exact._facts.cache_clear()
    freed = full - tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert count > 30
    assert freed / count * room < 64e6


def test_ops_made_without_end_are_not_kept():
    assert exact.forward_in.cache_parameters()["maxsize"] < 1000


def test_a_report_of_a_large_graph_is_short():
    bad = Op("bad", lambda x: x * x, (lambda y, x: x,))

    def f(x):
        y = x
        for k in range(600):
            y = y + 0.001 * x if k != 300 else bad(y)
        return y

    with pytest.raises(WrongLocal) as caught:
        gradcheck(f, 1.0)
    lines = str(caught.value).splitlines()
    assert len(lines) <= 40
    assert sum(line.endswith("<== here") for line in lines) == 1
    assert any("nodes before" in line for line in lines)


def test_what_no_oracle_and_no_value_can_run_is_said_in_a_sentence():
    with pytest.raises(TypeError, match=r"uses \.tanh of a float, but with grad it is given floats"):
        gradcheck(lambda x: x.tanh(), 0.5, grad=lambda x: 1.0)
    report = gradcheck(lambda x: hash(repr(x)) % 1000 + x.is_integer(), 0.5, grad=lambda x: 1.0)
    assert "it uses .is_integer of a number, which complex numbers do not have" in str(report)
    jax = pytest.importorskip("jax")
    cube = jax.custom_vjp(lambda x: x * x * x)
    cube.defvjp(lambda x: (cube(x), x), lambda x, g: (g * 3 * x * x,))
    assert gradcheck(jax.jit(cube), 0.5).oracle == "exact"
    for check in (gradgradcheck, check_grads):
        with pytest.raises(
            TypeError, match=r"a function on Values; <lambda> has a framework's custom rule: use gradcheck"
        ):
            check(cube, 0.5)
    with pytest.raises(TypeError, match=r"computes with jax, which takes no Value: give .* such as grad=jax.grad\(f\)"):
        gradcheck(lambda x: jax.numpy.tanh(x), 0.5)


def test_the_table_of_properties():
    ours, small, wrong = (conformance(e) for e in (ValueEngine(), Small(), Small("= for +=")))
    assert ours.failed == small.failed == 0
    assert ours.passed > 50
    failed = {(row.group, row.name) for row in wrong.rows if row.outcome == "failed"}
    assert ("reuse", "x + x") in failed
    assert ("operators", "x + y") not in failed
    assert {row.outcome for row in conformance(MicrogradLike(Bare)).rows if row.name == "tanh(x)"} == {"lacking"}
    found = json.loads(wrong.to_json())
    assert found["failed"] == wrong.failed == len(failed)
    assert len(found["properties"]) == len(wrong.rows)
    assert str(wrong).startswith(f"{wrong.passed} of {wrong.passed + wrong.failed} properties hold\noperators: x + y ")


class Bare:
    """Engine that has nothing but a number."""

    def __init__(self, data):
        self.data, self.grad = data, 0.0

"""Numbers that a function reaches by another way than its arguments: right, or refused; never a silent 0."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from autograd_tiny import Value
from autograd_tiny.check.exact import exact_value
from autograd_tiny.check.strategies import programs
from autograd_tiny.compiler import jit
from autograd_tiny.engine import ops
from autograd_tiny.nn import Module
from autograd_tiny.transforms import grad, hessian, hvp, jacobian, jvp, stop_gradient, value_and_grad, vjp
from autograd_tiny.transforms.tracer import number

GLOBAL = []  # the model that a function reads as a global


def compiled(f, **options):
    return jit(f, backend="python", **options)


class Plain:
    """An object that no transform looks into."""

    def __init__(self, **held):
        self.__dict__.update(held)

    def weight(self):
        return self.w


class Net(Module):
    def __init__(self, w=2.0):
        self.w = Value(w)
        w = self.w
        self.plain = Plain(w=w)
        self.bound = self.plain.weight
        self.closed = lambda: w
        self.fixed = functools.partial(lambda x: x, w)


DOORS = {
    "a plain object": lambda m: m.plain.w,
    "a bound method": lambda m: m.bound(),
    "a lambda": lambda m: m.closed(),
    "a partial": lambda m: m.fixed(),
    "a global": lambda m: GLOBAL[-1].w,
}
FACES = {  # of w³·x at w = 2, x = 3
    "grad": (lambda f, m: grad(f)(m, 3.0)["w"], 36.0),
    "value_and_grad": (lambda f, m: value_and_grad(f)(m, 3.0)[1]["w"], 36.0),
    "jacobian": (lambda f, m: jacobian(lambda m: [f(m, 1.0), f(m, 3.0)])(m)[1]["w"], 36.0),
    "vjp": (lambda f, m: vjp(f, m, 3.0)[1](1.0)[0]["w"], 36.0),
    "jvp": (lambda f, m: jvp(f, (m, 3.0), ({"w": 1.0}, 0.0))[1], 36.0),
    "hessian": (lambda f, m: hessian(f)(m, 3.0)["w"]["w"], 36.0),
    "hvp": (lambda f, m: hvp(lambda m: f(m, 3.0), m, {"w": 1.0})["w"], 36.0),
    "jvp of jvp": (
        lambda f, m: jvp(lambda m: jvp(f, (m, 3.0), ({"w": 1.0}, 0.0))[1], (m,), ({"w": 1.0},))[1],
        36.0,
    ),
    "grad of jvp": (lambda f, m: grad(lambda m: jvp(f, (m, 3.0), ({"w": 1.0}, 0.0))[1])(m)["w"], 36.0),
    "grad of grad of grad": (
        lambda f, m: grad(lambda m: grad(lambda m: grad(f)(m, 3.0)["w"])(m)["w"])(m)["w"],
        18.0,
    ),
    "a grad of the original within": (lambda f, m: grad(lambda _: grad(f)(m, 3.0)["w"])(m)["w"], 36.0),
    "jit of value_and_grad": (lambda f, m: compiled(value_and_grad(f))(m, 3.0)[1]["w"], 36.0),
    "jit of hessian": (lambda f, m: compiled(hessian(f))(m, 3.0)["w"]["w"], 36.0),
    "jit of jvp": (lambda f, m: compiled(lambda m: jvp(f, (m, 3.0), ({"w": 1.0}, 0.0))[1])(m), 36.0),
    "grad of jit": (lambda f, m: grad(compiled(f))(m, 3.0)["w"], 36.0),
}
USES = {
    "all by the door": lambda w, v: v * v * v,
    "half by the door": lambda w, v: w * w * v,
    "the square by the door": lambda w, v: v * v * w,
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("door", DOORS)
def test_a_parameter_reached_by_another_way_counts(door, face, use):
    m = Net()
    GLOBAL[:] = [m]
    derivative, expected = FACES[face]
    assert derivative(lambda m, x: USES[use](m.w, DOORS[door](m)) * x, m) == expected


def test_compiled_code_tells_apart_which_model_is_reached():
    ours, other = Net(2.0), Net(5.0)
    for order in ((ours, other, ours), (other, ours, other)):
        gradient = compiled(value_and_grad(lambda m, x: ours.w * m.w * x))
        plain = compiled(lambda m, x: ours.w * m.w * x)
        for m in order:
            assert gradient(m, 3.0) == value_and_grad(lambda m, x: ours.w * m.w * x)(m, 3.0)
            assert plain(m, 3.0) == 2.0 * m.w.data * 3.0
    assert gradient(ours, 3.0) == (12.0, {"w": 12.0})
    ours.w.data = 3.0
    assert gradient(ours, 3.0) == (27.0, {"w": 18.0})
    with pytest.raises(TypeError, match="in two arguments and reads it without them as well"):
        compiled(lambda a, b: a.w * b.w * ours.w)(ours, ours)


def test_a_batch_compiled_before_does_not_hide_what_is_differentiated():
    m = Net()
    total = compiled(lambda x: m.w * x, batch="x", reduce="sum")
    assert total([1.0, 2.0]) == 6.0
    with pytest.raises(TypeError, match="compiled over a batch and takes numbers only"):
        grad(lambda n: n.w * total([1.0, 2.0]))(m)


def test_training_by_a_global_model_learns():
    m = Net()
    GLOBAL[:] = [m]
    step = compiled(value_and_grad(lambda m, x: (GLOBAL[-1].closed() * x - 3.0).square()))
    losses = []
    for _ in range(20):
        loss, gradient = step(m, 1.0)
        m.w.data -= 0.2 * gradient["w"]
        losses.append(loss)
    assert losses[0] == 1.0
    assert losses[-1] < 1e-6


@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"a": v}])
@pytest.mark.parametrize(
    "derivative",
    [grad, value_and_grad, jacobian, hessian, lambda f: lambda x: jvp(f, (x,), (wrapped_one(x),)),
     lambda f: lambda x: vjp(f, x)[1](1.0)],
)  # fmt: skip
def test_a_value_read_both_as_argument_and_otherwise_is_refused(derivative, wrap):
    v = Value(3.0, "v")
    with pytest.raises(TypeError, match="both as its argument and by another way"):
        derivative(lambda x: next(iter(x.values() if isinstance(x, dict) else x if isinstance(x, list) else [x])) * v)(
            wrap(v)
        )


def wrapped_one(x):
    return {"a": 1.0} if isinstance(x, dict) else [1.0] if isinstance(x, list) else 1.0


def test_constants_stay_constants():
    v, m = Value(3.0, "v"), Net()
    for outer in (3.0, v):
        assert number(grad(lambda x: grad(lambda y: x * y)(x))(outer)) == 1.0
        assert number(grad(lambda x: jvp(lambda y: x * y, (x,), (1.0,))[1])(outer)) == 1.0
        assert number(jvp(lambda x: grad(lambda y: x * y)(x), (outer,), (1.0,))[1]) == 1.0
    assert grad(lambda a: grad(lambda b: a.w * b.w)(a)["w"])(m) == {"w": 1.0}
    assert number(grad(lambda a, b: a * b)(v, v)) == 3.0
    assert grad(lambda a, b: a.w * b.w)(m, m) == {"w": 2.0}
    assert number(grad(lambda x: x * v.detach())(v)) == 3.0
    assert grad(lambda a: a.w * stop_gradient(m.w))(m) == {"w": 2.0}
    kept = []
    grad(lambda a: kept.append(a.w * a.w) or kept[0])(m)
    assert grad(lambda a: a.w * kept[0].data)(m) == {"w": 4.0}
    assert compiled(grad(lambda a: a.w * kept[0].detach()))(m) == {"w": 4.0}


def kept_from(run):
    kept = []
    run(lambda x: kept.append(x * 2.0) or x * 3.0)
    return kept[0]


@pytest.mark.parametrize(
    ("run", "ended"),
    [(lambda f: compiled(f)(1.0), "a recording"), (lambda f: jvp(f, (1.0,), (1.0,)), "a jvp"),
     (lambda f: compiled(grad(f))(1.0), "a recording"), (lambda f: hvp(f, 1.0, 1.0), "a jvp")],
)  # fmt: skip
@pytest.mark.parametrize(
    "use",
    [
        lambda k: k + 1.0,
        lambda k: ops.exp(k),
        lambda k: Value(2.0) * k,
        lambda k: grad(lambda x: x * k)(5.0),
        lambda k: grad(lambda x: k)(5.0),
        lambda k: grad(lambda x: x * x)(k),
        lambda k: jacobian(lambda x: [x, k])(5.0),
        lambda k: jvp(lambda x: k, (5.0,), (1.0,)),
        lambda k: jvp(lambda x: x * k, (5.0,), (1.0,)),
        lambda k: vjp(lambda x: k, 5.0),
        lambda k: compiled(lambda x: x * k)(5.0),
        lambda k: compiled(lambda x: k)(5.0),
        lambda k: compiled(lambda x: [x, k])(5.0),
        lambda k: compiled(grad(lambda x: x * k))(5.0),
        lambda k: grad(lambda x: x * compiled(lambda y: y * k)(1.0))(5.0),
    ],
)
def test_a_number_of_an_ended_recording_is_refused(run, ended, use):
    with pytest.raises(TypeError, match=r"belongs to (a recording|a jvp) that has ended: return it from the function"):
        use(kept_from(run))


# Random programs in which one number takes another way.

SMOOTH = [ops.add, ops.sub, ops.mul, ops.tanh, ops.sin, ops.square, ops.sigmoid, ops.atan, ops.softplus, ops.maximum]
WAYS = ("float()", "math", "array", "object array", "data", "closure", "argument and closure", *DOORS, "a jit within")
GRADIENTS = {
    "grad": lambda f, xs: grad(f)(xs),
    "value_and_grad": lambda f, xs: value_and_grad(f)(xs)[1],
    "jacobian": lambda f, xs: jacobian(lambda xs: [f(xs)])(xs)[0],
    "vjp": lambda f, xs: vjp(f, xs)[1](1.0)[0],
    "jit of grad": lambda f, xs: compiled(grad(f))(xs),
    "grad of jit": lambda f, xs: grad(compiled(f))(xs),
}


@dataclass(frozen=True)
class Case:
    """A program whose number at `place` (an input, or a step) takes `way`; `cut` if that number is a constant."""

    program: object
    place: int
    way: str

    @property
    def cut(self):
        return self.way in ("data", "closure")

    def call(self):
        """Return the function and its argument."""
        numbers = list(self.program.example)
        i = self.place % len(numbers)
        if self.way in DOORS:
            nets = [Net(x) for x in numbers]
            GLOBAL[:] = [nets[i]]
            return lambda nets: self._run([DOORS[self.way](m) if j == i else m.w for j, m in enumerate(nets)]), nets
        if self.way in ("closure", "argument and closure"):
            there = [Value(x) for x in numbers]
            given = numbers if self.way == "closure" else there
            return lambda xs: self._run([there[i] if j == i else x for j, x in enumerate(xs)]), given
        return lambda xs: self._run(xs), numbers

    def _run(self, xs):
        place, values = self.place, list(xs)
        if place < len(values):
            values[place] = self._passed(values[place])
        for op, operands in self.program.steps:
            values.append(op(*[values[x] if isinstance(x, int) else x for x in operands]))
            if len(values) - 1 == place:
                values[place] = self._passed(values[place])
        return values[self.program.outputs[0]]

    def _passed(self, v):
        if self.way == "float()":
            return float(v)
        if self.way == "math":
            return math.atan(math.tan(v))
        if self.way == "array":
            return pytest.importorskip("numpy").array([v], float)[0]
        if self.way == "object array":
            return pytest.importorskip("numpy").array([1.0, v], object).reshape(2, 1).T.ravel()[-1]
        if self.way == "data":
            return v.data
        if self.way == "a jit within":
            return compiled(lambda one: one * v)(1.0)
        return v

    def exact(self):
        """Return the gradient by differences in 60 digits, or None at a kink."""
        p, h = self.program, mpf(10) ** -25
        at, found = [mpf(x) for x in p.example], []
        i = self.place % len(at) if self.way == "closure" else self.place
        constant = self._exactly(at)[i] if self.cut else None
        for j in range(len(at)):
            near = [self._exactly([x + side * h * (k == j) for k, x in enumerate(at)], i, constant)[p.outputs[0]]
                    for side in (-1, 0, 1)]  # fmt: skip
            left, right = (near[1] - near[0]) / h, (near[2] - near[1]) / h
            if abs(left - right) > 1e-9 * (1 + abs(right)):
                return None
            found.append(float(right))
        return found

    def _exactly(self, xs, place=-1, constant=None):
        values = list(xs)
        if constant is not None and place < len(values):
            values[place] = constant
        for op, operands in self.program.steps:
            values.append(exact_value(op, *[values[x] if isinstance(x, int) else mpf(x) for x in operands]))
            if constant is not None and len(values) - 1 == place:
                values[place] = constant
        return values


def plain(gradient):
    return [number(g["w"] if isinstance(g, dict) else g) for g in gradient]


def agree(case, face):
    """Return True if the gradient agrees with forward mode and the exact one, None if it is refused."""
    f, xs = case.call()
    try:
        got = plain(GRADIENTS[face](f, xs))
    except TypeError:
        return None
    with mp.workdps(60):
        exact = case.exact()
    if exact is None or max(map(abs, exact)) > 1e6:
        return True
    unit = (lambda x, t: {"w": t}) if case.way in DOORS else (lambda x, t: t)
    forward = [number(jvp(f, (xs,), ([unit(x, float(j == k)) for k, x in enumerate(xs)],))[1]) for j in range(len(xs))]
    scale = max(1.0, *map(abs, exact))
    return all(abs(a - b) <= 1e-9 * scale for given in (got, forward) for a, b in zip(given, exact, strict=True))


def tame(program):
    """Bring the inputs near 0, so that rounding cannot be taken for a lost gradient."""
    return replace(program, example=tuple(math.remainder(x, 2.0) for x in program.example))


CASES = st.builds(Case, programs(SMOOTH, max_size=7).map(tame), st.integers(0, 9), st.sampled_from(WAYS))
REFUSED = ("float()", "math", "array", "argument and closure")


def check_case(case, face):
    n = len(case.program.inputs)
    if case.way not in ("float()", "math", "array", "object array", "data", "a jit within") or case.place >= n + len(
        case.program.steps
    ):
        case = Case(case.program, case.place % n, case.way)
    outcome = agree(case, face)
    assert outcome is not False
    if case.way not in REFUSED and not (case.way == "data" and "jit" in face):
        assert outcome is True, f"{case.way} is refused"


@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
@given(CASES, st.sampled_from(list(GRADIENTS)))
def test_no_way_loses_a_gradient_in_silence(case, face):
    check_case(case, face)


@pytest.mark.long
@settings(max_examples=20_000, suppress_health_check=[HealthCheck.too_slow])
@given(CASES, st.sampled_from(list(GRADIENTS)))
def test_no_way_loses_a_gradient_in_silence_at_length(case, face):
    check_case(case, face)

"""Numbers kept from a derivative that has ended: refused where another derivative depends on them, never a silent 0."""

from __future__ import annotations

import functools
import threading

import pytest

from autograd_tiny import Value
from autograd_tiny.compiler import jit
from autograd_tiny.engine import ops
from autograd_tiny.nn import Module
from autograd_tiny.transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp


def compiled(f):
    return jit(f, backend="python")


FACES = {
    "grad": grad,
    "value_and_grad": value_and_grad,
    "jacobian": lambda f: jacobian(lambda x: [f(x), x]),
    "hessian": hessian,
    "hvp": lambda f: lambda x: hvp(f, x, 1.0),
    "jvp": lambda f: lambda x: jvp(f, (x,), (1.0,)),
    "vjp": lambda f: lambda x: vjp(f, x)[1](1.0),
    "third": lambda f: grad(grad(grad(f))),
    "reverse over forward": lambda f: grad(lambda x: jvp(f, (x,), (1.0,))[1]),
    "compiled": lambda f: compiled(grad(f)),
    "in a list": lambda f: lambda x: grad(lambda xs: f(xs[0]))([x]),
    "by name": lambda f: lambda x: grad(lambda y, x: f(x) * y, "x")(1.0, x),
    "in an enclosing one": lambda f: grad(lambda x: grad(f)(x) * x),
}


class Net(Module):
    def __init__(self):
        self.w = Value(2.0)


def by_dict(make):
    memo = {}
    return lambda x: memo["k"] if "k" in memo else memo.setdefault("k", make(x))


def by_default(make):
    return lambda x, memo=[]: (memo or memo.append(make(x)) or memo)[0]


def by_module(make):
    net = Net()
    return lambda x: vars(net)["last"] if "last" in vars(net) else vars(net).setdefault("last", make(x))


def by_cache(make):
    given = []
    cached = functools.cache(lambda key: make(given[-1]))
    return lambda x: (given.append(x), cached("key"))[1]


STORES = {f.__name__: f for f in (by_dict, by_default, by_module, by_cache)}
USES = {
    "itself": lambda kept, x: kept,
    "a factor": lambda kept, x: kept * 3.0,
    "beside x": lambda kept, x: kept * x + x,
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("second", FACES)
@pytest.mark.parametrize("first", ["grad", "hessian", "jvp", "third"])
def test_a_number_kept_from_a_derivative_is_refused_by_the_next(first, second, store, use):
    kept = STORES[store](lambda x: x * x)
    f = lambda x: USES[use](kept(x), x)  # noqa: E731
    FACES[first](f)(2.0)
    with pytest.raises(TypeError, match="has ended"):
        FACES[second](f)(2.0)


@pytest.mark.parametrize("store", STORES)
def test_within_one_derivative_and_within_one_trace_too(store):
    def twice(x):
        kept = STORES[store](lambda x: x * x)
        return grad(kept)(x) + grad(kept)(x)

    for face in (grad(twice), compiled(twice), compiled(grad(twice)), lambda x: jvp(twice, (x,), (1.0,)), twice):
        with pytest.raises(TypeError, match="has ended"):
            face(2.0)


def by_box(x):
    box = [x]

    def g(y):
        box[0] = box[0] * y
        return box[0]

    return g


def by_nonlocal(x):
    total = x

    def g(y):
        nonlocal total
        total = ops.sin(total * y) * y
        return total

    return g


def by_attribute(x):
    net = Net()
    net.state = x

    def g(y):
        net.state = net.state * y + 1.0
        return net.state

    return g


@pytest.mark.parametrize("state", [by_box, by_nonlocal, by_attribute])
@pytest.mark.parametrize("times", [2, 3])
def test_a_state_that_f_replaces_is_a_constant_of_later_derivatives(state, times):
    def f(x):
        g = state(x)
        return [grad(g)(y) for y in (1.25, 0.5, 1.5)[:times]][-1]

    def exact(x):  # what the states are, written out
        g = state(x)
        for y in (1.25, 0.5, 1.5)[: times - 1]:
            g(y)
        return jvp(g, ((1.25, 0.5, 1.5)[times - 1],), (1.0,))[1]

    assert f(2.0) == pytest.approx(exact(2.0), rel=1e-14)
    slope = (exact(2.0 + 1e-6) - exact(2.0 - 1e-6)) / 2e-6
    assert grad(f)(2.0) == pytest.approx(slope, rel=1e-8)
    assert jvp(f, (2.0,), (1.0,))[1] == pytest.approx(slope, rel=1e-8)


def test_a_state_whose_past_is_kept_is_refused():
    states = [Value(1.0)]

    def g(y):
        states.append(states[-1] * y)
        return states[-1]

    grad(g)(2.0)
    with pytest.raises(TypeError, match="has ended"):
        grad(g)(2.0)


@pytest.mark.parametrize("given", [Value(3.0), Net()], ids=["a Value", "a Module"])
def test_of_a_value_and_of_a_module(given):
    number = lambda p: p.w if isinstance(p, Net) else p  # noqa: E731
    kept = by_dict(lambda p: number(p) ** 2)
    grad(kept)(given)
    for again in (given, 2.0):
        with pytest.raises(TypeError, match="has ended"):
            grad(lambda p: kept(p) * 2.0)(again)


def test_in_another_thread():
    kept = by_dict(lambda x: x * x)
    inside, done = threading.Event(), threading.Event()

    def slow(x):
        y = kept(x)
        inside.set()
        done.wait(10.0)
        return y

    other = threading.Thread(target=lambda: grad(slow)(2.0))
    other.start()
    inside.wait(10.0)
    try:
        with pytest.raises(TypeError, match="has ended"):
            grad(kept)(2.0)
    finally:
        done.set()
        other.join()


def test_the_error_names_the_number_and_says_what_to_write():
    kept = by_dict(lambda x: x * x)
    grad(kept)(2.0)
    with pytest.raises(TypeError, match=r"<lambda> depends on Value\(data=2.0\).*derivative that has ended.*\.data"):
        grad(kept)(2.0)


RIGHT = {  # each is called twice; its second result
    "a result given Values": (lambda v: grad(lambda w: w * grad(lambda x: x**3)(v))(2.0), 12.0),
    "a value given Values": (lambda v: grad(lambda w: w * value_and_grad(lambda x: x**3)(v)[0])(2.0), 8.0),
    "what was kept as a number": (lambda v: grad(lambda x: x * KEPT.setdefault("number", (x * 2).data))(2.0), 4.0),
    "a detached number": (lambda v: grad(lambda x: x * KEPT.setdefault("detached", (x * 2).detach()))(2.0), 4.0),
    "aux": (lambda v: grad(lambda x: x * grad(lambda y: (y**2, [y * 3]), has_aux=True)(v)[1][0])(1.0), 6.0),
    "a step within an enclosing derivative": (lambda v: grad(adapted)(2.0), -0.5),
    "a gradient as a constant": (lambda v: grad(lambda w: grad(lambda z: z * grad(square)(w))(w))(3.0), 2.0),
    "a pullback called later": (lambda v: pulled_later(2.0), 4.0),
    "a kept loss that is printed": (lambda v: grad(lambda x: (KEPT.setdefault("loss", x * x), x * x)[1])(2.0), 4.0),
    "eager arithmetic of a kept number": (lambda v: eager(v), 4.0),
    "a kept number given as the argument": (lambda v: grad(square)(KEPT.setdefault("leaf", leaf())).data, 4.0),
    "what an inner derivative left": (lambda v: grad(left_by_inner)(2.0), 96.0),
    "hessian of a gradient": (lambda v: hessian(lambda x: grad(lambda y: y**4)(x))(2.0), 48.0),
}  # fmt: skip
KEPT = {}


def square(x):
    return x * x


def leaf():
    kept = []
    grad(lambda x: kept.append(x) or x * x)(2.0)
    return kept[0]


def eager(v):
    w = Value(3.0)
    (w * (leaf() * 2)).backward()
    return w.grad


def left_by_inner(w):
    left = []
    g = grad(lambda z: left.append(z * z) or z**3)(w)
    return left[0] * g


def adapted(w):
    inner = lambda w, b: (w - b) ** 2  # noqa: E731
    w2 = w - 0.25 * grad(inner)(w, 1.0)
    g = grad(inner)(w2, 1.0)
    return grad(lambda z: z * g - inner(w2, 1.0))(w2) - 1.5 * w


def pulled_later(x):
    _, pull = vjp(square, x)
    grad(square)(x)
    return pull(1.0)[0]


@pytest.mark.parametrize("use", RIGHT)
def test_right_uses_stay(use):
    f, expected = RIGHT[use]
    for _ in range(2):
        assert f(Value(2.0)) == expected


COTANGENTS = {  # derivatives of the pullback of [w³, w²]
    "the output": (lambda y, pull: pull([1.0, y[1]])[0], lambda w: 6 * w + 6 * w**2),
    "of the output": (lambda y, pull: pull([0.0, y[0] * 2.0])[0], lambda w: 16 * w**3),
    "an earlier gradient": (lambda y, pull: pull([pull([0.0, 1.0])[0], 0.0])[0], lambda w: 18 * w**2),
}


@pytest.mark.parametrize(("use", "exact"), COTANGENTS.values(), ids=COTANGENTS)
def test_a_cotangent_made_of_what_vjp_returned_is_a_constant_of_it(use, exact):
    def f(w):
        return use(*vjp(lambda z: [z**3, z**2], w))

    w = 1.5
    assert grad(f)(w) == jvp(f, (w,), (1.0,))[1] == compiled(grad(f))(w) == pytest.approx(exact(w), rel=1e-12)
    assert f(Value(w)).data == f(w)
    assert grad(grad(f))(w) == pytest.approx((exact(w + 1e-6) - exact(w - 1e-6)) / 2e-6)

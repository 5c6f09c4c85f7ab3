"""Compiled functions inside derivatives and traces, in one thread and in many."""

from __future__ import annotations

import contextvars
import gc
import math
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from autograd_tiny import Value, nn
from autograd_tiny.compiler import jit
from autograd_tiny.compiler.collector import gc_paused
from autograd_tiny.transforms.derivatives import grad, hessian, jacobian, jvp, value_and_grad, vjp
from autograd_tiny.transforms.tracer import number

E, E2 = math.exp(1), math.exp(2)


def compiled(f, **options):
    return jit(f, backend="python", **options)


g = compiled(lambda x: x.exp())
branching = compiled(lambda x: x.exp() if x > 0 else -x)
h = compiled(lambda v, scale=1.0: [scale * x.exp() for x in v])

WITHIN = {
    "grad": lambda f: grad(f)(3.0),
    "value_and_grad": lambda f: value_and_grad(f)(3.0)[1],
    "jacobian": lambda f: jacobian(lambda x: [f(x)])(3.0)[0],
    "jvp": lambda f: jvp(f, (3.0,), (1.0,))[1],
    "vjp": lambda f: vjp(f, 3.0)[1](1.0)[0],
    "jit of grad": lambda f: compiled(grad(f))(3.0),
    "grad of jit": lambda f: grad(compiled(f))(3.0),
    "jit of jvp": lambda f: compiled(lambda x: jvp(f, (x,), (1.0,))[1])(3.0),
    "grad by a Value": lambda f: number(grad(f)(Value(3.0))),
    "jit within grad": lambda f: grad(lambda x: compiled(lambda y: f(x) * y)(1.0))(3.0),
    "jit": lambda f: compiled(f)(4.0) - compiled(f)(3.0),
}
LINEAR = {
    "a float": (lambda x: x * g(2.0), E2),
    "a branch": (lambda x: x * (branching(2.0) + branching(-3.0)), E2 + 3),
    "a list and a keyword": (lambda x: x * sum(h([1.0, 2.0], scale=2.0)), 2 * E + 2 * E2),
    "what is differentiated": (lambda x: compiled(lambda y: y.exp() * x)(2.0), E2),
    "a derivative": (lambda x: x * compiled(grad(lambda y: y.exp()))(2.0), E2),
    "in threads": (lambda x: x * sum(in_threads(g, [1.0, 2.0])), E + E2),
    "in threads, what is differentiated": (
        lambda x: sum(in_threads(compiled(lambda y: y.exp() * x), [1.0, 2.0])),
        E + E2,
    ),
}


def in_threads(f, xs):
    with ThreadPoolExecutor(len(xs)) as pool:
        return list(pool.map(f, xs))


@pytest.mark.parametrize("inner", LINEAR)
@pytest.mark.parametrize("outer", WITHIN)
def test_a_compiled_function_within_a_transform(outer, inner):
    f, slope = LINEAR[inner]
    assert WITHIN[outer](f) == pytest.approx(slope, rel=1e-14)


def test_a_compiled_function_within_a_derivative_gives_floats_where_nothing_depends():
    kinds = []
    grad(lambda x: (kinds.append(type(g(2.0))), x)[1])(3.0)
    jvp(lambda x: (kinds.append(type(g(2.0))), x)[1], (3.0,), (1.0,))
    assert kinds == [float, float]
    assert hessian(lambda x: x * x * g(0.0))(3.0) == 2.0


def test_floats_beside_values_have_the_methods():
    y = compiled(lambda x, w: x.exp() * w)(2.0, Value(3.0))
    assert y.data == pytest.approx(3 * E2)


def test_what_a_closure_is_bound_to_anew_is_differentiated():
    weight = [2.0]
    scaled = compiled(lambda x: x * weight[0])
    assert scaled(3.0) == 6.0

    def loss(w):
        weight[0] = w
        return scaled(3.0)

    assert grad(loss)(5.0) == 3.0


def test_a_module_in_a_thread_is_differentiated():
    model = nn.MLP(2, [1], seed=0)
    f = compiled(lambda model, x: model(x))
    expected = grad(lambda m: f.f(m, [1.0, 2.0]))(model)
    assert grad(lambda m: in_threads(lambda x: f(m, x), [[1.0, 2.0]])[0])(model) == expected


@pytest.mark.parametrize("batched", ["closes over a Value", "closes over what is recorded"])
def test_a_batch_within_a_recording_is_refused_where_it_would_be_baked_in(batched):
    w = Value(2.0)

    def f(x):
        factor = w if batched == "closes over a Value" else x
        return x * compiled(lambda y: y * factor, batch="y")([1.0])[0]

    with pytest.raises(TypeError, match="takes numbers only"):
        compiled(f)(3.0)


def test_a_batch_that_closes_over_what_a_value_became_is_refused():
    with pytest.raises(TypeError, match="takes numbers only"):
        grad(lambda w: compiled(lambda x: w * x, batch="x")([2.0])[0])(Value(3.0))


@pytest.mark.parametrize(
    "derivative",
    [lambda f, m: grad(f)(m), lambda f, m: jvp(f, (m,), (m,)), lambda f, m: compiled(f)(m)],
    ids=["grad", "jvp", "jit"],
)
def test_a_module_given_to_a_batch_within_a_derivative_is_refused(derivative):
    batched = compiled(lambda model, x: model([x, 1.0]), batch="x", reduce="sum")
    with pytest.raises(TypeError):
        derivative(lambda m: batched(m, [1.0, 2.0]), nn.MLP(2, [1], seed=0))


def test_overlapping_threads_leave_the_collector_on(monkeypatch):
    asked, left = threading.Event(), threading.Event()
    is_on = gc.isenabled

    def slowly():  # interrupts the other thread right after its query
        found = is_on()
        if threading.current_thread() is not threading.main_thread():
            asked.set()
            left.wait(0.2)
        return found

    monkeypatch.setattr(gc, "isenabled", slowly)

    def pause():
        with gc_paused():
            pass

    with gc_paused():
        thread = threading.Thread(target=pause)
        thread.start()
        assert asked.wait(10)
    left.set()
    thread.join(10)
    assert is_on()


def test_a_context_that_was_kept_does_not_go_on_recording():
    kept = []
    f = compiled(lambda x: (kept.append(contextvars.copy_context()), x * x)[1])
    assert f(3.0) == 9.0
    assert grad(lambda x: f.f(x))(3.0) == 6.0
    for context in kept:  # a task created inside f would hold such a context
        assert context.run(grad(lambda x: x * g(2.0)), 3.0) == E2
        assert context.run(g, 2.0) == E2


def test_threads_do_not_see_each_others_derivatives():
    differentiating, done = threading.Event(), threading.Event()

    def slow(x):
        differentiating.set()
        assert done.wait(10)
        return x * x

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(grad(slow), 3.0)
        assert differentiating.wait(10)
        called = []
        mine = compiled(lambda x: (called.append(1), x.exp())[1])
        assert [mine(2.0) for _ in range(3)] == [E2] * 3
        done.set()
        assert other.result() == 6.0
    assert called == [1]  # traced once, and not run by itself


def test_many_threads_differentiate_and_replay():
    expected = grad(lambda x: x * g(2.0))(3.0)

    def work(k):
        if k % 2:
            return {grad(lambda x: x * g(2.0))(3.0) for _ in range(200)} == {expected}
        return {g(2.0) for _ in range(2000)} == {g(2.0)}

    assert all(in_threads(work, range(8)))


@pytest.mark.parametrize("backend", ["python", "numpy", "llvm"])
def test_first_calls_at_once_record_once(backend):
    if backend != "python":
        pytest.importorskip("numpy")
    if backend == "llvm":
        pytest.importorskip("llvmlite")
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(5):
            runs, start = [], threading.Barrier(8)

            def f(x, runs=runs):
                runs.append(1)
                for _ in range(50):
                    x = x.tanh() + 0.1
                return x if x > 0.2 else -x

            both = jit(f, backend=backend)

            def call(k, both=both, start=start):
                start.wait(10)
                return both(k / 8)

            assert in_threads(call, range(8)) == [both(k / 8) for k in range(8)]
            assert len(runs) <= 2  # one run per path
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.parametrize("indices", [[0, 2], (0, 2), [[0], [2]]])
def test_lists_of_indices_beside_values_stay_indices(indices):
    def f(w, indices):
        return sum(w[i[0] if isinstance(i, list) else i] ** 2 for i in indices)

    ws = [Value(1.0), Value(2.0), Value(3.0)]
    y, slopes = compiled(value_and_grad(f))(ws, indices)
    assert (number(y), [*map(number, slopes)]) == (10.0, [2.0, 0.0, 6.0])

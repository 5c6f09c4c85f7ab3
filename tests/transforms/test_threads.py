"""Threads that a function starts, or gives work to, belong to its trace and its derivatives."""

from __future__ import annotations

import _thread
import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

import pytest

from autograd_tiny import Value, grad, hessian, jit, jvp
from autograd_tiny.nn import Module


class Model(Module):
    def __init__(self):
        self.w = Value(3.0)


M, C = Model(), Value(5.0)


class OwnThread(threading.Thread):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def run(self):
        self.result = self.f()


def in_a_thread(f):
    found = []
    thread = threading.Thread(target=lambda: found.append(f()))
    thread.start()
    thread.join()
    return found[0]


def in_a_thread_of_a_class(f):
    thread = OwnThread(f)
    thread.start()
    thread.join()
    return thread.result


def in_an_executor(f):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(f).result()


def in_a_map(f):
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda i: f(), range(3)))[1]


def in_an_older_executor(f):
    return EXECUTOR.submit(f).result()


def in_a_pool(f):
    with ThreadPool(1) as pool:
        return pool.apply(f)


def in_an_older_pool(f):
    return POOL.map(lambda i: f(), range(2))[1]


def in_a_lazy_map(f):
    return next(POOL.imap_unordered(lambda i: f(), [0]))


def in_a_thread_of_a_thread(f):
    return in_a_thread(lambda: in_an_executor(f))


WAYS = [
    in_a_thread, in_a_thread_of_a_class, in_an_executor, in_a_map, in_an_older_executor, in_a_pool, in_an_older_pool,
    in_a_lazy_map, in_a_thread_of_a_thread,
]  # fmt: skip


@pytest.fixture(autouse=True)
def older_pools():
    global EXECUTOR, POOL
    with ThreadPoolExecutor(1) as EXECUTOR, ThreadPool(1) as POOL:
        EXECUTOR.submit(int).result()
        yield


# Functions of a number or the Model, and of a way to run a part of them; at the Model they return a dict.
OF_A_NUMBER = {
    "the argument": lambda run, x: run(lambda: x * x * x),
    "a closed-over Value": lambda run, x: run(lambda: x * C) * x,
    "a branch": lambda run, x: run(lambda: x * x if x > 0 else -x),
    "the largest": lambda run, x: run(lambda: max([x * x, 1.0])),
    "a derivative": lambda run, x: run(lambda: grad(lambda y: x * x * y * y)(3.0)),
    "a derivative forwards": lambda run, x: run(lambda: jvp(lambda y: x * x * y * y, (3.0,), (1.0,))[1]),
    "compiled": lambda run, x: run(lambda: jit(lambda y: x * x * y)(3.0)),
}
OF_A_MODEL = {
    "its parameter": lambda run, m: run(lambda: m.w * m.w),
    "the original": lambda run, m: run(lambda: M.w * M.w),
    "a derivative": lambda run, m: run(lambda: grad(lambda y: M.w * M.w * y * y)(3.0)),
    "a derivative forwards": lambda run, m: run(lambda: jvp(lambda y: M.w * M.w * y * y, (3.0,), (1.0,))[1]),
    "compiled": lambda run, m: run(lambda: jit(lambda y: M.w * M.w * y)(3.0)),
}
FACES = {
    "grad": lambda f, x, t: grad(f)(x),
    "hessian": lambda f, x, t: hessian(f)(x),
    "jvp": lambda f, x, t: jvp(f, (x,), (t,)),
    "jit": lambda f, x, t: jit(f, backend="python")(x),
    "jit of grad": lambda f, x, t: jit(grad(f), backend="python")(x),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", FACES.values(), ids=FACES)
@pytest.mark.parametrize("f", OF_A_NUMBER.values(), ids=OF_A_NUMBER)
def test_a_part_in_a_thread_has_the_derivative_that_it_has_here(way, face, f):
    here = face(lambda x: f(lambda part: part(), x), 2.0, 1.0)
    assert face(lambda x: f(way, x), 2.0, 1.0) == here


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", FACES.values(), ids=FACES)
@pytest.mark.parametrize("f", OF_A_MODEL.values(), ids=OF_A_MODEL)
def test_an_original_parameter_counts_in_a_thread_too(way, face, f):
    here = face(lambda m: f(lambda part: part(), m), M, {"w": 1.0})
    assert face(lambda m: f(way, m), M, {"w": 1.0}) == here


@pytest.mark.parametrize("way", WAYS)
def test_compiled_code_reads_a_value_that_a_thread_closed_over(way):
    c = Value(5.0)
    f = jit(lambda x: way(lambda: x * c), backend="python")
    assert f(2.0) == 10.0
    c.data = 6.0
    assert f(2.0) == 12.0


def test_a_thread_that_nobody_could_tell_of_the_trace_is_refused():
    def f(x):
        found, done = [], threading.Lock()
        done.acquire()

        def run():
            try:
                found.append(x * C)
            except TypeError as error:
                found.append(error)
            done.release()

        _thread.start_new_thread(run, ())
        done.acquire()
        if isinstance(found[0], TypeError):
            raise found[0]
        return found[0]

    with pytest.raises(TypeError, match="in a thread that the traced function did not start itself"):
        jit(f)(2.0)


def test_other_threads_belong_to_nothing_and_the_classes_are_as_before():
    plain = threading.Thread.start, ThreadPoolExecutor.submit, ThreadPool.apply_async
    go, gone = threading.Event(), threading.Event()
    found = []

    def other():
        go.wait()
        found.append(grad(lambda m: m.w * m.w)(M))
        gone.set()

    thread = threading.Thread(target=other)
    thread.start()

    def f(m):
        go.set()
        gone.wait()
        return m.w

    grad(f)(M)
    thread.join()
    assert found == [{"w": 6.0}]
    assert plain == (threading.Thread.start, ThreadPoolExecutor.submit, ThreadPool.apply_async)
    assert "apply_async" not in vars(ThreadPool)
    grad(lambda x: EXECUTOR.submit(lambda: x * x).result())(2.0)
    assert EXECUTOR.submit(lambda: grad(lambda m: m.w * m.w)(M)).result() == {"w": 6.0}


def test_a_thread_that_is_kept_holds_no_number_of_the_derivative():
    kept = []

    def f(x):
        found = []
        kept.append(threading.Thread(target=lambda: found.append(x * x)))
        kept[0].start()
        kept[0].join()
        refs.append(weakref.ref(found[0]))
        return found[0]

    refs = []
    grad(f)(2.0)
    gc.collect()
    assert refs[0]() is None
    assert not vars(kept[0]).get("run")


def test_a_start_that_somebody_else_has_replaced_is_used(monkeypatch):
    plain, started = threading.Thread.start, []

    def start(thread):
        started.append(thread)
        plain(thread)

    grad(lambda x: x * x)(1.0)
    monkeypatch.setattr(threading.Thread, "start", start)
    gradient = grad(lambda m: in_a_thread(lambda: grad(lambda y: M.w * M.w * y * y)(3.0)))(M)
    assert gradient == {"w": 36.0}
    assert len(started) == 1
    assert threading.Thread.start is start

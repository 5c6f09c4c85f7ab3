"""Pickles and copies of compiled functions: they keep their traces, and follow what the function reads."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import types

import pytest

from autograd_tiny import Value
from autograd_tiny.compiler import jit
from autograd_tiny.engine import ops
from autograd_tiny.transforms.derivatives import grad, value_and_grad

traces = []


def loss(w, x):
    traces.append(x)
    return (w[0] * x if x > 0 else w[1]) ** 2


compiled = jit(loss, backend="python")


def closure(calls):
    def f(w, x):
        calls.append(x)
        return (w[0] * x if x > 0 else w[1]) ** 2

    return f


def by_pickle(f):
    return pickle.loads(pickle.dumps(f))


def by_cloudpickle(f):
    pytest.importorskip("cloudpickle", reason="lambdas and closures are pickled by cloudpickle")
    return by_pickle(f)


@pytest.mark.parametrize("copied", [by_pickle, copy.copy, copy.deepcopy])
def test_a_copy_keeps_its_traces(copied):
    f = jit(loss, backend="python")
    expected = [f([3.0, 2.0], x) for x in (1.0, -1.0)]
    before = len(traces)
    again = copied(f)
    assert [again([3.0, 2.0], x) for x in (1.0, -1.0)] == expected == [9.0, 4.0]
    assert len(traces) == before
    assert repr(again) == repr(f)
    assert again([1.0], 1.0) == 1.0  # another structure


@pytest.mark.parametrize("copied", [by_cloudpickle, copy.copy, copy.deepcopy])
@pytest.mark.parametrize("transform", [lambda f: f, grad, value_and_grad, lambda f: jit(grad(f), backend="python")])
@pytest.mark.parametrize("options", [{}, {"batch": "x"}, {"batch": "x", "reduce": "mean"}])
def test_a_copy_of_a_closure_keeps_its_traces(copied, transform, options):
    calls = []
    f = jit(transform(closure(calls)), backend="python", **options)
    x = [1.0, -1.0] if options else 1.0
    expected = f([3.0, 2.0], x)
    again = copied(f)
    theirs = again
    while (
        not isinstance(theirs, types.FunctionType)
        or theirs.__name__ != "f"
        or "calls" not in theirs.__code__.co_freevars
    ):
        theirs = theirs.__wrapped__
    counted = theirs.__closure__[0].cell_contents
    before = len(counted)
    assert again([3.0, 2.0], x) == expected
    assert len(counted) == before


@pytest.mark.parametrize("copied", [by_cloudpickle, copy.copy, copy.deepcopy])
def test_a_copy_follows_what_it_reads(copied):
    settings = {"k": 2.0}
    f = jit(lambda x: settings["k"] * x, backend="python")
    assert f(1.0) == 2.0
    again = copied(f)
    assert again(1.0) == 2.0
    theirs = again.f.__closure__[0].cell_contents
    theirs["k"] = 5.0
    assert again(1.0) == 5.0
    assert f(1.0) == settings["k"]


@pytest.mark.parametrize("copied", [by_cloudpickle, copy.deepcopy])
def test_what_cannot_be_kept_is_traced_again(copied):
    w = Value(2.0)
    f = jit(lambda x: w * x, backend="python")
    assert f(3.0) == 6.0
    assert copied(f)(3.0) == 6.0
    by_name = jit(lambda x, how: how(x), backend="python", static="how")
    assert by_name(0.5, ops.exp) == ops.exp(0.5)
    assert copied(by_name)(0.5, ops.exp) == ops.exp(0.5)


def test_in_another_process(tmp_path):
    """A function of `__main__`, and one that a module there cannot know."""
    pytest.importorskip("cloudpickle", reason="functions of __main__ are pickled by cloudpickle")
    make = """
import pickle, sys
from autograd_tiny import jit, value_and_grad

n = 0

def loss(w, x):
    global n
    n += 1
    return (w * x) ** 2

f = jit(value_and_grad(loss), backend="python")
assert f(2.0, 3.0) == (36.0, 36.0) == f(2.0, 3.0)
assert n == 1
pickle.dump(f, open(sys.argv[1], "wb"))
"""
    use = """
import pickle, sys
f = pickle.load(open(sys.argv[1], "rb"))
theirs = f.f
while "n" not in theirs.__globals__ if hasattr(theirs, "__globals__") else True:
    theirs = theirs.__wrapped__
before = theirs.__globals__["n"]
assert f(2.0, 3.0) == (36.0, 36.0)
assert theirs.__globals__["n"] == before
assert f([2.0][0], 1) == (4.0, 4.0)
"""
    for code in (make, use):
        subprocess.run([sys.executable, "-c", code, str(tmp_path / "f")], check=True, timeout=60)


def test_without_cloudpickle_a_sentence_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(
        ImportError, match=r"pickling <lambda>, a lambda, .* needs cloudpickle: pip install cloudpickle"
    ):
        pickle.dumps(jit(lambda x: x, backend="python"))
    assert copy.deepcopy(jit(lambda x: x, backend="python"))(2.0) == 2.0
    assert by_pickle(compiled).__name__ == "loss"

"""Compiled functions of floats are called as builtins; anything but floats takes the general path."""

import gc
import math
import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny import Value, grad, jit, jvp, value_and_grad

pytest.importorskip("llvmlite")
entry = pytest.importorskip("autograd_tiny.compiler.backends.llvm.entry")


def ready(f, *args):
    """A compiled function, called until it has its builtin."""
    compiled = jit(f, backend="llvm")
    compiled(*args), compiled(*args)
    assert compiled._quick.builtin is not None
    return compiled


def bits(x):
    return struct.pack("d", x)


product = ready(lambda x, y: x * y + x, 2.0, 3.0)
several = ready(value_and_grad(lambda x, y, z: x * y - z.exp(), (0, 1, 2)), 2.0, 3.0, 0.5)


@given(st.floats(), st.floats(), st.floats(max_value=100))
def test_the_builtin_gives_the_results_of_the_general_path(x, y, z):
    kernel = next(iter(product._variants.values())).known[0].kernel
    assert bits(product(x, y)) == bits(kernel([x, y])[0])
    variant = next(iter(several._variants.values())).known[0]
    expected = variant.results.around(variant.kernel([x, y, z]))
    value, gradient = several(x, y, z)
    assert [*map(bits, (value, *gradient))] == [*map(bits, (expected[0], *expected[1]))]


@pytest.mark.parametrize("given", [(2, 3.0), (2.0, True), (2.0, 3)])
def test_numbers_that_are_not_floats_take_the_general_path(given):
    assert product(*given) == given[0] * given[1] + given[0]


def test_a_float_subclass_takes_the_general_path():
    class Named(float):
        pass

    assert product(Named(2.0), 3.0) == 8.0


def test_wrong_arguments_raise_as_before():
    with pytest.raises(TypeError):
        product(1.0)
    with pytest.raises(TypeError):
        product(1.0, "2")
    with pytest.raises(TypeError):
        product(1.0, 2.0, 3.0)
    assert product(x=2.0, y=3.0) == product(2.0, y=3.0) == 8.0


def test_inside_a_derivative_and_a_trace_the_function_itself_runs():
    assert grad(lambda x: product(x, x))(3.0) == 7.0
    assert jvp(lambda x: product(x, 2.0), (3.0,), (1.0,)) == (9.0, 3.0)
    assert jit(lambda x: product(x, x))(3.0) == 12.0
    x = Value(3.0)
    product(x, 2.0).backward()
    assert x.grad == 3.0


def test_a_closed_over_target_is_seen_behind_float_arguments():
    def outer(w):
        inner = ready_inside(w)
        return inner(2.0)

    def ready_inside(w):
        inner = jit(lambda x: w * x, backend="llvm")
        inner(1.0), inner(1.0)
        return inner

    assert grad(outer)(5.0) == 2.0


def test_no_reference_is_lost_or_kept():
    product(2.0, 3.0), product(2.0, 3.0)
    builtin, before = product._quick.builtin, sys.getrefcount(NotImplemented)
    for _ in range(10_000):
        builtin(1, 2)
        builtin(1.0, 2.0)
    assert abs(sys.getrefcount(NotImplemented) - before) < 100


def test_the_code_lives_as_long_as_the_builtin():
    compiled = ready(lambda x: x.sin() + 1.0, 0.5)
    builtin = compiled._quick.builtin
    del compiled
    gc.collect()
    assert builtin(0.5) == math.sin(0.5) + 1.0


def test_large_programs_and_other_interpreters_have_none(monkeypatch):
    many = jit(lambda *xs: sum(xs), backend="llvm")
    many(*[1.0] * 65), many(*[1.0] * 65)
    assert many._quick.builtin is None
    assert many(*[1.0] * 65) == 65.0
    monkeypatch.setattr(entry, "is_standard", lambda: False)
    other = jit(lambda x: x + 1.0, backend="llvm")
    other(1.0), other(1.0)
    assert other._quick.builtin is None
    assert other(1.0) == 2.0


def test_a_new_structure_of_arguments_keeps_every_call_right():
    f = ready(lambda x, y: x * y, 2.0, 3.0)
    numpy = pytest.importorskip("numpy")
    assert f(numpy.array([1.0, 2.0]), 3.0).tolist() == [3.0, 6.0]
    assert [f(2.0, 3.0) for _ in range(4)] == [6.0] * 4

"""Everything a function may return, in every derivative: right or refused, never a gradient of 0 in silence."""

from __future__ import annotations

import pytest

from autograd_tiny import Value
from autograd_tiny.compiler import jit
from autograd_tiny.transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from autograd_tiny.transforms.tracer import number

np = pytest.importorskip("numpy")


def array(x, shape):
    return np.array([x], object).reshape(shape)


OUTPUTS = {
    "a number": lambda y: y,
    "shape (1,)": lambda y: array(y, 1),
    "shape (1, 1)": lambda y: array(y, (1, 1)),
    "shape ()": lambda y: array(y, ()),
    "mean, dimensions kept": lambda y: np.mean(array(y, 1), keepdims=True),
    "two numbers": lambda y: np.array([y, y], object),
    "a list": lambda y: [y],
    "a nested list": lambda y: [[y], []],
    "a dict": lambda y: {"a": y},
    "a number and None": lambda y: (y, None),
    "None": lambda y: None,
    "a string": lambda y: "a",
    "a set": lambda y: {y},
    "a list with a string": lambda y: [y, "a"],
    "a generator": lambda y: (x for x in [y]),
    "a complex number": lambda y: 1j,
}
ONE = ("a number", "shape ()")
NUMBERS = tuple(OUTPUTS)[:10]


def compiled(f):
    return jit(f, backend="python")


def sparse(name):
    return lambda f: getattr(pytest.importorskip("autograd_tiny.compiler.sparse"), name)(f)(3.0).values


FACES = {  # of x² at 3: the result, and what it takes
    "grad": (lambda f: grad(f)(3.0), 6.0, ONE),
    "grad of a Value": (lambda f: grad(f)(Value(3.0)), 6.0, ONE),
    "value_and_grad": (lambda f: value_and_grad(f)(3.0)[1], 6.0, ONE),
    "hessian": (lambda f: hessian(f)(3.0), 2.0, ONE),
    "hvp": (lambda f: hvp(f, 3.0, 1.0), 2.0, ONE),
    "jit of grad": (lambda f: compiled(grad(f))(3.0), 6.0, ONE),
    "grad of jit": (lambda f: grad(compiled(f))(3.0), 6.0, ONE),
    "sparse_hessian": (sparse("sparse_hessian"), 2.0, ONE),
    "jacobian": (lambda f: jacobian(f)(3.0), 6.0, NUMBERS),
    "jvp": (lambda f: jvp(f, (3.0,), (1.0,))[1], 6.0, NUMBERS),
    "vjp": (lambda f: vjp(f, 3.0)[0], 9.0, NUMBERS),
    "jit": (lambda f: compiled(f)(3.0), 9.0, NUMBERS),
    "jit of jacobian": (lambda f: compiled(jacobian(f))(3.0), 6.0, NUMBERS),
    "sparse_jacobian": (sparse("sparse_jacobian"), 6.0, NUMBERS),
}


def flat(x):
    if isinstance(x, dict):
        x = list(x.values())
    x = x.ravel().tolist() if isinstance(x, np.ndarray) else x
    return [z for y in x for z in flat(y)] if isinstance(x, (list, tuple)) else [] if x is None else [number(x)]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("output", OUTPUTS)
def test_an_output_is_right_or_refused(output, face):
    derivative, expected, taken = FACES[face]
    call = lambda: derivative(lambda x: OUTPUTS[output](x * x))  # noqa: E731 - run below, in one of two ways
    if output in taken:
        assert set(flat(call())) == {expected}
    else:
        with pytest.raises(TypeError, match=r"returned|the result of"):
            call()


@pytest.mark.parametrize("shape", [(1,), (1, 1)])
def test_an_array_of_one_number_is_told_with_its_shape(shape):
    with pytest.raises(
        TypeError, match=r"returned an array of shape \(.*\): grad needs one number, such as y\.item\(\)"
    ):
        grad(lambda x: array(x * x, shape))(3.0)


@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_targets_in_a_column_are_refused_with_both_shapes(reduce):
    x, column = np.arange(6.0).reshape(3, 2), np.ones((3, 1))
    loss = jit(lambda w, x, y: (w @ x - y) ** 2, batch=("x", "y"), reduce=reduce, backend="python")
    w = np.array([1.0, 2.0])
    with pytest.raises(TypeError, match=r"array of shape \(1,\) for each sample.*y has shape \(3, 1\).*shape \(3,\)"):
        loss(w, x, column)
    assert loss(w, x, column[:, 0]).__class__ is float
    total = jit(lambda x: 2.0 * x, batch="x", reduce=reduce, backend="python")
    assert total(column).shape == (1,)  # a vector of one, as of any other number

"""Arguments by name, values returned besides the number, pickles and SciPy's optimisers."""

from __future__ import annotations

import copy
import functools
import inspect
import math
import pickle
import random
from itertools import pairwise

import pytest

from autograd_tiny import Value
from autograd_tiny.compiler import jit
from autograd_tiny.nn import MLP
from autograd_tiny.transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp


def polynomial(a, b=2.0, /, c=3.0, *, d=4.0, **others):
    return a * b**2 * c**3 * d + sum(others.values())


def cubed(x, y=2.0):
    return x**3 * y


RIGHT = {"a": 4 * 27 * 4.0, "b": 4 * 27 * 4.0, "c": 4 * 27 * 4.0, "d": 4 * 27.0, "e": 1.0}
CALLS = [
    ((1.0,), {}),
    ((1.0, 2.0), {}),
    ((1.0, 2.0, 3.0), {}),
    ((1.0, 2.0), {"c": 3.0, "d": 4.0}),
    ((1.0,), {"d": 4.0}),
]


@pytest.mark.parametrize(("args", "kwargs"), CALLS)
def test_every_argument_by_name_however_it_is_given(args, kwargs):
    kwargs = {**kwargs, "e": 5.0}
    for name, right in RIGHT.items():
        assert grad(polynomial, name)(*args, **kwargs) == right
        assert value_and_grad(polynomial, name)(*args, **kwargs) == (437.0, right)
        assert jacobian(polynomial, (name,))(*args, **kwargs) == (right,)
        assert grad(grad(polynomial, name), name)(*args, **kwargs) == hessian(polynomial, name)(*args, **kwargs)
    assert grad(lambda d: grad(polynomial, "a")(1.0, d=d))(4.0) == 108.0
    assert isinstance(grad(polynomial, "d")(Value(1.0)), Value)
    order = random.Random(0).sample(sorted(RIGHT), len(RIGHT))
    assert grad(polynomial, tuple(order))(*args, **kwargs) == tuple(RIGHT[name] for name in order)
    assert grad(polynomial, ("d", 0))(*args, **kwargs) == (RIGHT["d"], RIGHT["a"])
    assert hessian(polynomial, ("d", "a"))(*args, **kwargs)[0][1] == 4 * 27.0


WRONG = [
    ("z", TypeError, r"^argnums='z' is not an argument of cubed, which takes x, y$"),
    (("x", "z"), TypeError, r"^argnums='z' is not an argument of cubed, which takes x, y$"),
    (1, TypeError, r"^cubed got 1 positional argument: argnums=1 is out of range$"),
    (1.0, TypeError, r"^argnums=1\.0: expected the position of an argument, its name, or a tuple of these$"),
    (True, TypeError, r"^argnums=True: expected the position"),
    (None, TypeError, r"^argnums=None: expected the position"),
    ((0, "x"), ValueError, r"^argnums=\(0, 'x'\) names an argument twice$"),
    (("y", "y"), ValueError, r"names an argument twice$"),
]


@pytest.mark.parametrize(("argnums", "error", "message"), WRONG)
def test_what_is_not_an_argument(argnums, error, message):
    for transform in (grad, value_and_grad, jacobian, hessian):
        with pytest.raises(error, match=message):
            transform(cubed, argnums)(2.0)


def test_tangents_of_another_shape_are_told_with_the_first_difference():
    np = pytest.importorskip("numpy")
    with pytest.raises(ValueError, match=r"tangents has \[0\]\[0, 0\] where primals has \[0\]\[0\]$"):
        jvp(lambda x: np.sum(x), (np.ones(3),), (np.ones((1, 3)),))
    with pytest.raises(ValueError, match=r"the cotangent has \['b'\] where the output has \['a'\]$"):
        vjp(lambda x: {"a": x}, 2.0)[1]({"b": 1.0})


@pytest.mark.parametrize("shapes", [((0,), (3,)), ((3,), (0,)), ((0,), (0,)), ((2, 0), (3,)), ((), (0, 2))])
def test_a_jacobian_of_nothing_has_the_shape_of_both(shapes):
    np = pytest.importorskip("numpy")
    outputs, inputs = shapes
    found = jacobian(lambda x: np.zeros(outputs) + (np.sum(x) if outputs else np.sum(x) * 1.0))(np.ones(inputs))
    assert np.shape(found) == (*outputs, *inputs)
    assert hessian(lambda x: np.sum(x * x))(np.zeros((2, 0))).shape == (2, 0, 2, 0)


def _numpy():
    return pytest.importorskip("numpy")


AROUND = {  # f of the numbers 2 and 3: its argument, given to f; argnums; and what they add to the shape of an array
    "a list": ([[2.0, 3.0]], lambda x: x, 0, (2,)),
    "a tuple": ([(2.0, 3.0)], lambda x: x, 0, (2,)),
    "two arguments": ([2.0, 3.0], lambda a, b: (a, b), (0, 1), (2,)),
    "one argument in a tuple": ([2.0], lambda a: (a, a + 1), (0,), (1,)),
    "a list of lists": ([[[2.0, 3.0], [5.0, 7.0]]], lambda x: x[0], 0, (2, 2)),
    "a tuple of lists": ([([2.0], [3.0])], lambda x: (x[0][0], x[1][0]), 0, (2, 1)),
    "a list and a number": ([[2.0], 3.0], lambda a, b: (a[0], b), 0, (1,)),
}


@pytest.mark.parametrize("way", [lambda f: f, lambda f: jit(f, backend="python")], ids=["eager", "jit"])
@pytest.mark.parametrize("around", AROUND)
def test_a_derivative_of_an_array_with_respect_to_lists_and_tuples_of_numbers_is_an_array(around, way):
    np = _numpy()
    given, pair, argnums, added = AROUND[around]

    def derivative(f):
        return way(jacobian(lambda *xs: f(*pair(*xs)), argnums))(*given)

    def numbers(a, b):
        return [a * b, a + 2.0, b**2, a - b, 5.0 * a, b]

    flat = np.array(derivative(numbers)).tolist()
    for shape in ((6,), (3, 2), (1, 6)):
        found = derivative(lambda a, b, shape=shape: np.array(numbers(a, b)).reshape(shape))
        assert (type(found), found.dtype, found.shape) == (np.ndarray, np.float64, (*shape, *added))
        assert found.reshape(6, *added).tolist() == flat
    held = derivative(lambda a, b: {"y": np.array(numbers(a, b)), "z": a})
    assert held["y"].tolist() == flat
    constant = derivative(lambda a, b: np.ones(4))
    assert (constant.dtype, constant.shape) == (np.float64, (4, *added))


def test_other_structures_stay_as_they_are_in_an_array():
    np = _numpy()
    found = jacobian(lambda p: np.array([p["a"] * p["b"], p["a"]]))({"a": 2.0, "b": 3.0})
    assert found.tolist() == [{"a": 3.0, "b": 2.0}, {"a": 1.0, "b": 0.0}]
    ragged = jacobian(lambda x: np.array([x[0][0] * x[1][0], x[1][1]]))([[2.0], [3.0, 5.0]])
    assert ragged.tolist() == [[[3.0], [2.0, 0.0]], [[0.0], [0.0, 1.0]]]
    lists = np.empty(2, object)
    lists[:] = [[1.0, 2.0], [3.0, 4.0]]
    found = grad(lambda x: x[0][1] * x[1][0])(lists)
    assert (found.shape, found.tolist()) == ((2,), [[0.0, 3.0], [2.0, 0.0]])
    of_values = jacobian(lambda x: np.array([x[0] * x[1], x[0]]))([Value(2.0), Value(3.0)])
    assert of_values.shape == (2, 2)
    assert (of_values[0, 0].data, of_values[0, 1].data, of_values[1].tolist()) == (3.0, 2.0, [1.0, 0.0])


def test_positions_and_sizes_may_be_integers_of_numpy():
    np = pytest.importorskip("numpy")
    assert grad(cubed, np.int64(1))(2.0, 3.0) == grad(cubed, 1)(2.0, 3.0)
    assert grad(cubed, (np.int8(0), "y"))(2.0, 3.0) == grad(cubed, (0, 1))(2.0, 3.0)
    assert len(MLP(np.int64(2), [np.int32(3), 1]).parameters()) == 13
    assert len(MLP(2, np.array([3, 1])).parameters()) == 13


def test_keywords_of_arguments_by_position_are_told_by_name():
    with pytest.raises(TypeError, match=r"^cubed got 0 .* is out of range; name it: argnums='x'$"):
        grad(cubed)(x=2.0, y=3.0)


def test_names_of_what_has_no_signature_or_a_rest():
    with pytest.raises(TypeError, match=r"^max has no signature to find argnums='x' in: give its position$"):
        grad(max, "x")(1.0, 2.0)
    with pytest.raises(TypeError, match=r"^argnums='xs' is not an argument of <lambda>, which takes \*xs$"):
        grad(lambda *xs: xs[0], "xs")(1.0)
    assert grad(functools.partial(cubed, y=3.0), "y")(2.0) == 8.0


def test_what_f_returns_besides_the_number():
    def loss(w, x):
        seen = {"out": w[0] * x, "all": [w[0], "text", None], "n": 3}
        return seen["out"] ** 2 + w[1], seen

    value, gradient = value_and_grad(loss, has_aux=True)([2.0, 1.0], 5.0)
    aux = {"out": 10.0, "all": [2.0, "text", None], "n": 3}
    assert (value, gradient) == ((101.0, aux), [100.0, 1.0])
    assert all(x.__class__ is float for x in (value[0], value[1]["out"], value[1]["all"][0]))
    assert grad(loss, has_aux=True)([2.0, 1.0], 5.0) == ([100.0, 1.0], aux)
    outer = grad(lambda x: grad(loss, has_aux=True)([2.0, 1.0], x)[1]["out"])
    assert outer(5.0) == 2.0
    assert isinstance(grad(loss, has_aux=True)([Value(2.0), 1.0], 5.0)[1]["out"], Value)
    assert jvp(lambda x: grad(loss, has_aux=True)([2.0, 1.0], x)[1]["out"], (5.0,), (1.0,)) == (10.0, 2.0)
    numbers = jit(value_and_grad(lambda w, x: (w * x, [w + x]), has_aux=True))
    assert numbers(2.0, 5.0) == ((10.0, [7.0]), 5.0)
    model = MLP(1, [1], seed=0)
    (_, kept), _ = value_and_grad(lambda m: (m([1.0]), m), has_aux=True)(model)
    assert isinstance(kept, MLP)
    with pytest.raises(
        TypeError, match=r"^cubed returned .*: with has_aux it returns a pair, one number and the rest$"
    ):
        grad(cubed, has_aux=True)(2.0)
    with pytest.raises(TypeError, match=r"^<lambda> returned a list: grad needs one number; use jacobian$"):
        grad(lambda x: ([x], x), has_aux=True)(2.0)


@pytest.mark.parametrize("copying", [copy.copy, copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))])
def test_copies_and_pickles_of_derivatives(copying):
    for transform in (grad, value_and_grad, jacobian, hessian):
        for f in (transform(cubed), transform(cubed, "y"), functools.partial(transform(cubed, (0, "y")), y=3.0)):
            assert copying(f)(2.0) == f(2.0)
            assert copying(jit(f))(2.0) == f(2.0)
    f = copying(grad(cubed, argnums=1))
    assert (f.__name__, f.__doc__, f.__wrapped__) == ("cubed", "grad of cubed.", cubed)
    assert (inspect.signature(f), repr(f)) == (inspect.signature(cubed), "<grad of cubed>")
    assert copying(grad(grad(cubed)))(2.0) == 24.0


@grad
def slope(x):
    return x**3


class Holder:
    power = 3

    @grad
    def slope(x):
        return x**3

    @functools.partial(grad, argnums="x")
    def scaled(self, x):
        return x**self.power


def test_a_derivative_as_decorator():
    assert pickle.loads(pickle.dumps(slope)) is slope
    assert Holder.slope(2.0) == Holder().scaled(2.0) == 12.0
    assert pickle.loads(pickle.dumps(Holder.slope)) is Holder.slope


def rosenbrock(x):
    return sum(100.0 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


@pytest.mark.parametrize("method", ["trust-ncg", "Newton-CG", "trust-krylov", "trust-constr"])
def test_scipy_minimises_with_hessp(method):
    optimize = pytest.importorskip("scipy.optimize", reason="SciPy is not installed")
    found = optimize.minimize(
        rosenbrock, [1.3, 0.7, 0.8], jac=grad(rosenbrock), hessp=lambda x, p: hvp(rosenbrock, x, p), method=method
    )
    assert all(math.isclose(x, 1.0, rel_tol=1e-3) for x in found.x)

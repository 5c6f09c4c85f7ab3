"""A number that is being differentiated never becomes a float in silence, in any kind of derivative."""

from __future__ import annotations

import cmath
import math
import statistics

import pytest

from autograd_tiny import Value, grad, hessian, hvp, jacobian, jit, jvp, ops, value_and_grad, vjp


def into_array(x):
    np = pytest.importorskip("numpy", reason="arrays are NumPy's")
    z = np.zeros(3)
    z[0] = x
    return z[0] * 2.0


def array_of_floats(x):
    np = pytest.importorskip("numpy", reason="arrays are NumPy's")
    return np.array([x], float)[0] * 2.0


LOSING = {
    "float": lambda x: x * float(x),
    "int": lambda x: x * int(x),
    "complex": lambda x: x * complex(x).real,
    "round": lambda x: x * round(x),
    "math.exp": lambda x: x * math.exp(x),
    "math.fsum": lambda x: math.fsum([x, x]) * x,
    "math.hypot": lambda x: x * math.hypot(x, 1.0),
    "math.floor": lambda x: x * math.floor(x),
    "cmath.exp": lambda x: x * cmath.exp(x).real,
    "statistics.fmean": lambda x: statistics.fmean([x, x]) * x,
    "np.array": array_of_floats,
    "into an array": into_array,
}
FACES = {
    "eager": lambda f: f(Value(2.0)),
    "grad": lambda f: grad(f)(2.0),
    "value_and_grad": lambda f: value_and_grad(f)(2.0),
    "jacobian": lambda f: jacobian(f)(2.0),
    "hessian": lambda f: hessian(f)(2.0),
    "hvp": lambda f: hvp(f, 2.0, 1.0),
    "jvp": lambda f: jvp(f, (2.0,), (1.0,)),
    "vjp": lambda f: vjp(f, 2.0)[1](1.0),
    "jit": lambda f: jit(f, backend="python")(2.0),
    "jit of grad": lambda f: jit(grad(f), backend="python")(2.0),
}


@pytest.mark.parametrize("f", LOSING.values(), ids=LOSING)
@pytest.mark.parametrize("face", FACES.values(), ids=FACES)
def test_what_would_lose_a_gradient_is_refused(face, f):
    with pytest.raises((TypeError, ValueError)) as caught:  # NumPy says ValueError of what cannot be an element
        face(f)
    reason = caught.value.__cause__ or caught.value
    assert any(told in str(reason) for told in ("cannot be converted to", "would cut its gradient"))


def test_what_only_looks_at_a_number_works():
    a, b = Value(2.0, "a"), Value(1.0, "b")
    assert (f"{a:.2f}", max(a, b), sorted([a, b]), a > 1, a.data, a.item()) == ("2.00", a, [b, a], True, 2.0, 2.0)
    assert sum([a, b]).data == 3.0
    assert grad(lambda x: x * ops.exp(x.data))(1.0) == math.e

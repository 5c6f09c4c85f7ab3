"""Copies that a function makes of what it is differentiated with respect to: they count, and pickles are refused."""

from __future__ import annotations

import copy
import pickle

import pytest

from autograd_tiny import Value, grad, hessian, jit, jvp, value_and_grad, vjp
from autograd_tiny.nn import MLP

COPIES = {
    "a list": lambda w: copy.deepcopy(w),
    "each number": lambda w: [copy.copy(x) for x in w],
    "twice": lambda w: copy.deepcopy(copy.deepcopy(w)),
    "what is computed": lambda w: copy.deepcopy([x * 1.0 for x in w]),
    "in a dict": lambda w: copy.deepcopy({"w": w})["w"],
}
FACES = {
    "grad": lambda f, w: grad(f)(w),
    "value_and_grad": lambda f, w: value_and_grad(f)(w)[1],
    "vjp": lambda f, w: vjp(f, w)[1](1.0)[0],
    "jvp": lambda f, w: [jvp(f, (w,), (e,))[1] for e in ([1.0, 0.0], [0.0, 1.0])],
    "jit": lambda f, w: jit(grad(f))(w),
    "grad of jit": lambda f, w: grad(jit(f))(w),
    "hessian": lambda f, w: [row[0] * 0.0 + row[1] * w[i] for i, row in enumerate(hessian(f)(w))],
    "given Values": lambda f, w: [x.data for x in grad(f)([Value(x) for x in w])],
}


@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("face", FACES.values(), ids=FACES)
def test_a_copy_counts_as_what_it_is_a_copy_of(face, make):
    def product(w):
        again = make(w)
        return again[0] * again[1]

    assert face(product, [2.0, 3.0]) == face(lambda w: w[0] * w[1], [2.0, 3.0])
    assert jit(product)([2.0, 3.0]) == 6.0


@pytest.mark.parametrize("wrap", [grad, lambda f: jit(grad(f)), lambda f: grad(jit(f))], ids=["grad", "jit", "within"])
def test_a_copy_of_a_model_counts_as_the_model(wrap):
    model = MLP(2, [3, 1], seed=0)
    x = [1.0, 2.0]
    assert wrap(lambda m: copy.deepcopy(m)(x))(model) == wrap(lambda m: m(x))(model)


def test_a_copy_made_while_tracing_is_read_anew():
    w = Value(2.0)
    compiled = jit(lambda x: copy.deepcopy(w) * x)
    assert compiled(1.0) == 2.0
    w.data = 5.0
    assert compiled(1.0) == 5.0


@pytest.mark.parametrize("wrap", [grad, jit, lambda f: jit(grad(f))], ids=["grad", "jit", "jit grad"])
def test_a_pickle_of_what_is_differentiated_is_refused(wrap):
    with pytest.raises(TypeError, match="a pickle would cut its gradient"):
        wrap(lambda x: pickle.loads(pickle.dumps(x)) * x)(2.0)


@pytest.mark.parametrize("wrap", [grad, jit, hessian, lambda f: lambda x: jvp(f, (x,), (1.0,))])
def test_a_number_is_shown_with_the_digits_asked_for(wrap):
    shown = []
    wrap(lambda x: shown.append(f"{x:.2f}") or x * x)(2.0)
    assert set(shown) == {"2.00"}

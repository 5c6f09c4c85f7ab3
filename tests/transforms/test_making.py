"""Parameters that a Module makes while it is differentiated, or that are floats: refused, never left out in silence."""

from __future__ import annotations

from functools import cached_property

import pytest

from autograd_tiny import Value, grad, hessian, jit, jvp, value_and_grad, vjp
from autograd_tiny.nn import MLP, Module, Neuron


class Base(Module):
    def __init__(self):
        self.k = Value(1.0)

    def __call__(self, x):
        return self.weight() * x * self.k


class Cached(Base):
    @cached_property
    def w(self):
        return Value(3.0)

    def weight(self):
        return self.w


class Late(Base):
    w = None

    def weight(self):
        if self.w is None:
            self.w = Value(3.0)
        return self.w


class InAList(Base):
    def weight(self):
        if not hasattr(self, "ws"):
            self.ws = [Value(3.0)]
        return self.ws[0]


class Property(Base):
    @property
    def w(self):
        return Value(3.0)

    def weight(self):
        return self.w


class Inside(Module):
    def __init__(self):
        self.inner, self.k = Cached(), Value(1.0)

    def __call__(self, x):
        return self.inner(x) * self.k


FACES = {
    "grad": lambda f, m: grad(f)(m),
    "value_and_grad": lambda f, m: value_and_grad(f)(m),
    "hessian": lambda f, m: hessian(f)(m),
    "vjp": lambda f, m: vjp(f, m)[1](1.0),
    "jvp": lambda f, m: jvp(f, (m,), ({name: 1.0 for name, _ in m.named_parameters()},)),
    "jit of grad": lambda f, m: jit(grad(f), backend="python")(m),
    "jit of jvp": lambda f, m: jit(lambda m, t: jvp(f, (m,), (t,))[1], backend="python")(
        m, {name: 1.0 for name, _ in m.named_parameters()}
    ),
}


@pytest.mark.parametrize("face", FACES.values(), ids=FACES)
@pytest.mark.parametrize("kind", [Cached, Late, InAList, Property, Inside])
def test_a_parameter_made_by_f_is_refused(kind, face):
    with pytest.raises(
        TypeError, match=r"(made the parameter .*w.* as it ran|reads the property Property\.w).*__init__"
    ):
        face(lambda m: m(2.0), kind())


@pytest.mark.parametrize("kind", [Cached, Late, InAList, Inside])
@pytest.mark.parametrize("face", [name for name in FACES if "jvp" not in name])
def test_a_parameter_made_by_the_original_is_refused(kind, face):
    model = kind()
    with pytest.raises(TypeError, match=r"made the parameter .*3\.0.* as it ran"):
        FACES[face](lambda m: model(2.0), model)


@pytest.mark.parametrize("kind", [Cached, Late, InAList, Inside])
def test_after_a_call_of_the_model_it_is_a_parameter_as_others(kind):
    model = kind()
    model(2.0)
    for gradient in (grad(lambda m: m(2.0))(model), jit(grad(lambda m: m(2.0)))(model)):
        assert sorted(gradient.values()) == [2.0, *[6.0] * (len(gradient) - 1)]


def test_constants_that_f_makes_or_reads_are_constants():
    c = Value(3.0)

    class Reads(Base):
        @property
        def w(self):
            return c

        def weight(self):
            return self.w * Value(2.0)

    assert grad(lambda m: m(2.0))(Reads()) == {"k": 12.0}


class Floats(Module):
    def __init__(self):
        self.w = 0.5

    def __call__(self, x):
        return self.w * x


def without_values():
    neuron = Neuron(2)
    neuron.w, neuron.b = [0.5, 0.25], 1.0
    return neuron


MODELS = {"own": Floats, "Neuron": without_values, "MLP": lambda: MLP(1, [1]).with_parameters([10.0, 1.0])}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("face", FACES.values(), ids=FACES)
def test_a_module_of_floats_has_nothing_to_differentiate_by(face, model):
    with pytest.raises(TypeError, match=r"without parameters: .*w.* is a constant, a parameter is a Value"):
        face(lambda m: m([1.0, 2.0][: len(getattr(m, "w", [1]))]) if not isinstance(m, Floats) else m(2.0), model())


def test_a_module_without_numbers_may_stand_beside_others():
    class Double(Module):
        def __call__(self, x):
            return x + x

    assert grad(lambda ms: ms[0](ms[1].k))([Double(), Base()]) == [{}, {"k": 2.0}]
    assert grad(lambda m, x: m(x), argnums=(0, 1))(Double(), 2.0) == ({}, 2.0)


def test_one_float_among_parameters_is_a_constant():
    neuron = Neuron(2, nonlin=False)
    neuron.w[0] = 0.5
    assert set(grad(lambda m: m([1.0, 2.0]))(neuron)) == {"w[1]", "b"}

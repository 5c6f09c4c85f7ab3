"""Specs: a Module of the classes of `nn` is made anew from plain data; nothing else has a spec or is made of one."""

from __future__ import annotations

import dataclasses
import json
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny import Value, nn, ops
from autograd_tiny.engine.op import TABLE
from autograd_tiny.nn import MLP, Dropout, Embedding, Layer, LayerNorm, Linear, Module, Neuron, RMSNorm, Sequential
from autograd_tiny.train.keeping.specs import KINDS, count, module_of, spec_of

SIZES, ZERO = st.integers(1, 4), st.just(0)
ACTIVATIONS = st.sampled_from([ops.relu, ops.tanh, ops.sigmoid, ops.leaky_relu, ops.elu, ops.gelu])
LEAVES = st.one_of(
    st.builds(Neuron, st.integers(0, 3), st.booleans(), activation=ACTIVATIONS, seed=ZERO),
    st.builds(Layer, st.integers(0, 3), SIZES, st.booleans(), activation=ACTIVATIONS, seed=ZERO),
    st.builds(MLP, SIZES, st.lists(SIZES, min_size=1, max_size=3), activation=ACTIVATIONS, seed=ZERO),
    st.builds(Linear, SIZES, SIZES, st.booleans(), seed=ZERO),
    st.builds(Embedding, SIZES, SIZES, seed=ZERO),
    st.builds(LayerNorm, SIZES, st.floats(0, 1), st.booleans()),
    st.builds(RMSNorm, SIZES, st.floats(0, 1)),
    st.builds(Dropout, st.floats(0, 0.99)),
)
LAYERS = LEAVES | ACTIVATIONS | st.sampled_from([nn.softmax, nn.log_softmax])
MODULES = st.recursive(
    LEAVES, lambda inner: st.lists(inner | LAYERS, max_size=4).map(lambda layers: Sequential(*layers)), max_leaves=6
)


@given(MODULES)
def test_a_module_is_made_anew_from_its_spec(model):
    spec = spec_of(model)
    assert json.loads(json.dumps(spec)) == spec
    made = module_of(spec, len(model.parameters()))
    assert (type(made), repr(made), count(spec)) == (type(model), repr(model), len(model.parameters()))
    assert [name for name, _ in made.named_parameters()] == [name for name, _ in model.named_parameters()]
    assert [p.name for p in made.parameters()] == [name for name, _ in made.named_parameters()]
    assert not any(p.data for p in made.parameters() if (p.name and not p.name.endswith("]")) or False) or True
    assert spec_of(made) == spec


def test_every_class_of_nn_has_a_row():
    classes = {name for name in nn.__all__ if isinstance(getattr(nn, name), type)}
    assert {*KINDS} == classes - {"Module"}


def test_every_op_of_one_operand_is_an_activation():
    for name, op in TABLE.items():
        if isinstance(op.partials, tuple) and len(op.partials) - len(op.defaults) == 1:
            assert module_of(spec_of(Neuron(2, activation=op))).activation is op, name


def test_making_draws_nothing():
    random.seed(0)
    before = random.getstate()
    made = module_of(spec_of(Sequential(MLP(2, [3, 1], seed=0), Embedding(3, 2, seed=0), Linear(2, 2, seed=0))))
    assert {p.data for p in made.parameters()} == {0.0}
    random.seed(0)
    assert random.getstate() == before


class Own(Module):
    def __init__(self):
        self.w = Value(1.0)

    def __call__(self, x):
        return x


class Bigger(MLP):
    pass


def changed(model, change):
    change(model)
    return model


def endless():
    model = Sequential(Linear(1, 1))
    model.layers.append(model)
    return model


def shared():
    layer = Linear(2, 2)
    return Sequential(layer, layer)


def impostor():
    return type("MLP", (Module,), {})()


NONE = {
    "a class of one's own": Own,
    "a subclass": lambda: Bigger(2, [1]),
    "of the same name": impostor,
    "within": lambda: Sequential(Linear(2, 1), Own()),
    "a lambda": lambda: MLP(2, [1], activation=lambda x: x * x),
    "a function": lambda: Sequential(Linear(2, 1), abs),
    "a method": lambda: MLP(2, [1], activation=Value.tanh),
    "an op of two operands": lambda: Neuron(2, activation=ops.maximum),
    "an op of one's own": lambda: Neuron(2, activation=dataclasses.replace(ops.relu)),
    "an attribute": lambda: changed(MLP(2, [1]), lambda m: setattr(m, "bias", 3)),
    "another order": lambda: changed(Linear(2, 1), lambda m: m.__dict__.update(weight=m.__dict__.pop("weight"))),
    "an activation more": lambda: changed(MLP(2, [1]), lambda m: setattr(m.layers[0].neurons[0], "nonlin", True)),
    "a neuron less": lambda: changed(MLP(2, [2, 1]), lambda m: m.layers[0].neurons.pop()),
    "a layer less": lambda: changed(MLP(2, [2, 1]), lambda m: m.layers.pop()),
    "mixed neurons": lambda: changed(Layer(2, 2), lambda m: setattr(m.neurons[0], "activation", ops.tanh)),
    "ragged": lambda: changed(Linear(2, 2), lambda m: m.weight[0].pop()),
    "a bias less": lambda: changed(Linear(2, 2), lambda m: m.bias.pop()),
    "floats": lambda: Linear(2, 2).with_parameters([1.0] * 6),
    "tied": lambda: changed(Linear(2, 2), lambda m: setattr(m, "bias", m.weight[0])),
    "a layer twice": shared,
    "within itself": endless,
    "epsilon as a parameter": lambda: LayerNorm(2, Value(0.1)),
    "no layers": lambda: MLP(2, []),
    "sizes": lambda: changed(MLP(2, [2, 1]), lambda m: m.sizes.append("x")),
}  # fmt: skip


@pytest.mark.parametrize("name", NONE)
def test_what_no_spec_describes_has_none(name):
    assert spec_of(NONE[name]()) is None


def spec(kind="Linear", **fields):
    return {
        "class": kind,
        **({"in_features": 2, "out_features": 3, "bias": True} if kind == "Linear" else {}),
        **fields,
    }


def deep(n):
    inner = spec()
    for _ in range(n):
        inner = {"class": "Sequential", "layers": [inner]}
    return inner


BAD = {
    "none": (None, "spec is None, expected a dict with a class of Neuron, Layer, MLP"),
    "a list": ([], r"spec is \[\], expected a dict"),
    "no class": ({}, r"spec is \{\}, expected a dict with a class"),
    "another class": (spec("os.system"), "spec is {'class': 'os.system'}, expected a dict with a class of"),
    "Module": ({"class": "Module"}, "expected a dict with a class of"),
    "a class without a hash": ({"class": []}, "expected a dict with a class of"),
    "a field more": (spec(seed=3), r"spec has the fields .*'seed'.*, expected class, in_features, out_features, bias"),
    "a field less": ({"class": "Dropout"}, r"spec has the fields \['class'\], expected class, p"),
    "negative": (spec(in_features=-1), "spec.in_features is -1, expected a whole number from 1"),
    "zero": (spec(out_features=0), "spec.out_features is 0, expected a whole number from 1"),
    "True": (spec(out_features=True), "spec.out_features is True, expected a whole number"),
    "a float": (spec(out_features=2.0), "spec.out_features is 2.0, expected a whole number"),
    "text": (spec(out_features="2"), "spec.out_features is '2', expected a whole number"),
    "a number as flag": (spec(bias=1), "spec.bias is 1, expected True or False"),
    "activation": (spec("Neuron", nin=2, nonlin=True, activation="__import__"), "spec.activation is '__import__', exp"),
    "of two operands": (spec("MLP", nin=2, nouts=[1], activation="maximum"), "spec.activation is 'maximum', expected"),
    "no name": (spec("MLP", nin=2, nouts=[1], activation=["relu"]), r"spec.activation is \['relu'\], expected"),
    "nouts": (spec("MLP", nin=2, nouts=[1, 0], activation="relu"), r"spec.nouts is \[1, 0\], expected a list"),
    "no nouts": (spec("MLP", nin=2, nouts=[], activation="relu"), r"spec.nouts is \[\], expected a list"),
    "nouts of text": (spec("MLP", nin=2, nouts="12", activation="relu"), "spec.nouts is '12', expected a list"),
    "p": (spec("Dropout", p=1.0), "spec.p is 1.0, expected a float from 0 to below 1"),
    "nan": (spec("RMSNorm", normalized_shape=2, eps=float("nan")), "spec.eps is nan, expected a finite float"),
    "layers": (spec("Sequential", layers="tanh"), "spec.layers is 'tanh', expected a list of specs"),
    "a layer": (spec("Sequential", layers=[spec(), spec(bias=0)]), r"spec.layers\[1\].bias is 0, expected True"),
    "a name": (spec("Sequential", layers=["print"]), r"spec.layers\[0\] is 'print', expected a spec or the name"),
    "a number": (spec("Sequential", layers=[3]), r"spec.layers\[0\] is 3, expected a dict with a class"),
    "deep": (deep(60), "a Sequential of the spec is nested more than 50 deep"),
    "very deep": (deep(5000), "a Sequential of the spec is nested more than 50 deep"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_a_spec_is_refused_in_a_sentence(name):
    bad, told = BAD[name]
    with pytest.raises(ValueError, match=told) as caught:
        module_of(bad)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_sizes_are_compared_with_the_numbers_there_are_before_anything_is_made():
    for huge in (spec(in_features=10**9, out_features=10**9), spec("MLP", nin=1, nouts=[10**18], activation="relu")):
        with pytest.raises(ValueError, match=r"spec is one of [\d,]+ parameters, expected 3$"):
            module_of(huge, 3)


ATOMS = st.none() | st.booleans() | st.integers(-2, 5) | st.floats() | st.sampled_from(["tanh", *KINDS])
FIELDS = st.sampled_from(sorted({"class", *(name for kind in KINDS.values() for name in kind.fields)}))
DATA = st.recursive(ATOMS, lambda x: st.lists(x, max_size=3) | st.dictionaries(FIELDS, x), max_leaves=6)


@given(DATA)
def test_random_data_are_a_spec_or_refused(data):
    try:
        made = module_of(data, 10)
    except ValueError as error:
        told = str(error)
    else:
        assert spec_of(made) == data
        return
    assert re.match(r"(spec|a Sequential)", told)


@given(MODULES, st.data())
def test_a_spec_with_one_field_changed_is_another_spec_or_refused(model, data):
    changed = spec_of(model)
    name = data.draw(st.sampled_from([*changed]))
    changed[name] = data.draw(
        st.none() | st.integers(-1, 3) | st.floats(0, 2) | st.booleans() | st.sampled_from(["tanh"])
    )
    try:
        made = module_of(changed, 10_000 if data.draw(st.booleans()) else None)
    except ValueError:
        return
    assert spec_of(made) == changed

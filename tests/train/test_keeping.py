"""Models in files: they come back to the bit, in another process too, whole at any moment, and no other is taken."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_tiny
from autograd_tiny import Value, nn, ops
from autograd_tiny.nn import MLP, Linear, Module, Sequential
from autograd_tiny.train import load, save
from autograd_tiny.train.keeping.files import read_arrays, write_arrays
from autograd_tiny.train.keeping.formats import FORMATS
from autograd_tiny.train.keeping.models import read_model, write_model
from autograd_tiny.train.keeping.shapes import arrays_of

pytest.importorskip("safetensors", reason="files of safetensors need safetensors")


@pytest.fixture(params=FORMATS)
def path(request, tmp_path):
    return tmp_path / f"model{request.param}"


class Line(Module):
    def __init__(self, slope=2.0, at_zero=-0.0):
        self.slope, self.at_zero = Value(slope), Value(at_zero)

    def __call__(self, x):
        return self.slope * x + self.at_zero


MODELS = {
    "MLP": lambda seed: MLP(3, [4, 2], activation=ops.tanh, seed=seed),
    "Layer": lambda seed: nn.Layer(3, 2, nonlin=False, seed=seed),
    "Neuron": lambda seed: nn.Neuron(3, seed=seed),
    "Sequential": lambda seed: Sequential(
        Linear(3, 4, seed=seed), ops.elu, nn.LayerNorm(4), nn.Dropout(0.5), Linear(4, 2, False, seed=seed), nn.softmax
    ),
    "RMSNorm": lambda seed: Sequential(Linear(3, 4, seed=seed), nn.RMSNorm(4)),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_comes_back_to_the_bit(path, name):
    model, x = MODELS[name](0), [0.5, -1.0, 2.0]
    assert save(path, model) == path
    made, filled = load(path), MODELS[name](1)
    assert load(path, filled) is filled
    for other in (made, filled):
        assert repr(other) == repr(model)
        assert other.state_dict() == model.state_dict()
        assert [p.name for p in other.parameters()] == [p.name for p in model.parameters()]
        outputs = [[y.data for y in (z if isinstance(z, list) else [z])] for z in (other(x), model(x))]
        assert outputs[0] == outputs[1]


def test_an_embedding_comes_back(path):
    model = nn.Embedding(3, 2, seed=0)
    save(path, model)
    assert [y.data for y in load(path)(2)] == [w.data for w in model.weight[2]]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=5, max_size=5))
def test_every_number_comes_back(tmp_path_factory, numbers):
    model = MLP(1, [1, 1, 1], seed=0).with_parameters([Value(x) for x in [*numbers, 0.0]])
    for suffix in FORMATS:
        path = save(tmp_path_factory.getbasetemp() / f"numbers{suffix}", model)
        assert [p.data.hex() for p in load(path).parameters()] == [p.data.hex() for p in model.parameters()]


def test_a_model_of_ones_own_is_filled(path):
    save(path, Line())
    with pytest.raises(
        ValueError, match=r"'Line' is not of the classes of nn: pass one, load\(path, model\)"
    ) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path} cannot be loaded: ")
    model = load(path, Line(0.0, 0.0))
    assert (model.slope.data, model.at_zero.data.hex()) == (2.0, "-0x0.0p+0")
    square = MLP(2, [2, 1], activation=lambda x: x * x, seed=0)
    save(path, square)
    with pytest.raises(ValueError, match=r"pass one, load\(path, model\)"):
        load(path)
    filled = load(path, MLP(2, [2, 1], activation=lambda x: x * x, seed=1))
    assert filled.state_dict() == square.state_dict()


def test_more_comes_back_beside_the_model(path):
    model = MLP(2, [1], seed=0)
    save(path, model, note="é", epochs=3, history=[{"loss": 0.5}], order=np.arange(4), mean=np.array([[0.1, -0.0]]))
    made, arrays, meta = read_model(path)
    assert made.state_dict() == model.state_dict()
    assert meta == {"note": "é", "epochs": 3, "history": [{"loss": 0.5}]}
    assert (arrays["order"].dtype, arrays["order"].tolist()) == (np.int64, [0, 1, 2, 3])
    assert (arrays["mean"].shape, str(arrays["mean"])) == ((1, 2), "[[ 0.1 -0. ]]")


def test_other_arrays_may_have_the_names_of_parameters(path):
    model = Linear(2, 1, seed=0)
    write_model(path, model, {"weight": np.zeros(9), "more/weight": np.ones(2)}, 3)
    made, arrays, meta = read_model(path)
    assert made.state_dict() == model.state_dict()
    assert ({name: x.shape for name, x in arrays.items()}, meta) == ({"weight": (9,), "more/weight": (2,)}, 3)


def test_the_file_says_what_it_is(path):
    save(path, MLP(2, [1], seed=0))
    arrays, own = read_arrays(path)
    assert {name: x.shape for name, x in arrays.items()} == {
        "layers[0].neurons[0].w": (2,),
        "layers[0].neurons[0].b": (),
    }
    spec = {"class": "MLP", "nin": 2, "nouts": [1], "activation": "relu"}
    assert own == {"package": autograd_tiny.__version__, "model": "MLP(2, [1])", "spec": spec, "meta": {}}


def test_files_of_pytorch_users_have_their_names(tmp_path):
    from safetensors.numpy import load_file

    model = Sequential(Linear(2, 3, seed=0))
    found = load_file(save(tmp_path / "a.safetensors", model))
    assert {name: x.shape for name, x in found.items()} == {"layers[0].weight": (3, 2), "layers[0].bias": (3,)}
    assert found["layers[0].weight"].tolist() == [[w.data for w in row] for row in model.layers[0].weight]


REFUSED = {
    "more inputs": (MLP(3, [2, 1]), r"\(2, \[2, 1\]\): layers\[0\].neurons\[0\].w is 3 instead of 2"),
    "fewer neurons": (MLP(2, [1, 1]), r"layers\[0\].neurons\[1\].w, layers\[0\].neurons\[1\].b are missing"),
    "another class": (Linear(2, 2), "(weight, bias|bias, weight) are unexpected"),
    "one's own": (Line(), "(slope, at_zero|at_zero, slope) are unexpected"),
    "another activation": (MLP(2, [2, 1], activation=ops.tanh), "spec.activation is 'tanh' instead of 'relu'; to take"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_of_another_network_is_refused_and_changes_nothing(path, name):
    other, told = REFUSED[name]
    save(path, other)
    model = MLP(2, [2, 1], seed=0)
    before = model.state_dict()
    with pytest.raises(ValueError, match=told) as caught:
        load(path, model)
    assert str(caught.value).startswith(f"{path} cannot be loaded: ")
    assert model.state_dict() == before


def test_the_first_difference_within_layers_is_named(path):
    save(path, Sequential(Linear(2, 2), ops.tanh, nn.Dropout(0.5)))
    for layers, told in (
        ([Linear(2, 2), ops.relu, nn.Dropout(0.5)], r"spec.layers\[1\] is 'tanh' instead of 'relu'"),
        ([Linear(2, 2), ops.tanh, nn.Dropout(0.1)], r"spec.layers\[2\].p is 0.5 instead of 0.1"),
        ([Linear(2, 2), ops.tanh], r"spec.layers is \["),
    ):
        with pytest.raises(ValueError, match=told):
            load(path, Sequential(*layers))


def test_what_is_not_a_model_is_not_written(path):
    path.write_bytes(b"before")
    for model, told in (
        (3, r"save\(path, model\) takes a Module, got 3 of type int"),
        ([Value(1.0)], r"save\(path, model\) takes a Module, got"),
    ):
        with pytest.raises(TypeError, match=told):
            save(path, model)
    for model in (Sequential(ops.tanh), Linear(1, 1).with_parameters([1.0, 2.0])):
        with pytest.raises(ValueError, match="has no parameters"):
            save(path, model)
    model = MLP(2, [1], seed=0)
    with pytest.raises(TypeError, match=r"the metadata\['meta'\]\['f'\] is <built-in function abs> of type"):
        save(path, model, f=abs)
    model.layers[0].neurons[0].w[1].data = float("nan")
    with pytest.raises(ValueError, match=r"cannot be written: layers\[0\].neurons\[0\].w\[1\] is nan$"):
        save(path, model)
    assert path.read_bytes() == b"before"
    assert os.listdir(path.parent) == [path.name]
    with pytest.raises(TypeError, match=r"load\(path, model\) fills a Module, got 3 of type int"):
        load(path, 3)


def test_arguments_in_the_order_of_pytorch_are_told(path):
    with pytest.raises(TypeError, match=r"save\(path, model\) takes a Module, got 'a.json' of type str"):
        save(Linear(1, 1), "a.json")
    for wrong in (None, 3, b"a.json"):
        for f in (load, lambda path: save(path, Linear(1, 1))):
            with pytest.raises(TypeError, match=r"expected a path, such as 'model\.safetensors', got"):
                f(wrong)


def forged(path, **changed):
    own = {
        "package": "0.1.0",
        "model": "x",
        "spec": {"class": "Linear", "in_features": 2, "out_features": 1, "bias": True},
    }
    arrays = {"weight": np.zeros((1, 2)), "bias": np.zeros(1)}
    return write_arrays(path, arrays | changed.pop("arrays", {}), own | {"meta": {}} | changed)


def deep(n):
    inner = {"class": "Dropout", "p": 0.5}
    for _ in range(n):
        inner = {"class": "Sequential", "layers": [inner]}
    return inner


LINEAR = {"class": "Linear", "in_features": 2, "out_features": 1, "bias": True}
FORGED = {
    "huge": ({"spec": LINEAR | {"out_features": 10**12}}, "spec is one of 3,000,000,000,000 parameters, expected 3"),
    "of another shape": ({"spec": LINEAR | {"in_features": 1, "out_features": 1, "bias": True}}, "one of 2 parameters"),
    "of other names": ({"spec": {"class": "Embedding", "num_embeddings": 3, "embedding_dim": 1}}, "weight is 1×2"),
    "no class": ({"spec": {"class": "subprocess.Popen", "args": "true"}}, "expected a dict with a class of Neuron"),
    "deep": ({"spec": deep(200)}, "nested more than 50 deep"),
    "a list": ({"spec": [[]]}, r"spec is \[\[\]\], expected a dict"),
    "one array more": ({"arrays": {"c": np.zeros(0)}}, "c is unexpected"),
    "int64": ({"arrays": {"bias": np.zeros(1, np.int64)}}, "bias is of dtype int64"),
    "a part more": ({"code": "x"}, "it holds arrays, but no model"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_model_is_refused_in_a_sentence(path, name):
    changed, told = FORGED[name]
    forged(path)
    assert repr(load(path)) == "Linear(2, 1)"
    forged(path, **{key: dict(x) if key == "arrays" else x for key, x in changed.items()})
    with pytest.raises(ValueError, match=told) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path} cannot be loaded: ")
    assert "\n" not in str(caught.value)


def test_arrays_without_a_model_are_refused(path):
    write_arrays(path, {"w": np.zeros(2)}, None)
    with pytest.raises(ValueError, match="it holds arrays, but no model"):
        load(path, Linear(1, 1))


def test_a_kept_model_is_loaded_in_another_process(path):
    model = MODELS["Sequential"](0)
    save(path, model)
    code = f"from autograd_tiny.train import load; print([y.data.hex() for y in load({str(path)!r})([0.5, -1.0, 2.0])])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == str([y.data.hex() for y in model([0.5, -1.0, 2.0])])


SAVING = """
import sys
import numpy as np
from autograd_tiny.nn import Linear
from autograd_tiny.train.keeping.models import write_model

model, n = Linear(8, 8, seed=0), 0
while True:
    for p in model.parameters():
        p.data = float(n)
    write_model(sys.argv[1], model, {"n": np.full(50_000, n)}, {"n": n})
    if not n:
        print("saved", flush=True)
    n += 1
"""


def assert_whole(path):
    model, arrays, meta = read_model(path)
    assert {p.data for p in model.parameters()} == {meta["n"]}
    assert (arrays["n"] == meta["n"]).all()
    return meta["n"]


def end_at_random(path, seed):
    """Let a process save again and again, and kill it."""
    rng = random.Random(seed)
    with subprocess.Popen([sys.executable, "-c", SAVING, os.fspath(path)], stdout=subprocess.PIPE) as saving:
        try:
            assert saving.stdout.readline() == b"saved\n"
            end = time.monotonic() + rng.uniform(0.0, 0.15)
            while time.monotonic() < end:
                assert_whole(path)
        finally:
            saving.send_signal(signal.SIGKILL)
    n = assert_whole(path)
    assert [name for name in os.listdir(path.parent) if not name.endswith(".part")] == [path.name]
    return n


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
@pytest.mark.parametrize("kills", [5, pytest.param(20, marks=pytest.mark.long)])
def test_a_killed_process_leaves_a_whole_file(tmp_path, kills):
    seen = []
    for i in range(kills):
        (tmp_path / str(i)).mkdir()
        seen.append(end_at_random(tmp_path / str(i) / f"a{[*FORMATS][i % 2]}", i))
    assert max(seen) > 0  # some were killed after the first file


@given(st.data())
def test_a_changed_file_loads_the_same_model_or_none(tmp_path_factory, data):
    model = MODELS["Sequential"](0)
    path = tmp_path_factory.getbasetemp() / f"changed{data.draw(st.sampled_from([*FORMATS]))}"
    content = bytearray(save(path, model).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        found = load(path)
    except ValueError as error:
        told = str(error)
    else:
        assert json.dumps({n: x.tolist() for n, x in arrays_of(found).items()}) == json.dumps(
            {n: x.tolist() for n, x in arrays_of(model).items()}
        )
        return
    assert told.startswith(str(path))

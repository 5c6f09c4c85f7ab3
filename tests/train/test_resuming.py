"""Checkpoints: a training gone on with is the one without a pause, bit for bit; others are refused."""

import json
import random
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from autograd_tiny import ops, optim
from autograd_tiny.nn import MLP, Dropout, Linear, Sequential, losses
from autograd_tiny.train import checkpoint, fit, load, save, steps

RNG = np.random.default_rng(0)
X, CLASSES = RNG.normal(size=(22, 3)), RNG.integers(3, size=22)
OPTIMIZERS = {
    "sgd": optim.SGD(0.1),
    "adam": optim.Adam(0.01),
    "lion": optim.Lion(0.01, weight_decay=0.1),
    "rate": optim.SGD(lr=lambda step: 0.1 * optim.cosine(step, 12), momentum=0.9),
}


def network():
    return Sequential(Linear(3, 4, seed=0), ops.tanh, Dropout(0.5), Linear(4, 3, seed=1))


def events(model, optimizer, **options):
    return steps(model, losses.cross_entropy, X, CLASSES, optimizer=optimizer, batch=6, epochs=3, **options)


def reached(model, training):
    return [p.data for p in model.parameters()], [x.tolist() for x in training.slots], training.history


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("suffix", ["safetensors", "json"])
def test_a_training_gone_on_with_at_any_step_is_the_one_without_a_pause(name, suffix, tmp_path):
    optimizer, whole = OPTIMIZERS[name], network()
    for event in events(whole, optimizer, seed=5, sample_weight=np.arange(22) % 3 + 1.0):
        checkpoint(tmp_path / f"{event.step}.{suffix}", event.training)
    expected = reached(whole, event.training)
    for step in (1, 4, 7, 11):
        model = network()
        *_, event = events(
            model, optimizer, resume=tmp_path / f"{step}.{suffix}", sample_weight=np.arange(22) % 3 + 1.0
        )
        assert reached(model, event.training) == expected
    assert [
        *events(network(), optimizer, resume=tmp_path / f"12.{suffix}", sample_weight=np.arange(22) % 3 + 1.0)
    ] == []


def test_fit_goes_on_from_its_checkpoint_if_there_is_one(tmp_path):
    path, options = tmp_path / "run.safetensors", {"seed": None, "validation": 0.2, "batch": 4}
    first = fit(network(), losses.cross_entropy, X, CLASSES, epochs=2, checkpoint=path, **options)
    second = fit(network(), losses.cross_entropy, X, CLASSES, epochs=5, checkpoint=path, **options)
    whole = fit(network(), losses.cross_entropy, X, CLASSES, epochs=5, **options | {"seed": first.training.seed})
    assert second.history[:2] == first.history
    assert reached(second.model, second.training) == reached(whole.model, whole.training)
    again = fit(network(), losses.cross_entropy, X, CLASSES, epochs=5, checkpoint=path, **options)
    assert again.history == second.history


def test_the_model_of_a_checkpoint_loads_as_any(tmp_path):
    model = network()
    *_, event = events(model, OPTIMIZERS["adam"], seed=0)
    assert load(checkpoint(tmp_path / "run.json", event.training)).state_dict() == model.state_dict()


RUN = """
import sys, numpy as np
from autograd_tiny.nn import MLP, losses
from autograd_tiny.train import fit, fitting
fitting.SECONDS = 0.0
rng = np.random.default_rng(0)
X, y = rng.normal(size=(40, 2)), rng.normal(size=40)
path = sys.argv[1] or None
found = fit(MLP(2, [3, 1], seed=0), losses.mse, X, y, epochs=30, batch=8, seed=0, checkpoint=path)
print([p.data for p in found.model.parameters()], found.history)
"""


def run(path, seconds=None):
    """Run the training in a process; kill it after some seconds."""
    with subprocess.Popen([sys.executable, "-c", RUN, str(path)], stdout=subprocess.PIPE, text=True) as process:
        if seconds is None:
            return process.communicate(timeout=60)[0]
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    return None


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.long)])
def test_a_training_that_is_killed_goes_on(kills, tmp_path):
    expected, path, rng = run(""), tmp_path / "run.safetensors", random.Random(0)
    for _ in range(kills):
        run(path, rng.uniform(0.5, 1.0))
    assert run(path) == expected
    assert [x.name for x in tmp_path.iterdir() if x.name == path.name]


def other(tmp_path, **changes):
    """Write a checkpoint after five steps, and go on from it with something changed."""
    changes = {"model": network(), "X": X, "y": CLASSES, "optimizer": optim.Adam(0.01), "batch": 6} | changes
    for event in events(network(), optim.Adam(0.01), seed=0):
        if event.step == 5:
            path = checkpoint(tmp_path / "run.safetensors", event.training)
            break
    model = changes.pop("model")
    return steps(model, losses.cross_entropy, changes.pop("X"), changes.pop("y"), resume=path, **changes)


CHANGES = {
    "inputs": ({"X": X * 2}, "it was trained on other samples: X differs"),
    "targets": ({"y": CLASSES[::-1]}, "it was trained on other samples: y differs"),
    "weights": ({"sample_weight": np.ones(22)}, "it was trained on other samples: sample_weight differs"),
    "optimizer": ({"optimizer": optim.SGD(0.01)}, "its optimizer is {'rule': 'adam', 'lr': 0.01"),
    "rate": ({"optimizer": optim.Adam(0.02)}, "its optimizer is {'rule': 'adam', 'lr': 0.01"),
    "batch": ({"batch": 5}, "its batch is 6, and here it is 5"),
    "model": ({"model": MLP(3, [4, 3], seed=0)}, "cannot be loaded"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_checkpoint_of_another_training_is_refused(name, tmp_path):
    changes, told = CHANGES[name]
    with pytest.raises(ValueError, match=re.escape(told)) as error:
        other(tmp_path, **changes)
    assert "run.safetensors" in str(error.value)


def test_a_file_with_a_model_alone_is_no_training(tmp_path):
    path = save(tmp_path / "model.json", network())
    with pytest.raises(
        ValueError, match=r"model.json cannot be resumed: it holds a model, but no training: load\(path\)"
    ):
        events(network(), None, resume=path)


STATES = {
    "step": -1, "place": 99, "epoch": "1", "total": None, "history": {}, "generator": {"state": 1},
    "data": None, "optimizer": [], "seed": 1.5,
}  # fmt: skip


@pytest.mark.parametrize("field", STATES)
def test_a_state_that_was_changed_by_hand_is_refused(field, tmp_path):
    for event in events(network(), optim.Adam(0.01), seed=0):
        path = checkpoint(tmp_path / "run.json", event.training)
        break
    written = json.loads(path.read_text())

    def changed(x):
        if isinstance(x, dict):
            return {k: STATES[field] if k == field and "generator" in x else changed(v) for k, v in x.items()}
        return [*map(changed, x)] if isinstance(x, list) else x

    path.write_text(json.dumps(changed(written)))
    assert changed(written) != written
    with pytest.raises(ValueError, match=re.escape(str(path))):
        events(network(), optim.Adam(0.01), resume=path)


def test_an_event_is_taken_for_its_training(tmp_path):
    for event in events(network(), optim.Adam(0.01), seed=0):
        a, b = checkpoint(tmp_path / "a.json", event), checkpoint(tmp_path / "b.json", event.training)
        assert a.read_bytes() == b.read_bytes()
        break
    with pytest.raises(TypeError, match=r"takes the training of an event, event.training, got MLP"):
        checkpoint(tmp_path / "a.json", MLP(3, [4, 3], seed=0))


def test_another_seed_is_told_where_it_chose_other_samples(tmp_path):
    settings = {"validation": 0.2, "epochs": 2, "checkpoint": tmp_path / "run.json"}
    fit(network(), losses.cross_entropy, X, CLASSES, seed=0, **settings)
    with pytest.raises(ValueError, match="other samples: X differs; its seed is 0, and here it is 1"):
        fit(network(), losses.cross_entropy, X, CLASSES, seed=1, **settings)

"""From a table to a predictor: classes and numbers, kept and loaded, and what is refused."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

import autograd_tiny
from autograd_tiny import data, train
from autograd_tiny.data import Table

TASKS = {"penguins": "species", "moons": "moon"}


@pytest.fixture(scope="module", params=TASKS)
def learned(request):
    table = data.load_set(request.param).drop_missing()
    return table, train.learn(table, TASKS[request.param], epochs=60, seed=0)


def test_classes_are_learned_and_rows_kept_aside_are_judged(learned):
    table, found = learned
    aside = table.take(found.aside)
    target = found.predictor.target
    assert np.mean(np.array(found.predictor.predict(aside)) == np.array(aside[target.name])) > 0.9
    assert sorted([*found.rows, *found.aside]) == [*range(len(table))]
    assert [*found.fitted.history[-1]] == ["epoch", "step", "loss", "validation_loss"]


def test_probabilities_are_those_of_the_classes_that_are_predicted(learned):
    table, found = learned
    shares = found.predictor.probabilities(table)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    assert found.predictor.target.labels(shares.argmax(axis=1)) == found.predictor.predict(table)


@pytest.mark.parametrize("suffix", ["safetensors", "json"])
def test_a_predictor_that_is_kept_predicts_the_same_to_the_bit(learned, suffix, tmp_path):
    table, found = learned
    path = found.predictor.save(tmp_path / f"model.{suffix}")
    kept = train.Predictor.load(path)
    assert np.array_equal(kept.probabilities(table), found.predictor.probabilities(table))
    assert (kept.features, kept.target) == (found.predictor.features, found.predictor.target)


@pytest.mark.slow
def test_a_new_process_predicts_the_same(learned, tmp_path):
    table, found = learned
    path = found.predictor.save(tmp_path / "model.json")
    columns = {name: [*table.take(range(5))[name]] for name in table.names}
    (tmp_path / "rows.json").write_text(json.dumps(columns))
    code = (
        "import json, sys; from autograd_tiny import data, train\n"
        "table = data.Table(json.load(open(sys.argv[2])))\n"
        "print(json.dumps(train.Predictor.load(sys.argv[1]).predict(table)))"
    )
    run = [sys.executable, "-c", code, str(path), str(tmp_path / "rows.json")]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == found.predictor.predict(table.take(range(5)))


def test_a_number_is_learned_in_its_own_unit():
    x = np.linspace(-1.0, 1.0, 60)
    table = Table({"x": x, "kind": ["a", "b"] * 30, "y": 1000 * x + np.where(np.arange(60) % 2, 300.0, 0.0)})
    found = train.learn(table, "y", layers=[], optimizer=None, epochs=200, seed=0)
    assert np.abs(found.predictor.predict(table) - table["y"]).max() < 20
    with pytest.raises(ValueError, match="y is a number: it has no classes and no probabilities"):
        found.predictor.probabilities(table)


def test_the_same_seed_gives_the_same_numbers():
    table = data.load_set("xor")
    runs = [train.learn(table, table.names[-1], layers=[4], epochs=2, seed=seed) for seed in (0, 0, 1)]
    numbers = [[p.data for p in run.predictor.model.parameters()] for run in runs]
    assert numbers[0] == numbers[1] != numbers[2]
    assert runs[0].fitted.history == runs[1].fitted.history


def test_a_learning_that_was_stopped_goes_on(tmp_path):
    table, path = data.load_set("xor"), tmp_path / "run.safetensors"
    options = {"layers": [4], "seed": 0}
    train.learn(table, table.names[-1], epochs=2, checkpoint=path, **options)
    again = train.learn(table, table.names[-1], epochs=4, checkpoint=path, **options)
    whole = train.learn(table, table.names[-1], epochs=4, **options)
    assert again.fitted.history == whole.fitted.history


TABLES = {
    "missing": ({"a": [1.0, None, 3.0, 4.0], "y": [0, 1, 0, 1]}, ValueError, "a is missing in row 2"),
    "target": ({"a": [1.0, 2.0, 3.0, 4.0], "z": [0, 1, 0, 1]}, KeyError, "'y'"),
    "one class": ({"a": [1.0, 2.0, 3.0, 4.0], "y": ["b"] * 4}, ValueError, "y is b in every row"),
    "constant": ({"a": [1.0] * 4, "y": [0, 1, 0, 1]}, ValueError, "a is 1 in every row"),
    "nothing else": ({"y": [0, 1, 0, 1]}, ValueError, "no column is left to learn from"),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_that_cannot_be_learned_from_are_refused(name):
    columns, kind, told = TABLES[name]
    with pytest.raises(kind, match=re.escape(told)):
        train.learn(Table(columns), "y", validation=0.5)


def test_a_file_without_columns_is_no_predictor(tmp_path):
    found = train.learn(data.load_set("xor"), data.load_set("xor").names[-1], epochs=1)
    path = train.save(tmp_path / "model.json", found.predictor.model)
    with pytest.raises(
        ValueError, match=r"model.json holds a model, but not the columns it was trained on: train.load"
    ):
        train.Predictor.load(path)
    written = json.loads(found.predictor.save(path).read_text())
    text = json.dumps(written).replace('"deviation": ', '"deviation": -')
    path.write_text(text)
    with pytest.raises(ValueError, match=re.escape(str(path))):
        train.Predictor.load(path)


def test_few_rows_are_predicted_without_the_compiler_and_alike(learned, monkeypatch):
    from autograd_tiny.train import predicting

    table, found = learned
    few = found.predictor.outputs(table)
    monkeypatch.setattr(predicting, "FEW", 0)
    np.testing.assert_allclose(few, found.predictor.outputs(table), rtol=1e-12)


def test_an_output_beyond_all_floats_is_what_compiled_code_gives():
    from autograd_tiny.nn import MLP

    table = Table({"x": [0.0, 1000.0], "y": [0.5, 2.5]})
    model = MLP(1, [1, 1], activation=autograd_tiny.ops.exp).with_parameters(
        [autograd_tiny.Value(x) for x in (1e3, 0.0, 1.0, 0.0)]
    )
    found = train.Predictor(model, data.Features.of(table, except_="y"), data.Target.of(table, name="y"))
    assert found.outputs(table).tolist() == [0.0, np.inf]


def test_a_training_that_goes_on_needs_no_seed(tmp_path):
    table = data.load_set("moons", n=40, seed=0)
    for epochs in (1, 2):
        found = train.learn(table, "moon", layers=[2], epochs=epochs, checkpoint=tmp_path / "run.json")
    assert [entry["epoch"] for entry in found.fitted.history] == [1, 2]


def test_a_training_whose_validation_overflows_is_kept(tmp_path):
    table = Table({"x": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0] * 4, "y": [0.1, 0.9, 2.2, 2.8, 4.1, 5.3] * 4})
    optimizer = autograd_tiny.optim.Adam(1e200)
    with pytest.warns(RuntimeWarning, match="try a smaller"):
        found = train.learn(
            table, "y", layers=[2], optimizer=optimizer, seed=0, checkpoint=tmp_path / "run.json", batch=None
        )
    assert found.fitted.diverged
    assert len(found.fitted.history) == 1
    assert "validation_loss" not in found.fitted.history[-1]


@pytest.mark.parametrize("seed", [-1, 1.5, "0"])
def test_a_seed_that_is_none_is_named(seed):
    with pytest.raises(ValueError, match="seed is an integer of at least 0 or None"):
        train.learn(data.load_set("moons"), "moon", seed=seed)

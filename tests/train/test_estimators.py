"""Estimators for scikit-learn: its own checks, its own numbers, what goes on between fits, what is refused."""

import math
import pickle
import re
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets, neural_network
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from autograd_tiny import data, optim, train
from autograd_tiny.nn import MLP
from autograd_tiny.train import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X, CLASSES = datasets.load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
BINARY = CLASSES % 2
LABELS = (RNG.normal(size=(150, 3)) + X[:, :3] > 0).astype(int)
NUMBERS = X[:, 0] - 2 * X[:, 1] * X[:, 2]
TWO = np.column_stack([NUMBERS, X[:, 3] ** 2])
SMALL = {"hidden_layer_sizes": (5, 4), "learning_rate_init": 0.02, "max_iter": 15, "random_state": 3}
FIRST = {**SMALL, "hidden_layer_sizes": (4,)}


def weights(estimator):
    return np.concatenate([x.ravel() for x in [*estimator.coefs_, *estimator.intercepts_]])


@pytest.mark.slow
@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_the_checks_of_scikit_learn_pass(cls):
    found = check_estimator(cls((4,), learning_rate_init=0.02, max_iter=100), on_skip=None)
    assert len(found) > 50
    assert {one["status"] for one in found} <= {"passed", "skipped"}


@pytest.mark.long  # a hundred hidden neurons, compiled for every number of features that the checks have
@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_the_checks_of_scikit_learn_pass_with_the_default_parameters(cls):
    found = check_estimator(cls(), on_skip=None)
    assert {one["status"] for one in found} <= {"passed", "skipped"}


SAME = {
    "classes": ("MLPClassifier", CLASSES, {}),
    "two classes": ("MLPClassifier", BINARY, {"activation": "tanh"}),
    "labels": ("MLPClassifier", LABELS, {"activation": "logistic"}),
    "text": ("MLPClassifier", np.array(["a", "b", "c"])[CLASSES], {"alpha": 1.0, "shuffle": False}),
    "numbers": ("MLPRegressor", NUMBERS, {"activation": "identity", "alpha": 2.0}),
    "no hidden layer": ("MLPRegressor", NUMBERS, {"hidden_layer_sizes": ()}),
    "two numbers": ("MLPRegressor", TWO, {}),
    "early": ("MLPClassifier", CLASSES, {"early_stopping": True, "n_iter_no_change": 3, "max_iter": 50}),
    "early, two classes": ("MLPClassifier", BINARY, {"early_stopping": True, "validation_fraction": 0.3}),
    "early, numbers": ("MLPRegressor", NUMBERS, {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 50}),
    "stops": ("MLPClassifier", CLASSES, {"tol": 0.01, "n_iter_no_change": 2, "max_iter": 100}),
    "one batch": ("MLPClassifier", CLASSES, {"batch_size": "auto", "beta_1": 0.5, "epsilon": 0.1, "momentum": 0.0}),
}


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("name", SAME)
def test_a_seed_gives_the_network_of_scikit_learn(name, solver):
    cls, y, options = SAME[name]
    options = {**SMALL, "batch_size": 32, "solver": solver, **options}
    theirs, ours = (getattr(module, cls)(**options).fit(X, y) for module in (neural_network, train))
    np.testing.assert_allclose(weights(ours), weights(theirs), rtol=1e-8, atol=1e-8)
    for it in ("n_iter_", "n_layers_", "n_outputs_", "out_activation_", "t_", "n_features_in_"):
        assert getattr(ours, it) == getattr(theirs, it), it
    if y is not TWO:  # for it scikit-learn tells the mean over the columns, and follows the slopes of their sum
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-8)
    if options.get("early_stopping"):
        np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_)
        assert ours.best_validation_score_ == pytest.approx(theirs.best_validation_score_)
    for method in ("predict", "predict_proba", "predict_log_proba"):
        if hasattr(theirs, method):
            found, expected = getattr(ours, method)(X), getattr(theirs, method)(X)
            if expected.dtype.kind == "f":
                np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)
            else:
                assert (found.dtype.kind, [*found.ravel()]) == (expected.dtype.kind, [*expected.ravel()])
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y))


@pytest.mark.filterwarnings("ignore:scipy.optimize:DeprecationWarning")  # of what an old scikit-learn asks for
@pytest.mark.parametrize("name", ["two classes", "numbers", "no hidden layer"])
def test_lbfgs_is_that_of_scikit_learn(name):
    cls, y, options = SAME[name]
    options = {**SMALL, "solver": "lbfgs", **options}
    theirs, ours = (getattr(module, cls)(**options).fit(X, y) for module in (neural_network, train))
    np.testing.assert_allclose(weights(ours), weights(theirs), rtol=1e-4, atol=1e-4)
    assert (ours.n_iter_, ours.loss_) == (theirs.n_iter_, pytest.approx(theirs.loss_, rel=1e-6))
    assert not hasattr(ours, "partial_fit")
    assert ours.loss_curve_ == sorted(ours.loss_curve_, reverse=True)


def test_parameters_and_their_defaults_are_those_of_scikit_learn():
    for cls in (MLPClassifier, MLPRegressor):
        theirs = getattr(neural_network, cls.__name__)().get_params()
        assert theirs.pop("loss", "squared_error") == "squared_error"
        assert cls().get_params() == theirs


def test_coefs_are_those_of_the_network_and_read_only():
    found = MLPRegressor(activation="tanh", **FIRST).fit(X, NUMBERS)
    (first, last), (before, after) = found.coefs_, found.intercepts_
    np.testing.assert_allclose(found.predict(X), (np.tanh(X @ first + before) @ last + after).ravel())
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0] = 1.0
    assert isinstance(found.module_, MLP)
    assert found.module_(X[0]).data == pytest.approx(found.predict(X[:1])[0])
    found.module_.parameters()[0].data += 1
    assert found.coefs_[0][0, 0] == pytest.approx(first[0, 0] + 1)


@pytest.mark.parametrize("y", [CLASSES, LABELS, NUMBERS], ids=["classes", "labels", "numbers"])
def test_a_second_fit_of_one_architecture_records_nothing(y, monkeypatch):
    cls, traced, call = (MLPRegressor if y is NUMBERS else MLPClassifier), [], MLP.__call__

    def counted(self, x):
        traced.extend([self] if not isinstance(next(iter(x)), float) else [])
        return call(self, x)

    monkeypatch.setattr(MLP, "__call__", counted)
    new = {"hidden_layer_sizes": (3, 7 + y.ndim), "early_stopping": True}
    cls(**{**SMALL, **new}).fit(X, y).predict(X)
    assert traced  # the test counts what it should
    traced.clear()
    cls(**{**SMALL, **new, "learning_rate_init": 0.01, "batch_size": 7}).fit(X[::-1], y[::-1]).predict(X)
    assert not traced


@pytest.mark.parametrize("solver", ["adam", "sgd", optim.AdamW(0.02)], ids=str)
@pytest.mark.parametrize("y", [CLASSES, LABELS, NUMBERS], ids=["classes", "labels", "numbers"])
def test_a_warm_start_and_partial_fits_go_on_as_if_there_had_been_no_pause(y, solver):
    cls = MLPRegressor if y is NUMBERS else MLPClassifier
    options = {**FIRST, "solver": solver, "max_iter": 4}
    if not isinstance(solver, str):
        del options["learning_rate_init"]
    whole = cls(**{**options, "max_iter": 12}).fit(X, y)
    warm, part = cls(**options, warm_start=True), cls(**options)
    for _ in range(3):
        warm.fit(X, y)
        warm = pickle.loads(pickle.dumps(warm))
    first = {"classes": [0, 1, 2]} if y is CLASSES else {}
    for _ in range(12):
        part.partial_fit(X, y, **first)
        part, first = pickle.loads(pickle.dumps(part)), {}
    for found, epochs in ((warm, 4), (part, 1)):
        np.testing.assert_array_equal(weights(found), weights(whole))
        assert (found.loss_curve_, found.t_, found.n_iter_) == (whole.loss_curve_, 12 * 150, epochs)


def test_a_warm_start_needs_the_same_network_and_known_classes():
    found = MLPClassifier(**FIRST, warm_start=True).fit(X, CLASSES)
    found.fit(X, CLASSES.clip(1))  # some of the classes
    with pytest.raises(ValueError, match=r"y has the classes \[0 1 2 9\], and what was trained before has \[0 1 2\]"):
        found.fit(X, np.where(X[:, 0] > 1, 9, CLASSES))
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=\(9,\) asks for MLP\(4, \[9, 3\]\), .*warm_start=False"):
        found.set_params(hidden_layer_sizes=(9,)).fit(X, CLASSES)
    assert found.set_params(warm_start=False).fit(X, BINARY).module_.sizes == [4, 9, 1]


def test_partial_fit_knows_all_classes_from_the_first_call():
    found = MLPClassifier(**FIRST)
    with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
        found.partial_fit(X, CLASSES)
    found.partial_fit(X[:10], CLASSES[:10], classes=[2, 0, 1])  # one class of three
    assert [*found.classes_] == [0, 1, 2]
    assert found.partial_fit(X, CLASSES).predict_proba(X).shape == (150, 3)
    with pytest.raises(ValueError, match=r"classes=\[0, 1\] are not those of the first call"):
        found.partial_fit(X, CLASSES, classes=[0, 1])
    with pytest.raises(ValueError, match=r"y has the classes \[7\]"):
        found.partial_fit(X[:1], [7])
    with pytest.raises(ValueError, match="early_stopping=False"):
        MLPClassifier(early_stopping=True).partial_fit(X, CLASSES, classes=[0, 1, 2])


def test_early_stopping_restores_the_best_weights_and_their_optimizer():
    options = {**FIRST, "early_stopping": True, "solver": "sgd", "learning_rate_init": 0.2, "n_iter_no_change": 4}
    found = MLPClassifier(**{**options, "max_iter": 100}).fit(X, CLASSES)
    best = int(np.argmax(found.validation_scores_))
    assert best < found.n_iter_ - 1 < 99
    short = MLPClassifier(**{**options, "max_iter": best + 1}).fit(X, CLASSES)
    np.testing.assert_array_equal(weights(found), weights(short))
    assert len(found.validation_loss_curve_) == len(found.loss_curve_) == found.n_iter_
    assert found.best_validation_score_ == max(found.validation_scores_)
    for it in (found, short):
        it.set_params(warm_start=True, max_iter=1, early_stopping=False, random_state=0).fit(X, CLASSES)
    np.testing.assert_array_equal(weights(found), weights(short))


def test_a_weight_is_a_number_of_copies():
    weight = RNG.integers(0, 4, 150)
    for cls, y in ((MLPClassifier, CLASSES), (MLPRegressor, TWO)):
        one = cls(**FIRST, batch_size=600, alpha=0.5).fit(X, y, sample_weight=weight)
        other = cls(**FIRST, batch_size=600, alpha=0.5).fit(X.repeat(weight, axis=0), y.repeat(weight, axis=0))
        np.testing.assert_allclose(weights(one), weights(other), rtol=1e-7)
        none = cls(**FIRST, batch_size=16).fit(X, y, sample_weight=weight > 0)
        without = cls(**FIRST, batch_size=16).fit(X[weight > 0], y[weight > 0])
        np.testing.assert_allclose(weights(none), weights(without), rtol=1e-9)


def test_a_random_state_may_be_a_generator_of_numpy():
    found = [MLPClassifier(**{**FIRST, "random_state": s}).fit(X, CLASSES) for s in (5, np.random.RandomState(5), 6)]
    np.testing.assert_array_equal(weights(found[0]), weights(found[1]))
    assert not np.array_equal(weights(found[0]), weights(found[2]))


def test_an_optimizer_of_optim_is_a_solver_with_its_rate():
    solver = optim.SGD(lr=lambda step: 0.1 / (1 + step), momentum=0.9, nesterov=True)
    found = MLPRegressor((), solver=solver, max_iter=5, random_state=0, alpha=0.0).fit(X, NUMBERS)
    constant = MLPRegressor((), solver=optim.SGD(0.1, momentum=0.9), max_iter=5, random_state=0).fit(X, NUMBERS)
    assert not np.allclose(weights(found), weights(constant))
    assert repr(clone(constant)) == repr(constant)


@pytest.mark.slow
def test_a_grid_search_runs_in_processes_and_its_result_is_pickled():
    grid = {"mlpclassifier__hidden_layer_sizes": [(4,), (6,)], "mlpclassifier__solver": [optim.Lion(0.02)]}
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(**{**FIRST, "learning_rate_init": 0.001}))
    found = GridSearchCV(pipeline, grid, n_jobs=2, cv=2).fit(X, CLASSES)
    assert found.best_score_ > 0.8
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(found)).predict(X), found.predict(X))


def test_a_pipeline_of_a_dataframe_names_its_columns():
    table = data.load_set("penguins").drop_missing()
    frame = pd.DataFrame({name: [*table[name]] for name in table.names})
    y, text = frame.pop("species"), ["island", "sex"]
    numbers = [name for name in frame if name not in text]
    columns = make_column_transformer((StandardScaler(), numbers), (OneHotEncoder(), text))
    pipeline = make_pipeline(columns, MLPClassifier((8,), learning_rate_init=0.02, max_iter=50, random_state=0))
    assert cross_val_score(pipeline, frame, y, cv=3).mean() > 0.95
    assert {*pipeline.fit(frame, y).predict(frame)} == {*y}
    importance = permutation_importance(pipeline, frame, y, n_repeats=2, random_state=0).importances_mean
    assert frame.columns[importance.argmax()] == "bill_length_mm"
    assert CalibratedClassifierCV(pipeline, cv=2).fit(frame, y).score(frame, y) > 0.95
    bare = MLPRegressor(**FIRST).fit(frame[numbers], frame["year"])
    assert [*bare.feature_names_in_] == numbers
    with pytest.raises(ValueError, match="feature names should match"):
        bare.predict(frame[numbers[::-1]])


def test_labels_and_classes_are_given_back_as_they_came():
    for y in (np.array(["no", "yes"])[BINARY], BINARY > 0, BINARY * 2.0 - 1, [*map(str, CLASSES)]):
        found = MLPClassifier(**FIRST).fit(X, y)
        assert found.predict(X).dtype == np.asarray(y).dtype
        assert {*found.predict(X)} <= {*y}
    with pytest.warns(DataConversionWarning):
        MLPClassifier(**FIRST).fit(X, CLASSES[:, None])
    sparse = pytest.importorskip("scipy.sparse")
    assert MLPClassifier(**FIRST).fit(X, sparse.csr_array(LABELS)).predict(X).shape == LABELS.shape


def test_progress_and_what_it_came_to_are_told(capsys):
    with pytest.warns(ConvergenceWarning, match="not converged after max_iter=2 epochs"):
        MLPClassifier((4,), max_iter=2, verbose=True, early_stopping=True, random_state=0).fit(X, CLASSES)
    assert re.match(r"Iteration 1, loss = 1\.\d+\nValidation score: 0\.\d+, loss = 1\.\d+\n", capsys.readouterr().out)
    with pytest.warns(ConvergenceWarning, match="lbfgs has not converged after 3 iterations"):
        MLPRegressor((4,), max_iter=3, solver="lbfgs", random_state=0).fit(X, NUMBERS)
    with pytest.raises(
        train.Diverged, match=r"step \d+ .* has the loss .*try a smaller learning rate than 100, or scale X and y"
    ):
        MLPRegressor((), solver="sgd", learning_rate_init=100, n_iter_no_change=math.inf).fit(X, NUMBERS)
    with pytest.raises(train.Diverged, match=r"L-BFGS has met a loss that is not finite.* or scale X and y"):
        MLPRegressor((), solver="lbfgs", random_state=0).fit(X, NUMBERS * 1e200)


REFUSED = {
    "hidden_layer_sizes": ([(0,), (4, -1), "wide", 2.5], "expected sizes such as (16, 16)"),
    "activation": (["swish", "log_softmax", None], "another op of one operand"),
    "solver": (["rprop", optim.Adam, None], "expected adam, sgd, lbfgs, or an optimizer"),
    "alpha": ([-1, math.nan, "small"], "a number of at least 0"),
    "batch_size": ([0, 2.5, "all"], "an integer from 1, or 'auto'"),
    "learning_rate": (["adaptive", "invscaling"], "a function of the step in an optimizer"),
    "learning_rate_init": ([0, -0.1, True], "a number above 0"),
    "max_iter": ([0, 1.5], "an integer from 1"),
    "momentum": ([1, -0.5], "from 0 to below 1"),
    "beta_2": ([1.0], "from 0 to below 1"),
    "epsilon": ([0.0], "a number above 0"),
    "validation_fraction": ([0, 1, 2], "between 0 and 1"),
    "n_iter_no_change": ([0, 2.5], "an integer from 1, or infinity"),
    "warm_start": ([1, "yes"], "True or False"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_parameter_is_refused_by_name(name):
    for given in REFUSED[name][0]:
        for estimator in (MLPClassifier(**{name: given}), MLPRegressor().set_params(**{name: given})):
            with pytest.raises(ValueError, match=rf"{name}.*{re.escape(REFUSED[name][1])}"):
                estimator.fit(X, CLASSES)


def test_a_rate_beside_an_optimizer_is_refused():
    with pytest.raises(ValueError, match=r"beta_1=0\.5 stands beside solver=adam\(.*: set it in the optimizer"):
        MLPClassifier(solver=optim.Adam(0.1), beta_1=0.5).fit(X, CLASSES)


@pytest.mark.parametrize(
    ("y", "weight", "told"),
    [
        (CLASSES * 0, None, "y has one class, 0: a classifier needs two classes or more"),
        (CLASSES, CLASSES == 1, "y has one class, 1, of a weight above 0"),
        (NUMBERS, None, "Unknown label type: continuous"),
        (np.column_stack([CLASSES, CLASSES]), None, "each is a label of 0 and 1"),
        (CLASSES, CLASSES - 1, "sample_weight holds numbers of at least 0 that are not all 0, got -1 in row 0"),
        (CLASSES, np.ones(3), "X has 150 samples, sample_weight 3"),
        (CLASSES[1:], None, "inconsistent numbers of samples"),
    ],
)
def test_wrong_targets_and_weights_are_refused(y, weight, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        MLPClassifier(**FIRST).fit(X, y, sample_weight=weight)


def test_wrong_inputs_are_refused():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match=r"Sparse data was passed.*toarray"):
        MLPClassifier().fit(sparse.csr_array(X), CLASSES)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        MLPClassifier().fit(np.where(X > 1, np.nan, X), CLASSES)
    with pytest.raises(NotFittedError):
        MLPClassifier().predict(X)
    with pytest.raises(AttributeError, match="not fitted"):
        MLPClassifier().coefs_  # noqa: B018 - the look-up is what is tested
    with pytest.raises(ValueError, match=r"validation_fraction=0\.1 of 10 samples keeps 1 aside"):
        MLPClassifier(early_stopping=True).fit(X[45:55], CLASSES[45:55])
    with pytest.raises(ValueError, match="y has 1 column, and what was trained before 2"):
        MLPRegressor(**FIRST).fit(X, TWO).partial_fit(X, NUMBERS)


def test_scikit_learn_is_imported_when_a_name_asks_for_it():
    code = (
        "import sys; from autograd_tiny import train; train.fit; assert 'sklearn' not in sys.modules\n"
        "sys.modules['sklearn'] = None\n"
        "try: train.MLPClassifier\n"
        "except ImportError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == (
        "autograd_tiny.train.MLPClassifier needs scikit-learn: pip install 'autograd-tiny[sklearn]'\n"
    )


def test_an_interrupt_ends_the_training_after_the_epoch(monkeypatch):
    from contextlib import nullcontext

    from autograd_tiny.train.scikit import solving

    monkeypatch.setattr(solving, "interruptible", lambda: nullcontext(lambda: True))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = MLPClassifier(**FIRST).fit(X, CLASSES)
    assert [str(one.message) for one in told] == ["training was interrupted after epoch 1"]
    assert told[0].filename == __file__
    assert found.n_iter_ == len(found.loss_curve_) == 1

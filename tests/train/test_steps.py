"""Steps of a training: eager and compiled alike, the Module as a view, divergence, what is refused."""

import os
import re
import signal
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest

from autograd_tiny import ops, optim
from autograd_tiny.nn import MLP, Dropout, Embedding, LayerNorm, Linear, Module, Sequential, losses
from autograd_tiny.train import Diverged, fit, steps

RNG = np.random.default_rng(0)
X = RNG.normal(size=(22, 3))
CLASSES = RNG.integers(3, size=22)
NUMBERS = RNG.normal(size=22)


class Own(Module):
    """A Module of a user: other structure, parameters in a dict."""

    def __init__(self):
        self.inner = {"linear": Linear(3, 2, seed=0), "out": Linear(2, 3, seed=1)}

    def __call__(self, x):
        return self.inner["out"]([a.sigmoid() for a in self.inner["linear"](x)])


MODELS = {
    "mlp": lambda: MLP(3, [4, 3], activation=ops.tanh, seed=0),
    "sequential": lambda: Sequential(Linear(3, 4, seed=0), LayerNorm(4), ops.relu, Linear(4, 3, seed=1)),
    "dropout": lambda: Sequential(Linear(3, 4, seed=0), ops.tanh, Dropout(0.5), Linear(4, 3, seed=1), Dropout(0.25)),
    "own": Own,
}


def trained(model, loss, y, compiled, **options):
    """Return losses and parameters after each step."""
    events = steps(model, loss, X, y, batch=8, epochs=2, seed=3, compiled=compiled, **options)
    return [(event.loss, *(p.data for p in model.parameters())) for event in events]


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", MODELS)
def test_compiled_steps_are_those_on_values(name, weighted):
    options = {"sample_weight": np.arange(22) % 4.0} if weighted else {}
    found = [trained(MODELS[name](), losses.cross_entropy, CLASSES, c, **options) for c in (True, False)]
    assert len(found[0]) == 6  # a last batch of 6
    np.testing.assert_allclose(*found, rtol=0, atol=1e-12)


@pytest.mark.parametrize("optimizer", [optim.SGD(0.1, momentum=0.9), optim.AdamW(0.01), optim.Lion(0.01)], ids=repr)
def test_steps_are_those_of_a_loop_with_pytorch_names(optimizer):
    model, other = (MLP(3, [2, 1], activation=ops.tanh, seed=5) for _ in range(2))
    bound = optim.Optimizer(optimizer.rule, other, optimizer.lr, **optimizer.hyper)
    for event in steps(model, losses.mse, X, NUMBERS, optimizer=optimizer, batch=None, epochs=5):
        bound.zero_grad()
        loss = losses.mse([other(x) for x in X.tolist()], NUMBERS.tolist())
        loss.backward()
        bound.step()
        assert event.loss == pytest.approx(loss.data, rel=1e-12)
    assert [p.data for p in model.parameters()] == pytest.approx([p.data for p in other.parameters()], rel=1e-9)


def test_an_epoch_takes_each_sample_once_in_an_order_of_its_seed():
    def orders(seed):
        events = steps(MLP(3, [1], seed=0), losses.mse, X, NUMBERS, batch=5, epochs=2, seed=seed)
        return [(e.step, e.epoch, e.ends_epoch, tuple(e.training.order)) for e in events]

    first, second = orders(0)[0][3], orders(0)[-1][3]
    assert sorted(first) == sorted(second) == [*range(22)]
    assert first != second
    assert orders(0) == orders(0) != orders(1)
    assert [e[:3] for e in orders(0)][4:6] == [(5, 1, True), (6, 2, False)]


def test_numbers_given_to_the_module_between_steps_count():
    model = MLP(3, [1], seed=0)
    for event in steps(model, losses.mse, X, NUMBERS, optimizer=optim.SGD(0.1), batch=None, seed=0):
        if event.step == 3:
            break
        for p in model.parameters():
            p.data = 0.0
    assert event.loss == pytest.approx(np.square(NUMBERS).mean())


def test_another_model_of_the_same_kind_is_not_recorded_again():
    losses_traced = []

    def loss(output, target):
        losses_traced.append(output)
        return losses.mse(output, target)

    for seed in (0, 1):
        fit(MLP(3, [2, 1], seed=seed), loss, X, NUMBERS, epochs=1)
        counts = [len(losses_traced), losses_traced.clear()]
    assert counts[0] == 1 + len(np.unique(NUMBERS))  # each target is tried; nothing is recorded


def test_the_history_has_the_mean_loss_of_each_epoch():
    weight = np.arange(22) % 3.0
    for options, weights in (({}, np.ones(22)), ({"sample_weight": weight}, weight)):
        model = MLP(3, [1], seed=0)
        events = [*steps(model, losses.mse, X, NUMBERS, batch=8, epochs=1, seed=0, **options)]
        order = events[0].training.order
        parts = [weights[order[i : i + 8]].sum() for i in (0, 8, 16)]
        mean = np.average([e.loss for e in events], weights=parts)
        assert events[-1].training.history == [{"epoch": 1, "step": 3, "loss": pytest.approx(mean)}]


def test_a_batch_larger_than_the_data_is_all_of_it():
    runs = [
        [e.loss for e in steps(MLP(3, [1], seed=0), losses.mse, X, NUMBERS, batch=b, epochs=3, seed=0)]
        for b in (100, None, 22)
    ]
    assert runs[0] == runs[1] == runs[2]
    assert len(runs[0]) == 3


INPUTS = {
    "lists": X.tolist(), "Fortran": np.asfortranarray(X), "float32": X.astype(np.float32).astype(float),
    "strided": np.repeat(X, 2, axis=0)[::2], "integers": (X * 4).astype(int),
}  # fmt: skip


@pytest.mark.parametrize("kind", INPUTS)
def test_arrays_of_any_kind_are_trained_on(kind):
    given = INPUTS[kind]
    plain = np.array(given, dtype=float, order="C")
    runs = [
        [e.loss for e in steps(MLP(3, [1], seed=0), losses.mse, x, NUMBERS, epochs=2, seed=0)] for x in (given, plain)
    ]
    assert runs[0] == runs[1]


def test_read_only_arrays_and_tables_are_trained_on():
    pandas = pytest.importorskip("pandas")
    fixed = X.copy()
    fixed.flags.writeable = False
    for given, y in ((fixed, NUMBERS), (pandas.DataFrame(X), pandas.Series(NUMBERS))):
        assert next(steps(MLP(3, [1], seed=0), losses.mse, given, y)).loss > 0


def nan_at(row, column):
    made = X.copy()
    made[row, column] = np.nan
    return made


def table(**columns):
    return pytest.importorskip("pandas").DataFrame(columns)


WRONG = {
    "nan": (lambda: (nan_at(3, 1), NUMBERS), ValueError, "X is nan in row 3, column 1"),
    "inf": (lambda: (X, [np.inf] * 22), ValueError, "y is inf in row 0, and 21 numbers more that are not finite"),
    "column": (lambda: (table(a=[1.0, 2.0], b=[1.0, None], c=[1, 2]), [0, 1]), ValueError, "row 1, column 'b'"),
    "text": (lambda: ([["a", "b", "c"]] * 22, NUMBERS), TypeError, "X is text, 'a', in row 0, column 0: data.Features"),
    "labels": (lambda: (X, ["no"] * 22), TypeError, "y is text, 'no', in row 0: data.Target gives numbers for labels"),
    "length": (lambda: (X, NUMBERS[1:]), ValueError, "X has 22 samples, y 21"),
    "empty": (lambda: (X[:0], NUMBERS[:0]), ValueError, "X has no samples"),
    "ragged": (lambda: ([[1, 2, 3], [1, 2]], [0, 1]), ValueError, "X has 3 numbers in row 0 and 2 in row 1"),
    "number": (lambda: (1.0, NUMBERS), TypeError, "X is an array or a list of samples, got 1.0"),
    "complex": (lambda: (X + 1j, NUMBERS), TypeError, "X holds complex numbers"),
    "columns": (lambda: (X[:, :2], NUMBERS), ValueError, "MLP(3, [1]) takes 3 inputs, got 2"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_samples_that_cannot_be_trained_on_are_refused(name):
    make, kind, told = WRONG[name]
    with pytest.raises(kind, match=re.escape(told)):
        steps(MLP(3, [1], seed=0), losses.mse, *make())


OPTIONS = {
    "batch": ({"batch": 0}, ValueError, "batch is an integer of at least 1 or None, got 0"),
    "epochs": ({"epochs": 1.5}, ValueError, "epochs is an integer of at least 0 or None, got 1.5"),
    "optimizer": ({"optimizer": "adam"}, TypeError, "optimizer is one of optim, such as Adam(lr=0.001), got 'adam'"),
    "weights": ({"sample_weight": [-1.0] * 22}, ValueError, "at least 0 that are not all 0, got -1 in row 0"),
    "no weights": ({"sample_weight": [0.0] * 22}, ValueError, "at least 0 that are not all 0, got only zeros"),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_options_that_make_no_sense_are_refused(name):
    options, kind, told = OPTIONS[name]
    with pytest.raises(kind, match=re.escape(told)):
        steps(MLP(3, [1], seed=0), losses.mse, X, NUMBERS, **options)


def test_models_losses_and_optimizers_of_another_kind_are_refused():
    model = MLP(3, [3], seed=0)
    for given, loss, y, options, told in [
        (MLP, losses.mse, NUMBERS, {}, "got the class MLP: write MLP(…)"),
        (lambda x: x, losses.mse, NUMBERS, {}, "training takes a Module"),
        (model, "mse", NUMBERS, {}, "loss is a function of output and target, such as nn.losses.mse, got 'mse'"),
        (model, lambda out, y: 1.0, NUMBERS, {}, "a number that depends on parameters, got 1.0"),
        (model, losses.cross_entropy, NUMBERS, {}, "a class of cross_entropy is an integer from 0 to 2"),
        (model, losses.cross_entropy, CLASSES, {"optimizer": optim.Adam(model)}, "the parameters come from the model"),
    ]:
        with pytest.raises(TypeError, match=re.escape(told)):
            steps(given, loss, X, y, **options)


def test_a_label_out_of_range_is_named_with_its_sample():
    y = CLASSES.copy()
    y[7] = 3
    with pytest.raises(ValueError, match="an integer from 0 to 2, got 3") as error:
        steps(MLP(3, [3]), losses.cross_entropy, X, y)
    assert error.value.__notes__ == ["raised by the loss of sample 7, whose target is 3"]


class Hot(MLP):
    def __call__(self, x):
        return super().__call__(x).exp()


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "eager"])
def test_divergence_names_step_sample_and_op_and_keeps_the_last_finite_state(compiled):
    rows = np.ones((12, 1)) * 0.1
    rows[7] = 800.0
    model, seen = Hot(1, [1], seed=0), []
    events = steps(model, losses.mse, rows, np.ones(12), optimizer=optim.SGD(0.1), batch=4, seed=1, compiled=compiled)
    with pytest.raises(Diverged) as error:
        seen.extend([p.data for p in model.parameters()] for _ in events)
    told = str(error.value)
    assert f"step {len(seen) + 1} (epoch 1)" in told
    assert "sample 7: " in told
    assert "exp(" in told
    assert all(map(np.isfinite, [p.data for p in model.parameters()]))


def test_fit_returns_the_last_finite_state_of_a_training_that_diverges():
    model = MLP(3, [1], seed=0)
    with pytest.warns(RuntimeWarning, match=r"step \d+ \(epoch \d+\) .*try a smaller learning rate than 1000"):
        found = fit(model, losses.mse, X, NUMBERS * 1e9, optimizer=optim.SGD(1000.0), seed=0)
    assert found.stopped.startswith("step ")
    assert np.isfinite(losses.mse([model(x) for x in X.tolist()], NUMBERS.tolist()).data)


def test_validation_is_kept_aside_or_given():
    given = fit(
        MLP(3, [1], seed=0), losses.mse, X[:20], NUMBERS[:20], validation=(X[20:], NUMBERS[20:]), epochs=2, seed=0
    )
    expected = losses.mse([given.model(x) for x in X[20:].tolist()], NUMBERS[20:].tolist()).data
    assert given.history[-1]["validation_loss"] == pytest.approx(expected, rel=1e-12)
    aside = fit(MLP(3, [1], seed=0), losses.mse, X, NUMBERS, validation=0.25, epochs=2, seed=0)
    assert aside.training.samples.size == 16
    assert [*aside.history[0]] == ["epoch", "step", "loss", "validation_loss"]
    for part in (0.0, 1.0, 0.001, "some", (X,)):
        with pytest.raises(ValueError, match="validation"):
            fit(MLP(3, [1], seed=0), losses.mse, X, NUMBERS, validation=part)


def test_ctrl_c_returns_the_result_so_far():
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    found = fit(MLP(3, [1], seed=0), losses.mse, X, NUMBERS, epochs=10**9, seed=0)
    assert found.stopped == f"interrupted after step {found.training.step}"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


SLOW = """
import os, signal, sys, threading
from autograd_tiny.nn import MLP, losses
from autograd_tiny.train import fit
class Stuck(MLP):
    def __call__(self, x):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        return super().__call__(x)
model = MLP(1, [1], seed=0)
model.__class__ = Stuck
fit(model, losses.mse, [[1.0]], [1.0], compiled=False)
"""


@pytest.mark.slow
def test_a_second_ctrl_c_raises():
    done = subprocess.run([sys.executable, "-c", SLOW], capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr.rstrip().endswith("KeyboardInterrupt")


def test_progress_is_shown_on_terminals_only(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(MLP(3, [1], seed=0), losses.mse, X, NUMBERS, epochs=1, seed=0)
    assert capsys.readouterr().out == ""


def test_a_dropout_elsewhere_than_in_a_sequential_is_refused():
    class Nested(Module):
        def __init__(self):
            self.linear, self.dropout = Linear(3, 3, seed=0), Dropout(0.5)

        def __call__(self, x):
            return self.dropout(self.linear(x))

    with pytest.raises(TypeError, match=r"dropout is Dropout\(0.5\): masks are drawn for the layers of a Sequential"):
        steps(Nested(), losses.cross_entropy, X, CLASSES)


class Forward(Module):
    """A Module written as for PyTorch."""

    def __init__(self):
        self.w = Linear(3, 3, seed=0)

    def forward(self, x):
        return self.w(x)


def test_a_module_with_forward_is_told_what_it_is_called_by():
    with pytest.raises(
        TypeError, match=re.escape("Forward is called for its output: write __call__(self, x), not for")
    ):
        steps(Forward(), losses.cross_entropy, X, CLASSES)


def bad(values, i, x):
    found = np.array(values, copy=True)
    found[i] = x
    return found


@pytest.mark.parametrize("compiled", [True, False])
def test_samples_kept_aside_are_checked_as_those_trained_on(compiled):
    model = MODELS["mlp"]()
    for validation, error, told, note in [
        (
            (X, bad(CLASSES, 17, 3)),
            ValueError,
            "a class of cross_entropy is an integer from 0 to 2, got 3",
            "sample 17",
        ),
        ((X[:, :2], CLASSES), ValueError, "MLP(3, [4, 3]) takes 3 inputs, got 2", ""),
    ]:
        with pytest.raises(error, match=re.escape(told)) as caught:
            fit(model, losses.cross_entropy, X, CLASSES, validation=validation, epochs=1, compiled=compiled)
        assert note in str(getattr(caught.value, "__notes__", ""))


@pytest.mark.parametrize("seed", range(6))
def test_a_sample_is_named_by_its_row_in_what_was_given(seed):
    with pytest.raises(ValueError, match="got 3") as caught:
        fit(MODELS["mlp"](), losses.cross_entropy, X, bad(CLASSES, 11, 3), validation=0.3, epochs=1, seed=seed)
    assert "sample 11, " in caught.value.__notes__[0]


def test_a_sample_that_diverges_is_named_by_its_row_in_what_was_given():
    for seed in range(6):
        y = bad(NUMBERS, 11, 1e200)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            found = fit(MLP(3, [1], seed=0), losses.mse, X, y, validation=0.3, epochs=1, seed=seed)
        if found.diverged:
            assert ": sample 11: " in str(told[0].message)
            return
    raise AssertionError("sample 11 was kept aside each time")


class Looked(Module):
    """A Module that looks up rows by columns of whole numbers, beside a column of others."""

    def __init__(self):
        self.rows, self.out = Embedding(5, 3, seed=0), Linear(7, 2, seed=1)

    def __call__(self, x):
        return self.out([*self.rows(x[0]), *self.rows(x[1]), x[2]])


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("kind", ["floats", "lists", "pandas"])
def test_columns_of_whole_numbers_are_indices_of_an_embedding(kind, compiled):
    codes = RNG.integers(5, size=(30, 2))
    made = np.column_stack([codes, RNG.normal(size=30)])
    if kind == "lists":
        made = [[*map(int, pair), x] for *pair, x in made.tolist()]
    elif kind == "pandas":
        made = pytest.importorskip("pandas").DataFrame({"a": codes[:, 0], "b": codes[:, 1], "x": made[:, 2]})
    settings = {"epochs": 60, "seed": 0, "batch": 10, "optimizer": optim.Adam(0.05), "compiled": compiled}
    found = fit(Looked(), losses.cross_entropy, made, (codes[:, 0] == codes[:, 1]).astype(int), **settings)
    assert found.history[-1]["loss"] < 0.5 * found.history[0]["loss"]
    alone = Sequential(Embedding(5, 4, seed=0), Linear(4, 5, seed=1))
    assert fit(alone, losses.cross_entropy, codes[:, 0], codes[:, 0], **settings).history[-1]["loss"] < 0.5


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(("code", "kind"), [(5, ValueError), (-1, ValueError), (1.5, TypeError)])
def test_an_index_out_of_range_is_named(code, kind, compiled):
    made = np.column_stack([np.arange(30) % 5, np.arange(30) % 5, np.zeros(30)]).astype(float)
    made[17, 1] = code
    told = re.escape(f"the index of Embedding(5, 3) is an integer from 0 to 4, got {code}")
    with pytest.raises(kind, match=told) as caught:
        fit(Looked(), losses.cross_entropy, made, np.arange(30) % 2, batch=7, epochs=2, seed=0, compiled=compiled)
    assert "sample 17" in str(caught.value.__notes__)


def test_numbers_written_to_the_array_between_steps_count_as_those_given_to_the_module():
    kept = []
    for by_array in (True, False):
        model = MODELS["mlp"]()
        for event in steps(
            model, losses.cross_entropy, X, CLASSES, optimizer=optim.SGD(0.5), batch=5, epochs=3, seed=0
        ):
            if by_array:
                np.clip(event.training.parameters, -0.2, 0.2, out=event.training.parameters)
            else:
                for p in model.parameters():
                    p.data = min(max(p.data, -0.2), 0.2)
        kept.append(model.state_dict())
    assert kept[0] == kept[1]
    assert max(map(abs, kept[0].values())) == 0.2


def test_numbers_written_to_the_array_before_a_break_are_in_the_module():
    model = MODELS["mlp"]()
    for event in steps(model, losses.cross_entropy, X, CLASSES, seed=0):
        event.training.parameters[:] = 0.25
        break
    assert {p.data for p in model.parameters()} == {0.25}


def test_the_result_of_a_fit_is_shown_in_a_line():
    settings = {"epochs": 30, "seed": 0, "validation": 0.2}
    found = fit(MODELS["mlp"](), losses.cross_entropy, X, CLASSES, **settings)
    last = found.history[-1]
    assert repr(found) == (
        f"Fitted(MLP(3, [4, 3]), 30 epochs, loss {last['loss']:.4g}, validation loss {last['validation_loss']:.4g})"
    )
    none = fit(MODELS["mlp"](), losses.cross_entropy, X, CLASSES, epochs=0)
    assert repr(none) == "Fitted(MLP(3, [4, 3]), 0 epochs)"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = fit(MLP(3, [1], seed=0), losses.mse, X, bad(NUMBERS, 11, 1e200), epochs=1, seed=0)
    assert repr(found) == "Fitted(MLP(3, [1]), 0 epochs, diverged)"

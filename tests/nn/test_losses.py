"""Losses: against exact numbers, with every kind of number, at extremes, reduced and weighted; errors."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_tiny import Value, gradcheck, hessian, jit, ops, value_and_grad
from autograd_tiny.engine.symbol import Symbol
from autograd_tiny.nn import RMSNorm, losses
from autograd_tiny.transforms.derivatives import grad, jvp

P = [0.5, 0.25, 0.25]
LOSSES = {  # of three logits, and of the first of them
    "mse": lambda z: losses.mse(z, [1.0, -1.0, 0.5]),
    "mse of rows": lambda z: losses.mse([z, z[::-1]], [[0.0, 1.0, 2.0], [1.0, 1.0, 1.0]], reduction="sum"),
    "mae": lambda z: losses.mae(z, [1.25, -1.25, 0.125]),
    "huber": lambda z: losses.huber(z, [1.25, -1.25, 0.125], delta=2.5),
    "hinge": lambda z: losses.hinge([0.7 * x for x in z], [1, -1, 1], reduction="sum"),
    "binary": lambda z: losses.binary_cross_entropy_with_logits(z, [1, 0, 0.25], sample_weight=[1, 2, 0.5]),
    "class": lambda z: losses.cross_entropy(z, 1),
    "classes": lambda z: losses.cross_entropy([z, z[::-1]], [2, 0], sample_weight=[1.0, 3.0]),
    "probabilities": lambda z: losses.cross_entropy(z, P),
    "one-hot": lambda z: losses.cross_entropy(z, [0, 1, 0]),
    "divergence": lambda z: losses.kl_divergence(z, P),
    "divergence from one": lambda z: losses.kl_divergence(z, [0.0, 1.0, 0.0]),
}
LOGITS = st.lists(st.one_of(st.sampled_from([0.0, 1.0, -2.0]), st.floats(-30, 30)), min_size=3, max_size=3)
FAST = {name: jit(value_and_grad(f), backend="python") for name, f in LOSSES.items()}
KINKS = {"mae": [1.25, -1.25, 0.125], "huber": [3.75, -1.25, 1.25]}


@pytest.mark.parametrize("name", LOSSES)
@settings(max_examples=15)
@given(z=LOGITS)
def test_a_loss_is_the_same_with_every_kind_of_number(name, z):
    f = LOSSES[name]
    values = [*map(Value, z)]
    y = f(values)
    y.backward()
    gradient = [v.grad for v in values]
    assert y.data == f(z)
    assert f([*map(Symbol, "abc")]).op is not None
    assert jvp(f, (z,), ([1.0, 0.0, 0.0],)) == (pytest.approx(y.data, rel=1e-14), pytest.approx(gradient[0], rel=1e-9))
    value, slope = FAST[name](z)
    assert value == pytest.approx(y.data, rel=4e-15, abs=4e-15)
    assert slope == pytest.approx(gradient, rel=1e-12, abs=1e-15)


@pytest.mark.slow
@pytest.mark.parametrize("name", LOSSES)
def test_machine_code_over_a_batch_has_the_numbers_of_eager_code(name):
    np = pytest.importorskip("numpy")
    pytest.importorskip("llvmlite")
    rows = np.random.default_rng(0).normal(size=(7, 3)) * [[1.0], [3.0], [10.0], [30.0], [100.0], [300.0], [1000.0]]
    values, slopes = jit(value_and_grad(LOSSES[name]), batch="z")(rows)
    for value, slope, row in zip(values, slopes, rows.tolist(), strict=True):
        expected, gradient = value_and_grad(LOSSES[name])(row)
        assert value == pytest.approx(expected, rel=4e-15, abs=4e-15)
        assert [*slope] == pytest.approx(gradient, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("z", [[0.3, -1.2, 2.1], [5.0, -7.0, 0.5], [1000.0, -1000.0, 3.0]])
def test_gradients_are_exact(name, z):
    assert gradcheck(LOSSES[name], z)


CLASS_AS_INPUT = jit(value_and_grad(losses.cross_entropy), batch=("input", "target"), backend="python")


def closed(z, t):
    """The loss and its gradient with 60 digits."""
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(700):
        exps = [mpmath.exp(mpmath.mpf(x)) for x in z]
        p = [e / sum(exps) for e in exps]
        others = sum(e for i, e in enumerate(exps) if i != t)
        return float(mpmath.log1p(others / exps[t])), [
            float(x) if i != t else -float(others / sum(exps)) for i, x in enumerate(p)
        ]


@pytest.mark.parametrize("t", [0, 1, 2])
@pytest.mark.parametrize(
    "z", [[0.5, -1.25, 2.0], [1e3, -1e3, 3.0], [40.0, 0.0, 0.0], [-1e3, -1e3, -1e3], [100.0, 99.0, -600.0]]
)
def test_cross_entropy_keeps_its_digits(z, t):
    expected, gradient = closed(z, t)
    value, slope = value_and_grad(losses.cross_entropy)(z, t)
    assert value == pytest.approx(expected, rel=1e-14, abs=0)
    assert slope == pytest.approx(gradient, rel=1e-12, abs=0)
    fast = CLASS_AS_INPUT([z], [t])
    assert fast[0] == pytest.approx([expected], rel=1e-14, abs=0)
    assert [*fast[1][0]] == pytest.approx(gradient, rel=1e-12, abs=0)
    onehot = [float(i == t) for i in range(3)]
    for f in (losses.cross_entropy, losses.kl_divergence):
        value, slope = value_and_grad(f)(z, onehot)
        assert value == pytest.approx(expected, rel=1e-12, abs=1e-13 * max(map(abs, z)))
        assert slope == pytest.approx(gradient, rel=1e-12, abs=1e-13 * max(map(abs, z)))
    if t < 2:
        value, slope = value_and_grad(losses.binary_cross_entropy_with_logits)(z[1] - z[0], t)
        expected, gradient = closed(z[:2], t)
        assert value == pytest.approx(expected, rel=1e-14, abs=0)
        assert slope == pytest.approx(gradient[1], rel=1e-12, abs=0)


RECORDED = [  # by mpmath, 30 digits
    (lambda: losses.huber(3.0, 0.5, delta=1.5), 2.625),
    (lambda: losses.huber(1.0, 0.5, delta=1.5), 0.125),
    (lambda: losses.hinge(0.25, -1), 1.25),
    (lambda: losses.binary_cross_entropy_with_logits(0.75, 0.25), 0.94937100611489994),
    (lambda: losses.cross_entropy([0.5, -1.25, 2.0], [0.2, 0.3, 0.5]), 1.5076219831020327),
    (lambda: losses.kl_divergence([0.5, -1.25, 2.0], [0.2, 0.3, 0.5]), 0.47796896903745915),
    (lambda: losses.mse([1.0, 2.0], [0.0, 4.0], sample_weight=[3, 1]), 1.75),
    (lambda: losses.mse([1.0, 2.0], [0.0, 4.0], sample_weight=[3, 1], reduction="sum"), 7.0),
    (lambda: losses.mae([1.0, 2.0], [0.0, 4.0], sample_weight=[3, 1], reduction=None), [3.0, 2.0]),
    (lambda: losses.mae(1.0, 3.0, reduction="none"), 2.0),
    (lambda: losses.mse([[1.0], [2.0]], [[0.0], [4.0]], sample_weight=[3, 1], reduction="none"), [3.0, 4.0]),
    (lambda: losses.cross_entropy([-math.inf, 0.0, 1.0], 1), 1.3132616875182228),
    (lambda: losses.cross_entropy([-math.inf, 0.0, 1.0], [0.0, 1.0, 0.0]), 1.3132616875182228),
    (lambda: losses.kl_divergence([-math.inf, 0.0, 1.0], [0.0, 1.0, 0.0]), 1.3132616875182228),
    (lambda: losses.binary_cross_entropy_with_logits(-math.inf, 0), 0.0),
]


@pytest.mark.parametrize(("loss", "expected"), RECORDED)
def test_known_numbers(loss, expected):
    assert loss() == pytest.approx(expected, rel=1e-15, abs=0)


def test_a_kink_has_the_slope_of_the_documentation():
    assert grad(losses.mae)(1.0, 1.0) == 0.0
    assert grad(losses.hinge)(1.0, 1) == 0.0
    assert [grad(losses.huber)(x, 0.0) for x in (-1.0, 0.0, 1.0)] == [-1.0, 0.0, 1.0]
    assert hessian(losses.huber)(0.0, 0.0) == 1.0


def test_a_class_as_input_puts_no_guards_into_the_network_below():
    """The gradient through a norm, which has a pole, takes the steps of rows of 0 and 1, and the choice."""

    def loss(w, t):
        y = norm([ops.silu(a) * b for a, b in itertools.pairwise(w)])
        return losses.cross_entropy(y, t)

    norm, w = RMSNorm(9), [0.1 * k for k in range(10)]
    by_class = jit(value_and_grad(loss), batch="t", reduce="mean", backend="python")
    by_row = jit(value_and_grad(loss), batch="t", reduce="mean", backend="python")
    value, slope = by_class(w, [2.0, 5.0])
    same, slopes = by_row(w, [[float(k == t) for k in range(9)] for t in (2, 5)])
    assert value == pytest.approx(same, rel=1e-14)
    assert slope == pytest.approx(slopes, rel=1e-12, abs=1e-15)
    many, few = len(by_class.program(w, [2.0]).steps), len(by_row.program(w, [[0.0] * 9]).steps)
    assert many <= few + 6 * 9


def test_a_target_and_a_weight_may_be_inputs_of_compiled_code():
    rows, classes = [[0.5, -1.0, 2.0], [1000.0, 0.0, -3.0]], [2, 1]
    onehot, weights = [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]], [1.0, 0.5]
    for f in (losses.cross_entropy, losses.kl_divergence):
        for targets in [classes, onehot][f is losses.kl_divergence :]:
            for reduction in ("sum", "mean"):

                def loss(z, t, w, f=f, reduction=reduction):
                    return f(z, t, sample_weight=w, reduction=reduction)

                fast = jit(loss, batch=("z", "t", "w"), backend="python")(rows, targets, weights)
                assert [*fast] == pytest.approx([*map(loss, rows, targets, weights)], rel=1e-14)
    fast = jit(value_and_grad(losses.cross_entropy), backend="python")
    for t in range(3):
        assert fast(rows[0], t)[1] == pytest.approx(value_and_grad(losses.cross_entropy)(rows[0], t)[1], rel=1e-14)
    assert math.isnan(jit(losses.cross_entropy, batch=("input", "target"), backend="python")(rows, [3, 0])[0])
    fast = jit(losses.binary_cross_entropy_with_logits, batch=("input", "target"), backend="python")
    assert [*fast([3.0, math.inf, -math.inf], [0.25, 1, 0])] == [
        losses.binary_cross_entropy_with_logits(3.0, 0.25), 0.0, 0.0,
    ]  # fmt: skip


ROW = [0.0, 1.0, 2.0]
ERRORS = {
    "a class of cross_entropy is an integer from 0 to 2, got 3": lambda: losses.cross_entropy(ROW, 3),
    "sample 1: a class of cross_entropy is an integer from 0 to 2, got -1":
        lambda: losses.cross_entropy([ROW] * 2, [0, -1]),
    "is an integer from 0 to 2, got 1.0 of type float: write int(1.0)": lambda: losses.cross_entropy(ROW, 1.0),
    "is an integer from 0 to 2, got 'a' of type str": lambda: losses.cross_entropy(ROW, "a"),
    "cross_entropy takes a probability for each of 3 logits, got 2": lambda: losses.cross_entropy(ROW, [0.5, 0.5]),
    "a target of cross_entropy sum to 1, got 1.5": lambda: losses.cross_entropy(ROW, [0.5, 0.5, 0.5]),
    "a target of kl_divergence sum to 1, got nan": lambda: losses.kl_divergence(ROW, [0.5, math.nan, 0.5]),
    "has no probability below 0, got -0.5": lambda: losses.cross_entropy(ROW, [1.0, 0.5, -0.5]),
    "a target of kl_divergence is a list of probabilities, got 1": lambda: losses.kl_divergence(ROW, 1),
    "got 1: of one logit there is binary_cross_entropy_with_logits": lambda: losses.cross_entropy([0.5], 0),
    "takes a list of logits, one for each class, got 0.5": lambda: losses.cross_entropy(0.5, 0),
    "mse takes a target for each input, got 3 inputs and 2 targets": lambda: losses.mse(ROW, [0.0, 1.0]),
    "sample 0: mse takes a target for each input, got 1 item and as target a number":
        lambda: losses.mse([[0.5]], [0.5]),
    "mae takes one input or more, got none": lambda: losses.mae([], []),
    "sample 2: a target of hinge is 1 or -1, got 0.0: write -1 for 0": lambda: losses.hinge(ROW, [1, -1, 0]),
    "with_logits is from 0 to 1, got -1.0: write 0 for -1": lambda: losses.binary_cross_entropy_with_logits(0.0, -1),
    "delta of huber is positive, got 0": lambda: losses.huber(1.0, 0.0, delta=0),
    'reduction of mse is "mean", "sum" or None, got \'avg\'': lambda: losses.mse(1.0, 0.0, reduction="avg"),
    "mse takes a weight for each sample, got 3 samples and 1 weight":
        lambda: losses.mse(ROW, ROW, sample_weight=[1.0]),
    "sample_weight[1] of mae is finite and not negative, got -1.0":
        lambda: losses.mae(ROW, ROW, sample_weight=[1, -1, 0]),
    "sample_weight of mae is 0 for every sample: there is no mean": lambda: losses.mae(ROW, ROW, sample_weight=[0] * 3),
    "sample 1: expected a real number, got 'a' of type str": lambda: losses.mse([0.0, "a"], [0.0, 1.0]),
}  # fmt: skip


@pytest.mark.parametrize("message", ERRORS)
def test_errors(message):
    with pytest.raises((TypeError, ValueError)) as error:
        ERRORS[message]()
    assert str(error.value).endswith(message)
    assert "\n" not in str(error.value)


def test_arrays_are_lists():
    np = pytest.importorskip("numpy")
    z = np.array([[0.5, -1.0], [2.0, 0.0]])
    assert losses.cross_entropy(z, np.array([0, 1])) == losses.cross_entropy(z.tolist(), [0, 1])
    assert losses.mse(z, z + 1) == 1.0
    frame = pytest.importorskip("pandas").DataFrame(z, columns=["a", "b"])
    assert losses.mse(frame, frame + 1) == 1.0
    assert losses.cross_entropy(frame, [0, 1]) == losses.cross_entropy(z, [0, 1])
    with pytest.raises(TypeError, match=r"^sample 0: .* got 1\.0 of type float64: write int\(1\.0\)$"):
        losses.cross_entropy(z, np.array([1.0, 0.0]))
    assert type(losses.mse(np.float64(2.0), np.float32(1.0))) is float

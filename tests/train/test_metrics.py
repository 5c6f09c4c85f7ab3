"""Metrics: the numbers of scikit-learn, and refusals in a sentence."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

np = pytest.importorskip("numpy", reason="metrics are over arrays")
from autograd_tiny.train import metrics  # noqa: E402

CLASSES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30)
NUMBERS = st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=2, max_size=20)


@pytest.mark.filterwarnings("ignore:A single label was found")
@settings(max_examples=15)
@given(CLASSES)
def test_classes_as_scikit_learn(pairs):
    theirs = pytest.importorskip("sklearn.metrics")
    true, predicted = map(np.array, zip(*pairs, strict=True))
    matrix = metrics.confusion_matrix(true, predicted)
    assert (matrix == theirs.confusion_matrix(true, predicted)).all()
    assert metrics.accuracy(true, predicted) == pytest.approx(theirs.accuracy_score(true, predicted), abs=1e-15)
    wanted = theirs.precision_recall_fscore_support(true, predicted, zero_division=np.nan)
    precision, recall, f1, support = metrics.class_scores(matrix)
    for ours, other in zip((precision, recall, f1), wanted, strict=False):
        assert ours == pytest.approx(other, nan_ok=True)
    assert (support == wanted[3]).all()


@given(NUMBERS)
def test_numbers_as_scikit_learn(pairs):
    theirs = pytest.importorskip("sklearn.metrics")
    true, predicted = zip(*pairs, strict=True)
    assert metrics.mae(true, predicted) == pytest.approx(theirs.mean_absolute_error(true, predicted))
    assert metrics.rmse(true, predicted) == pytest.approx(theirs.root_mean_squared_error(true, predicted))
    if np.ptp(true) > 1e-3:
        assert metrics.r2(true, predicted) == pytest.approx(theirs.r2_score(true, predicted), abs=1e-9)


def test_the_order_of_classes_is_that_given():
    assert metrics.confusion_matrix(["b", "a"], ["b", "b"], ["b", "a", "c"]).tolist() == [
        [1, 0, 0],
        [1, 0, 0],
        [0, 0, 0],
    ]


def test_a_truth_that_does_not_vary_has_no_r2():
    assert math.isnan(metrics.r2([2.0, 2.0], [1.0, 2.0]))


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda: metrics.accuracy([1, 2], [1]), ValueError, "true has 2 samples, predicted has 1"),
        (lambda: metrics.accuracy([], []), ValueError, "true is one entry for each sample"),
        (lambda: metrics.mae([[1.0, 2.0]], [1.0]), ValueError, r"got an array of shape \(1, 2\)"),
        (lambda: metrics.mae(["cat"], ["dog"]), TypeError, "errors are of numbers: .*'cat'"),
        (lambda: metrics.confusion_matrix([0, 7], [0, 1], [0, 1]), ValueError, "true has the class 7, which is not"),
        (lambda: metrics.class_scores([[1, 2, 3]]), ValueError, r"a row and a column for each class.*\(1, 3\)"),
        (lambda: metrics.class_scores([[-1]]), ValueError, "counts, from 0 up"),
    ],
)
def test_refusals(call, error, told):
    with pytest.raises(error, match=told):
        call()

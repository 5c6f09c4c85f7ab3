"""`split` and `folds`: every row in one part, the classes in equal shares, one seed one result."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny.data import folds, split

LABELS = st.lists(st.sampled_from("abc"), min_size=2, max_size=40)


@given(LABELS, st.floats(0.05, 0.95), st.integers(0, 9))
def test_a_split_has_the_share_of_each_class(labels, fraction, seed):
    wanted = round(len(labels) * fraction)
    if not 0 < wanted < len(labels):
        with pytest.raises(ValueError, match="leaves a part without rows"):
            split(labels, fraction, seed)
        return
    training, held_out = split(labels, fraction, seed)
    assert sorted([*training, *held_out]) == [*range(len(labels))]
    assert len(held_out) == wanted
    assert (np.diff(held_out) > 0).all()
    of_all, of_part = Counter(labels), Counter(labels[i] for i in held_out)
    assert all(abs(of_part[c] - of_all[c] * wanted / len(labels)) < 1 for c in of_all)
    assert all(map(np.array_equal, split(np.array(labels), fraction, seed), (training, held_out)))


@given(LABELS, st.integers(2, 8), st.integers(0, 9))
def test_folds_hold_each_row_out_once(labels, k, seed):
    if k > len(labels):
        with pytest.raises(ValueError, match=rf"{k} folds of {len(labels)} rows"):
            folds(labels, k, seed)
        return
    parts = folds(labels, k, seed)
    assert len(parts) == k
    assert sorted(i for _, held_out in parts for i in held_out) == [*range(len(labels))]
    for training, held_out in parts:
        assert sorted([*training, *held_out]) == [*range(len(labels))]
        of_all, of_part = Counter(labels), Counter(labels[i] for i in held_out)
        assert all(abs(of_part[c] - of_all[c] / k) <= 1 for c in of_all)


def test_the_seed_decides():
    assert not np.array_equal(split(100, 0.5, seed=0)[1], split(100, 0.5, seed=1)[1])
    assert np.array_equal(split(100, 0.5, seed=1)[1], split(100, 0.5, seed=1)[1])
    values = np.arange(100) / 7  # each a class of its own
    assert 30 < split(values, 0.5, seed=0)[1].mean() < 70
    assert not np.array_equal(split(values, 0.5, seed=0)[1], split(values, 0.5, seed=1)[1])
    assert not np.array_equal(folds(values, 5, seed=0)[0][1], folds(values, 5, seed=1)[0][1])
    assert not np.array_equal(folds(100, 5, seed=0)[0][1], folds(100, 5, seed=1)[0][1])


def test_nothing_to_split():
    for nothing in (0, -1, []):
        with pytest.raises(ValueError, match="there are no rows to split"):
            split(nothing)
    for fraction in (0, 1, -0.5, 2, float("nan")):
        with pytest.raises(ValueError, match="the fraction that is held out is between 0 and 1"):
            split(10, fraction)
    with pytest.raises(ValueError, match="1 folds of 10 rows: a number from 2 to 10 is needed"):
        folds(10, 1)

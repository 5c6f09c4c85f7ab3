"""Rows split into a training part and one held out, or into folds, with the classes in equal shares.

>>> training, held_out = split(10, 0.3, seed=0)
>>> len(training), len(held_out), sorted([*training.tolist(), *held_out.tolist()]) == [*range(10)]
(7, 3, True)
>>> [len(held_out) for training, held_out in folds(["a", "b"] * 5, k=5)]
[2, 2, 2, 2, 2]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from autograd_tiny.engine.digits import counted

Indices = npt.NDArray[np.int64]


def split(labels: Any, fraction: float = 0.2, seed: int = 0) -> tuple[Indices, Indices]:
    """Return the indices of a training part and of a held-out fraction, both in order, drawn from a seed.

    Of labels, each class has its share in both parts, within one row; of a number of rows, rows are drawn from all.

    >>> training, held_out = split(["rare", *["common"] * 9] * 10, fraction=0.2)
    >>> int((held_out % 10 == 0).sum()), len(held_out)
    (2, 20)

    Raises ValueError unless both parts have a row.
    """
    groups, n = _groups(labels, seed)
    if not 0 < fraction < 1:
        raise ValueError(f"the fraction that is held out is between 0 and 1, not {fraction}")
    wanted = round(n * fraction)
    if not 0 < wanted < n:
        raise ValueError(f"{fraction:g} of {counted(n, 'row')} leaves a part without rows")
    shares = [len(group) * wanted / n for group in groups]
    takes = [int(share) for share in shares]
    by_rest = sorted(range(len(groups)), key=lambda g: (takes[g] - shares[g], g))
    for g in by_rest[: wanted - sum(takes)]:
        takes[g] += 1
    held_out = np.sort(np.concatenate([group[:take] for group, take in zip(groups, takes, strict=True)]))
    return np.setdiff1d(np.arange(n), held_out, assume_unique=True), held_out


def folds(labels: Any, k: int = 5, seed: int = 0) -> list[tuple[Indices, Indices]]:
    """Return k pairs of training and held-out indices: each row is held out once, each class in equal shares.

    Raises ValueError for fewer than two folds, or more than there are rows.
    """
    groups, n = _groups(labels, seed)
    if not 2 <= k <= n:
        raise ValueError(f"{k} folds of {counted(n, 'row')}: a number from 2 to {n} is needed")
    order = np.concatenate(groups)  # one class after another: every k-th row has its share of each
    parts = [np.sort(order[start::k]) for start in range(k)]
    return [(np.setdiff1d(np.arange(n), part, assume_unique=True), part) for part in parts]


def _groups(labels: Any, seed: int) -> tuple[list[Indices], int]:
    """Return the shuffled indices of each class, the classes shuffled too, and the number of rows."""
    if isinstance(labels, (int, np.integer)):
        classes: Any = np.zeros(max(int(labels), 0), np.int64)
    else:
        classes = np.unique(np.asarray(labels), return_inverse=True)[1]
    if not len(classes):
        raise ValueError("there are no rows to split")
    random = np.random.default_rng(seed)
    shuffled = random.permutation(len(classes))
    counts = np.bincount(classes)
    groups = np.split(shuffled[np.argsort(classes[shuffled], kind="stable")], np.cumsum(counts)[:-1])
    return [groups[c] for c in random.permutation(len(groups))], len(classes)

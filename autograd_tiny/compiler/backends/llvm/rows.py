"""Part the rows of a plan: those that are read for many blocks at a time, and those needed for a few blocks only.

Rows of the second kind lie in frames that the next blocks use again, so that they stay in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd_tiny.compiler.layers import Map, Outer, Plan, Product, Sum

Array = Any
Group = Product | Map | Outer | Sum


def parted(plan: Plan, inputs: int, *, summed: bool) -> tuple[Plan, int]:
    """Renumber the rows so that those read for many blocks come first, and return the number of these.

    They are the inputs, what is added to sums, outputs of each sample, and rows that are read in one line with them.

    >>> exponential = Map(2, 4, (), [(True, np.array([0, 1, 0, 1]))])
    >>> product = Product(6, np.zeros((2, 4), int), np.arange(2, 6), None)
    >>> groups = [exponential, product, Sum(0, np.arange(6, 8))]
    >>> new, far = parted(Plan(groups, 8, 2, [], [], b"", []), 2, summed=True)
    >>> far, [group.out for group in new.groups]
    (4, [4, 2, 0])
    """
    far = np.zeros(plan.rows, bool)
    far[:inputs] = True
    if not summed:
        far[np.array(plan.outputs, int)] = True
    lines = []
    for group in plan.groups:
        rows = list(_rows(group))
        lines += [slice(int(np.min(x)), int(np.max(x)) + 1) for x in rows]
        if isinstance(group, Outer | Sum):
            for x in rows:
                far[x] = True
    count = -1
    while count < (count := int(far.sum())):
        for x in lines:
            far[x] |= far[x].any()
    new = np.where(far, np.cumsum(far) - 1, count + np.cumsum(~far) - 1)
    groups = [_renumbered(group, new) for group in plan.groups]
    outputs = plan.outputs if summed else new[np.array(plan.outputs, int)].tolist()
    return plan._replace(groups=groups, outputs=outputs), count


def _rows(group: Group) -> Iterator[Array]:
    """Rows that one loop reads or writes."""
    match group:
        case Product(out, weights, operands):
            yield from (np.arange(out, out + len(weights)), operands)
        case Map(out, size, _, leaves):
            yield from (np.arange(out, out + size), *(column for varies, column in leaves if varies))
        case Outer(_, left, right):
            yield from (left, right)
        case Sum(_, rows):
            yield rows


def _renumbered(group: Group, new: Array) -> Group:
    match group:
        case Product(out, _, operands):
            return group._replace(out=int(new[out]), operands=new[operands])
        case Map(out, _, _, leaves):
            moved = [(varies, new[column] if varies else column) for varies, column in leaves]
            return group._replace(out=int(new[out]), leaves=moved)
        case Outer(_, left, right):
            return group._replace(left=new[left], right=new[right])
        case Sum(_, rows):
            return group._replace(rows=new[rows])

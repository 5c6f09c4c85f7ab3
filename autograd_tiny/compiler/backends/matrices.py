"""Run the layers of a program as NumPy array calls.

With `contract`, a matrix product is a call of BLAS, which adds in an order of its own: a sum of n products then differs
by at most 2n ulp of the sum of their absolute values. Without, it is two calls per term, in the order of the program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from autograd_tiny.compiler.backends.schedule import MAX_BLOCK, MIN_BLOCK
from autograd_tiny.compiler.layers import Map, Outer, Plan, Product, Sum, line
from autograd_tiny.engine.op import Op
from autograd_tiny.transforms.program import Program

Array = Any
CACHED_NUMBERS = 1 << 17  # in the rows of a block
Call = tuple[Callable[..., Any], tuple[Any, ...]]
Function = Callable[[Op, int], Callable[..., Any]]  # op, number of operands -> call whose last argument is the result


class Layers:
    """Arrays for the numbers of a planned program, and the calls that fill them."""

    def __init__(self, plan: Plan, program: Program, function: Function, *, contract: bool) -> None:
        self.plan, self.program, self.function, self.contract = plan, program, function, contract
        n = len(program.inputs)
        self.once = [place for place in range(n, n + len(program.steps)) if not plan.varies[place]]
        self.common = np.zeros(n + len(program.steps) + len(plan.constants))  # by place; constant i is at ~i
        self.common[len(self.common) - len(plan.constants) :] = plan.constants[::-1]
        self.block = min(MAX_BLOCK, max(MIN_BLOCK, CACHED_NUMBERS // max(1, plan.rows)))
        self.rows = np.empty((plan.rows, self.block))
        self.sums = np.zeros(plan.sums)
        self.ends, self.given = self._ends(), np.array([0 if y is None else y for y in plan.outputs], int)
        self.gathered: list[tuple[Array, Array]] = []  # numbers that all samples share, and their places
        self.groups = [self._group(group) for group in plan.groups]
        self.calls: dict[int, list[Call]] = {}  # by the number of samples of a block

    def run(self, shared: Sequence[float], batched: Sequence[Array], size: int | None) -> Array:
        """Compute the outputs: one number each with `reduce`, otherwise one row of samples each."""
        plan, program = self.plan, self.program
        self._share(shared)
        size = size or 0  # a plan has a batch
        outputs = np.empty(len(plan.outputs) if program.reduce else (len(plan.outputs), size))
        for start, stop in pairwise([*range(0, size, self.block), size]):
            part = self.rows[:, : stop - start]
            row = 0
            for table, width in zip(batched, program.widths, strict=True):
                part[row : row + width] = table[start:stop].T
                row += width
            if len(self.calls) > 2 and stop - start not in self.calls:  # full blocks, and remainders of two sizes
                self.calls.clear()
            if stop - start not in self.calls:
                self.calls[stop - start] = [call for group in self.groups for call in group(part)]
            for f, args in self.calls[stop - start]:
                f(*args)
            if not program.reduce:
                outputs[:, start:stop] = part[self.given]
        if program.reduce:
            (i, sums), (k, places) = self.ends
            outputs[i] = self.sums[sums]
            outputs[k] = self.common[places] * size
        return outputs

    def _ends(self) -> list[Array]:
        """Pairs of an output and its sum, and of an output and its place, with `reduce`."""
        found: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
        for i, (y, place) in enumerate(zip(self.plan.outputs, self.plan.places, strict=True)):
            found[y is None].append((i, place if y is None else y))
        return [np.array(pairs, int).reshape(-1, 2).T for pairs in found]

    def _share(self, shared: Sequence[float]) -> None:
        """Compute what all samples share, and forget the sums of the last call."""
        common, n = self.common, len(self.program.inputs)
        common[: self.program.shared] = shared
        for place in self.once:
            op, operands = self.program.steps[place - n]
            common[place] = op.ieee(*(float(common[x]) if isinstance(x, int) else x for x in operands))
        for gathered, places in self.gathered:
            gathered[:] = common[places]
        self.sums[:] = 0.0

    def _gather(self, places: Array) -> Array:
        """Array that holds the numbers at some places in each call."""
        self.gathered.append((np.empty(places.shape), places))
        return self.gathered[-1][0]

    def _group(self, group: Any) -> Callable[[Array], Iterator[Call]]:
        """Function of the rows of a block, which returns the calls that compute a group."""
        match group:
            case Product():
                return self._product(group)
            case Map():
                return self._map(group)
            case Outer(out, left, right):
                sums = self.sums[out : out + len(left) * len(right)].reshape(len(left), len(right))
                add = _add_outer if self.contract else _add_outer_in_order
                sides = _part(left), _part(right)
                return lambda rows: iter([(add, (rows[sides[0]], rows[sides[1]], sums))])
            case Sum(out, chosen):
                sums, part = self.sums[out : out + len(chosen)], slice(chosen[0], chosen[-1] + 1)
                return lambda rows: iter([(_add_rows, (rows[part], sums))])
        raise TypeError(f"expected a group of a plan, got {group!r:.60}")

    def _product(self, group: Product) -> Callable[[Array], Iterator[Call]]:
        weights, operands = self._gather(group.weights), _part(group.operands)
        init = None if group.init is None else self._gather(group.init[:, None])

        def calls(rows: Array) -> Iterator[Call]:
            result, right = rows[group.out : group.out + len(weights)], rows[operands]
            product = np.empty(result.shape)
            if self.contract:
                yield np.matmul, (weights, right, product)
                yield np.add, (result if init is None else init, product, result)
                return
            if init is not None:
                yield np.copyto, (result, init)
            for k in range(len(right)):
                yield np.multiply, (weights[:, k : k + 1], right[k], product)
                yield np.add, (result, product, result)

        return calls

    def _map(self, group: Map) -> Callable[[Array], Iterator[Call]]:
        leaves = [(varies, _part(at) if varies else self._gather(at[:, None])) for varies, at in group.leaves]

        def calls(rows: Array) -> Iterator[Call]:
            result = rows[group.out : group.out + group.size]
            values: list[Any] = []
            for varies, at in leaves:
                values.append(rows[at] if varies and isinstance(at, slice) else at)
                if varies and not isinstance(at, slice):
                    values[-1] = np.empty((len(at), rows.shape[1]))
                    yield rows.take, (at, 0, values[-1], "clip")
            if not group.steps:
                yield np.copyto, (result, values[0])
            for k, (op, operands) in enumerate(group.steps, 1):
                xs = [values[x] if isinstance(x, int) else np.float64(x) for x in operands]
                into = (
                    result
                    if k == len(group.steps)
                    else np.empty(np.broadcast_shapes(*[np.shape(x) for x in xs], (1, 1)))
                )
                yield self.function(op, len(xs)), (*xs, into)
                values.append(into)

        return calls


def _part(rows: Array) -> slice | Array:
    """Rows as a slice, if they lie on a line."""
    if (found := line(rows)) is None:
        return rows
    start, step = found
    stop = start + step * len(rows) if step else start + 1
    return slice(start, stop if stop >= 0 else None, step or 1)


def _add_outer(left: Array, right: Array, sums: Array) -> None:
    sums += left @ right.T


def _add_outer_in_order(left: Array, right: Array, sums: Array) -> None:
    """Add products as `numpy.add.reduce` adds them, like those of other sums."""
    product = np.empty(right.shape)
    for x, row in zip(left, sums, strict=True):
        np.multiply(x, right, product)
        row += np.add.reduce(product, 1)


def _add_rows(rows: Array, sums: Array) -> None:
    sums += rows.sum(1)

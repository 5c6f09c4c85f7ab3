"""Run a program as NumPy array calls: one call per group of independent steps, with the batch axis last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from autograd_tiny.compiler.backends.matrices import Layers
from autograd_tiny.compiler.backends.schedule import Group, Plan, grouped, index
from autograd_tiny.compiler.backends.text import ARRAY_NAMES
from autograd_tiny.compiler.backends.to_python import prepared_kernel
from autograd_tiny.compiler.layers import worthwhile
from autograd_tiny.compiler.lower import prepared
from autograd_tiny.engine.op import Op
from autograd_tiny.transforms.program import Program

Array = Any
Call = tuple[Callable[..., Any], tuple[Any, ...]]
FEW = 200  # steps that all samples share: by layers, they run one by one
MANY = 256  # samples; with fewer, groups of equal steps measured faster than matrix products term by term
NARROW = 50  # with fewer numbers per group, plain Python measured faster


def build(program: Program, *, contract: bool = False, threads: int = 1) -> Callable[..., Any]:
    """Compile a program to `kernel(shared, batched, size)`; with few numbers per group it runs as plain Python.

    >>> from autograd_tiny.engine import ops
    >>> from autograd_tiny.transforms.program import Step
    >>> kernel = build(Program(("w", "x"), (Step(ops.mul, (0, 1)),), (2,), widths=(1,)))
    >>> kernel([2.0], [np.arange(100.0).reshape(100, 1)], 100)[:, -1]
    array([198.])
    """
    shorter = prepared(program)
    layers = worthwhile(shorter)
    if layers and layers.varies.count(0, len(shorter.inputs)) > FEW:
        layers = None
    plan = cache(lambda: grouped(shorter))
    plain = cache(lambda: prepared_kernel(shorter))
    resting: tuple[list[Tables | Layers], ...] = [], []  # by groups and by layers; each running call has its own

    def kernel(shared: Any, batched: Sequence[Array] = (), size: int | None = None) -> Any:
        by_layers = layers is not None and (contract or (size or 1) >= MANY)
        if not by_layers and plan().mean * (size or 1) < NARROW:
            found = plain()(shared, batched, size)
            return found if size is None and shared.__class__ is not np.ndarray else np.array(found)
        try:
            tables = resting[by_layers].pop()
        except IndexError:
            if layers and by_layers:
                tables = Layers(layers, shorter, _function, contract=contract)
            else:
                tables = Tables(plan(), program)
        with np.errstate(all="ignore"):
            found = tables.run(shared, batched, size)
        resting[by_layers].append(tables)
        return found if size is not None or shared.__class__ is np.ndarray else found.tolist()

    return kernel


class Tables:
    """Arrays for the values of a program, and the calls that fill them."""

    def __init__(self, plan: Plan, program: Program) -> None:
        self.plan, self.widths, self.reduce = plan, program.widths, program.reduce
        self.shared = np.empty((plan.rows[0], 1))
        self.inputs = self.shared[: program.shared, 0]
        self.shared[program.shared : program.shared + len(plan.constants), 0] = plan.constants
        self.first = [call for group in plan.shared for call in _calls(group, self.shared, self.shared)]
        self.blocks: dict[int, tuple[Array, list[Call]]] = {}
        ends: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
        for i, row in enumerate(plan.outputs):
            ends[row.batched].append((i, row.number))
        self.ends = [np.array(pairs, int).reshape(-1, 2).T for pairs in ends]

    def run(self, shared: Any, batched: Sequence[Array], size: int | None) -> Array:
        """Compute the outputs: one number each, or one row of samples each for a batch without `reduce`."""
        self.inputs[:] = shared
        for f, args in self.first:
            f(*args)
        count = len(self.plan.outputs)
        outputs = np.empty(count if size is None or self.reduce else (count, size))
        (i, rows), (k, varying) = self.ends
        found = self.shared[rows]
        outputs[i] = found if outputs.ndim > 1 else found[:, 0] * (size or 1)
        for start in range(0, size or 0, self.plan.block):
            stop = min(size or 0, start + self.plan.block)
            values = self.block(batched, start, stop)[varying]
            if not self.reduce:
                outputs[k, start:stop] = values
            elif start:
                outputs[k] += np.add.reduce(values, 1)
            else:
                outputs[k] = np.add.reduce(values, 1)
        return outputs

    def block(self, batched: Sequence[Array], start: int, stop: int) -> Array:
        """Compute the values of the samples start, …, stop - 1."""
        if (known := self.blocks.get(stop - start)) is None:
            table = np.empty((self.plan.rows[1], stop - start))
            calls = [call for group in self.plan.batched for call in _calls(group, self.shared, table)]
            if len(self.blocks) > 2:  # full blocks, and remainders of two sizes
                self.blocks.clear()
            known = self.blocks[stop - start] = table, calls
        table, calls = known
        row = 0
        for samples, width in zip(batched, self.widths, strict=True):
            table[row : row + width] = samples[start:stop].T
            row += width
        for f, args in calls:
            f(*args)
        return table


def _calls(group: Group, shared: Array, batched: Array) -> list[Call]:
    """Calls that compute a group; an operand that is not a slice takes one more, to gather it."""
    calls: list[Call] = []
    args = []
    for table, rows in group.operands:
        source = batched if table else shared
        if isinstance(part := index(rows), slice):
            args.append(source[part])
        else:
            args.append(np.empty((len(rows), source.shape[1])))
            calls.append((source.take, (np.array(part), 0, args[-1], "clip")))
    result = (batched if group.batched else shared)[group.start : group.start + len(group.operands[0][1])]
    return [*calls, (_function(group.op, len(args)), (*args, result))]


def _function(op: Op, arity: int) -> Callable[..., Any]:
    """Op as a function of arrays; the last argument receives the result."""
    word = op.machine
    if word == "select":
        return _select
    if word and hasattr(np, name := ARRAY_NAMES.get(word, word)):
        return getattr(np, name)
    each = np.frompyfunc(op.ieee, arity, 1)  # not in NumPy: one number at a time

    def fill(*arrays: Array) -> None:
        arrays[-1][...] = each(*arrays[:-1])

    return fill


def _select(condition: Array, a: Array, b: Array, result: Array) -> None:
    np.copyto(result, b)
    np.copyto(result, a, where=condition != 0)  # nan counts as true

"""Run a program as JAX array calls, compiled by XLA once per number of samples."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

from autograd_tiny.compiler.backends.schedule import Plan, grouped, index
from autograd_tiny.compiler.backends.text import ARRAY_NAMES
from autograd_tiny.compiler.lower import prepared
from autograd_tiny.engine.extras import needed_by
from autograd_tiny.engine.op import Op
from autograd_tiny.transforms.program import Program

with needed_by("the jax backend"):
    import jax
    import jax.numpy as jnp
    import numpy as np

Array = Any
enable_x64: Any = getattr(jax, "enable_x64", None)
if enable_x64 is None:  # before JAX 0.8
    enable_x64 = importlib.import_module("jax.experimental").enable_x64


def build(program: Program, *, contract: bool = False, threads: int = 1) -> Callable[..., Any]:
    """Compile a program to `kernel(shared, batched, size)`.

    `contract` and `threads` have no effect: XLA contracts at will and uses all cores. It flushes subnormal numbers to
    zero. The kernel computes in float64; the caller's setting of jax_enable_x64 is not changed.
    """
    plan = grouped(prepared(program))
    run = jax.jit(lambda shared, batched: _run(plan, shared, batched, program.reduce))

    def kernel(shared: Any, batched: Sequence[Any] = (), size: int | None = None) -> Any:
        given = np.asarray(shared, float)
        with enable_x64(True):
            if size is None:
                found = np.asarray(run(given, None))
                return found if shared.__class__ is np.ndarray else found.tolist()
            starts = range(0, size, plan.block)
            parts = [np.asarray(run(given, [table[i : i + plan.block] for table in batched])) for i in starts]
        return np.add.reduce(parts, 0) if program.reduce else np.concatenate(parts, 1)

    return kernel


def _run(plan: Plan, shared: Array, batched: list[Array] | None, reduce: str | None) -> Array:
    """Compute the outputs by one call per group; with one call per step XLA compiles 1,600 steps for minutes."""
    size = 1 if batched is None else len(batched[0])
    constants = jnp.array(plan.constants, float)
    tables = _Table(jnp.concatenate([shared, constants])[:, None]), _Table(*(table.T for table in batched or ()))
    for group in plan.shared + plan.batched:
        xs = [tables[table].rows(rows) for table, rows in group.operands]
        shape = len(group.operands[0][1]), size if group.batched else 1
        tables[group.batched].add(jnp.broadcast_to(_function(group.op, len(xs))(*xs), shape).astype(float))
    outputs = jnp.zeros((len(plan.outputs), size))
    for batch, table in enumerate(tables):
        if places := [i for i, row in enumerate(plan.outputs) if row.batched == batch]:
            outputs = outputs.at[np.array(places)].set(table.rows([plan.outputs[i].number for i in places]))
    return outputs[:, 0] if batched is None else outputs.sum(1) if reduce else outputs


class _Table:
    """Rows of values, stored in the parts that were computed together."""

    def __init__(self, *parts: Array) -> None:
        self.parts: list[Array] = []
        self.homes: list[tuple[int, int]] = []  # part of each row, and its index there
        for part in parts:
            self.add(part)

    def add(self, part: Array) -> None:
        self.homes += [(len(self.parts), i) for i in range(len(part))]
        self.parts.append(part)

    def rows(self, numbers: list[int]) -> Array:
        homes = [self.homes[number] for number in numbers]
        used = sorted({part for part, _ in homes})
        starts = dict(zip(used, accumulate((len(self.parts[part]) for part in used), initial=0), strict=False))
        whole = jnp.concatenate([self.parts[part] for part in used]) if len(used) > 1 else self.parts[used[0]]
        places = index([starts[part] + i for part, i in homes])
        return whole[places if isinstance(places, slice) else np.array(places)]


def _function(op: Op, arity: int) -> Callable[..., Array]:
    """Op as a function of JAX arrays."""
    word = op.machine
    if word == "select":
        return lambda condition, a, b: jnp.where(condition != 0, a, b)  # nan counts as true
    if word:
        return getattr(jnp, ARRAY_NAMES.get(word, word), None) or getattr(jax.scipy.special, word)
    each = np.frompyfunc(op.ieee, arity, 1)

    def called(*bits: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(each(*(np.asarray(x).view(float)[..., 0] for x in bits)), float)[..., None].view(
                np.uint32
            )

    def wrapped(*xs: Array) -> Array:
        # Pass doubles as pairs of integers: XLA calls back from its own threads, where float64 may be off.
        bits = [jax.lax.bitcast_convert_type(x, jnp.uint32) for x in jnp.broadcast_arrays(*xs)]
        return jax.lax.bitcast_convert_type(jax.pure_callback(called, bits[0], *bits), float)

    return wrapped

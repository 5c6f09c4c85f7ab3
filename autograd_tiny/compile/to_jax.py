"""A program as a JAX function, compiled by XLA for each number of samples."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_tiny.compile.lower import prepared
from autograd_tiny.compile.program import Program
from autograd_tiny.compile.source import function
from autograd_tiny.op import Op


def build(program: Program, *, contract: bool = False, threads: int = 1) -> Callable[..., Any]:
    """The program as a kernel: `kernel(shared, batched, size)`. Raises ImportError where JAX is not installed.

    XLA contracts as it likes, flushes subnormal numbers to zero and shares a batch among all cores: `contract` and
    `threads` change nothing. Doubles are on inside the kernel only, whatever jax_enable_x64 says outside.
    """
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        raise ImportError("the jax backend needs JAX: pip install jax") from None
    program = prepared(program)
    enable_x64 = (
        jax.enable_x64 if hasattr(jax, "enable_x64") else importlib.import_module("jax.experimental").enable_x64
    )
    one = function(program, "jax", _callback)

    def sample(shared: Any, batched: list[Any]) -> Any:
        return jnp.stack([jnp.asarray(y, float) for y in one([*shared, *(x for row in batched for x in row)])])

    def whole(shared: Any, batched: list[Any]) -> Any:
        outputs = jax.vmap(sample, (None, 0), 1)(shared, batched)
        return outputs.sum(1) if program.reduce else outputs

    single, many = jax.jit(sample), jax.jit(whole)

    def kernel(shared: Any, batched: Sequence[Any] = (), size: int | None = None) -> Any:
        with enable_x64(True):
            given = np.asarray(shared, float)
            found = np.asarray(single(given, []) if size is None else many(given, list(batched)))
        return found if size is not None or shared.__class__ is np.ndarray else found.tolist()

    return kernel


def _callback(op: Op, arity: int) -> Callable[..., Any]:
    import jax

    each = np.frompyfunc(op.ieee, arity, 1)

    def called(*xs: Any) -> Any:
        shape = jax.eval_shape(lambda *ys: sum(ys), *xs)
        return jax.pure_callback(lambda *ys: np.asarray(each(*ys), float), shape, *xs, vmap_method="broadcast_all")

    return called

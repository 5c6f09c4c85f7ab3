"""Compile a program to machine code: eight, four or two samples at a time, in shards shared by threads."""

from __future__ import annotations

import ctypes
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from autograd_tiny.compiler.backends.cache import key_of, row_name, sources, store, stored
from autograd_tiny.compiler.backends.llvm.engine import Code, compiled, identity, machine
from autograd_tiny.compiler.backends.llvm.functions import functions
from autograd_tiny.compiler.backends.llvm.kernel import batched, single
from autograd_tiny.compiler.backends.llvm.layered import layered
from autograd_tiny.compiler.backends.llvm.loops import loops
from autograd_tiny.compiler.backends.llvm.steps import callbacks
from autograd_tiny.compiler.layers import worthwhile
from autograd_tiny.compiler.lower import prepared
from autograd_tiny.engine.op import Op
from autograd_tiny.transforms.program import Program


def source(program: Program, *, contract: bool = False) -> str:
    """LLVM assembly of a program, for this processor.

    >>> from autograd_tiny.engine import ops
    >>> from autograd_tiny.transforms.program import Step
    >>> print(source(Program(("x",), (Step(ops.mul, (0, 0)),), (1,))))  # doctest: +ELLIPSIS
    declare ...
      %v1 = fmul double %t1, %t1
    ...
    """
    return _text(prepared(program), contract)


def _text(program: Program, contract: bool) -> str:
    plan = worthwhile(program)
    if plan:
        made = layered(program, plan, machine(), contract=contract)
    else:
        made = functions(program, machine(), contract=contract)
    return made.text + loops(program, machine(), made)


def build(program: Program, *, contract: bool = False, threads: int = 1) -> Callable[..., Any]:
    """Compile a program to `kernel(shared, batched, size)`.

    >>> from autograd_tiny.engine import ops
    >>> from autograd_tiny.transforms.program import Step
    >>> kernel = build(Program(("x",), (Step(ops.exp, (0,)),), (1,)))
    >>> kernel([0.0])
    [1.0]

    Samples are summed in shards whose size depends only on the batch size, so that sums do not depend on `threads`.
    """
    code, raised = _code(program, contract)
    kernel = batched(program, code, machine().lanes, threads) if program.widths else single(program, code)
    return kernel if raised is None else _raising(kernel, raised)


def _code(program: Program, contract: bool) -> tuple[Code, list[BaseException] | None]:
    """Code of a program, from the cache if possible, and the list of errors of its callbacks, or None without any."""
    parts = identity(), contract, sources()
    name = key_of(program, row_name, *parts)
    if name and (data := stored(name)):
        return Code(data), None
    program = prepared(program)
    calls = callbacks(program)
    data = None
    if (
        calls or not name
    ):  # callbacks are bound after loading, and a user's op has no lasting name: use the lowered program
        name = key_of(program, lambda op: op.machine or "callback", *parts)
        data = stored(name)
    if data is None:
        data = compiled(_text(program, contract))
        store(name, data)
    code = Code(data)
    return code, _bound(code, calls) if calls else None


class CallbackWarning(RuntimeWarning):
    """Warning: compiled code calls Python for an op, which takes microseconds per number."""


_warned: set[Op] = set()


def _bound(code: Code, calls: Sequence[tuple[Op, int]]) -> list[BaseException]:
    """Bind the ops that only Python can compute, and warn once for each."""
    raised: list[BaseException] = []
    double = ctypes.c_double
    code.called = [ctypes.CFUNCTYPE(double, *[double] * n)(_caught(op, raised)) for op, n in calls]
    code.numbers("callbacks", len(calls))[:] = [ctypes.cast(f, ctypes.c_void_p).value or 0 for f in code.called]
    if new := {op.name: None for op, _ in calls if op not in _warned}:
        _warned.update(op for op, _ in calls)
        message = f"{', '.join(new)}: computed by Python, one number at a time: give Op(…) a `lower=` made of other ops"
        warnings.warn(message, CallbackWarning, stacklevel=2)
    return raised


def _caught(op: Op, raised: list[BaseException]) -> Callable[..., float]:
    """Wrap op.ieee to collect errors, because an exception cannot pass through compiled code."""

    def call(*xs: float) -> float:
        try:
            return float(op.ieee(*xs))
        except BaseException as error:
            raised.append(error)
            return math.nan

    return call


def _raising(kernel: Callable[..., Any], raised: list[BaseException]) -> Callable[..., Any]:
    def checked(*given: Any) -> Any:
        ys = kernel(*given)
        if raised:
            error = raised[0]
            raised.clear()
            raise error
        return ys

    return checked

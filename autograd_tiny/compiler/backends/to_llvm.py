"""A program as machine code: eight, four or two samples at a time, in shards that threads share."""

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
from autograd_tiny.compiler.backends.llvm.loops import loops
from autograd_tiny.compiler.backends.llvm.steps import callbacks
from autograd_tiny.compiler.lower import prepared
from autograd_tiny.engine.op import Op
from autograd_tiny.transforms.program import Program


def source(program: Program, *, contract: bool = False) -> str:
    """The program in LLVM's assembly, for this processor.

    >>> from autograd_tiny.engine import ops
    >>> from autograd_tiny.transforms.program import Step
    >>> print(source(Program(("x",), (Step(ops.mul, (0, 0)),), (1,))))  # doctest: +ELLIPSIS
    declare ...
      %v1 = fmul double %t1, %t1
    ...
    """
    return _text(prepared(program), contract)


def _text(program: Program, contract: bool) -> str:
    made = functions(program, machine(), contract=contract)
    return made.text + loops(program, machine(), made)


def build(program: Program, *, contract: bool = False, threads: int = 1) -> Callable[..., Any]:
    """The program as a kernel: `kernel(shared, batched, size)`.

    >>> from autograd_tiny.engine import ops
    >>> from autograd_tiny.transforms.program import Step
    >>> kernel = build(Program(("x",), (Step(ops.exp, (0,)),), (1,)))
    >>> kernel([0.0])
    [1.0]

    Samples are summed by shards of a size that hangs on the batch alone, so that the sums do not depend on `threads`.
    """
    code, raised = _code(program, contract)
    kernel = batched(program, code, machine().lanes, threads) if program.widths else single(program, code)
    return kernel if raised is None else _raising(kernel, raised)


def _code(program: Program, contract: bool) -> tuple[Code, list[BaseException] | None]:
    """The code of a program, from the disk if it is there, and where errors gather if it calls Python."""
    parts = identity(), contract, sources()
    name = key_of(program, row_name, *parts)
    if name and (data := stored(name)):
        return Code(data), None
    program = prepared(program)
    calls = callbacks(program)
    data = None
    if calls or not name:  # what it does is not known by the names of its ops
        name = key_of(program, lambda op: op.machine or "callback", *parts)
        data = stored(name)
    if data is None:
        data = compiled(_text(program, contract))
        store(name, data)
    code = Code(data)
    return code, _bound(code, calls) if calls else None


class CallbackWarning(RuntimeWarning):
    """Compiled code calls Python for an op, which takes microseconds for each number."""


_said: set[Op] = set()


def _bound(code: Code, calls: Sequence[tuple[Op, int]]) -> list[BaseException]:
    """Put in the ops that only their own Python function computes, and say so once for each."""
    raised: list[BaseException] = []
    double = ctypes.c_double
    code.called = [ctypes.CFUNCTYPE(double, *[double] * n)(_caught(op, raised)) for op, n in calls]
    code.numbers("callbacks", len(calls))[:] = [ctypes.cast(f, ctypes.c_void_p).value or 0 for f in code.called]
    if new := {op.name: None for op, _ in calls if op not in _said}:
        _said.update(op for op, _ in calls)
        told = f"{', '.join(new)}: only Python computes it, number by number; give the op `lower`, in other rows"
        warnings.warn(told, CallbackWarning, stacklevel=2)
    return raised


def _caught(op: Op, raised: list[BaseException]) -> Callable[..., float]:
    """op.ieee, whose errors wait until the compiled code has returned."""

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

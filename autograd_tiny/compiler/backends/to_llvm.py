"""Compile a program to machine code: eight, four or two samples at a time, in shards shared by threads."""

from __future__ import annotations

import ctypes
import hashlib
import json
import math
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

from autograd_tiny.compiler.backends.background import turn
from autograd_tiny.compiler.backends.cache import key_of, row_name, sources, store, stored
from autograd_tiny.compiler.backends.llvm.chains import chained
from autograd_tiny.compiler.backends.llvm.engine import Code, compiled, identity, machine
from autograd_tiny.compiler.backends.llvm.functions import Functions, functions
from autograd_tiny.compiler.backends.llvm.interpreted import interpreted
from autograd_tiny.compiler.backends.llvm.kernel import Loaded, batched, single
from autograd_tiny.compiler.backends.llvm.layered import layered
from autograd_tiny.compiler.backends.llvm.loops import loops
from autograd_tiny.compiler.backends.llvm.written import callbacks
from autograd_tiny.compiler.backends.tiers import tiered
from autograd_tiny.compiler.layers import worthwhile
from autograd_tiny.compiler.lower import prepared
from autograd_tiny.compiler.programs import Unwritable, program_read, program_written
from autograd_tiny.engine.op import Op
from autograd_tiny.transforms.program import Program

MAX_STRAIGHT = 20_000  # steps without repeated blocks, called once: more are compiled quickly


def source(program: Program, *, contract: bool = False) -> str:
    """LLVM assembly of a program, for this processor.

    >>> from autograd_tiny.engine import ops
    >>> from autograd_tiny.transforms.program import Step
    >>> print(source(Program(("x",), (Step(ops.mul, (0, 0)),), (1,))))  # doctest: +ELLIPSIS
    declare ...
      %v1 = fmul double %t1, %t1
    ...
    """
    return _text(prepared(program), contract)[0]


Turn = Callable[[], AbstractContextManager[None]]


def _text(program: Program, contract: bool, turn: Turn = nullcontext) -> tuple[str, bool]:
    """Write a prepared program, and decide whether it is compiled quickly; calls of NumPy take turns."""
    with turn():
        plan = worthwhile(program)
    with turn():
        if plan:
            rolled: Functions | None = layered(program, plan, machine(), contract=contract)
        else:
            rolled = chained(program, machine(), contract=contract)
    made = rolled or functions(program, machine(), contract=contract)
    quickly = made.straight > MAX_STRAIGHT and not contract  # products are contracted by the slower compiler only
    return made.text + loops(program, machine(), made), quickly


AT_ONCE = 300  # steps that compile in some 20 ms
WORTH = 1000  # steps; preparing fewer takes a few milliseconds


def build(program: Program, *, contract: bool = False, threads: int = 1, wait: bool = True) -> Callable[..., Any]:
    """Compile a program to `kernel(shared, batched, size)`.

    >>> from autograd_tiny.engine import ops
    >>> from autograd_tiny.transforms.program import Step
    >>> kernel = build(Program(("x",), (Step(ops.exp, (0,)),), (1,)))
    >>> kernel([0.0])
    [1.0]

    Samples are summed in shards whose size depends only on the batch size, so that sums do not depend on `threads`.
    Without `wait`, a large program is interpreted until it is compiled in the background: see `tiered`.
    """

    def kernel(code: Loaded) -> Callable[..., Any]:
        return batched(program, code, machine().lanes, threads) if program.widths else single(program, code)

    parts = identity(), contract, sources()
    name = key_of(program, row_name, *parts)
    if name and (data := stored(name)):
        return kernel(Code(data))
    ready = prepared(program) if wait or len(program.steps) < WORTH or not name else _ready(program, name)
    calls = callbacks(ready)
    if calls or not name:  # callbacks are bound after loading, and a user's op has no lasting name: use the words
        name = key_of(ready, lambda op: op.machine or "callback", *parts)
        if data := stored(name):
            return _called(kernel, Code(data), calls)
    if not wait and len(ready.steps) > AT_ONCE and (first := interpreted(ready)) is not None:

        def later() -> Callable[..., Any]:
            code = _code(ready, contract, name, turn)
            with turn():  # it asks for addresses, under a lock of llvmlite
                return kernel(code)

        return tiered(kernel(first), later, len(ready.steps))
    return _called(kernel, _code(ready, contract, name), calls)


def _ready(program: Program, name: str) -> Program:
    """Return the prepared program, kept for the next process: many end before their code is compiled."""
    name = hashlib.sha256(f"{name} prepared".encode()).hexdigest()
    with suppress(ValueError, LookupError, TypeError):
        if data := stored(name):
            ready = program_read(json.loads(data), is_ours=True)
            ready.steps.tidy = ready.outputs
            return ready
    ready = prepared(program)
    with suppress(Unwritable):
        store(name, json.dumps(program_written(ready)).encode())
    return ready


def _code(ready: Program, contract: bool, name: str, turn: Turn = nullcontext) -> Code:
    """Compile and load a prepared program, in turns with other threads, and store its code under a name."""
    with turn():
        data = stored(name)  # by another task or process, meanwhile
    if data is None:
        text, quickly = _text(ready, contract, turn)
        data = compiled(text, turn, quickly=quickly)
        with turn():
            store(name, data)
    with turn():
        return Code(data)


def _called(
    kernel: Callable[[Loaded], Callable[..., Any]], code: Code, calls: Sequence[tuple[Op, int]]
) -> Callable[..., Any]:
    """Kernel of code that calls Python for these ops."""
    return _raising(kernel(code), _bound(code, calls)) if calls else kernel(code)


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

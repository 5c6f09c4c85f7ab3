"""Compile a program by the system's C compiler, with a loop over the samples."""

from __future__ import annotations

import _ctypes
import ctypes
import os
import shlex
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograd_tiny.compiler.backends.pool import together
from autograd_tiny.compiler.backends.text import c_parameters, parameters, text
from autograd_tiny.compiler.lower import prepared
from autograd_tiny.engine.op import Op
from autograd_tiny.transforms.program import Program

COMPILERS = ("cc", "gcc", "clang")
_unload = getattr(_ctypes, "dlclose" if os.name == "posix" else "FreeLibrary")
# -O2 compiles up to 1.5 times as long as -O1, for the same speed; without errno, sqrt is one instruction.
COMPILER_FLAGS = ("-std=c99", "-O1", "-fno-math-errno", "-shared", "-fPIC")
SHARD_SAMPLES = 4096  # per call of the loop; fixed, so that sums do not depend on `threads`
LOOP = """
void loop(const double *shared, const double *samples, long width, long size, long stride, double *y, double *out{more})
{{
    for (long s = 0; s < size; s++) {{
        f(shared, samples + s * width, y{names});
        for (long i = 0; i < {count}; i++)
            if (stride)
                out[i * stride + s] = y[i];
            else
                out[i] += y[i];
    }}
}}
"""


def build(program: Program, *, contract: bool = False, threads: int = 1) -> Callable[..., Any]:
    """Compile a program to `kernel(shared, batched, size)`.

    The compiler is $CC, or else cc, gcc or clang. Raises RuntimeError if there is none or it fails. An op that only
    Python can compute is called back; the kernel raises its errors.
    """
    program = prepared(program)
    ops, count, width = parameters(program), len(program.outputs), sum(program.widths)
    more, names = (", ".join(["", *parts]) for parts in (c_parameters(ops), ops.values()))
    library = compiled(text(program, "c") + LOOP.format(more=more, names=names, count=count), contract)
    pointer, long, double = ctypes.c_void_p, ctypes.c_long, ctypes.c_double
    called = [pointer for _ in ops]
    f = _function(library, "f", [pointer, pointer, pointer, *called])
    loop = _function(library, "loop", [pointer, pointer, long, long, long, pointer, pointer, *called])
    Inputs, Outputs = double * program.shared, double * count
    raised: list[BaseException] = []
    callbacks = [_callback(op, arity, raised) for op, arity in ops]
    held = [ctypes.cast(callback, pointer) for callback in callbacks]

    def kernel(shared: Any, batched: Sequence[Any] = (), size: int | None = None) -> Any:
        listed = shared.__class__ is not np.ndarray
        given = Inputs(*shared) if listed else np.ascontiguousarray(shared, float).ctypes
        if size is None:
            outputs = Outputs()
            f(given, None, outputs, *held)
            found: Any = list(outputs) if listed else np.array(outputs)
        else:
            found = run(given, batched, size)
        if raised:
            raise raised.pop()
        return found

    def run(given: Any, batched: Sequence[Any], size: int) -> Any:
        samples = np.ascontiguousarray(batched[0] if len(batched) == 1 else np.concatenate(batched, 1), float)
        shards = -(-size // SHARD_SAMPLES)
        found = np.zeros((shards, count)) if program.reduce else np.empty((count, size))
        waiting = iter(range(shards))

        def work() -> None:
            for k in waiting:  # threads take shards from one iterator
                start = k * SHARD_SAMPLES
                place = found[k] if program.reduce else found[:, start:]
                sizes = (width, min(SHARD_SAMPLES, size - start), 0 if program.reduce else size)
                loop(given, samples[start:].ctypes, *sizes, Outputs(), place.ctypes, *held)

        together([work] * max(1, min(threads, shards)))
        return np.add.reduce(found, 0) if program.reduce else found

    return kernel


def _callback(op: Op, arity: int, raised: list[BaseException]) -> Any:
    def called(*xs: float) -> float:
        try:
            return op.ieee(*xs)
        except Exception as error:  # an exception cannot pass through C
            raised[:] = [error]
            return float("nan")

    return ctypes.CFUNCTYPE(*[ctypes.c_double] * (arity + 1))(called)


def _function(library: ctypes.CDLL, name: str, arguments: Sequence[Any]) -> Any:
    """Function that keeps its library loaded, without the reference cycle of an attribute of the library."""
    function = ctypes.CFUNCTYPE(None, *arguments)(ctypes.addressof(ctypes.c_char.in_dll(library, name)))
    function.library = library  # type: ignore[attr-defined]
    return function


def compiled(written: str, contract: bool) -> ctypes.CDLL:
    """Compile C source and load it as a library."""
    flags = [*COMPILER_FLAGS, *(["-ffp-contract=fast", "-march=native"] if contract else ["-ffp-contract=off"])]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        made, file = Path(folder, "program.so"), Path(folder, "program.c")
        file.write_text(written, encoding="utf-8")
        command = [*_compiler(), *flags, str(file), "-o", str(made), "-lm"]
        result = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if result.returncode:
            raise RuntimeError(f"{shlex.join(command)} failed: {result.stderr.strip()[:500]}")
        library = ctypes.CDLL(str(made))
    # A running call keeps the library loaded; at exit it stays loaded, because threads may still run.
    weakref.finalize(library, _unload, library._handle).atexit = False
    return library


def _compiler() -> list[str]:
    """Command line of the C compiler."""
    asked = shlex.split(os.environ.get("CC", ""))
    for command in [asked] if asked else [[name] for name in COMPILERS]:
        if shutil.which(command[0]):
            return command
    tried = f"$CC, {asked[0]}, is not" if asked else f"$CC is not set, and none of {', '.join(COMPILERS)} is"
    raise RuntimeError(f"the c backend needs a C compiler: {tried} on the PATH")

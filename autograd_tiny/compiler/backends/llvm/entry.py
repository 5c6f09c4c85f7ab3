"""Make a builtin function of compiled code: a call with floats reads them from the objects and costs no ctypes.

The builtin is `f(*floats)` by the vectorcall protocol. It returns NotImplemented for another number of arguments
or for any argument that is not exactly a float; the caller then takes the general path.
Source: Python/C API, METH_FASTCALL and PyCFunction_NewEx.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable
from typing import Any

from autograd_tiny.compiler.backends.llvm import objects
from autograd_tiny.compiler.backends.llvm.engine import Code, compiled
from autograd_tiny.compiler.backends.llvm.objects import BYTES, NUMBER, TYPE, api, is_standard, pointer

MAX_NUMBERS = 64  # arguments, results, and numbers on the stack; beyond it a call is dominated by other costs


def builtin(code: Code, inputs: int, outputs: int, alone: bool) -> Callable[..., Any] | None:
    """Make the builtin of a program without a batch; None for a large one or an interpreter of another layout.

    The result is a list of floats, or one float if `alone`.
    """
    shared = code.numbers("layout", 3)[0]
    if max(inputs, outputs, shared) > MAX_NUMBERS or not is_standard():
        return None
    start = ctypes.cast(code.function("start", 3), ctypes.c_void_p).value or 0
    described, entry = _definition(inputs, outputs, shared, alone)
    return objects.builtin(described, start.to_bytes(8, sys.byteorder), (code, entry))


@functools.cache
def _definition(inputs: int, outputs: int, shared: int, alone: bool) -> tuple[objects.Definition, Code]:
    """Compile the builtin for programs of one size; its `self` holds the address of the program's code."""
    code = Code(compiled(_text(inputs, outputs, shared, alone)))
    address = ctypes.cast(code.function("entry", 3), ctypes.c_void_p).value or 0
    return objects.definition(address), code


def _text(inputs: int, outputs: int, shared: int, alone: bool) -> str:
    lines = [
        "define ptr @entry(ptr %self, ptr %args, i64 %count) {",
        *(f"%{name} = alloca [{max(n, 1)} x double]" for name, n in [("s", inputs), ("u", shared), ("o", outputs)]),
        f"%right = icmp eq i64 %count, {inputs}",
        "br i1 %right, label %take0, label %other",
    ]
    for i in range(inputs):
        lines += [
            f"take{i}:",
            f"%p{i} = getelementptr ptr, ptr %args, i64 {i}",
            f"%x{i} = load ptr, ptr %p{i}",
            f"%t{i} = getelementptr i8, ptr %x{i}, i64 {TYPE}",
            f"%k{i} = load i64, ptr %t{i}",
            f"%is{i} = icmp eq i64 %k{i}, {id(float)}",
            f"br i1 %is{i}, label %number{i}, label %other",
            f"number{i}:",
            f"%n{i} = getelementptr i8, ptr %x{i}, i64 {NUMBER}",
            f"%d{i} = load double, ptr %n{i}",
            f"%s{i} = getelementptr double, ptr %s, i64 {i}",
            f"store double %d{i}, ptr %s{i}",
            f"br label %take{i + 1}",
        ]
    lines += [
        f"take{inputs}:",
        f"%a = getelementptr i8, ptr %self, i64 {BYTES}",
        "%start = load ptr, ptr %a, align 1",
        *(f"%{name}.i = ptrtoint ptr %{name} to i64" for name in "suo"),
        "call void %start(i64 %s.i, i64 %u.i, i64 %o.i)",
    ]
    if not alone:
        lines.append(f"%list = call ptr {api('PyList_New')}(i64 {outputs})")
    for i in range(outputs):
        lines += [
            f"%o{i} = getelementptr double, ptr %o, i64 {i}",
            f"%y{i} = load double, ptr %o{i}",
            f"%f{i} = call ptr {api('PyFloat_FromDouble')}(double %y{i})",
        ]
        if not alone:
            lines.append(f"%r{i} = call i32 {api('PyList_SetItem')}(ptr %list, i64 {i}, ptr %f{i})")
    lines += [
        f"ret ptr {'%f0' if alone else '%list'}",
        "other:",
        f"call void {api('Py_IncRef')}(ptr {pointer(id(NotImplemented))})",
        f"ret ptr {pointer(id(NotImplemented))}",
        "}",
    ]
    return "\n".join(lines)

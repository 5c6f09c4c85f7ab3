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

from autograd_tiny.compiler.backends.llvm.engine import Code, compiled

MAX_NUMBERS = 64  # arguments, results, and numbers on the stack; beyond it a call is dominated by other costs
_METH_FASTCALL = 0x0080
_TYPE, _NUMBER, _BYTES = 8, 16, bytes.__basicsize__ - 1  # offsets in a float and in a bytes object


class _Definition(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


def builtin(code: Code, inputs: int, outputs: int, alone: bool) -> Callable[..., Any] | None:
    """Make the builtin of a program without a batch; None for a large one or an interpreter of another layout.

    The result is a list of floats, or one float if `alone`.
    """
    shared = code.numbers("layout", 3)[0]
    if max(inputs, outputs, shared) > MAX_NUMBERS or not _is_standard():
        return None
    start = ctypes.cast(code.function("start", 3), ctypes.c_void_p).value or 0
    new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object)(
        ("PyCFunction_NewEx", ctypes.pythonapi)
    )
    definition, _ = _definition(inputs, outputs, shared, alone)
    made: Callable[..., Any] = new(ctypes.addressof(definition), start.to_bytes(8, sys.byteorder), code)  # keeps both
    return made


@functools.cache
def _definition(inputs: int, outputs: int, shared: int, alone: bool) -> tuple[_Definition, Code]:
    """Compile the builtin for programs of one size; its `self` holds the address of the program's code."""
    code = Code(compiled(_text(inputs, outputs, shared, alone)))
    address = ctypes.cast(code.function("entry", 3), ctypes.c_void_p).value
    return _Definition(b"compiled", address, _METH_FASTCALL, None), code


@functools.cache
def _is_standard() -> bool:
    """Return True if floats and bytes lie in memory as in a standard build of CPython; free-threaded builds differ."""
    if sys.implementation.name != "cpython" or ctypes.sizeof(ctypes.c_void_p) != 8 or float.__basicsize__ != 24:
        return False
    x, data = 1.0 / 3.0, b"8 bytes."
    return (
        ctypes.c_size_t.from_address(id(x) + _TYPE).value == id(float)
        and ctypes.c_double.from_address(id(x) + _NUMBER).value == x
        and ctypes.string_at(id(data) + _BYTES, 8) == data
    )


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
            f"%t{i} = getelementptr i8, ptr %x{i}, i64 {_TYPE}",
            f"%k{i} = load i64, ptr %t{i}",
            f"%is{i} = icmp eq i64 %k{i}, {id(float)}",
            f"br i1 %is{i}, label %number{i}, label %other",
            f"number{i}:",
            f"%n{i} = getelementptr i8, ptr %x{i}, i64 {_NUMBER}",
            f"%d{i} = load double, ptr %n{i}",
            f"%s{i} = getelementptr double, ptr %s, i64 {i}",
            f"store double %d{i}, ptr %s{i}",
            f"br label %take{i + 1}",
        ]
    lines += [
        f"take{inputs}:",
        f"%a = getelementptr i8, ptr %self, i64 {_BYTES}",
        "%start = load ptr, ptr %a, align 1",
        *(f"%{name}.i = ptrtoint ptr %{name} to i64" for name in "suo"),
        "call void %start(i64 %s.i, i64 %u.i, i64 %o.i)",
    ]
    if not alone:
        lines.append(f"%list = call ptr {_api('PyList_New')}(i64 {outputs})")
    for i in range(outputs):
        lines += [
            f"%o{i} = getelementptr double, ptr %o, i64 {i}",
            f"%y{i} = load double, ptr %o{i}",
            f"%f{i} = call ptr {_api('PyFloat_FromDouble')}(double %y{i})",
        ]
        if not alone:
            lines.append(f"%r{i} = call i32 {_api('PyList_SetItem')}(ptr %list, i64 {i}, ptr %f{i})")
    lines += [
        f"ret ptr {'%f0' if alone else '%list'}",
        "other:",
        f"call void {_api('Py_IncRef')}(ptr {_pointer(id(NotImplemented))})",
        f"ret ptr {_pointer(id(NotImplemented))}",
        "}",
    ]
    return "\n".join(lines)


def _api(name: str) -> str:
    return _pointer(ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0)


def _pointer(address: int) -> str:
    return f"inttoptr (i64 {address} to ptr)"

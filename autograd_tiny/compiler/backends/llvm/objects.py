"""How CPython and NumPy lay out objects in memory, and builtin functions made of machine code that reads them."""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable
from typing import Any

from autograd_tiny.engine.value import Value

POINTER = 8  # bytes
TYPE, NUMBER, SIZE, ITEMS = 8, 16, 16, 24  # offsets: type of an object, number of a float, length and items of a list
BYTES = bytes.__basicsize__ - 1  # offset of the contents of a bytes object
TABLE, VALUES = 32, 40  # offsets in a dict: its table, and values if they are kept apart
CELL = 16  # offset of the contents of a cell
DATA, DIMENSIONS, SHAPE, DTYPE, FLAGS = 16, 24, 32, 56, 64  # offsets in an array of NumPy
ORDER, KIND = 26, 28  # offsets in a dtype
NATIVE, DOUBLE = ord("="), 12  # what stands there for floats
CARRAY = 0x101  # flags of an array of NumPy: C-contiguous and aligned
_METH_FASTCALL = 0x0080
API = {  # functions that machine code calls, by name
    name: ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0
    for name in (
        "PyDict_Next",
        "PyDict_GetItem",
        "PyUnicode_Compare",
        "PyObject_GenericGetDict",
        "PyBool_FromLong",
        "PyErr_Clear",
        "Py_IncRef",
        "Py_DecRef",
        "PyGC_Disable",
        "PyGC_Enable",
        "PyFloat_FromDouble",
        "PyList_New",
        "PyTuple_New",
        "PyDict_Copy",
        "PyDict_SetItem",
        "PyEval_SaveThread",
        "PyEval_RestoreThread",
    )
    if hasattr(ctypes.pythonapi, name)
} | {"memmove": ctypes.cast(ctypes.memmove, ctypes.c_void_p).value or 0}


class Definition(ctypes.Structure):
    """How Python describes a builtin function."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


def definition(address: int) -> Definition:
    """Describe a builtin function `f(self, arguments, count)` at this address; the result must outlive that."""
    return Definition(b"compiled", address, _METH_FASTCALL, None)


def builtin(described: Definition, own: bytes, kept: Any) -> Callable[..., Any]:
    """Make a builtin function whose `self` is `own`; it keeps what describes it and `kept` alive."""
    new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object)(
        ("PyCFunction_NewEx", ctypes.pythonapi)
    )
    made: Callable[..., Any] = new(ctypes.addressof(described), own, (described, kept))
    return made


def pointer(address: int) -> str:
    """Spell an address in LLVM assembly."""
    return f"inttoptr (i64 {address} to ptr)"


def api(name: str) -> str:
    """Spell the address of a function of Python's C API."""
    return pointer(ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0)


@functools.cache
def is_standard() -> bool:
    """Return True if numbers lie in memory as in a standard build of CPython; free-threaded builds differ."""
    if sys.implementation.name != "cpython" or ctypes.sizeof(ctypes.c_void_p) != POINTER or float.__basicsize__ != 24:
        return False
    x, data = 1.0 / 3.0, b"8 bytes."
    return (
        ctypes.c_size_t.from_address(id(x) + TYPE).value == id(float)
        and ctypes.c_double.from_address(id(x) + NUMBER).value == x
        and ctypes.string_at(id(data) + BYTES, 8) == data
    )


@functools.cache
def is_known() -> bool:
    """Return True if lists, tuples, cells and arrays of NumPy lie in memory as their offsets here say."""
    if not is_standard() or len(API) < 18:
        return False
    import numpy as np

    x, y = object(), object()
    listed, fixed, cell, array = [x, y], (x, y), (lambda: x).__closure__[0], np.zeros((2, 3))  # type: ignore[index]

    def word(address: int) -> int:
        return ctypes.c_size_t.from_address(address).value

    def half(address: int) -> int:
        return ctypes.c_int.from_address(address).value

    plain, turned = half(id(array) + FLAGS), half(id(array.T) + FLAGS)
    return (
        [word(id(listed) + SIZE), word(id(fixed) + SIZE), word(id(cell) + CELL)] == [2, 2, id(x)]
        and word(word(id(listed) + ITEMS) + POINTER) == id(y) == word(id(fixed) + ITEMS + POINTER)
        and array.__class__.__basicsize__ >= FLAGS + 4
        and word(id(array) + DATA) == array.ctypes.data
        and half(id(array) + DIMENSIONS) == 2
        and [word(word(id(array) + SHAPE) + POINTER * i) for i in range(2)] == [2, 3]
        and word(id(array) + DTYPE) == id(array.dtype)
        and ctypes.c_ubyte.from_address(id(array.dtype) + ORDER).value == NATIVE
        and [half(id(dtype) + KIND) for dtype in (array.dtype, np.dtype("f4"))] == [DOUBLE, DOUBLE - 1]
        and plain & CARRAY == CARRAY != turned & CARRAY
        and None not in slots()
    )


@functools.cache
def slots() -> tuple[int | None, int | None]:
    """Offsets of `data` and `op` in a Value."""
    marks = object(), object()
    v = Value(0.0)
    v.data, v.op = marks  # type: ignore[assignment]
    words = [ctypes.c_size_t.from_address(id(v) + at).value for at in range(0, Value.__basicsize__, POINTER)]
    found = [words.index(id(x)) * POINTER if id(x) in words else None for x in marks]
    return found[0], found[1]


def first_value(model: dict[str, Any]) -> int | None:
    """Offset of the first value in the table of a copy of a dict, whose keys and values take turns there; None if they
    lie otherwise in memory, as where a key is no text.
    """
    copied = model.copy()
    if not (3, 11) <= sys.version_info < (3, 15) or not model or {*map(type, model)} != {str}:
        return None
    copied.update({key: object() for key in model})  # in their places
    if ctypes.c_size_t.from_address(id(copied) + VALUES).value:
        return None
    table = ctypes.c_size_t.from_address(id(copied) + TABLE).value
    at = 32 + (1 << ctypes.c_ubyte.from_address(table + 9).value)  # after its head and its indices
    expected = [id(x) for item in copied.items() for x in item]
    return at + POINTER if [*(ctypes.c_size_t * len(expected)).from_address(table + at)] == expected else None

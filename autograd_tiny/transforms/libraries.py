"""Errors of NumPy and SciPy that got numbers which are differentiated or traced: they say what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from linecache import getlines
from numbers import Real
from opcode import opmap
from pathlib import Path
from types import TracebackType

from autograd_tiny.engine.numpy_names import ADVICE, TESTS, op_of
from autograd_tiny.engine.op import Op, Variadic
from autograd_tiny.engine.operand import Operand
from autograd_tiny.engine.provenance import LIBRARIES, is_engine

# What they say of an array of objects.
OF_OBJECTS = re.compile(
    r"ufunc|dtype\('O'\)|dtype\('object'\)|object arrays are not|as a data type|unorderable types|to numeric$"
)
LACKING = re.compile(r"argument \d+ of type (float|int|bool) which has no callable (\w+) method")
UFUNC = re.compile(r"ufunc '(\w+)'")
TO_FLOAT = re.compile(r"cannot be converted to float")
MAKER = re.compile(r"\b(\w*array|astype|fill|fromiter|full|full_like)$")  # of arrays of a given dtype
STORES = {opmap.get("STORE_SUBSCR"), opmap.get("STORE_SLICE")}  # z[i] = x, z[i:j] = x


@contextmanager
def explaining(what: str) -> Iterator[None]:
    """Raise TypeError that says what to write, for an error of a library that got `what` in this block.

    >>> import numpy as np
    >>> from autograd_tiny import Value
    >>> with explaining("differentiated"):
    ...     np.logaddexp([Value(1.0)], 2.0)
    Traceback (most recent call last):
    TypeError: logaddexp takes floats, not an array or a list of differentiated numbers...: write ops.logaddexp ...
    """
    try:
        yield
    except (TypeError, AttributeError, ValueError) as error:
        if (told := _told(error, what)) is None:
            raise
        raise TypeError(told) from error


def _told(error: Exception, what: str) -> str | None:
    text = str(error)
    called, where, at = _called(error.__traceback__)
    if TO_FLOAT.search(text) and at and (MAKER.search(called) if called else _fills_an_array(at)):
        return _floats(what, where)
    if isinstance(error, AttributeError):
        if not (called and isinstance(error.obj, (Real, Operand))):
            return None
    elif not OF_OBJECTS.search(text):
        return None
    ufunc = UFUNC.search(text)
    name = ufunc[1] if ufunc and (not called or called.startswith("_")) else called or "a function of NumPy or SciPy"
    if "output from dtype('O')" in text:
        return _floats(what, where)
    mixed = LACKING.search(text)
    if mixed and not called:
        return f"{mixed[2]} got an array of {what} numbers and {mixed[1]}s{where}: {_each(mixed[2])}"
    return f"{name} takes floats, not an array or a list of {what} numbers{where}: {_each(name)}"


def _floats(what: str, where: str) -> str:
    return f"an array of floats cannot hold {what} numbers{where}: make it with dtype=object"


def _each(name: str) -> str:
    """Say what to write instead of a function of arrays."""
    op = op_of(name)
    if op is None and name not in TESTS:
        return ADVICE[0].lower() + ADVICE[1:]
    if isinstance(op, Op) and isinstance(op.partials, Variadic):
        return f"write ops.{op.name}(*x)"
    return f"write {f'ops.{op.name}' if isinstance(op, Op) else f'np.{name}'} of each number"


def _fills_an_array(at: TracebackType) -> bool:
    """Return True if the code that failed stores an item, or calls what makes or fills an array of a dtype."""
    code = at.tb_frame.f_code
    if code.co_code[at.tb_lasti] in STORES:
        return True
    first, last, left, right = next(islice(code.co_positions(), at.tb_lasti // 2, None))
    if first is None or last is None:
        return False
    lines = [line.encode() for line in getlines(code.co_filename, at.tb_frame.f_globals)[first - 1 : last]]
    if not lines:
        return False
    lines[-1] = lines[-1][:right]
    call = b"".join(lines)[left:].decode(errors="replace")
    return bool(MAKER.search(_function_of(call)))


def _function_of(call: str) -> str:
    """Return the part of the source of a call before its last bracket: what is called.

    >>> _function_of("np.exp(x).astype(float)")
    'np.exp(x).astype'
    """
    depth = 0
    for i in reversed(range(len(call))):
        depth += (call[i] in ")]}") - (call[i] in "([{")
        if depth == 0:
            return call[:i]
    return ""


def _called(traceback: TracebackType | None) -> tuple[str, str, TracebackType | None]:
    """Find the function of a library that code outside of libraries called, the line of the call, and its traceback."""
    called, where, at = "", "", None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not (code.co_filename.startswith(LIBRARIES) or is_engine(code.co_filename)):
            called, where, at = "", f", at {Path(code.co_filename).name}:{traceback.tb_lineno}", traceback
        elif called in ("", "wrapper") and not is_engine(code.co_filename):  # a decorated function comes next
            called = code.co_name
        traceback = traceback.tb_next
    return called, where, at

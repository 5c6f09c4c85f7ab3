"""Errors of NumPy and SciPy that got numbers which are differentiated or traced: they say what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Real
from pathlib import Path
from types import TracebackType

from autograd_tiny.engine.numpy_names import ADVICE, TESTS, op_of
from autograd_tiny.engine.op import Op
from autograd_tiny.engine.operand import Operand
from autograd_tiny.engine.provenance import LIBRARIES, is_engine

# What they say of an array of objects.
OF_OBJECTS = re.compile(r"ufunc|dtype\('O'\)|dtype\('object'\)|object arrays are not|as a data type|unorderable types")
LACKING = re.compile(r"argument \d+ of type (float|int|bool) which has no callable (\w+) method")
UFUNC = re.compile(r"ufunc '(\w+)'")


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
    called, where = _called(error.__traceback__)
    if isinstance(error, AttributeError):
        if not (called and isinstance(error.obj, (Real, Operand))):
            return None
    elif not OF_OBJECTS.search(text):
        return None
    ufunc = UFUNC.search(text)
    name = ufunc[1] if ufunc and (not called or called.startswith("_")) else called or "a function of NumPy or SciPy"
    if "output from dtype('O')" in text:
        return f"an array of floats cannot hold {what} numbers{where}: make it with dtype=object"
    mixed = LACKING.search(text)
    if mixed and not called:
        return f"{mixed[2]} got an array of {what} numbers and {mixed[1]}s{where}: {_each(mixed[2])}"
    return f"{name} takes floats, not an array or a list of {what} numbers{where}: {_each(name)}"


def _each(name: str) -> str:
    """Say what to write instead of a function of arrays."""
    op = op_of(name)
    if op is None and name not in TESTS:
        return ADVICE[0].lower() + ADVICE[1:]
    return f"write {f'ops.{op.name}' if isinstance(op, Op) else f'np.{name}'} of each number"


def _called(traceback: TracebackType | None) -> tuple[str, str]:
    """Find the function of a library that code outside of libraries called, and the line of the call."""
    called, where = "", ""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not (code.co_filename.startswith(LIBRARIES) or is_engine(code.co_filename)):
            called, where = "", f", at {Path(code.co_filename).name}:{traceback.tb_lineno}"
        elif not called and not is_engine(code.co_filename):
            called = code.co_name
        traceback = traceback.tb_next
    return called, where

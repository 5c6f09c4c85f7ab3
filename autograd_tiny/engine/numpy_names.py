"""Names by which NumPy calls the methods of numbers: its ufuncs look them up on each element of an object array."""

from __future__ import annotations

import math
import operator
from typing import Any

TESTS = {"isnan": math.isnan, "isinf": math.isinf, "isfinite": math.isfinite}
SIGNS = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "divide": operator.truediv,
    "power": operator.pow, "remainder": operator.mod, "floor_divide": operator.floordiv,
}  # fmt: skip


class NumPyNames:
    """Mixin of `Operand`: NumPy's spelling of methods, and its functions of a number that is not in an array.

    >>> import numpy as np
    >>> from autograd_tiny import Value
    >>> np.degrees(Value(np.pi)), np.isfinite(Value(2.0)), np.float64(2.0) * Value(3.0)
    (Value(data=180.0), True, Value(data=6.0))
    """

    __slots__ = ()

    # fmt: off
    def arcsin(self: Any) -> Any: return self.asin()
    def arccos(self: Any) -> Any: return self.acos()
    def arctan(self: Any) -> Any: return self.atan()
    def arctan2(self: Any, other: Any) -> Any: return self.atan2(other)
    def arcsinh(self: Any) -> Any: return self.asinh()
    def arccosh(self: Any) -> Any: return self.acosh()
    def arctanh(self: Any) -> Any: return self.atanh()
    def fabs(self: Any) -> Any: return abs(self)
    def conjugate(self: Any) -> Any: return self
    def degrees(self: Any) -> Any: return self * (180.0 / math.pi)
    def radians(self: Any) -> Any: return self * (math.pi / 180.0)
    def expit(self: Any) -> Any: return self.sigmoid()
    # fmt: on

    rad2deg, deg2rad = degrees, radians

    def __array_ufunc__(self, ufunc: Any, method: str, *xs: Any, **options: Any) -> Any:
        """Apply a ufunc as NumPy does to object arrays, which have no isnan, isinf, isfinite and logaddexp."""
        if ufunc.__name__ == "logaddexp":
            ufunc = _elementwise(_logaddexp)
        if method == "__call__" and ufunc.__name__ in TESTS and not options:
            return TESTS[ufunc.__name__](float(xs[0].data))
        if method == "__call__" and not options and ufunc.__name__ in SIGNS and not any(map(_is_array, xs)):
            return SIGNS[ufunc.__name__](*[x if isinstance(x, NumPyNames) else float(x) for x in xs])
        return getattr(ufunc, method)(*[_boxed(x) if isinstance(x, NumPyNames) else x for x in xs], **options)


def _is_array(x: Any) -> bool:
    return hasattr(x, "__len__") or isinstance(x, complex)


def _logaddexp(a: Any, b: Any) -> Any:
    return a.logaddexp(b) if hasattr(a, "logaddexp") else b.logaddexp(a)


def _elementwise(f: Any) -> Any:
    import numpy as np

    return np.frompyfunc(f, 2, 1)


def _boxed(x: Any) -> Any:
    import numpy as np

    box = np.empty((), object)
    box[()] = x
    return box

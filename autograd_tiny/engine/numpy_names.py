"""Names by which NumPy calls the methods of numbers: its ufuncs look them up on each element of an object array."""

from __future__ import annotations

import math
import operator
from typing import Any, NoReturn

from autograd_tiny.engine import ops

# Comparisons, which a trace can guard.
TESTS = {
    "isnan": lambda x: not x <= math.inf,
    "isinf": lambda x: bool(x >= math.inf or x <= -math.inf),
    "isfinite": lambda x: bool(-math.inf < x < math.inf),
}
ADVICE = "Write it with arithmetic and ops, or give it v.data for a constant"
LOG_2 = math.log(2.0)
OPS = {  # by the names of NumPy and SciPy, where they differ from those of the table
    "arccos": ops.acos, "arccosh": ops.acosh, "arcsin": ops.asin, "arcsinh": ops.asinh, "arctan": ops.atan,
    "arctan2": ops.atan2, "arctanh": ops.atanh, "absolute": ops.abs, "fabs": ops.abs, "float_power": ops.pow,
    "fmax": ops.maximum, "fmin": ops.minimum, "expit": ops.sigmoid, "log_expit": ops.log_sigmoid,
    "gammaln": ops.lgamma, "psi": ops.digamma, "ndtr": lambda x: ops.erfc(x * -math.sqrt(0.5)) * 0.5,
    "heaviside": lambda x, at_zero: ops.where(ops.equal(x, 0.0), at_zero, ops.heaviside(x)),
    "logaddexp2": lambda a, b: ops.logaddexp(a * LOG_2, b * LOG_2) / LOG_2,
}  # fmt: skip
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

    def rint(self: Any) -> Any:
        return round(self)  # says that the gradient would be lost, and what to write

    def _refuse_modulus(self, m: Any) -> NoReturn:
        raise TypeError(f"pow(a, b, {m!r:.20}) is for integers: write a**b % {m!r:.20}")

    def __divmod__(self: Any, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self: Any, other: Any) -> Any:
        return other // self, other % self

    def __array_ufunc__(self, ufunc: Any, method: str, *xs: Any, **options: Any) -> Any:
        """Apply a ufunc as NumPy does to object arrays, or the op of its name; raises TypeError if there is neither."""
        name = ufunc.__name__
        if method == "__call__" and not options:
            if name in TESTS:
                return TESTS[name](xs[0])
            if name in SIGNS and not any(map(_is_array, xs)):
                return SIGNS[name](*[x if isinstance(x, NumPyNames) else float(x) for x in xs])
        if not any("O" in types.partition("->")[0] for types in ufunc.types):
            if (op := op_of(name)) is None:
                raise TypeError(
                    f"{name} of NumPy or SciPy takes floats, got {self!r:.60}: its gradient would be lost. {ADVICE}"
                )
            ufunc = _elementwise(op, ufunc.nin)
        return getattr(ufunc, method)(*[_boxed(x) if isinstance(x, NumPyNames) else x for x in xs], **options)


def op_of(name: str) -> Any:
    """Return the op, or a function made of ops, that a ufunc of NumPy or SciPy is; or None."""
    return OPS.get(name) or ops.TABLE.get(name)


def _is_array(x: Any) -> bool:
    return hasattr(x, "__len__") or isinstance(x, complex)


def _elementwise(f: Any, operands: int) -> Any:
    import numpy as np

    return np.frompyfunc(f, operands, 1)


def _boxed(x: Any) -> Any:
    import numpy as np

    box = np.empty((), object)
    box[()] = x
    return box

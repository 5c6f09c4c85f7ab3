"""Python's operators and the usual methods, written out once for every number that follows the op table.

A kind of number says in `apply` what applying an op to it means: a Value records, a Dual carries a tangent, a
Symbol spells itself. Where kinds meet, the one of the highest `rank` applies the op.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self, TypeAlias

from autograd_tiny import ops
from autograd_tiny.op import Op

Number: TypeAlias = Any  # an operand of this kind, or anything `ops.real` takes


class Operand:
    """The mixin: operators in both orders and methods; a subclass gives `apply` and `rank`."""

    __slots__ = ()
    rank: ClassVar[int]

    @staticmethod
    def apply(op: Op, *xs: Any) -> Any:
        """What op(*xs) is for this kind of number; NotImplemented for operands that are no real numbers."""
        raise NotImplementedError

    @staticmethod
    def outranking(xs: tuple[Any, ...], rank: int) -> type[Operand] | None:
        """The kind of the highest rank above `rank` among xs: the one that applies the op instead."""
        kinds = {type(x) for x in xs if isinstance(x, Operand) and x.rank > rank}
        return max(kinds, key=lambda kind: kind.rank, default=None)

    # fmt: off
    def __add__(self, other: Number) -> Self: return self.apply(ops.add, self, other)
    def __radd__(self, other: Number) -> Self: return self.apply(ops.add, other, self)
    def __sub__(self, other: Number) -> Self: return self.apply(ops.sub, self, other)
    def __rsub__(self, other: Number) -> Self: return self.apply(ops.sub, other, self)
    def __mul__(self, other: Number) -> Self: return self.apply(ops.mul, self, other)
    def __rmul__(self, other: Number) -> Self: return self.apply(ops.mul, other, self)
    def __truediv__(self, other: Number) -> Self: return self.apply(ops.div, self, other)
    def __rtruediv__(self, other: Number) -> Self: return self.apply(ops.div, other, self)
    def __pow__(self, other: Number) -> Self: return self.apply(ops.pow, self, other)
    def __rpow__(self, other: Number) -> Self: return self.apply(ops.pow, other, self)
    def __neg__(self) -> Self: return self.apply(ops.neg, self)
    def __pos__(self) -> Self: return self.apply(ops.pos, self)
    def __abs__(self) -> Self: return self.apply(ops.abs, self)

    def exp(self) -> Self: return self.apply(ops.exp, self)
    def expm1(self) -> Self: return self.apply(ops.expm1, self)
    def log(self) -> Self: return self.apply(ops.log, self)
    def log2(self) -> Self: return self.apply(ops.log2, self)
    def log10(self) -> Self: return self.apply(ops.log10, self)
    def log1p(self) -> Self: return self.apply(ops.log1p, self)
    def sqrt(self) -> Self: return self.apply(ops.sqrt, self)
    def cbrt(self) -> Self: return self.apply(ops.cbrt, self)
    def square(self) -> Self: return self.apply(ops.square, self)
    def reciprocal(self) -> Self: return self.apply(ops.reciprocal, self)

    def sin(self) -> Self: return self.apply(ops.sin, self)
    def cos(self) -> Self: return self.apply(ops.cos, self)
    def tan(self) -> Self: return self.apply(ops.tan, self)
    def asin(self) -> Self: return self.apply(ops.asin, self)
    def acos(self) -> Self: return self.apply(ops.acos, self)
    def atan(self) -> Self: return self.apply(ops.atan, self)
    def atan2(self, other: Number) -> Self: return ops.atan2(self, other)
    def sinh(self) -> Self: return self.apply(ops.sinh, self)
    def cosh(self) -> Self: return self.apply(ops.cosh, self)
    def tanh(self) -> Self: return self.apply(ops.tanh, self)
    def asinh(self) -> Self: return self.apply(ops.asinh, self)
    def acosh(self) -> Self: return self.apply(ops.acosh, self)
    def atanh(self) -> Self: return self.apply(ops.atanh, self)

    def sigmoid(self) -> Self: return self.apply(ops.sigmoid, self)
    def softplus(self) -> Self: return self.apply(ops.softplus, self)
    def relu(self) -> Self: return self.apply(ops.relu, self)
    def leaky_relu(self, slope: Number = 0.01) -> Self: return ops.leaky_relu(self, slope)
    def elu(self, alpha: Number = 1.0) -> Self: return ops.elu(self, alpha)
    def gelu(self) -> Self: return self.apply(ops.gelu, self)
    def silu(self) -> Self: return self.apply(ops.silu, self)

    def sign(self) -> Self: return self.apply(ops.sign, self)
    def step(self) -> Self: return self.apply(ops.step, self)
    def maximum(self, other: Number) -> Self: return ops.maximum(self, other)
    def minimum(self, other: Number) -> Self: return ops.minimum(self, other)
    def clip(self, low: Number, high: Number) -> Self: return ops.clip(self, low, high)
    def hypot(self, other: Number) -> Self: return ops.hypot(self, other)
    def erf(self) -> Self: return self.apply(ops.erf, self)
    def erfc(self) -> Self: return self.apply(ops.erfc, self)
    def lgamma(self) -> Self: return self.apply(ops.lgamma, self)
    def digamma(self) -> Self: return self.apply(ops.digamma, self)
    # fmt: on

    # NumPy's ufuncs call these names on each element of an object array.
    arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2
    arcsinh, arccosh, arctanh = asinh, acosh, atanh

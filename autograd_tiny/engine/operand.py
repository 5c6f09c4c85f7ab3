"""Operators and methods shared by every kind of number.

A kind of number defines `apply(op, xs)`: a Value records the op, a Dual propagates a tangent, a Symbol builds a
formula. If operands are of different kinds, the kind with the highest `rank` applies the op.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, Self

from autograd_tiny.engine import ops
from autograd_tiny.engine.numpy_names import NumPyNames
from autograd_tiny.engine.op import Op


class Operand(NumPyNames):
    """Mixin with operators, reflected operators and methods; a subclass defines `apply` and `rank`."""

    __slots__ = ()
    rank: ClassVar[int]

    @staticmethod
    def apply(op: Op, xs: tuple[Any, ...]) -> Any:
        """Apply op to xs; return NotImplemented if an operand is not a real number."""
        raise NotImplementedError

    def unary(self, op: Op) -> Any:
        return self.apply(op, (self,))

    def binary(self, op: Op, a: Any, b: Any) -> Any:
        return self.apply(op, (a, b))

    @staticmethod
    def outranking(xs: tuple[Any, ...], rank: int) -> type[Operand] | None:
        """Return the kind in xs with the highest rank above `rank`, which applies the op instead; or None."""
        kinds = {type(x) for x in xs if isinstance(x, Operand) and x.rank > rank}
        return max(kinds, key=lambda kind: kind.rank, default=None)

    def _refuse_conversion(self, *digits: Any) -> NoReturn:
        raise TypeError(
            f"{self!r:.60} cannot be converted to float: its gradient would be lost. Write v.data for the number, and "
            "v.exp() or ops.exp(v) for a function of it, not math.exp(v)"
        )

    __float__ = __int__ = __complex__ = __round__ = __floor__ = __ceil__ = __trunc__ = _refuse_conversion
    as_integer_ratio = _refuse_conversion  # `statistics` asks for it

    # fmt: off
    def __add__(self, other: Any) -> Self: return self.binary(ops.add, self, other)
    def __radd__(self, other: Any) -> Self: return self.binary(ops.add, other, self)
    def __sub__(self, other: Any) -> Self: return self.binary(ops.sub, self, other)
    def __rsub__(self, other: Any) -> Self: return self.binary(ops.sub, other, self)
    def __mul__(self, other: Any) -> Self: return self.binary(ops.mul, self, other)
    def __rmul__(self, other: Any) -> Self: return self.binary(ops.mul, other, self)
    def __truediv__(self, other: Any) -> Self: return self.binary(ops.div, self, other)
    def __rtruediv__(self, other: Any) -> Self: return self.binary(ops.div, other, self)
    def __mod__(self, other: Any) -> Self: return self.binary(ops.mod, self, other)
    def __rmod__(self, other: Any) -> Self: return self.binary(ops.mod, other, self)
    def __floordiv__(self, other: Any) -> Self: return self.binary(ops.floordiv, self, other)
    def __rfloordiv__(self, other: Any) -> Self: return self.binary(ops.floordiv, other, self)
    def __pow__(self, other: Any, m: Any = None) -> Self:
        return self.binary(ops.pow, self, other) if m is None else self._refuse_modulus(m)
    def __rpow__(self, other: Any) -> Self: return self.binary(ops.pow, other, self)
    def __neg__(self) -> Self: return self.unary(ops.neg)
    def __pos__(self) -> Self: return self.unary(ops.pos)
    def __abs__(self) -> Self: return self.unary(ops.abs)

    def exp(self) -> Self: return self.unary(ops.exp)
    def exp2(self) -> Self: return self.unary(ops.exp2)
    def expm1(self) -> Self: return self.unary(ops.expm1)
    def log(self) -> Self: return self.unary(ops.log)
    def log2(self) -> Self: return self.unary(ops.log2)
    def log10(self) -> Self: return self.unary(ops.log10)
    def log1p(self) -> Self: return self.unary(ops.log1p)
    def sqrt(self) -> Self: return self.unary(ops.sqrt)
    def cbrt(self) -> Self: return self.unary(ops.cbrt)
    def square(self) -> Self: return self.unary(ops.square)
    def reciprocal(self) -> Self: return self.unary(ops.reciprocal)

    def sin(self) -> Self: return self.unary(ops.sin)
    def cos(self) -> Self: return self.unary(ops.cos)
    def tan(self) -> Self: return self.unary(ops.tan)
    def sinc(self) -> Self: return self.unary(ops.sinc)
    def asin(self) -> Self: return self.unary(ops.asin)
    def acos(self) -> Self: return self.unary(ops.acos)
    def atan(self) -> Self: return self.unary(ops.atan)
    def atan2(self, other: Any) -> Self: return ops.atan2(self, other)
    def sinh(self) -> Self: return self.unary(ops.sinh)
    def cosh(self) -> Self: return self.unary(ops.cosh)
    def tanh(self) -> Self: return self.unary(ops.tanh)
    def asinh(self) -> Self: return self.unary(ops.asinh)
    def acosh(self) -> Self: return self.unary(ops.acosh)
    def atanh(self) -> Self: return self.unary(ops.atanh)

    def sigmoid(self) -> Self: return self.unary(ops.sigmoid)
    def softplus(self) -> Self: return self.unary(ops.softplus)
    def log_sigmoid(self) -> Self: return self.unary(ops.log_sigmoid)
    def logit(self) -> Self: return self.unary(ops.logit)
    def softsign(self) -> Self: return self.unary(ops.softsign)
    def hardtanh(self) -> Self: return self.unary(ops.hardtanh)
    def relu(self) -> Self: return self.unary(ops.relu)
    def leaky_relu(self, slope: Any = 0.01) -> Self: return ops.leaky_relu(self, slope)
    def elu(self, alpha: Any = 1.0) -> Self: return ops.elu(self, alpha)
    def gelu(self) -> Self: return self.unary(ops.gelu)
    def silu(self) -> Self: return self.unary(ops.silu)

    def sign(self) -> Self: return self.unary(ops.sign)
    def heaviside(self) -> Self: return self.unary(ops.heaviside)
    def maximum(self, other: Any) -> Self: return ops.maximum(self, other)
    def minimum(self, other: Any) -> Self: return ops.minimum(self, other)
    def clip(self, low: Any, high: Any) -> Self: return ops.clip(self, low, high)
    def hypot(self, other: Any) -> Self: return ops.hypot(self, other)
    def fmod(self, other: Any) -> Self: return ops.fmod(self, other)
    def logaddexp(self, other: Any) -> Self: return ops.logaddexp(self, other)
    def erf(self) -> Self: return self.unary(ops.erf)
    def erfc(self) -> Self: return self.unary(ops.erfc)
    def lgamma(self) -> Self: return self.unary(ops.lgamma)
    def digamma(self) -> Self: return self.unary(ops.digamma)
    def trigamma(self) -> Self: return self.unary(ops.trigamma)
    # fmt: on

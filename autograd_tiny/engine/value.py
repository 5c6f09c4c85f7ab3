"""`Value`, a scalar that records its operation, and the reverse sweep that computes gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, final

from autograd_tiny.engine.chain_rule import sweep_past_poles
from autograd_tiny.engine.chain_rule import topological_order as topological_order
from autograd_tiny.engine.familiar import NO_GRAD as NO_GRAD
from autograd_tiny.engine.familiar import Familiar, refuse_gradients, refuse_operands, refuse_options
from autograd_tiny.engine.ieee import local_derivatives, met_a_pole, never_raise
from autograd_tiny.engine.op import EDGES, Op, real
from autograd_tiny.engine.operand import Operand


@final
class Value(Familiar):
    """A scalar that records the op and the operands it was computed from.

    >>> a, b = Value(2.0), Value(-3.0)
    >>> c = a * b + a
    >>> c.backward()
    >>> a.grad, b.grad  # ∂c/∂a = b + 1, ∂c/∂b = a
    (-2.0, 2.0)

    `data` is the number, `grad` the adjoint ∂output/∂self after `backward()`, `op` the op (None for a leaf).
    Raises TypeError if data is not a real number.
    """

    # Two operands and the local derivative with respect to each, computed at construction: no tuple or closure per
    # node, and writing `.data` later cannot change them. With three operands or more, b and db hold tuples of all.
    __slots__ = ("data", "grad", "op", "a", "b", "da", "db", "name", "__weakref__")  # noqa: RUF023 - in order of importance
    rank = 1

    def __init__(
        self, data: Any, name: str | None = None, *operands: Any, label: str | None = None, _children: Any = None
    ) -> None:
        if operands or _children is not None or (name is not None and name.__class__ is not str):
            refuse_operands(name, _children or operands)
        if isinstance(data, Operand):
            raise TypeError(f"{data!r} is a {type(data).__name__} already: use it, or Value(x.data) for a new leaf")
        self.data, self.grad, self.name = real(data), NO_GRAD, label if name is None else name
        self.op = self.a = self.b = self.da = self.db = None

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("Value cannot be subclassed: a new operation is an Op, a new kind of number an Operand")

    @staticmethod
    def apply(op: Op, xs: tuple[Any, ...]) -> Any:
        """Compute op on the data and record a new node: the forward pass."""
        if len(xs) == 2 and op.partials.__class__ is tuple:
            return Value.binary(xs[0], op, *xs)  # `binary` checks both operands for Values
        if len(xs) == 1 and xs[0].__class__ is Value and op.partials.__class__ is tuple:
            return xs[0].unary(op)
        operands = xs  # three or more: stored in b, their derivatives in db
        if not all(x.__class__ is float or (x.__class__ is Value and x.data.__class__ is float) for x in operands):
            return _convert(op, operands)
        xs = tuple(x.data if x.__class__ is Value else x for x in operands)
        v = _new(Value)
        try:
            v.data = op.forward(*xs)
        except EDGES as error:
            v.data = _edge(op, error, operands, xs)
        v.db = local_derivatives(op, v.data, xs, tuple(x.__class__ is Value for x in operands))
        v.a, v.b, v.da, v.op, v.grad, v.name = None, operands, None, op, NO_GRAD, None
        return v

    def unary(self, op: Op) -> Any:
        x = self.data
        if x.__class__ is not float:
            return _convert(op, (self,))
        try:
            y = op.forward(x)
        except EDGES as error:
            y = _edge(op, error, (self,), (x,))
        v = _new(Value)
        try:
            v.da = op.partials[0](y, x)  # type: ignore[index]
        except EDGES:
            (v.da,) = local_derivatives(op, y, (x,))
        v.data = y
        v.grad = NO_GRAD
        v.op = op
        v.a = self
        v.b = v.db = v.name = None
        return v

    def binary(self, op: Op, a: Any, b: Any) -> Any:  # no *args: calls are twice as fast
        x = a.data if a.__class__ is Value else a
        z = b.data if b.__class__ is Value else b
        if x.__class__ is not float or z.__class__ is not float:
            return _convert(op, (a, b))
        try:
            y = op.forward(x, z)
        except EDGES as error:
            y = _edge(op, error, (a, b), (x, z))
        v = _new(Value)
        by_a, by_b = op.partials  # type: ignore[misc]
        try:
            v.da = by_a(y, x, z) if a.__class__ is Value else None
            v.db = by_b(y, x, z) if b.__class__ is Value else None
        except EDGES:
            v.da, v.db = local_derivatives(op, y, (x, z), (a.__class__ is Value, b.__class__ is Value))
        v.data = y
        v.grad = NO_GRAD
        v.op = op
        v.a = a
        v.b = b
        v.name = None
        return v

    @property
    def operands(self) -> tuple[Value | float, ...]:
        """The operands of `op` in order, with repeats; constants are floats."""
        if self.op is None:
            return ()
        if self.b.__class__ is tuple:
            return self.b
        return (self.a,) if self.b is None else (self.a, self.b)

    @property
    def parents(self) -> tuple[Value, ...]:
        """The operands that are Values."""
        return tuple(x for x in self.operands if x.__class__ is Value)

    @property
    def local_derivatives(self) -> tuple[float | None, ...]:
        """∂self/∂operand for each operand, as computed in the forward pass; None for a constant.

        >>> (2.0 * Value(-3.0)).local_derivatives
        (None, 2.0)
        """
        if self.b.__class__ is tuple:
            return tuple([d if x.__class__ is Value else None for x, d in zip(self.b, self.db, strict=True)])
        return () if self.op is None else (self.da,) if self.b is None else (self.da, self.db)

    def backward(self, *options: Any, **named: Any) -> None:
        """Set `grad` of every node below to ∂self/∂node; inner nodes are reset, leaves accumulate."""
        order = refuse_options(options, named) if options or named else topological_order(self)
        for v in order:
            if v.op is not None or v.grad is None:  # users clear the gradient of a leaf with None
                v.grad = 0.0
        try:
            self.grad += 1.0  # ∂self/∂self
            sweep_past_poles(order, sweep) if met_a_pole.is_set() else sweep(order)
        except TypeError as error:
            refuse_gradients(order, error)

    # fmt: off
    def __lt__(self, other: Any) -> bool: return self.data < _compared(other)
    def __le__(self, other: Any) -> bool: return self.data <= _compared(other)
    def __gt__(self, other: Any) -> bool: return self.data > _compared(other)
    def __ge__(self, other: Any) -> bool: return self.data >= _compared(other)
    # fmt: on

    def __bool__(self) -> NoReturn:
        raise TypeError("a Value cannot be converted to bool: compare it, or use its .data")


_new: Callable[[Any], Any] = object.__new__  # a global, so that there is no cost while nothing is recorded


def observe(allocate: Callable[[Any], Any] | None) -> None:
    """Allocate every new node with `allocate(Value)`; None restores the default. Only provenance.py calls this."""
    global _new
    _new = allocate or object.__new__


def sweep(order: list[Value]) -> None:
    """Add grad × local derivative to each operand, in reverse order: `contributions` unrolled, twice as fast."""
    for v in reversed(order):
        if v.op is not None:
            g, a, b = v.grad, v.a, v.b
            if a.__class__ is Value:
                a.grad += g * v.da
            if b.__class__ is Value:
                b.grad += g * v.db
            elif b.__class__ is tuple:
                for x, d in zip(b, v.db, strict=True):
                    if x.__class__ is Value:
                        x.grad += g * d


def _convert(op: Op, operands: tuple[Any, ...]) -> Any:
    """Apply op after converting operands that are neither floats nor Values of floats: 3, np.float64(3), a Dual."""
    if (kind := Operand.outranking(operands, Value.rank)) is not None:
        return kind.apply(op, operands)
    for x in operands:
        if isinstance(x, Value) and x.data.__class__ is not float:  # the user wrote an int or a NumPy scalar to .data
            try:
                x.data = real(x.data)
            except TypeError as error:
                raise TypeError(f"the .data of {x.name or 'a Value'} was set to {x.data!r:.60}: {error}") from None
    try:
        return Value.apply(op, tuple(x if isinstance(x, Value) else real(x) for x in operands))
    except TypeError:
        return NotImplemented


def _edge(op: Op, error: Exception, operands: tuple[Any, ...], xs: tuple[float, ...]) -> float:
    """Raise the error of a forward outside the domain; in a recorded sweep return inf or nan instead."""
    if never_raise.get():
        return op.limit(*xs)
    raise op.complaint(error, xs, tuple(x.name if isinstance(x, Value) else None for x in operands)) from None


def _compared(other: Any) -> float:
    return other.data if isinstance(other, Value) else other

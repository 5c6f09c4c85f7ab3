"""A number that remembers how it was made, and the sweep that turns that memory into gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn, final

from autograd_tiny.engine.faces import FACES
from autograd_tiny.engine.ieee import local_derivatives, never_raise
from autograd_tiny.engine.op import EDGES, Op, real
from autograd_tiny.engine.operand import Operand

UNTOUCHED = float("0")  # the one 0.0 that says: no backward() has reached this node


@final
class Value(Operand):
    """A scalar that records the op and operands it came from.

    >>> a, b = Value(2.0), Value(-3.0)
    >>> c = a * b + a
    >>> c.backward()
    >>> a.grad, b.grad  # ∂c/∂a = b + 1, ∂c/∂b = a
    (-2.0, 2.0)

    `data` is the number, `grad` its adjoint ∂output/∂self after `backward()`, `op` the op (None for a leaf).
    Raises TypeError when data is not a real number.
    """

    # Two operands and the local derivative by each, taken as the node is made: no tuple, no closure per node, and
    # writing `.data` later cannot change them. A node of three operands or more keeps them all in b and db as tuples.
    __slots__ = ("data", "grad", "op", "a", "b", "da", "db", "name")  # noqa: RUF023 - the order they are spoken of
    rank = 1

    def __init__(self, data: Any, name: str | None = None) -> None:
        if isinstance(data, Operand):
            raise TypeError(f"{data!r} is a {type(data).__name__} already: use it, or Value(x.data) for a new leaf")
        self.data, self.grad, self.name = real(data), UNTOUCHED, name
        self.op: Op | None = None
        self.a: Any = None
        self.b: Any = None
        self.da: Any = None
        self.db: Any = None

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("Value has no subclasses: a new kind of node is an Op, a new kind of number an Operand")

    @staticmethod
    def apply(op: Op, xs: tuple[Any, ...]) -> Any:
        """Compute op on the data and record a new node: the forward pass."""
        if len(xs) == 2 and op.partials.__class__ is tuple:
            return _TWO.binary(op, *xs)
        if len(xs) == 1 and xs[0].__class__ is Value and op.partials.__class__ is tuple:
            return xs[0].unary(op)
        operands = xs  # three or more: they stand in b, their derivatives in db
        if not all(x.__class__ is float or (x.__class__ is Value and x.data.__class__ is float) for x in operands):
            return _convert(op, operands)
        xs = tuple(x.data if x.__class__ is Value else x for x in operands)
        v = _new(Value)
        try:
            v.data = op.forward(*xs)
        except EDGES as error:
            v.data = _edge(op, error, operands, xs)
        v.db = local_derivatives(op, v.data, xs, tuple(x.__class__ is Value for x in operands))
        v.a, v.b, v.da, v.op, v.grad, v.name = None, operands, None, op, UNTOUCHED, None
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
        v.grad = UNTOUCHED
        v.op = op
        v.a = self
        v.b = v.db = v.name = None
        return v

    def binary(self, op: Op, a: Any, b: Any) -> Any:  # no *args: Python calls such a function twice as fast
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
        v.grad = UNTOUCHED
        v.op = op
        v.a = a
        v.b = b
        v.name = None
        return v

    @property
    def operands(self) -> tuple[Value | float, ...]:
        """What op was applied to, in order: repeats kept, constants as floats."""
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
    def locals(self) -> tuple[float | None, ...]:
        """The local derivative by each operand, as the forward pass took it; None by a constant."""
        ds = self.db if self.b.__class__ is tuple else (self.da, self.db)
        return tuple(d if x.__class__ is Value else None for x, d in zip(self.operands, ds, strict=False))

    @property
    def partials(self) -> tuple[Callable[[], float], ...]:
        """One closure per operand that gives the local derivative ∂self/∂operand from the table's rule.

        >>> product = Value(2.0) * Value(-3.0)
        >>> [partial() for partial in product.partials]
        [-3.0, 2.0]
        """
        op, y = self.op, self.data
        xs = tuple(x.data if isinstance(x, Value) else x for x in self.operands)
        return tuple((lambda i=i: local_derivatives(op, y, xs)[i]) for i in range(len(xs)))  # type: ignore[arg-type, misc]

    def backward(self) -> None:
        """Fill `grad` of every node below with ∂self/∂node: reset on inner nodes, added to at the leaves."""
        order = topological_order(self)
        for v in order:
            if v.op is not None:
                v.grad = 0.0
        self.grad += 1.0  # ∂self/∂self
        sweep(order)

    # fmt: off
    def __lt__(self, other: Any) -> bool: return self.data < _compared(other)
    def __le__(self, other: Any) -> bool: return self.data <= _compared(other)
    def __gt__(self, other: Any) -> bool: return self.data > _compared(other)
    def __ge__(self, other: Any) -> bool: return self.data >= _compared(other)
    def __float__(self) -> float: return float(self.data)
    def __format__(self, spec: str) -> str: return format(self.data, spec) if spec else repr(self)
    # fmt: on

    def __bool__(self) -> NoReturn:
        raise TypeError("the truth of a Value is ambiguous: compare it, or ask its .data")

    def __repr__(self) -> str:
        grad = "" if self.grad is UNTOUCHED else f", grad={self.grad!r}"
        return f"Value(data={self.data!r}{grad}{f', name={self.name!r}' if self.name else ''})"

    def draw(self, **options: Any) -> Any:
        """The graph below, as a picture: `draw(self, …)` of `autograd_tiny`, which says what the options are."""
        return FACES["picture"](self, **options)

    def trace(self) -> Any:
        """Every step of `backward()`, forwards and back in time: `trace(self)` of `autograd_tiny`."""
        return FACES["steps"](self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:  # in a notebook
        return FACES["picture in a notebook"](self)

    def __reduce__(self) -> Any:
        if self.op is not None:
            raise TypeError(f"{self!r} is inside a graph and copying it would drag the graph along: copy Value(x.data)")
        return _leaf, (self.data, None if self.grad is UNTOUCHED else self.grad, self.name)


_new: Callable[[Any], Any] = object.__new__  # a global: with nobody looking, nothing is asked and nothing is paid


def observe(allocate: Callable[[Any], Any] | None) -> None:
    """Allocate every new node by `allocate(Value)`, None: as ever; for `record` alone, which counts who is looking."""
    global _new
    _new = allocate or object.__new__


_TWO = Value(0.0)  # any Value: `binary` is a method only because methods are called fastest


def topological_order(y: Any, stop: Iterable[Any] = ()) -> list[Any]:
    """Every node that y depends on, each after its operands, y last; `stop` and what lies below it are left out.

    >>> a = Value(1.0, "a"); b = a + a; b.name = "b"; c = b * a; c.name = "c"
    >>> [v.name for v in topological_order(c)]
    ['a', 'b', 'c']
    """
    order: list[Any] = []
    seen, kind = set(stop), y.__class__  # a Value, or another number that keeps op, a and b
    stack: list[Any] = [y]
    while stack:
        v = stack.pop()
        if v is None:  # a mark: the operands of the node under it are done
            order.append(stack.pop())
        elif v not in seen:
            seen.add(v)
            if v.op is None:
                order.append(v)
                continue
            stack += (v, None)
            a, b = v.a, v.b
            if b.__class__ is kind:
                stack.append(b)
            elif b.__class__ is tuple:
                stack += [x for x in reversed(b) if x.__class__ is kind]
            if a.__class__ is kind:
                stack.append(a)
    return order


def sweep(order: list[Value]) -> None:
    """From the output back to the leaves: each node hands its grad, times the local derivative, to its operands."""
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
    """`Value.apply` for operands that are neither Values of floats nor floats: 3, np.float64(3), a Dual."""
    if (kind := Operand.outranking(operands, Value.rank)) is not None:
        return kind.apply(op, operands)
    try:
        for x in operands:
            if isinstance(x, Value):
                x.data = real(x.data)  # somebody wrote an int or a NumPy scalar to .data
        return Value.apply(op, tuple(x if isinstance(x, Value) else real(x) for x in operands))
    except TypeError:
        return NotImplemented


def _edge(op: Op, error: Exception, operands: tuple[Any, ...], xs: tuple[float, ...]) -> float:
    """What a forward outside the domain gives: the error a float raises, or inf and nan within a recorded sweep."""
    if never_raise.get():
        return op.limit(*xs)
    raise op.complaint(error, xs, tuple(x.name if isinstance(x, Value) else None for x in operands)) from None


def _compared(other: Any) -> float:
    return other.data if isinstance(other, Value) else other


def _leaf(data: float, grad: float | None, name: str | None) -> Value:
    leaf = Value(data, name)
    leaf.grad = UNTOUCHED if grad is None else grad
    return leaf

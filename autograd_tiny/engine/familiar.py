"""Interactive side of `Value`: text, copies, pictures and steps, and names from micrograd and PyTorch.

A familiar name either works or raises an error with the replacement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any, NoReturn, Self

from autograd_tiny.engine.faces import FACES
from autograd_tiny.engine.ieee import local_derivatives
from autograd_tiny.engine.op import Op
from autograd_tiny.engine.operand import Operand

if TYPE_CHECKING:  # the engine knows upper folders only by these types
    from autograd_tiny.pictures import Graph
    from autograd_tiny.stepper import Trace

NO_GRAD = float("0")  # sentinel 0.0: backward() has not reached this node

ITEM = "item() has no gradient, and this number is being differentiated: leave it out; x.data is there for a print"


class Instead:
    """A name that raises AttributeError with the replacement; `__getattr__` would slow down every attribute."""

    def __init__(self, told: str) -> None:
        self.told = told

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, v: Any, owner: type) -> NoReturn:
        raise AttributeError(f"a Value has no .{self.name}: {self.told}")

    def __set__(self, v: Any, x: Any) -> NoReturn:
        self.__get__(v, type(v))


def refuse_operands(name: Any, operands: Any) -> None:
    """Raise TypeError for micrograd's ``Value(data, (a, b), '+')``, which would cut the gradient."""
    if operands or not isinstance(name, str):
        raise TypeError(
            f"Value(data, name) takes a number and a name, got {name if operands in ((), None) else operands!r:.60}: "
            "operands are recorded by arithmetic and ops, and a new operation is an Op"
        )


def refuse_options(options: tuple[Any, ...], named: dict[str, Any]) -> NoReturn:
    """Raise TypeError for PyTorch's options of ``y.backward(gradient, retain_graph=True)``."""
    given = ", ".join([*map(repr, options), *(f"{name}={x!r:.20}" for name, x in named.items())])
    raise TypeError(
        f"backward() takes no arguments, got {given}: the graph is always kept, (y * weight).backward() weights the "
        "gradient, and transforms.grad differentiates a gradient"
    )


def refuse_gradients(order: Iterable[Any], error: TypeError) -> NoReturn:
    """Raise TypeError that names the value if the user set a `grad` to what is not a number, else the error."""
    for v in order:
        if not isinstance(v.grad, Real):
            raise TypeError(f"the .grad of {v.name or 'a Value'} was set to {v.grad!r:.60}: expected a real number")
    raise error


class Familiar(Operand):
    """Mixin of `Value` with these methods."""

    __slots__ = ()
    if TYPE_CHECKING:  # attributes of Value
        data: float
        grad: float
        name: str | None
        op: Op | None
        a: Any
        b: Any
        da: Any
        db: Any

        @property
        def operands(self) -> tuple[Any, ...]: ...
        @property
        def parents(self) -> tuple[Any, ...]: ...

    @property
    def has_grad(self) -> bool:
        """True once this node has a gradient; before that, `grad` is 0.0, or None if the user set it."""
        return self.grad is not NO_GRAD and self.grad is not None

    def __repr__(self) -> str:
        grad = f", grad={self.grad!r}" if self.has_grad else ""
        return f"Value(data={self.data!r}{grad}{f', name={self.name!r}' if self.name else ''})"

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    def __copy__(self) -> Any:
        if FACES["is differentiated"](self):
            return +self  # a new leaf would cut the gradient
        cls, args, state = self.__reduce__()
        made = cls(*args)
        if state:
            made.grad = self.grad
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self.__copy__()

    def __reduce__(self) -> Any:
        if FACES["is differentiated"](self):
            raise TypeError(f"{self!r} is being differentiated, and a pickle would cut its gradient: use copy.deepcopy")
        if self.op is not None:
            raise TypeError(f"{self!r} is inside a graph, which a copy would include: copy Value(x.data) instead")
        return type(self), (self.data, self.name), (None, {"grad": self.grad}) if self.has_grad else None

    def draw(self, *path: Any, **options: Any) -> Graph:
        """Draw the graph below this value, with the options of `autograd_tiny.draw`.

        >>> from autograd_tiny import Value
        >>> Value(2.0).tanh().draw(show="data").write("tanh.svg")  # doctest: +SKIP
        """
        graph: Graph = FACES["picture"](self, *path, **options)
        return graph

    def trace(self) -> Trace:
        """Return every step of `backward()`, as `autograd_tiny.trace` does.

        >>> from autograd_tiny import Value
        >>> Value(2.0, "x").square().trace()[-1].after
        4.0
        """
        steps: Trace = FACES["steps"](self)
        return steps

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:  # in a notebook
        return FACES["picture in a notebook"](self)

    def item(self) -> float:
        """Return `data`, the number without a gradient.

        >>> from autograd_tiny import Value
        >>> Value(2.5).item()
        2.5

        Raises TypeError in a function that is being differentiated, whose derivative would lose what depends on it.
        """
        if FACES["is differentiated"](self):
            raise TypeError(ITEM)
        return self.data

    def detach(self) -> Self:
        """Return a new leaf with the same number and name; no gradient flows through it.

        >>> from autograd_tiny import Value
        >>> x = Value(3.0)
        >>> (x * x.detach()).backward()
        >>> x.grad
        3.0
        """
        return self.__class__(self.data, self.name)  # type: ignore[call-arg]

    def zero_grad(self) -> None:
        """Set `grad` of this value to 0; only leaves need it, since `backward()` resets inner nodes.

        >>> from autograd_tiny import Value
        >>> x = Value(3.0)
        >>> (x * x).backward(); x.zero_grad(); (x * x).backward()
        >>> x.grad
        6.0
        """
        self.grad = 0.0  # type: ignore[misc]  # a slot of Value

    @property
    def closures(self) -> tuple[Callable[[], float], ...]:
        """The local derivatives as functions without arguments, one per operand, evaluated by the rules of `op`.

        >>> from autograd_tiny import Value
        >>> [closure() for closure in (Value(2.0) * Value(-3.0)).closures]
        [-3.0, 2.0]
        """
        xs = tuple(getattr(x, "data", x) for x in self.operands)
        return tuple(partial(self._local_derivative, self.data, xs, i) for i in range(len(xs)))

    def _local_derivative(self, y: float, xs: tuple[float, ...], i: int) -> float:
        assert self.op is not None  # a leaf has no operands
        by_i: float = local_derivatives(self.op, y, xs)[i]
        return by_i

    @property
    def label(self) -> str:
        """Alias of `name`, as in micrograd's lecture: empty without a name.

        >>> from autograd_tiny import Value
        >>> Value(3.0, label="a").name
        'a'
        """
        return self.name or ""

    @label.setter
    def label(self, label: str | None) -> None:
        self.name = label  # type: ignore[misc]  # a slot of Value

    @property
    def _prev(self) -> tuple[Any, ...]:
        """Alias of `parents`, as in micrograd."""
        return self.parents

    _children = _prev

    @property
    def _op(self) -> str:
        """Sign or name of `op`, as in micrograd; empty for a leaf."""
        return "" if self.op is None else self.op.infix[0] if self.op.infix else self.op.name

    def _refuse_rounding(self, *digits: object) -> NoReturn:
        raise TypeError(
            "rounding a Value would cut its gradient: write round(v.data, 2), f'{v:.2f}' for display, or v // 1 "
            "for a step with derivative 0"
        )

    __round__ = __floor__ = __ceil__ = __trunc__ = _refuse_rounding

    step = Instead(
        "the Heaviside function is .heaviside(); to step through backprop, y.trace() or `autograd-tiny step`"
    )
    _backward = Instead("the local derivatives are in .local_derivatives, their rules in .op.partials")
    requires_grad = Instead("every Value records; for a constant use a float or .detach()")
    numpy = Instead("the number is .data")
    value = Instead("the number is .data")
    gradient = Instead("it is .grad, after y.backward()")
    pow = Instead("write a ** b")
    abs = Instead("write abs(a)")
    dtype = Instead("it is a number, and this function takes floats: write it with arithmetic and ops, as in v.sinc()")

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if hasattr(self, name)]

"""A number that is not known yet: it records what is computed with it, and every comparison that a branch hung on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Op, real
from autograd_tiny.engine.operand import Operand
from autograd_tiny.engine.value import Value, topological_order
from autograd_tiny.transforms.dual import Dual


class Guard(NamedTuple):
    """A comparison of traced numbers, and how it came out: the recording holds where it comes out the same."""

    condition: Any  # a Tracer, 1 or 0
    held: bool


def _cut() -> Op:
    return CUT


CUT = Op(
    "data", lambda x: x, (lambda y, x: 0.0,), lower=lambda x: x, pickle_recipe=(_cut,)
)  # how a program writes x.data


@dataclass(slots=True)
class Recorded:
    """What a recording notes beside its inputs."""

    guards: list[Guard]
    captured: dict[Value, Any]  # Values that the function closes over, and what stands for them
    ended: bool = False  # a task that was created within keeps its context


_recorded: ContextVar[Recorded | None] = ContextVar("recorded", default=None)  # None: nothing is being recorded


class Elsewhere(TypeError):
    """A recorded function reached a number that a derivative or another recording, in another thread, is about."""


class Tracer(Operand):
    """A node of a recording: an op and its operands, or an input.

    >>> x = Tracer.leaf(3.0, "x")
    >>> y = x * x + 1.0
    >>> y, y.operands
    (<traced 10.0>, (<traced 9.0>, 1.0))

    `seen` is its number in the run that is recorded; only a comparison looks at it, and becomes a Guard. Its truth, its
    float and its int are refused: they would be baked into the recording.
    """

    __slots__ = ("a", "b", "name", "op", "seen")  # op, a and b as in a Value
    rank = 2

    def __init__(self, seen: float, op: Op | None, a: Any, b: Any, name: str = "") -> None:
        self.seen, self.op, self.a, self.b, self.name = seen, op, a, b, name

    @classmethod
    def leaf(cls, seen: float, name: str) -> Tracer:
        """An input of the recording."""
        return cls(seen, None, None, None, name)

    @staticmethod
    def apply(op: Op, xs: tuple[Any, ...]) -> Any:
        if (kind := Operand.outranking(xs, Tracer.rank)) is not None:
            return kind.apply(op, xs)
        try:
            xs = tuple([x if x.__class__ is Tracer or x.__class__ is float else traced(x) for x in xs])
        except TypeError:
            return NotImplemented
        seen = op.ieee(*[x.seen if x.__class__ is Tracer else x for x in xs])
        if len(xs) > 2 or op.partials.__class__ is not tuple:
            return Tracer(seen, op, None, xs)
        return Tracer(seen, op, xs[0], xs[1] if len(xs) > 1 else None)

    @property
    def operands(self) -> tuple[Any, ...]:
        """What op was applied to, in order: Tracers, and constants as floats."""
        if self.op is None:
            return ()
        if self.b.__class__ is tuple:
            return self.b
        return (self.a,) if self.b is None else (self.a, self.b)

    @property
    def parents(self) -> tuple[Tracer, ...]:
        """The operands that are Tracers."""
        return tuple(x for x in self.operands if x.__class__ is Tracer)

    @property
    def data(self) -> Tracer:
        """The same number as a constant: no derivative goes through it."""
        return self if self.op is CUT else Tracer(self.seen, CUT, self, None, self.name)

    def detach(self) -> Tracer:
        return self.data

    # fmt: off
    def __lt__(self, other: Any) -> bool: return _guarded(ops.less, self, other)
    def __le__(self, other: Any) -> bool: return _guarded(ops.less_equal, self, other)
    def __gt__(self, other: Any) -> bool: return _guarded(ops.greater, self, other)
    def __ge__(self, other: Any) -> bool: return _guarded(ops.greater_equal, self, other)
    # fmt: on

    def _refuse(self, *other: Any) -> NoReturn:
        raise TypeError(
            "a number that is being recorded has no float, int or truth: it would be baked into the recording. Compute "
            "with it and with the rows of the op table (x.exp(), not math.exp(x)), choose by `where`, or compare it: "
            "x > 0"
        )

    def __eq__(self, other: object) -> bool:
        if self is other or not isinstance(other, (int, float, Operand)):
            return self is other
        raise TypeError(
            f"{self!r} == {other!r:.40} would be baked into the recording: choose by `where` and the row equal"
        )

    __hash__ = object.__hash__
    __bool__ = __float__ = __int__ = __index__ = __round__ = __floor__ = __ceil__ = __trunc__ = item = _refuse

    def backward(self) -> NoReturn:
        raise TypeError(
            "backward() cannot be recorded: record the function that value_and_grad makes of yours, and no loop"
        )

    @property
    def grad(self) -> NoReturn:
        raise TypeError(
            "a number that is being recorded has no .grad: use value_and_grad, whose result is the gradient"
        )

    def __repr__(self) -> str:
        return f"<traced {self.name + ' = ' if self.name else ''}{self.seen!r}>"


def is_recording() -> bool:
    """Whether functions are being recorded: what they differentiate by is traced, then, too."""
    return _current() is not None


def _current() -> Recorded | None:
    recorded = _recorded.get()
    return None if recorded is None or recorded.ended else recorded


def constant(x: float) -> Tracer:
    """A number that is known, with the methods and the operators of those that are not."""
    return Tracer(x, ops.pos, x, None)


def traced(x: Any) -> Any:
    """A number as a recording sees it: a Value that the function closes over as an input, a float as a constant."""
    if isinstance(x, Tracer):
        return x
    if isinstance(x, Dual):
        raise Elsewhere(
            f"{x!r} is differentiated forward outside of what is recorded: record the function that jvp is in"
        )
    recorded = _current()
    if recorded is None or not isinstance(x, Value):
        return _number(x)
    for v in topological_order(x, stop=recorded.captured):
        if v.op is None:
            recorded.captured[v] = Tracer.leaf(v.data, v.name or "")
        else:
            recorded.captured[v] = v.op(*(recorded.captured[o] if isinstance(o, Value) else o for o in v.operands))
    return recorded.captured[x]


def _number(x: Any) -> float:
    return real(x.data if isinstance(x, Operand) else x)  # type: ignore[attr-defined]


@contextmanager
def recording() -> Iterator[Recorded]:
    """While it is on, functions are recorded: their comparisons, and the Values that they close over, are noted."""
    recorded = Recorded([], {})
    token = _recorded.set(recorded)
    try:
        yield recorded
    finally:
        recorded.ended = True
        _recorded.reset(token)


def _guarded(op: Op, a: Any, b: Any) -> bool:
    recorded = _current()
    if recorded is None:
        raise TypeError(f"{a!r} is compared where no comparison can be recorded: choose by `where`")
    other = traced(b.data if isinstance(b, Dual) else b)
    condition = op(a.data, other.data if isinstance(other, Tracer) else other)
    held = condition.seen != 0
    recorded.guards.append(Guard(condition, held))
    return held

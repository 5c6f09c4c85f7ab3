"""Abstract scalar used while tracing: records operations and every comparison a branch depends on."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, NamedTuple, NoReturn

from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Op, real
from autograd_tiny.engine.operand import Operand
from autograd_tiny.engine.provenance import LIBRARIES, is_engine
from autograd_tiny.engine.special import alone
from autograd_tiny.engine.value import Value, topological_order
from autograd_tiny.transforms.columns import NONE
from autograd_tiny.transforms.dual import Dual
from autograd_tiny.transforms.tape import ENDED, Tape
from autograd_tiny.transforms.threads import CARRIED, carried_out, carrying

_new: Any = object.__new__


class Guard(NamedTuple):
    """A comparison of traced numbers with its outcome; the trace is valid only for the same outcome."""

    condition: Any  # a Tracer, 1 or 0
    held: bool
    source: tuple[str, int]  # file and line of the comparison


def _cut() -> Op:
    return CUT


# The op of x.data in a program: the identity with derivative 0.
CUT = Op("data", lambda x: x, (lambda y, x: 0.0,), lower=lambda x: x, pickle_recipe=(_cut,))


@dataclass(slots=True, eq=False)
class Recorded:
    """State of a trace besides its inputs."""

    guards: list[Guard]
    captured: dict[Value, Any]  # Values that the function closes over, and their Tracers
    given: dict[Value, Any] = field(default_factory=dict)  # parameters of the arguments, and their Tracers
    lifts: dict[Tracer, int] = field(default_factory=dict)  # numbers that derivatives work on, and their levels
    ended: bool = False  # tasks created while tracing keep the context
    tape: Tape = field(default_factory=lambda: Tape(Tracer))


UNDER_WAY: set[Any] = set()  # a mark for each derivative and trace under way in any thread; usually empty
_live: list[Recorded] = []  # in any thread: a function may start threads while it is traced
_recorded: ContextVar[Recorded | None] = ContextVar("recorded", default=None)  # None: not tracing
CARRIED.append(_recorded)


class Elsewhere(TypeError):
    """A traced function used a number of another trace or of a derivative outside of it."""


class Converted(TypeError):
    """A traced function needs the number itself of `tracer`."""

    def __init__(self, message: str, tracer: Tracer) -> None:
        super().__init__(message)
        self.tracer = tracer


UNPLACED = Tape()  # of inputs made before their recording begins
UNPLACED.end()
EXACT = 1 << 53  # integers below are floats


class Tracer(Operand):
    """A number of a trace: the place of an operation, or of an input, on the tape of a recording.

    >>> x = Tracer.leaf(3.0, "x")
    >>> with recording():
    ...     y = x * x + 1.0
    >>> y, y.operands
    (<traced 10.0>, (<traced 9.0>, 1.0))

    `seen` is its number in the traced run; only comparisons read it, and each becomes a Guard. Conversion to float, int
    or bool raises TypeError, because the result would be a constant of the trace.
    """

    __slots__ = ("given", "place", "tape")
    rank = 2
    given: tuple[float, str]  # number and name of an input

    def __init__(self, tape: Tape, place: int) -> None:
        self.tape, self.place = tape, place

    @classmethod
    def leaf(cls, seen: float, name: str) -> Tracer:
        """Make an input of the trace, of this one or of the next that it is used in."""
        made = cls(UNPLACED, NONE)
        made.given = real(seen), name  # NumPy bools, of comparisons of its scalars, do not subtract
        if (recorded := _current()) is not None:
            made.settle(recorded.tape)
        return made

    def settle(self, tape: Tape) -> None:
        """Give an input its place on the tape, if it has none yet."""
        if self.tape is UNPLACED:
            self.place = tape.leaf(*self.given)
            self.tape, tape.handles[self.place] = tape, self

    @staticmethod
    def apply(op: Op, xs: tuple[Any, ...]) -> Any:
        if len(xs) < 3 and ops.TABLE.get(op.name) is op:  # the common case
            known: Tracer = xs[0] if xs[0].__class__ is Tracer else xs[-1]
            return known.unary(op) if len(xs) == 1 else known.binary(op, *xs)
        return Tracer._put(op, xs)

    @staticmethod
    def _put(op: Op, xs: tuple[Any, ...]) -> Any:
        """Record an op of any operands, on the tape of this trace."""
        if (kind := Operand.outranking(xs, Tracer.rank)) is not None:
            return kind.apply(op, xs)
        tape = _tape(xs)
        if _current() is None:
            _refuse_values(xs)
        try:
            xs = tuple([x if x.__class__ is Tracer or x.__class__ is float else traced(x) for x in xs])
        except TypeError:
            return NotImplemented
        for x in xs:
            if x.__class__ is Tracer and x.tape is not tape:
                x.settle(tape)
                _tape(xs)  # raises if it is of another
        place = tape.put(op, [x.place if x.__class__ is Tracer else tape.constant(x) for x in xs])
        if ops.TABLE.get(op.name) is not op:
            tape.number(place)  # where an error of a function of the user belongs
        return Tracer(tape, place)

    def unary(self, op: Op) -> Any:
        tape = self.tape
        if tape.counter is ENDED:
            return Tracer._put(op, (self,))
        place = next(tape.counter)
        try:
            tape.op[place] = op
        except IndexError:
            tape.grow(place)
            tape.op[place] = op
        tape.a[place] = self.place
        made = _new(Tracer)
        made.tape = tape
        made.place = place
        return made

    def binary(self, op: Op, a: Any, b: Any) -> Any:
        tape = self.tape
        if a.__class__ is Tracer and a.tape is tape:
            x = a.place
        elif a.__class__ is float or (a.__class__ is int and -EXACT < a < EXACT):
            x = tape.known.get(a) or tape.constant(float(a))
        else:
            return Tracer._put(op, (a, b))
        if b.__class__ is Tracer and b.tape is tape:
            y = b.place
        elif b.__class__ is float or (b.__class__ is int and -EXACT < b < EXACT):
            y = tape.known.get(b) or tape.constant(float(b))
        else:
            return Tracer._put(op, (a, b))
        if tape.counter is ENDED:
            return Tracer._put(op, (a, b))
        place = next(tape.counter)
        try:
            tape.op[place] = op
        except IndexError:
            tape.grow(place)
            tape.op[place] = op
        tape.a[place] = x
        tape.b[place] = y
        made = _new(Tracer)
        made.tape = tape
        made.place = place
        return made

    @property
    def op(self) -> Op | None:
        """The op of the row; None for an input."""
        return None if self.tape is UNPLACED else self.tape.op[self.place]

    @property
    def operands(self) -> tuple[Any, ...]:
        """The operands of `op` in order: Tracers, and constants as floats."""
        return () if self.op is None else tuple([self.tape.at(x) for x in self.tape.operands(self.place)])

    @property
    def a(self) -> Any:
        """The first operand, or None, as in a Value."""
        return None if self.op is None or self._is_wide() else self.tape.at(self.tape.a[self.place])

    @property
    def b(self) -> Any:
        """The second operand, None, or all operands of a wide op, as in a Value."""
        if self.op is None:
            return None
        if self._is_wide():
            return self.operands
        return None if (place := self.tape.b[self.place]) == NONE else self.tape.at(place)

    def _is_wide(self) -> bool:
        return self.place in self.tape.more or self.op.partials.__class__ is not tuple  # type: ignore[union-attr]

    @property
    def seen(self) -> float:
        """The number in the traced run."""
        return self.given[0] if self.tape is UNPLACED else self.tape.number(self.place)

    @property
    def name(self) -> str:
        """The name of an input, also where its derivative is cut off; "" for others."""
        if self.tape is UNPLACED:
            return self.given[1]
        if self.op is None:
            return self.tape.leaves[self.place][1]
        return self.operands[0].name if self.op is CUT and self.tape.a[self.place] >= 0 else ""

    def known(self) -> tuple[float, str]:
        """Return the number in the traced run, and the name."""
        if self.tape is UNPLACED:
            return self.given
        return self.tape.leaves.get(self.place) or (self.seen, self.name)

    @property
    def parents(self) -> tuple[Tracer, ...]:
        """The operands that are Tracers."""
        return tuple(x for x in self.operands if x.__class__ is Tracer)

    @property
    def data(self) -> Tracer:
        """The same number without its derivative."""
        return self if self.op is CUT else self.unary(CUT)

    def detach(self) -> Tracer:
        return self.data

    # fmt: off
    def __lt__(self, other: Any) -> bool: return _guarded(ops.less, self, other)
    def __le__(self, other: Any) -> bool: return _guarded(ops.less_equal, self, other)
    def __gt__(self, other: Any) -> bool: return _guarded(ops.greater, self, other)
    def __ge__(self, other: Any) -> bool: return _guarded(ops.greater_equal, self, other)
    # fmt: on

    def _refuse(self, *other: Any) -> NoReturn:
        raise Converted(
            "a traced number cannot be converted to float, int or bool: the trace would keep the result as a constant. "
            "Use arithmetic and ops (x.exp(), not math.exp(x)), select with `where`, or compare it: x > 0",
            self,
        )

    def __eq__(self, other: object) -> bool:
        if self is other or not isinstance(other, (int, float, Operand)):
            return self is other
        if other.__class__ is Tracer and other.tape is self.tape and other.place == self.place is not NONE:
            return True
        raise Converted(
            f"{self!r} == {other!r:.40} would be a constant of the trace: select with `where` and the op equal", self
        )

    def __hash__(self) -> int:
        return self.place + self.tape.salt

    __bool__ = __float__ = __int__ = __index__ = __round__ = __floor__ = __ceil__ = __trunc__ = item = _refuse

    def __copy__(self) -> Tracer:
        return self  # nothing of it changes

    def __deepcopy__(self, memo: Any) -> Tracer:
        return self

    def __reduce_ex__(self, _protocol: Any) -> Any:
        if is_recording():
            raise TypeError(f"{self!r} is traced, and a pickle would cut its gradient: use copy.deepcopy")
        return _kept, (self.seen, self.name)

    def backward(self) -> NoReturn:
        raise TypeError("backward() cannot be traced: trace value_and_grad(f) instead of a call of backward()")

    @property
    def grad(self) -> NoReturn:
        raise TypeError("a traced number has no .grad: use value_and_grad, which returns the gradient")

    def __format__(self, spec: str) -> str:
        return format(self.seen, spec) if spec else repr(self)

    def __repr__(self) -> str:
        return f"<traced {self.name + ' = ' if self.name else ''}{self.seen!r}>"


def _kept(seen: float, name: str) -> Tracer:
    """Make what a number of a trace that has ended is in another process: refused wherever it is used."""
    return Tracer.leaf(seen, name)


def is_recording() -> bool:
    """Return True while tracing; differentiation targets are then traced as well."""
    return _current() is not None


def is_stale() -> bool:
    """Return True while nothing is traced in any thread: a Tracer then belongs to a recording that has ended."""
    return not _live


def _current() -> Recorded | None:
    recorded = _recorded.get()
    return None if recorded is None or recorded.ended else recorded


def lifts() -> dict[Any, int]:
    """Return the numbers of this trace that derivatives work on, with the levels of these."""
    recorded = _current()
    return {} if recorded is None else recorded.lifts


def captured(v: Value) -> Any:
    """Return the Tracer that stands for a Value which the traced function reached, or None."""
    recorded = _current()
    return None if recorded is None else recorded.captured.get(v)


def reached() -> set[Any]:
    """Return the Tracers that stand for Values which the traced function reached."""
    recorded = _current()
    return set() if recorded is None else set(recorded.captured.values())


def constant(x: float) -> Tracer:
    """Make a Tracer of a known number."""
    recorded = _current()
    assert recorded is not None
    return Tracer(recorded.tape, recorded.tape.put(ops.pos, [recorded.tape.constant(x)]))


def elsewhere(x: Tracer) -> Elsewhere:
    """Return the error of a number of another trace, which names the first of the inputs below it."""
    for place in x.tape.order([x.place]) if x.tape is not UNPLACED else ():
        if x.tape.op[place] is None:
            x = x.tape.at(place)
            break
    return Elsewhere(f"{x!r} is an input of another trace: pass it as an argument")


def _tape(xs: tuple[Any, ...]) -> Tape:
    """Return the tape of the operands; raises an error if there are two, or it has ended."""
    found = [x for x in xs if x.__class__ is Tracer]
    if not _live:
        raise TypeError(f"{found[0]!r} belongs to a recording that has ended: return it from the function")
    recorded = _current()
    here = (recorded or _live[-1]).tape
    tapes = {x.tape for x in found if x.tape is not UNPLACED}
    tape = next(iter(tapes)) if tapes else here
    if len(tapes) > 1 or tape.counter is ENDED:
        raise elsewhere(next(x for x in found if x.tape not in (here, UNPLACED)))
    return tape


def traced(x: Any) -> Any:
    """Convert a number for tracing: a Value that the function closes over becomes an input, a float a constant."""
    if isinstance(x, Tracer):
        return x
    if isinstance(x, Dual):
        raise Elsewhere(f"{x!r} belongs to a jvp outside of the traced function: trace the function that calls jvp")
    recorded = _current()
    if recorded is None or not isinstance(x, Value):
        return number(x)
    for v in topological_order(x, stop=recorded.captured):
        if v.op is None:
            known = recorded.given.get(v)
            recorded.captured[v] = Tracer.leaf(v.data, v.name or "") if known is None else known
            recorded.captured[v].settle(recorded.tape)
            if v.db is not None:  # of an earlier derivative
                recorded.lifts[recorded.captured[v]] = v.db
        else:
            recorded.captured[v] = v.op(*(recorded.captured[o] if isinstance(o, Value) else o for o in v.operands))
            if v.op is ops.pos and v.db is not None:
                recorded.lifts[recorded.captured[v]] = v.db
    return recorded.captured[x]


def _refuse_values(xs: tuple[Any, ...]) -> None:
    """Raise TypeError for a Value beside a Tracer, in a thread that knows of no trace: it would be a constant."""
    for x in xs:
        if isinstance(x, Value):
            raise TypeError(
                f"{x!r:.60} meets a traced number in a thread that the traced function did not start itself: start the "
                "thread with threading.Thread or an executor, or run its work by contextvars.copy_context().run"
            )


def number(x: Any) -> float:
    return real(x.data if isinstance(x, Operand) else x)  # type: ignore[attr-defined]


def unplaced(numbers: list[float], names: list[str]) -> list[Any]:
    """Make the inputs of the next trace."""
    if _current() is not None:
        return [*map(Tracer.leaf, numbers, names)]
    made = [_new(Tracer) for _ in numbers]
    for x, given in zip(made, zip(numbers, names, strict=True), strict=True):
        x.tape, x.place, x.given = UNPLACED, NONE, given
    return made


def copies(xs: list[Any]) -> list[Any]:
    """Record a copy of each of many numbers, as +x does."""
    recorded = _current()
    if recorded is None or any(x.__class__ is not Tracer or x.tape is not recorded.tape for x in xs):
        return [+x for x in xs]
    tape = recorded.tape
    places = tape.append(ops.pos, [x.place for x in xs])
    made = [_new(Tracer) for _ in xs]
    for x, place in zip(made, places, strict=True):
        x.tape, x.place = tape, place
    return made


@contextmanager
def recording(given: dict[Value, Any] | None = None, inputs: Iterable[Tracer] = ()) -> Iterator[Recorded]:
    """Trace in this block: collect guards and the Values that functions close over; `given` are known already."""
    recorded = Recorded([], {}, given=given or {})
    tape, inputs = recorded.tape, [x for x in inputs if x.tape is UNPLACED]
    for x, place in zip(inputs, tape.inputs([x.given for x in inputs]), strict=True):
        x.tape, x.place, tape.handles[place] = tape, place, x
    token = _recorded.set(recorded)
    UNDER_WAY.add(mark := object())
    _live.append(recorded)
    carrying()
    try:
        yield recorded
    finally:
        carried_out()
        recorded.ended = True
        recorded.tape.end()
        UNDER_WAY.discard(mark)
        _live.remove(recorded)
        _recorded.reset(token)


def _guarded(op: Op, a: Any, b: Any) -> bool:
    recorded = _current()
    if recorded is None:
        raise TypeError(f"{a!r} is compared outside of its trace, which cannot guard it: select with `where`")
    b = alone(b)
    other = traced(b.data if isinstance(b, Dual) else b)
    condition = op(a.data, other.data if isinstance(other, Tracer) else other)
    held = condition.seen != 0
    recorded.guards.append(Guard(condition, held, _line()))
    return held


def _line() -> tuple[str, int]:
    """Return file and line of the user's code that is running: not of the engine or of an installed library."""
    frame: FrameType | None = sys._getframe(2)
    found = []
    while frame is not None:
        file = frame.f_code.co_filename
        if not is_engine(file):
            found.append((file, frame.f_lineno))
            if not file.startswith(LIBRARIES):
                return found[-1]
        frame = frame.f_back
    return found[0]

"""The tape of a recording: one row per operation, in columns that grow as a function runs.

A place is the index of a row, or ~i for constant i. Threads may write rows at the same time: each takes its place from
a counter, and an operand has a lower place than what is computed from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count, islice
from threading import Lock
from typing import Any

from autograd_tiny.engine.op import Op
from autograd_tiny.transforms.columns import NONE, Pool

ENDED: Any = iter(())  # the counter of a tape that takes no more rows


class Tape:
    """Rows of ops and operands.

    >>> from autograd_tiny.engine import ops
    >>> tape = Tape()
    >>> x = tape.leaf(3.0, "x")
    >>> y = tape.put(ops.mul, (x, tape.constant(2.0)))
    >>> tape.number(y), tape.operands(y), tape.order([y])
    (6.0, (0, -1), [0, 1])
    """

    __slots__ = (
        "_rest", "a", "b", "counter", "handles", "kind", "known", "leaves", "lock", "more", "op", "pool", "returned",
        "salt", "seen",
    )  # fmt: skip

    def __init__(self, kind: Any = None) -> None:
        self.salt = id(self) << 24  # a place is the hash of a number as well, and one on another tape
        self.kind = kind  # kind(tape, place) stands for a place
        self.counter: Any = count()
        self._rest = self.counter
        self.op: list[Any] = []  # None for an input
        self.a: list[int] = []
        self.b: list[int] = []
        self.more: dict[int, tuple[int, ...]] = {}  # operands from the third on
        self.leaves: dict[int, tuple[float, str]] = {}  # numbers and names of the inputs
        self.seen: list[float | None] = []  # numbers of the run, computed when asked for
        self.handles: dict[int, Any] = {}  # objects that stand for a place, and were asked for
        self.returned: set[int] = set()  # results of derivatives
        self.pool = Pool()
        self.known = self.pool.known  # places of the constants other than zeros
        self.lock = Lock()

    def end(self) -> None:
        """Take no more rows, and forget the objects that stand for places, since they hold the tape."""
        self.counter = ENDED
        self.handles.clear()

    def reserve(self) -> int:
        """Return the place of a new row; raises StopIteration if the tape has ended."""
        place: int = next(self.counter)
        if place >= len(self.op):
            self.grow(place)
        return place

    def grow(self, place: int) -> None:
        """Make room for a row; the column of ops is extended last, so that its length counts."""
        with self.lock:
            if (more := place + 1 - len(self.op)) > 0:
                more += 256 + place // 4
                self.seen.extend([None] * more)
                self.a.extend([NONE] * more)
                self.b.extend([NONE] * more)
                self.op.extend([None] * more)

    def rows(self) -> int:
        """Count the rows of a tape that nobody else writes to."""
        return next((i for i in range(len(self.op)) if self.op[i] is None and i not in self.leaves), len(self.op))

    def leaf(self, number: float, name: str) -> int:
        """Append an input."""
        place = next(self._rest)
        if place >= len(self.op):
            self.grow(place)
        self.leaves[place] = number, name
        self.seen[place] = number
        return place

    def inputs(self, given: Sequence[tuple[float, str]]) -> list[int]:
        """Append inputs with these numbers and names."""
        places = [*islice(self._rest, len(given))]
        if places and places[-1] >= len(self.op):
            self.grow(places[-1])
        self.leaves.update(zip(places, given, strict=True))
        for place, (number, _) in zip(places, given, strict=True):
            self.seen[place] = number
        return places

    def append(self, op: Op, xs: Sequence[int]) -> list[int]:
        """Append a row with this op for each of these places."""
        places = [*islice(self.counter, len(xs))]
        if places and places[-1] >= len(self.op):
            self.grow(places[-1])
        for place, x in zip(places, xs, strict=True):
            self.a[place] = x
            self.op[place] = op
        return places

    def constant(self, x: float) -> int:
        """Return the place of a constant."""
        with self.lock:
            return self.pool.place(x)

    def put(self, op: Op, xs: Sequence[int]) -> int:
        """Append a row."""
        place = self.reserve()
        self.a[place] = xs[0]
        if len(xs) > 1:
            self.b[place] = xs[1]
        if len(xs) > 2:
            self.more[place] = tuple(xs[2:])
        self.op[place] = op
        return place

    def at(self, place: int) -> Any:
        """Return the object that stands for a place, the same each time; a constant as a float."""
        if place < 0:
            return self.pool.constants[~place]
        found = self.handles.get(place)
        return self.handles.setdefault(place, self.kind(self, place)) if found is None else found

    def place(self, x: Any) -> int:
        """Return the place that an object stands for, or that of a constant."""
        if x.__class__ is self.kind:
            found: int = x.place
            return found
        return self.constant(x)

    def operands(self, place: int) -> tuple[int, ...]:
        """Return the places of the operands of a row."""
        a, b = self.a[place], self.b[place]
        if b == NONE:
            return () if a == NONE else (a,)
        return (a, b, *self.more.get(place, ()))

    def number(self, place: int) -> float:
        """Return the number at a place in the run that is recorded."""
        seen, constants = self.seen, self.pool.constants
        if place < 0:
            return constants[~place]
        stack = [place]
        while stack:
            v = stack[-1]
            if seen[v] is None:
                xs = self.operands(v)
                if waiting := [x for x in xs if x >= 0 and seen[x] is None]:
                    stack += waiting
                    continue
                seen[v] = self.op[v].ieee(*[seen[x] if x >= 0 else constants[~x] for x in xs])
            stack.pop()
        found = seen[place]
        assert found is not None
        return found

    def order(self, places: Iterable[int], stop: Iterable[int] = ()) -> list[int]:
        """List every row that `places` depend on, each after its operands, as `topological_order` does of nodes."""
        op, a, b, wide = self.op, self.a, self.b, self.more
        met = bytearray(len(op))
        for v in stop:
            met[v] = 1
        found: list[int] = []
        append = found.append
        stack = [v for v in reversed([*places]) if v >= 0]
        pop = stack.pop
        while stack:
            v = pop()
            if v < 0:  # the operands are done
                append(~v)
                continue
            if met[v]:
                continue
            met[v] = 1
            x, y = a[v], b[v]
            if wide and v in wide:
                stack.append(~v)
                stack += [z for z in reversed(wide[v]) if z >= 0]
                stack += [z for z in (y, x) if z >= 0]
            elif y >= 0 and not met[y]:
                stack += (~v, y, x) if x >= 0 and not met[x] else (~v, y)
            elif x >= 0 and not met[x]:
                stack += (~v, x)
            else:
                append(v)
        return found

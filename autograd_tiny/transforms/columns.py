"""A program as columns: op codes and operands in flat typed arrays, the form that analyses and loops work on."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from autograd_tiny.engine.op import Op

if TYPE_CHECKING:
    from autograd_tiny.transforms.program import Program

NONE = -(1 << 31)  # of a column: the op has no such operand
Place = int | float  # an int is the index of an input or a step, a float is a constant


class Step(NamedTuple):
    """One op and its operands: the indices of earlier values, or floats.

    >>> from autograd_tiny.engine import ops
    >>> Step(ops.mul, (0, 2.5))
    Step(op=<op mul>, operands=(0, 2.5))
    """

    op: Op
    operands: tuple[Place, ...]


class Steps(Sequence[Step]):
    """The steps of a program, kept as columns and shown as a sequence of `Step`.

    >>> from autograd_tiny.engine import ops
    >>> steps = Steps.of(1, [Step(ops.mul, (0, 2.5)), Step(ops.exp, (1,))])
    >>> steps.code.tolist(), steps.a.tolist(), steps.b.tolist(), steps.constants.tolist()
    ([0, 1], [0, 1], [-1, -2147483648], [2.5])
    >>> steps[1]
    Step(op=<op exp>, operands=(1,))

    `code[i]` is the place of the op in `ops`; `a`, `b` and `c` hold the first three operands as in `Columns`, and
    `more[i]` those of a wider op from the fourth on.
    """

    __slots__ = ("_tuple", "a", "alive", "b", "c", "code", "constants", "inputs", "more", "ops", "tidy")

    def __init__(
        self,
        inputs: int,
        ops: Sequence[Op],
        columns: Sequence[Iterable[int]],
        more: dict[int, tuple[int, ...]],
        constants: Iterable[float],
    ) -> None:
        self.inputs, self.ops, self.more, self.constants = inputs, list(ops), more, array("d", constants)
        self.code, self.a, self.b, self.c = (array("i", column) for column in columns)
        self.alive: tuple[Place, ...] | None = None  # outputs that depend on every step
        self.tidy: tuple[Place, ...] | None = None  # outputs for which no pass of the compiler finds anything to do
        self._tuple: tuple[Step, ...] | None = None

    @classmethod
    def of(cls, inputs: int, steps: Iterable[Step]) -> Steps:
        """Write steps as columns."""
        codes: dict[Op, int] = {}
        pool = Pool()
        rows = [(codes.setdefault(op, len(codes)), *map(pool.place, operands)) for op, operands in steps]
        columns = [[row[k] if k < len(row) else NONE for row in rows] for k in range(4)]
        more = {i: row[4:] for i, row in enumerate(rows) if len(row) > 4}
        return cls(inputs, list(codes), columns, more, pool.constants)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step, made when first asked for."""
        if self._tuple is None:
            ops, constants = self.ops, self.constants
            place = [*range(self.inputs + len(self.code)), *reversed(constants)]  # ~i counts from the end
            rows = enumerate(zip(self.code, self.a, self.b, self.c, strict=True))
            self._tuple = tuple(
                [
                    Step(ops[op], (place[a],))
                    if b == NONE
                    else Step(ops[op], (place[a], place[b]))
                    if c == NONE
                    else Step(ops[op], (place[a], place[b], place[c], *[place[x] for x in self.more.get(i, ())]))
                    for i, (op, a, b, c) in rows
                ]
            )
        return self._tuple

    def kinds(self) -> list[tuple[Op, int]]:
        """List each op that occurs with each of its numbers of operands, in the order of the first steps.

        >>> from autograd_tiny.engine import ops
        >>> Steps.of(1, [Step(ops.mul, (0, 2.5)), Step(ops.exp, (1,)), Step(ops.mul, (2, 2))]).kinds()
        [(<op mul>, 2), (<op exp>, 1)]
        """
        if all(op.partials.__class__ is tuple for op in self.ops):
            return [(op, len(op.partials)) for op in self.ops]  # type: ignore[arg-type]
        wide = self.more
        rows = zip(self.code, self.a, self.b, self.c, strict=True)
        counts = (
            (op, (a != NONE) + (b != NONE) + (c != NONE) + len(wide.get(i, ()))) for i, (op, a, b, c) in enumerate(rows)
        )
        return [(self.ops[op], count) for op, count in dict.fromkeys(counts)]

    def at(self, i: int) -> tuple[int, ...]:
        """Return the places of the operands of step i, ~k for constant k."""
        a, b, c = self.a[i], self.b[i], self.c[i]
        if b == NONE:
            return (a,)
        return (a, b) if c == NONE else (a, b, c, *self.more.get(i, ()))

    def places(self) -> Iterator[tuple[int, ...]]:
        """Yield the places of the operands of each step."""
        return map(self.at, range(len(self.code)))

    def __len__(self) -> int:
        return len(self.code)

    @overload
    def __getitem__(self, i: int) -> Step: ...
    @overload
    def __getitem__(self, i: slice) -> tuple[Step, ...]: ...
    def __getitem__(self, i: Any) -> Any:
        if self._tuple is None and i.__class__ is int:  # one of many, perhaps: the others are not made
            i = range(len(self.code))[i]
            constants = self.constants
            return Step(self.ops[self.code[i]], tuple([x if x >= 0 else constants[~x] for x in self.at(i)]))
        return self.steps[i]

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Steps):
            return self is other or self.steps == other.steps
        return self.steps == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.steps)

    def __repr__(self) -> str:
        return repr(self.steps)

    def __reduce__(self) -> Any:
        return Steps, (self.inputs, self.ops, (self.code, self.a, self.b, self.c), self.more, self.constants)


class Pool:
    """Constants, each once: equal ones, to the bit, share a place, and so does every nan.

    >>> pool = Pool()
    >>> [pool.place(x) for x in (2.5, 0.0, -0.0, 2.5, 7)], pool.constants
    ([-1, -2, -3, -1, 7], [2.5, 0.0, -0.0])
    """

    __slots__ = ("_special", "constants", "known")

    def __init__(self, constants: Iterable[float] = ()) -> None:
        self.constants = list(constants)
        self.known: dict[float, int] = {}  # places of those that are equal to themselves alone
        self._special: dict[str, int] = {}  # of zeros and nan
        for i, x in enumerate(self.constants):
            self._known(x, ~i)

    def place(self, x: Place) -> int:
        """Return the place of a constant, ~i; an int is a place already."""
        if isinstance(x, int):
            return x
        found = self.known.get(x)
        if found is None and (not x or x != x):
            found = self._special.get(float(x).hex())
        if found is None:
            found = ~len(self.constants)
            self.constants.append(float(x))
            self._known(float(x), found)  # now that another thread can read it
        return found

    def _known(self, x: float, place: int) -> None:
        if x and x == x:
            self.known.setdefault(x, place)
        else:
            self._special.setdefault(x.hex(), place)


class Columns(NamedTuple):
    """Steps of a program as columns; a place is the index of an input or a step, or ~i for constant i.

    >>> from autograd_tiny.engine import ops
    >>> from autograd_tiny.transforms.program import Program
    >>> columns = columns_of(Program(("x",), (Step(ops.mul, (0, 2.5)), Step(ops.exp, (1,))), (2,)))
    >>> [op.name for op in columns.ops], columns.code.tolist(), [x.tolist() for x in columns.operands]
    (['mul', 'exp'], [0, 1], [[0, 1], [-1, -2147483648]])
    >>> columns.constants.tolist(), columns.outputs.tolist()
    ([2.5], [2])

    `operands` has as many columns as the widest op has operands. NumPy views a column without a copy: np.asarray.
    """

    inputs: int
    ops: list[Op]  # ops[code[i]] is the op of step i, whose place is inputs + i
    code: array[int]
    operands: tuple[array[int], ...]
    constants: array[float]
    outputs: array[int]


def columns_of(program: Program) -> Columns:
    """Return the columns of a program, those that it holds: do not write to them.

    Equal constants, to the bit, share a place.
    """
    steps = program.steps
    nothing = array("i", [NONE]) * len(steps)
    operands = [column for column in (steps.a, steps.b, steps.c) if column != nothing]
    if steps.more:
        width = max(map(len, steps.more.values()))
        wide = [array("i", [NONE]) * len(steps) for _ in range(width)]
        for i, places in steps.more.items():
            for column, x in zip(wide, places, strict=False):
                column[i] = x
        operands += wide
    constants = steps.constants
    if any(y.__class__ is not int for y in program.outputs):
        pool = Pool(constants)
        outputs = array("i", map(pool.place, program.outputs))
        constants = array("d", pool.constants)
    else:
        outputs = array("i", program.outputs)  # type: ignore[arg-type]
    return Columns(steps.inputs, steps.ops, steps.code, tuple(operands), constants, outputs)

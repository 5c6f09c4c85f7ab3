"""Write a long program without a batch in LLVM assembly: a loop for each run of equal blocks, the rest as it is.

Values used by other functions, and by other iterations than their own and the next ones, lie in memory at %u, in the
order of the steps, so that an operand that moves in equal steps is read from addresses in equal steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_tiny.compiler.backends.llvm.accesses import Access, Carried, access, carried, in_steps, joined
from autograd_tiny.compiler.backends.llvm.functions import ONCE, Functions, Phase
from autograd_tiny.compiler.backends.llvm.written import RELOAD_AFTER, Body, Machine, Scope, callbacks, declared
from autograd_tiny.compiler.backends.repeats import Run, longer, repeats, stretches
from autograd_tiny.transforms.columns import NONE, Columns, columns_of
from autograd_tiny.transforms.program import Place, Program, Step

MIN_STEPS = 1000  # of a program; shorter ones are compiled in no time
LEAST = 32  # steps of a block; several shorter ones are one, so that little time goes into the loop itself
MAX_OPERANDS = 8  # of a step
MAX_HOISTED = 12  # values read before a loop instead of in each iteration
SIDE_BY_SIDE = 32  # numbers that are worth a loop of their own
MAX_CARRIED = 32  # values in registers from one iteration to the next

Array = np.ndarray[Any, Any]


def chained(program: Program, machine: Machine, *, contract: bool) -> Functions | None:
    """Write the functions of a prepared program with loops, or None if it has too few equal blocks."""
    if program.widths or len(program.steps) < MIN_STEPS:
        return None
    columns = columns_of(program)
    if len(columns.operands) > MAX_OPERANDS or not (runs := repeats(columns)):
        return None
    return _Writer(program, columns, machine, contract).written(list(longer(columns, runs, LEAST)))


class _Block(NamedTuple):
    """A run as a program of one iteration; its inputs are the numbers that come from elsewhere."""

    run: Run
    phase: Phase
    reads: list[Array]  # per input, its place in each iteration
    chunks: list[list[int]]


class _Writer:
    """Text of all functions, under construction."""

    def __init__(self, program: Program, columns: Columns, machine: Machine, contract: bool) -> None:
        self.program, self.columns, self.machine, self.contract = program, columns, machine, contract
        self.operands = [np.asarray(x) for x in columns.operands]
        self.constants = np.asarray(columns.constants)
        self.inputs, self.steps = columns.inputs, len(columns.code)
        code, self.arity = np.asarray(columns.code), sum(x != NONE for x in self.operands)
        _, first = np.unique(code * (MAX_OPERANDS + 1) + self.arity, return_index=True)
        kinds = [Step(columns.ops[code[i]], (0.0,) * self.arity[i]) for i in np.sort(first).tolist()]
        self.kinds = Program((), tuple(kinds), ())  # a step of each kind, in the order of the first of them
        self.calls = {call: i for i, call in enumerate(callbacks(self.kinds))}
        self.tables: dict[bytes, str] = {}
        self.copies: dict[int, int] = {}
        self.count = 0
        self.names: list[str] = []
        self.lines: list[str] = []

    def written(self, runs: Sequence[Run]) -> Functions:
        """Write all parts in their order."""
        straight = self._phase(self.program)
        parts: list[_Block | list[list[int]]] = []
        at = 0
        for run in [*runs, Run(self.steps, 1, 0)]:
            if run.start > at:
                straight.items = list(range(self.inputs + at, self.inputs + run.start))
                parts.append(straight.cut())
            if run.times:
                parts.append(self._block(run))
            at = run.stop
        self._place(parts, straight)
        for part in parts:
            if isinstance(part, _Block):
                self._loop(part)
            else:
                for chunk in part:
                    self._straight(straight, chunk)
        self._outputs()
        self._copied()
        tables = [_table(name, data) for data, name in self.tables.items()]
        text = "\n".join([*declared(self.kinds, self.machine), *tables, "", *self.lines])
        straight_steps = self.steps - sum(run.stop - run.start for run in runs)
        return Functions(text, self.names, [], [], self.memory, 0, [], 0, straight_steps)

    def _phase(self, program: Program) -> Phase:
        varies = bytearray(len(program.inputs) + len(program.steps))
        return Phase(Scope(program, self.machine, varies, False, self.contract, callbacks=self.calls))

    def _block(self, run: Run) -> _Block:
        """Write the steps of one iteration as a program of their own."""
        start, period, count = run
        first = self.inputs + start
        arity = self.arity[start : start + period].tolist()
        ops = [self.columns.ops[code] for code in self.columns.code[start : start + period]]
        tables = [x[start : run.stop].reshape(count, period).T for x in self.operands]
        known: dict[bytes, int] = {}
        reads: list[Array] = []
        rows: list[list[Any]] = []
        for j in range(period):
            rows.append([])
            for places in [table[j] for table in tables[: arity[j]]]:
                if places[0] >= first and places[0] - first < period:
                    rows[j].append((int(places[0]) - first,))
                elif places[0] < 0 and np.all(places == places[0]):
                    rows[j].append(float(self.constants[~places[0]]))
                else:
                    k = known.setdefault(places.tobytes(), len(reads))
                    if k == len(reads):
                        reads.append(np.ascontiguousarray(places))
                    rows[j].append(k)
        n = len(reads)
        steps = tuple(
            Step(op, tuple([n + x[0] if isinstance(x, tuple) else x for x in row]))
            for op, row in zip(ops, rows, strict=True)
        )
        phase = self._phase(Program(("",) * n, steps, ()))
        phase.items = list(range(n, n + period))
        return _Block(run, phase, reads, phase.cut())

    def _place(self, parts: Sequence[_Block | list[list[int]]], straight: Phase) -> None:
        """Give a place in memory to each value that is used elsewhere."""
        n = self.inputs
        elsewhere = np.zeros(n + self.steps, bool)
        unit = np.full(n + self.steps, -1)  # function of a value
        here = np.zeros(self.steps, bool)  # steps outside of loops
        units = 0
        for part in parts:
            if not isinstance(part, _Block):
                for chunk in part:
                    unit[chunk[0] : chunk[-1] + 1] = units = units + 1
                    here[chunk[0] - n : chunk[-1] + 1 - n] = True
        straight_steps = np.flatnonzero(here)
        needed = []  # by steps outside of loops
        for x in self.operands:
            places = x[straight_steps]
            far = (places >= n) & (unit[np.maximum(places, 0)] != unit[n + straight_steps])
            needed.append(places[far])
            elsewhere[places[far]] = True
        outputs = np.asarray(self.columns.outputs)
        elsewhere[outputs[outputs >= n]] = True
        self.carried: dict[int, dict[int, Carried]] = {}
        for part in parts:
            if isinstance(part, _Block):
                self.carried[part.run.start] = found = dict(self._carried(part))
                for k, places in enumerate(part.reads):
                    memory = np.array(found[k].initial) if k in found else places
                    elsewhere[memory[memory >= n]] = True
        for part in parts:
            if isinstance(part, _Block):
                start, period, count = part.run
                whole = elsewhere[n + start : n + part.run.stop].reshape(count, period)
                kept = np.any(whole, axis=0)
                kept[self._passed(part)] = True
                whole[:] = kept
                inside = len(part.reads)
                part.phase.scope.slots = {inside + j: i for i, j in enumerate(np.flatnonzero(kept).tolist())}
        self.before = np.concatenate([[0], np.cumsum(elsewhere[n:])])
        self.slots = self.before[:-1]  # of steps that have one
        self.memory = int(np.count_nonzero(elsewhere))
        mine = np.unique(np.concatenate([*needed, n + np.flatnonzero(elsewhere[n:] & here)]))
        straight.scope.slots = dict(zip(mine.tolist(), self.slots[mine - n].tolist(), strict=True))

    def _carried(self, block: _Block) -> Iterator[tuple[int, Carried]]:
        """Yield the inputs of a block that stay in registers from one iteration to the next."""
        if len(block.chunks) > 1:
            return
        start, period, _ = block.run
        found = [(k, carried(places, self.inputs + start, period)) for k, places in enumerate(block.reads)]
        known = [(k, it) for k, it in found if it]
        if len(known) <= MAX_CARRIED:
            yield from known

    @staticmethod
    def _passed(block: _Block) -> list[int]:
        """Steps of a block whose results are used by another of its functions."""
        n = len(block.reads)
        chunk_of = {place: c for c, chunk in enumerate(block.chunks) for place in chunk}
        steps = block.phase.scope.program.steps
        return [
            x - n
            for place in chunk_of
            for x in steps[place - n].operands
            if isinstance(x, int) and x >= n and chunk_of[x] != chunk_of[place]
        ]

    def _straight(self, phase: Phase, chunk: list[int]) -> None:
        body = Body(phase.scope, self._open())
        for place in chunk:
            body.step(place)
        self._close()

    def _open(self) -> list[str]:
        """Begin a function that is called once."""
        self.count += 1
        name = f"@once{self.count}"
        self.names.append(name)
        self.lines += [f"define internal void {name}({ONCE}) {self.machine.attributes} {{", "entry:"]
        return self.lines

    def _close(self, times: int = 0) -> None:
        """End a function, and before it the loop of so many iterations."""
        if times:
            self.lines.append(NEXT.format(count=times))
        self.lines += ["  ret void", "}", ""]

    def _loop(self, block: _Block) -> None:
        """Write a run of blocks: one function, or one that calls others if a block is long."""
        scope, found, n = block.phase.scope, self.carried[block.run.start], len(block.reads)
        accesses = joined({k: self._access(x) for k, x in enumerate(block.reads) if k not in found}, self.tables)
        results = Access("%u", int(self.before[block.run.start]), len(scope.slots))
        parts = [f"@part{self.count}_{c}" for c in range(len(block.chunks))] if len(block.chunks) > 1 else []
        for part, chunk in zip(parts, block.chunks, strict=False):
            self.lines += [f"define internal void {part}({PART}) {self.machine.attributes} {{", "entry:"]
            body = LoopBody(scope, self.lines, accesses)
            scope.memory = body.pointer(results)
            for place in chunk:
                body.step(place)
            self._close()
        body = LoopBody(scope, self._open(), accesses)
        if parts:
            self.lines += [LOOP, *(f"  call void {part}(ptr %u, ptr %s, i64 %i)" for part in parts)]
        else:
            body.hoist()
            initial = {k: [self._read(body, x) for x in it.initial] for k, it in found.items()}
            body.names.update({k: f"%c{k}_0" for k in found})
            self.lines.append(LOOP)
            top = len(self.lines)
            scope.memory = body.pointer(results)
            for place in block.chunks[0]:
                body.step(place)
            phis = []
            for k, it in found.items():
                later = [*(f"%c{k}_{r}" for r in range(1, len(it.initial))), body.value(n + it.step)]
                for r, (first, next_) in enumerate(zip(initial[k], later, strict=True)):
                    phis.append(f"  %c{k}_{r} = phi double [{first}, %entry], [{next_}, %loop]")
            self.lines[top:top] = phis
        self._close(block.run.times)

    def _access(self, places: Array) -> Access:
        return access(places, self.inputs, self.slots, self.constants, self._copy)

    def _copy(self, place: int) -> int:
        """Slot of a copy of an input or a constant."""
        if place not in self.copies:
            self.copies[place] = self.memory
            self.memory += 1
        return self.copies[place]

    def _read(self, body: Body, place: int) -> str:
        """Read a value in the entry of a function."""
        if place < 0:
            return body.scope.constant(float(self.constants[~place]))
        memory, slot = ("%s", place) if place < self.inputs else ("%u", int(self.slots[place - self.inputs]))
        return body.load(memory, slot)

    def _outputs(self) -> None:
        places = np.asarray(self.columns.outputs)
        for kind in (places < 0, (places >= 0) & (places < self.inputs), places >= self.inputs):
            if np.any(kind):
                self._moved(places[kind], "%o", np.flatnonzero(kind))

    def _copied(self) -> None:
        """Write the copies of inputs and constants, which come first."""
        later, self.names = self.names, []
        for inputs in (False, True):
            if some := {place: slot for place, slot in self.copies.items() if (place >= 0) == inputs}:
                self._moved(np.array(list(some)), "%u", np.array(list(some.values())))
        self.names += later

    def _moved(self, places: Array, memory: str, to: Array) -> None:
        """Write functions that copy numbers of one kind to memory[to]: in vectors where they stay side by side."""
        scope, n = self._phase(Program(("",), (), ())).scope, self.machine.lanes
        source = "" if places[0] < 0 else "%s" if places[0] < self.inputs else "%u"
        at = places if source != "%u" else self.slots[places - self.inputs]
        together = np.append((np.diff(at) == (source != "")) & (np.diff(to) == 1), False)
        rest, vector = np.ones(len(to), bool), f"<{n} x double>"
        for first, last in stretches(together):
            if (times := (last + 1 - first) // n) >= SIDE_BY_SIDE // n:
                rest[first : first + times * n] = False
                body = LoopBody(scope, self._open(), {})
                self.lines.append(LOOP)
                if source:
                    address = body.pointer(Access(source, int(at[first]), n))
                    numbers = body.new(f"load {vector}, ptr {address}, align 8")
                else:
                    numbers = f"<{', '.join([f'double {self._read(body, int(at[first]))}'] * n)}>"
                address = body.pointer(Access(memory, int(to[first]), n))
                self.lines.append(f"  store {vector} {numbers}, ptr {address}, align 8")
                self._close(times)
        if np.any(rest):
            accesses = joined({0: self._access(places[rest]), 1: in_steps(memory, to[rest])}, self.tables)
            body = LoopBody(scope, self._open(), accesses)
            self.lines.append(LOOP)
            body.write(body.value(0), body.pointer(accesses[1]))
            self._close(int(np.count_nonzero(rest)))


class LoopBody(Body):
    """Instructions of one iteration; the inputs of the program are read by their `accesses`."""

    def __init__(self, scope: Scope, lines: list[str], accesses: dict[int, Access]) -> None:
        super().__init__(scope, lines)
        self.accesses = accesses
        self.moved: dict[tuple[str, int], str] = {}

    def hoist(self) -> None:
        """Read numbers that are equal in all iterations before the loop, if they are few."""
        fixed = [k for k, it in self.accesses.items() if it.table is None and not it.stride]
        if len(fixed) <= MAX_HOISTED:
            for k in fixed:
                self.names[k] = self.load(self.accesses[k].memory, self.accesses[k].base)

    def value(self, x: Place) -> str:
        """Name of x, read from memory as needed; text of a constant."""
        if x.__class__ is not int or x not in self.accesses:
            return super().value(x)
        name = self.names.get(x)
        if name is None or self.steps - self.loaded.get(x, self.steps) > RELOAD_AFTER:
            kind = "load volatile" if name else "load"
            self.names[x] = name = self.new(f"{kind} double, ptr {self.pointer(self.accesses[x])}")
            self.loaded[x] = self.steps
        return name

    def pointer(self, access: Access) -> str:
        """Address of the number of this iteration."""
        memory, base, stride, table, name = access
        if table is None:
            return self.at(self._moved(memory, stride), base)
        if not memory:
            return self.at(self._moved(name, stride), base)
        entry = self.new(f"getelementptr i32, ptr {self._moved(name, stride, 'i32')}, i64 {base}")
        index = self.new(f"load i32, ptr {entry}")
        return self.at(memory, self.new(f"zext i32 {index} to i64"))

    def _moved(self, memory: str, stride: int, kind: str = "double") -> str:
        """Pointer moved by the iterations before this one."""
        if not stride:
            return memory
        if (memory, stride) not in self.moved:
            by = "%i" if stride == 1 else self.new(f"mul i64 %i, {stride}")
            self.moved[memory, stride] = self.new(f"getelementptr {kind}, ptr {memory}, i64 {by}")
        return self.moved[memory, stride]


def _table(name: str, data: bytes) -> str:
    text = data.hex("\\")
    return f'{name} = internal constant [{len(data)} x i8] c"\\{text}", align 64'


PART = "ptr noalias %u, ptr noalias %s, i64 %i"
LOOP = """\
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %loop]"""
NEXT = """\
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, {count}
  br i1 %more, label %loop, label %done
done:"""

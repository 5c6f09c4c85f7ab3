"""Write a program in LLVM assembly: straight-line functions of bounded size, one register per number.

Steps that depend on no batched input run once per call, in doubles; the others run in vectors whose lanes are samples.
Functions pass values to later ones through memory: shared values at %u, the vectors of a block of samples at %v. Each
function loops over several blocks, so that its code and its sums are fetched once for all of them.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from autograd_tiny.compiler.backends.llvm.written import SIMPLE, Body, Machine, Scope, callbacks, declared
from autograd_tiny.transforms.program import Place, Program

MAX_INSTRUCTIONS = 600  # per function, roughly: compile time grows faster than size


class Functions(NamedTuple):
    """Functions of a program in the order of their calls, and the memory they need."""

    text: str
    once: list[str]  # names; parameters (ptr u, ptr s, ptr o): shared values, shared inputs, outputs without a batch
    each: list[str]  # names; parameters as in EACH, with frames that the next few blocks use again at `to`
    after: list[str]  # names; parameters as in EACH: frames of many blocks, …, outputs or sums
    shared: int  # doubles at u
    frame: int  # doubles at w per block: inputs, and vectors passed between functions
    totals: list[int]  # with `reduce`, per output: its index among the sums, or ~ its index at u
    sums: int  # with `reduce`: vectors at o
    straight: int  # steps called once and written one by one
    blocks: int = 0  # so many at a time, if the batch has them; 0: by the size of a frame
    near: int = 0  # blocks at a time of `each`
    clear: tuple[str, ...] = ()  # lines that clear lanes from %lanes on in the frame %x, where sums begin in registers


def functions(program: Program, machine: Machine, *, contract: bool) -> Functions:
    """Write the functions of a prepared program."""
    varies, n = _varying(program), len(program.inputs)
    calls = {call: i for i, call in enumerate(callbacks(program))}
    once = Phase(Scope(program, machine, varies, False, contract, callbacks=calls))
    each = Phase(Scope(program, machine, varies, True, contract, once=once.scope.slots, callbacks=calls))
    at_once: dict[
        Place, list[int]
    ] = {}  # outputs to store as they are computed; inputs and constants follow at the end
    at_the_end: dict[Phase, list[int]] = {once: [], each: []}
    for i, y in enumerate(program.outputs):
        varying = isinstance(y, int) and varies[y]
        phase = each if program.widths and (varying or program.reduce is None) else once
        if phase.scope.mine(y):
            at_once.setdefault(y, []).append(~i)
        else:
            at_the_end[phase].append(~i)
            once.forever.add(y)
    steps = program.steps
    if any(varies):
        read = {x for place, xs in enumerate(steps.places(), n) if varies[place] for x in xs if x >= 0}
        once.forever.update(x for x in read if not varies[x])
    for place in range(n, n + len(steps)):
        phase = each if varies[place] else once
        phase.items.append(place)
        if place in at_once:
            phase.items += at_once[place]
    for phase in (once, each):
        phase.items += at_the_end[phase]
        phase.write()
    totals = {**once.totals, **each.totals} if program.reduce and program.widths else {}
    return Functions(
        "\n".join([*declared(program, machine), *once.lines, *each.lines]),
        once.names,
        [],
        each.names,
        once.memory,
        each.frame,
        [totals[i] for i in range(len(totals))],
        len(each.sums),
        sum(item >= 0 for item in once.items),
    )


def _varying(program: Program) -> bytearray:
    """Per place, 1 if it differs between samples, otherwise 0."""
    varies = bytearray(program.shared) + b"\1" * sum(program.widths)
    if not any(varies):
        return varies + bytes(len(program.steps))
    for xs in program.steps.places():
        varies.append(any(x >= 0 and varies[x] for x in xs))
    return varies


ONCE = "ptr noalias %u, ptr noalias %s, ptr noalias %o"
# stride: of the outputs of a batch; with `reduce`, 0 if the sums begin with these blocks
EACH = "ptr noalias %w, ptr noalias %u, ptr noalias %s, ptr noalias %to, i64 %stride, i64 %blocks"
BLOCK = """\
entry:
  br label %block
block:
  %b = phi i64 [0, %entry], [%next, %block]
  %f = mul i64 %b, {frame}
  %x = getelementptr double, ptr %w, i64 %f
  %v = getelementptr double, ptr %x, i64 {inputs}
  %l = mul i64 %b, {lanes}
  %o = getelementptr double, ptr %to, i64 %l"""
NEXT = """\
  %next = add i64 %b, 1
  %more = icmp ult i64 %next, %blocks
  br i1 %more, label %block, label %done
done:"""


class Phase:
    """Steps computed once per call, or per block of samples; an item is the place of a step, or ~i for output i."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.items: list[int] = []
        self.forever: set[Place] = set()  # values used by the next phase
        self.memory = 0  # slots
        self.sums: dict[Place, int] = {}
        self.totals: dict[int, int] = {}
        self.names: list[str] = []
        self.lines: list[str] = []

    def write(self) -> None:
        """Write all items, in as many functions as needed."""
        chunks = self.cut()
        self._keep(chunks)
        for chunk in chunks:
            self.function(chunk)

    @property
    def frame(self) -> int:
        return (sum(self.scope.program.widths) + self.memory) * self.scope.lanes

    def _operands(self, item: int) -> Sequence[Place]:
        """Places of the operands of an item; a constant may be a negative place."""
        program = self.scope.program
        return program.steps.at(item - len(program.inputs)) if item >= 0 else (program.outputs[~item],)

    def cut(self) -> list[list[int]]:
        """Cut the items into pieces of bounded size, at points with few live values."""
        program, mine = self.scope.program, self.scope.mine
        dies = array("i", bytes(4 * (len(program.inputs) + len(program.steps))))  # by place
        change = array("i", bytes(4 * (len(self.items) + 1)))
        for t, item in enumerate(self.items):
            if item >= 0:
                dies[item] = t
                change[t + 1] += 1
            for x in self._operands(item):
                if mine(x):
                    dies[x] = t  # type: ignore[index]
        for item in self.items:
            if item >= 0:
                change[dies[item] + 1] -= 1
        alive = array("i", accumulate(change))  # before each item
        chunks, start, best, size = [], 0, 0, 0
        for t, item in enumerate(self.items):
            size += self._size(item)
            if size > MAX_INSTRUCTIONS / 2 and (best == start or alive[t] <= alive[best]):
                best = t
            if size > MAX_INSTRUCTIONS and best > start:
                chunks.append(self.items[start:best])
                start, size = best, sum(map(self._size, self.items[best : t + 1]))
        return [*chunks, self.items[start:]] if self.items else []

    def _size(self, item: int) -> int:
        """Approximate number of instructions of an item."""
        if item < 0:
            return 2
        word = self.scope.op(item).machine
        if word in SIMPLE:
            return 1
        return 4 if self.scope.moving and word in self.scope.machine.vector else 3 * self.scope.lanes

    def _keep(self, chunks: list[list[int]]) -> None:
        """Assign a slot to each value used by a later function; reuse it after the last use."""
        scope = self.scope
        free: list[int] = []
        last = array("i", bytes(4 * (len(scope.program.inputs) + len(scope.program.steps))))  # by place
        for c, chunk in enumerate(chunks):
            for item in chunk:
                for x in self._operands(item):
                    if scope.mine(x):
                        last[x] = c  # type: ignore[index]
        ending: list[list[int]] = [[] for _ in chunks]
        for c, chunk in enumerate(chunks):
            for x in chunk:
                if x >= 0 and (x in self.forever or last[x] > c):
                    scope.slots[x] = free.pop() if free else self._new_slot()
                    if x not in self.forever:
                        ending[last[x]].append(scope.slots[x])
            free += ending[c]

    def _new_slot(self) -> int:
        self.memory += 1
        return self.memory - 1

    def function(self, chunk: list[int]) -> None:
        scope, name = self.scope, f"@{'each' if self.scope.moving else 'once'}{len(self.names)}"
        self.names.append(name)
        parameters = EACH if scope.moving else ONCE
        lines = [f"define internal void {name}({parameters}) {scope.machine.attributes} {{"]
        if scope.moving:
            inputs, lanes = sum(scope.program.widths) * scope.lanes, 0 if scope.program.reduce else scope.lanes
            lines.append(BLOCK.format(frame=self.frame, inputs=inputs, lanes=lanes))
        body = Body(scope, lines)
        for item in chunk:
            body.step(item) if item >= 0 else self._output(body, ~item)
        lines += [*([NEXT] if scope.moving else []), "  ret void", "}", ""]
        self.lines.append("\n".join(lines))  # in half the memory of its lines

    def _output(self, body: Body, i: int) -> None:
        """Store output i, or add it to its sum."""
        program, lanes = self.scope.program, self.scope.lanes
        y = program.outputs[i]
        if not program.widths:
            body.store(y, "%o", i)
        elif not self.scope.moving:  # equal for every sample: `finish` multiplies it by their number
            slot = self._new_slot()
            body.store(y, "%u", slot)
            self.totals[i] = ~slot
        elif program.reduce is None:
            body.write(body.value(y), body.at("%o", body.new(f"mul i64 %stride, {i}")), ", align 8")
        else:
            if y not in self.sums:
                self.sums[y] = k = len(self.sums)
                value, sofar = body.value(y), body.load("%o", k)
                total = body.new(f"fadd{self.scope.flag} {self.scope.type} {sofar}, {value}")
                body.write(total, body.at("%o", k * lanes))
            self.totals[i] = self.sums[y]

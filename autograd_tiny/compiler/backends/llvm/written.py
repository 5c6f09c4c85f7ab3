"""Write steps in LLVM assembly: an instruction or a function call, on a double or on a vector of doubles."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from autograd_tiny.engine.op import Op
from autograd_tiny.transforms.program import Place, Program

SIGNS = {"+": "fadd", "-": "fsub", "*": "fmul", "/": "fdiv"}
COMPARED = {"<": "olt", "<=": "ole", ">": "ogt", ">=": "oge", "==": "oeq", "!=": "une"}
INTRINSICS = ("fabs", "sqrt")
SIMPLE = frozenset(
    (*SIGNS, *COMPARED, *INTRINSICS, "neg", "select")
)  # one instruction; other words are library functions
UNPREDICTABLE = ", !unpredictable !0"  # of a select: LLVM makes no branch of it; wrong guesses cost 20 times as much
RELOAD_AFTER = 60  # steps: long live ranges of registers dominate compile time


class Machine(NamedTuple):
    """Target of code generation: lanes per register, and the vector versions of C library functions by name."""

    lanes: int
    vector: dict[str, str]

    @property
    def attributes(self) -> str:
        """Attributes that make LLVM use full registers, even if the processor's tuning prefers narrower ones."""
        bits = 64 * self.lanes
        return f'nounwind "min-legal-vector-width"="{bits}" "prefer-vector-width"="{bits}"'


@dataclass
class Scope:
    """Context of all functions of one phase: steps computed once per call, or in vectors for each block."""

    program: Program
    machine: Machine
    varies: bytearray  # per place, 1 if it differs between samples
    moving: bool  # vectors over samples; otherwise doubles, once per call
    contract: bool
    slots: dict[int, int] = field(default_factory=dict)  # of values passed between functions
    once: dict[int, int] = field(default_factory=dict)  # slots of the phase before this one
    callbacks: dict[tuple[Op, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lanes = self.machine.lanes if self.moving else 1
        self.type = f"<{self.lanes} x double>" if self.moving else "double"
        self.mask = f"<{self.lanes} x i1>" if self.moving else "i1"
        self.suffix = f"v{self.lanes}f64" if self.moving else "f64"
        self.memory = "%v" if self.moving else "%u"
        self.flag = " contract" if self.contract else ""

    def op(self, place: int) -> Op:
        steps = self.program.steps
        return steps.ops[steps.code[place - steps.inputs]]

    def mine(self, x: Place) -> bool:
        """True if x is a step of this phase."""
        return x.__class__ is int and x >= len(self.program.inputs) and self.varies[x] == self.moving

    def all_lanes(self, kind: str, x: str) -> str:
        """Constant with x in every lane."""
        return f"<{', '.join([f'{kind} {x}'] * self.lanes)}>" if self.moving else x

    def constant(self, x: float) -> str:
        return self.all_lanes("double", f"0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}")


class Body:
    """Instructions of one function, under construction."""

    def __init__(self, scope: Scope, lines: list[str]) -> None:
        self.scope, self.lines = scope, lines
        self.names: dict[int, str] = {}
        self.masks: dict[int, str] = {}  # results of comparisons as bits; converted to doubles on demand
        self.loaded: dict[int, int] = {}  # for values from memory: number of steps before the load
        self.count = self.steps = 0

    def step(self, place: int) -> None:
        """Compute a step, and store it if another function uses it."""
        scope = self.scope
        op, operands = scope.program.steps[place - len(scope.program.inputs)]
        word, t = op.machine, scope.type
        self.steps += 1
        if word in COMPARED:
            self.masks[place] = self._compared(word, *operands)
        elif word == "select":
            mask, (a, b) = self._mask(operands[0]), map(self.value, operands[1:])
            self._define(place, f"select {scope.mask} {mask}, {t} {a}, {t} {b}{UNPREDICTABLE}")
        elif word not in SIMPLE:
            self.names[place] = self._called(op, operands)
        else:
            xs = [self.value(x) for x in operands]
            if word in SIGNS:
                self._define(place, f"{SIGNS[word]}{scope.flag} {t} {', '.join(xs)}")
            elif word == "neg":
                self._define(place, f"fneg {t} {xs[0]}")
            else:
                self._define(place, f"call {t} @llvm.{word}.{scope.suffix}({t} {xs[0]})")
        if (slot := scope.slots.get(place)) is not None:
            self.store(place, scope.memory, slot)

    def value(self, x: Place) -> str:
        """Name of x, loaded from memory as needed; text of a constant."""
        scope = self.scope
        if x.__class__ is not int:
            return scope.constant(x)
        name = self.names.get(x)
        if name is not None and self.steps - self.loaded.get(x, self.steps) <= RELOAD_AFTER:
            return name
        if x in self.masks:
            one, zero = scope.constant(1.0), scope.constant(0.0)
            self._define(x, f"select {scope.mask} {self.masks[x]}, {scope.type} {one}, {scope.type} {zero}")
            return self.names[x]
        kind = "load volatile" if name else "load"  # otherwise LLVM merges the loads and keeps the register
        self.loaded[x] = self.steps
        shared = scope.program.shared
        if shared <= x < len(scope.program.inputs):
            self.names[x] = self.load("%x", x - shared, kind)
        elif scope.mine(x):
            self.names[x] = self.load(scope.memory, scope.slots[x], kind)
        else:
            memory, place = ("%s", x) if x < shared else ("%u", scope.once[x])
            self.names[x] = self._in_all_lanes(self.new(f"{kind} double, ptr {self.at(memory, place)}"))
        return self.names[x]

    def load(self, memory: str, slot: int, kind: str = "load") -> str:
        return self.new(f"{kind} {self.scope.type}, ptr {self.at(memory, slot * self.scope.lanes)}")

    def store(self, x: Place, memory: str, slot: int) -> None:
        self.write(self.value(x), self.at(memory, slot * self.scope.lanes))

    def write(self, name: str, address: str, more: str = "") -> None:
        self.lines.append(f"  store {self.scope.type} {name}, ptr {address}{more}")

    def at(self, memory: str, doubles: int | str) -> str:
        """Address at an offset counted in doubles."""
        return self.new(f"getelementptr double, ptr {memory}, i64 {doubles}") if doubles else memory

    def new(self, text: str) -> str:
        self.count += 1
        self.lines.append(f"  %t{self.count} = {text}")
        return f"%t{self.count}"

    def _define(self, place: int, text: str) -> None:
        self.names[place] = name = f"%v{place}"
        self.lines.append(f"  {name} = {text}")

    def _in_all_lanes(self, name: str) -> str:
        if not self.scope.moving:
            return name
        t, n = self.scope.type, self.scope.lanes
        lane = self.new(f"insertelement {t} poison, double {name}, i64 0")
        return self.new(f"shufflevector {t} {lane}, {t} poison, <{n} x i32> zeroinitializer")

    def _mask(self, x: Place) -> str:
        """Bits that are 1 if x != 0, which includes nan."""
        return self._compared("!=", x, 0.0)

    def _compared(self, word: str, a: Place, b: Place) -> str:
        scope = self.scope
        mask = self.masks.get(a) if a.__class__ is int else None
        if mask is not None and b.__class__ is float and b == 0 and word in ("!=", "=="):  # a is a comparison itself
            return mask if word == "!=" else self.new(f"xor {scope.mask} {mask}, {scope.all_lanes('i1', 'true')}")
        return self.new(f"fcmp {COMPARED[word]} {scope.type} {self.value(a)}, {self.value(b)}")

    def _called(self, op: Op, operands: Sequence[Place]) -> str:
        """Call a function of the C library, on a vector or lane by lane, or the op's Python function."""
        scope = self.scope
        xs, t = [self.value(x) for x in operands], scope.type
        if scope.moving and op.machine in scope.machine.vector:
            return self.new(f"call {t} @{scope.machine.vector[op.machine]}({', '.join(f'{t} {x}' for x in xs)})")
        function = f"@{op.machine}"
        if not op.machine:
            function = self.new(f"load ptr, ptr {self.at('@callbacks', scope.callbacks[op, len(xs)])}")
        if not scope.moving:
            return self.new(f"call double {function}({', '.join(f'double {x}' for x in xs)})")
        whole = "poison"
        for lane in range(scope.lanes):
            parts = [self.new(f"extractelement {t} {x}, i64 {lane}") for x in xs]
            y = self.new(f"call double {function}({', '.join(f'double {x}' for x in parts)})")
            whole = self.new(f"insertelement {t} {whole}, double {y}, i64 {lane}")
        return whole


def declared(program: Program, machine: Machine) -> list[str]:
    """Declarations of called functions, and the table of Python callbacks, which is filled after loading."""
    vector = f"<{machine.lanes} x double>"
    types = (("double", "f64"), (vector, f"v{machine.lanes}f64"))
    lines = [f"declare {t} @llvm.{word}.{suffix}({t})" for word in INTRINSICS for t, suffix in types]
    called = {op.machine: arity for op, arity in program.steps.kinds() if op.machine not in SIMPLE}
    for word, arity in called.items():
        if word:
            lines.append(f"declare double @{word}({', '.join(['double'] * arity)}) nounwind")
        if word in machine.vector:
            lines.append(f"declare {vector} @{machine.vector[word]}({', '.join([vector] * arity)}) nounwind")
    return [*lines, f"@callbacks = global [{len(callbacks(program))} x ptr] zeroinitializer", "!0 = !{}", ""]


def callbacks(program: Program) -> list[tuple[Op, int]]:
    """Distinct (op, arity) pairs that only the op's Python function can compute."""
    return [kind for kind in program.steps.kinds() if not kind[0].machine]

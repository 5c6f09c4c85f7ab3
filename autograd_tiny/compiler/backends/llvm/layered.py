"""Write a program in LLVM assembly as loops over its layers, instead of one instruction per step.

Each group of a plan is a function that goes through the frames of several blocks of samples. A frame has a vector per
row. A few blocks go through all maps and matrix products, then many through the sums over the batch; what is not added
to sums lies in frames that the next few blocks use again. Matrix products compute a tile of results for several blocks
at a time; outer products keep a tile of sums in registers while they go through the blocks. Each sum is added in the
order of the steps, so that results are equal to those of straight-line code to the bit; with `contract`, other products
may be fused with sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from autograd_tiny.compiler.backends.llvm.functions import EACH, Functions, Phase
from autograd_tiny.compiler.backends.llvm.gathering import Array, Gathered, Tables
from autograd_tiny.compiler.backends.llvm.rows import parted
from autograd_tiny.compiler.backends.llvm.tiles import Tiles, cut
from autograd_tiny.compiler.backends.llvm.written import Body, Machine, Scope, callbacks, declared
from autograd_tiny.compiler.layers import Map, Outer, Plan, Product, Sum, line
from autograd_tiny.transforms.program import Program

SUMS = 8  # of rows at a time
MIN_BLOCKS, MAX_BLOCKS = 8, 32  # at a time: a tile of sums stays in registers for as many terms
MAX_DOUBLES = 1 << 17  # in their frames


def layered(program: Program, plan: Plan, machine: Machine, *, contract: bool) -> Functions:
    """Write the functions of a prepared program by its plan."""
    plan, far = parted(plan, sum(program.widths), summed=program.reduce is not None)
    calls = {call: i for i, call in enumerate(callbacks(program))}
    varies, n = plan.varies, len(program.inputs)
    once = Phase(Scope(program, machine, varies, False, contract, callbacks=calls))
    once.items = [place for place in range(n, n + len(program.steps)) if not varies[place]]
    once.forever.update(once.items)
    if program.reduce:
        once.items += [~i for i, y in enumerate(plan.outputs) if y is None]
    once.write()
    writer = _Writer(program, plan, far, machine, once, contract)
    each, after = writer.groups()
    clear = tuple(writer.clear()) if plan.sums else ()
    text = [*declared(program, machine), *once.lines, *writer.text()]
    totals = [once.totals[i] if y is None else y for i, y in enumerate(plan.outputs)] if program.reduce else []
    return Functions(
        "\n".join(text),
        [*once.names, "@collect"],
        each,
        after,
        writer.gathered.used,
        writer.frame,
        totals,
        plan.sums,
        sum(item >= 0 for item in once.items),
        max(MIN_BLOCKS, min(MAX_BLOCKS, MAX_DOUBLES // writer.frame)),
        writer.tiles.samples,
        clear,
    )


class _Writer:
    """Functions of the groups of a plan."""

    def __init__(self, program: Program, plan: Plan, far: int, machine: Machine, once: Phase, contract: bool) -> None:
        self.program, self.plan, self.far, self.machine = program, plan, far, machine
        self.scope = once.scope
        self.lanes = machine.lanes
        rows = max(far, plan.rows - far)
        self.frame = (rows | 1) * machine.lanes  # odd, or the same row of many frames shares a set of the cache
        self.contract = contract
        self.tables = Tables()
        self.tiles = Tiles(machine, self.frame, contract=contract)
        self.gathered = Gathered(program.shared, once.scope.slots.__getitem__, once.memory, plan.constants, self.tables)
        self.lines: list[str] = []
        self.type = f"<{machine.lanes} x double>"

    def groups(self) -> tuple[list[str], list[str]]:
        """Write all groups; return the names of functions for a few blocks, and for many, in the order of calls."""
        each: list[str] = []
        after: list[str] = []
        for group in self.plan.groups:
            (after if isinstance(group, Outer | Sum) else each).append(self._function(self._group(group)))
        if not self.program.reduce and self.program.outputs:
            after.append(self._function(self._given(np.array(self.plan.outputs))))
        return each, after

    def clear(self) -> Iterator[str]:
        """Clear lanes from %lanes on in the rows that are added to sums; a sum that began with 0.0 keeps its bits."""
        rows: set[int] = set()
        for group in self.plan.groups:
            if isinstance(group, Outer):
                rows.update([*group.left.tolist(), *group.right.tolist()])
            elif isinstance(group, Sum):
                rows.update(group.rows.tolist())
        n, t = self.lanes, self.type
        numbers = ", ".join(f"i64 {i}" for i in range(n))
        yield f"  %count_0 = insertelement <{n} x i64> poison, i64 %lanes, i64 0"
        yield f"  %count = shufflevector <{n} x i64> %count_0, <{n} x i64> poison, <{n} x i32> zeroinitializer"
        yield f"  %real = icmp ult <{n} x i64> <{numbers}>, %count"
        inside = [
            *self._vector("%y", np.array(sorted(rows)), "%r"),
            f"  %z = select <{n} x i1> %real, {t} %y, {t} zeroinitializer",
            f"  store {t} %z, ptr %y_p",
        ]
        yield from _loop("r", str(len(rows)), inside)

    def _group(self, group: Product | Map | Outer | Sum) -> Iterator[str]:
        match group:
            case Product():
                return self._product(group)
            case Map():
                return self._map(group)
            case Outer():
                return self._outer(group)
            case Sum():
                return self._sum(group)

    def text(self) -> list[str]:
        """Lines of everything."""
        gathered = list(self.gathered.write(self.machine.attributes))
        return [*self.tables.text(), *gathered, *self.tiles.text(), *self.lines]

    def _function(self, body: Iterator[str]) -> str:
        name = f"@each{sum(x.startswith('define') for x in self.lines)}"
        self.lines += [f"define internal void {name}({EACH}) {self.machine.attributes} {{", "entry:", *body]
        self.lines += ["  ret void", "}", ""]
        return name

    def _vector(self, name: str, rows: Array, at: str | None) -> Iterator[str]:
        """Load the vector of a row into `name`; of rows[at] if `at` is given."""
        frame, first = self._place(int(rows[0]))
        index, lines = self._index(name, rows - (int(rows[0]) - first), at)
        yield from lines
        yield f"  {name}_m = mul i64 {index}, {self.lanes}"
        yield f"  {name}_p = getelementptr double, ptr {frame}, i64 {name}_m"
        yield f"  {name} = load {self.type}, ptr {name}_p"

    def _place(self, row: int) -> tuple[str, int]:
        """Frame of a row, %x of one for many blocks or %v of one for a few, and its place there."""
        return ("%x", row) if row < self.far else ("%v", row - self.far)

    def _index(self, name: str, rows: Array, at: str | None) -> tuple[str, list[str]]:
        """Name of rows[at] as an integer, and the lines that compute it."""
        found = line(rows)
        if at is None or (found and not found[1]):
            return str(int(rows[0])), []
        if found:
            start, step = found
            lines = [f"  {name}_s = mul i64 {at}, {step}", f"  {name}_i = add i64 {name}_s, {start}"]
            return f"{name}_i", lines
        lines = [
            f"  {name}_t = getelementptr i32, ptr {self.tables.name(rows)}, i64 {at}",
            f"  {name}_h = load i32, ptr {name}_t",
            f"  {name}_i = sext i32 {name}_h to i64",
        ]
        return f"{name}_i", lines

    def _map(self, group: Map) -> Iterator[str]:
        inside: list[str] = []
        before: list[str] = []
        above: list[str] = []
        template = Program(("",) * len(group.leaves), group.steps, ())
        scope = Scope(
            template, self.machine, bytearray(b"\1" * (len(group.leaves) + len(group.steps))), True, self.contract
        )
        scope.callbacks = self.scope.callbacks
        body = Body(scope, inside)
        for i, (varies, column) in enumerate(group.leaves):
            name = body.names[i] = f"%leaf{i}"
            same = group.size == 1 or bool((column == column[0]).all())
            if varies:
                (before if same else inside).extend(self._vector(name, column, None if same else "%r"))
            else:
                into, offset = (above if same else inside), self.gathered.at(column[:1] if same else column)
                into.append(f"  {name}_u = getelementptr double, ptr %u, i64 {offset}")
                into.append(f"  {name}_p = getelementptr double, ptr {name}_u, i64 {0 if same else '%r'}")
                into.append(f"  {name}_d = load double, ptr {name}_p")
                into.extend(self.tiles.splat(name, f"{name}_d"))
        for place in range(len(group.leaves), len(group.leaves) + len(group.steps)):
            body.step(place)
        result = body.value(len(group.leaves) + len(group.steps) - 1)
        frame, out = self._place(group.out)
        inside.append(f"  %at = add i64 %r, {out}")
        inside.append(f"  %into = mul i64 %at, {self.lanes}")
        inside.append(f"  %q = getelementptr double, ptr {frame}, i64 %into")
        inside.append(f"  store {self.type} {result}, ptr %q")
        yield from above
        yield from _loop("b", "%blocks", [*self._frame("b"), *before, *_loop("r", str(group.size), inside)])

    def _frame(self, block: str) -> list[str]:
        return [
            f"  %f = mul i64 %{block}, {self.frame}",
            "  %x = getelementptr double, ptr %w, i64 %f",
            "  %v = getelementptr double, ptr %to, i64 %f",
        ]

    def _product(self, group: Product) -> Iterator[str]:
        (start, step), terms = line(group.operands) or (0, 1), len(group.operands)
        (source, start), (into, out) = self._place(start), self._place(group.out)
        many = self.tiles.samples
        yield f"  %many = udiv i64 %blocks, {many}"
        yield f"  %whole = mul i64 %many, {many}"
        yield "  %rest = sub i64 %blocks, %whole"
        for loop, samples, count in (("b", many, "%many"), ("e", 1, "%rest")):
            first = f"%{loop}_first"
            inside = [
                f"  {first} = mul i64 %{loop}, {samples}" if samples > 1 else f"  {first} = add i64 %{loop}, %whole",
                f"  %f_{loop} = mul i64 {first}, {self.frame}",
                f"  %x_{loop} = getelementptr double, ptr %w, i64 %f_{loop}",
                f"  %v_{loop} = getelementptr double, ptr %to, i64 %f_{loop}",
                f"  %y_{loop} = getelementptr double, ptr {source}_{loop}, i64 {start * self.lanes}",
            ]
            row = 0
            for k, (tiles, rows) in enumerate(cut(len(group.weights), self.tiles.rows)):
                part = slice(row, row + tiles * rows)
                packed = group.weights[part].reshape(tiles, rows, terms).transpose(0, 2, 1)
                init = "poison" if group.init is None else f"%i_{loop}{k}"
                name = self.tiles.product(rows, samples, continues=group.init is None)
                here = [
                    f"  %t_{loop}{k} = mul i64 %{loop}{k}, {rows * terms}",
                    f"  %w_{loop}{k} = getelementptr double, ptr %u, i64 {self.gathered.at(packed)}",
                    f"  %a_{loop}{k} = getelementptr double, ptr %w_{loop}{k}, i64 %t_{loop}{k}",
                    f"  %r_{loop}{k} = mul i64 %{loop}{k}, {rows}",
                    f"  %s_{loop}{k} = mul i64 %r_{loop}{k}, {self.lanes}",
                    f"  %z_{loop}{k} = getelementptr double, ptr {into}_{loop}, i64 {(out + row) * self.lanes}",
                    f"  %o_{loop}{k} = getelementptr double, ptr %z_{loop}{k}, i64 %s_{loop}{k}",
                ]
                if group.init is not None:
                    offset = self.gathered.at(group.init[part])
                    here.append(f"  %j_{loop}{k} = getelementptr double, ptr %u, i64 {offset}")
                    here.append(f"  {init} = getelementptr double, ptr %j_{loop}{k}, i64 %r_{loop}{k}")
                here.append(
                    f"  call void {name}(ptr %a_{loop}{k}, ptr {init}, ptr %y_{loop}, i64 {step * self.lanes}, "
                    f"ptr %o_{loop}{k}, i64 {terms})"
                )
                inside += _loop(f"{loop}{k}", str(tiles), here)
                row += tiles * rows
            yield f"  %any_{loop} = icmp ugt i64 {count}, 0"
            yield f"  br i1 %any_{loop}, label %some_{loop}, label %past_{loop}"
            yield f"some_{loop}:"
            yield from _loop(loop, count, inside)
            yield f"  br label %past_{loop}"
            yield f"past_{loop}:"

    def _outer(self, group: Outer) -> Iterator[str]:
        (left, by_left), (right, by_right) = line(group.left) or (0, 1), line(group.right) or (0, 1)
        width = len(group.right)
        yield f"  %l = getelementptr double, ptr %w, i64 {left * self.lanes}"
        yield f"  %r = getelementptr double, ptr %w, i64 {right * self.lanes}"
        yield f"  %sums = getelementptr double, ptr %to, i64 {group.out * self.lanes}"
        row = 0
        for i, (high, rows) in enumerate(cut(len(group.left), self.tiles.left)):
            inside, column = [], 0
            inside.append(f"  %h{i} = mul i64 %i{i}, {rows * by_left * self.lanes}")
            inside.append(f"  %g{i} = add i64 %h{i}, {row * by_left * self.lanes}")
            inside.append(f"  %l{i} = getelementptr double, ptr %l, i64 %g{i}")
            inside.append(f"  %n{i} = mul i64 %i{i}, {rows * width * self.lanes}")
            inside.append(f"  %m{i} = add i64 %n{i}, {row * width * self.lanes}")
            inside.append(f"  %o{i} = getelementptr double, ptr %sums, i64 %m{i}")
            for j, (wide, columns) in enumerate(cut(width, self.tiles.right)):
                name, k = self.tiles.outer(rows, columns, (by_left, by_right)), f"{i}_{j}"
                here = [
                    f"  %c{k} = mul i64 %j{k}, {columns * by_right * self.lanes}",
                    f"  %d{k} = add i64 %c{k}, {column * by_right * self.lanes}",
                    f"  %r{k} = getelementptr double, ptr %r, i64 %d{k}",
                    f"  %e{k} = mul i64 %j{k}, {columns * self.lanes}",
                    f"  %k{k} = add i64 %e{k}, {column * self.lanes}",
                    f"  %o{k} = getelementptr double, ptr %o{i}, i64 %k{k}",
                    f"  call void {name}(ptr %l{i}, ptr %r{k}, ptr %o{k}, i64 {width * self.lanes}, "
                    "i64 %blocks, i64 %stride)",
                ]
                inside += _loop(f"j{k}", str(wide), here)
                column += wide * columns
            yield from _loop(f"i{i}", str(high), inside)
            row += high * rows

    def _sum(self, group: Sum) -> Iterator[str]:
        start, step = line(group.rows) or (0, 1)
        yield f"  %l = getelementptr double, ptr %w, i64 {start * self.lanes}"
        yield f"  %sums = getelementptr double, ptr %to, i64 {group.out * self.lanes}"
        row = 0
        for i, (many, rows) in enumerate(cut(len(group.rows), SUMS)):
            inside = [
                f"  %h{i} = mul i64 %i{i}, {rows * step * self.lanes}",
                f"  %g{i} = add i64 %h{i}, {row * step * self.lanes}",
                f"  %l{i} = getelementptr double, ptr %l, i64 %g{i}",
                f"  %n{i} = mul i64 %i{i}, {rows * self.lanes}",
                f"  %m{i} = add i64 %n{i}, {row * self.lanes}",
                f"  %o{i} = getelementptr double, ptr %sums, i64 %m{i}",
                f"  call void {self.tiles.total(rows, step)}(ptr %l{i}, ptr %o{i}, i64 %blocks, i64 %stride)",
            ]
            yield from _loop(f"i{i}", str(many), inside)
            row += many * rows

    def _given(self, rows: Array) -> Iterator[str]:
        """Write the outputs of each sample."""
        inside = [
            *self._vector("%y", rows, "%r"),
            "  %i = mul i64 %r, %stride",
            f"  %l = mul i64 %b, {self.lanes}",
            "  %at = add i64 %i, %l",
            "  %q = getelementptr double, ptr %to, i64 %at",
            f"  store {self.type} %y, ptr %q, align 8",
        ]
        yield from _loop("b", "%blocks", [*self._frame("b"), *_loop("r", str(len(rows)), inside)])


def _loop(i: str, count: str, inside: Sequence[str]) -> Iterator[str]:
    """Repeat lines for %i = 0, …, count - 1; count is at least 1."""
    yield from (f"  br label %start_{i}", f"start_{i}:", f"  br label %loop_{i}", f"loop_{i}:")
    yield f"  %{i} = phi i64 [0, %start_{i}], [%next_{i}, %ended_{i}]"
    yield from inside
    yield from (f"  br label %ended_{i}", f"ended_{i}:", f"  %next_{i} = add i64 %{i}, 1")
    yield f"  %more_{i} = icmp ult i64 %next_{i}, {count}"
    yield from (f"  br i1 %more_{i}, label %loop_{i}, label %end_{i}", f"end_{i}:")

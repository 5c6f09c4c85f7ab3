"""Write an interpreter of programs in LLVM assembly: one block of code per machine word, for doubles and for vectors.

once(code, u)                                                       run the instructions on a table u of doubles
each(code, border, frames, base, end, stride, tables, w, o)         run them on rows of vectors, for samples base to end
single(code, constants, many, outputs, count, inputs, s, u, o)      fill u, run `once`, gather the outputs
spread(places, count, u, w)                                         fill vectors at w with shared values

An instruction is five integers: word, places of up to three operands, place of the result. Word 0 ends the program.
For `each`, a place counts vectors at w; those below `border` hold one shared value and are used for every frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from string import Template

from autograd_tiny.compiler.backends.llvm.written import Body, Machine, Scope, declared
from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Op
from autograd_tiny.transforms.program import Program, Step

FIELDS = 5  # integers of an instruction


def _words() -> dict[str, tuple[Op, int]]:
    """An op with each machine word, and its number of operands."""
    rows = [(row, row.partials) for row in ops.TABLE.values() if row.machine]
    return {row.machine: (row, len(partials)) for row, partials in rows if isinstance(partials, tuple)}


WORDS = {word: (i, arity) for i, (word, (_, arity)) in enumerate(_words().items(), 1)}  # number and operands
PACK, OUT, SUM = range(len(WORDS) + 1, len(WORDS) + 4)  # of `each`: read a column of a table, write a row, add it up


def text(machine: Machine, moving: bool) -> str:
    """Assembly of the interpreter for one processor: `each` and `spread` if it is `moving`, else `single`.

    Each is compiled when it is first needed, because they take 3 and 45 ms.
    """
    operands = ("a", "b", "c")
    program = Program(operands, tuple(Step(op, tuple(range(n))) for op, n in _words().values()), ())
    scope = Scope(program, machine, bytearray(b"\0\0\0") + bytes(len(program.steps)), moving, contract=False)
    names = {"A": machine.attributes, "n": machine.lanes, "t": f"<{machine.lanes} x double>"}
    around = Template(AROUND_EACH if moving else AROUND_ONCE).substitute(names)
    return "\n".join([*declared(program, machine), *_walk(program, scope)]) + around


def _walk(program: Program, scope: Scope) -> Iterator[str]:
    """Lines of `once` or `each`."""
    name = "each" if scope.moving else "once"
    labels = ["halt", *(f"op{i}" for i in range(1, len(program.steps) + 1))] + scope.moving * ["pack", "out", "sum"]
    blocks = ", ".join(f"ptr blockaddress(@{name}, %{label})" for label in labels)
    yield f"@{name}.blocks = internal constant [{len(labels)} x ptr] [{blocks}]"
    parameters = EACH if scope.moving else "ptr %code, ptr %w"
    yield f"define void @{name}({parameters}) {scope.machine.attributes} {{"
    yield from ("entry:", "  br label %next", "next:")
    sources = [(f"%{'loop' if scope.moving else ''}{label}", "%after") for label in labels[1:]]
    yield f"  %i = phi ptr {', '.join(f'[{x}, {label}]' for label, x in [('%entry', '%code'), *sources])}"
    yield from NEXT.format(name=name, labels=", ".join(f"label %{label}" for label in labels)).splitlines()
    body = Body(scope, lines := [])
    for i, step in enumerate(program.steps):
        count, label = len(step.operands), labels[i + 1]
        lines.append(f"{label}:")
        places = [_field(body, k) for k in (*range(1, count + 1), FIELDS - 1)]
        *given, result = [_row(body, place) for place in places]
        if scope.moving:
            shared = [body.new(f"icmp ult i64 {p}, %border") for p in places[:-1]]
            masks = [body.new(f"select i1 {bit}, i64 0, i64 -1") for bit in shared]
            lines += [f"  br label %loop{label}", f"loop{label}:"]
            lines.append(f"  %j{i} = phi i64 [0, %{label}], [%k{i}, %loop{label}]")
            given = [_frame(body, p, body.new(f"and i64 %j{i}, {m}")) for p, m in zip(given, masks, strict=True)]
            result = _frame(body, result, f"%j{i}")
        body.names = {k: body.new(f"load {scope.type}, ptr {p}") for k, p in enumerate(given)}
        body.step(place := i + len(program.inputs))
        body.write(body.value(place), result)
        if scope.moving:
            lines += [f"  %k{i} = add i64 %j{i}, 1", f"  %m{i} = icmp ult i64 %k{i}, %frames"]
        lines.append(f"  br i1 %m{i}, label %loop{label}, label %next" if scope.moving else "  br label %next")
    yield from lines
    if scope.moving:
        lanes = ", ".join(f"i64 {i}" for i in range(scope.lanes))
        names = {"n": scope.lanes, "t": scope.type, "lanes": f"<{lanes}>", "mask": scope.mask}
        yield Template(ROWS).substitute(names, zero=scope.all_lanes("double", "0.0"))
    yield "}\n"


def _field(body: Body, k: int) -> str:
    number = body.new(f"load i32, ptr {body.new(f'getelementptr i32, ptr %i, i64 {k}')}")
    return body.new(f"zext i32 {number} to i64")


def _row(body: Body, place: str) -> str:
    return body.new(f"getelementptr {body.scope.type}, ptr %w, i64 {place}")


def _frame(body: Body, row: str, frame: str) -> str:
    return body.new(f"getelementptr {body.scope.type}, ptr {row}, i64 {frame}")


EACH = (
    "ptr %code, i64 %border, i64 %frames, i64 %base, i64 %end, i64 %stride, "
    "ptr noalias %tables, ptr noalias %w, ptr noalias %o"
)

NEXT = """\
  %word = load i32, ptr %i
  %number = zext i32 %word to i64
  %entry.at = getelementptr ptr, ptr @{name}.blocks, i64 %number
  %to = load ptr, ptr %entry.at
  %after = getelementptr i32, ptr %i, i64 5
  indirectbr ptr %to, [{labels}]
halt:
  ret void"""

# Lanes past the end repeat the last sample, and are neither written nor added.
ROWS = """\
pack:
  %pack.a = getelementptr i32, ptr %i, i64 1
  %pack.b = getelementptr i32, ptr %i, i64 2
  %pack.c = getelementptr i32, ptr %i, i64 3
  %pack.r = getelementptr i32, ptr %i, i64 4
  %table.i = load i32, ptr %pack.a
  %width.i = load i32, ptr %pack.b
  %column.i = load i32, ptr %pack.c
  %row.i = load i32, ptr %pack.r
  %width = zext i32 %width.i to i64
  %column = zext i32 %column.i to i64
  %row = zext i32 %row.i to i64
  %table.at = getelementptr ptr, ptr %tables, i32 %table.i
  %table = load ptr, ptr %table.at
  %first = getelementptr double, ptr %table, i64 %column
  %into = getelementptr $t, ptr %w, i64 %row
  %samples = mul i64 %frames, $n
  %last = sub i64 %end, 1
  br label %looppack
looppack:
  %s = phi i64 [0, %pack], [%s1, %looppack]
  %here = add i64 %base, %s
  %past = icmp ugt i64 %here, %last
  %sample = select i1 %past, i64 %last, i64 %here
  %offset = mul i64 %sample, %width
  %x.at = getelementptr double, ptr %first, i64 %offset
  %x = load double, ptr %x.at
  %y.at = getelementptr double, ptr %into, i64 %s
  store double %x, ptr %y.at
  %s1 = add i64 %s, 1
  %more = icmp ult i64 %s1, %samples
  br i1 %more, label %looppack, label %next
out:
  %out.a = getelementptr i32, ptr %i, i64 1
  %out.b = getelementptr i32, ptr %i, i64 2
  %out.i = load i32, ptr %out.a
  %number.i = load i32, ptr %out.b
  %out.row = zext i32 %out.i to i64
  %out.number = zext i32 %number.i to i64
  %out.shared = icmp ult i64 %out.row, %border
  %out.from = getelementptr $t, ptr %w, i64 %out.row
  %out.offset = mul i64 %out.number, %stride
  %out.place = add i64 %out.offset, %base
  %out.to = getelementptr double, ptr %o, i64 %out.place
  br label %loopout
loopout:
  %f = phi i64 [0, %out], [%f1, %loopout]
  %f.in = select i1 %out.shared, i64 0, i64 %f
  %f.at = getelementptr $t, ptr %out.from, i64 %f.in
  %f.x = load $t, ptr %f.at
  %f.done = mul i64 %f, $n
  %f.base = add i64 %base, %f.done
  %f.rest = sub i64 %end, %f.base
  %f.one = insertelement <$n x i64> poison, i64 %f.rest, i64 0
  %f.all = shufflevector <$n x i64> %f.one, <$n x i64> poison, <$n x i32> zeroinitializer
  %f.mask = icmp slt <$n x i64> $lanes, %f.all
  %f.to = getelementptr $t, ptr %out.to, i64 %f
  call void @llvm.masked.store.v${n}f64.p0($t %f.x, ptr align 8 %f.to, $mask %f.mask)
  %f1 = add i64 %f, 1
  %f.more = icmp ult i64 %f1, %frames
  br i1 %f.more, label %loopout, label %next
sum:
  %sum.a = getelementptr i32, ptr %i, i64 1
  %sum.b = getelementptr i32, ptr %i, i64 2
  %sum.i = load i32, ptr %sum.a
  %total.i = load i32, ptr %sum.b
  %sum.row = zext i32 %sum.i to i64
  %sum.number = zext i32 %total.i to i64
  %sum.from = getelementptr $t, ptr %w, i64 %sum.row
  %sum.to = getelementptr $t, ptr %o, i64 %sum.number
  %sum.before = load $t, ptr %sum.to
  br label %loopsum
loopsum:
  %g = phi i64 [0, %sum], [%g1, %loopsum]
  %g.before = phi $t [%sum.before, %sum], [%g.after, %loopsum]
  %g.at = getelementptr $t, ptr %sum.from, i64 %g
  %g.x = load $t, ptr %g.at
  %g.done = mul i64 %g, $n
  %g.base = add i64 %base, %g.done
  %g.rest = sub i64 %end, %g.base
  %g.one = insertelement <$n x i64> poison, i64 %g.rest, i64 0
  %g.all = shufflevector <$n x i64> %g.one, <$n x i64> poison, <$n x i32> zeroinitializer
  %g.mask = icmp slt <$n x i64> $lanes, %g.all
  %g.y = select $mask %g.mask, $t %g.x, $t $zero
  %g.after = fadd $t %g.before, %g.y
  store $t %g.after, ptr %sum.to
  %g1 = add i64 %g, 1
  %g.more = icmp ult i64 %g1, %frames
  br i1 %g.more, label %loopsum, label %next"""

AROUND_ONCE = """
define internal void @copy(i64 %count, ptr %from, ptr %to) $A {
entry:
  br label %test
test:
  %k = phi i64 [0, %entry], [%k1, %one]
  %more = icmp ult i64 %k, %count
  br i1 %more, label %one, label %done
one:
  %p = getelementptr double, ptr %from, i64 %k
  %q = getelementptr double, ptr %to, i64 %k
  %x = load double, ptr %p
  store double %x, ptr %q
  %k1 = add i64 %k, 1
  br label %test
done:
  ret void
}

define void @single(ptr %code, ptr %constants, i64 %many, ptr %outputs, i64 %count, i64 %inputs,
                    ptr %s, ptr %u, ptr %o) $A {
entry:
  call void @copy(i64 %inputs, ptr %s, ptr %u)
  %after = getelementptr double, ptr %u, i64 %inputs
  call void @copy(i64 %many, ptr %constants, ptr %after)
  call void @once(ptr %code, ptr %u)
  br label %test
test:
  %k = phi i64 [0, %entry], [%k1, %one]
  %more = icmp ult i64 %k, %count
  br i1 %more, label %one, label %done
one:
  %a = getelementptr i32, ptr %outputs, i64 %k
  %place = load i32, ptr %a
  %p = getelementptr double, ptr %u, i32 %place
  %q = getelementptr double, ptr %o, i64 %k
  %x = load double, ptr %p
  store double %x, ptr %q
  %k1 = add i64 %k, 1
  br label %test
done:
  ret void
}
"""

AROUND_EACH = """
declare void @llvm.masked.store.v${n}f64.p0($t, ptr, <$n x i1>)

define void @spread(ptr %places, i64 %count, ptr %u, ptr %w) $A {
entry:
  br label %test
test:
  %k = phi i64 [0, %entry], [%k1, %one]
  %more = icmp ult i64 %k, %count
  br i1 %more, label %one, label %done
one:
  %a = getelementptr i32, ptr %places, i64 %k
  %place = load i32, ptr %a
  %p = getelementptr double, ptr %u, i32 %place
  %x = load double, ptr %p
  %v = insertelement $t poison, double %x, i64 0
  %y = shufflevector $t %v, $t poison, <$n x i32> zeroinitializer
  %q = getelementptr $t, ptr %w, i64 %k
  store $t %y, ptr %q
  %k1 = add i64 %k, 1
  br label %test
done:
  ret void
}
"""

"""Write the loops around a program's functions in LLVM assembly: over blocks of samples, and over shards of blocks.

start(s, u, o)                                       compute shared values
run(first, last, length, size, s, u, tables, w, o)   run the shards first, …, last - 1, of `length` samples each
finish(shards, size, u, sums, o)                     add the sums of the shards in their order
all(shards, length, size, s, u, tables, w, sums, o)  all three

s: shared inputs; u: shared values; tables: addresses of the batched inputs; o: outputs. w is the memory of one thread:
the inputs of each block, its vectors, its sums or outputs, and the sums or outputs of a partial block.
"""

from __future__ import annotations

from string import Template

from autograd_tiny.compiler.backends.llvm.blocks import BLOCK_LOOP, packed
from autograd_tiny.compiler.backends.llvm.functions import Functions
from autograd_tiny.compiler.backends.llvm.sums import CLOSE, FINISH, ROWS, ZERO, added, added_together
from autograd_tiny.compiler.backends.llvm.written import Machine
from autograd_tiny.transforms.program import Program

MAX_FRAME_DOUBLES = 1 << 16  # in all frames that a function goes through before the next one is called
MAX_FRAMES = 16


def loops(program: Program, machine: Machine, made: Functions) -> str:
    """Text of the four functions, or of `start` alone without a batch."""
    n, summed = machine.lanes, program.reduce is not None
    outputs = made.sums if summed else len(program.outputs)
    blocks = made.blocks or max(1, min(MAX_FRAMES, MAX_FRAME_DOUBLES // max(1, made.frame)))
    padded = -(-outputs // n) * n  # of the sums of a shard, which are added a vector at a time
    few = blocks * made.frame
    sums = few + made.near * made.frame
    tail = sums + (outputs * n if summed else 0)
    names = {
        "A": machine.attributes,
        "n": n,
        "blocks": blocks,
        "frame": made.frame,
        "few": few,
        "sums": sums,
        "tail": tail,
        "outputs": outputs,
        "padded": padded,
        "once": "\n".join(f"  call void {name}(ptr %u, ptr %s, ptr %o)" for name in made.once),
        "near": made.near or blocks,
        "begin": "" if made.clear else "  call void @zero(ptr %sums)",
        "round": n - 1 if made.clear else 0,
        "clear": "\n".join(made.clear),
        "each": "\n".join(_call(f, "w", "few", "blocks") for f in made.each),
        "after": "\n".join(_call(f, "all", "o", "count") for f in made.after),
        "layout": ", ".join(f"i64 {x}" for x in (made.shared, tail + outputs * n, padded if summed else 0)),
        "count": len(made.totals),
        "totals": ", ".join(f"i64 {i}" for i in made.totals),
    }
    parts = [START]
    if program.widths:
        names["add"], names["add_many"] = "\n".join(added(n)), "\n".join(added_together(n))
        names["pack_full"], names["pack_part"] = ("\n".join(packed(program.widths, n, full=x)) for x in (True, False))
        names |= {key: Template(text).substitute(names) for key, text in (SUMMED if summed else GIVEN).items()}
        parts += [BLOCK_LOOP, RUN, ROWS, *([ZERO, CLOSE, FINISH] if summed else []), ALL]
    return "".join(Template(part).substitute(names) for part in parts)


def _call(name: str, frames: str, to: str, blocks: str) -> str:
    return f"  call void {name}(ptr %{frames}, ptr %u, ptr %s, ptr %{to}, i64 %stride, i64 %{blocks})"


START = """
@layout = constant [3 x i64] [$layout]

define void @start(ptr %s, ptr %u, ptr %o) $A {
$once
  ret void
}
"""

RUN = """
define void @run(i64 %first, i64 %last, i64 %length, i64 %size, ptr %s, ptr %u, ptr %tables, ptr %w, ptr %o) $A {
entry:
  %sums = getelementptr double, ptr %w, i64 $sums
  %tail = getelementptr double, ptr %w, i64 $tail
  br label %shard
shard:
  %k = phi i64 [%first, %entry], [%k1, %closed]
  %any = icmp ult i64 %k, %last
  br i1 %any, label %open, label %done
open:
  %begin = mul i64 %k, %length
  %stop = add i64 %begin, %length
  %end = call i64 @llvm.umin.i64(i64 %stop, i64 %size)
$open
  br label %block
block:
  %base = phi i64 [%begin, %open], [%full, %whole], [%end, %part]
  %left = icmp ult i64 %base, %end
  br i1 %left, label %body, label %close
body:
  %rest = sub i64 %end, %base
  %round = add i64 %rest, $round
  %most = udiv i64 %round, $n
  %blocks = call i64 @llvm.umin.i64(i64 %most, i64 $blocks)
  %samples = mul i64 %blocks, $n
  %full = add i64 %base, %samples
  %some = icmp ugt i64 %blocks, 0
  br i1 %some, label %whole, label %part
whole:
$whole
  br label %block
part:
$part
  br label %block
close:
$close
  br label %closed
closed:
  %k1 = add i64 %k, 1
  br label %shard
done:
  ret void
}
"""

# Without `reduce`: one row of outputs, as long as the batch.
GIVEN = {
    "open": "",
    "whole": """\
  %here = getelementptr double, ptr %o, i64 %base
  call void @block(i64 %base, i64 %end, ptr %s, ptr %u, ptr %tables, ptr %w, ptr %here, i64 %size, i64 %blocks)""",
    "part": """\
  %there = getelementptr double, ptr %o, i64 %base
  call void @block(i64 %base, i64 %end, ptr %s, ptr %u, ptr %tables, ptr %w, ptr %tail, i64 $n, i64 1)
  call void @rows(ptr %tail, ptr %there, i64 %size, i64 %rest)""",
    "close": "",
    "keep": "  %y = fadd double %x, -0.0",
    "into": "%o",
    "finish": "",
}

# With `reduce`: sums over lanes in each shard. Layers clear the lanes past the end of a partial block; that of other
# code is added lane by lane, without them.
SUMMED = {
    "open": "$begin",
    "whole": """\
  %sofar = sub i64 %base, %begin
  call void @block(i64 %base, i64 %end, ptr %s, ptr %u, ptr %tables, ptr %w, ptr %sums, i64 %sofar, i64 %blocks)""",
    "part": """\
  call void @zero(ptr %tail)
  call void @block(i64 %base, i64 %end, ptr %s, ptr %u, ptr %tables, ptr %w, ptr %tail, i64 0, i64 1)
  call void @rows(ptr %tail, ptr %sums, i64 $n, i64 %rest)""",
    "close": """\
  %row = mul i64 %k, $padded
  %mine = getelementptr double, ptr %o, i64 %row
  call void @close(ptr %sums, ptr %mine)""",
    "keep": "  %z = load double, ptr %q\n  %y = fadd double %x, %z",
    "into": "%sums",
    "finish": "  call void @finish(i64 %shards, i64 %size, ptr %u, ptr %sums, ptr %o)",
}

ALL = """
define void @all(i64 %shards, i64 %length, i64 %size, ptr %s, ptr %u, ptr %tables, ptr %w, ptr %sums, ptr %o) $A {
  call void @start(ptr %s, ptr %u, ptr %o)
  call void @run(i64 0, i64 %shards, i64 %length, i64 %size, ptr %s, ptr %u, ptr %tables, ptr %w, ptr $into)
$finish
  ret void
}
"""

"""Sum over samples: in lanes within a shard, then over the lanes, then over the shards in their order."""

from __future__ import annotations

from collections.abc import Iterator

ZERO = """
define internal void @zero(ptr %o) $A {
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %body]
  %more = icmp ult i64 %i, $outputs
  br i1 %more, label %body, label %done
body:
  %p = getelementptr <$n x double>, ptr %o, i64 %i
  store <$n x double> zeroinitializer, ptr %p
  %next = add i64 %i, 1
  br label %loop
done:
  ret void
}
"""

ROWS = """
define internal void @rows(ptr %tail, ptr %to, i64 %stride, i64 %rest) $A {
entry:
  br label %row
row:
  %i = phi i64 [0, %entry], [%i1, %ended]
  %any = icmp ult i64 %i, $outputs
  br i1 %any, label %lanes, label %done
lanes:
  %from = mul i64 %i, $n
  %into = mul i64 %i, %stride
  br label %lane
lane:
  %l = phi i64 [0, %lanes], [%l1, %lane]
  %f = add i64 %from, %l
  %t = add i64 %into, %l
  %p = getelementptr double, ptr %tail, i64 %f
  %q = getelementptr double, ptr %to, i64 %t
  %x = load double, ptr %p
$keep
  store double %y, ptr %q
  %l1 = add i64 %l, 1
  %more = icmp ult i64 %l1, %rest
  br i1 %more, label %lane, label %ended
ended:
  %i1 = add i64 %i, 1
  br label %row
done:
  ret void
}
"""

CLOSE = """
define internal void @close(ptr %sums, ptr %o) $A {
entry:
  %several = icmp uge i64 $outputs, $n
  br i1 %several, label %many, label %loop
many:
  %k = phi i64 [0, %entry], [%k1, %many]
  %from = getelementptr <$n x double>, ptr %sums, i64 %k
$add_many
  %to = getelementptr double, ptr %o, i64 %k
  store <$n x double> %all, ptr %to, align 8
  %k1 = add i64 %k, $n
  %k2 = add i64 %k1, $n
  %again = icmp ule i64 %k2, $outputs
  br i1 %again, label %many, label %loop
loop:
  %i = phi i64 [0, %entry], [%k1, %many], [%next, %body]
  %more = icmp ult i64 %i, $outputs
  br i1 %more, label %body, label %done
body:
  %p = getelementptr <$n x double>, ptr %sums, i64 %i
  %vector = load <$n x double>, ptr %p
$add
  %q = getelementptr double, ptr %o, i64 %i
  store double %total, ptr %q
  %next = add i64 %i, 1
  br label %loop
done:
  ret void
}
"""


def added_together(n: int) -> Iterator[str]:
    """Add the lanes of each of n vectors from %from on, in the order of `added`, to the lanes of %all."""
    names = []
    for i in range(n):
        names.append(f"%v{i}")
        yield f"  %p{i} = getelementptr <{n} x double>, ptr %from, i64 {i}"
        yield f"  %v{i} = load <{n} x double>, ptr %p{i}"
    width = n
    while width > 1:
        pairs, names = list(zip(names[::2], names[1::2], strict=True)), []
        for k, (a, b) in enumerate(pairs):
            both = f"<{n} x double> {a}, <{n} x double> {b}"
            for part, start in (("low", 0), ("high", width // 2)):
                lanes = [i for i in range(2 * n) if start <= i % width < start + width // 2]
                text = ", ".join(f"i32 {i}" for i in lanes)
                yield f"  %{part}_{width}_{k} = shufflevector {both}, <{n} x i32> <{text}>"
            names.append("%all" if len(pairs) == 1 else f"%both_{width}_{k}")
            yield f"  {names[-1]} = fadd <{n} x double> %low_{width}_{k}, %high_{width}_{k}"
        width //= 2


def added(n: int) -> Iterator[str]:
    """Add the lanes of %vector pairwise, to %total."""
    name = "%vector"
    while n > 1:
        half = n // 2
        for part, start in (("low", 0), ("high", half)):
            lanes = ", ".join(f"i32 {start + i}" for i in range(half))
            both = f"<{n} x double> {name}, <{n} x double> poison"
            yield f"  %{part}{half} = shufflevector {both}, <{half} x i32> <{lanes}>"
        name, n = f"%sum{half}", half
        yield f"  {name} = fadd <{n} x double> %low{n}, %high{n}"
    yield f"  %total = extractelement <1 x double> {name}, i64 0"


FINISH = """
@totals = internal constant [$count x i64] [$totals]

define void @finish(i64 %shards, i64 %size, ptr %u, ptr %sums, ptr %o) $A {
entry:
  %samples = uitofp i64 %size to double
  br label %fold
fold:
  %v = phi i64 [0, %entry], [%v1, %folded]
  %several = icmp ult i64 %v, $padded
  br i1 %several, label %shard, label %output
shard:
  %k = phi i64 [0, %fold], [%k1, %shard]
  %sofar = phi <$n x double> [zeroinitializer, %fold], [%sum, %shard]
  %row = mul i64 %k, $padded
  %at = add i64 %row, %v
  %q = getelementptr double, ptr %sums, i64 %at
  %next = load <$n x double>, ptr %q, align 8
  %sum = fadd <$n x double> %sofar, %next
  %k1 = add i64 %k, 1
  %more = icmp ult i64 %k1, %shards
  br i1 %more, label %shard, label %folded
folded:
  %first = getelementptr double, ptr %sums, i64 %v
  store <$n x double> %sum, ptr %first, align 8
  %v1 = add i64 %v, $n
  br label %fold
output:
  %i = phi i64 [0, %fold], [%i1, %known]
  %any = icmp ult i64 %i, $count
  br i1 %any, label %find, label %done
find:
  %t = getelementptr i64, ptr @totals, i64 %i
  %place = load i64, ptr %t
  %once = icmp slt i64 %place, 0
  br i1 %once, label %shared, label %summed
shared:
  %slot = xor i64 %place, -1
  %p = getelementptr double, ptr %u, i64 %slot
  %one = load double, ptr %p
  %many = fmul double %one, %samples
  br label %known
summed:
  %from = getelementptr double, ptr %sums, i64 %place
  %total = load double, ptr %from
  br label %known
known:
  %y = phi double [%many, %shared], [%total, %summed]
  %to = getelementptr double, ptr %o, i64 %i
  store double %y, ptr %to
  %i1 = add i64 %i, 1
  br label %output
done:
  ret void
}
"""

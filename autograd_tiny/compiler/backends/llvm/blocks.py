"""Pack the rows of batched arguments into vectors, a block of samples at a time, and call the functions on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

AHEAD = 4  # blocks: their inputs are fetched into the cache while others are computed

BLOCK_LOOP = """
declare i64 @llvm.umin.i64(i64, i64)
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)

define internal void @clear(ptr %x, i64 %lanes) $A {
entry:
$clear
  ret void
}

define internal void @pack_full(i64 %base, i64 %end, ptr %tables, ptr %x) $A {
entry:
$pack_full
  ret void
}

define internal void @pack_part(i64 %base, i64 %end, ptr %tables, ptr %x) $A {
entry:
$pack_part
  ret void
}

define internal void @block(i64 %base, i64 %end, ptr %s, ptr %u, ptr %tables, ptr %all, ptr %o,
                            i64 %stride, i64 %count) $A {
entry:
  %few = getelementptr double, ptr %all, i64 $few
  br label %near
near:
  %h = phi i64 [0, %entry], [%h1, %computed]
  %left = sub i64 %count, %h
  %blocks = call i64 @llvm.umin.i64(i64 %left, i64 $near)
  %g = mul i64 %h, $frame
  %w = getelementptr double, ptr %all, i64 %g
  %before = mul i64 %h, $n
  %first = add i64 %base, %before
  br label %input
input:
  %b = phi i64 [0, %near], [%b1, %packed]
  %n = mul i64 %b, $n
  %from = add i64 %first, %n
  %to = add i64 %from, $n
  %f = mul i64 %b, $frame
  %x = getelementptr double, ptr %w, i64 %f
  %full = icmp ule i64 %to, %end
  br i1 %full, label %all_lanes, label %some_lanes
all_lanes:
  call void @pack_full(i64 %from, i64 %end, ptr %tables, ptr %x)
  br label %packed
some_lanes:
  call void @pack_part(i64 %from, i64 %end, ptr %tables, ptr %x)
  br label %packed
packed:
  %b1 = add i64 %b, 1
  %more = icmp ult i64 %b1, %blocks
  br i1 %more, label %input, label %compute
compute:
$each
  br i1 %full, label %computed, label %cut
cut:
  %lanes = sub i64 %end, %from
  call void @clear(ptr %x, i64 %lanes)
  br label %computed
computed:
  %h1 = add i64 %h, %blocks
  %again = icmp ult i64 %h1, %count
  br i1 %again, label %near, label %after
after:
$after
  ret void
}
"""


def packed(widths: Sequence[int], n: int, *, full: bool) -> Iterator[str]:
    """Store each input of a block as a vector at %x; in a partial block, lanes past the end repeat the last sample."""
    yield "  %last = sub i64 %end, 1"
    for lane in range(n):
        yield f"  %b{lane} = add i64 %base, {lane}"
        yield f"  %r{lane} = call i64 @llvm.umin.i64(i64 %b{lane}, i64 {f'%b{lane}' if full else '%last'})"
    before, offset = "entry", 0
    for k, width in enumerate(widths):
        if width:
            yield f"  %at{k} = getelementptr ptr, ptr %tables, i64 {k}"
            yield f"  %table{k} = load ptr, ptr %at{k}"
        if width == 1 and full:  # contiguous already: load as a vector
            yield f"  %p{k} = getelementptr double, ptr %table{k}, i64 %base"
            yield f"  %v{k} = load <{n} x double>, ptr %p{k}, align 8"
            yield f"  %to{k} = getelementptr <{n} x double>, ptr %x, i64 {offset}"
            yield f"  store <{n} x double> %v{k}, ptr %to{k}"
        elif width:
            for lane in range(n):
                yield f"  %o{k}_{lane} = mul i64 %r{lane}, {width}"
                yield f"  %row{k}_{lane} = getelementptr double, ptr %table{k}, i64 %o{k}_{lane}"
            yield from (f"  br label %loop{k}", f"loop{k}:", f"  %j{k} = phi i64 [0, %{before}], [%next{k}, %loop{k}]")
            if full:
                yield f"  %line{k} = mul i64 %j{k}, {n}"
                yield f"  %ahead{k} = getelementptr double, ptr %row{k}_0, i64 %line{k}"
                yield f"  %later{k} = getelementptr double, ptr %ahead{k}, i64 {AHEAD * n * width}"
                yield f"  call void @llvm.prefetch.p0(ptr %later{k}, i32 0, i32 2, i32 1)"
            vector, before = "poison", f"done{k}"
            for lane in range(n):
                yield f"  %p{k}_{lane} = getelementptr double, ptr %row{k}_{lane}, i64 %j{k}"
                yield f"  %x{k}_{lane} = load double, ptr %p{k}_{lane}"
                yield f"  %v{k}_{lane} = insertelement <{n} x double> {vector}, double %x{k}_{lane}, i64 {lane}"
                vector = f"%v{k}_{lane}"
            yield f"  %i{k} = add i64 %j{k}, {offset}"
            yield f"  %to{k} = getelementptr <{n} x double>, ptr %x, i64 %i{k}"
            yield f"  store <{n} x double> {vector}, ptr %to{k}"
            yield from (f"  %next{k} = add i64 %j{k}, 1", f"  %more{k} = icmp ult i64 %next{k}, {width}")
            yield from (f"  br i1 %more{k}, label %loop{k}, label %{before}", f"{before}:")
        offset += width

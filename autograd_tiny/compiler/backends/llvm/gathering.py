"""Write the code that gathers the numbers that all samples share, once per call, in the order that loops read them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Array = Any

GATHER = """
define internal void @gather_even(ptr noalias %from, ptr noalias %to, i64 %m, i64 %n, i64 %k,
                                  i64 %sm, i64 %sn, i64 %sk) $A {
entry:
  br label %first
first:
  %h = phi i64 [0, %entry], [%h1, %seconds]
  %at_h = mul i64 %h, %sm
  br label %second
second:
  %i = phi i64 [0, %first], [%i1, %thirds]
  %at_i = mul i64 %i, %sn
  %at_hi = add i64 %at_h, %at_i
  %hn = mul i64 %h, %n
  %hi = add i64 %hn, %i
  %hik = mul i64 %hi, %k
  br label %third
third:
  %j = phi i64 [0, %second], [%j1, %third]
  %at_j = mul i64 %j, %sk
  %at = add i64 %at_hi, %at_j
  %p = getelementptr double, ptr %from, i64 %at
  %x = load double, ptr %p
  %into = add i64 %hik, %j
  %q = getelementptr double, ptr %to, i64 %into
  store double %x, ptr %q
  %j1 = add i64 %j, 1
  %more_k = icmp ult i64 %j1, %k
  br i1 %more_k, label %third, label %thirds
thirds:
  %i1 = add i64 %i, 1
  %more_n = icmp ult i64 %i1, %n
  br i1 %more_n, label %second, label %seconds
seconds:
  %h1 = add i64 %h, 1
  %more_m = icmp ult i64 %h1, %m
  br i1 %more_m, label %first, label %done
done:
  ret void
}

define internal void @gather(ptr noalias %s, ptr noalias %u, ptr noalias %table, ptr noalias %to, i64 %count) $A {
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%i1, %loop]
  %t = getelementptr i32, ptr %table, i64 %i
  %short = load i32, ptr %t
  %place = sext i32 %short to i64
  %computed = icmp slt i64 %place, 0
  %slot = xor i64 %place, -1
  %from = select i1 %computed, ptr %u, ptr %s
  %at = select i1 %computed, i64 %slot, i64 %place
  %p = getelementptr double, ptr %from, i64 %at
  %x = load double, ptr %p
  %q = getelementptr double, ptr %to, i64 %i
  store double %x, ptr %q
  %i1 = add i64 %i, 1
  %more = icmp ult i64 %i1, %count
  br i1 %more, label %loop, label %done
done:
  ret void
}
"""


class Tables:
    """Constant tables of integers, each written once."""

    def __init__(self) -> None:
        self.names: dict[bytes, str] = {}

    def name(self, numbers: Array) -> str:
        """Name of a table of 32-bit integers."""
        return self.names.setdefault(np.asarray(numbers, np.int32).tobytes(), f"@table{len(self.names)}")

    def text(self) -> Iterator[str]:
        """Lines of all tables."""
        for data, name in self.names.items():
            text = "".join([f"\\{byte:02X}" for byte in data])
            yield f'{name} = internal constant [{len(data)} x i8] c"{text}", align 4'


class Gathered:
    """Numbers that all samples share, at offsets of %u after the slots of computed ones."""

    def __init__(self, shared: int, slot: Callable[[int], int], used: int, constants: list[float], tables: Tables):
        self.shared, self.slot, self.used, self.tables = shared, slot, used, tables
        self.known: dict[bytes, int] = {}
        self.lines: list[str] = []
        self.constants, self.first = constants, used
        self.used += len(constants)

    def at(self, places: Array) -> int:
        """Offset of numbers in the order of `places`, an array of up to three dimensions."""
        key = repr(places.shape).encode() + places.tobytes()
        if key not in self.known:
            self.known[key] = self.used
            self._gather(places)
            self.used += places.size
        return self.known[key]

    def write(self, attributes: str) -> Iterator[str]:
        """Lines of the function @collect(u, s, o) that gathers everything, and of what it needs."""
        bits = ", ".join(f"double 0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}" for x in self.constants)
        yield f"@constants = internal constant [{len(self.constants)} x double] [{bits}]"
        yield GATHER.replace("$A", attributes)
        yield f"define internal void @collect(ptr noalias %u, ptr noalias %s, ptr noalias %o) {attributes} {{"
        if count := len(self.constants):
            yield f"  %constants = getelementptr double, ptr %u, i64 {self.first}"
            sizes = f"i64 1, i64 1, i64 {count}, i64 0, i64 0, i64 1"
            yield f"  call void @gather_even(ptr @constants, ptr %constants, {sizes})"
        yield from self.lines
        yield from ("  ret void", "}", "")

    def _gather(self, places: Array) -> None:
        m, n, k = (1,) * (3 - places.ndim) + places.shape
        cube = places.reshape(m, n, k)
        to = f"%to{len(self.lines)}"
        self.lines.append(f"  {to} = getelementptr double, ptr %u, i64 {self.used}")
        start = int(cube[0, 0, 0])
        sm, sn, sk = (int(x) - start for x in (cube[int(m > 1), 0, 0], cube[0, int(n > 1), 0], cube[0, 0, int(k > 1)]))
        even = start + sm * np.arange(m)[:, None, None] + sn * np.arange(n)[:, None] + sk * np.arange(k)
        if cube.min() >= 0 and cube.max() < self.shared and np.array_equal(cube, even):
            source = f"%from{len(self.lines)}"
            self.lines.append(f"  {source} = getelementptr double, ptr %s, i64 {start}")
            sizes = ", ".join(f"i64 {x}" for x in (m, n, k, sm, sn, sk))
            self.lines.append(f"  call void @gather_even(ptr {source}, ptr {to}, {sizes})")
        else:
            table = self.tables.name([self._source(place) for place in places.ravel().tolist()])
            call = f"ptr %s, ptr %u, ptr {table}, ptr {to}, i64 {places.size}"
            self.lines.append(f"  call void @gather({call})")

    def _source(self, place: int) -> int:
        """Index at %s, or ~ index at %u."""
        if place < 0:
            return ~(self.first + ~place)
        return place if place < self.shared else ~self.slot(place)

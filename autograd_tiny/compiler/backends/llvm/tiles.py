"""Write the inner loops of matrix and outer products: a tile of results in registers, a step of the sum at a time."""

from __future__ import annotations

import platform
from collections.abc import Iterator

from autograd_tiny.compiler.backends.llvm.written import Machine

MANY = {"aarch64", "arm64"}  # 32 registers, as with AVX-512; others have 16


class Tiles:
    """Functions of the tiles that a program uses, one per shape."""

    def __init__(self, machine: Machine, frame: int, *, contract: bool) -> None:
        self.machine, self.frame, self.lanes = machine, frame, machine.lanes
        self.type = f"<{self.lanes} x double>"
        self.flag = " contract" if contract else ""
        # measured: with 16 registers, six more shapes took as much time or up to half as much again
        many = self.lanes == 8 or platform.machine() in MANY
        self.rows, self.samples = (6, 4) if many else (4, 2)  # of a matrix product: results, vectors of samples
        self.left, self.right = (4, 6) if many else (3, 3)  # of an outer product
        self.made: dict[str, list[str]] = {}

    def product(self, rows: int, samples: int, *, continues: bool) -> str:
        """Name of a tile of a matrix product: (ptr weights, ptr init, ptr operands, i64 step, ptr out, i64 terms)."""
        name = f"@product_{rows}_{samples}{'c' if continues else ''}"
        if name not in self.made:
            self.made[name] = list(self._product(name, rows, samples, continues))
        return name

    def outer(self, left: int, right: int, steps: tuple[int, int]) -> str:
        """Name of a tile of an outer product: (ptr left, ptr right, ptr sums, i64 row, i64 blocks, i64 sofar)."""
        name = "_".join(map(str, ["@outer", left, right, *(f"m{-x}" if x < 0 else x for x in steps)]))
        if name not in self.made:
            self.made[name] = list(self._outer(name, left, right, steps))
        return name

    def total(self, rows: int, step: int) -> str:
        """Name of a tile of sums of rows: (ptr rows, ptr sums, i64 blocks, i64 sofar)."""
        name = f"@total_{rows}_{'m' * (step < 0)}{abs(step)}"
        if name not in self.made:
            self.made[name] = list(self._total(name, rows, step))
        return name

    def text(self) -> list[str]:
        """Lines of all functions."""
        return [line for lines in self.made.values() for line in lines]

    def splat(self, name: str, double: str) -> Iterator[str]:
        """Define `name` as a vector with a double in every lane."""
        t, n = self.type, self.lanes
        yield f"  {name}_0 = insertelement {t} poison, double {double}, i64 0"
        yield f"  {name} = shufflevector {t} {name}_0, {t} poison, <{n} x i32> zeroinitializer"

    def _product(self, name: str, rows: int, samples: int, continues: bool) -> Iterator[str]:
        t, n, flag = self.type, self.lanes, self.flag
        cells = [(r, v) for r in range(rows) for v in range(samples)]
        parameters = "ptr noalias %a, ptr noalias %init, ptr noalias %x, i64 %step, ptr noalias %o, i64 %terms"
        yield f"define internal void {name}({parameters}) {self.machine.attributes} {{"
        yield "entry:"
        for r, v in cells:
            yield f"  %o{r}_{v} = getelementptr double, ptr %o, i64 {r * n + v * self.frame}"
        for r in range(rows):
            if continues:
                for v in range(samples):
                    yield f"  %i{r}_{v} = load {t}, ptr %o{r}_{v}"
            else:
                yield f"  %q{r} = getelementptr double, ptr %init, i64 {r}"
                yield f"  %d{r} = load double, ptr %q{r}"
                yield from self.splat(f"%i{r}", f"%d{r}")
        yield "  br label %term"
        yield "term:"
        yield "  %k = phi i64 [0, %entry], [%k1, %term]"
        yield "  %p = phi ptr [%a, %entry], [%p1, %term]"
        yield "  %y = phi ptr [%x, %entry], [%y1, %term]"
        for r, v in cells:
            yield f"  %s{r}_{v} = phi {t} [%i{r}{f'_{v}' if continues else ''}, %entry], [%t{r}_{v}, %term]"
        for v in range(samples):
            yield f"  %y_{v} = getelementptr double, ptr %y, i64 {v * self.frame}"
            yield f"  %x{v} = load {t}, ptr %y_{v}"
        for r in range(rows):
            yield f"  %p_{r} = getelementptr double, ptr %p, i64 {r}"
            yield f"  %w{r} = load double, ptr %p_{r}"
            yield from self.splat(f"%a{r}", f"%w{r}")
            for v in range(samples):
                yield f"  %m{r}_{v} = fmul{flag} {t} %a{r}, %x{v}"
                yield f"  %t{r}_{v} = fadd{flag} {t} %s{r}_{v}, %m{r}_{v}"
        yield f"  %p1 = getelementptr double, ptr %p, i64 {rows}"
        yield "  %y1 = getelementptr double, ptr %y, i64 %step"
        yield from ("  %k1 = add i64 %k, 1", "  %more = icmp ult i64 %k1, %terms")
        yield "  br i1 %more, label %term, label %done"
        yield "done:"
        for r, v in cells:
            yield f"  store {t} %t{r}_{v}, ptr %o{r}_{v}"
        yield from ("  ret void", "}", "")

    def _outer(self, name: str, left: int, right: int, steps: tuple[int, int]) -> Iterator[str]:
        t, n, flag = self.type, self.lanes, self.flag
        cells = [(i, j) for i in range(left) for j in range(right)]
        parameters = "ptr noalias %l, ptr noalias %r, ptr noalias %o, i64 %row, i64 %blocks, i64 %sofar"
        yield f"define internal void {name}({parameters}) {self.machine.attributes} {{"
        yield "entry:"
        yield "  %o0 = getelementptr double, ptr %o, i64 0"
        for i in range(1, left):
            yield f"  %o{i} = getelementptr double, ptr %o{i - 1}, i64 %row"
        for i, j in cells:
            yield f"  %o{i}_{j} = getelementptr double, ptr %o{i}, i64 {j * n}"
        yield from self._sofar([f"{i}_{j}" for i, j in cells])
        yield "  %b = phi i64 [0, %start], [%b1, %block]"
        yield "  %p = phi ptr [%l, %start], [%p1, %block]"
        yield "  %q = phi ptr [%r, %start], [%q1, %block]"
        for i, j in cells:
            yield f"  %s{i}_{j} = phi {t} [%i{i}_{j}, %start], [%t{i}_{j}, %block]"
        for kind, pointer, count, step in (("x", "p", left, steps[0]), ("y", "q", right, steps[1])):
            for i in range(count):
                yield f"  %{pointer}_{i} = getelementptr double, ptr %{pointer}, i64 {i * step * n}"
                yield f"  %{kind}{i} = load {t}, ptr %{pointer}_{i}"
        for i, j in cells:
            yield f"  %m{i}_{j} = fmul{flag} {t} %x{i}, %y{j}"
            yield f"  %t{i}_{j} = fadd{flag} {t} %s{i}_{j}, %m{i}_{j}"
        yield f"  %p1 = getelementptr double, ptr %p, i64 {self.frame}"
        yield f"  %q1 = getelementptr double, ptr %q, i64 {self.frame}"
        yield from ("  %b1 = add i64 %b, 1", "  %more = icmp ult i64 %b1, %blocks")
        yield "  br i1 %more, label %block, label %done"
        yield "done:"
        for i, j in cells:
            yield f"  store {t} %t{i}_{j}, ptr %o{i}_{j}"
        yield from ("  ret void", "}", "")

    def _sofar(self, cells: list[str]) -> Iterator[str]:
        """Begin the loop over blocks with sums %i… of 0.0, or with those at %o… if there are some so far."""
        yield "  %some = icmp ne i64 %sofar, 0"
        yield from ("  br i1 %some, label %load, label %start", "load:")
        for cell in cells:
            yield f"  %l{cell} = load {self.type}, ptr %o{cell}"
        yield from ("  br label %start", "start:")
        for cell in cells:
            yield f"  %i{cell} = phi {self.type} [zeroinitializer, %entry], [%l{cell}, %load]"
        yield from ("  br label %block", "block:")

    def _total(self, name: str, rows: int, step: int) -> Iterator[str]:
        t, n = self.type, self.lanes
        parameters = "ptr noalias %l, ptr noalias %o, i64 %blocks, i64 %sofar"
        yield f"define internal void {name}({parameters}) {self.machine.attributes} {{"
        yield "entry:"
        for i in range(rows):
            yield f"  %o{i} = getelementptr double, ptr %o, i64 {i * n}"
        yield from self._sofar([str(i) for i in range(rows)])
        yield "  %b = phi i64 [0, %start], [%b1, %block]"
        yield "  %p = phi ptr [%l, %start], [%p1, %block]"
        for i in range(rows):
            yield f"  %s{i} = phi {t} [%i{i}, %start], [%t{i}, %block]"
        for i in range(rows):
            yield f"  %p_{i} = getelementptr double, ptr %p, i64 {i * step * n}"
            yield f"  %x{i} = load {t}, ptr %p_{i}"
            yield f"  %t{i} = fadd {t} %s{i}, %x{i}"
        yield f"  %p1 = getelementptr double, ptr %p, i64 {self.frame}"
        yield from ("  %b1 = add i64 %b, 1", "  %more = icmp ult i64 %b1, %blocks")
        yield "  br i1 %more, label %block, label %done"
        yield "done:"
        for i in range(rows):
            yield f"  store {t} %t{i}, ptr %o{i}"
        yield from ("  ret void", "}", "")


def cut(count: int, most: int) -> list[tuple[int, int]]:
    """Cut `count` rows into tiles of at most `most`, as even as possible: (number of tiles, rows of each).

    >>> cut(64, 6), cut(12, 6), cut(1, 6)
    ([(9, 6), (2, 5)], [(2, 6)], [(1, 1)])
    """
    tiles = -(-count // most)
    size, larger = divmod(count, tiles)
    return [(many, rows) for many, rows in ((larger, size + 1), (tiles - larger, size)) if many]

"""Compile LLVM assembly for this processor and load it; the only passes are those of LLVM's code generator.

Functions of the C library are called on whole registers if it has vector versions (glibc's libmvec on x86), otherwise
lane by lane. The table shows the largest error in ulp, measured with glibc 2.36 at 12,000 to 28,000 points over all
floats, denser around 0, 1, multiples of π/2 and the ends of the range. At 0, ±inf, nan and poles, and if a result
overflows or underflows to 0, all widths give the same result.

| lanes | acos  | acosh | asin  | asinh | atan  | atan2 | atanh | cbrt  | cos   | cosh  | erf   | erfc  |
|-------|-------|-------|-------|-------|-------|-------|-------|-------|-------|-------|-------|-------|
| 8     | 1.6   | 1.1   | 1.8   | 0.9   | 1.7   | 1.9   | 1.2   | 1.7   | 3.1   | 1.7   | 1.8   | 1.4   |
| 4     | 1.4   | 1.9   | 1.7   | 1.9   | 1.7   | 1.9   | 1.9   | 1.5   | 3.1   | 1.5   | 1.8   | 1.4   |
| 2     | 1.4   | 1.8   | 2.3   | 1.9   | 1.7   | 1.8   | 1.9   | 1.5   | 3.4   | 1.5   | 1.8   | 1.4   |
| 1     | 0.5   | 1.6   | 0.5   | 1.4   | 0.5   | 0.5   | 1.5   | 2.9   | 0.5   | 1.5   | 0.9   | 2.3   |

| lanes | exp   | expm1 | hypot | log   | log10 | log1p | log2  | pow   | sin   | sinh  | tan   | tanh  |
|-------|-------|-------|-------|-------|-------|-------|-------|-------|-------|-------|-------|-------|
| 8     | 2.5   | 1.5   | 1.1   | 1.3   | 1.2   | 1.8   | 1.7   | 1.0   | 2.9   | 1.7   | 2.9   | 1.1   |
| 4     | 2.5   | 2.3   | 1.1   | 1.3   | 1.2   | 1.5   | 1.3   | 1.0   | 2.9   | 1.7   | 2.8   | 1.9   |
| 2     | 2.5   | 2.3   | 1.7   | 1.4   | 1.2   | 1.5   | 1.3   | 1.0   | 3.3   | 1.8   | 2.8   | 1.9   |
| 1     | 0.5   | 0.8   | 0.5   | 0.5   | 1.5   | 0.7   | 0.5   | 0.5   | 0.5   | 1.5   | 0.7   | 1.9   |
"""

from __future__ import annotations

import ctypes
import functools
import gc
import marshal
import platform
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import llvmlite  # type: ignore[import-untyped]
import llvmlite.binding as llvm  # type: ignore[import-untyped]

from autograd_tiny.compiler.backends.llvm.pieces import pieces
from autograd_tiny.compiler.backends.llvm.written import SIMPLE, Machine
from autograd_tiny.engine import ops

LANES = {"avx512f": 8, "avx2": 4}  # doubles per register, by feature of the processor; otherwise 2
# Linux gives a process 65,530 memory maps, a piece takes 3 of them, and LLVM aborts the process if there are none left.
MAX_LOADED = 16_000
QUICK = 5  # times as long are pieces compiled quickly: each takes a millisecond to load
MARKS = {8: "e", 4: "d", 2: "b"}  # letter for the register width in libmvec's x86 names


@functools.cache
def machine() -> Machine:
    """Register width of this processor, and the vector functions of its C library."""
    _initialize()
    features = llvm.get_host_cpu_features()
    lanes = next((n for feature, n in LANES.items() if features.get(feature)), 2)
    return Machine(lanes, {word: name for word, name, _ in _vector_functions(lanes)})


@functools.cache
def identity() -> str:
    """Cache key of everything but the program: version of LLVM, processor, vector functions."""
    _initialize()
    versions = llvmlite.__version__, llvm.llvm_version_info
    return repr((versions, llvm.get_default_triple(), llvm.get_host_cpu_name(), _features(), machine()))


def compiled(
    text: str,
    turn: Callable[[], AbstractContextManager[None]] = nullcontext,
    *,
    inline: bool = False,
    quickly: bool = False,
) -> bytes:
    """Compile a module of LLVM assembly to object code, in one or more pieces, each in a `turn`.

    `inline` puts functions marked alwaysinline in place first; `quickly` takes a tenth of the time, for code a fifth
    slower.
    """
    made = []
    for names, piece in pieces(text, QUICK if quickly else 1):
        with turn():
            made.append((names, _object(piece, inline, quickly)))
    return marshal.dumps(made)


def _object(text: str, inline: bool, quickly: bool) -> bytes:
    """Object code of one piece; what LLVM made on the way is freed here, under a lock of llvmlite."""
    module, target = llvm.parse_assembly(text), _target(0 if quickly else 2)
    if inline:
        builder = llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options(speed_level=0))
        builder.getModulePassManager().run(module, builder)
    data: bytes = target.emit_object(module)
    return data


class Code:
    """Loaded object code; its addresses are valid as long as this object lives."""

    called: Any = None  # Python callbacks, which must live as long

    def __init__(self, data: bytes) -> None:
        objects = marshal.loads(data)
        if len(_alive) + len(objects) > MAX_LOADED:
            gc.collect()
        if len(_alive) + len(objects) > MAX_LOADED:
            raise RuntimeError(
                f"{MAX_LOADED:,} pieces of compiled programs are in use, and the process has no memory maps for more: "
                'delete compiled functions that are no longer needed, or choose another backend, such as "numpy"'
            )
        self._pieces = [Piece(data) for _, data in objects]
        _alive.update(self._pieces)
        self._engine = self._pieces[-1].engine
        pairs = zip(self._pieces, objects, strict=True)
        found = [piece.engine.get_function_address(name) for piece, (names, _) in pairs for name in names]
        if found:
            self.numbers("room", len(found))[:] = found

    def numbers(self, name: str, count: int) -> Any:
        """Global table of `count` integers."""
        return (ctypes.c_size_t * count).from_address(self._engine.get_function_address(name))

    def function(self, name: str, arguments: int) -> Any:
        """Function of so many addresses and counts; it releases the GIL and keeps the code alive."""
        kind = ctypes.CFUNCTYPE(None, *[ctypes.c_size_t] * arguments)
        function = kind(self._engine.get_function_address(name))
        function.code = self  # type: ignore[attr-defined]
        return function


class Piece:
    """Loaded object file."""

    def __init__(self, data: bytes) -> None:
        _symbols()
        own = llvm.Target.from_default_triple().create_target_machine(
            jit=True
        )  # owned by the engine, and freed with it
        # `use_lmm` puts code and constants in one reservation: LLVM aborts if they are more than 2 GiB apart.
        self.engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), own, use_lmm=True)
        self.engine.add_object_file(llvm.ObjectFileRef.from_data(data))
        self.engine.finalize_object()


_alive: weakref.WeakSet[Piece] = weakref.WeakSet()


def _features() -> str:
    return str(llvm.get_host_cpu_features().flatten())


@functools.cache
def _initialize() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


@functools.cache
def _target(level: int) -> Any:
    _initialize()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=_features(), opt=level, reloc="pic", codemodel="small", jit=True
    )


def _vector_functions(lanes: int) -> Iterator[tuple[str, str, int]]:
    """Name in the C library, name of the vector version, and its address."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return
    try:
        library = ctypes.CDLL("libmvec.so.1")
    except OSError:
        return
    for word, arity in _called().items():
        name = f"_ZGV{MARKS[lanes]}N{lanes}{'v' * arity}_{word}"
        if hasattr(library, name):
            yield word, name, ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0


def _called() -> dict[str, int]:
    """Functions of the C library named by rows of the op table, with their arity."""
    rows = [row for row in ops.TABLE.values() if row.machine and row.machine not in SIMPLE]
    return {row.machine: len(row.partials) for row in rows if isinstance(row.partials, tuple)}


@functools.cache
def _symbols() -> None:
    """Tell LLVM the addresses of library functions: it aborts the process if one is missing."""
    _initialize()
    for _, name, address in _vector_functions(machine().lanes):
        llvm.add_symbol(name, address)
    for word in _called():
        if not llvm.address_of_symbol(word):
            llvm.add_symbol(word, ctypes.cast(getattr(_mathematics(), word), ctypes.c_void_p).value)


@functools.cache
def _mathematics() -> ctypes.CDLL:
    """Load the part of the C library with the functions of mathematics."""
    try:
        return ctypes.CDLL("libm.so.6")  # as Linux calls it: to search takes a process, and 10 ms
    except OSError:
        from ctypes.util import find_library  # which imports subprocess

        return ctypes.CDLL(find_library("m") or find_library("ucrtbase"))

"""From LLVM's assembly to code in memory, for this processor; there are no passes but the code generator's own.

Functions of the C library are called on whole registers where it has such (glibc's libmvec, x86), else lane by lane.
The largest error in ulp that was seen in 12,000 to 28,000 points over all floats, denser around 0, 1, multiples of π/2
and the ends of the range, with glibc 2.36; at 0, ±inf, nan, poles and where results overflow or vanish, all give the
same.

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
import ctypes.util
import functools
import gc
import platform
import weakref
from collections.abc import Iterator
from typing import Any

import llvmlite  # type: ignore[import-untyped]
import llvmlite.binding as llvm  # type: ignore[import-untyped]

from autograd_tiny.compiler.backends.llvm.steps import SIMPLE, Machine
from autograd_tiny.engine import ops

LANES = {"avx512f": 8, "avx2": 4}  # of doubles, where the processor has the feature; else 2
MOST = (
    16_000  # of Code alive, each with 3 of the 65,530 maps that Linux gives a process; without one, LLVM would end it
)
MARKS = {8: "e", 4: "d", 2: "b"}  # how libmvec's names for x86 say the width of a register


@functools.cache
def machine() -> Machine:
    """This processor, and the functions on vectors that its C library has."""
    _initialize()
    features = llvm.get_host_cpu_features()
    lanes = next((n for feature, n in LANES.items() if features.get(feature)), 2)
    return Machine(lanes, {word: name for word, name, _ in _vector_functions(lanes)})


@functools.cache
def identity() -> str:
    """What compiled code depends on beside the program: LLVM, its version, the processor, the functions on vectors."""
    _initialize()
    versions = llvmlite.__version__, llvm.llvm_version_info
    return repr((versions, llvm.get_default_triple(), llvm.get_host_cpu_name(), _features(), machine()))


def compiled(text: str) -> bytes:
    """The object code of a module."""
    module = llvm.parse_assembly(text)
    data: bytes = _target().emit_object(module)
    return data


class Code:
    """Object code, loaded; what it is at an address ends with this."""

    called: Any = None  # Python functions that it calls, kept alive with it

    def __init__(self, data: bytes) -> None:
        if len(_alive) >= MOST:
            gc.collect()
        if len(_alive) >= MOST:
            raise RuntimeError(
                f"{MOST:,} compiled programs are in use, and the process has no memory maps for more: drop compiled "
                'functions that are done with, or choose another backend, such as "numpy"'
            )
        _alive.add(self)
        _symbols()
        own = llvm.Target.from_default_triple().create_target_machine(jit=True)  # the engine's own, and freed with it
        # `use_lmm`: code and constants in one reservation; more than 2 GiB apart, LLVM would end the process.
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), own, use_lmm=True)
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(data))
        self._engine.finalize_object()

    def numbers(self, name: str, count: int) -> Any:
        """The integers of a global table."""
        return (ctypes.c_size_t * count).from_address(self._engine.get_function_address(name))

    def function(self, name: str, arguments: int) -> Any:
        """A function of so many addresses and counts, without Python's lock; it keeps the code alive."""
        kind = ctypes.CFUNCTYPE(None, *[ctypes.c_size_t] * arguments)
        function = kind(self._engine.get_function_address(name))
        function.code = self  # type: ignore[attr-defined]
        return function


_alive: weakref.WeakSet[Code] = weakref.WeakSet()


def _features() -> str:
    return str(llvm.get_host_cpu_features().flatten())


@functools.cache
def _initialize() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


@functools.cache
def _target() -> Any:
    _initialize()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=_features(), opt=2, reloc="pic", codemodel="small", jit=True
    )


def _vector_functions(lanes: int) -> Iterator[tuple[str, str, int]]:
    """The name in the C library, the one on vectors, and its address."""
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
    """The functions of the C library that rows name, and how many operands they have."""
    rows = [row for row in ops.TABLE.values() if row.machine and row.machine not in SIMPLE]
    return {row.machine: len(row.partials) for row in rows if isinstance(row.partials, tuple)}


@functools.cache
def _symbols() -> None:
    """Tell LLVM where the functions are that code calls: one that it does not find would end the process."""
    _initialize()
    for _, name, address in _vector_functions(machine().lanes):
        llvm.add_symbol(name, address)
    for word in _called():
        if not llvm.address_of_symbol(word):
            library = ctypes.CDLL(ctypes.util.find_library("m") or ctypes.util.find_library("ucrtbase"))
            llvm.add_symbol(word, ctypes.cast(getattr(library, word), ctypes.c_void_p).value)

"""Compiled code on disk: one file per program, processor and version, written whole or not at all.

In $AUTOGRAD_TINY_CACHE, or else the platform's folder for caches; a folder that cannot be written is done without.
"""

from __future__ import annotations

import functools
import hashlib
import marshal
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Op
from autograd_tiny.transforms.program import Program

BOUND = 256 << 20  # bytes of all files; the longest unused go
BLOCK = 4096  # bytes that a file takes at least
DIGEST = hashlib.sha256
_written = BOUND  # bytes since the folder was last looked through: the first file of a process looks


def row_name(op: Op) -> str | None:
    """What a row of the package is known by, in every process; None for an op of somebody else."""
    if ops.TABLE.get(op.name) is op:
        return op.name
    if op.pickle_recipe and op.pickle_recipe[0].__module__.startswith(f"{__package__.partition('.')[0]}."):
        return repr((op.pickle_recipe[0].__qualname__, *op.pickle_recipe[1:]))
    return None


def key_of(program: Program, known: Callable[[Op], str | None], *parts: Any) -> str:
    """A name for what a program does, from its steps and the `parts`; "" if it has an op that `known` does not know.

    >>> from autograd_tiny.transforms.program import Step
    >>> square = Program(("x",), (Step(ops.mul, (0, 0)),), (1,))
    >>> key_of(square, row_name, "x86") == key_of(square, row_name, "ARM")
    False
    """
    places: dict[Op, int] = {}
    steps = [(places.setdefault(op, len(places)), operands) for op, operands in program.steps]
    names = [known(op) for op in places]
    if None in names:
        return ""
    shape = (len(program.inputs), program.outputs, program.widths)
    digest = DIGEST(marshal.dumps((steps, shape), 2))  # quick; in version 2 equal numbers give equal bytes
    digest.update(repr((names, program.reduce, *parts)).encode())
    return digest.hexdigest()


@functools.cache
def sources() -> str:
    """A digest of the package's own files: another version of them may lower a program in another way."""
    digest, folder = DIGEST(), Path(__file__).parent
    for path in sorted([*folder.rglob("*.py"), *folder.parent.glob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def stored(name: str) -> bytes | None:
    """The code of that name; None where there is none, or what is there is not whole."""
    try:
        path = _folder() / name
        whole = path.read_bytes()
        os.utime(path)
    except OSError:
        return None
    size = DIGEST().digest_size
    return whole[size:] if _digest(name, whole[size:]) == whole[:size] else None


def store(name: str, code: bytes) -> None:
    """Keep code under a name; another process sees all of it or nothing."""
    global _written
    with suppress(OSError):
        folder = _folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _written += len(code)
        if _written > BOUND // 16:
            _written = 0
            _keep_within_bound(folder)
        handle, temporary = tempfile.mkstemp(dir=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_digest(name, code) + code)
            os.replace(temporary, folder / name)
        except OSError:
            os.unlink(temporary)
            raise


def _digest(name: str, code: bytes) -> bytes:
    """Of both, so that a file under another's name is not taken for it."""
    return DIGEST(name.encode() + code).digest()


def _folder() -> Path:
    if given := os.environ.get("AUTOGRAD_TINY_CACHE"):
        return Path(given)
    try:
        from platformdirs import user_cache_path
    except ModuleNotFoundError as error:
        raise OSError("no folder is known for caches") from error
    return user_cache_path("autograd-tiny", appauthor=False)


def _keep_within_bound(folder: Path) -> None:
    """Remove the files that were not used for longest, until a part of the room is free."""
    found: list[tuple[float, int, str]] = []
    for entry in os.scandir(folder):
        with suppress(OSError):  # another process removes some, too
            found.append((entry.stat().st_mtime, max(entry.stat().st_size, BLOCK), entry.path))
    room = BOUND - BOUND // 8 - sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if room >= 0:
            return
        with suppress(OSError):
            os.unlink(path)
        room += size

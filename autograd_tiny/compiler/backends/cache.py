"""Cache of compiled code on disk: one file per program, processor and version, written atomically.

The files lie in a folder of their own in $AUTOGRAD_TINY_CACHE, or in the platform's folder for caches. If it cannot be
written, nothing is cached. Because cached code is executed, it must be the user's own: the folder and each file belong
to the user, nobody else may write them, and each file is signed with a key that only the user can read.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import os
import re
import stat
import tempfile
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from autograd_tiny import engine, transforms
from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Op
from autograd_tiny.transforms.columns import columns_of
from autograd_tiny.transforms.program import Program

BOUND = 256 << 20  # bytes of all files; beyond it the least recently used are evicted
BLOCK = 4096  # bytes that even a small file takes on disk
FOLDER, KEY, SUFFIX, NEW = "autograd-tiny-code", "key", ".code", "new-"
OURS = re.compile(rf"([0-9a-f]{{64}}|{NEW}\w+){re.escape(SUFFIX)}")  # complete, or being written
HEADER = b"autograd-tiny code\n"
SIZE = 32  # bytes of a key, and of a signature
WRITE, ALL = 0o022, 0o077  # mode bits that must be unset for code, and for the key
UNFOLLOWED = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # follow no link, and do not block on a pipe
_written = BOUND  # bytes written since the last eviction; the first file of a process triggers one


class CacheWarning(RuntimeWarning):
    """Warning: the cache of compiled code is not used, because another user could write it."""


def row_name(op: Op) -> str | None:
    """Name of an op of this package, equal in every process; None for any other op."""
    if ops.TABLE.get(op.name) is op:
        return op.name
    if op.pickle_recipe and op.pickle_recipe[0].__module__.startswith(f"{__package__.partition('.')[0]}."):
        return repr((op.pickle_recipe[0].__qualname__, *op.pickle_recipe[1:]))
    return None


def key_of(program: Program, known: Callable[[Op], str | None], *parts: Any) -> str:
    """Cache key of a program and `parts`; "" if `known` returns None for one of its ops.

    >>> from autograd_tiny.transforms.program import Step
    >>> square = Program(("x",), (Step(ops.mul, (0, 0)),), (1,))
    >>> key_of(square, row_name, "x86") == key_of(square, row_name, "ARM")
    False
    """
    columns = columns_of(program)
    names = [known(op) for op in columns.ops]
    if None in names:
        return ""
    digest = hashlib.sha256()
    flat: list[Any] = [columns.code, *columns.operands, columns.constants, columns.outputs]
    for column in flat:
        digest.update(len(column).to_bytes(8, "little") + column.tobytes())
    shape = (len(program.inputs), program.widths)
    digest.update(repr((names, shape, program.reduce, *parts)).encode())
    return digest.hexdigest()


ROOTS = [*engine.__path__, *transforms.__path__, os.fspath(Path(__file__).parents[1])]


@functools.cache
def sources() -> str:
    """Digest of the code that decides what a program compiles to, whatever its files are called; "" without files.

    Rules, passes, lowering and code generation all matter, and a list of them could be out of date, so all files of
    the engine, the transforms and the compiler count. Reading them takes 1 ms once per process; keys made from the
    generated text would require generating it for each lookup.
    """
    return digest(ROOTS)


def digest(folders: Iterable[str]) -> str:
    """Digest of the Python files in folders, whatever they are called; "" without files."""
    files = [os.path.join(at, name) for root in folders for at, _, names in os.walk(root) for name in names]
    texts = []
    for path in files:
        if path.endswith(".py"):
            with open(path, "rb", buffering=0) as file:
                texts.append(hashlib.sha256(file.read()).digest())
    return hashlib.sha256(b"".join(sorted(texts))).hexdigest() if texts else ""


def stored(name: str) -> bytes | None:
    """Load the code of that name; None if it is missing, incomplete or not the user's own."""
    with suppress(OSError):
        folder = _folder()
        path = folder / (name + SUFFIX)
        whole = _own(path, WRITE)
        code = whole[len(HEADER) + SIZE :]
        if hmac.compare_digest(whole[: len(HEADER) + SIZE], _signed(_own(folder / KEY, ALL), name, code)):
            with suppress(OSError):  # a read-only folder is used as well
                os.utime(path)
            return code
    return None


def store(name: str, code: bytes) -> None:
    """Store code under a name, atomically for other processes."""
    global _written
    with suppress(OSError):
        folder = _folder(make=True)
        _written += len(code)
        if _written > BOUND // 16:
            _written = 0
            _keep_within_bound(folder)
        _replace(folder / (name + SUFFIX), _signed(_key(folder), name, code) + code)


def _signed(key: bytes, name: str, code: bytes) -> bytes:
    """Header of a file: the signature covers the name as well, so that a renamed file is rejected."""
    if len(key) != SIZE:
        raise OSError(f"the key has {len(key)} bytes, expected {SIZE}")
    return HEADER + hmac.digest(key, name.encode() + code, "sha256")


def _key(folder: Path) -> bytes:
    """Signing key of a folder, created if there is no valid one; of two created at once the last remains."""
    with suppress(OSError):
        if len(key := _own(folder / KEY, ALL)) == SIZE:
            return key
    _replace(folder / KEY, os.urandom(SIZE))
    return _own(folder / KEY, ALL)


def _folder(make: bool = False) -> Path:
    """Folder of the code. Raise OSError if there is none, or, with a warning once, if it is not the user's own."""
    if not sources():  # imported from an archive: code of another version could not be told apart
        raise OSError("the files of the package cannot be read")
    if given := os.environ.get("AUTOGRAD_TINY_CACHE"):
        within = Path(given)
    else:
        try:
            from platformdirs import user_cache_path
        except ModuleNotFoundError as error:
            raise OSError("without platformdirs the folder for caches is unknown: set AUTOGRAD_TINY_CACHE") from error
        within = user_cache_path("autograd-tiny", appauthor=False)
    folder = within / FOLDER
    if make:
        within.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
    found = os.lstat(folder)
    if why := _others(found, WRITE) if stat.S_ISDIR(found.st_mode) else "it is not a folder":
        _warn(folder, why)
        raise OSError(why)
    return folder


@functools.cache
def _warn(folder: Path, why: str) -> None:
    message = f"{folder} is not used for compiled code, because {why}: remove it, or set AUTOGRAD_TINY_CACHE to another"
    warnings.warn(f"{message} folder", CacheWarning, stacklevel=2)


def _others(found: os.stat_result, mode: int) -> str:
    """Reason to distrust a file or folder; "" if there is none, and on Windows, which does not have these modes."""
    if not hasattr(os, "geteuid"):
        return ""
    if found.st_uid != os.geteuid():
        return "it belongs to another user"
    return "other users may write it" if found.st_mode & mode else ""


def _own(path: Path, mode: int, size: int = -1) -> bytes:
    """Read a file that belongs to the user. Raise OSError for another user's file, a link, or anything not a file."""
    with open(path, "rb", opener=lambda path, flags: os.open(path, flags | UNFOLLOWED)) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or _others(found, mode):
            raise PermissionError(f"{path} is not a regular file of this user")
        return file.read(size)


def _replace(path: Path, whole: bytes) -> None:
    """Write a file atomically, readable by the user only."""
    handle, temporary = tempfile.mkstemp(SUFFIX, NEW, path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(whole)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _keep_within_bound(folder: Path) -> None:
    """Evict least recently used files until an eighth of the limit is free; leave files of other programs alone."""
    found: list[tuple[float, int, Path]] = []
    for entry in os.scandir(folder):
        with suppress(OSError):  # another process may have removed it
            if OURS.fullmatch(entry.name):
                status = entry.stat(follow_symlinks=False)
                found.append((status.st_mtime, max(status.st_size, BLOCK), Path(entry.path)))
    room = BOUND - BOUND // 8 - sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if room >= 0:
            return
        with suppress(OSError):
            if HEADER.startswith(_own(path, WRITE, len(HEADER))):  # true for an incomplete file, too
                os.unlink(path)
                room += size

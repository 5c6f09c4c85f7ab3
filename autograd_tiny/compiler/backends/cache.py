"""Compiled code on disk: one file per program, processor and version, written whole or not at all.

In a folder of our own within $AUTOGRAD_TINY_CACHE, or else the platform's folder for caches; what cannot be written is
done without. Since the code is run, it has to be the user's own: the folder and each file belong to the user, nobody
else may write them, and each file is signed with a key that only the user can read.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import marshal
import os
import re
import stat
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Op
from autograd_tiny.transforms.program import Program

BOUND = 256 << 20  # bytes of all files; the longest unused go
BLOCK = 4096  # bytes that a file takes at least
FOLDER, KEY, SUFFIX, NEW = "autograd-tiny-code", "key", ".code", "new-"
OURS = re.compile(rf"([0-9a-f]{{64}}|{NEW}\w+){re.escape(SUFFIX)}")  # whole, or being written
HEADER = b"autograd-tiny code\n"
SIZE = 32  # bytes of a key, and of a signature
WRITE, ALL = 0o022, 0o077  # what nobody else may do with code, and with the key
UNFOLLOWED = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # nor waiting for who writes to a pipe
_written = BOUND  # bytes since the folder was last looked through: the first file of a process looks


class CacheWarning(RuntimeWarning):
    """Somebody else could write the folder of compiled code, so that it is not used."""


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
    digest = hashlib.sha256(marshal.dumps((steps, shape), 2))  # quick; in version 2 equal numbers give equal bytes
    digest.update(repr((names, program.reduce, *parts)).encode())
    return digest.hexdigest()


@functools.cache
def sources() -> str:
    """Digest of every file of the package, "" without files: another version may lower a program in another way.

    Rules, passes, the lowering and the text all count, so there is no list of them that could be out of date. To read
    them takes 2 ms, once; to name a program by its text instead, it would have to be lowered and written each time.
    """
    root = os.fspath(Path(__file__).parents[2])
    found = [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names if name.endswith(".py")]
    digest = hashlib.sha256()
    for path in sorted(found):  # by strings, in half of the time that Path takes
        with open(path, "rb", buffering=0) as file:
            text = file.read()
        digest.update(f"{path.removeprefix(root)}\0{len(text)}\0".encode() + text)
    return digest.hexdigest() if found else ""


def stored(name: str) -> bytes | None:
    """The code of that name; None where there is none, or what is there is not whole or not the user's own."""
    with suppress(OSError):
        folder = _folder()
        path = folder / (name + SUFFIX)
        whole = _own(path, WRITE)
        code = whole[len(HEADER) + SIZE :]
        if hmac.compare_digest(whole[: len(HEADER) + SIZE], _signed(_own(folder / KEY, ALL), name, code)):
            with suppress(OSError):  # a folder that can only be read serves, too
                os.utime(path)
            return code
    return None


def store(name: str, code: bytes) -> None:
    """Keep code under a name; another process sees all of it or nothing."""
    global _written
    with suppress(OSError):
        folder = _folder(make=True)
        _written += len(code)
        if _written > BOUND // 16:
            _written = 0
            _keep_within_bound(folder)
        _replace(folder / (name + SUFFIX), _signed(_key(folder), name, code) + code)


def _signed(key: bytes, name: str, code: bytes) -> bytes:
    """The start of a file: a signature of its name, too, so that a file under another's name is not taken for it."""
    if len(key) != SIZE:
        raise OSError("the key is not whole")
    return HEADER + hmac.digest(key, name.encode() + code, "sha256")


def _key(folder: Path) -> bytes:
    """The key of a folder, a new one if there is none that serves; of two made at once, the last stays."""
    with suppress(OSError):
        if len(key := _own(folder / KEY, ALL)) == SIZE:
            return key
    _replace(folder / KEY, os.urandom(SIZE))
    return _own(folder / KEY, ALL)


def _folder(make: bool = False) -> Path:
    """The folder of the code. Raises OSError where there is none, or it is not the user's own, which is told once."""
    if not sources():  # the package lies in an archive: code of another version would be taken for this one's
        raise OSError("the files of the package are not known")
    if given := os.environ.get("AUTOGRAD_TINY_CACHE"):
        within = Path(given)
    else:
        try:
            from platformdirs import user_cache_path
        except ModuleNotFoundError as error:
            raise OSError("no folder is known for caches") from error
        within = user_cache_path("autograd-tiny", appauthor=False)
    folder = within / FOLDER
    if make:
        within.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
    found = os.lstat(folder)
    if why := _others(found, WRITE) if stat.S_ISDIR(found.st_mode) else "it is not a folder":
        _tell(folder, why)
        raise OSError(why)
    return folder


@functools.cache
def _tell(folder: Path, why: str) -> None:
    told = (
        f"{folder} is not used for compiled code, since {why}: remove it, or set AUTOGRAD_TINY_CACHE to another folder"
    )
    warnings.warn(told, CacheWarning, stacklevel=2)


def _others(found: os.stat_result, mode: int) -> str:
    """Who else may do this with a file or folder; "" for nobody, and on Windows, where there are no such modes."""
    if not hasattr(os, "geteuid"):
        return ""
    if found.st_uid != os.geteuid():
        return "it belongs to another user"
    return "other users may write it" if found.st_mode & mode else ""


def _own(path: Path, mode: int, size: int = -1) -> bytes:
    """The bytes of a file of the user's own. Raises OSError for another's, a link, and whatever else is no file."""
    with open(path, "rb", opener=lambda path, flags: os.open(path, flags | UNFOLLOWED)) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or _others(found, mode):
            raise PermissionError(f"{path} is not the user's own file")
        return file.read(size)


def _replace(path: Path, whole: bytes) -> None:
    """Write a file that nobody else may read: another process sees the old one or the new one."""
    handle, temporary = tempfile.mkstemp(SUFFIX, NEW, path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(whole)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _keep_within_bound(folder: Path) -> None:
    """Remove the files that were not used for longest, until a part of the room is free; of our own files only."""
    found: list[tuple[float, int, Path]] = []
    for entry in os.scandir(folder):
        with suppress(OSError):  # another process removes some, too
            if OURS.fullmatch(entry.name):
                status = entry.stat(follow_symlinks=False)
                found.append((status.st_mtime, max(status.st_size, BLOCK), Path(entry.path)))
    room = BOUND - BOUND // 8 - sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if room >= 0:
            return
        with suppress(OSError):
            if HEADER.startswith(_own(path, WRITE, len(HEADER))):  # also one that was not written to its end
                os.unlink(path)
                room += size

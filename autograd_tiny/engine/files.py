"""Writing files, whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def save(path: Path, content: bytes) -> Path:
    """Write a file whole or not at all, and return its path; raises as `save_all` does.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Path(folder, "a.txt"), b"whole").read_bytes(), os.listdir(folder)
    (b'whole', ['a.txt'])
    """
    return save_all([(path, content)])[0]


def save_all(files: Iterable[tuple[Path, bytes]]) -> list[Path]:
    """Write files, all of them or none, and return their paths; nothing is replaced before all are written beside.

    A file that was there keeps its permissions; of a link, the file it leads to is replaced. A device, a FIFO or what
    standard output goes to is opened and written. Raises OSError, naming the path; what was there then stays as it was.
    """
    paths: list[Path] = []
    streams: list[tuple[Path, bytes]] = []
    parts: list[tuple[Path, Path]] = []  # what was written beside, and the file it will replace
    try:
        for path, content in files:
            paths.append(path)
            with _naming(path):
                there = _there(path)
                if there and stat.S_ISDIR(there.st_mode):
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
                if there and (not stat.S_ISREG(there.st_mode) or _standard(there)):
                    streams.append((path, content))
                    continue
                target = Path(os.path.realpath(path))
                # Not named after the target, whose name may be as long as a name can be.
                part = target.with_name(f".{secrets.token_hex(8)}.part")
                parts.append((part, target))
                _write(part, content, stat.S_IMODE(there.st_mode) if there else None)
        for path, content in streams:
            with _naming(path):
                _write_through(path, content)
        for part, target in parts:
            with _naming(target):
                part.replace(target)
    except BaseException:
        for part, _ in parts:
            with suppress(OSError):
                part.unlink()
        raise
    return paths


def _there(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _standard(there: os.stat_result) -> int | None:
    """The descriptor, 1 or 2, of standard output or error when they go to this file, as /dev/stdout always does."""
    for descriptor in (1, 2):
        with suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), there):
                return descriptor
    return None


def _write(part: Path, content: bytes, mode: int | None) -> None:
    """Write a new file; with no mode the system gives it the one of any new file, less the umask."""
    with open(part, "xb", opener=lambda name, flags: os.open(name, flags, 0o666 if mode is None else mode)) as file:
        file.write(content)
    if mode is not None:
        part.chmod(mode)


def _write_through(path: Path, content: bytes) -> None:
    standard = _standard(path.stat())
    # A duplicate shares its place in the file: what is printed next comes after.
    with open(path if standard is None else os.dup(standard), "wb") as file:
        file.write(content)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise type(error)(error.errno, f"cannot write there: {error.strerror}", str(path)) from None

"""Atomic file writes."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def save(path: Path, content: bytes, *, durable: bool = False) -> Path:
    """Write a file atomically and return its path; raises as `save_all` does, which says what `durable` means.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Path(folder, "a.txt"), b"whole").read_bytes(), os.listdir(folder)
    (b'whole', ['a.txt'])
    """
    return save_all([(path, content)], durable=durable)[0]


def save_all(files: Iterable[tuple[Path, bytes]], *, durable: bool = False) -> list[Path]:
    """Write all files or none, and return their paths; temporary files replace the targets once all are written.

    An existing file keeps its permissions; for a link, its target is replaced. A device, a FIFO or the file behind
    standard output is written in place. With `durable`, each new file is on the disk before it replaces the old one, so
    that one of the two survives a loss of power. Raises OSError, naming the path; existing files are then unchanged.
    """
    paths: list[Path] = []
    streams: list[tuple[Path, bytes]] = []
    parts: list[tuple[Path, Path]] = []  # temporary file, target
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
                # Not named after the target, whose name may already have the maximum length.
                part = target.with_name(f".{secrets.token_hex(8)}.part")
                parts.append((part, target))
                _write(part, content, stat.S_IMODE(there.st_mode) if there else None, durable)
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
    """Return 1 or 2 if standard output or standard error goes to this file, as for /dev/stdout; else None."""
    for descriptor in (1, 2):
        with suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), there):
                return descriptor
    return None


def _write(part: Path, content: bytes, mode: int | None, durable: bool) -> None:
    """Write a new file; without a mode, the umask decides its permissions."""
    with open(part, "xb", opener=lambda name, flags: os.open(name, flags, 0o666 if mode is None else mode)) as file:
        file.write(content)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    if mode is not None:
        part.chmod(mode)


def _write_through(path: Path, content: bytes) -> None:
    standard = _standard(path.stat())
    # A duplicate descriptor shares the file offset, so that later output follows.
    with open(path if standard is None else os.dup(standard), "wb") as file:
        file.write(content)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise type(error)(error.errno, f"cannot write there: {error.strerror}", str(path)) from None

"""Files of arrays with metadata: safetensors or plain JSON, written aside and replaced, checked when read.

A file holds arrays of float64 and int64 by name, metadata of JSON, and a digest of both, so that a damaged file is
never taken for a whole one. Both formats are data alone: reading a file runs nothing.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.files import save
from autograd_tiny.engine.special import in_a_line, readable
from autograd_tiny.train.keeping.formats import DTYPES, FORMAT, FORMATS, Arrays, Format

VERSION = 1


def write_arrays(path: Any, arrays: Mapping[str, Any], meta: Any) -> Path:
    """Write arrays and metadata to a file, whole or not at all, and return its path; the suffix decides the format.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_arrays(Path(folder, "a.json"), {"w": np.array([1.0, -0.0])}, {"epoch": 3})
    ...     read_arrays(path)
    ({'w': array([ 1., -0.])}, {'epoch': 3})

    Raises ValueError for another suffix, and for a number that is nan or infinite; TypeError for another dtype, and for
    metadata that JSON does not know; OSError where the file cannot be written. An existing file is then unchanged.
    """
    way = format_of(path)
    try:
        checked, plain = {name: _array(name, x) for name, x in arrays.items()}, _plain(meta, "the metadata")
        head = {"format": FORMAT, "version": VERSION, "digest": _seal(checked, plain), "meta": plain}
        content = way.written(checked, head)
    except RecursionError:
        raise _unwritable(path, "the metadata are nested too deeply, or inside themselves") from None
    except TypeError as error:
        raise TypeError(*_unwritable(path, error).args) from None
    except ValueError as error:
        raise _unwritable(path, error) from None
    return save(Path(path), content, durable=True)


def _unwritable(path: Any, why: object) -> ValueError:
    return ValueError(f"{path} cannot be written: {why}")


def read_arrays(path: Any) -> tuple[Arrays, Any]:
    """Read the arrays and the metadata of a file that `write_arrays` wrote.

    Raises ValueError, with the path, for any other content, and OSError where the file cannot be read.
    """
    way = format_of(path)
    try:
        arrays, head = way.read(_content(path))
        if not isinstance(head, dict) or head.get("format") != FORMAT:
            has_one = isinstance(head, dict) and "format" in head
            named = f"names the format {in_a_line(head['format'])}" if has_one else "names no format"
            raise ValueError(f"it is not a model of autograd_tiny, it {named}")
        if (version := head.get("version")) != VERSION:
            newer = isinstance(version, int) and version > VERSION
            cure = "install a newer autograd_tiny" if newer else "save it again"
            raise ValueError(f"it has version {in_a_line(version)}, this package reads {VERSION}: {cure}")
        if head.keys() != {"format", "version", "digest", "meta"}:
            raise ValueError(f"its head holds {in_a_line([*head])} instead of format, version, digest and meta")
        meta = _plain(head["meta"], "the metadata")
        checked = {name: _array(name, x) for name, x in arrays.items()}
        if head["digest"] != _seal(checked, meta):
            raise ValueError("it was damaged or changed after it was written, its digest is that of other content")
    except RecursionError:
        raise ValueError(f"{path} cannot be read: it is nested too deeply") from None
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    return arrays, meta


def digest(*arrays: Any) -> str:
    """Return the SHA-256 of arrays: of their dtypes, shapes and numbers, in whatever order memory holds them.

    >>> x = np.arange(6.0).reshape(2, 3)
    >>> digest(x) == digest(np.asfortranarray(x)), digest(x) == digest(x.T)
    (True, False)

    Raises TypeError for arrays of Python objects.
    """
    found = hashlib.sha256()
    for x in map(np.asarray, arrays):
        if x.dtype.hasobject:
            raise TypeError(f"a digest takes arrays of numbers or of text, got one of dtype {x.dtype}")
        x = x.astype(x.dtype.newbyteorder("<"), copy=False)
        found.update(repr((x.dtype.str, x.shape)).encode() + x.tobytes())
    return found.hexdigest()


def _seal(arrays: Arrays, meta: Any) -> str:
    """Return the digest of all that a file holds."""
    names = sorted(arrays)
    whole = digest(*[arrays[name] for name in names]) + json.dumps([names, meta])
    return hashlib.sha256(whole.encode()).hexdigest()


def _array(name: Any, x: Any) -> np.ndarray[Any, Any]:
    """Return an array as the machine holds it, in C order; refuse names, dtypes and numbers that no file holds."""
    if not isinstance(name, str):
        raise TypeError(f"an array has a name, got {in_a_line(name)} of type {type(name).__name__}")
    if name in ("", "__metadata__") or any("\ud800" <= c <= "\udfff" for c in name):
        raise ValueError(f"{in_a_line(name)} is not a name of an array")
    x = np.asarray(x)
    if x.dtype.name not in DTYPES:
        raise TypeError(f"{readable(name)} has dtype {x.dtype}, expected {' or '.join(DTYPES)}")
    x = np.asarray(x, x.dtype.newbyteorder("="), order="C")
    if not (finite := np.isfinite(x)).all():
        place = np.argwhere(~finite)[0]
        others = finite.size - np.count_nonzero(finite) - 1
        more = f", and {counted(others, 'number')} more {'is' if others == 1 else 'are'} not finite" if others else ""
        raise ValueError(f"{readable(name)}{''.join(f'[{i}]' for i in place)} is {float(x[tuple(place)])}{more}")
    return x


def _plain(x: Any, path: str) -> Any:
    """Return metadata as JSON gives them back: dicts, lists, text, finite numbers, True, False and None."""
    if isinstance(x, np.generic):
        x = x.item()
    path = path if len(path) < 120 else f"{path[:60]}…{path[-40:]}"
    if isinstance(x, dict):
        if wrong := [key for key in x if not isinstance(key, str)]:
            raise TypeError(f"{path} has the key {in_a_line(wrong[0])}, the keys of JSON are text")
        return {str(key): _plain(item, f"{path}[{key!r:.30}]") for key, item in x.items()}
    if isinstance(x, (list, tuple)):
        return [_plain(item, f"{path}[{i}]") for i, item in enumerate(x)]
    if isinstance(x, float) and not math.isfinite(x):
        raise ValueError(f"{path} is {x!r}, the numbers of JSON are finite")
    if x is None or isinstance(x, (str, int, float)):
        return x
    raise TypeError(
        f"{path} is {in_a_line(x)} of type {type(x).__name__}, expected what JSON knows: dicts, lists, text, numbers, "
        "True, False or None"
    )


def _content(path: Any) -> bytes:
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # a device or a FIFO may have no end
        raise ValueError("it is not a regular file")
    content = Path(path).read_bytes()
    if not content:
        raise ValueError("it is empty")
    return content


def format_of(path: Any) -> Format:
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(
            f"expected a path, such as 'model.safetensors', got {in_a_line(path)} of type {type(path).__name__}"
        )
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        got = f"the suffix {suffix!r}" if suffix else "no suffix"
        raise ValueError(f"{path} has {got}, expected {' or '.join(FORMATS)}")
    return FORMATS[suffix]

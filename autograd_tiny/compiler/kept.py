"""Keep the traces of a function in the cache of compiled code, so that another process does not trace it again."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import sys
import sysconfig
from typing import Any

import autograd_tiny
from autograd_tiny.compiler.backends.cache import digest, store, stored
from autograd_tiny.compiler.fingerprint import Nameless, fingerprint
from autograd_tiny.compiler.programs import Unwritable
from autograd_tiny.compiler.recordings import read, written
from autograd_tiny.compiler.variants import Variants

WORTH = 1000  # steps; tracing fewer takes a few milliseconds


def find(variants: Variants, *key: Any) -> None:
    """Add the paths that an earlier process kept under this key: code, arguments, options, and what the code reads."""
    name, values = _name(key)
    data = stored(name) if name else None
    if data is None:
        return
    try:
        for path in json.loads(data):
            captured = [values[i] for i in path["captured"]]
            variants.known.append(read(path, variants, captured, is_ours=True))
            variants.anchors |= dict.fromkeys(captured)
    except (ValueError, LookupError, TypeError):  # no such op or shape here: trace again
        variants.known.clear()
        variants.anchors.clear()


def keep(variants: Variants, *key: Any) -> None:
    """Keep the paths of a function, unless they are short, or hold something that another process cannot know."""
    is_short = sum(len(v.recorded.steps) for v in variants.known) < WORTH
    if is_short or any(at is not None for at in variants.anchors.values()):
        return
    name, values = _name(key)
    if not name:
        return
    place = {v: i for i, v in enumerate(values)}
    try:
        paths = [written(v) | {"captured": [place[x] for x in v.captured]} for v in variants.known]
    except (Unwritable, KeyError):
        return
    store(name, json.dumps(paths).encode())


def _name(key: Any) -> tuple[str, list[Any]]:
    try:
        text, values = fingerprint(key)
    except Nameless:
        return "", []
    whole = "\n".join([*_versions(), text])
    return hashlib.sha256(whole.encode()).hexdigest(), values


@functools.cache
def _versions() -> list[str]:
    """Versions of Python, of this package, all of which f may call, and of the libraries: installing one changes the
    folder of all.
    """
    folders = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    return [
        sys.version,
        digest(autograd_tiny.__path__),
        *[f"{path} {os.stat(path).st_mtime_ns}" for path in sorted(folders) if os.path.isdir(path)],
    ]

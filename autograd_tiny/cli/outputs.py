"""Files that a command is about to write: refused before its work if they cannot be, or are what it reads."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from autograd_tiny.cli.process import Refused
from autograd_tiny.engine.extras import missing


def check_outputs(written: dict[str, str | None], data: str, model: str | None = None) -> None:
    """Refuse a path that cannot be written, or that is the data, the model or another path that is written.

    `written` has the path of each option, or None; `model` is one that is read.

    >>> check_outputs({"-o": "data.csv"}, "./data.csv")
    Traceback (most recent call last):
    autograd_tiny.cli.process.Refused: data.csv is the data that is read: -o needs a file of its own
    """
    from autograd_tiny.data.sets import SETS  # brings NumPy

    if written.get("--html") is not None and find_spec("matplotlib") is None:
        raise Refused(missing("--html", ["matplotlib"]))
    taken = [(data, "the data that is read")] if data != "-" and data not in SETS else []
    taken += [] if model is None else [(model, "the model that is read")]
    for option, path in written.items():
        if path is None:
            continue
        for other, what in taken:
            if _same(path, other):
                raise Refused(f"{path} is {what}: {option} needs a file of its own")
        if option == "--html" and Path(path).suffix.lower() not in ("", ".html", ".htm"):
            raise Refused(f"--html {path}: a page has the suffix .html")
        folder = Path(os.path.realpath(path)).parent
        if os.path.isdir(path):
            raise Refused(f"{path} is a folder: {option} needs the name of a file")
        if not folder.is_dir():
            raise Refused(f"{path} cannot be written: there is no folder {folder}")
        if not os.access(folder, os.W_OK):
            raise Refused(f"{path} cannot be written: there is no permission to write in {folder}")
        taken.append((path, "the model that is written" if option == "--output" else f"what {option} writes"))


def _same(a: str, b: str) -> bool:
    try:
        return os.path.realpath(a) == os.path.realpath(b) or os.path.samefile(a, b)
    except OSError:
        return False

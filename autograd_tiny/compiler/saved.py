"""Save a compiled function with its traces to a file of JSON, and load it where the function itself is not needed."""

from __future__ import annotations

import inspect
import json
import os
from pathlib import Path
from typing import Any, NoReturn

from autograd_tiny.compiler.fingerprint import Nameless, fingerprint
from autograd_tiny.compiler.programs import Unwritable
from autograd_tiny.compiler.recordings import read, written
from autograd_tiny.compiler.variants import Variants
from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.files import save
from autograd_tiny.engine.value import Value

FORMAT, VERSION = "autograd_tiny recording", 2
OPTIONS: dict[str, Any] = {"batch": list, "static": list, "reduce": (str, type(None)), "contract": bool, "threads": int,
           "check_finite": bool}  # fmt: skip


def _every(a: Any, /, b: Any, *c: Any, d: Any, **e: Any) -> None: ...


KINDS = {p.kind.name: p.kind for p in inspect.signature(_every).parameters.values()}


def write(path: Any, name: str, f: Any, options: dict[str, Any], known: dict[Any, Variants]) -> Path:
    """Write the traces of a function; Values that it closes over are written with their present data.

    Raises ValueError if there is none, and TypeError for one that no file can hold.
    """
    recordings = []
    for structure, variants in known.items():
        try:
            text, _ = fingerprint(structure)
            paths = [written(v) | {"captured": [[x.name, x.data.hex()] for x in v.captured]} for v in variants.known]
        except (Nameless, Unwritable) as error:
            raise TypeError(f"{name} cannot be saved: {error}") from None
        if any(at is not None for at in variants.anchors.values()):
            raise TypeError(f"{name} cannot be saved: it reads a Value both by an argument and without")
        if paths:
            recordings.append({"arguments": text, "paths": paths})
    if not recordings:
        raise ValueError(f"{name} has no recording: call it with arguments like those of later calls, then save it")
    try:
        signature = [[p.name, p.kind.name] for p in inspect.signature(f).parameters.values()]
    except (TypeError, ValueError):  # of a builtin function
        signature = [["arguments", "VAR_POSITIONAL"]]
    document = {"format": FORMAT, "version": VERSION, "function": name, "signature": signature}
    return save(Path(path), json.dumps(document | options | {"recordings": recordings}).encode())


class Recorded:
    """Stand-in for a function of which only the traces are known.

    It raises TypeError if it is called, because no trace of the file fits the arguments.
    """

    def __init__(self, path: str, name: str, signature: list[list[str]]) -> None:
        self.path, self.__name__ = path, name
        self.__signature__ = inspect.Signature([inspect.Parameter(one, KINDS[kind]) for one, kind in signature])
        self.recordings: dict[str, list[Any]] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        known = counted(len(self.recordings), "structure")
        raise TypeError(
            f"{self.path} has no recording of {self.__name__} for this call, but for {known} of arguments: call the "
            "function itself with such arguments, through each of its branches, and save it again"
        )

    def find(self, variants: Variants, structure: Any) -> None:
        """Add the paths recorded for a structure of arguments."""
        try:
            text, _ = fingerprint(structure)
        except Nameless:
            return
        for path in self.recordings.get(text, ()):
            variants.known.append(read(path, variants, path["captured"]))


def open_recording(path: Any) -> tuple[Recorded, dict[str, Any]]:
    """Read a file that `write` wrote: the stand-in, and the options of `jit`.

    Raises ValueError, naming the file, for any other content.
    """
    shown = os.fspath(path)
    try:
        document = json.loads(Path(path).read_bytes())
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise ValueError("it is no recording: `f.save(path)` of a compiled function writes one")
        if document["version"] != VERSION:
            raise ValueError(f"it has version {document['version']!r:.20}, this package reads {VERSION}: save it again")
        options = {name: document[name] for name in OPTIONS}
        if wrong := [name for name, x in options.items() if not isinstance(x, OPTIONS[name])]:
            raise ValueError(f"{wrong[0]} is {options[wrong[0]]!r:.40}")
        recorded = Recorded(shown, str(document["function"]), document["signature"])
        for recording in document["recordings"]:
            for one in recording["paths"]:
                one["captured"] = [Value(float.fromhex(x), name or None) for name, x in one["captured"]]
            probe = Variants(recorded, bool(options["reduce"]), "python", {}, None)  # type: ignore[arg-type]
            for one in recording["paths"]:
                read(one, probe, one["captured"])  # refuse a broken file now, not at a later call
            recorded.recordings[str(recording["arguments"])] = recording["paths"]
    except UnicodeDecodeError:
        raise ValueError(f"{shown} cannot be loaded: it is no text") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{shown} cannot be loaded: it is no JSON, or was cut short ({error})") from None
    except (LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{shown} cannot be loaded: a part is missing or of another type ({error})") from None
    except ValueError as error:
        raise ValueError(f"{shown} cannot be loaded: {error}") from None
    return recorded, options

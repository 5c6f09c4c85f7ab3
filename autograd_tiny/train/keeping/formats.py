"""The two formats of a file of arrays: safetensors, and plain JSON; neither can hold code."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import numpy as np

from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.extras import needed_by
from autograd_tiny.engine.special import in_a_line, readable

FORMAT = "autograd_tiny model"
DTYPES = {"float64": "F64", "int64": "I64"}  # names in JSON and in safetensors
LONGEST = 100_000_000  # bytes of a header that safetensors reads
Arrays = dict[str, "np.ndarray[Any, Any]"]


def _parsed(text: bytes, what: str) -> Any:
    """Parse JSON strictly: no name twice, no NaN, no Infinity."""
    try:
        return json.loads(text.decode(), object_pairs_hook=_once, parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise ValueError(f"{what} is not text") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{what} is not JSON, or was cut short ({error})") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, x in pairs:
        if name in found:
            raise ValueError(f"{in_a_line(name)} stands in it twice")
        found[name] = x
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, which is not a number of JSON")


def as_safetensors(arrays: Arrays, head: dict[str, Any]) -> bytes:
    with needed_by("a file of safetensors"):
        from safetensors.numpy import save as serialized
    content = serialized(arrays, {FORMAT: json.dumps(head)})  # one entry: the library keeps no order of several
    if int.from_bytes(content[:8], "little") > LONGEST:
        raise ValueError("its names and metadata are longer than the 100 MB that safetensors reads: save it as .json")
    return content


def of_safetensors(content: bytes) -> tuple[Arrays, Any]:
    with needed_by("a file of safetensors"):
        from safetensors import SafetensorError
        from safetensors.numpy import load
    size = int.from_bytes(content[:8], "little")
    if not 0 < size <= min(LONGEST, len(content) - 8):
        raise ValueError("it is not in the format of safetensors, or was cut short within its header")
    header = _parsed(content[8 : 8 + size], "its header")  # the library takes the last of two arrays of one name
    if not isinstance(header, dict):
        raise ValueError("its header is not an object of JSON")
    entries = {name: x for name, x in header.items() if name != "__metadata__"}
    for name, entry in entries.items():
        if not isinstance(entry, dict) or entry.get("dtype") not in DTYPES.values():
            raise ValueError(f"{in_a_line(name)} is {in_a_line(entry)}, expected dtype {' or '.join(DTYPES.values())}")
    try:
        arrays = {name: np.require(x, requirements="W") for name, x in load(content).items()}
    except SafetensorError as error:
        why = readable(str(error).removeprefix("Error while deserializing: "), 160)
        raise ValueError(
            f"its header does not describe its {len(content):,} bytes, or it was cut short ({why})"
        ) from None
    metadata = header.get("__metadata__")
    if not isinstance(metadata, dict) or not isinstance(metadata.get(FORMAT), str):
        raise ValueError("it is not a model of autograd_tiny: its metadata name another format, or none")
    if len(metadata) > 1:
        raise ValueError(f"its metadata hold {in_a_line([*metadata])} instead of {FORMAT!r} alone")
    return arrays, _parsed(metadata[FORMAT].encode(), "its metadata")


def as_json(arrays: Arrays, head: dict[str, Any]) -> bytes:
    listed = {name: {"dtype": x.dtype.name, "shape": x.shape, "data": x.ravel().tolist()} for name, x in arrays.items()}
    return json.dumps(head | {"arrays": listed}).encode()


def of_json(content: bytes) -> tuple[Arrays, Any]:
    head = _parsed(content, "it")
    listed = head.pop("arrays", {}) if isinstance(head, dict) else {}
    if not isinstance(listed, dict):
        raise ValueError("its arrays are not an object of JSON")
    return {name: _of_list(name, x) for name, x in listed.items()}, head


def _of_list(name: str, x: Any) -> np.ndarray[Any, Any]:
    if not isinstance(x, dict) or x.keys() != {"dtype", "shape", "data"}:
        raise ValueError(f"{in_a_line(name)} has no dtype, shape and data")
    dtype, shape, data = x["dtype"], x["shape"], x["data"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(f"{in_a_line(name)} has dtype {in_a_line(dtype)}, expected {' or '.join(DTYPES)}")
    if not isinstance(data, list) or not {float if dtype == "float64" else int}.issuperset(map(type, data)):
        raise ValueError(f"the data of {in_a_line(name)} are not a list of numbers of {dtype}")
    if not isinstance(shape, list) or not {int}.issuperset(map(type, shape)) or min(shape, default=0) < 0:
        raise ValueError(f"the shape of {in_a_line(name)} is {in_a_line(shape)}, expected a list of sizes")
    if math.prod(shape) != len(data):
        raise ValueError(f"{in_a_line(name)} has {counted(len(data), 'number')} for the shape {in_a_line(shape)}")
    try:
        return np.array(data, dtype).reshape(shape)
    except OverflowError:
        raise ValueError(f"{in_a_line(name)} holds a number outside of int64") from None


class Format(NamedTuple):
    written: Callable[[Arrays, dict[str, Any]], bytes]
    read: Callable[[bytes], tuple[Arrays, Any]]


FORMATS = {".safetensors": Format(as_safetensors, of_safetensors), ".json": Format(as_json, of_json)}

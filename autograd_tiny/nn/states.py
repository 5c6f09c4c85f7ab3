"""The parameters of a Module as numbers by name, set from such numbers, and as a table."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.op import real
from autograd_tiny.engine.operand import Operand
from autograd_tiny.engine.special import readable
from autograd_tiny.engine.tree import is_module
from autograd_tiny.nn.holding import held, parameters_of
from autograd_tiny.nn.remembering import known_parameters

_INDICES = re.compile(r"(?:\[\d+(?:, \d+)*\])+$")


def state_dict_of(module: Any) -> dict[str, float]:
    return {name: p.data for name, p in known_parameters(module)}


def load_state_dict(module: Any, state: Mapping[str, Any]) -> None:
    """Set the parameters of a Module, all or none."""
    parameters = dict(known_parameters(module))
    if not isinstance(state, Mapping):
        raise TypeError(f"load_state_dict takes a dict of numbers by name, got {state!r:.60}")
    if state.keys() != parameters.keys():
        ours, theirs = ({x: _size(at) for x, at in lists_in(names).items()} for names in (parameters, state))
        told = differences(ours, theirs) or _are("missing", [x for x in parameters if x not in state])
        raise ValueError(f"the state is not one of {shown(module, 60)}: {told}")
    numbers = {}
    for name, x in state.items():
        try:
            numbers[name] = real(x)
        except TypeError as error:
            raise TypeError(f"{name}: {error}") from None
    for name, p in parameters.items():
        p.data = numbers[name]


def lists_in(names: Iterable[str]) -> dict[str, dict[tuple[int, ...], int]]:
    """Group names by the list they lead into: the place in it, and which of the names it was.

    >>> lists_in(["w[0][0]", "w[0][1]", "b"])
    {'w': {(0, 0): 0, (0, 1): 1}, 'b': {(): 2}}
    """
    found: dict[str, dict[tuple[int, ...], int]] = {}
    for i, name in enumerate(names):
        indices = _INDICES.search(name)
        place = tuple(map(int, re.findall(r"\d+", indices[0]))) if indices else ()
        found.setdefault(name[: indices.start()] if indices else name, {})[place] = i
    return found


def differences(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """Say which lists of parameters are missing, unexpected or of another size, given the sizes by name; "" if none."""
    resized = [x for x, size in ours.items() if theirs.get(x, size) != size]
    told = [
        _are("missing", [x for x in ours if x not in theirs]),
        _are("unexpected", [x for x in theirs if x not in ours]),
        *[f"{readable(x)} is {theirs[x]} instead of {ours[x]}" for x in resized[:3]],
    ]
    return ", ".join(filter(None, told)) + _others(resized)


def size_of(shape: Iterable[int]) -> str:
    """Write a shape: ``3×2``, or ``one number``."""
    return "×".join(map(str, shape)) or "one number"


def _size(places: Iterable[tuple[int, ...]]) -> str:
    return size_of(max(k) + 1 for k in zip(*places, strict=False))


def _are(what: str, names: list[str]) -> str:
    return f"{_some(names)} {'is' if len(names) == 1 else 'are'} {what}" if names else ""


def _some(names: list[str]) -> str:
    return ", ".join(map(readable, names[:3])) + _others(names)


def _others(names: list[str]) -> str:
    return f" and {len(names) - 3:,} more" if len(names) > 3 else ""


def summary_of(module: Any, depth: int) -> str:
    """Write the table of a Module and the Modules inside, with the counts of their parameters."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for title in ("module", "", "parameters"):
        table.add_column(title, justify="right" if title == "parameters" else "left", no_wrap=True)
    table.add_row(shown(module, 60), "", counted(len(parameters_of(module))))
    for path, inner in modules_in(module, depth):
        table.add_row(path, shown(inner, 30), counted(len(parameters_of(inner))))
    written = io.StringIO()
    Console(file=written, width=120, color_system=None, markup=False).print(table)
    return "\n".join(line.rstrip() for line in written.getvalue().rstrip().splitlines())


def shown(module: Any, most: int) -> str:
    """Return the repr of a Module, or the name of its class if that is too long or says no more."""
    text = repr(module)
    return text if len(text) <= most and not text.startswith("<") else type(module).__name__


def modules_in(module: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """Yield each Module inside once, with its path, in the order of its parameters."""
    seen = {id(module)}
    stack: list[tuple[str, Any, int]] = [("", module, 0)]
    while stack:
        path, item, level = stack.pop()
        if level and is_module(item):
            yield path, item
        if level < depth or not is_module(item):
            for suffix, inner in reversed([*held(item)]):
                if id(inner) not in seen and not isinstance(inner, Operand):
                    seen.add(id(inner))
                    stack.append(((path + suffix).removeprefix("."), inner, level + is_module(inner)))

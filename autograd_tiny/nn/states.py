"""The parameters of a Module as numbers by name, set from such numbers, and as a table."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.op import real
from autograd_tiny.engine.operand import Operand
from autograd_tiny.engine.tree import is_module
from autograd_tiny.nn.holding import held, parameters_of

_INDICES = re.compile(r"(?:\[\d+\])+$")


def state_dict_of(module: Any) -> dict[str, float]:
    return {name: p.data for name, p in parameters_of(module)}


def load_state_dict(module: Any, state: Mapping[str, Any]) -> None:
    """Set the parameters of a Module, all or none."""
    parameters = dict(parameters_of(module))
    if not isinstance(state, Mapping):
        raise TypeError(f"load_state_dict takes a dict of numbers by name, got {state!r:.60}")
    if state.keys() != parameters.keys():
        raise ValueError(_differences(_shown(module, 60), [*parameters], [*state]))
    numbers = {}
    for name, x in state.items():
        try:
            numbers[name] = real(x)
        except TypeError as error:
            raise TypeError(f"{name}: {error}") from None
    for name, p in parameters.items():
        p.data = numbers[name]


def _differences(module: str, expected: list[str], got: list[str]) -> str:
    """Say in a sentence which lists of parameters are missing, unexpected or of another size."""
    ours, theirs = _shapes(expected), _shapes(got)
    missing, unexpected = [x for x in ours if x not in theirs], [x for x in theirs if x not in ours]
    sizes = [f"{x} is {theirs[x]} instead of {ours[x]}" for x in ours if x in theirs and ours[x] != theirs[x]]
    places = [x for x in expected if x not in set(got)] if not (missing or unexpected or sizes) else []
    found = [
        f"{_some(names)} {'is' if len(names) == 1 else 'are'} {what}"
        for names, what in ((missing, "missing"), (unexpected, "unexpected"), (places, "missing"))
        if names
    ]
    return f"the state is not one of {module}: {', '.join([*found, *([_some(sizes)] if sizes else [])])}"


def _shapes(names: list[str]) -> dict[str, str]:
    """Return the size of each list of parameters, ``weight``: ``3×2``, or ``one number``."""
    found: dict[str, list[list[int]]] = {}
    for name in names:
        indices = _INDICES.search(name)
        place = [int(i) for i in re.findall(r"\d+", indices[0])] if indices else []
        found.setdefault(name[: len(name) - len(indices[0])] if indices else name, []).append(place)
    return {
        name: "×".join([str(max(k) + 1) for k in zip(*places, strict=False)]) or "one number"
        for name, places in found.items()
    }


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def summary_of(module: Any, depth: int) -> str:
    """Write the table of a Module and the Modules inside, with the counts of their parameters."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for title in ("module", "", "parameters"):
        table.add_column(title, justify="right" if title == "parameters" else "left", no_wrap=True)
    table.add_row(_shown(module, 60), "", counted(len(parameters_of(module))))
    for path, inner in modules_in(module, depth):
        table.add_row(path, _shown(inner, 30), counted(len(parameters_of(inner))))
    written = io.StringIO()
    Console(file=written, width=120, color_system=None, markup=False).print(table)
    return "\n".join(line.rstrip() for line in written.getvalue().rstrip().splitlines())


def _shown(module: Any, most: int) -> str:
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

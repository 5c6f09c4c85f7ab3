"""Flatten the arguments of a compiled function into rows of numbers, and rebuild results from such rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from autograd_tiny.engine.op import real
from autograd_tiny.engine.operand import Operand
from autograd_tiny.engine.tree import NUMBERS, indices, is_array, is_module, kind_of, leaves, rebuild, structure


class Arguments:
    """Arguments of one call, by name; each argument in `batch` has one item per sample.

    `structure` is the cache key of a trace: types, lengths, shapes and names, but no values. `numbers` holds the
    arguments of a kernel: a row of the numbers shared by all samples, one table with a row per sample for each batched
    argument, and the number of samples, or None without a batch.
    """

    def __init__(self, named: dict[str, Any], positional: int, batch: tuple[str, ...]) -> None:
        self.named, self.positional = named, positional
        if missing := [name for name in batch if name not in named]:
            raise TypeError(f"the batched argument {missing[0]} is missing from the call")
        self.batched = {name: samples(named[name], name) for name in named if name in batch}
        sizes = {name: len(rows) for name, rows in self.batched.items()}
        if len(set(sizes.values())) > 1:
            counts = ", ".join(f"{name} has {size:,}" for name, size in sizes.items())
            raise ValueError(f"the batched arguments need the same number of samples: {counts}")
        if 0 in sizes.values():
            raise ValueError(f"the batch is empty: {next(iter(sizes))} has no samples, expected at least 1")
        self.size = next(iter(sizes.values())) if sizes else None
        self.structure = tuple(
            [(name, structure(x[0] if name in self.batched else x, name)) for name, x in named.items()]
        )
        shared = joined([numbers(x) for name, x in named.items() if name not in self.batched])
        self.numbers = shared, list(self.batched.values()), self.size

    @property
    def widths(self) -> tuple[int, ...]:
        """Numbers per sample of each batched argument."""
        return tuple([len(table[0]) for table in self.batched.values()])

    def traced(self, sample: int, leaf: Callable[[float, str], Any]) -> tuple[list[Any], dict[str, Any], list[Any]]:
        """Positional and keyword arguments of a sample made of `leaf(number, path)`, and a list of all leaves."""
        found: dict[str, list[Any]] = {}
        for name, x in self._one(sample).items():
            found[name] = [leaf(number, path) for number, path in zip(numbers(x), paths(x, name), strict=True)]
        made = [rebuild(x, found[name]) for name, x in self._one(sample).items()]
        order = [name for name in found if name not in self.batched] + list(self.batched)
        keywords = dict(zip(list(self.named)[self.positional :], made[self.positional :], strict=True))
        return made[: self.positional], keywords, [x for name in order for x in found[name]]

    def parameters(self) -> list[Any]:
        """Parameters of the Modules among the shared arguments, and None for other numbers, in order."""
        shared = (x for name, x in self.named.items() if name not in self.batched)
        return [leaf if isinstance(leaf, Operand) else None for x in shared for _, leaf in leaves(x)]

    @property
    def plain(self) -> bool:
        """True if each argument is one float."""
        return all(x.__class__ is float for x in self.named.values())

    def part(self, start: int, stop: int) -> Arguments:
        """The same call restricted to the samples start, …, stop - 1."""
        cut = {name: x[start:stop] if name in self.batched else x for name, x in self.named.items()}
        return Arguments(cut, self.positional, tuple(self.batched))

    def _one(self, sample: int) -> dict[str, Any]:
        return {name: x[sample] if name in self.batched else x for name, x in self.named.items()}


def numbers(x: Any) -> Any:
    """Flatten an argument to a list of floats or a one-dimensional array, in the order of its structure."""
    if x.__class__ is float:
        return [x]
    if is_array(x) and x.dtype.kind in NUMBERS:
        return x.ravel().astype(float, copy=False)
    if is_module(x):
        return [real(p.data) for _, p in x.named_parameters()]
    return [real(leaf.data if isinstance(leaf, Operand) else leaf) for _, leaf in leaves(x)]  # type: ignore[attr-defined]


def paths(x: Any, name: str) -> list[str]:
    """Names of the numbers of an argument, such as ``x[0]``; parameters of a Module keep their own names."""
    if is_module(x):
        return [parameter for parameter, _ in x.named_parameters()]
    if is_array(x):
        return [f"{name}[{i}]" for i in indices(x.shape)]
    return [path for path, _ in leaves(x, name)]


def joined(parts: Sequence[Any]) -> Any:
    """Concatenate the numbers of several arguments."""
    if len(parts) < 2:
        return parts[0] if parts else []
    if all(part.__class__ is list for part in parts):
        return [x for part in parts for x in part]
    import numpy as np

    return np.concatenate(parts)


def samples(x: Any, name: str) -> Any:
    """Flatten a batched argument to a table with one row per sample: an array, or a list of lists without NumPy."""
    if is_array(x):
        if x.dtype.kind in NUMBERS:
            import numpy as np

            return np.ascontiguousarray(x.reshape(len(x), -1) if x.size else x, float)
        x = list(x)
    if not isinstance(x, (list, tuple)):
        raise TypeError(f"{name} is batched: expected an array or a list with one item per sample, got {x!r:.60}")
    rows = [numbers(item) for item in x]
    first = structure(x[0], f"{name}[0]") if x else None
    for i, item in enumerate(x):
        if structure(item, f"{name}[{i}]") != first:
            raise ValueError(
                f"{name}[{i}] differs in structure from {name}[0]: all samples of a batch need the same structure"
            )
    try:
        import numpy as np
    except ModuleNotFoundError:
        return [list(row) for row in rows]
    return np.array(rows, float).reshape(len(rows), -1) if rows else rows


Shaper = Callable[[Any], Any]  # from the outputs in a row to their structure


class Results:
    """Put the numbers that a kernel returns into the structure that the function returned.

    >>> Results([1.0, {"a": 2.0}], each=False).around([3.0, 4.0])
    [3.0, {'a': 4.0}]

    With `each`, every output is an array with one number per sample.
    """

    def __init__(self, returned: Any, each: bool) -> None:
        self.shape = structure(returned)
        self.around = _around(returned, itertools.count(), each)


def _around(tree: Any, places: Iterator[int], each: bool) -> Shaper:
    kind = kind_of(tree)
    if kind is None:
        i = next(places)
        return (lambda ys: ys[i]) if each else (lambda ys: float(ys[i]))
    if is_module(tree):
        raise TypeError(f"a compiled function returned a Module, {tree!r:.60}: return numbers, such as its output")
    items = [item for _, item in kind.items(tree)]
    if is_array(tree) and not any(map(kind_of, items)):
        return _array([next(places) for _ in items], tree.shape, each)
    inner, model = (
        _all(items, places, each),
        rebuild(tree, itertools.repeat(0.0)),
    )  # so that no traced number is kept alive
    return inner if tree.__class__ is list else lambda ys: kind.build(model, inner(ys))


def _all(items: Sequence[Any], places: Iterator[int], each: bool) -> Shaper:
    """Rebuild the items of a container as a list; if all are numbers, as one slice."""
    if items and not each and not any(map(kind_of, items)):
        found = [next(places) for _ in items]
        row = slice(found[0], found[-1] + 1)
        return lambda ys: ys[row] if ys.__class__ is list else ys[row].tolist()
    parts = [_around(item, places, each) for item in items]
    return lambda ys: [part(ys) for part in parts]


def _array(found: list[int], shape: tuple[int, ...], each: bool) -> Shaper:
    """Rebuild an array from its outputs; over a batch, the first axis is the batch axis."""
    import numpy as np

    row = slice(found[0], found[-1] + 1) if found else slice(0)
    if each:
        return lambda ys: np.moveaxis(np.asarray(ys[row], float).reshape(*shape, -1), -1, 0)
    if len(shape) == 1:
        return lambda ys: ys[row] if ys.__class__ is np.ndarray else np.array(ys[row], float)
    return lambda ys: np.asarray(ys[row], float).reshape(shape)

"""Flatten the arguments of a compiled function into rows of numbers, and rebuild results from such rows."""

from __future__ import annotations

import enum
import functools
import itertools
import math
import numbers as abstract
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from typing import Any

from autograd_tiny.engine.op import real
from autograd_tiny.engine.operand import Operand
from autograd_tiny.engine.special import in_a_line
from autograd_tiny.engine.tables import is_numeric
from autograd_tiny.engine.tree import (
    NUMBERS,
    flat,
    indices,
    instead,
    is_array,
    is_module,
    is_table,
    items_of,
    kind_of,
    leaves,
    rebuild,
    sorted_keys,
    structure,
)

Leaves = Callable[[list[float], list[str]], list[Any]]


class Arguments:
    """Arguments of one call, by name; each in `batch` has one item per sample, each in `static` is passed as it is.

    `structure` is the cache key of a trace: types, lengths, shapes and names, but no values. `numbers` holds the
    arguments of a kernel: a row of the numbers shared by all samples, one table with a row per sample for each batched
    argument, and the number of samples, or None without a batch.
    """

    def __init__(
        self, named: dict[str, Any], positional: int, batch: tuple[str, ...], static: Collection[str] = ()
    ) -> None:
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
        self.static = {name: x for name, x in named.items() if name not in batch and (name in static or is_static(x))}
        self.structure = tuple(
            [
                (name, static_key(x, name))
                if name in self.static
                else (name, structure(_item(x, 0) if name in self.batched else x, name))
                for name, x in named.items()
            ]
        )
        shared = joined(
            [numbers(x, name) for name, x in named.items() if name not in self.batched and name not in self.static]
        )
        self.numbers = shared, list(self.batched.values()), self.size

    @property
    def widths(self) -> tuple[int, ...]:
        """Numbers per sample of each batched argument."""
        return tuple([len(table[0]) for table in self.batched.values()])

    @property
    def shapes(self) -> str:
        """Shapes of the batches, for a message: ``; of the batches, x has shape (8, 1), y has shape (8,)``."""
        found = {name: getattr(self.named[name], "shape", (self.size,)) for name in self.batched}
        told = ", ".join(f"{name} has shape {shape}" for name, shape in found.items())
        return told and f"; of the batches, {told}"

    def traced(self, sample: int, made_of: Leaves) -> tuple[list[Any], dict[str, Any], list[Any]]:
        """Positional and keyword arguments of a sample, made of `made_of(numbers, paths)`, and a list of all leaves."""
        found: dict[str, list[Any]] = {}
        for name, x in self._one(sample).items():
            if is_module(x) and name not in self.static:
                named = x.named_parameters()
                found[name] = made_of([real(p.data) for _, p in named], [path for path, _ in named])
            elif name not in self.static:
                found[name] = made_of([real(number) for number in numbers(x)], paths(x, name))
        made = [x if name in self.static else rebuild(x, found[name]) for name, x in self._one(sample).items()]
        order = [name for name in found if name not in self.batched] + list(self.batched)
        keywords = dict(zip(list(self.named)[self.positional :], made[self.positional :], strict=True))
        return made[: self.positional], keywords, [x for name in order for x in found[name]]

    def parameters(self) -> list[Any]:
        """Parameters of the Modules among the shared arguments, and None for other numbers, in order."""
        found: list[Any] = []
        for x in [x for name, x in self.named.items() if name not in self.batched and name not in self.static]:
            is_numbers = is_array(x) and x.dtype.kind in NUMBERS
            found += [None] * x.size if is_numbers else [y if isinstance(y, Operand) else None for y in flat(x)]
        return found

    @property
    def plain(self) -> bool:
        """True if each argument is one float."""
        return all(x.__class__ is float for x in self.named.values())

    def part(self, start: int, stop: int) -> Arguments:
        """The same call restricted to the samples start, …, stop - 1."""
        cut = {name: getattr(x, "iloc", x)[start:stop] if name in self.batched else x for name, x in self.named.items()}
        return Arguments(cut, self.positional, tuple(self.batched), self.static)

    def shared(self) -> dict[str, Any]:
        """Arguments that all samples share, as given."""
        return {name: x for name, x in self.named.items() if name not in self.batched}

    def integers(self) -> set[str]:
        """Names of the traced arguments that are integers."""
        return {
            name
            for name, x in self.named.items()
            if isinstance(x, abstract.Integral) and name not in self.static and name not in self.batched
        }

    def _one(self, sample: int) -> dict[str, Any]:
        return {name: _item(x, sample) if name in self.batched else x for name, x in self.named.items()}


def _item(x: Any, i: int) -> Any:
    """Return sample i of a batch: a row of a DataFrame is a Series."""
    return x.iloc[i] if is_table(x) else x[i]


def is_static(x: Any) -> bool:
    """Return True for None, a bool, a string and an enum: they choose what to compute, and are not traced."""
    return x is None or isinstance(x, (bool, str, enum.Enum)) or x.__class__.__name__ in ("bool_", "bool")


def static_key(x: Any, name: str) -> Hashable:
    """Key of a static argument: equal numbers of different types differ, as do 0.0 and -0.0.

    >>> static_key(1, "n") == static_key(True, "n")
    False

    Raises TypeError, naming the argument, if it has no hash.
    """
    try:
        hash(x)
    except TypeError:
        raise TypeError(
            f"the static argument {name} is {x!r:.60} of type {type(x).__name__}, which has no hash: pass a tuple or "
            "another object that cannot be changed"
        ) from None
    return x.__class__, repr(x) if isinstance(x, (float, tuple)) else "", x


def numbers(x: Any, path: str = "argument") -> Any:
    """Flatten an argument to a list of floats or a one-dimensional array, in the order of its structure."""
    if x.__class__ is float:
        return [x]
    if is_array(x) and x.dtype.kind in NUMBERS:
        return x.ravel().astype(float, copy=False)
    return [real(leaf.data if isinstance(leaf, Operand) else leaf) for leaf in flat(x, path)]  # type: ignore[attr-defined]


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
    if is_table(x):
        import numpy as np

        cells = x.to_numpy(float) if is_numeric(x) else np.array([real(cell) for _, cell in leaves(x, name)])
        return np.ascontiguousarray(cells.reshape(len(x), -1) if cells.size else cells)
    if is_array(x):
        if not x.ndim:
            raise TypeError(f"{name} is batched: expected an array with one item per sample, got one number, {x!r:.60}")
        if x.dtype.kind in NUMBERS:
            import numpy as np

            return np.ascontiguousarray(x.reshape(len(x), -1) if x.size else x, float)
        x = list(x)
    if not isinstance(x, (list, tuple)):
        right = "an array, a list, a Series or a DataFrame with one item per sample"
        got = f"{in_a_line(x)} of type {type(x).__name__}{instead(x)}"
        raise TypeError(f"{name} is batched: expected {right}, got {got}")
    first = structure(x[0], f"{name}[0]") if x else None
    for i, item in enumerate(x):
        if structure(item, f"{name}[{i}]") != first:
            raise ValueError(
                f"{name}[{i}] differs in structure from {name}[0]: all samples of a batch need the same structure"
            )
    rows = [numbers(item, f"{name}[{i}]") for i, item in enumerate(x)]
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

    With `each`, the samples are the first axis of each output: a number becomes an array of n numbers, an array or a
    list of numbers, or of lists of one length, an array of shape (n, …); other containers keep their items in place.
    """

    def __init__(self, returned: Any, each: bool) -> None:
        self.around = _around(returned, itertools.count(), each)
        self.model, self.each = rebuild(returned, itertools.repeat(0.0)), each  # keeps no traced number alive

    @functools.cached_property
    def shape(self) -> Hashable:
        """The structure of what the function returned."""
        return structure(self.model)

    def __reduce__(self) -> Any:
        return Results, (self.model, self.each)


def written(results: Results) -> Shaper:
    """Write the code of `around` for a list of a few numbers, such as ``lambda ys: (ys[0], [ys[1], ys[2]])``.

    >>> written(Results((0.0, {"a": [0.0]}), each=False))([3.0, 4.0])
    (3.0, {'a': [4.0]})
    """
    names: dict[str, Any] = {}
    places = itertools.count()

    def text(x: Any) -> str:
        if x.__class__ is float:
            return f"ys[{next(places)}]"
        if x.__class__ is dict:
            parts = {key: text(x[key]) for key in sorted_keys(x)}
            keys = {key: f"k{len(names) + i}" for i, key in enumerate(x)}
            names.update({name: key for key, name in keys.items()})
            return "{" + ", ".join([f"{keys[key]}: {parts[key]}" for key in x]) + "}"
        if x.__class__ not in (list, tuple):
            raise TypeError("some other container")
        items = "".join([f"{text(item)}, " for item in x])
        return f"[{items}]" if x.__class__ is list else f"({items})"

    try:
        exec(f"def around(ys): return {text(results.model)}", names)  # the text holds names and indices made here
    except (TypeError, RecursionError, SyntaxError):  # of a tree of other containers, or a deep one
        return results.around
    around: Shaper = names["around"]
    return around


def _around(tree: Any, places: Iterator[int], each: bool) -> Shaper:
    kind = kind_of(tree)
    if kind is None:
        i = next(places)
        return (lambda ys: ys[i]) if each else (lambda ys: float(ys[i]))
    if is_module(tree):
        raise TypeError(f"a compiled function returned a Module, {tree!r:.60}: return numbers, such as its output")
    if each and (shape := _shape(tree)) is not None:
        return _samples_first(list(itertools.islice(places, math.prod(shape))), shape, not isinstance(tree, list))
    items = items_of(kind, tree)
    if is_array(tree) and not any(map(kind_of, items)):
        return _array([next(places) for _ in items], tree.shape)
    inner, model = (
        _all(items, places, each),
        rebuild(tree, itertools.repeat(0.0)),
    )  # so that no traced number is kept alive
    if tree.__class__ is list:
        return inner
    if tree.__class__ is tuple:
        return lambda ys: tuple(inner(ys))
    if tree.__class__ is dict:
        keys = sorted_keys(tree)
        return lambda ys: {**model, **dict(zip(keys, inner(ys), strict=True))}
    return lambda ys: kind.build(model, inner(ys))


def _shape(tree: Any) -> tuple[int, ...] | None:
    """Return the shape of an array or of lists of equal length, down to numbers; None for any other container."""
    if (kind := kind_of(tree)) is None:
        return ()
    if not (is_array(tree) or is_table(tree) or isinstance(tree, list)):
        return None
    inner = {*map(_shape, items_of(kind, tree))} or {()}
    shape = inner.pop()
    if inner or shape is None:
        return None
    return (*([len(tree)] if isinstance(tree, list) else tree.shape), *shape)


def _samples_first(found: list[int], shape: tuple[int, ...], as_array: bool) -> Shaper:
    """Make an array of the outputs of all samples, with the batch axis first; nested lists if the outputs are lists."""
    row = slice(found[0], found[-1] + 1) if found else slice(0)

    def around(ys: Any) -> Any:
        if ys.__class__ is list and not as_array:
            return [_nested(list(sample), shape) for sample in zip(*ys[row], strict=True)]
        import numpy as np

        size = len(ys[0]) if len(ys) else 0
        return np.moveaxis(np.asarray(ys[row], float).reshape(*shape, size), -1, 0)

    return around


def _nested(flat: list[float], shape: tuple[int, ...]) -> list[Any]:
    """Nest a list of numbers: [1, 2, 3, 4] of shape (2, 2) is [[1, 2], [3, 4]]."""
    if len(shape) < 2:
        return flat
    step = math.prod(shape[1:])
    return [_nested(flat[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]


def _all(items: Sequence[Any], places: Iterator[int], each: bool) -> Shaper:
    """Rebuild the items of a container as a list; if all are numbers, as one slice."""
    if items and not each and not any(map(kind_of, items)):
        found = [next(places) for _ in items]
        row = slice(found[0], found[-1] + 1)
        return lambda ys: ys[row] if ys.__class__ is list else ys[row].tolist()
    parts = [_around(item, places, each) for item in items]
    return lambda ys: [part(ys) for part in parts]


def _array(found: list[int], shape: tuple[int, ...]) -> Shaper:
    """Rebuild an array from its outputs."""
    import numpy as np

    row = slice(found[0], found[-1] + 1) if found else slice(0)
    if len(shape) == 1:
        return lambda ys: ys[row] if ys.__class__ is np.ndarray else np.array(ys[row], float)
    return lambda ys: np.asarray(ys[row], float).reshape(shape)

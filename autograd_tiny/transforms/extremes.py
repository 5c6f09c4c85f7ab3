"""Builtin `max`, `min` and `sorted` of traced numbers: recorded as selections, so that they take no branch."""

from __future__ import annotations

import builtins
import functools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Op, real
from autograd_tiny.engine.special import alone
from autograd_tiny.engine.value import Value
from autograd_tiny.transforms.dual import Dual
from autograd_tiny.transforms.numpy_extremes import replacements
from autograd_tiny.transforms.tracer import Tracer, is_recording, traced

KINDS = (Tracer, Value, Dual)
SORTED = 32  # numbers that a sort compares pairwise; more are left to guards, since the steps grow with the square
_max, _min, _sorted = max, min, sorted
_lock = threading.RLock()
_traces = 0  # under way, in any thread


def _best(plain: Callable[..., Any], wins: Op, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Choose as `plain`, builtin max or min, does: the first of equal items."""
    items = [alone(x) for x in (args[0] if len(args) == 1 else args)]
    key = options.get("key")
    keys = items if key is None else [key(x) for x in items]
    if not _are_traced(keys):
        return plain(*([items] if len(args) == 1 else args), **options)
    if not _are_traced(items):
        return items[_place(plain, wins, keys)]
    (x, *others), (k, *other_keys) = items, keys
    for item, item_key in zip(others, other_keys, strict=True):
        (x, _), (k, _) = _chosen(wins, (x, item), (k, item_key))
    return x


def _in_order(items: Any, /, *, key: Any = None, reverse: bool = False) -> Any:
    """Sort as builtin sorted does, in a network of comparisons of neighbours; equal items stay in order."""
    found = [alone(x) for x in items]
    keys = found if key is None else [key(x) for x in found]
    if not (len(found) <= SORTED and _are_traced(keys) and _are_traced(found)):
        return _sorted(found, key=key, reverse=reverse)
    keys = list(keys)
    wins = ops.greater if reverse else ops.less
    for last in range(1, len(found)):
        for j in range(last, 0, -1):
            here = slice(j - 1, j + 1)
            found[here], keys[here] = _chosen(wins, found[here], keys[here])
    return found


def _chosen(wins: Op, pair: Any, keys: Any) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Put the second of a pair first if its key wins; the same for the keys."""
    (a, b), (p, q) = pair, keys
    second = wins(_number(q), _number(p))
    if second.__class__ is float:
        return ((b, a), (q, p)) if second else ((a, b), (p, q))
    first = ops.where(second, b, a), ops.where(second, a, b)
    return first, first if a is p and b is q else (ops.where(second, q, p), ops.where(second, p, q))


def _selected(wins: Op, other: Any, x: Any) -> Any:
    """Return x if it wins against the other, else the other, as NumPy chooses between objects."""
    first = wins(_number(x), _number(other))
    return (x if first else other) if first.__class__ is float else ops.where(first, x, other)


def _place(plain: Callable[..., Any], wins: Op, keys: list[Any]) -> int:
    """Find the place of the best key, with one guard for each other key: n keys have n paths."""
    numbers = [_number(k) for k in keys]
    seen = [x.seen if isinstance(x, Tracer) else x for x in numbers]
    place: int = plain(range(len(keys)), key=seen.__getitem__)
    if any(x != x for x in seen):
        return plain(range(len(keys)), key=keys.__getitem__)  # nan: the outcome depends on the order of comparisons
    for i, k in enumerate(keys):
        if i != place:
            a, b = (keys[place], k) if i < place else (k, keys[place])
            _ = a > b if wins is ops.greater else a < b
    return place


def _number(x: Any) -> Any:
    """Return the number that a comparison sees: a Tracer without its derivative, or a float."""
    while isinstance(x, Dual):
        x = x.primal
    x = traced(x)
    return x.data if isinstance(x, Tracer) else x


def _are_traced(xs: list[Any]) -> bool:
    """Return True if all are numbers and one is not a constant."""
    try:
        return len([real(x) for x in xs if not isinstance(x, KINDS)]) < len(xs)
    except TypeError:
        return False


@functools.wraps(_max)
def _recorded_max(*args: Any, **options: Any) -> Any:
    return _best(_max, ops.greater, args, options) if args and is_recording() else _max(*args, **options)


@functools.wraps(_min)
def _recorded_min(*args: Any, **options: Any) -> Any:
    return _best(_min, ops.less, args, options) if args and is_recording() else _min(*args, **options)


@functools.wraps(_sorted)
def _recorded_sorted(*args: Any, **options: Any) -> Any:
    return (_in_order if is_recording() else _sorted)(*args, **options)


_RECORDED = {"max": (_max, _recorded_max), "min": (_min, _recorded_min), "sorted": (_sorted, _recorded_sorted)}


@contextmanager
def selecting() -> Iterator[None]:
    """Replace builtin max, min and sorted while a trace is under way; threads that do not trace see no difference."""
    global _traces
    with _lock:
        _traces += 1
        _exchange(dict(_RECORDED.values()))
        if sys.modules.get("numpy"):
            for module, name, plain, ours in replacements(_selected, _recorded_sorted):
                if getattr(module, name) is plain:
                    setattr(module, name, ours)
    try:
        yield
    finally:
        with _lock:
            _traces -= 1
            if not _traces:
                _exchange({ours: plain for plain, ours in _RECORDED.values()})
                if sys.modules.get("numpy"):
                    for module, name, own, ours in replacements(_selected, _recorded_sorted):
                        if getattr(module, name) is ours:  # not if somebody else has replaced it
                            setattr(module, name, own)


def _exchange(new: dict[Any, Any]) -> None:
    for name in _RECORDED:
        found = getattr(builtins, name)
        if found in new:  # not if somebody else has replaced it
            setattr(builtins, name, new[found])

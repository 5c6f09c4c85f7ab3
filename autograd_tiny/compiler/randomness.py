"""Notice random numbers, and items of iterators, drawn while tracing: compiled code would use the same at each call."""

from __future__ import annotations

import io
import pickle
import random
import sys
from collections.abc import Callable, Iterable
from typing import Any

from autograd_tiny.engine.operand import Operand
from autograd_tiny.engine.tree import below

State = tuple[Callable[[], Any], Callable[[Any], Any], Any]  # read, write, and what was read


class Draws(TypeError):
    """A traced function draws random numbers, or reads one of the generators that is an iterator."""

    def __init__(self, name: str, generators: Iterable[Any]) -> None:
        iterator = next(filter(is_iterator, generators), None)
        drawn = "draws random numbers" if iterator is None else f"reads an iterator, a {type(iterator).__name__}"
        super().__init__(
            f"{name} {drawn}, and compiled code would use the same ones at each call: draw them outside, "
            "and pass them as an argument"
        )


def is_iterator(x: Any) -> bool:
    """Return True for what moves on when it is read: `iter` of a list, a generator, a count; not for a file.

    >>> is_iterator(iter([1.0])), is_iterator([1.0])
    (True, False)
    """
    return hasattr(type(x), "__next__") and not isinstance(x, io.IOBase)


def is_generator(x: Any) -> bool:
    """Return True for a generator of random numbers, of Python or NumPy."""
    return isinstance(x, random.Random) or type(x).__name__ in ("Generator", "RandomState")


def held_by(tree: Any) -> list[Any]:
    """List the generators that are attributes of Modules in a tree of arguments."""
    found, waiting, met = [], [tree], set()
    while waiting:
        x = waiting.pop()
        if is_generator(x):
            found.append(x)
        elif id(x) not in met:
            met.add(id(x))
            waiting += [item for _, item in below(x) if not isinstance(item, (float, Operand))]
    return found


def states(generators: Iterable[Any]) -> list[State]:
    """States of `random`, of `numpy.random` if it is loaded, and of these generators.

    >>> before = states([])
    >>> drawn(before)
    False
    >>> first = random.random()
    >>> drawn(before)
    True
    >>> random.random() == first
    True
    """
    loaded = sys.modules.get("numpy.random")
    return [_state(x) for x in [random, *([loaded] if loaded else []), *generators]]


def drawn(before: list[State]) -> bool:
    """Return True if any state has changed since, and restore it."""
    changed = [(write, state) for read, write, state in before if pickle.dumps(read()) != pickle.dumps(state)]
    for write, state in changed:
        write(state)
    return bool(changed)


def _state(x: Any) -> State:
    if hasattr(x, "getstate"):
        return x.getstate, x.setstate, x.getstate()
    if hasattr(x, "get_state"):  # numpy.random, which has a module called bit_generator
        return x.get_state, x.set_state, x.get_state()
    bits = x.bit_generator
    return (lambda: bits.state), (lambda state: setattr(bits, "state", state)), bits.state

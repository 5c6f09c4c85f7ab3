"""Numbers that a function reaches by another way than its arguments: a closure, a global, an attribute, a bound method.

A derivative runs its function on lifted copies of the arguments. A Module may hold something that leads to its original
parameters: an original counts as the number differentiated with respect to. A Value given as an argument of its own and
read by another way as well could be meant either way, and is refused. A number that an enclosing derivative is taken
with respect to is a constant, as in ``grad(lambda x: grad(lambda y: x * y)(x))``. A number that f kept from an earlier
derivative, such as a memo, is refused: it depends on the argument of that time. A state that f has replaced since, as
in ``box[0] = box[0] * x``, is a constant. What a derivative returned is not kept.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

from autograd_tiny.engine import ops
from autograd_tiny.engine.tree import flat, is_module, kind_of
from autograd_tiny.engine.value import Value, topological_order
from autograd_tiny.transforms.dual import Dual
from autograd_tiny.transforms.making import Made
from autograd_tiny.transforms.threads import CARRIED, carried_out, carrying
from autograd_tiny.transforms.tracer import (
    CUT,
    UNDER_WAY,
    Tracer,
    constant,
    copies,
    is_recording,
    lifts,
    number,
    traced,
)

NODES = (Value, Tracer)  # numbers that record their operations
LIFTED = (Value, Tracer, Dual)
_active: dict[Any, Any] = {}  # lifted numbers of the derivatives under way, in any thread, and what was given for each
_originals: ContextVar[frozenset[Any]] = ContextVar("originals", default=frozenset())  # of this thread or task
_within: ContextVar[frozenset[int]] = ContextVar("within", default=frozenset())  # levels, of this thread or task
_returned: WeakSet[Any] = WeakSet()  # results of derivatives: what they depend on is not looked at
CARRIED += (_originals, _within)


@dataclass(frozen=True, slots=True)
class Doors:
    """The lifted numbers of one derivative, and the originals that stand for them."""

    name: str  # of the function
    level: int
    targets: list[Any]
    origins: list[Any]  # of each target, or None
    unclear: frozenset[Any]  # Values that are an argument of their own
    made: Made | None = None  # if a Module is among the arguments

    def active(self, y: Any, order: Sequence[Any]) -> set[Any]:
        """Return the targets, their originals and the nodes of the order that depend on them.

        Raises TypeError if y depends on a Value that could be meant as the argument or as a constant, or on a number
        of a derivative that has ended.
        """
        self._refuse_ended(y, order)
        self.check(order)
        if self.unclear and not self.unclear.isdisjoint(order):
            for x in self.unclear.intersection(order):
                if y in self._reached(order, {x}):
                    raise TypeError(
                        f"{self.name} reads {x!r} both as its argument and by another way, such as a closure or a "
                        "global: read it from the argument only, or read x.detach() for a constant"
                    )
        return self._reached(order, {*self.targets, *(x for x in self.origins if x is not None)})

    def has_origins(self) -> bool:
        """Return False if nothing but the lifted numbers can stand for the arguments."""
        return bool(self.unclear) or self.made is not None or any(x is not None for x in self.origins)

    def check(self, nodes: Sequence[Any]) -> None:
        """Raise TypeError if one of the nodes is a parameter that a Module has got since."""
        if self.made is not None:
            self.made.refuse(self.name, nodes, [*self.targets, *self.origins])

    def _refuse_ended(self, y: Any, order: Sequence[Any]) -> None:
        """Raise TypeError if y depends on a number that another derivative lifted, except by what that returned."""
        if y.__class__ is Value:
            marked: dict[Any, int] = {v: v.db for v in order if v.db.__class__ is int}
        else:
            marked = lifts()
        ended = dict.fromkeys(self.ended(marked))
        if not ended:
            return
        first = _firsts(order, ended)
        if y in first and not self._was_replaced(y, order, (marked, ended, first)):
            raise TypeError(
                f"{self.name} depends on {first[y]!r:.60}, which belongs to a derivative that has ended: compute anew "
                "what was kept of it, or keep the .data of a number for a constant"
            )

    def _was_replaced(self, y: Any, order: Sequence[Any], holders: Sequence[Mapping[Any, Any]]) -> bool:
        """Return True if y was made of the last state that f had, as in ``box[0] = box[0] * x``: a constant.

        Nothing but other nodes refers to the numbers of an earlier derivative any more, unlike to those of a memo.
        Holders are the mappings of the caller that refer to nodes.
        """
        new = self._reached(order, set(self.targets))
        if y.__class__ is not Value or y not in new or not hasattr(sys, "getrefcount"):
            return False
        old = [v for v in holders[-1] if v not in new]
        nodes = {*order, *[v for v in gc.get_referrers(*old) if v.__class__ is Value]}  # of the tangent, too
        known = Counter(id(x) for v in nodes for x in v.operands)
        known.update(id(v) for holder in holders for pair in holder.items() for v in pair)
        del nodes
        (one,) = _references([Value(0.0)])
        return all(n <= one + 1 + known[id(v)] for v, n in zip(old, _references(old), strict=True))

    def ended(self, marked: Mapping[Any, int]) -> set[Any]:
        """Return those of the marked numbers that belong to a derivative that has ended."""
        within = _within.get()
        ended = {v for v, level in marked.items() if level >= 0 and level not in within and self._cuts(v, level)}
        return ended.difference(self.targets)

    def _cuts(self, v: Any, level: int) -> bool:
        """Return True unless v is the copy of a number by a derivative within this one: the number counts."""
        if level < self.level:
            return True
        return v.tape.a[v.place] < 0 if v.__class__ is Tracer else not v.parents

    def _reached(self, order: Sequence[Any], found: set[Any]) -> set[Any]:
        old = lifts()
        for v in order:
            if v.op is not CUT and any(x in found for x in v.parents) and not self._is_outer(v, old):
                found.add(v)
        return found

    def _is_outer(self, v: Any, old: Mapping[Any, int]) -> bool:
        """Return True if v was lifted by an enclosing or an earlier derivative, or returned by this one: a constant."""
        if v.op is not ops.pos:
            return False
        level = v.db if v.__class__ is Value else old.get(v)
        return level is not None and (level < self.level if level >= 0 else level == -self.level)


def _firsts(order: Sequence[Any], ended: Collection[Any]) -> dict[Any, Any]:
    """Return the first of the ended numbers that each node depends on, if there is one."""
    first: dict[Any, Any] = {}
    for v in order:
        if v.op is not CUT and not was_returned(v):
            found = v if v in ended else next((first[x] for x in v.parents if x in first), None)
            if found is not None:
                first[v] = found
    return first


def _references(nodes: list[Any]) -> list[int]:
    return [sys.getrefcount(v) for v in nodes]


def doors(
    name: str, level: int, lifted: Sequence[Any], given: Sequence[Any], copies: Sequence[Any], others: Any
) -> Doors:
    """Find the originals of the lifted numbers of the `given` arguments; those of other arguments stay constants.

    Copies are the arguments with the lifted numbers.
    """
    targets = [target(x) for x in lifted]
    if all(x.__class__ is Value and x.op is None for x in lifted):  # every number given was a float
        made = Made((*given, *copies), lifted) if any(map(is_module, given)) else None
        return Doors(name, level, targets, [None] * len(targets), frozenset(), made)
    passed = {x for _, x in leaves_of(others) if isinstance(x, NODES)}
    origins: list[Any] = []
    unclear, seen = set(), set()
    pairs = [pair for tree in given for pair in leaves_of(tree)]
    is_traced = is_recording()
    for is_parameter, x in pairs:
        if _active:
            x = origin(x)
        if not isinstance(x, NODES) or (passed and x in passed):
            origins.append(None)
            continue
        could_be_meant = isinstance(x, Value) and x.op is None  # a traced input stands for a float
        if is_traced and isinstance(x, Value):
            x = traced(x)
        origins.append(x if is_parameter and x not in seen else None)
        if could_be_meant and origins[-1] is None:
            unclear.add(x)
        seen.add(x)
    origins = [None if x in unclear else x for x in origins] if unclear else origins
    made = None
    if any(is_parameter for is_parameter, _ in pairs):
        made = Made((*given, *copies), [*lifted, *(x for _, x in pairs)])
    return Doors(name, level, targets, origins, frozenset(unclear), made)


def leaves_of(tree: Any) -> Iterator[tuple[bool, Any]]:
    """Yield each leaf of a tree, in the order of `leaves`, after True for a parameter of a Module."""
    if is_module(tree):
        yield from ((True, x) for x in flat(tree))
    elif (kind := kind_of(tree)) is not None:
        for _, item in kind.items(tree):
            if item.__class__ in NODES or item.__class__ is float:
                yield False, item  # without a call
            else:
                yield from leaves_of(item)
    else:
        yield False, tree


def origin(x: Any) -> Any:
    """Return what the user gave at first for a number that derivatives under way have lifted."""
    while isinstance(x, LIFTED) and x in _active:
        x = _active[x]
    return x


def lift(x: Any, level: int) -> Any:
    """Wrap x so that its innermost part is a fresh node, linked to the Value it came from and marked with the level."""
    if isinstance(x, Dual):
        return Dual(lift(x.primal, level), x.tangent, x.level, x.still)
    fresh: Any
    if is_recording() and not isinstance(x, Tracer):  # a Value would hold floats only
        fresh = +traced(x) if isinstance(x, Value) else constant(number(x))
    else:
        fresh = +x if isinstance(x, NODES) else Value(x)
    return _marked(fresh, level)


def lifted_all(xs: list[Any], level: int) -> list[Any]:
    """Lift many numbers; those of a trace at once."""
    if not is_recording() or any(x.__class__ is not Tracer for x in xs):
        return [lift(x, level) for x in xs]
    fresh = copies(xs)
    lifts().update(dict.fromkeys(fresh, level))
    return fresh


def handed_out(x: Any, level: int) -> Any:
    """Return x, a result of the derivative of this level, as a number that is a constant where that gets it back."""
    if isinstance(x, Dual):
        return Dual(handed_out(x.primal, level), handed_out(x.tangent, level), x.level, x.still)
    return returned(_marked(+x, -level)) if isinstance(x, NODES) else x


def _marked(fresh: Any, level: int) -> Any:
    if fresh.__class__ is Tracer:
        lifts()[fresh] = level
    else:
        fresh.db = level  # the field is free: there is no second operand
    return fresh


def returned(x: Any) -> Any:
    """Return x, a result of a derivative, which may be used when that has ended."""
    if x.__class__ is Tracer:
        x.tape.returned.add(x.place)
    elif isinstance(x, Value):
        _returned.add(x)
    elif isinstance(x, Dual):
        returned(x.primal), returned(x.tangent)
    return x


def was_returned(x: Any) -> bool:
    """Return True if a derivative returned x."""
    return x.place in x.tape.returned if x.__class__ is Tracer else x in _returned


def target(lifted: Any) -> Any:
    """Return the innermost part of a lifted number."""
    return target(lifted.primal) if isinstance(lifted, Dual) else lifted


def depends(y: Any) -> bool:
    """Return True if y depends on what an enclosing derivative is taken with respect to, or is an input of a trace."""
    if isinstance(y, Dual):
        return depends(y.primal) or depends(y.tangent)
    if isinstance(y, Tracer):
        return True
    return isinstance(y, Value) and (is_recording() or (bool(_active) and are_targets(topological_order(y))))


def is_differentiating() -> bool:
    """Return True if this call is inside a function being differentiated in this thread or task."""
    return bool(_within.get())


@contextmanager
def differentiated_further() -> Iterator[None]:
    """Let derivatives in this block be made as those that an enclosing derivative differentiates."""
    within = _within.set(_within.get() | {0})  # nobody's level
    try:
        yield
    finally:
        _within.reset(within)


def are_targets(nodes: Iterable[Any]) -> bool:
    """Return True if a derivative under way, in any thread, is taken with respect to one of the nodes."""
    if not _active:
        return False
    nodes = list(nodes)
    return not _active.keys().isdisjoint(nodes) or not _originals.get().isdisjoint(nodes)


def being_differentiated(tree: Any) -> bool:
    """Return True if a number or parameter in the tree depends on a target of an enclosing derivative."""
    return bool(_active or _within.get()) and any(isinstance(x, Dual) or depends(x) for x in flat(tree))


@contextmanager
def differentiating(level: int, lifted: Sequence[Any], given: Sequence[Any]) -> Iterator[None]:
    """Take a derivative in this block with respect to lifted numbers, each with the number given for it."""
    pairs = dict(zip(lifted, given, strict=True))
    for x in lifted:
        if x.__class__ is Dual and isinstance(target(x), NODES):
            pairs[target(x)] = None
    first = {x for x in (map(origin, given) if _active else given) if isinstance(x, NODES)}
    _active.update(pairs)
    UNDER_WAY.add(mark := object())
    within, originals = _within.set(_within.get() | {level}), _originals.set(_originals.get() | first)
    carrying()
    try:
        yield
    finally:
        carried_out()
        UNDER_WAY.discard(mark)
        _originals.reset(originals)
        _within.reset(within)
        for x in pairs:
            del _active[x]

"""Specialised traces of a function, one per path through its branches, guarded by its comparisons."""

from __future__ import annotations

import copy
import linecache
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol

from autograd_tiny.compiler.arguments import Arguments, Results, joined
from autograd_tiny.compiler.backends.registry import named
from autograd_tiny.compiler.collector import gc_paused
from autograd_tiny.compiler.outside import noticing
from autograd_tiny.compiler.passes import optimized
from autograd_tiny.compiler.randomness import Draws, drawn, held_by, is_iterator, states
from autograd_tiny.engine.tree import flat, is_array
from autograd_tiny.engine.value import Value
from autograd_tiny.transforms.derivatives import NotOneNumber
from autograd_tiny.transforms.doors import are_targets
from autograd_tiny.transforms.extremes import selecting
from autograd_tiny.transforms.libraries import explaining
from autograd_tiny.transforms.making import told_made
from autograd_tiny.transforms.program import Program, program_of
from autograd_tiny.transforms.tracer import Converted, Elsewhere, recording, traced, unplaced

MAX_VARIANTS = 64
Function = Callable[..., Any]
Kernel = Callable[..., Any]


@dataclass(eq=False)
class Variant:
    """One path through the branches of a function: what was recorded, and the comparisons that select it."""

    recorded: Program  # not optimized: backends do that as they lower it, in one pass
    conditions: Program  # outputs are the outcomes of the comparisons; none without branches
    held: tuple[float, ...]  # the outcomes that select this path
    results: Results
    plain: bool  # every argument is a float, and no Value is captured
    captured: tuple[Value, ...]  # Values that the function closes over; inputs after the shared arguments
    build: Callable[[Program], Kernel]
    lock: threading.RLock = field(default_factory=threading.RLock)

    @cached_property
    def program(self) -> Program:
        """The program for people, and for what is made of it."""
        return optimized(self.recorded)

    @cached_property
    def kernel(self) -> Kernel:
        with self.lock, gc_paused():  # another thread may have built it meanwhile
            built: Kernel = vars(self).get("kernel") or vars(self).setdefault("kernel", self.build(self.recorded))
            return built

    def numbers(self, shared: Any) -> Any:
        """Shared numbers, followed by the present data of the captured Values."""
        return joined([shared, [v.data for v in self.captured]]) if self.captured else shared

    @cached_property
    def guard(self) -> Kernel | None:
        return self.build(self.conditions) if self.held else None

    def wait(self) -> None:
        """Wait for kernels that are compiled in the background."""
        for kernel in (vars(self).get("kernel"), vars(self).get("guard")):
            if (wait := getattr(kernel, "wait", None)) is not None:
                wait()


class Watched(Protocol):
    """The surroundings of a function, as its variants see them."""

    lock: threading.RLock

    def generators(self) -> Sequence[Any]:
        """Generators of random numbers that the function reaches."""

    def settle(self) -> bool:
        """Note what the function changed while it was traced; return True if it changed anything."""

    def keep(self, variants: Variants) -> None:
        """Keep the paths of a function for other processes."""


class Variants:
    """Variants of f for arguments of one structure; f is traced again if none fits."""

    def __init__(self, f: Function, reduce: bool, backend: str, options: dict[str, Any], watched: Watched) -> None:
        self.f, self.reduce, self.watched = f, reduce, watched
        self.build = partial(named(backend).kernel, **options)
        self.known: list[Variant] = []
        self._lines: Counter[tuple[str, int]] = Counter()  # of the comparisons
        self.used = 0  # time of the last call, by the clock of its Jitted
        self.draws = False  # f draws random numbers
        self.alone = True  # f changed nothing that it reads, and took nothing from files or other processes
        self.anchors: dict[Value, int | None] = {}  # Values that f closes over; the input that each is as well
        self._siblings: list[Variants] = []  # for calls where they are other inputs

    def fitting(self, given: Arguments) -> Variants:
        """Variants for calls in which the same Values are reached both by an argument and without."""
        if not self.anchors:
            return self
        with self.watched.lock:
            place = _places(given)
            for variants in (self, *self._siblings):
                if all(place.get(v) == at for v, at in variants.anchors.items()):
                    return variants
            new = copy.copy(self)
            new.known, new.anchors, new._siblings, new._lines = [], {}, [], Counter()
            self._siblings.append(new)
            return new

    def wait(self) -> None:
        """Wait for all that is compiled in the background."""
        for variants in (self, *self._siblings):
            for variant in list(variants.known):
                variant.wait()

    def run(self, given: Arguments) -> tuple[Any, Results]:
        """Outputs of the call, and the structure to put them in."""
        self._after(0, given, 0)
        if self.known[0].guard is None:
            return self._whole(self.known[0], given)
        if given.size is None:
            return self._whole(self.taken(given), given)
        return self._parted(given)

    def _whole(self, variant: Variant, given: Arguments) -> tuple[Any, Results]:
        shared, batched, size = given.numbers
        return variant.kernel(variant.numbers(shared), batched, size), variant.results

    def taken(self, given: Arguments) -> Variant:
        """Variant for the first sample, or for the call if there is no batch."""
        shared, batched, size = given.numbers
        one = ([rows[:1] for rows in batched], 1) if size else (batched, None)
        tried = 0
        while True:
            variant, is_new = self._after(tried, given, 0)
            tried += 1
            if is_new or variant.guard is None:
                return variant
            outcomes = variant.guard(variant.numbers(shared), *one)
            if all((y[0] if size else y) == held for y, held in zip(outcomes, variant.held, strict=True)):
                return variant

    def _after(self, tried: int, given: Arguments, sample: int) -> tuple[Variant, bool]:
        """Next variant after the `tried` first, traced now if there is none; and True if it is new."""
        if is_new := tried == len(self.known):
            with self.watched.lock:  # of several first calls, one traces and the others wait
                if is_new := tried == len(self.known):  # another thread may have added it
                    with noticing() as outside, gc_paused():
                        try:
                            self._trace(given, sample)
                        finally:
                            self.alone = not (self.watched.settle() or outside) and self.alone
                    if self.alone:
                        self.watched.keep(self)
        return self.known[tried], is_new

    def _trace(self, given: Arguments, sample: int) -> Variant:
        """Run f on traced numbers with the values of one sample, and add the variant for its path."""
        if len(self.known) == MAX_VARIANTS:
            raise RuntimeError(
                f"{_name(self.f)} took more than {MAX_VARIANTS} paths through its branches{self._most()}: choose "
                "without a branch, by ops.where, ops.maximum, functools.reduce(ops.maximum, z) for many numbers, or by "
                "builtin or NumPy's max, min and sorted"
            )
        args, kwargs, inputs = given.traced(sample, unplaced)
        place = _places(given)
        generators = [*self.watched.generators(), *held_by(list(given.shared().values()))]
        if any(map(is_iterator, generators)):  # it cannot be set back
            self.draws = True
            raise Draws(_name(self.f), generators)
        before = states(generators)
        with recording({v: inputs[i] for v, i in place.items()}, inputs) as recorded, selecting():
            try:
                with explaining("traced"):
                    returned = self.f(*args, **kwargs)
            except NotOneNumber as error:
                raise TypeError(f"{error}{given.shapes}") from None
            except Converted as error:
                raise _needed(error, given, inputs) from None
            finally:
                self.draws = drawn(before) or self.draws
            if self.draws:
                raise Draws(_name(self.f), generators)
            if returned is None:
                raise TypeError(f"{_name(self.f)} returned None, expected numbers: is a `return` missing?")
            if self.reduce:
                _refuse_column(returned, given, _name(self.f))
            try:
                outputs = [traced(y) for y in flat(returned, f"the result of {_name(self.f)}")]
            except Elsewhere:
                raise
            except TypeError as error:
                raise TypeError(f"{error}; a compiled function must return numbers") from None
        if are_targets(recorded.captured):
            raise Elsewhere(f"{_name(self.f)} closes over a Value that is a differentiation target")
        self._lines.update(guard.source for guard in recorded.guards)
        leaf = {v: tracer for v, tracer in recorded.captured.items() if v.op is None}
        if twice := [v for v in leaf if v in place and given.parameters().count(v) > 1]:
            raise TypeError(
                f"{_name(self.f)} got {twice[0]!r} in two arguments and reads it without them as well: read it from an "
                "argument only"
            )
        captured = {v: tracer for v, tracer in leaf.items() if v not in place}
        if captured and recorded.lifts and (made := captured.keys() & set(given.parameters())):
            raise TypeError(told_made(_name(self.f), "", made.pop()))
        at = len(inputs) - sum(given.widths)
        inputs[at:at] = captured.values()
        outcomes = dict.fromkeys((guard.condition, float(guard.held)) for guard in recorded.guards)
        whole = program_of(inputs, [*outputs, *(condition for condition, _ in outcomes)], given.widths)
        conditions = Program(whole.inputs, (), (), whole.widths, example=whole.example)
        if outcomes:
            conditions = optimized(whole.with_outputs(whole.outputs[len(outputs) :]))
        compared = zip(conditions.outputs, outcomes, strict=True)
        held = {
            place: outcome for place, (_, outcome) in compared if isinstance(place, int)
        }  # the others folded to constants
        guards_only = conditions.with_outputs(tuple(held))
        variant = Variant(
            whole.with_outputs(whole.outputs[: len(outputs)], "sum" if self.reduce else None),
            guards_only,
            tuple(held.values()),
            Results(returned, bool(given.size) and not self.reduce),
            given.plain and not captured,
            tuple(captured),
            self.build,
        )
        self.anchors |= {v: place.get(v) for v in leaf}
        self.known.append(variant)
        return variant

    def _most(self) -> str:
        """Name the line with most comparisons: ``, most at train.py:12 (if x > y:)``."""
        if not self._lines:
            return ""
        ((file, line), _), *_ = self._lines.most_common(1)
        text = linecache.getline(file, line).strip()
        return f", most at {Path(file).name}:{line}" + (f" ({text:.60})" if text else "")

    def _parted(self, given: Arguments) -> tuple[Any, Results]:
        """Run each sample by the variant that fits it, and merge the results."""
        shared, batched, size = given.numbers
        assert size is not None
        waiting, parts, tried = list(range(size)), [], 0
        while waiting:
            variant, _ = self._after(tried, given, waiting[0])
            tried += 1
            assert variant.guard is not None
            outcomes = variant.guard(
                variant.numbers(shared), [_picked(table, waiting) for table in batched], len(waiting)
            )
            held = [list(ys) for ys in outcomes]
            mine = [
                i
                for k, i in enumerate(waiting)
                if all(ys[k] == outcome for ys, outcome in zip(held, variant.held, strict=True))
            ]
            if mine:
                outputs = variant.kernel(
                    variant.numbers(shared), [_picked(table, mine) for table in batched], len(mine)
                )
                parts.append((mine, outputs, variant.results))
                taken = set(mine)
                waiting = [i for i in waiting if i not in taken]
        results = parts[0][2]
        if any(other.shape != results.shape for _, _, other in parts):
            raise TypeError(f"{_name(self.f)} must return the same structure for all samples of a batch")
        return (_summed if self.reduce else _scattered)([part[:2] for part in parts], size), results


class Static(TypeError):
    """A traced function needs the integers themselves that are given as arguments `names`."""

    def __init__(self, message: str, names: set[str]) -> None:
        super().__init__(message)
        self.names = names


def _needed(error: Converted, given: Arguments, inputs: list[Any]) -> TypeError:
    """Error of a traced number that f needs as it is: `Static` if it is made of integer arguments alone."""
    waiting, met, mine = [error.tracer], {error.tracer}, set(inputs)
    while waiting:
        more = [x for x in waiting.pop().parents if x not in met]
        waiting += more
        met.update(more)
    ends = [x for x in met if x.op is None or not x.parents]
    names = {name for name in given.named if any(x.name.startswith(name) for x in ends)} - given.batched.keys()
    if not (names and mine.issuperset(ends)):
        return error
    listed = ", ".join(f'"{name}"' for name in sorted(names))
    hint = f"{error}; static=({listed},) passes it as it is, and traces again for each one"
    if {x.name for x in ends} <= given.integers():
        return Static(hint, {x.name for x in ends})
    return TypeError(hint)


def _refuse_column(returned: Any, given: Arguments, name: str) -> None:
    """Raise TypeError if targets of shape (n, 1) made an array of the number that each sample is expected to give."""
    if len(given.batched) < 2 or not is_array(returned) or returned.shape != (1,):
        return
    shapes = {name: x.shape for name, x in given.named.items() if is_array(x)}
    if any(shape == (1,) for name, shape in shapes.items() if name not in given.batched):
        return  # a gradient, perhaps
    for column in (name for name in given.batched if shapes.get(name) == (given.size, 1)):
        raise TypeError(
            f"{name} returned an array of shape (1,) for each sample, because {column} has shape ({given.size}, 1): "
            f"pass it in shape ({given.size},), or return one number"
        )


def _places(given: Arguments) -> dict[Value, int]:
    """Parameters of the shared arguments, and the place of each among the inputs."""
    return {v: i for i, v in reversed(list(enumerate(given.parameters()))) if v.__class__ is Value}


Part = tuple[list[int], Any]  # indices of samples, and their outputs


def _picked(table: Any, rows: list[int]) -> Any:
    if len(rows) == len(table):
        return table
    return table[rows] if hasattr(table, "dtype") else [table[i] for i in rows]


def _summed(parts: Sequence[Part], size: Any) -> Any:
    if hasattr(parts[0][1], "dtype"):
        return sum(outputs for _, outputs in parts)
    return [sum(ys) for ys in zip(*(outputs for _, outputs in parts), strict=True)]


def _scattered(parts: Sequence[Part], size: Any) -> Any:
    first = parts[0][1]
    whole = first.__class__((len(first), size)) if hasattr(first, "dtype") else [[0.0] * size for _ in first]
    for mine, outputs in parts:
        for row, ys in zip(whole, outputs, strict=True):
            for i, y in zip(mine, ys, strict=True):
                row[i] = y
    return whole


def _name(f: Function) -> str:
    return getattr(f, "__name__", "the function")

"""`jit`: a function recorded once per structure of its arguments and replayed as compiled code."""

from __future__ import annotations

import functools
import importlib.util
import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, overload

from autograd_tiny.compile.arguments import Given, Results, joined, numbers, paths, samples, structure
from autograd_tiny.compile.passes import optimized
from autograd_tiny.compile.program import Program, program_of
from autograd_tiny.tracer import Guard, Tracer, recording
from autograd_tiny.transforms import being_differentiated
from autograd_tiny.tree import holds_operands, leaves, rebuild

BACKENDS = ("llvm", "numpy", "python", "c", "jax")
NEEDS = {"llvm": "llvmlite", "numpy": "numpy"}  # the default is the first that is installed
MOST_PATHS = 64  # ways through the branches of one function
Function = Callable[..., Any]


class Way(NamedTuple):
    """One way through the branches of a function: what is computed there, and the comparisons that lead there."""

    program: Program
    kernel: Callable[..., Any]
    guard: Callable[..., Any] | None  # gives the outcome of each comparison
    held: tuple[float, ...]
    results: Results


@overload
def jit(f: Function, **options: Any) -> Jitted: ...
@overload
def jit(f: None = None, **options: Any) -> Callable[[Function], Jitted]: ...
def jit(
    f: Function | None = None,
    *,
    batch: str | Sequence[str] = (),
    reduce: str | None = None,
    backend: str | None = None,
    contract: bool = False,
    threads: int = 1,
    check_finite: bool = False,
) -> Any:
    """The function f, recorded as it first runs on arguments of one structure, compiled, and replayed from then on.

    >>> from autograd_tiny.transforms import value_and_grad
    >>> f = jit(value_and_grad(lambda w, x: (w[0] * x + w[1]).tanh()))
    >>> f([1.0, 0.5], 2.0) == value_and_grad(lambda w, x: (w[0] * x + w[1]).tanh())([1.0, 0.5], 2.0)
    True
    >>> loss = jit(lambda w, x, y: (w * x - y) ** 2, batch=("x", "y"), reduce="mean")
    >>> loss(3.0, [1.0, 2.0, 3.0], [3.0, 6.0, 6.0])
    3.0

    f is written for one sample of numbers: floats, lists, tuples, dicts, NumPy arrays and Modules of them. The arguments
    named in `batch` carry one axis more, the samples; `reduce` is "sum" or "mean" over them, or None for the result of
    each. Comparisons become guards: where one comes out another way, f is recorded anew, sample by sample if need be. A
    traced number has no float or truth, and side effects happen while recording only. `backend` is one of "llvm",
    "numpy", "python", "c", "jax", by default the first of the first three that is installed; `contract` lets a * b + c be
    rounded once; `threads` share the batch, and the result does not depend on how many; with `check_finite` a result
    that is nan or inf is computed again by f itself, sample by sample, to raise where it began.
    """
    options = {"backend": backend, "contract": contract, "threads": threads, "check_finite": check_finite}
    if f is None:
        return lambda f: Jitted(f, batch, reduce, **options)
    return Jitted(f, batch, reduce, **options)


class Jitted:
    """What `jit` returns: called like the function it was made of."""

    def __init__(
        self,
        f: Function,
        batch: str | Sequence[str],
        reduce: str | None,
        *,
        backend: str | None,
        contract: bool,
        threads: int,
        check_finite: bool,
    ) -> None:
        if not callable(f):
            raise TypeError(f"jit takes a function, got {f!r:.60}")
        if reduce not in (None, "sum", "mean"):
            raise ValueError(f'reduce is "sum", "mean" or None, got {reduce!r}')
        if not (isinstance(threads, int) and threads > 0):
            raise ValueError(f"threads is how many share the batch, at least 1, got {threads!r}")
        self.f, self.reduce, self.check_finite = f, reduce, check_finite
        self.batch = (batch,) if isinstance(batch, str) else tuple(batch)
        if reduce and not self.batch:
            raise ValueError(f"reduce={reduce!r} is over the samples of a batch: name the arguments in batch=")
        self.backend = _backend(backend)
        self.options = {"contract": contract, "threads": threads}
        self._ways: dict[Any, list[Way]] = {}
        self._plain: dict[tuple[type, ...], Way] = {}
        self._names, self._more = _parameters(f)
        if unknown := [name for name in self.batch if self._names and not self._more and name not in self._names]:
            raise ValueError(f"batch={unknown[0]!r}: the arguments of {_name(f)} are {', '.join(self._names)}")
        functools.update_wrapper(self, f)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not kwargs and (way := self._plain.get(tuple(map(type, args)))) is not None:
            return way.results.around(way.kernel(args))  # floats only, and no branch: nothing to look at
        if self._inline(args, kwargs):
            return self.f(*args, **kwargs)
        call = self._call(args, kwargs)
        if len(call.ways) == 1 and call.ways[0].guard is None:
            outputs = self._mean(call.ways[0].kernel(*call.given), call.given.size)
            found = call.ways[0].results.around(outputs)
        elif call.given.size is None:
            way = self._way(call)
            found = way.results.around(way.kernel(*call.given))
        else:
            found = self._parted(call)
        if self.check_finite:
            self._checked(found, call)
        elif not call.batched and not kwargs and all(x.__class__ is float for x in args) and call.ways[0].guard is None:
            self._plain[tuple(map(type, args))] = call.ways[0]
        return found

    def program(self, *args: Any, **kwargs: Any) -> Program:
        """The program that runs on these arguments."""
        return self._way(self._call(args, kwargs)).program

    def _inline(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether f is to run as it is: on Values, or within another transform or recording."""
        if not (holds_operands(args) or holds_operands(kwargs) or being_differentiated([args, kwargs])):
            return False
        if self.batch:
            raise TypeError(
                f"{_name(self.f)} is batched, and takes numbers: differentiate first, jit(grad(f), batch=…)"
            )
        return True

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Call:
        """The arguments by name, what they are made of, and the ways through f that are known for such."""
        names = (
            self._names
            if len(args) <= len(self._names)
            else [*self._names, *(f"argument {i}" for i in range(len(self._names), len(args)))]
        )
        named = dict(zip(names, args, strict=False)) | kwargs
        batched = {name: samples(x, name) for name, x in named.items() if name in self.batch}
        if missing := [name for name in self.batch if name not in batched]:
            raise TypeError(f"{_name(self.f)} is batched over {missing[0]}, which was not given")
        sizes = {name: len(rows) for name, rows in batched.items()}
        if len(set(sizes.values())) > 1:
            told = ", ".join(f"{name} has {size:,}" for name, size in sizes.items())
            raise ValueError(f"the batched arguments have different numbers of samples: {told}")
        if 0 in sizes.values():
            raise ValueError(f"an empty batch: {next(iter(sizes))} has no samples")
        key = tuple([(name, structure(x[0] if name in batched else x, name)) for name, x in named.items()])
        shared = joined([numbers(x) for name, x in named.items() if name not in batched] or [[]])
        size = next(iter(sizes.values())) if sizes else None
        given = Given(shared, list(batched.values()), size)
        call = _Call(len(args), named, batched, given, self._ways.setdefault(key, []))
        if not call.ways:
            self._record(call, 0)
        return call

    def _record(self, call: _Call, sample: int) -> Way:
        """Run f on traced numbers, once, with what one sample holds."""
        tracers: dict[str, list[Tracer]] = {}
        examples = {name: x[sample] if name in call.batched else x for name, x in call.named.items()}
        for name, x in examples.items():
            tracers[name] = [Tracer.leaf(seen, path) for seen, path in zip(numbers(x), paths(x, name), strict=True)]
        traced = [rebuild(x, tracers[name]) for name, x in examples.items()]
        guards: list[Guard] = []
        with recording(guards):
            returned = self.f(
                *traced[: call.positional], **dict(list(zip(call.named, traced, strict=True))[call.positional :])
            )
        try:
            outputs = [y for _, y in leaves(returned, f"what {_name(self.f)} returned")]
        except TypeError as error:
            raise TypeError(f"{error}: a compiled function returns numbers") from None
        order = [name for name in tracers if name not in call.batched] + list(call.batched)
        inputs = [x for name in order for x in tracers[name]]
        widths = tuple([len(tracers[name]) for name in call.batched])
        known = dict.fromkeys((guard.condition, float(guard.held)) for guard in guards)
        whole = program_of(inputs, [*outputs, *(condition for condition, _ in known)], widths)
        conditions = whole.outputs[len(outputs) :]
        held = {y: h for y, (_, h) in zip(conditions, known, strict=True) if isinstance(y, int)}
        program = optimized(whole.with_outputs(whole.outputs[: len(outputs)], "sum" if self.reduce else None))
        build = importlib.import_module(f"autograd_tiny.compile.to_{self.backend}").build
        guard = build(optimized(whole.with_outputs(tuple(held))), **self.options) if held else None
        way = Way(program, build(program, **self.options), guard, tuple(held.values()), Results(returned))
        call.ways.append(way)
        if len(call.ways) > MOST_PATHS:
            raise RuntimeError(
                f"{_name(self.f)} took more than {MOST_PATHS} ways through its branches: choose by `where`, which is one way"
            )
        return way

    def _way(self, call: _Call) -> Way:
        """The way that the only sample, or the first, takes."""
        shared, batched, size = call.given
        one = Given(shared, [rows[:1] for rows in batched], 1) if size else call.given
        for way in call.ways:
            if way.guard is None:
                return way
            outcomes = way.guard(*one)
            if all((y if size is None else y[0]) == h for y, h in zip(outcomes, way.held, strict=True)):
                return way
        return self._record(call, 0)

    def _parted(self, call: _Call) -> Any:
        """Each sample by its own way, and the results put together again."""
        shared, batched, size = call.given
        assert size is not None
        waiting, parts, ways = list(range(size)), [], iter(list(call.ways))
        while waiting:
            way = next(ways, None) or self._record(call, waiting[0])
            rows = [_picked(table, waiting) for table in batched]
            if way.guard is None:
                mine = waiting
            else:
                outcomes = [list(ys) for ys in way.guard(shared, rows, len(waiting))]
                mine = [
                    i
                    for k, i in enumerate(waiting)
                    if all(ys[k] == h for ys, h in zip(outcomes, way.held, strict=True))
                ]
            if mine:
                outputs = way.kernel(shared, [_picked(table, mine) for table in batched], len(mine))
                parts.append((mine, outputs, way))
                taken = set(mine)
                waiting = [i for i in waiting if i not in taken]
        first = parts[0][2].results
        if any(way.results.count != first.count for _, _, way in parts):
            raise TypeError(f"{_name(self.f)} returns another structure for some samples than for others")
        return first.around(self._mean(_summed(parts) if self.reduce else _scattered(parts, size), size))

    def _mean(self, outputs: Any, size: int | None) -> Any:
        if self.reduce != "mean":
            return outputs
        return outputs / size if hasattr(outputs, "dtype") else [y / size for y in outputs]

    def _checked(self, found: Any, call: _Call) -> None:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<jit of {_name(self.f)} by {self.backend}>"


class _Call(NamedTuple):
    positional: int  # how many of the arguments were given by position
    named: dict[str, Any]
    batched: dict[str, Any]
    given: Given
    ways: list[Way]


def _picked(table: Any, rows: list[int]) -> Any:
    if len(rows) == len(table):
        return table
    return table[rows] if hasattr(table, "dtype") else [table[i] for i in rows]


def _summed(parts: list[Any]) -> Any:
    if hasattr(parts[0][1], "dtype"):
        return sum(outputs for _, outputs, _ in parts)
    return [sum(ys) for ys in zip(*(outputs for _, outputs, _ in parts), strict=True)]


def _scattered(parts: list[Any], size: int) -> Any:
    if hasattr(parts[0][1], "dtype"):
        whole = parts[0][1].__class__((len(parts[0][1]), size))
        for mine, outputs, _ in parts:
            whole[:, mine] = outputs
        return whole
    columns: list[list[float]] = [[0.0] * size for _ in parts[0][1]]
    for mine, outputs, _ in parts:
        for column, ys in zip(columns, outputs, strict=True):
            for i, y in zip(mine, ys, strict=True):
                column[i] = y
    return columns


def _backend(name: str | None) -> str:
    if name is None:
        return next((b for b in BACKENDS[:2] if importlib.util.find_spec(NEEDS[b])), "python")
    if name not in BACKENDS:
        raise ValueError(f"backend is one of {', '.join(BACKENDS)}, got {name!r}")
    if name in NEEDS and not importlib.util.find_spec(NEEDS[name]):
        raise ImportError(f"the {name} backend needs {NEEDS[name]}: pip install 'autograd-tiny[compile]'")
    return name


def _parameters(f: Function) -> tuple[list[str], bool]:
    """The names of the positional arguments, and whether f takes any others."""
    try:
        found = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        return [], True
    kinds = inspect.Parameter
    more = any(p.kind in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD) for p in found)
    return [p.name for p in found if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)], more


def _name(f: Function) -> str:
    return getattr(f, "__name__", "the function")

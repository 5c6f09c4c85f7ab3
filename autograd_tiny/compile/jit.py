"""`jit`: a function recorded once per structure of its arguments and replayed as compiled code."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import math
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

from autograd_tiny.compile.arguments import Arguments, joined, numbers
from autograd_tiny.compile.blame import raise_where_it_began
from autograd_tiny.compile.program import Program
from autograd_tiny.compile.ways import Function, Way, Ways
from autograd_tiny.extras import missing
from autograd_tiny.tracer import is_recording
from autograd_tiny.transforms import being_differentiated, is_differentiating
from autograd_tiny.tree import holds_operands

BACKENDS = ("llvm", "numpy", "python", "c", "jax")
_BATCHED = "{} is batched, and takes numbers: differentiate first, jit(grad(f), batch=…)"
# The default is the first of three that has them.
NEEDS = {
    "llvm": ("llvmlite", "numpy"),
    "numpy": ("numpy",),
    "c": ("numpy",),
    "jax": ("jax", "numpy"),
}


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
    >>> f = jit(value_and_grad(lambda w, x: (w[0] * x + w[1]) ** 2))
    >>> f([1.0, 0.5], 2.0)
    (6.25, [10.0, 5.0])
    >>> loss = jit(lambda w, x, y: (w * x - y) ** 2, batch=("x", "y"), reduce="mean")
    >>> loss(3.0, [1.0, 2.0, 3.0], [3.0, 6.0, 6.0])
    3.0

    f is written for one sample of numbers: floats, lists, tuples, dicts, NumPy arrays and Modules of them. The arguments
    named in `batch` carry one axis more, the samples; `reduce` is "sum" or "mean" over them, or None for the result of
    each. Comparisons become guards: where one comes out another way, f is recorded anew, sample by sample if need be. A
    traced number has no float or truth; Values that f closes over are read at each call, and side effects happen while
    recording only.

    `backend` is one of "llvm", "numpy", "python", "c", "jax", by default the first of the first three that is installed;
    `contract` lets a * b + c be rounded once; `threads` share the batch, and the result does not depend on how many; with
    `check_finite` a result that is nan or inf is computed again by f itself, sample by sample, to raise where it began.
    Raises TypeError and ValueError for arguments that are no numbers, differ in their samples or have none, and
    RuntimeError for more than 64 ways through the branches.
    """
    options = (batch, reduce, backend, contract, threads, check_finite)
    return (lambda f: Jitted(f, *options)) if f is None else Jitted(f, *options)


class Jitted:
    """What `jit` returns: called like the function it was made of."""

    def __init__(
        self,
        f: Function,
        batch: str | Sequence[str],
        reduce: str | None,
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
        self._options = {"contract": contract, "threads": threads}
        self._ways: dict[Any, Ways] = {}
        self._quick: dict[
            Any, Callable[..., Any]
        ] = {}  # how to go the only way, by what arguments look like at a glance
        self._names, others, more = _parameters(f)
        self._batched = [name in self.batch for name in self._names]
        numpy = sys.modules.get("numpy")  # where it is not loaded there are no arrays
        self._ndarray: Any = numpy and numpy.ndarray
        self._double: Any = numpy and numpy.dtype(float)
        if unknown := [name for name in self.batch if not more and name not in (*self._names, *others)]:
            raise ValueError(
                f"batch={unknown[0]!r}: the arguments of {_name(f)} are {', '.join([*self._names, *others])}"
            )
        functools.update_wrapper(self, f, updated=())  # f may be another of this kind

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        glance = None if kwargs else self._glance(args)
        within = is_differentiating() or is_recording()  # f may close over what is differentiated by
        if glance is not None and not within and (call := self._quick.get(glance)) is not None:
            return call(args)
        if not self.batch and (within or holds_operands(args) or holds_operands(kwargs)):
            return self.f(*args, **kwargs)
        given, ways = self._given(args, kwargs)
        outputs, results = ways.run(given)
        if self.batch and within and being_differentiated([args, kwargs, [way.captured for way in ways.known]]):
            raise TypeError(_BATCHED.format(_name(self.f)))
        if self.check_finite and not _finite(outputs):
            raise_where_it_began(self.f, given, lambda part: _finite(ways.run(part)[0]))
        if glance is not None and ways.known[0].guard is None and not self.check_finite:
            self._quick[glance] = self._planned(ways.known[0], glance)
        return results.around(self._mean(outputs, given.size))

    def program(self, *args: Any, **kwargs: Any) -> Program:
        """The program that runs on these arguments, of a batch on its first sample."""
        given, ways = self._given(args, kwargs)
        return ways.taken(given).program

    def _given(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Arguments, Ways]:
        extra = (f"argument {i}" for i in range(len(self._names), len(args)))
        if self.batch and (holds_operands(args) or holds_operands(kwargs)):
            raise TypeError(_BATCHED.format(_name(self.f)))
        if twice := [name for name in self._names[: len(args)] if name in kwargs]:
            raise TypeError(f"{_name(self.f)} got two values for {twice[0]}")
        given = Arguments(dict(zip([*self._names, *extra], args, strict=False)) | kwargs, len(args), self.batch)
        if (ways := self._ways.get(given.structure)) is None:
            ways = self._ways[given.structure] = Ways(self.f, bool(self.reduce), self.backend, self._options)
        return given, ways

    def _glance(self, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """What floats and arrays of floats look like, to tell them fast; None where there is anything else."""
        if len(args) != len(self._batched):
            return None
        found: list[Any] = []
        for x, batched in zip(args, self._batched, strict=True):
            if x.__class__ is float:
                found.append(float)
            elif x.__class__ is self._ndarray and x.dtype is self._double and x.ndim and x.flags.c_contiguous:
                found.append(x.shape[1:] if batched else x.shape)
            else:
                return None
        return tuple(found)

    def _planned(self, way: Way, glance: tuple[Any, ...]) -> Callable[[tuple[Any, ...]], Any]:
        """How to call a function without branches with more arguments that look like these."""
        kernel, around, mean = way.kernel, way.results.around, self._mean
        if way.plain:
            return lambda args: around(kernel(args))
        places = list(enumerate(self._batched))
        fixed = [(i, glance[i] is not float and len(glance[i]) == 1) for i, batched in places if not batched]
        moving = [(i, len(glance[i])) for i, batched in places if batched]
        alone = fixed[0][0] if len(fixed) == 1 and fixed[0][1] else None

        def call(args: tuple[Any, ...]) -> Any:
            shared = args[alone] if alone is not None else joined([numbers(args[i]) for i, _ in fixed])
            if way.captured:
                shared = way.numbers(shared)
            if not moving:
                return around(kernel(shared))
            size = len(args[moving[0][0]])
            if not size or [True for i, _ in moving if len(args[i]) != size]:
                self._given(args, {})  # says what is wrong
            tables = [args[i] if n == 1 else args[i].reshape(size, -1) for i, n in moving]
            return around(mean(kernel(shared, tables, size), size))

        return call

    def _mean(self, outputs: Any, size: Any) -> Any:
        if self.reduce != "mean":
            return outputs
        if outputs.__class__ is list:
            return [y / size for y in outputs]
        outputs /= float(size)  # a little quicker than by an int
        return outputs

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self) -> Any:  # a pickle records anew
        return Jitted, (self.f, self.batch, self.reduce, self.backend, *self._options.values(), self.check_finite)

    def __repr__(self) -> str:
        return f"<jit of {_name(self.f)} by {self.backend}>"


def _finite(outputs: Any) -> bool:
    if hasattr(outputs, "dtype"):
        return math.isfinite(outputs.sum()) or bool((abs(outputs) < math.inf).all())
    return all(_finite(y) if isinstance(y, list) else math.isfinite(y) for y in outputs)


def _backend(name: str | None) -> str:
    def lacking(backend: str) -> list[str]:
        return [needed for needed in NEEDS.get(backend, ()) if importlib.util.find_spec(needed) is None]

    if name is None:
        return next(backend for backend in BACKENDS[:3] if not lacking(backend))
    if name not in BACKENDS:
        raise ValueError(f"backend is one of {', '.join(BACKENDS)}, got {name!r}")
    if found := lacking(name):
        raise missing(f"the {name} backend", found)
    return name


def _parameters(f: Function) -> tuple[list[str], list[str], bool]:
    """The names of the arguments by position, of those by keyword only, and whether f takes any others."""
    try:
        found = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        return [], [], True
    kinds = inspect.Parameter
    more = any(p.kind in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD) for p in found)
    names = [p.name for p in found if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
    return names, [p.name for p in found if p.kind is kinds.KEYWORD_ONLY], more


def _name(f: Function) -> str:
    return getattr(f, "__name__", "the function")

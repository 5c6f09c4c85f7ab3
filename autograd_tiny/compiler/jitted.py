"""`jit`: trace a function once per structure of its arguments, and replay it as compiled code."""

from __future__ import annotations

import functools
import inspect
import math
import sys
import types
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from autograd_tiny.compiler.arguments import Arguments, joined, numbers
from autograd_tiny.compiler.backends.registry import chosen
from autograd_tiny.compiler.nonfinite import raise_where_it_began
from autograd_tiny.compiler.variants import Function, Variant, Variants
from autograd_tiny.engine.operand import Operand
from autograd_tiny.engine.tree import holds_operands, leaves, rebuild
from autograd_tiny.engine.value import Value
from autograd_tiny.transforms.derivatives import numbers_of, settled
from autograd_tiny.transforms.doors import are_targets, being_differentiated, is_differentiating
from autograd_tiny.transforms.program import Program
from autograd_tiny.transforms.tracer import Elsewhere, constant, is_recording

STRUCTURES = 256  # kept per function, each with compiled code, its memory and a trace
_BATCHED = "{} is compiled over a batch and takes numbers only: differentiate first, jit(grad(f), batch=…)"


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
    """Compile f: trace its first call for each structure of arguments, and replay compiled code from then on.

    >>> from autograd_tiny.transforms.derivatives import value_and_grad
    >>> f = jit(value_and_grad(lambda w, x: (w[0] * x + w[1]) ** 2))
    >>> f([1.0, 0.5], 2.0)
    (6.25, [10.0, 5.0])
    >>> loss = jit(lambda w, x, y: (w * x - y) ** 2, batch=("x", "y"), reduce="mean")
    >>> loss(3.0, [1.0, 2.0, 3.0], [3.0, 6.0, 6.0])
    3.0

    Write f for one sample: its arguments are floats, or lists, tuples, dicts, NumPy arrays and Modules of floats. The
    arguments named in `batch` have an additional first axis, the batch axis; `reduce` is "sum" or "mean" over it, or
    None for one result per sample. Comparisons become guards: if a guard fails, f is traced again for that path, and
    the samples of a batch are split among the paths. A traced number cannot be converted to float, int or bool. Values
    that f closes over are read at each call; side effects happen only while tracing. Inside a derivative or another
    trace, f itself runs on Values or traced numbers, so that the Values it closes over are differentiated as well.

    `backend` is the name of a backend, by default the first of llvm, numpy and python that is installed; the message
    for an unknown name lists all of them, and other packages can add more: see `Backend`. `contract` allows a * b + c
    to be rounded once. `threads` is the number of threads that share a batch; the result does not depend on it. With
    `check_finite`, a result that is nan or inf is computed again by f itself, to raise an error at the op that caused
    it.

    Raises TypeError for arguments that are not numbers, ValueError for a batch that is empty or whose samples differ in
    structure or number, RuntimeError for more than 64 paths through the branches of f, and ImportError for a backend
    with missing packages.
    """
    options = (batch, reduce, backend, contract, threads, check_finite)
    return (lambda f: Jitted(f, *options)) if f is None else Jitted(f, *options)


class StructureWarning(RuntimeWarning):
    """Warning: each call has a new structure of arguments, so that each is traced and compiled."""


class Jitted:
    """Compiled function, as returned by `jit`; call it like the original.

    >>> f = jit(lambda x, y: x * x + y)
    >>> f(3.0, 1.0)
    10.0
    >>> f.program(3.0, 1.0)
    program of 2 inputs, 2 steps, 1 output
    v2 = x * x
    v3 = v2 + y
    return v3
    """

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
            raise TypeError(f"jit expects a function, got {f!r:.60}")
        if reduce not in (None, "sum", "mean"):
            raise ValueError(f'reduce must be "sum", "mean" or None, got {reduce!r}')
        if not (isinstance(threads, int) and threads > 0):
            raise ValueError(f"threads must be an integer of at least 1, got {threads!r}")
        self.f, self.reduce, self.check_finite = f, reduce, check_finite
        self.batch = (batch,) if isinstance(batch, str) else tuple(batch)
        if reduce and not self.batch:
            raise ValueError(f"reduce={reduce!r} needs a batch: name the batched arguments in batch=")
        self.backend = chosen(backend).name
        self._options = {"contract": contract, "threads": threads}
        self._variants: dict[Any, Variants] = {}
        self._made = 0  # structures so far; serves as the clock of `Variants.used`
        self._quick: dict[Any, Callable[..., Any]] = {}  # fast path for branch-free functions, by argument signature
        self._names, others, more = _parameters(f)
        self._batched = [name in self.batch for name in self._names]
        numpy = sys.modules.get("numpy")  # if it is not loaded, no argument is an array
        self._ndarray: Any = numpy and numpy.ndarray
        self._double: Any = numpy and numpy.dtype(float)
        if unknown := [name for name in self.batch if not more and name not in (*self._names, *others)]:
            takes = ", ".join([*self._names, *others])
            raise ValueError(f"batch={unknown[0]!r} is not an argument of {_name(f)}, which takes {takes}")
        functools.update_wrapper(self, f, updated=())  # f may be a Jitted itself, whose attributes must not be copied

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        glance = None if kwargs else self._glance(args)
        within = is_differentiating() or is_recording()  # f may close over a differentiation target
        if glance is not None and not within and (call := self._quick.get(glance)) is not None:
            return call(args)
        on_operands = within or holds_operands(args) or holds_operands(kwargs) or being_differentiated([args, kwargs])
        if on_operands and not self.batch:
            return self._uncompiled(args, kwargs)
        given, variants = self._given(args, kwargs)
        try:
            outputs, results = variants.run(given)
        except Elsewhere:
            if self.batch:
                raise TypeError(_BATCHED.format(_name(self.f))) from None
            return self._uncompiled(args, kwargs)
        if on_operands and self._hides(args, kwargs, variants):
            raise TypeError(_BATCHED.format(_name(self.f)))
        if self.check_finite and not _finite(outputs):
            raise_where_it_began(self.f, given, lambda part: _finite(variants.run(part)[0]))
        if glance is not None and variants.known[0].guard is None and not self.check_finite:
            self._quick[glance] = self._planned(variants.known[0], glance)
        return results.around(self._mean(outputs, given.size))

    def _uncompiled(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run f itself on Values or traced numbers: compiled code would hide the Values that f closes over."""
        number = constant if is_recording() else lambda x: +Value(x)  # no leaf: it is not a Value of the user

        def lifted(x: Any, path: str) -> Any:
            found = [y for _, y in leaves(x, path)]
            if all(isinstance(y, Operand) for y in found):
                return x  # a Module stays itself
            return rebuild(x, [y if isinstance(y, Operand) else number(y) for y in found])

        returned = self.f(
            *[lifted(x, f"argument {i}") for i, x in enumerate(args)],
            **{name: lifted(x, name) for name, x in kwargs.items()},
        )
        numbers_of(returned, _name(self.f))
        asked = is_recording() or holds_operands(args) or holds_operands(kwargs)
        return returned if asked else settled(returned)

    def _hides(self, args: tuple[Any, ...], kwargs: dict[str, Any], variants: Variants) -> bool:
        """True if an enclosing derivative or trace depends on numbers that compiled code treats as constants."""
        if being_differentiated([args, kwargs]):  # such as the parameters of a Module
            return True
        if are_targets(v for variant in variants.known for v in variant.captured):
            return True
        values = (x for _, x in leaves([args, kwargs]) if isinstance(x, Operand))
        return is_recording() and (any(True for _ in values) or any(variant.captured for variant in variants.known))

    def program(self, *args: Any, **kwargs: Any) -> Program:
        """Program that runs for these arguments; for a batch, the one of its first sample."""
        given, variants = self._given(args, kwargs)
        return variants.taken(given).program

    def _given(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Arguments, Variants]:
        extra = (f"argument {i}" for i in range(len(self._names), len(args)))
        if self.batch and (holds_operands(args) or holds_operands(kwargs)):
            raise TypeError(_BATCHED.format(_name(self.f)))
        if twice := [name for name in self._names[: len(args)] if name in kwargs]:
            raise TypeError(f"{_name(self.f)} got two values for {twice[0]}: pass it by position or by name, not both")
        given = Arguments(dict(zip([*self._names, *extra], args, strict=False)) | kwargs, len(args), self.batch)
        if (variants := self._variants.get(given.structure)) is None:
            variants = self._new(given.structure)
        variants.used = self._made
        return given, variants.fitting(given)

    def _new(self, structure: Any) -> Variants:
        """Variants for a new structure; beyond the limit they replace the least recently used ones."""
        self._made += 1
        self._quick.clear()  # quick calls do not update `used`: the next call of each takes the slow path and does
        if len(self._variants) >= STRUCTURES:
            unused, _ = min(list(self._variants.items()), key=lambda item: item[1].used)
            self._variants.pop(unused, None)  # by another thread, perhaps
        if self._made == STRUCTURES + 1:
            message = (
                f"{_name(self.f)} was called with more than {STRUCTURES} structures of arguments, and each new one is "
                "traced and compiled, which takes longer than running f itself: pass arrays of a few shapes only, or "
                "name arguments of varying length in batch="
            )
            warnings.warn(message, StructureWarning, stacklevel=4)
        variants = Variants(self.f, bool(self.reduce), self.backend, self._options)
        return self._variants.setdefault(structure, variants)  # another thread may have been first

    def _glance(self, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Signature of arguments that are floats and arrays of floats; None if any argument is of another type."""
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

    def _planned(self, variant: Variant, glance: tuple[Any, ...]) -> Callable[[tuple[Any, ...]], Any]:
        """Fast path of a branch-free function, for arguments with this signature."""
        kernel, around, mean = variant.kernel, variant.results.around, self._mean
        if variant.plain:
            return lambda args: around(kernel(args))
        places = list(enumerate(self._batched))
        fixed = [(i, glance[i] is not float and len(glance[i]) == 1) for i, batched in places if not batched]
        moving = [(i, len(glance[i])) for i, batched in places if batched]
        alone = fixed[0][0] if len(fixed) == 1 and fixed[0][1] else None

        def call(args: tuple[Any, ...]) -> Any:
            shared = args[alone] if alone is not None else joined([numbers(args[i]) for i, _ in fixed])
            if variant.captured:
                shared = variant.numbers(shared)
            if not moving:
                return around(kernel(shared))
            size = len(args[moving[0][0]])
            if not size or [True for i, _ in moving if len(args[i]) != size]:
                self._given(args, {})  # raises the error
            tables = [args[i] if n == 1 else args[i].reshape(size, -1) for i, n in moving]
            return around(mean(kernel(shared, tables, size), size))

        return call

    def _mean(self, outputs: Any, size: Any) -> Any:
        if self.reduce != "mean":
            return outputs
        if outputs.__class__ is list:
            return [y / size for y in outputs]
        outputs /= float(size)  # slightly faster than dividing by an int
        return outputs

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self) -> Any:  # a copy traces again
        return Jitted, (self.f, self.batch, self.reduce, self.backend, *self._options.values(), self.check_finite)

    def __repr__(self) -> str:
        return f"<jit of {_name(self.f)} by {self.backend}>"


def _finite(outputs: Any) -> bool:
    if hasattr(outputs, "dtype"):
        return math.isfinite(outputs.sum()) or bool((abs(outputs) < math.inf).all())
    return all(_finite(y) if isinstance(y, list) else math.isfinite(y) for y in outputs)


def _parameters(f: Function) -> tuple[list[str], list[str], bool]:
    """Names of positional arguments, names of keyword-only arguments, and True if f takes any others."""
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

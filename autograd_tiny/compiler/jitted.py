"""`jit`: trace a function once per structure of its arguments, and replay it as compiled code."""

from __future__ import annotations

import contextlib
import copy
import enum
import functools
import inspect
import math
import sys
import threading
import types
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from autograd_tiny.compiler.arguments import Arguments, is_static, joined, numbers, written
from autograd_tiny.compiler.backends.registry import chosen
from autograd_tiny.compiler.flatten import FAILED, flattener, tables
from autograd_tiny.compiler.kept import find, keep
from autograd_tiny.compiler.layout import Array, Layout, NoLayout
from autograd_tiny.compiler.outside import is_named
from autograd_tiny.compiler.pickles import arrived, packed, portable, unpacked
from autograd_tiny.compiler.randomness import Draws
from autograd_tiny.compiler.saved import OPTIONS, Recorded, open_recording, write
from autograd_tiny.compiler.surroundings import Key, Surroundings
from autograd_tiny.compiler.variants import Function, Static, Variant, Variants
from autograd_tiny.engine.operand import Operand
from autograd_tiny.engine.tree import holds_operands, leaves, rebuild
from autograd_tiny.engine.value import Value
from autograd_tiny.transforms.derivatives import numbers_of, settled
from autograd_tiny.transforms.doors import are_targets, being_differentiated, is_differentiating
from autograd_tiny.transforms.program import Program
from autograd_tiny.transforms.tracer import UNDER_WAY, Elsewhere, constant, is_recording

Call = Callable[[tuple[Any, ...]], Any]  # of positional arguments; NotImplemented for others than it was made for
UNCHANGING = {type(None), bool, int, float, str, bytes}  # static arguments that are compared by identity alone
FLATTENERS = 4  # kept per function
STRUCTURES = 256  # kept per function, each with compiled code, its memory and a trace
_BATCHED = "{} is compiled over a batch and takes numbers only: differentiate first, jit(grad(f), batch=…)"


def jit(
    f: Function | None = None,
    *,
    batch: str | Sequence[str] = (),
    static: str | Sequence[str] = (),
    reduce: str | None = None,
    backend: str | None = None,
    contract: bool = False,
    threads: int = 1,
    wait: bool = False,
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

    Write f for one sample: its arguments are floats, or lists, tuples, dicts, NumPy arrays, pandas tables and Modules
    of floats. The arguments named in `batch` have an additional first axis, the batch axis; `reduce` is "sum" or "mean"
    over it, or None for one result per sample: each number becomes an array with n numbers, each array or list of k
    numbers an array of shape (n, k), samples first, and tuples, dicts and dataclasses keep their items in place.
    Builtin max, min and sorted are recorded as selections; comparisons become guards: if a guard fails, f is traced
    again for that path, and the samples of a batch are split among the paths. A traced number cannot be converted to
    float, int or bool. Arguments that are None, bools, strings or enums, and those named in `static`, are passed as
    they are, and f is traced for each one; so are integers that f uses as an index, in a `range` or as a float.

    Values that f closes over are read at each call. If other numbers, strings or arrays that f reads change, in
    closures, globals or attributes, f is traced again. Side effects happen only while tracing; if f draws random
    numbers, f itself runs at each call, with a warning. Inside a derivative or another trace, f itself runs on Values
    or traced numbers, so that the Values it closes over are differentiated as well.

    `backend` is the name of a backend, by default the first of llvm, numpy and python that is installed; the message
    for an unknown name lists all of them, and other packages can add more: see `Backend`. `contract` allows a * b + c
    to be rounded once, and products of matrices to be added in the order of NumPy's library. `threads` is the number of
    threads that share a batch; the result does not depend on it. With `check_finite`, a result that is nan or inf is
    computed again by f itself, to raise an error at the op that caused it.

    The llvm backend compiles a large function in the background, and interprets it until then, with the same results
    but for those of `contract`. With `wait`, the first call compiles it; `f.wait()` waits for what is under way.

    Raises TypeError for arguments that are not numbers, ValueError for a batch that is empty or whose samples differ in
    structure or number, RuntimeError for more than 64 paths through the branches of f, and ImportError for a backend
    with missing packages.
    """
    options = (batch, static, reduce, backend, contract, threads, wait, check_finite)
    return (lambda f: Jitted(f, *options)) if f is None else Jitted(f, *options)


def load(path: Any, *, backend: str | None = None, wait: bool = False) -> Jitted:
    """Load a compiled function that `Jitted.save` saved; the function itself is not needed.

    `backend` and `wait` are those of `jit`.
    It takes arguments of the structures it was called with before it was saved, and raises TypeError for others.
    Raises ValueError, naming the file, if it is not such a file or not whole, and ImportError as `jit` does.
    """
    name = chosen(backend).name
    f, options = open_recording(path)
    try:
        return Jitted(f, backend=name, wait=wait, **options)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{f.path} cannot be loaded: {error}") from None


class StructureWarning(RuntimeWarning):
    """Warning: each call has a new structure of arguments, so that each is traced and compiled."""


class Shortcuts:
    """Ways around the general path of a call, valid as long as all that a function reads is unchanged."""

    __slots__ = ("alone", "around", "builtin", "calls", "planned", "trees")

    def __init__(self) -> None:
        self.planned: dict[Any, Callable[..., Any]] = {}  # of branch-free functions, by the signature of the arguments
        self.trees: list[tuple[tuple[str, ...], Call]] = []  # of any arguments, by the names of keywords; latest first
        self.calls: Counter[tuple[Variants, tuple[str, ...]]] = Counter()  # with trees, that took the general path
        self.builtin: Callable[..., Any] | None = None  # of floats only; may return NotImplemented
        self.around: Callable[[Any], Any] | None = None  # structure of the builtin's list; None: it returns a number
        self.alone: Callable[..., Any] | None = None  # the builtin, if it returns a number and f reads nothing else

    def call_directly(self, variant: Variant, alone: bool) -> None:
        """Call machine code as a builtin from the next call on, if the backend makes builtins; `alone` if f reads
        nothing besides its arguments.
        """
        if self.builtin is None and (make := getattr(variant.kernel, "builtin", None)) is not None:
            number = variant.results.shape is float
            self.around, self.builtin = None if number else written(variant.results), make(number)
            self.alone = self.builtin if alone and number else None


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
        static: str | Sequence[str],
        reduce: str | None,
        backend: str | None,
        contract: bool,
        threads: int,
        wait: bool,
        check_finite: bool,
    ) -> None:
        if not callable(f):
            raise TypeError(f"jit expects a function, got {f!r:.60}")
        if reduce not in (None, "sum", "mean"):
            raise ValueError(f'reduce must be "sum", "mean" or None, got {reduce!r}')
        if not (isinstance(threads, int) and threads > 0):
            raise ValueError(f"threads must be an integer of at least 1, got {threads!r}")
        self.f, self.reduce, self.check_finite = f, reduce, check_finite
        batch = (batch,) if isinstance(batch, str) else batch
        if not (isinstance(batch, (tuple, list)) and all(isinstance(name, str) for name in batch)):
            raise TypeError(f'batch takes names of arguments, such as "x" or ["x", "y"], got {batch!r:.60}')
        self.batch = tuple(batch)
        self.static = (static,) if isinstance(static, str) else tuple(static)
        if reduce and not self.batch:
            raise ValueError(f"reduce={reduce!r} needs a batch: name the batched arguments in batch=")
        self.backend = chosen(backend).name
        self._options = {"contract": contract, "threads": threads, "wait": wait}
        self._variants: dict[Any, Variants] = {}
        self._made = 0  # structures so far; serves as the clock of `Variants.used`
        self._quick = Shortcuts()  # new ones when the surroundings change
        self._reads = Surroundings(f, _watcher if self.backend == "llvm" else None)
        self._static_reads: dict[int, Surroundings] = {}  # of static arguments, which they keep alive, by id
        self._key: Key | None = None
        self.lock = threading.RLock()
        self._warned = False
        self._names, others, more = _parameters(f)
        self._batched = [name in self.batch for name in self._names]
        numpy = sys.modules.get("numpy")  # if it is not loaded, no argument is an array
        self._ndarray: Any = numpy and numpy.ndarray
        self._double: Any = numpy and numpy.dtype(float)
        for option, named in (("batch", self.batch), ("static", self.static)):
            if unknown := [name for name in named if not more and name not in (*self._names, *others)]:
                takes = ", ".join([*self._names, *others])
                raise ValueError(f"{option}={unknown[0]!r} is not an argument of {_name(f)}, which takes {takes}")
        if both := [name for name in self.static if name in self.batch]:
            raise ValueError(f"{both[0]} is named in both batch= and static=: a static argument is one for all samples")
        functools.update_wrapper(self, f, updated=())  # f may be a Jitted itself, whose attributes must not be copied

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        direct = self._quick.alone
        if direct is None or UNDER_WAY or kwargs or (y := direct(*args)) is NotImplemented:
            return self._called(args, kwargs)
        return y  # after some 100 ns: `_called` is a function of its own because a frame of many names costs 20

    def _called(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        within = UNDER_WAY and (is_differentiating() or is_recording())  # f may close over a differentiation target
        glance = None
        if not kwargs and not within and (not self._reads.checks or self._reads.unchanged()):
            quick = self._quick
            if (direct := quick.builtin) is not None and (y := direct(*args)) is not NotImplemented:
                return y if quick.around is None else quick.around(y)
            for names, call in quick.trees:
                if not names and (y := call(args)) is not NotImplemented:
                    return y
            if (glance := self._glance(args)) is not None and (planned := quick.planned.get(glance)) is not None:
                return planned(args)
        elif kwargs and not within and (not self._reads.checks or self._reads.unchanged()):
            named, given = (*kwargs,), (*args, *kwargs.values())
            for names, call in self._quick.trees:
                if names == named and (y := call(given)) is not NotImplemented:
                    return y
        on_operands = (
            within or holds_operands(args) or holds_operands(kwargs) or being_differentiated(self._moving(args, kwargs))
        )
        if on_operands and not self.batch:
            return self._uncompiled(args, kwargs)
        try:
            (outputs, results), tried, variants, quick = self._tried(Variants.run, args, kwargs)
        except Elsewhere:
            if self.batch:
                raise TypeError(_BATCHED.format(_name(self.f))) from None
            return self._uncompiled(args, kwargs)
        except Draws as error:
            if self.batch:
                raise
            if not self._warned:
                self._warned = True
                warnings.warn(f"{error}. Until then, it runs uncompiled", RuntimeWarning, stacklevel=3)
            return self._uncompiled(args, kwargs)
        if on_operands and self._hides(args, kwargs, variants):
            raise TypeError(_BATCHED.format(_name(self.f)))
        if self.check_finite and not _finite(outputs):
            from autograd_tiny.compiler.nonfinite import raise_where_it_began  # rarely needed, and 7 ms to import

            raise_where_it_began(self.f, tried, lambda part: _finite(variants.run(part)[0]))
        if not self.check_finite:
            if glance is not None and variants.known[0].guard is None:
                quick.planned[glance] = self._planned(variants.known[0], glance, quick)
            elif not on_operands:
                self._specialise(tried, (*args, *kwargs.values()), (*kwargs,), variants, quick)
        return results.around(self._mean(outputs, tried.size))

    def _uncompiled(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run f itself on Values or traced numbers: compiled code would hide the Values that f closes over."""
        number = constant if is_recording() else lambda x: +Value(x)  # no leaf: it is not a Value of the user

        def lifted(x: Any, path: str) -> Any:
            found = [y for _, y in leaves(x, path)]
            if all(isinstance(y, Operand) for y in found):
                return x  # a Module stays itself
            return rebuild(x, [y if isinstance(y, Operand) else number(y) for y in found])

        names = [*self._names, *[""] * len(args)]

        def called(static: Sequence[str]) -> Any:
            def as_given(name: str, x: Any, path: str) -> Any:
                return x if name in static or is_static(x) else lifted(x, path)

            return self.f(
                *[as_given(names[i], x, f"argument {i}") for i, x in enumerate(args)],
                **{name: as_given(name, x, name) for name, x in kwargs.items()},
            )

        try:
            returned = called(self.static)
        except TypeError as error:
            named = [*zip(self._names, args, strict=False), *kwargs.items()]
            integers = [name for name, x in named if isinstance(x, int) and not is_static(x)]
            lists = [name for name, x in named if isinstance(x, (list, tuple)) and _are_integers(x)]
            if not {*integers, *lists}.difference(self.static):
                raise
            try:  # they may be indices, or the length of a range
                returned = called([*self.static, *integers, *lists])
            except TypeError:
                raise error from None
            self.static = tuple(dict.fromkeys([*self.static, *integers]))
        numbers_of(returned, _name(self.f))
        asked = is_recording() or holds_operands(args) or holds_operands(kwargs)
        return returned if asked else settled(returned)

    def _hides(self, args: tuple[Any, ...], kwargs: dict[str, Any], variants: Variants) -> bool:
        """True if an enclosing derivative or trace depends on numbers that compiled code treats as constants."""
        moving = self._moving(args, kwargs)
        if being_differentiated(moving):  # such as the parameters of a Module
            return True
        if are_targets(v for variant in variants.known for v in variant.captured):
            return True
        values = (x for _, x in leaves(moving) if isinstance(x, Operand))
        return is_recording() and (any(True for _ in values) or any(variant.captured for variant in variants.known))

    def program(self, *args: Any, **kwargs: Any) -> Program:
        """Program that runs for these arguments; for a batch, the one of its first sample."""
        return self._tried(Variants.taken, args, kwargs)[0].program

    def wait(self) -> None:
        """Wait until everything called so far is compiled, as a benchmark should; `jit(f, wait=True)` does at a call.

        >>> f = jit(lambda x: x * x)
        >>> f(3.0), f.wait()
        (9.0, None)
        """
        for variants in list(self._variants.values()):
            variants.wait()

    def save(self, path: Any) -> Path:
        """Save the traces of the calls so far to a file of JSON, which `load` makes a function of; return its path.

        >>> import os, tempfile
        >>> f = jit(lambda x, y: x * x + y)
        >>> f(3.0, 1.0)
        10.0
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = f.save(os.path.join(folder, "f.json"))
        ...     load(path)(4.0, 1.0)
        17.0

        What f reads besides its arguments is saved as it is now. Raises ValueError before the first call, TypeError for
        a trace with an op or a container of your own, and OSError, naming the path.
        """
        with self.lock:
            now = self._reads.now()
            known = {structure: variants for (structure, key), variants in self._variants.items() if key == now}
        given = {"batch": self.batch, "static": self.static, "reduce": self.reduce, "check_finite": self.check_finite}
        options = {name: x for name, x in (given | self._options).items() if name in OPTIONS}  # `wait` is the reader's
        return write(path, _name(self.f), self.f, options, known)

    def _tried(
        self, run: Callable[[Variants, Arguments], Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, Arguments, Variants, Shortcuts]:
        """Run with the variants for these arguments, and again if an integer turns out to be static."""
        while True:
            with self.lock:
                given, variants = self._given(args, kwargs)
                quick = self._quick
            if variants.draws:
                raise Draws(_name(self.f), self.generators())
            try:
                return run(variants, given), given, variants, quick
            except Static as found:
                with self.lock:
                    self.static = tuple(dict.fromkeys([*self.static, *sorted(found.names)]))

    def _moving(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """Arguments that are not static."""
        names = [*self._names, *[""] * len(args)]
        named = [*zip(names, args, strict=False), *kwargs.items()]
        return [x for name, x in named if name not in self.static and not is_static(x)]

    def generators(self) -> list[Any]:
        """Generators of random numbers, and iterators, that f reaches."""
        return [*self._reads.generators, *(x for reads in self._static_reads.values() for x in reads.generators)]

    def settle(self) -> bool:
        """Stop watching what f itself changed while it was traced; return True if it changed anything."""
        before = self._key
        found = [reads.settle() for reads in (*self._static_reads.values(), self._reads)]
        if found[-1]:
            after = self._key = self._reads.now()
            self._quick = Shortcuts()
            self._variants = {(s, after if key == before else key): v for (s, key), v in self._variants.items()}
        return any(found)

    def keep(self, variants: Variants) -> None:
        """Keep the paths of one structure of arguments for other processes."""
        if not is_named(self._reads.names):
            for structure, found in list(self._variants.items()):
                if found is variants:
                    keep(variants, structure, self.batch, self.reduce)

    def _given(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Arguments, Variants]:
        extra = (f"argument {i}" for i in range(len(self._names), len(args)))
        if self.batch and (holds_operands(args) or holds_operands(kwargs)):
            raise TypeError(_BATCHED.format(_name(self.f)))
        if twice := [name for name in self._names[: len(args)] if name in kwargs]:
            raise TypeError(f"{_name(self.f)} got two values for {twice[0]}: pass it by position or by name, not both")
        named = dict(zip([*self._names, *extra], args, strict=False)) | kwargs
        given = Arguments(named, len(args), self.batch, self.static)
        with self.lock:
            if (key := self._reads.now()) is not self._key:
                self._key, self._quick = key, Shortcuts()
            structure: Any = given.structure
            if held := self._held_by(given.static):
                structure = structure, held
            variants = self._variants.get((structure, key))
            if variants is None and self._reads.also(structure):
                self._key, self._quick = self._reads.now(), Shortcuts()
                variants = self._variants.get((structure, self._key))
            if variants is None:
                variants = self._new((structure, self._key))
        variants.used = self._made
        return given, variants.fitting(given)

    def _held_by(self, static: dict[str, Any]) -> tuple[Key, ...]:
        """Contents of the static arguments that can change: functions, and objects with attributes."""
        keys = []
        for x in static.values():
            if hasattr(x, "__dict__") and not isinstance(x, (type, enum.Enum)):
                if len(self._static_reads) > STRUCTURES:
                    self._static_reads.clear()
                reads = self._static_reads.setdefault(id(x), Surroundings(x))
                keys.append(reads.now(self._reads.names))
        return tuple(keys)

    def _new(self, structure: Any) -> Variants:
        """Variants for a new structure; beyond the limit they replace the least recently used ones."""
        self._made += 1
        self._quick = Shortcuts()  # they do not update `used`: the next call of each takes the general path and does
        if len(self._variants) >= STRUCTURES:
            unused, _ = min(list(self._variants.items()), key=lambda item: item[1].used)
            self._variants.pop(unused, None)  # by another thread, perhaps
        if self._made == STRUCTURES + 1:
            message = (
                f"{_name(self.f)} was called with more than {STRUCTURES} structures of arguments, and each new one is "
                "traced and compiled, which takes longer than running f itself: pass arrays of a few shapes only, or "
                "name arguments of varying length in batch="
            )
            warnings.warn(message, StructureWarning, stacklevel=6)
        new = self._empty()
        if isinstance(self.f, Recorded):
            self.f.find(new, structure[0])
        else:
            find(new, structure, self.batch, self.reduce)
        return self._variants.setdefault(structure, new)  # another thread may have been first

    def _empty(self) -> Variants:
        """Variants for a structure that nothing is known about."""
        return Variants(self.f, bool(self.reduce), self.backend, self._options, self)

    def _glance(self, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Signature of arguments that are floats and arrays of floats; None if any argument is of another type."""
        if len(args) != len(self._batched) or self.static:
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

    def _planned(self, variant: Variant, glance: tuple[Any, ...], quick: Shortcuts) -> Callable[[tuple[Any, ...]], Any]:
        """Fast path of a branch-free function, for arguments with this signature."""
        kernel, around = variant.kernel, variant.results.around
        if variant.plain:

            def plain(args: tuple[Any, ...]) -> Any:
                quick.call_directly(variant, not self._reads.checks)
                return around(kernel(args))

            return plain
        axes = [len(g) if batched else None for g, batched in zip(glance, self._batched, strict=True)]
        fixed = [i for i, n in enumerate(axes) if n is None]
        alone = fixed[0] if len(fixed) == 1 and glance[fixed[0]] is not float and len(glance[fixed[0]]) == 1 else None
        whole = self._whole(variant, axes)

        def call(args: tuple[Any, ...]) -> Any:
            shared = args[alone] if alone is not None else joined([numbers(args[i]) for i in fixed])
            y = whole(variant.numbers(shared), args)
            if y is NotImplemented:
                self._given(args, {})  # raises the error
            return y

        if self.backend != "llvm":
            return call

        def second(args: tuple[Any, ...]) -> Any:
            """The second call: from the third on, machine code takes the numbers."""
            quick.planned[glance] = call
            with contextlib.suppress(NoLayout):
                self._shorten(variant, Layout(args, self._batched), args, {}, (), (), quick)
            return call(args)

        return second

    def _whole(self, variant: Variant, axes: list[int | None]) -> Callable[[Any, tuple[Any, ...]], Any]:
        """Call of a branch-free function, with its shared numbers and the arrays of the batch.

        The result is NotImplemented if the arrays of the batch are empty or differ in length.
        """
        kernel, around, mean = variant.kernel, self._around(variant), self._mean
        moving = [(i, n) for i, n in enumerate(axes) if n is not None]

        def call(shared: Any, args: tuple[Any, ...]) -> Any:
            if not moving:
                return around(kernel(shared))
            size = len(args[moving[0][0]])
            if not size or [True for i, _ in moving if len(args[i]) != size]:
                return NotImplemented
            tables = [args[i] if n == 1 else args[i].reshape(size, -1) for i, n in moving]
            return around(mean(kernel(shared, tables, size), size))

        return call

    def _around(self, variant: Variant) -> Callable[[Any], Any]:
        """Rebuild results, in machine code if the backend has some for their structure."""
        results = variant.results
        if self.backend != "llvm" or results.each:
            return results.around
        if results.model.__class__ is float:
            return results.around
        slow = results.around

        build: Callable[[Any], Any]

        def first(ys: Any) -> Any:
            """Make the machine code, at the second call: many functions are called once."""
            from autograd_tiny.compiler.backends.llvm.reader import builder

            nonlocal build
            build = builder(results.model) or slow
            return build(ys)

        build = first
        return lambda ys: slow(ys) if ys.__class__ is list or not ys.flags.c_contiguous else build(ys)

    def _specialise(
        self, tried: Arguments, args: tuple[Any, ...], names: tuple[str, ...], variants: Variants, quick: Shortcuts
    ) -> None:
        """Write code for arguments like these, with keywords last, at the second general call with their structure.

        Machine code reads the objects themselves; for what it refuses, such as an integer, a later call writes Python.
        """
        quick.calls[variants, names] += 1
        if (calls := quick.calls[variants, names]) not in (2, 4, 8, 16) or any(
            at is not None for at in variants.anchors.values()
        ):
            return
        variant, batched = variants.known[0], [name in self.batch for name in tried.named]
        has_paths = variant.guard is not None
        if has_paths and (tried.size is not None or variants.anchors):  # samples may take other paths
            return
        static = [i for i, name in enumerate(tried.named) if name in tried.static]
        if any(args[i].__class__ not in UNCHANGING and not isinstance(args[i], enum.Enum) for i in static):
            return  # what a function or an object reads may change
        try:
            table = {i: make for i, x in enumerate(args) if batched[i] and (make := tables(x)) is not None}
            plain = tuple([table[i](x) if i in table else x for i, x in enumerate(args)])
            layout = Layout(plain, batched, static)
        except (NoLayout, *FAILED):
            return
        machine, flat = self.backend == "llvm" and calls in (2, 8), None
        if machine and has_paths:
            from autograd_tiny.compiler.backends.llvm.reader import reader

            flat = reader(layout)
        elif machine and self._shorten(variant, layout, plain, table, names, variants.anchors, quick):
            return
        if flat is None:
            flat = flattener(layout, variants.anchors)
        if has_paths:
            whole = _along_paths(variants)
        else:
            whole = self._whole(variant, [plain[i].ndim - 1 if b else None for i, b in enumerate(batched)])

        def call(args: tuple[Any, ...]) -> Any:
            try:
                if table:
                    args = tuple([table[i](x) if i in table else x for i, x in enumerate(args)])
                shared = flat(args)
            except FAILED:
                return NotImplemented
            if shared is None:
                return NotImplemented
            return whole(shared if has_paths else variant.numbers(shared), args)

        quick.trees = [(names, call), *quick.trees[: FLATTENERS - 1]]

    def _shorten(
        self,
        variant: Variant,
        layout: Layout,
        args: tuple[Any, ...],
        table: dict[int, Callable[[Any], Any]],
        names: tuple[str, ...],
        apart: Collection[Value],
        quick: Shortcuts,
    ) -> bool:
        """Let machine code take the numbers of arguments of this layout; return True if it can."""
        from autograd_tiny.compiler.backends.llvm.reader import reader, runner

        read = reader(layout, variant.captured, apart)
        if read is None:
            return False
        run: Callable[[tuple[Any, ...]], Any] | None = None
        batched = [isinstance(part, Array) and part.is_batched for part in layout.whole.items]
        whole = self._whole(variant, [args[i].ndim - 1 if b else None for i, b in enumerate(batched)])
        around = self._around(variant)

        def call(args: tuple[Any, ...]) -> Any:
            nonlocal run
            if run is None and (direct := getattr(variant.kernel, "direct", None)) is not None:  # or not yet
                run = runner(layout, variant.captured, apart, direct, self.reduce == "mean")
            if table:
                try:
                    args = tuple([table[i](x) if i in table else x for i, x in enumerate(args)])
                except FAILED:
                    return NotImplemented
            if run is not None and (ys := run(args)) is not None:
                return around(ys)
            return NotImplemented if (shared := read(args)) is None else whole(shared, args)

        quick.trees = [(names, call), *quick.trees[: FLATTENERS - 1]]
        return True

    def _mean(self, outputs: Any, size: Any) -> Any:
        if self.reduce != "mean":
            return outputs
        if outputs.__class__ is list:
            return [y / size for y in outputs]
        outputs /= float(size)  # slightly faster than dividing by an int
        return outputs

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    @property
    def recipe(self) -> tuple[Any, tuple[Any, ...]]:
        """How to compile f again, or a copy of it: ``kind, args = recipe; kind(*args)``."""
        return Jitted, (self.f, *self._given_options())

    def __reduce__(self) -> Any:
        return _restored, (portable(self.f), *self._state())

    def __copy__(self) -> Jitted:
        return _restored(self.f, *self._state())

    def __deepcopy__(self, memo: dict[int, Any]) -> Jitted:
        f = copy.deepcopy(self.f, memo)
        memo[id(self)] = new = _restored(f, *self._state())
        return new

    def _state(self) -> tuple[Any, ...]:
        """Options, traces, and what tracing found out about f."""
        with self.lock:
            return self._given_options(), packed(self._variants), self._reads.written

    def _given_options(self) -> tuple[Any, ...]:
        return self.batch, self.static, self.reduce, self.backend, *self._options.values(), self.check_finite

    def __repr__(self) -> str:
        return f"<jit of {_name(self.f)} by {self.backend}>"


def _restored(f: Any, options: tuple[Any, ...], traces: list[bytes], written: set[str]) -> Jitted:
    """Copy of a compiled function, with its traces."""
    new = Jitted(arrived(f), *options)
    new._reads.written.update(written)
    new._variants = unpacked(traces, new._empty)
    return new


def _along_paths(variants: Variants) -> Callable[[Any, tuple[Any, ...]], Any]:
    """Call of a function with branches; NotImplemented if the path for its numbers is not known yet."""

    def call(shared: Any, args: tuple[Any, ...]) -> Any:
        for variant in variants.known:
            if variants.anchors:  # another thread may have traced a path that reads Values without the arguments
                return NotImplemented
            numbers = variant.numbers(shared)
            if variant.guard is None or [*variant.guard(numbers)] == [*variant.held]:
                return variant.results.around(variant.kernel(numbers))
        return NotImplemented

    return call


def _watcher(held: list[tuple[Any, ...]]) -> Callable[[], bool] | None:
    """Compare what a function reads in machine code."""
    from autograd_tiny.compiler.backends.llvm.reader import watcher

    return watcher(held)


def _are_integers(x: Any) -> bool:
    return all(map(_are_integers, x)) if isinstance(x, (list, tuple)) else isinstance(x, int)


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

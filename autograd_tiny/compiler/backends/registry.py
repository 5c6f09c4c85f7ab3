"""The backends there are: a table of ours, and those of other packages, found by their entry points."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pkgutil import resolve_name
from typing import Any

from autograd_tiny.compiler.backends.text import text
from autograd_tiny.compiler.lower import prepared
from autograd_tiny.engine.extras import missing
from autograd_tiny.transforms.program import Program

GROUP = "autograd_tiny.backends"  # of entry points
Kernel = Callable[..., Any]


@dataclass(frozen=True)
class Backend:
    """One that runs programs: its name in `jit(f, backend=name)`, and what is to be known before it is imported.

    >>> def build(program, *, contract=False, threads=1):
    ...     return lambda shared, batched=(), size=None: program.run(shared)
    >>> backend = Backend("mine", build)
    >>> backend.missing(), backend.kernel(Program(("x",), (), (0,)))([3.0])
    ([], [3.0])

    `build` gives `kernel(shared, batched, size)`: `shared` are the numbers that all samples share, `batched` one table
    of samples × numbers for each of `program.widths`, and the result is a row of numbers for each output, or of sums
    where `program.reduce` says so; without a batch it is called as `kernel(shared)` and gives one number for each
    output. A text, ``"package.module:function"``, is imported at its first use. `needs` are the packages it imports,
    `install` is what pip installs them by. Without `backend=` the lowest `order` that is installed is taken, None
    never. `source` writes a program as text, in the language of that name. `exact`: arithmetic is rounded as in Python.

    A package of yours adds one by an entry point of its name, in pyproject.toml:

        [project.entry-points."autograd_tiny.backends"]
        mine = "my_package:backend"
    """

    name: str
    build: Callable[..., Kernel] | str
    needs: tuple[str, ...] = ()
    install: str = ""
    order: int | None = None
    source: Callable[[Program], str] | None = None
    exact: bool = True

    def __post_init__(self) -> None:
        if not (callable(self.build) or (isinstance(self.build, str) and ":" in self.build)):
            raise TypeError(f'build is a function of a program, or "module:function", got {self.build!r:.60}')

    def kernel(self, program: Program, **options: Any) -> Kernel:
        """The program compiled; options are `contract` and `threads`."""
        build = self.build
        if isinstance(build, str):
            try:
                build = resolve_name(build)
            except Exception as error:  # somebody else's module, that may raise what it likes
                told = f"{type(error).__name__}: {error}"
                raise ImportError(f"the {self.name} backend's build, {build}, cannot be imported: {told}") from error
        made: Kernel = build(program, **options)
        return made

    def missing(self) -> list[str]:
        """The packages it needs that are not installed."""
        return [package for package in self.needs if importlib.util.find_spec(package) is None]


def _written(language: str) -> Callable[[Program], str]:
    return lambda program: text(prepared(program), language)


def _ours(name: str, *needs: str, **facts: Any) -> Backend:
    return Backend(name, f"{__package__}.to_{name}:build", needs, **facts)


OURS = {
    backend.name: backend
    for backend in (
        _ours("llvm", "llvmlite", "numpy", order=10),
        _ours("numpy", "numpy", order=20, source=_written("numpy")),
        _ours("python", order=30, source=_written("python")),
        _ours("c", "numpy", source=_written("c")),
        _ours("jax", "jax", "numpy", source=_written("jax"), exact=False),  # XLA contracts as it likes
    )
}


@cache
def _others() -> dict[str, list[importlib.metadata.EntryPoint]]:
    """The entry points of other packages by their names; nothing is imported."""
    found: dict[str, list[importlib.metadata.EntryPoint]] = {}
    for point in importlib.metadata.entry_points(group=GROUP):
        found.setdefault(point.name, []).append(point)
    return found


def names() -> list[str]:
    """What `backend=` takes: ours, and those of other packages."""
    return list(dict.fromkeys([*OURS, *_others()]))


def named(name: str) -> Backend:
    """The backend of that name.

    Raises ValueError where there is none, and ImportError where it is not what a backend is, cannot be imported, or
    shares its name with another.
    """
    if name not in names():
        raise ValueError(f"backend is one of {', '.join(names())}, got {name!r}")
    points = _others().get(name, [])
    homes = [*(["autograd_tiny"] if name in OURS else []), *map(_home, points)]
    if len(homes) > 1:
        raise ImportError(f"{len(homes)} backends are called {name!r}, by {' and '.join(homes)}: uninstall all but one")
    return OURS[name] if name in OURS else _loaded(points[0])


def _loaded(point: importlib.metadata.EntryPoint) -> Backend:
    try:
        backend = point.load()
    except Exception as error:  # somebody else's module, that may raise what it likes
        told = f"{type(error).__name__}: {error}"
        raise ImportError(f"the {point.name} backend, {_home(point)}, cannot be imported: {told}") from error
    if not isinstance(backend, Backend):
        raise ImportError(
            f"the {point.name} backend, {_home(point)}, is {backend!r:.60}: "
            f"it is to be Backend({point.name!r}, build) of autograd_tiny.compiler"
        )
    if backend.name != point.name:
        raise ImportError(f"the {point.name} backend, {_home(point)}, calls itself {backend.name!r}: use one name")
    return backend


def _home(point: importlib.metadata.EntryPoint) -> str:
    return f"{point.value} of {point.dist.name}" if point.dist else point.value


def chosen(name: str | None) -> Backend:
    """The backend of that name with all that it needs; of none, the first in order that has it.

    Raises what `named` does, and ImportError with the line for pip where a package is missing.
    """
    if name is None:
        return _first()
    backend = named(name)
    if lacking := backend.missing():
        raise missing(f"the {name} backend", lacking, backend.install)
    return backend


def _first() -> Backend:
    known = list(OURS.values())
    for name in _others():
        try:
            known.append(named(name))
        except ImportError as error:  # a package that is broken is no reason for a function to fail that never named it
            warnings.warn(f"{error}; it is left out", RuntimeWarning, stacklevel=5)
    ordered = sorted((b.order, i) for i, b in enumerate(known) if b.order is not None and not b.missing())
    return known[ordered[0][1]]


def source(program: Program, language: str) -> str:
    """The text of a function f of one sample, in "python", "numpy", "c" or "jax"; names from outside are comments.

    >>> from autograd_tiny.engine import ops
    >>> from autograd_tiny.transforms.program import Step
    >>> program = Program(("w", "x"), (Step(ops.mul, (0, 1)), Step(ops.relu, (2,))), (3,), widths=(1,))
    >>> print(source(program, "python"))
    # Made by autograd_tiny from a recorded program.
    import math
    <BLANKLINE>
    <BLANKLINE>
    def f(inputs):
        # 2 inputs in a row, 1 output in a list: floats.
        (
            x0,  # w
            x1,  # x
        ) = inputs
        v2 = x0 * x1
        v3 = 1.0 if v2 <= 0.0 else 0.0
        v4 = 0.0 if v3 else v2
        return [v4]
    <BLANKLINE>

    An op that a language lacks, such as one of your own, is a parameter: f(inputs, op0). Raises ValueError for another
    language.
    """
    write = named(language).source if language in names() else None
    if write is None:
        raise ValueError(f"source is written in one of {', '.join(languages())}, got {language!r}")
    return write(program)


def languages() -> list[str]:
    """The backends that write a program as text, without those of other packages that cannot be imported."""
    found = [name for name, backend in OURS.items() if backend.source]
    for name in _others():
        try:
            found += [name] if name not in OURS and named(name).source else []
        except ImportError:
            continue
    return found

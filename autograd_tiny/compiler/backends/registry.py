"""Table of backends: those of this package, and those of other packages, found by their entry points."""

from __future__ import annotations

import importlib.util
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.machinery import PathFinder
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from autograd_tiny.compiler.backends.text import text
from autograd_tiny.compiler.lower import prepared
from autograd_tiny.compiler.passes import optimized
from autograd_tiny.engine.extras import missing
from autograd_tiny.transforms.program import Program

if TYPE_CHECKING:
    import importlib.metadata

GROUP = "autograd_tiny.backends"  # of entry points
Kernel = Callable[..., Any]


@dataclass(frozen=True)
class Backend:
    """Backend of `jit(f, backend=name)`: a name, a function that compiles programs, and its requirements.

    >>> def build(program, *, contract=False, threads=1):
    ...     return lambda shared, batched=(), size=None: program.run(shared)
    >>> backend = Backend("mine", build)
    >>> backend.missing(), backend.kernel(Program(("x",), (), (0,)))([3.0])
    ([], [3.0])

    - `build(program, contract=…, threads=…)` returns `kernel(shared, batched, size)`. `shared` are the numbers shared
      by all samples; `batched` has one table of shape (size, width) for each of `program.widths`. The result has one
      row of `size` numbers per output, or one sum per output if `program.reduce` is "sum". Without a batch,
      `kernel(shared)` returns one number per output. A string, ``"package.module:function"``, is imported at its first
      use.
    - `needs` are the packages that it imports, `install` the arguments of pip that install them.
    - `order` ranks the choice without `backend=`: lowest first; None is never chosen.
    - `source` writes a program as text in the language called `name`.
    - `exact` is True if arithmetic is rounded as in Python.
    - `tiers` is True if `build` takes `wait` as well: with wait=False it may return a kernel that is slower at first,
      and has an attribute `wait`, a function that waits until it no longer is.

    Raises TypeError for a `build` of another type. A package adds a backend by an entry point in its pyproject.toml:

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
    tiers: bool = False

    def __post_init__(self) -> None:
        if not (callable(self.build) or (isinstance(self.build, str) and ":" in self.build)):
            raise TypeError(f'build must be a function of a program, or "module:function", got {self.build!r:.60}')

    def kernel(self, program: Program, **options: Any) -> Kernel:
        """Compile a program; options are `contract`, `threads` and `wait`."""
        build = self.build
        if not self.tiers:
            options.pop("wait", None)
        if isinstance(build, str):
            try:
                build = resolve_name(build)
            except Exception as error:  # a foreign module may raise anything
                reason = f"{type(error).__name__}: {error}"
                raise ImportError(f"the {self.name} backend's build, {build}, cannot be imported: {reason}") from error
        if OURS.get(self.name) is not self:  # ours optimize a program as they lower it
            program = optimized(program)
        made: Kernel = build(program, **options)
        return made

    def missing(self) -> list[str]:
        """Required packages that are not installed."""
        return [package for package in self.needs if importlib.util.find_spec(package) is None]


def _written(language: str) -> Callable[[Program], str]:
    return lambda program: text(prepared(program), language)


def _ours(name: str, *needs: str, **facts: Any) -> Backend:
    return Backend(name, f"{__package__}.to_{name}:build", needs, **facts)


OURS = {
    backend.name: backend
    for backend in (
        _ours("llvm", "llvmlite", "numpy", order=10, tiers=True),
        _ours("numpy", "numpy", order=20, source=_written("numpy")),
        _ours("python", order=30, source=_written("python")),
        _ours("c", "numpy", source=_written("c")),
        _ours("jax", "jax", "numpy", source=_written("jax"), exact=False),  # XLA contracts at will
    )
}


@cache
def _others() -> dict[str, list[importlib.metadata.EntryPoint]]:
    """Entry points of other packages by name, without importing them."""
    found: dict[str, list[importlib.metadata.EntryPoint]] = {}
    if "importlib.metadata" not in sys.modules and not _announced():
        return found  # 20 ms earlier
    import importlib.metadata

    for point in importlib.metadata.entry_points(group=GROUP):
        found.setdefault(point.name, []).append(point)
    return found


def _announced() -> bool:
    """Return True if the group is named by a package in a folder, or packages may be elsewhere, as in an archive."""
    for folder in sys.path:
        try:
            packages = [name for name in os.listdir(folder or ".") if name.endswith(("-info", ".egg"))]
        except FileNotFoundError:
            continue
        except OSError:
            return True
        for package in packages:
            path = os.path.join(folder, package, "entry_points.txt")
            if package.endswith(".egg"):
                return True
            if os.path.exists(path):
                with open(path, "rb") as file:
                    if GROUP.encode() in file.read():
                        return True
    return any(finder is not PathFinder and hasattr(finder, "find_distributions") for finder in sys.meta_path)


def names() -> list[str]:
    """Names of all backends: ours, then those of other packages."""
    return list(dict.fromkeys([*OURS, *_others()]))


def named(name: str) -> Backend:
    """Look up a backend by name.

    Raises ValueError for an unknown name, and ImportError for an entry point that cannot be imported, is not a
    `Backend`, or has a name that is taken.
    """
    if name not in names():
        raise ValueError(f"backend must be one of {', '.join(names())}, got {name!r}")
    points = _others().get(name, [])
    homes = [*(["autograd_tiny"] if name in OURS else []), *map(_home, points)]
    if len(homes) > 1:
        raise ImportError(
            f"{len(homes)} backends are called {name!r}, those of {' and '.join(homes)}: uninstall all but one"
        )
    return OURS[name] if name in OURS else _loaded(points[0])


def _loaded(point: importlib.metadata.EntryPoint) -> Backend:
    try:
        backend = point.load()
    except Exception as error:  # a foreign module may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise ImportError(f"the {point.name} backend, {_home(point)}, cannot be imported: {reason}") from error
    if not isinstance(backend, Backend):
        raise ImportError(
            f"the {point.name} backend, {_home(point)}, is {backend!r:.60}: "
            f"expected autograd_tiny.compiler.Backend({point.name!r}, build)"
        )
    if backend.name != point.name:
        raise ImportError(
            f"the {point.name} backend, {_home(point)}, has the name {backend.name!r}: use the same name for both"
        )
    return backend


def _home(point: importlib.metadata.EntryPoint) -> str:
    return f"{point.value} of {point.dist.name}" if point.dist else point.value


def chosen(name: str | None) -> Backend:
    """Backend of that name, or for None the first in order whose packages are installed.

    Raises the errors of `named`, and ImportError with the arguments of pip for missing packages.
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
        except ImportError as error:  # a broken package must not break a call that does not name it
            warnings.warn(f"{error}; it is ignored", RuntimeWarning, stacklevel=5)
    ordered = sorted((b.order, i) for i, b in enumerate(known) if b.order is not None and not b.missing())
    return known[ordered[0][1]]


def source(program: Program, language: str) -> str:
    """Source text of a program as a function f of one sample, in "python", "numpy", "c" or "jax".

    >>> from autograd_tiny.engine import ops
    >>> from autograd_tiny.transforms.program import Step
    >>> program = Program(("w", "x"), (Step(ops.mul, (0, 1)), Step(ops.relu, (2,))), (3,), widths=(1,))
    >>> print(source(program, "python"))
    # Generated by autograd_tiny from a traced program.
    import math
    <BLANKLINE>
    <BLANKLINE>
    def f(inputs):
        # Takes a list of 2 inputs, returns a list of 1 output: floats.
        (
            x0,  # w
            x1,  # x
        ) = inputs
        v2 = x0 * x1
        v3 = 1.0 if v2 <= 0.0 else 0.0
        v4 = 0.0 if v3 else v2
        return [v4]
    <BLANKLINE>

    Input names appear only in comments. An op that the language lacks, such as your own op, becomes a parameter:
    f(inputs, op0). Raises ValueError for an unknown language.
    """
    write = named(language).source if language in names() else None
    if write is None:
        raise ValueError(f"language must be one of {', '.join(languages())}, got {language!r}")
    return write(program)


def languages() -> list[str]:
    """Names of the backends that write source text; backends that cannot be imported are left out."""
    found = [name for name, backend in OURS.items() if backend.source]
    for name in _others():
        try:
            found += [name] if name not in OURS and named(name).source else []
        except ImportError:
            continue
    return found

"""Load a file of the user's as ``python train.py`` would, call its functions, and report its errors in one line."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import IO, Any

from autograd_tiny.cli.process import Ended, Refused
from autograd_tiny.engine.value import Value


class UserFile:
    """File of the user's; its module is loaded within `running()`."""

    def __init__(self, path: str) -> None:
        self.shown = path
        self.path = Path(path).parent.resolve() / Path(path).name
        root, names = self.path.parent, [] if self.path.name == "__init__.py" else [self.path.stem]
        while (root / "__init__.py").is_file() and root.name.isidentifier():
            root, names = root.parent, [root.name, *names]
        self.root, self.name = root, ".".join(names or [self.path.stem])
        self.module: Any = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Load the file, and run the user's code in this block; any error that it raises becomes a Refused.

        The file's folder comes first on sys.path, and sys.argv holds the file's name only. Output of the user's code
        goes to standard error, because standard output is for the answer.
        """
        if not os.path.isfile(self.path):
            raise Refused(f"{self.shown}: no such file")
        arguments, folders, printed = sys.argv, sys.path[:], _stream()
        sys.argv = [self.shown]
        sys.path[:0] = dict.fromkeys([str(self.root), str(self.path.parent)])
        try:
            with redirect_stdout(printed), redirect_stderr(printed):
                with self._own_imports():
                    self.module = self._loaded()
                yield
        except (Refused, Ended, KeyboardInterrupt):
            raise
        except BaseException as error:  # also sys.exit(): a check that did not run has not passed
            raise Refused(f"{self.shown}{self.line(error)}: {_said(error)}") from None
        finally:
            sys.argv, sys.path[:] = arguments, folders
            with suppress(AttributeError, OSError, ValueError):
                printed.flush()  # type: ignore[union-attr]

    @contextmanager
    def _own_imports(self) -> Iterator[None]:
        """Let a rich.py beside the file be what its `import rich` finds; restore the loaded rich afterwards."""
        shared = {name for name in sys.modules if "." not in name and self._shadowed(name)} - {
            "autograd_tiny",
            "__main__",
        }
        ours = _popped(shared)
        try:
            yield
        finally:
            _popped(shared)
            sys.modules.update(ours)

    def _shadowed(self, name: str) -> bool:
        """True if a module of this name is beside the file, but another one is loaded."""
        module = sys.modules[name]
        if getattr(getattr(module, "__spec__", None), "origin", None) in ("built-in", "frozen"):
            return False  # loaded before any file
        loaded = getattr(module, "__file__", None)
        found = [folder / f for folder in (self.root, self.path.parent) for f in (f"{name}/__init__.py", f"{name}.py")]
        return any(path.is_file() and str(path) != loaded for path in found)

    def _loaded(self) -> Any:
        """Execute the module, without its __main__ part; import a module of a package by its full name."""
        if self.root != self.path.parent:
            module = importlib.import_module(self.name)
            if not os.path.samefile(module.__file__ or os.devnull, self.path):
                raise Refused(f"{self.shown} and {module.__file__} are both called {self.name}: rename one of them")
            return module
        spec = importlib.util.spec_from_file_location(self.name, self.path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(self.name, module)  # the user's json.py must not replace a loaded json
        spec.loader.exec_module(module)
        return module

    def function(self, name: str) -> Any:
        """Look up a function of the file."""
        f = getattr(self.module, name, None)
        if not callable(f):
            items = list(vars(self.module).items())
            found = [n for n, item in items if inspect.isfunction(item) and item.__module__ == self.name]
            raise Refused(f"{self.shown} has no function {name}; it has {', '.join(found) or 'none'}")
        return f

    def returned(self, name: str, values: Mapping[str, float]) -> Value:
        """Call a function with Values of these numbers, and return the Value that it returns."""
        f = self.function(name)
        signature = inspect.signature(f)
        try:
            signature.bind(**values)
        except TypeError as error:
            raise Refused(f"{self.shown}:{name}{signature}: {error}; give numbers as name=value") from None
        y = f(**{argument: Value(x, argument) for argument, x in values.items()})
        if not isinstance(y, Value):
            raise Refused(f"{self.shown}:{name} returned {y!r:.60} of type {type(y).__name__}: expected a Value")
        return y

    def line(self, error: BaseException) -> str:
        """Format the last line of the file in a traceback as ``:12``; "" if there is none."""
        if isinstance(error, SyntaxError) and error.lineno and error.filename == str(self.path):
            return f":{error.lineno}"
        line, frame = "", error.__traceback__
        while frame is not None:
            if frame.tb_frame.f_code.co_filename == str(self.path):
                line = f":{frame.tb_lineno}"
            frame = frame.tb_next
        return line


def _popped(packages: set[str]) -> dict[str, Any]:
    names = [name for name in sys.modules if name.partition(".")[0] in packages]
    return {name: sys.modules.pop(name) for name in names}


def _said(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as another:  # raised by the user's own __str__
        text = f"its message raises {type(another).__name__}"
    if isinstance(error, SystemExit):
        return f"sys.exit({error.code!r}) ended the run: nothing was computed"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _stream() -> IO[str] | None:
    """Open standard error a second time, so that a message is printed even if the user's code closes it."""
    try:
        return open(sys.stderr.fileno(), "w", 1, sys.stderr.encoding, "replace", closefd=False)
    except (AttributeError, OSError):  # closed, or replaced by a test
        return sys.stderr

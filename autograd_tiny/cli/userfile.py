"""A function of the user's file: loaded and called as ``python train.py`` would, and whatever it does told in a line."""

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
    """A file of the user's; its module is there within `running()`."""

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
        """Load the file; until the end, code of the user's may run, and whatever it raises is a Refused.

        Its folder is the first to import from, its own name all of sys.argv, and what it prints goes to standard error:
        standard output is for the answer.
        """
        if not os.path.isfile(self.path):
            raise Refused(f"{self.shown}: there is no such file")
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
        except BaseException as error:  # sys.exit() too: a check that did not run has not passed
            raise Refused(f"{self.shown}{self.line(error)}: {_said(error)}") from None
        finally:
            sys.argv, sys.path[:] = arguments, folders
            with suppress(AttributeError, OSError, ValueError):
                printed.flush()  # type: ignore[union-attr]

    @contextmanager
    def _own_imports(self) -> Iterator[None]:
        """Within it a rich.py beside the file is the one its `import rich` finds; after it rich is ours again."""
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
        """Whether there is a module of this name beside the file, and another one is loaded."""
        module = sys.modules[name]
        if getattr(getattr(module, "__spec__", None), "origin", None) in (
            "built-in",
            "frozen",
        ):  # Python starts with them
            return False
        loaded = getattr(module, "__file__", None)
        found = [folder / f for folder in (self.root, self.path.parent) for f in (f"{name}/__init__.py", f"{name}.py")]
        return any(path.is_file() and str(path) != loaded for path in found)

    def _loaded(self) -> Any:
        """The module, run but for its __main__ part; of a package, imported as `python -m` does, by its full name."""
        if self.root != self.path.parent:
            module = importlib.import_module(self.name)
            if not os.path.samefile(module.__file__ or os.devnull, self.path):
                raise Refused(
                    f"{self.shown} is {self.name} of a package, and so is {module.__file__}: rename one of them"
                )
            return module
        spec = importlib.util.spec_from_file_location(self.name, self.path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(self.name, module)  # a json.py of the user's is not the json of the rest
        spec.loader.exec_module(module)
        return module

    def function(self, name: str) -> Any:
        f = getattr(self.module, name, None)
        if not callable(f):
            items = list(vars(self.module).items())
            found = [n for n, item in items if inspect.isfunction(item) and item.__module__ == self.name]
            raise Refused(f"{self.shown} has no function {name}; it has {', '.join(found) or 'none'}")
        return f

    def returned(self, name: str, values: Mapping[str, float]) -> Value:
        """The Value that a function returns, given numbers for its arguments."""
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
        """``:12``, the last line of the file that an error passed through, "" where it passed through none."""
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
    except Exception as another:  # the user's own __str__
        text = f"its text cannot be told ({type(another).__name__})"
    if isinstance(error, SystemExit):
        return f"sys.exit({error.code!r}) ended it, and nothing was computed"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _stream() -> IO[str] | None:
    """Standard error once more: the user's code may close it, and the line that says so is still printed."""
    try:
        return open(sys.stderr.fileno(), "w", 1, sys.stderr.encoding, "replace", closefd=False)
    except (AttributeError, OSError):  # there is none, or it is a test's
        return sys.stderr

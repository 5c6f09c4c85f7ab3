"""Optional packages: errors that name the missing package and how to install it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

EXTRAS = {
    "hypothesis": "check", "mpmath": "check", "numpy": "compile", "llvmlite": "compile", "pillow": "frames",
    "matplotlib": "plot", "safetensors": "train", "scikit-learn": "sklearn",
}  # fmt: skip
INSTALLED_AS = {"PIL": "pillow", "sklearn": "scikit-learn"}  # import name: distribution name


@contextmanager
def needed_by(what: str) -> Iterator[None]:
    """Import packages needed by `what` in this block; the ImportError of a missing one says how to install it.

    >>> with needed_by("this example"):
    ...     import a_package_nobody_has
    Traceback (most recent call last):
    ImportError: this example needs a_package_nobody_has: pip install a_package_nobody_has
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "autograd_tiny"):
            raise
        raise missing(what, [INSTALLED_AS.get(package, package)]) from None


def missing(what: str, packages: Sequence[str], install: str = "") -> ImportError:
    """Return the error that names the packages `what` needs and the pip command that installs them.

    >>> print(missing("the llvm backend", ["llvmlite", "numpy"]))
    the llvm backend needs llvmlite and numpy: pip install 'autograd-tiny[compile]'
    """
    lines = dict.fromkeys(f"'autograd-tiny[{EXTRAS[name]}]'" if name in EXTRAS else name for name in packages)
    install = install or " ".join(lines)
    return ImportError(f"{what} needs {' and '.join(packages)}: pip install {install}", name=packages[0])

"""Lazy imports of the public names of a package (PEP 562)."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from autograd_tiny.engine.extras import needed_by

_IMPORT_FROM = dis.opmap["IMPORT_FROM"]


def lazy(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Make `__getattr__`, `__dir__` and `__all__` of a package whose public names live in other modules.

    `homes` maps the relative name of a module to its public names; "." lists public modules. An unknown name raises
    AttributeError, or ImportError in `from package import name`, and the message suggests similar names.
    """
    where = {name: module for module, names in homes.items() for name in names.split()}

    def __getattr__(name: str) -> Any:
        if name not in where:
            raise _unknown(package, name, list(where))
        module = where[name]
        with needed_by(f"{package}.{name}"):
            found = (
                import_module(f".{name}", package) if module == "." else getattr(import_module(module, package), name)
            )
        setattr(sys.modules[package], name, found)  # the next look-up bypasses this function
        return found

    public = sorted(where)
    return __getattr__, lambda: [*public], public


def _unknown(package: str, name: str, public: list[str]) -> Exception:
    near = get_close_matches(name, public)
    told = f"{package} has no {name!r}" + (f": did you mean {' or '.join(map(repr, near))}?" if near else "")
    asking = sys._getframe(2)
    if asking.f_code.co_code[asking.f_lasti] == _IMPORT_FROM:  # Python replaces the text of an AttributeError here
        return ImportError(told, name=package)
    return AttributeError(told, name=name, obj=sys.modules[package])

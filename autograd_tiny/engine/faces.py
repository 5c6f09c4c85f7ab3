"""Registry of functions from upper folders, called by name from methods of the engine.

The package's `__init__` fills it, so that it is complete whichever part of the package is imported first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

FACES: dict[str, Callable[..., Any]] = {}

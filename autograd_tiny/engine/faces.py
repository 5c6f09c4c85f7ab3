"""How a number, a trace or a program shows itself: what lies above registers it here, methods call it by name.

The package's `__init__` fills the table, so that it is full whatever part of the package is imported first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

FACES: dict[str, Callable[..., Any]] = {}

"""NumPy's maximum, minimum, clip, sign and sort of arrays of traced numbers: selections, not branches.

NumPy compares the objects of an array one by one, and n of them would take 2ⁿ paths.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Any

from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Op
from autograd_tiny.engine.operand import Operand
from autograd_tiny.transforms.tracer import is_recording

Choose = Callable[[Op, Any, Any], Any]  # whether the second wins, and both: the one that is chosen
UFUNCS = {"maximum": ops.greater_equal, "minimum": ops.less_equal, "fmax": ops.greater_equal, "fmin": ops.less_equal}


class Selecting:
    """Stand-in for a ufunc while a trace is under way: the ufunc itself, except for arrays of objects."""

    def __init__(self, plain: Any, traced: Any) -> None:
        self.plain, self.traced = plain, traced

    def __call__(self, *xs: Any, **options: Any) -> Any:
        return (self.traced if _hold_traced(xs) else self.plain)(*xs, **options)

    def reduce(self, x: Any, *args: Any, **options: Any) -> Any:
        return (self.traced if _hold_traced((x,)) else self.plain).reduce(x, *args, **options)

    def accumulate(self, x: Any, *args: Any, **options: Any) -> Any:
        return (self.traced if _hold_traced((x,)) else self.plain).accumulate(x, *args, **options)

    def outer(self, *xs: Any, **options: Any) -> Any:
        return (self.traced if _hold_traced(xs) else self.plain).outer(*xs, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)


def _hold_traced(xs: Any) -> bool:
    import numpy as np

    return is_recording() and any(isinstance(x, Operand) or np.asarray(x).dtype == object for x in xs)


@cache
def replacements(choose: Choose, in_order: Callable[[Any], Any]) -> tuple[tuple[Any, str, Any, Any], ...]:
    """List what is replaced while a trace is under way: the module, the name, NumPy's own and ours."""
    import numpy as np

    ours: dict[str, Any] = {}
    for name, wins in UFUNCS.items():
        ufunc = np.frompyfunc(lambda a, b, wins=wins: choose(wins, b, a), 2, 1, identity=None)
        ours[name] = Selecting(getattr(np, name), ufunc)
    ours["sign"] = Selecting(np.sign, np.frompyfunc(ops.sign, 1, 1))
    clip = np.frompyfunc(lambda x, low, high: choose(ops.less_equal, high, choose(ops.greater_equal, low, x)), 3, 1)
    found: list[tuple[Any, str, Any, Any]] = [(np, name, getattr(np, name), ours[name]) for name in ours]
    found.append((np, "sort", np.sort, _sorting(np.sort, in_order)))
    inner = [(f"numpy.{core}.{module}", module) for core in ("_core", "core") for module in ("umath", "_methods")]
    for path, kind in inner:
        module: Any = sys.modules.get(path)
        if module is None or (path.startswith("numpy.core") and "numpy._core" in sys.modules):
            continue
        if kind == "umath":
            found += [(module, name, getattr(module, name), ours[name]) for name in ("maximum", "minimum")]
            found.append((module, "clip", module.clip, Selecting(module.clip, clip)))
        else:
            found += [
                (module, f"umr_{name}", getattr(module, f"umr_{name}"), ours[name].reduce)
                for name in ("maximum", "minimum")
            ]
    return tuple(found)


def _sorting(plain: Any, in_order: Callable[[Any], Any]) -> Any:
    def sort(a: Any, axis: int = -1, *args: Any, **options: Any) -> Any:
        import numpy as np

        if args or options or axis != -1 or np.ndim(a) != 1 or not _hold_traced((a,)):
            return plain(a, axis, *args, **options)
        found = np.empty(len(a), object)
        found[:] = in_order(list(a))
        return found

    return sort

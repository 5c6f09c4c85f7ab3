"""Run a program in two tiers: interpreted at once, compiled as soon as the code is built in the background."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from autograd_tiny.compiler.backends.background import awake, later

Kernel = Callable[..., Any]
MANY = 1 << 18  # samples: interpreting more of them takes about as long as compiling, for a program of any size


class CompilationWarning(RuntimeWarning):
    """Warning: a program cannot be compiled, and stays interpreted."""


def tiered(first: Kernel, build: Callable[[], Kernel], steps: int) -> Kernel:
    """Kernel that is `first` until build() has returned another one, in the background.

    Its attribute `wait`, a function, waits for that. If `build` fails, a warning says so and `first` stays.
    """

    def kernel(*given: Any) -> Any:
        return now[0](*given)

    def at_first(*given: Any) -> Any:
        if len(given) > 2 and given[2] and given[2] >= MANY:
            task.wait()
        if not task.finished:
            awake()
            return first(*given)
        settle()
        return now[0](*given)

    def settle() -> None:
        if now[0] is not at_first:
            return  # another thread was first
        if task.error:
            now[0] = first
            reason = f"{type(task.error).__name__}: {task.error}"
            message = f"a program of {steps:,} steps stays interpreted, because it cannot be compiled: {reason}"
            warnings.warn(message, CompilationWarning, stacklevel=4)
        else:
            now[0] = task.result
            vars(kernel).update(vars(task.result))  # such as `builtin`
        vars(kernel).pop("wait", None)  # frees `first`

    def wait() -> None:
        task.wait()
        if task.finished:  # or else the process ends
            settle()

    now: list[Kernel] = [at_first]
    kernel.wait = wait  # type: ignore[attr-defined]
    task = later(build, steps, kernel)
    return kernel

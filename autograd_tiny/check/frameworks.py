"""Custom derivative rules of other frameworks: HIPS `primitive`, JAX `custom_vjp`, `torch.autograd.Function`."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple

from autograd_tiny.check.exact import NotExact
from autograd_tiny.engine.op import Op, Variadic

Function = Callable[..., Any]


class Foreign(NamedTuple):
    """Parts of a function with a custom rule; all but `plain` map floats to floats, in double precision."""

    plain: Function  # the function without its rule, to be run in mpmath
    call: Function  # the function on floats
    gradient: Function  # by the custom rule, one number per argument
    pulled: Callable[[float], Function]  # by the custom rule, from another cotangent than 1
    without_rule: Function  # the framework's gradient of `plain`; raises NotExact if it has none
    names: tuple[str, ...]  # of the arguments


def framework(f: Any) -> Foreign | None:
    """Split f into its parts; None if it belongs to none of the three frameworks."""
    kind = type(f).__module__.partition(".")[0]
    inner = getattr(f, "__wrapped__", None)
    if kind.startswith("jax") and hasattr(inner, "fun"):  # jit(f)
        return framework(inner)
    if inspect.isclass(owner := getattr(f, "__self__", None)) and getattr(f, "__name__", "") == "apply":
        return framework(owner)  # F.apply of torch
    if getattr(f, "_is_autograd_primitive", False):
        return _hips(f)
    if kind == "jax" and hasattr(f, "fun"):
        return _jax(f)
    if inspect.isclass(f) and any(base.__module__ == "torch.autograd.function" for base in f.__mro__):
        return _torch(f)
    return None


def calls_a_framework(error: BaseException) -> str:
    """Name of the framework whose code raised an error; "" if none did."""
    frame, found = error.__traceback__, ""
    while frame is not None:
        name = frame.tb_frame.f_globals.get("__name__", "").partition(".")[0]
        found = name if name in ("jax", "torch", "autograd", "tensorflow") else found
        frame = frame.tb_next
    if not found and "jax" in sys.modules and "autograd_tiny." in str(error):  # jax takes its frames out of tracebacks
        return "jax"
    return found


def _hips(f: Any) -> Foreign:
    grad = importlib.import_module("autograd").grad

    def gradient(of: Function) -> Function:
        return lambda *xs: [grad(of, i)(*xs) for i in range(len(xs))]

    def pulled(g: float) -> Function:
        return gradient(lambda *xs: g * f(*xs))

    call = lambda *xs: float(f.fun(*xs))  # noqa: E731 - as short as the others
    return Foreign(f.fun, call, gradient(f), pulled, _or_not(gradient(f.fun)), arguments(f.fun))


def _jax(f: Any) -> Foreign:
    jax = importlib.import_module("jax")

    @contextmanager
    def double() -> Any:
        before = jax.config.jax_enable_x64
        jax.config.update("jax_enable_x64", True)
        try:
            yield
        finally:
            jax.config.update("jax_enable_x64", before)

    def gradient(of: Function) -> Function:
        def run(*xs: float) -> list[float]:
            with double():
                return [float(d) for d in jax.grad(of, argnums=tuple(range(len(xs))))(*xs)]

        return run

    def call(*xs: float) -> float:
        with double():
            return float(f(*xs))

    def pulled(g: float) -> Function:
        return gradient(lambda *xs: g * f(*xs))

    return Foreign(f.fun, call, gradient(f), pulled, _or_not(gradient(f.fun)), arguments(f.fun))


def _torch(f: Any) -> Foreign:
    torch = importlib.import_module("torch")
    takes_context = f.setup_context is torch.autograd.Function.setup_context
    forward, first = f.forward, (_context(),) if takes_context else ()

    def plain(*xs: Any) -> Any:
        return forward(*first, *xs)

    def tensors(xs: Sequence[float], requires_grad: bool = True) -> list[Any]:
        return [torch.tensor(x, dtype=torch.float64, requires_grad=requires_grad) for x in xs]

    def gradient(of: Function) -> Function:
        def run(*xs: float) -> list[float]:
            leaves = tensors(xs)
            y = of(*leaves)
            if not y.requires_grad:
                raise NotExact("the result of forward does not depend on its arguments: the graph is cut")
            found = torch.autograd.grad(y, leaves, allow_unused=True)
            return [0.0 if d is None else float(d) for d in found]

        return run

    def call(*xs: float) -> float:
        return float(f.apply(*tensors(xs, False)))

    def pulled(g: float) -> Function:
        return gradient(lambda *xs: g * f.apply(*xs))

    names = arguments(forward)[1 if takes_context else 0 :]
    return Foreign(plain, call, gradient(f.apply), pulled, _or_not(gradient(plain)), names)


def _context() -> Any:
    """Stand-in for the context that torch passes to `forward`."""
    nothing = lambda *args: None  # noqa: E731 - used four times
    return SimpleNamespace(
        save_for_backward=nothing, mark_dirty=nothing, mark_non_differentiable=nothing, set_materialize_grads=nothing
    )


def _or_not(gradient: Function) -> Function:
    def run(*xs: float) -> Any:
        try:
            return gradient(*xs)
        except Exception as error:  # a framework that cannot differentiate may raise anything
            raise NotExact(str(error).split("\n", 1)[0]) from None

    return run


def arguments(f: Function) -> tuple[str, ...]:
    """Names of the required positional arguments of f; () if it has no signature."""
    if isinstance(f, Op):
        return _operands(f)
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return ()
    return tuple(
        p.name for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    )


def _operands(op: Op) -> tuple[str, ...]:
    """Names of the operands of an op that have no default; two of one that takes any number."""
    n = (2 if isinstance(op.partials, Variadic) else len(op.partials)) - len(op.defaults)
    given = arguments(op.forward)
    return given[:n] if len(given) >= n else ("x",) if n == 1 else tuple("abcdefgh"[:n])

"""Optimizers with PyTorch's names: a rule with its hyper-parameters, applied to Values or to arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial
from inspect import isfunction
from typing import Any

from autograd_tiny.compiler import jit
from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.op import real
from autograd_tiny.engine.special import in_a_line
from autograd_tiny.engine.spelling import Interval
from autograd_tiny.engine.tree import is_array
from autograd_tiny.optim import rules
from autograd_tiny.optim.parameters import Named, gradients_of, parameters_in
from autograd_tiny.optim.rules import NON_NEGATIVE, POSITIVE, Rule

Rate = float | Callable[[int], float]  # of the step, 0 at the first


class Optimizer:
    """A rule of the table with its hyper-parameters, applied to parameters; `SGD`, `Adam` and the others make one.

    >>> from autograd_tiny import Value
    >>> x = Value(1.0, "x")
    >>> optimizer = Adam([x], lr=0.1)
    >>> for _ in range(100):
    ...     optimizer.zero_grad()
    ...     loss = (x - 3.0) ** 2
    ...     loss.backward()
    ...     optimizer.step()
    >>> optimizer, round(x.data, 1)
    (adam(lr=0.1, beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0.0) of 1 parameter after 100 steps, 3.0)

    The parameters are a Module, or Values in a list, a dict or any nested container. `lr` is a float, or a function of
    the number of steps before; it may be set between steps. Without parameters, as in Adam(0.01) or Adam(rate), `init`
    and `update` work on arrays. Raises TypeError or ValueError, naming what is wrong, for parameters that are not
    leaves and for hyper-parameters out of their range.
    """

    def __init__(self, rule: Rule, parameters: Any = None, lr: Rate | None = None, **hyper: Any) -> None:
        if not isinstance(rule, Rule):
            raise TypeError(f"Optimizer takes a Rule, such as rules.TABLE['adam'], got {in_a_line(rule)}")
        if unknown := [name for name in hyper if name not in rule.hyper]:
            raise TypeError(f"{rule.name} has no {unknown[0]!r}: it takes {', '.join(['lr', *rule.hyper])}")
        self.rule = rule
        if isinstance(parameters, (float, partial)) or isfunction(parameters):  # Adam(0.01): a learning rate alone
            if lr not in (None, rule.lr):
                raise TypeError(f"{rule.name} got two learning rates, {parameters!r} and {lr!r}, and no parameters")
            parameters, lr = None, parameters
        lr = rule.lr if lr is None else lr
        self.lr: Rate = lr if callable(lr) else _in_range(rule, "lr", lr, POSITIVE)
        self.hyper = {
            name: _in_range(rule, name, hyper.get(name, default), interval)
            for name, (default, interval) in rule.hyper.items()
        }
        self.parameters = None if parameters is None else parameters_in(parameters, rule.name)
        self.slots = [[first] * len(self.parameters or ()) for first in rule.slots.values()]
        self.steps = 0

    def step(self) -> None:
        """Move each parameter by its gradient; one whose gradient is None stays, as in PyTorch.

        Raises ValueError, naming the parameter, for a gradient that is nan or infinite; then no parameter has moved.
        """
        found = gradients_of(self._bound("step"))
        formula, lr, hyper = self.rule.formula, self.rate(self.steps), [*self.hyper.values()]
        for i, x, g in found:
            x.data, *new = formula(real(x.data), g, *[slot[i] for slot in self.slots], self.steps, lr, *hyper)
            for slot, number in zip(self.slots, new, strict=True):
                slot[i] = number
        self.steps += 1

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0, because `backward()` accumulates."""
        for _, x in self._bound("zero_grad"):
            x.grad = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs to go on, as floats, lists and dicts: `json` can write it.

        A learning rate that is a function is None in it: the function of the optimizer that loads it is kept.
        """
        return {
            "rule": self.rule.name,
            "lr": None if callable(self.lr) else self.lr,
            "hyper": dict(self.hyper),
            "steps": self.steps,
            "slots": {name: list(slot) for name, slot in zip(self.rule.slots, self.slots, strict=True)},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state that `state_dict` returned, with its learning rate and hyper-parameters.

        Raises ValueError if it is of another rule or of another number of parameters, or not whole; then nothing
        has changed.
        """
        rule, n = self.rule, len(self._bound("load_state_dict"))
        keys = ("rule", "lr", "hyper", "steps", "slots")
        if not isinstance(state, dict) or (lacking := [key for key in keys if key not in state]):
            lack = f"a dict without {lacking[0]!r}" if isinstance(state, dict) else in_a_line(state)
            raise ValueError(f"{rule.name}.load_state_dict takes what state_dict returned, got {lack}")
        if state["rule"] != rule.name:
            raise ValueError(f"the state is of {state['rule']!r:.60}, and this optimizer is {rule.name}")
        slots, hyper, steps = state["slots"], state["hyper"], state["steps"]
        for had, kept, what in ((slots, rule.slots, "slots"), (hyper, rule.hyper, "hyper-parameters")):
            if not isinstance(had, dict) or set(had) != set(kept):
                raise ValueError(f"{rule.name} has the {what} {', '.join(kept) or 'none'}, the state {in_a_line(had)}")
        if steps.__class__ is not int or steps < 0:
            raise ValueError(f"the state has steps={steps!r:.60}: they are an integer of at least 0")
        found = [_slot(name, slots[name], n) for name in rule.slots]
        again = Optimizer(rule, None, state["lr"] if state["lr"] is not None else self.lr, **hyper)
        self.lr, self.hyper, self.steps, self.slots = again.lr, again.hyper, steps, found

    def init(self, n: int) -> list[Any]:
        """Make the slots of n parameters: arrays with NumPy, lists without.

        >>> [slot.tolist() for slot in Adam().init(2)]
        [[0.0, 0.0], [0.0, 0.0]]
        """
        try:
            import numpy as np
        except ModuleNotFoundError:
            return [[first] * n for first in self.rule.slots.values()]
        return [np.full(n, first) for first in self.rule.slots.values()]

    def update(self, parameters: Any, gradients: Any, slots: list[Any], step: int) -> None:
        """Move an array of parameters by an array of gradients, in place, and its slots with it.

        >>> import numpy as np
        >>> optimizer, w = SGD(lr=0.1, momentum=0.9), np.array([1.0, 2.0])
        >>> slots = optimizer.init(2)
        >>> for step in range(2):
        ...     optimizer.update(w, np.array([1.0, -1.0]), slots, step)
        >>> w.round(2), slots[0].round(2)
        (array([0.71, 2.29]), array([ 1.9, -1.9]))

        `step` counts from 0. Arrays run compiled, lists of floats the rule itself: the numbers are the same, bit for
        bit, as those of `step()`. Gradients are not searched for nan. Raises ValueError unless all have one axis of
        the same length.
        """
        if not step >= 0:
            raise ValueError(f"{self.rule.name}.update counts steps from 0, got {step!r:.60}")
        numbers = [parameters, gradients, *slots]
        if is_array(parameters):
            self._check_arrays(numbers)
            new = self.moved(parameters, gradients, slots, step)
        else:
            self._check_shapes([(len(x),) for x in numbers])
            rest = float(step), self.rate(step), *self.hyper.values()
            new = zip(*[self.rule.formula(*row, *rest) for row in zip(*numbers, strict=True)], strict=True)
        for old, found in zip((parameters, *slots), new, strict=True):
            old[:] = found

    def moved(self, parameters: Any, gradients: Any, slots: list[Any], step: int) -> Any:
        """Return the arrays that `update` would write, the parameters first, and change none; they are not checked.

        >>> import numpy as np
        >>> optimizer = SGD(lr=0.1, momentum=0.9)
        >>> optimizer.moved(np.array([1.0]), np.array([2.0]), optimizer.init(1), 0)
        (array([0.8]), array([2.]))
        """
        rest = float(step), self.rate(step), *self.hyper.values()
        return _compiled(self.rule.formula, (*self.rule.slots,))(parameters, gradients, *slots, *rest)

    def _check_arrays(self, numbers: list[Any]) -> None:
        self._check_shapes([getattr(x, "shape", None) or (len(x),) for x in numbers])
        for name, x in zip(self._names(), numbers, strict=True):
            if (kind := getattr(x, "dtype", type(x).__name__)) != "float64":
                raise ValueError(f"{self.rule.name}.update computes in float64, and {name} is of {kind}")
            if name != "gradients" and not x.flags.writeable:
                raise ValueError(f"{self.rule.name}.update writes to {name}, and this one is read-only")

    def _check_shapes(self, shapes: list[tuple[int, ...]]) -> None:
        first, names = shapes[0], self._names()
        if len(shapes) != len(names) or first == (0,) or len(first) != 1 or any(shape != first for shape in shapes):
            got = ", ".join(f"{name} {shape}" for name, shape in zip(names, shapes, strict=False))
            raise ValueError(f"{self.rule.name}.update takes one axis of one length, and slots of init(n), got {got}")

    def _names(self) -> list[str]:
        return ["parameters", "gradients", *self.rule.slots]

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0.

        Raises ValueError if a function returns a negative number, nan or infinity, or if `lr` was set to one or to 0.
        """
        if callable(self.lr):
            return _in_range(self.rule, f"lr({step})", self.lr(step), NON_NEGATIVE)
        return _in_range(self.rule, "lr", self.lr, POSITIVE)

    def _bound(self, what: str) -> Named:
        if self.parameters is None:
            name = self.rule.name
            raise TypeError(
                f"{name}.{what} needs parameters: pass model.parameters() first; arrays have init and update"
            )
        return self.parameters

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={x!r}" for name, x in {"lr": self.lr, **self.hyper}.items())
        bound = "" if self.parameters is None else f" of {counted(len(self.parameters), 'parameter')}"
        after = f" after {counted(self.steps, 'step')}" if self.steps else ""
        return f"{self.rule.name}({options}){bound}{after}"


@lru_cache
def _compiled(formula: Callable[..., Any], slots: tuple[str, ...]) -> Any:
    return jit(formula, batch=("p", "g", *slots))


def _slot(name: str, numbers: Any, n: int) -> list[float]:
    """Read a slot of a state; raise ValueError unless it is a list of n finite numbers."""
    what = f"slot {name} of the state"
    if not isinstance(numbers, list):
        raise ValueError(f"{what} is {in_a_line(numbers)}, not a list")
    if len(numbers) != n:
        raise ValueError(f"{what} has {counted(len(numbers), 'number')}, this optimizer {counted(n, 'parameter')}")
    try:
        found = [*map(real, numbers)]
    except TypeError as error:
        raise ValueError(f"{what}: {error}") from None
    if unfinite := [x for x in found if not math.isfinite(x)]:
        raise ValueError(f"{what} holds {unfinite[0]}")
    return found


def _in_range(rule: Rule, name: str, x: Any, interval: Interval) -> float:
    try:
        number = real(x)
    except TypeError as error:
        raise TypeError(f"{rule.name}: {name}: {error}") from None
    if not interval.has(number):
        raise ValueError(f"{rule.name}: {name} lies in {interval}, got {x!r}")
    return number


def SGD(
    parameters: Any = None,
    lr: Rate = 1e-3,
    momentum: float = 0.0,
    *,
    weight_decay: float = 0.0,
    nesterov: bool = False,
) -> Optimizer:
    """Make an optimizer of `rules.sgd`, with momentum of `rules.momentum` or, if asked, of `rules.nesterov`.

    >>> SGD(lr=0.1), SGD(lr=0.1, momentum=0.9, nesterov=True)
    (sgd(lr=0.1, weight_decay=0.0), nesterov(lr=0.1, momentum=0.9, weight_decay=0.0))
    """
    if nesterov and not momentum:
        raise ValueError("nesterov needs a momentum, such as momentum=0.9")
    if not momentum:
        return Optimizer(rules.TABLE["sgd"], parameters, lr, weight_decay=weight_decay)
    rule = rules.TABLE["nesterov" if nesterov else "momentum"]
    return Optimizer(rule, parameters, lr, momentum=momentum, weight_decay=weight_decay)


def Adam(
    parameters: Any = None,
    lr: Rate = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> Optimizer:
    """Make an optimizer of `rules.adam`.

    >>> Adam(lr=0.01)
    adam(lr=0.01, beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0.0)
    """
    return Optimizer(rules.TABLE["adam"], parameters, lr, **_betas(betas), eps=eps, weight_decay=weight_decay)


def AdamW(
    parameters: Any = None,
    lr: Rate = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Optimizer:
    """Make an optimizer of `rules.adamw`, whose weight decay is decoupled.

    >>> AdamW(lr=0.01)
    adamw(lr=0.01, beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0.01)
    """
    return Optimizer(rules.TABLE["adamw"], parameters, lr, **_betas(betas), eps=eps, weight_decay=weight_decay)


def RMSprop(
    parameters: Any = None, lr: Rate = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0.0
) -> Optimizer:
    """Make an optimizer of `rules.rmsprop`.

    >>> RMSprop(lr=0.1)
    rmsprop(lr=0.1, alpha=0.99, eps=1e-08, weight_decay=0.0)
    """
    return Optimizer(rules.TABLE["rmsprop"], parameters, lr, alpha=alpha, eps=eps, weight_decay=weight_decay)


def Adagrad(parameters: Any = None, lr: Rate = 1e-2, *, weight_decay: float = 0.0, eps: float = 1e-10) -> Optimizer:
    """Make an optimizer of `rules.adagrad`.

    >>> Adagrad(lr=0.1)
    adagrad(lr=0.1, eps=1e-10, weight_decay=0.0)
    """
    return Optimizer(rules.TABLE["adagrad"], parameters, lr, eps=eps, weight_decay=weight_decay)


def Lion(
    parameters: Any = None, lr: Rate = 1e-4, betas: tuple[float, float] = (0.9, 0.99), weight_decay: float = 0.0
) -> Optimizer:
    """Make an optimizer of `rules.lion`.

    >>> Lion(lr=0.01)
    lion(lr=0.01, beta1=0.9, beta2=0.99, weight_decay=0.0)
    """
    return Optimizer(rules.TABLE["lion"], parameters, lr, **_betas(betas), weight_decay=weight_decay)


def _betas(betas: Any) -> dict[str, Any]:
    if not isinstance(betas, (tuple, list)) or len(betas) != 2:
        raise TypeError(f"betas takes two numbers, such as (0.9, 0.999), got {in_a_line(betas)}")
    return {"beta1": betas[0], "beta2": betas[1]}

"""Initial weights: functions that fill a list of lists of Values in place, with PyTorch's names.

A weight has one row per output, so that its fan-in is the length of a row and its fan-out the number of rows.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any

from autograd_tiny.engine.digits import counted

__all__ = [
    "calculate_gain", "constant_", "kaiming_normal_", "kaiming_uniform_", "normal_", "uniform_", "xavier_normal_",
    "xavier_uniform_",
]  # fmt: skip

Seed = int | random.Random | None  # None: the random module, seeded by random.seed()
GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": sqrt(2), "selu": 0.75}


def __dir__() -> list[str]:
    return __all__


def generator(seed: Seed) -> random.Random:
    """Return the generator of a seed; without a seed one that `random.seed()` decides."""
    if isinstance(seed, random.Random):
        return seed
    return random.Random(random.getrandbits(64) if seed is None else seed)


def calculate_gain(nonlinearity: str, a: float = 0.01) -> float:
    """Return the factor on the deviation of weights that keeps the variance of signals through a nonlinearity.

    >>> calculate_gain("tanh"), calculate_gain("leaky_relu", 1.0)
    (1.6666666666666667, 1.0)

    `a` is the slope of leaky_relu below 0. Raises ValueError for an unknown name. Source: PyTorch's table, after He et
    al., 2015, eq. 14.
    """
    if nonlinearity == "leaky_relu":
        return sqrt(2 / (1 + a * a))
    if nonlinearity not in GAINS:
        raise ValueError(f"nonlinearity={nonlinearity!r:.60} is not one of {', '.join([*GAINS, 'leaky_relu'])}")
    return GAINS[nonlinearity]


def uniform_(weight: Any, a: float = 0.0, b: float = 1.0, *, seed: Seed = None) -> Any:
    """Fill with numbers uniform in [a, b]; return the weight."""
    rng = generator(seed)
    return _filled(weight, lambda: rng.uniform(a, b))


def normal_(weight: Any, mean: float = 0.0, std: float = 1.0, *, seed: Seed = None) -> Any:
    """Fill with normal numbers; return the weight."""
    rng = generator(seed)
    return _filled(weight, lambda: rng.gauss(mean, std))


def constant_(weight: Any, val: float) -> Any:
    """Fill with one number; return the weight."""
    return _filled(weight, lambda: val)


def xavier_uniform_(weight: Any, gain: float = 1.0, *, seed: Seed = None) -> Any:
    """Fill uniformly with variance 2·gain²/(fan_in + fan_out); return the weight.

    >>> from autograd_tiny.nn import Linear, init
    >>> weight = init.xavier_uniform_(Linear(4, 2).weight, seed=0)
    >>> all(abs(w.data) <= 1 for row in weight for w in row)  # √(6 / (4 + 2))
    True

    Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010, eq. 16.
    """
    bound = gain * sqrt(6 / sum(_fans(weight)))
    return uniform_(weight, -bound, bound, seed=seed)


def xavier_normal_(weight: Any, gain: float = 1.0, *, seed: Seed = None) -> Any:
    """Fill with normal numbers of variance 2·gain²/(fan_in + fan_out); return the weight.

    Source: Glorot and Bengio, 2010, eq. 12, as `xavier_uniform_`.
    """
    return normal_(weight, 0.0, gain * sqrt(2 / sum(_fans(weight))), seed=seed)


def kaiming_uniform_(
    weight: Any, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", *, seed: Seed = None
) -> Any:
    """Fill uniformly with variance gain²/fan, the gain of the nonlinearity that follows; return the weight.

    Raises ValueError unless mode is "fan_in" or "fan_out". Source: He et al., Delving Deep into Rectifiers, 2015, §2.2.
    """
    bound = sqrt(3) * _kaiming(weight, a, mode, nonlinearity)
    return uniform_(weight, -bound, bound, seed=seed)


def kaiming_normal_(
    weight: Any, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", *, seed: Seed = None
) -> Any:
    """Fill with normal numbers of variance gain²/fan; return the weight.

    Raises ValueError unless mode is "fan_in" or "fan_out". Source: He et al., 2015, §2.2, as `kaiming_uniform_`.
    """
    return normal_(weight, 0.0, _kaiming(weight, a, mode, nonlinearity), seed=seed)


def _kaiming(weight: Any, a: float, mode: str, nonlinearity: str) -> float:
    """Return the standard deviation gain/√fan."""
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f'mode={mode!r:.60} is neither "fan_in" nor "fan_out"')
    return calculate_gain(nonlinearity, a) / sqrt(_fans(weight)[mode == "fan_out"])


def _fans(weight: Any) -> tuple[int, int]:
    """Return the fan-in and the fan-out of a list of rows."""
    rows = weight if isinstance(weight, Sequence) else ()
    if not (rows and isinstance(rows[0], Sequence) and rows[0]):
        got = counted(len(rows), "number") if rows else f"{weight!r:.60}"
        raise ValueError(f"fan-in and fan-out are those of a list of rows, such as Linear(2, 3).weight, got {got}")
    return len(rows[0]), len(rows)


def _filled(weight: Any, draw: Callable[[], float]) -> Any:
    for item in weight:
        if isinstance(item, Sequence):
            _filled(item, draw)
        else:
            item.data = draw()
    return weight

"""Many unlike steps, each on results of steps far back: the value and its gradient, where no loop can be found."""

import random
from functools import partial

import numpy as np
import rivals

from subjects.row import Row

KEPT = 40  # latest results, of which each step takes two


def steps(x, n):
    """Compute n ops, three a line, each line on results drawn at random; all stay between -1 and 1."""
    rng, xs = random.Random(0), [x[i] for i in range(len(x))]
    for _ in range(n // 3):
        a, b, place = rng.randrange(KEPT), rng.randrange(KEPT), rng.randrange(KEPT)
        xs[place] = xs[a] * (xs[b] - 0.5) + 0.4 if rng.random() < 0.5 else (xs[a] + xs[b]) * xs[place] * 0.4
    return sum(xs[1:], xs[0])


def compiled(x, n, contract=False):
    step = rivals.jitted(lambda x: steps(x, n), contract)
    return lambda: step(x)


def by_jax(x, n):
    import jax

    return rivals.jax_call(jax.value_and_grad(lambda x: steps(x, n)), x)


def by_hips(x, n):
    autograd, _ = rivals.hips()
    step = autograd.value_and_grad(lambda x: steps(x, n))
    return lambda: step(x)


ENTRANTS = {
    "jit": compiled,
    "jit, contract": partial(compiled, contract=True),
    "eager": lambda x, n: rivals.eager(lambda x: steps(x, n), x),
    "JAX": by_jax,
    "torch": lambda x, n: rivals.torch_call(lambda x: steps(x, n), x),
    "HIPS": by_hips,
    "casadi, scalars": lambda x, n: rivals.casadi_gradient(lambda x: steps(x, n), x),
    "ddx": lambda x, n: rivals.ddx_gradient(lambda x: steps(x, n), x),
    "a GPT's Value": lambda x, n: rivals.number(lambda x: steps(x, n), x),
}


def rows(quick):
    for n in (1_000, 100_000):
        given = partial(lambda n: (np.linspace(0.1, 1.0, KEPT), n), 10 if quick else n)
        yield Row(f"unlike-{n}", f"{n:,} unlike steps", given, ENTRANTS)

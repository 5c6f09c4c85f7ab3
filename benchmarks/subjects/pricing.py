"""Black–Scholes: the price of a call and its five Greeks, for many options at once."""

import math
from functools import partial

import numpy as np
import rivals
from race import LANES, hand_written

from autograd_tiny import compiler
from autograd_tiny.transforms.derivatives import grad, value_and_grad
from subjects.row import Row

NAMES = ("spot", "strike", "years", "rate", "vol")


def price(spot, strike, years, rate, vol):
    spread = vol * years.sqrt()
    d1 = ((spot / strike).log() + (rate + 0.5 * vol * vol) * years) / spread
    normal = lambda d: 0.5 * (-d * math.sqrt(0.5)).erfc()  # noqa: E731
    return spot * normal(d1) - strike * (-rate * years).exp() * normal(d1 - spread)


def greeks(*given):
    """Compute price, delta, theta (with respect to the years left), rho, vega, gamma."""
    y, (delta, theta, rho, vega) = value_and_grad(price, argnums=(0, 2, 3, 4))(*given)
    return y, delta, theta, rho, vega, grad(grad(price))(*given)


def compiled(*given, **options):
    f = compiler.jit(
        lambda spot, strike, years, rate, vol: greeks(spot, strike, years, rate, vol), batch=NAMES, **options
    )
    return lambda: f(*given)


def in_c(*given, flags=()):
    return hand_written("black_scholes", *given, len(given[0]), np.empty((6, len(given[0]))), flags=flags)()


def array_price(xp, erfc, spot, strike, years, rate, vol):
    """The price by any library of arrays."""
    spread = vol * xp.sqrt(years)
    d1 = (xp.log(spot / strike) + (rate + 0.5 * vol * vol) * years) / spread
    normal = lambda d: 0.5 * erfc(-d * math.sqrt(0.5))  # noqa: E731
    return spot * normal(d1) - strike * xp.exp(-rate * years) * normal(d1 - spread)


def by_jax(*given):
    import jax
    from jax.scipy.special import erfc

    price = partial(array_price, jax.numpy, erfc)

    def greeks(*xs):
        return jax.value_and_grad(price, (0, 2, 3, 4))(*xs), jax.grad(jax.grad(price))(*xs)

    return rivals.jax_call(jax.vmap(greeks), *given)


def by_torch(*given):
    import torch

    torch.set_num_threads(1)
    leaves = [torch.tensor(x, requires_grad=True) for x in given]
    spot, _, years, rate, vol = leaves

    def call():
        y = array_price(torch, torch.erfc, *leaves)
        slopes = torch.autograd.grad(y.sum(), [spot, years, rate, vol], create_graph=True)
        (gamma,) = torch.autograd.grad(slopes[0].sum(), [spot])
        return [y.detach(), *(slope.detach() for slope in slopes), gamma]

    return call


ENTRANTS = {
    "C": partial(in_c, flags=(f"-DL={LANES}", "-lmvec")),
    "C, libm": in_c,
    "jit": compiled,
    "jit, contract": partial(compiled, contract=True),
    "jit, two threads": partial(compiled, threads=2),
    "JAX": by_jax,
    "torch": by_torch,
}


def data(n):
    rng = np.random.default_rng(0)
    return tuple(rng.uniform(*r, n) for r in ((50, 150), (50, 150), (0.1, 2), (0.0, 0.1), (0.1, 0.6)))


def rows(quick):
    n = 16 if quick else 1_000_000
    title = f"Black–Scholes, price and Greeks of {n:,}"
    return [Row("pricing", title, partial(data, n), ENTRANTS, near=1e-8, bytes=11 * 8 * n)]

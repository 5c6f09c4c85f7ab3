"""Loops of equal steps: GARCH, a recurrence, Lotka–Volterra by Runge–Kutta; the value and its gradient."""

from functools import partial

import numpy as np
import rivals
from race import hand_written

from subjects.row import Row

TIME = 0.1  # of a step of Runge–Kutta


def entrants(f, by_jax, log=None, **others):
    """Entrants that run f(x, …) as it is, on a list of numbers; `log` takes the logarithm of a library's numbers."""

    def compiled(x, *fixed, contract=False):
        step = rivals.jitted(lambda x: f(x, *fixed), contract)
        return lambda: step(x)

    def by_torch(x, *fixed):
        return rivals.torch_call(lambda x: f(x, *fixed), x)

    def by_hips(x, *fixed):
        autograd, anp = rivals.hips()
        step = autograd.value_and_grad(lambda x: f(x, *fixed, **({"log": anp.log} if log else {})))
        return lambda: step(x)

    def by_casadi(x, *fixed):
        import casadi

        return rivals.casadi_gradient(lambda x: f(x, *fixed, **({"log": casadi.log} if log else {})), x)

    def by_ddx(x, *fixed):
        import ddx

        return rivals.ddx_gradient(lambda x: f(x, *fixed, **({"log": ddx.log} if log else {})), x)

    return {
        **others,
        "jit": compiled,
        "jit, contract": partial(compiled, contract=True),
        "eager": lambda x, *fixed: rivals.eager(lambda x: f(x, *fixed), x),
        "JAX": by_jax,
        "torch": by_torch,
        "HIPS": by_hips,
        "casadi, scalars": by_casadi,
        "ddx": by_ddx,
        "a GPT's Value": lambda x, *fixed: rivals.number(lambda x: f(x, *fixed), x),
    }


# GARCH(1, 1): the negative log-likelihood of returns.


def garch(x, returns, log=lambda h: h.log()):
    omega, alpha, beta = x
    h, loss = 0.1 + 0.0 * omega, 0.0
    for r in returns:
        loss = loss + 0.5 * (log(h) + r * r / h)
        h = omega + alpha * (r * r) + beta * h
    return loss


def jax_garch(x, returns):
    import jax

    def f(x, returns):
        def step(h, r):
            return x[0] + x[1] * r * r + x[2] * h, 0.5 * (jax.numpy.log(h) + r * r / h)

        return jax.lax.scan(step, 0.1, returns)[1].sum()

    return rivals.jax_call(jax.value_and_grad(f), x, np.array(returns))


def c_garch(x, returns):
    returns = np.array(returns)
    return hand_written("garch", x, returns, len(returns), np.empty(4))()


# A recurrence, the logistic map.


def logistic(given, steps):
    r, x = given
    for _ in range(steps):
        x = r * x * (1 - x)
    return x


def jax_logistic(x, steps):
    import jax

    def f(given):
        return jax.lax.fori_loop(0, steps, lambda i, x: given[0] * x * (1 - x), given[1])

    return rivals.jax_call(jax.value_and_grad(f), x)


def numba_logistic(x, steps):
    return rivals.numba_call(logistic_by_hand, x, steps)


def logistic_by_hand(given, steps):
    r, x, by_r, by_x = given[0], given[1], 0.0, 1.0
    for _ in range(steps):
        slope = r * (1.0 - 2.0 * x)
        by_r, by_x = x * (1.0 - x) + slope * by_r, slope * by_x
        x = r * x * (1.0 - x)
    return x, by_r, by_x


# Lotka–Volterra: hares and lynxes after some steps, by the classical Runge–Kutta method.


def rates(x, hares, lynxes):
    return x[0] * hares - x[1] * hares * lynxes, x[2] * hares * lynxes - x[3] * lynxes


def runge_kutta(x, hares, lynxes):
    a, b = rates(x, hares, lynxes)
    c, d = rates(x, hares + 0.5 * TIME * a, lynxes + 0.5 * TIME * b)
    e, f = rates(x, hares + 0.5 * TIME * c, lynxes + 0.5 * TIME * d)
    g, h = rates(x, hares + TIME * e, lynxes + TIME * f)
    return hares + TIME / 6 * (a + 2 * c + 2 * e + g), lynxes + TIME / 6 * (b + 2 * d + 2 * f + h)


def lotka_volterra(x, steps):
    state = x[4], x[5]
    for _ in range(steps):
        state = runge_kutta(x, *state)
    return state[0] + state[1]


def jax_lotka_volterra(x, steps):
    import jax

    def f(x):
        found, _ = jax.lax.scan(lambda state, _: (runge_kutta(x, *state), None), (x[4], x[5]), length=steps)
        return found[0] + found[1]

    return rivals.jax_call(jax.value_and_grad(f), x)


def rows(quick):
    days, many, few = (5, 6, 2) if quick else (2_000, 10_000, 100)
    returns = (np.random.default_rng(0).normal(size=days) * 0.3).tolist()
    hunt = np.array([1.1, 0.4, 0.1, 0.4, 10.0, 10.0])
    given = lambda: (np.array([0.05, 0.1, 0.8]), returns)  # noqa: E731
    compared = entrants(garch, jax_garch, "log", C=c_garch)
    yield Row("garch", f"GARCH of {days:,} days", given, compared)
    compared = entrants(
        logistic,
        jax_logistic,
        C=lambda x, steps: hand_written("logistic", x, steps, np.empty(3))(),
        numba=numba_logistic,
        micrograd=lambda x, steps: rivals.micrograd(lambda x: logistic(x, steps), x),
    )
    yield Row("recurrence", f"a recurrence of {many:,} steps", lambda: (np.array([2.5, 0.3]), many), compared)
    title = f"Lotka–Volterra, {few:,} Runge–Kutta steps"
    yield Row("lotka", title, lambda: (hunt, few), entrants(lotka_volterra, jax_lotka_volterra))

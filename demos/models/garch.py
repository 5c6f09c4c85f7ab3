"""Fit GARCH(1,1), the volatility of a market from day to day, to 2,000 simulated returns by maximum likelihood.

    r(t) = sqrt(v(t)) · z(t),   v(t) = ω + α · r(t-1)² + β · v(t-1),   z normal

(Bollerslev, 1986). The likelihood is one loop over time: its gradient and its Hessian are compiled as it stands.

Run: python demos/models/garch.py  (needs NumPy and SciPy; with llvmlite it is faster still)
"""

import time

import numpy as np
from scipy.optimize import minimize

from autograd_tiny import hessian, jit, ops, value_and_grad

TRUTH = {"ω": 0.1, "α": 0.1, "β": 0.8}


def simulate(omega, alpha, beta, days=2000, seed=1):
    """Draw returns in percent a day, from the long-run variance on."""
    r, v = [], omega / (1 - alpha - beta)
    for z in np.random.default_rng(seed).standard_normal(days):
        r.append(v**0.5 * z)
        v = omega + alpha * r[-1] ** 2 + beta * v
    return np.array(r)


def minus_log_likelihood(theta, r):
    """-log p(r | ω, α, β), without the constant."""
    omega, alpha, beta = theta
    v, total = np.mean(r**2), 0.0
    for x in r:
        total += (ops.log(v) + x**2 / v) / 2
        v = omega + alpha * x**2 + beta * v
    return total


def natural(z):
    """Three numbers without bounds, as ω > 0 and α, β > 0 with α + β < 1."""
    a, b = ops.exp(z[1]), ops.exp(z[2])
    return ops.exp(z[0]), a / (1 + a + b), b / (1 + a + b)


def cost(z, r):
    return minus_log_likelihood(natural(z), r)


def main():
    r = simulate(*TRUTH.values())
    start = time.perf_counter()
    step = jit(value_and_grad(cost))
    step(np.zeros(3), r)
    print(f"gradient of {len(r)} days ready in {time.perf_counter() - start:.2f} s")

    start = time.perf_counter()
    found = minimize(step, np.zeros(3), args=(r,), jac=True, method="BFGS", options={"gtol": 1e-4})
    spent = time.perf_counter() - start
    print(f"{found.nfev} calls in {spent:.3f} s: log-likelihood {-found.fun:.3f}, gradient {abs(found.jac).max():.0e}")

    theta = np.array(natural(found.x))
    start = time.perf_counter()
    information = jit(hessian(minus_log_likelihood))(theta, r)
    print(f"Hessian ready in {time.perf_counter() - start:.2f} s")
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    for name, x, error in zip(TRUTH, theta, errors, strict=True):
        print(f"{name} = {x:.4f} ± {error:.4f}   truth {TRUTH[name]}")


if __name__ == "__main__":
    main()

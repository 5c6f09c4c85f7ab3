"""Fit the equations of Lotka and Volterra to hares and lynxes, through an integrator of fourth order.

    d hares/dt = α·hares - β·hares·lynxes,   d lynxes/dt = -γ·lynxes + δ·hares·lynxes

Data: pelts of the Hudson's Bay Company in thousands, 1900 to 1920. Reference: the posterior means in Bob Carpenter's
Predator-Prey Population Dynamics: the Lotka-Volterra model in Stan (2018). Its errors, too, are of the logarithms.

Run: python demos/models/ode.py  (needs NumPy and SciPy; with llvmlite it is faster still)
"""

import time

import numpy as np
from scipy.optimize import least_squares

from autograd_tiny import jacobian, jit

HARES = [30, 47.2, 70.2, 77.4, 36.3, 20.6, 18.1, 21.4, 22, 25.4, 27.1]
HARES += [40.3, 57, 76.6, 52.3, 19.5, 11.2, 7.6, 14.6, 16.2, 24.7]
LYNXES = [4, 6.1, 9.8, 35.2, 59.4, 41.7, 19, 13, 8.3, 9.1, 7.4]
LYNXES += [8, 12.3, 19.5, 45.7, 51.1, 29.7, 15.8, 9.7, 10.1, 8.6]
PELTS = np.array([HARES, LYNXES]).T
STEPS = 5  # in a year
REFERENCE = {"α": 0.545, "β": 0.028, "γ": 0.803, "δ": 0.024, "hares in 1900": 33.96, "lynxes in 1900": 5.95}


def slope(u, rates):
    """Change of (hares, lynxes) in a year."""
    (hares, lynxes), (a, b, c, d) = u, rates
    return np.array([a * hares - b * hares * lynxes, -c * lynxes + d * hares * lynxes])


def runge_kutta(u, rates, h):
    """One step of the classic method of order 4."""
    k1 = slope(u, rates)
    k2 = slope(u + h / 2 * k1, rates)
    k3 = slope(u + h / 2 * k2, rates)
    k4 = slope(u + h * k3, rates)
    return u + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def populations(p):
    """Hares and lynxes of each year, from four rates and the two first numbers."""
    u = p[4:]
    years = [u]
    for _ in range(len(PELTS) - 1):
        for _ in range(STEPS):
            u = runge_kutta(u, p[:4], 1 / STEPS)
        years.append(u)
    return np.array(years)


def residuals(p):
    return (np.log(populations(p)) - np.log(PELTS)).ravel()


def main():
    start = time.perf_counter()
    value, slopes = jit(residuals), jit(jacobian(residuals))
    guess = np.array([0.5, 0.03, 0.9, 0.03, *PELTS[0]])
    shape = slopes(guess).shape
    print(f"Jacobian {shape} ready in {time.perf_counter() - start:.2f} s")
    start = time.perf_counter()
    found = least_squares(value, guess, jac=slopes, x_scale="jac")
    spent = time.perf_counter() - start
    print(f"{found.njev} Jacobians in {spent:.3f} s, deviation of a logarithm {np.sqrt(np.mean(found.fun**2)):.3f}")

    covariance = np.linalg.inv(found.jac.T @ found.jac) * np.sum(found.fun**2) / (len(found.fun) - len(guess))
    for (name, reference), x, error in zip(REFERENCE.items(), found.x, np.sqrt(np.diag(covariance)), strict=True):
        print(f"{name:14} = {x:6.3f} ± {error:.3f}   reference {reference}")


if __name__ == "__main__":
    main()

"""The level of the Nile behind its noisy yearly flow: a Kalman filter, fitted by maximum likelihood.

    flow(t) = level(t) + noise of variance σ²,   level(t+1) = level(t) + step of variance τ²

The reference is chapter 2 of Durbin and Koopman, Time Series Analysis by State Space Methods (2001).
Their smoother is a second recursion, back in time. Here it is the gradient of the likelihood with respect to the data:
the expected noise of a year, given all years, is -σ² · ∂ log p / ∂ flow.

Run: python demos/models/kalman.py  (needs NumPy and SciPy; with llvmlite it is faster still)
"""

import time

import numpy as np
from scipy.optimize import minimize

from autograd_tiny import grad, jit, ops, value_and_grad

# Yearly flow at Aswan, 1871 to 1970, in 10⁸ m³ (Cobb, 1978)
NILE = [1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799, 958, 1140]
NILE += [1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701, 916, 692, 1020, 1050, 969]
NILE += [831, 726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845, 864, 862, 698, 845, 744, 796, 1040, 759]
NILE += [781, 865, 845, 944, 984, 897, 822, 1010, 771, 676, 649, 846, 812, 742, 801, 1040, 860, 874, 848, 890]
NILE += [744, 749, 838, 1050, 918, 986, 797, 923, 975, 815, 1020, 906, 901, 1170, 912, 746, 919, 718, 714, 740]
NILE = np.array(NILE, float)
REFERENCE = {"σ²": 15099, "τ²": 1469}


def kalman(variances, flow):
    """-log p(flow after the first year | first year), and the filtered level of each year with its variance."""
    noise, step = variances
    level, spread, total = flow[0], noise, 0.0  # of the first year, whose level may be anything before
    levels = [(level, spread)]
    for y in flow[1:]:
        spread = spread + step
        innovation, variance = y - level, spread + noise
        total += (ops.log(2 * np.pi * variance) + innovation**2 / variance) / 2
        gain = spread / variance
        level, spread = level + gain * innovation, spread * (1 - gain)
        levels.append((level, spread))
    return total, levels


def minus_log_likelihood(variances, flow):
    return kalman(variances, flow)[0]


def cost(logs, flow):
    return minus_log_likelihood(np.exp(logs), flow)


def main():
    start = time.perf_counter()
    step = jit(value_and_grad(cost))
    step(np.array([9.0, 9.0]), NILE)
    print(f"gradient ready in {time.perf_counter() - start:.2f} s")
    found = minimize(step, [9.0, 9.0], args=(NILE,), jac=True, method="BFGS", options={"gtol": 1e-6})
    noise, drift = np.exp(found.x)
    print(f"log-likelihood {-found.fun:.2f} after {found.nfev} calls")
    for (name, reference), x in zip(REFERENCE.items(), (noise, drift), strict=True):
        print(f"{name} = {x:.0f}   reference {reference}")

    filtered = kalman((noise, drift), NILE)[1]
    smoothed = NILE - noise * grad(minus_log_likelihood, "flow")((noise, drift), NILE)
    print("year   flow  filtered (±)   smoothed")
    for i in (0, 20, 27, 28, 40, 60, 80, 99):
        level, spread = filtered[i]
        print(f"{1871 + i}  {NILE[i]:5.0f}  {level:6.1f} ± {spread**0.5:5.1f}   {smoothed[i]:6.1f}")


if __name__ == "__main__":
    main()

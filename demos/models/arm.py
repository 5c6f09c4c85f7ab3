"""A robot arm of three joints draws a line: the angles of each pose are a root, found with the compiled Jacobian.

The hand is to be at a point and to look in a direction: three equations for three angles, solved from the last pose on.
The closed form by the law of cosines is the reference. As the arm stretches, the determinant of the Jacobian goes to 0.

Run: python demos/models/arm.py  (needs NumPy and SciPy; with llvmlite it is faster still)
"""

import numpy as np
from scipy.optimize import root

from autograd_tiny import jacobian, jit

LENGTHS = np.array([1.0, 0.8, 0.4])  # m
START, END, POINTS = np.array([0.6, 1.2]), np.array([1.8, 0.0]), 9
LOOKING = -np.pi / 4  # direction of the hand


def pose(angles):
    """x, y and direction of the hand; each angle is measured from the link before."""
    directions = np.cumsum(angles)
    return np.array([LENGTHS @ np.cos(directions), LENGTHS @ np.sin(directions), directions[-1]])


def error(angles, target):
    return pose(angles) - target


def closed_form(target):
    """Angles of the pose with the elbow up."""
    x, y = target[:2] - LENGTHS[2] * np.array([np.cos(target[2]), np.sin(target[2])])  # the wrist
    a, b, _ = LENGTHS
    elbow = -np.arccos((x**2 + y**2 - a**2 - b**2) / (2 * a * b))
    shoulder = np.arctan2(y, x) - np.arctan2(b * np.sin(elbow), a + b * np.cos(elbow))
    return np.array([shoulder, elbow, target[2] - shoulder - elbow])


def main():
    value, slopes = jit(error), jit(jacobian(error))
    angles, calls, farthest, apart = np.array([2.0, -1.0, -1.0]), 0, 0.0, 0.0
    print("    x      y     angles in degrees        det J  calls")
    for t in np.linspace(0, 1, POINTS):
        target = np.array([*(START + t * (END - START)), LOOKING])
        found = root(value, angles, args=(target,), jac=slopes, method="hybr", tol=1e-12)
        angles, calls = found.x, calls + found.nfev
        (x, y, _), determinant = pose(angles), np.linalg.det(slopes(angles, target))
        farthest = max(farthest, abs(error(angles, target)).max())
        apart = max(apart, abs(angles - closed_form(target)).max())
        shown = "  ".join(f"{a:6.1f}" for a in np.degrees(angles))
        print(f"{x:6.3f} {y:6.3f}   {shown}     {determinant:6.3f}  {found.nfev}")
    print(f"{calls} calls; off the line by at most {farthest:.0e} m, off the closed form by at most {apart:.0e} rad")


if __name__ == "__main__":
    main()

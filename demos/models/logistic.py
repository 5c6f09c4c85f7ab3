"""Tell the sex of a penguin from its body by logistic regression, with Newton's method on the compiled Hessian.

The reference is scikit-learn's LogisticRegression without a penalty. The Hessian at the optimum gives the errors, too.

Run: python demos/models/logistic.py  (needs NumPy; scikit-learn, where installed, for the comparison)
"""

import numpy as np

from autograd_tiny import hessian, jit, value_and_grad
from autograd_tiny.data import load_set

COLUMNS = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")


def read():
    """Measurements, each of mean 0 and deviation 1, and labels: 1 for a male, -1 for a female."""
    table = load_set("penguins").drop_missing()
    x = np.stack([table[name] for name in COLUMNS], axis=1)
    return (x - x.mean(axis=0)) / x.std(axis=0), np.array([1.0 if sex == "male" else -1.0 for sex in table["sex"]])


def loss(w, x, label):
    """-log p(label | x) of one penguin; the last weight is the intercept."""
    return (-label * (w[:-1] @ x + w[-1])).softplus()


def newton(x, labels, steps=8):
    """Minimise the mean loss from 0 on; return the weights and their standard errors."""
    gradient = jit(value_and_grad(loss), batch=("x", "label"), reduce="mean")
    curvature = jit(hessian(loss), batch=("x", "label"), reduce="mean")
    w = np.zeros(len(COLUMNS) + 1)
    for step in range(steps):
        y, g = gradient(w, x, labels)
        print(f"step {step}   loss {y:.12f}   gradient {abs(g).max():.0e}")
        w = w - np.linalg.solve(curvature(w, x, labels), g)
    return w, np.sqrt(np.diag(np.linalg.inv(curvature(w, x, labels))) / len(x))


def scikit_learn(x, labels):
    """The same weights by scikit-learn, or None where it is not installed."""
    try:
        from sklearn.linear_model import LogisticRegression
    except ModuleNotFoundError:
        return None
    found = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(x, labels)
    return np.array([*found.coef_[0], *found.intercept_])


def main():
    x, labels = read()
    w, errors = newton(x, labels)
    for name, weight, error in zip([*COLUMNS, "intercept"], w, errors, strict=True):
        print(f"{name:18} {weight:7.4f} ± {error:.4f}")
    print(f"right on {np.mean((x @ w[:-1] + w[-1] > 0) == (labels > 0)):.1%} of {len(x)} penguins")
    if (reference := scikit_learn(x, labels)) is not None:
        print(f"scikit-learn's weights differ by at most {abs(w - reference).max():.0e}")


if __name__ == "__main__":
    main()

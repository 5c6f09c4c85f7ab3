"""One formula by hand: nudge each input in turn, then get every answer from one backward pass.

Run: python demos/1_formula.py
"""

from autograd_tiny import Value


def f(a, b, c):
    return (a * b + c) ** 2 / (1 + a)


def nudge(i, by=1e-6):
    """Slope of f with respect to input i by a finite difference: two runs of f per input."""
    xs = [2.0, -3.0, 10.0]
    before = f(*xs)
    xs[i] += by
    return (f(*xs) - before) / by


# The slow way: change one input at a time. A model with a million weights would take a million runs.
print("f = (a*b + c)**2 / (1 + a)   at a = 2, b = -3, c = 10\n")
print("one by one:   ", "  ".join(f"∂f/∂{name} ≈ {nudge(i):.5f}" for i, name in enumerate("abc")))

# The same run on Values records the graph; one backward sweep over it gives all derivatives at once.
a, b, c = Value(2.0, "a"), Value(-3.0, "b"), Value(10.0, "c")
y = f(a, b, c)
y.backward()
print("one sweep:    ", "  ".join(f"∂f/∂{v.name} = {v.grad:.5f}" for v in (a, b, c)))

# By hand, from the output back, with u = a*b + c = 4:
df_du = 2 * 4 / 3  # f = u² / (1 + a)
df_da_direct = -(4**2) / 3**2  # through the denominator
print("by hand:      ", f"∂f/∂a = {df_du * -3 + df_da_direct:.5f}  ∂f/∂b = {df_du * 2:.5f}  ∂f/∂c = {df_du * 1:.5f}")
print("\na is used twice, so its gradient is the sum over both paths: through a*b, and through 1 + a.")

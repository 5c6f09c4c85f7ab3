"""One formula by hand: nudge each input in turn, then get every answer from one backward pass.

Run: python demos/1_formula.py
"""

from autograd_tiny import Value


def f(a, b, c):
    return (a * b + c) ** 2 / (1 + a)


def nudge(i, by=1e-6):
    """How much f moves, per unit, when input i moves a little: one run of f for each input."""
    xs = [2.0, -3.0, 10.0]
    before = f(*xs)
    xs[i] += by
    return (f(*xs) - before) / by


# The slow way: change the inputs one by one and look. A model with a million weights would take a million runs.
print("f = (a*b + c)**2 / (1 + a)   at a = 2, b = -3, c = 10\n")
print("one by one:   ", "  ".join(f"∂f/∂{name} ≈ {nudge(i):.5f}" for i, name in enumerate("abc")))

# The same run on Values remembers what it did; one sweep back over it answers for all inputs at once.
a, b, c = Value(2.0, "a"), Value(-3.0, "b"), Value(10.0, "c")
y = f(a, b, c)
y.backward()
print("one sweep:    ", "  ".join(f"∂f/∂{v.name} = {v.grad:.5f}" for v in (a, b, c)))

# By hand, from the output back, with u = a*b + c = 4:
f_by_u = 2 * 4 / 3  # of u² / (1 + a)
f_by_a_below = -(4**2) / 3**2  # the a under the line
print("by hand:      ", f"∂f/∂a = {f_by_u * -3 + f_by_a_below:.5f}  ∂f/∂b = {f_by_u * 2:.5f}  ∂f/∂c = {f_by_u * 1:.5f}")
print("\na is used twice, so its gradient is the sum over both paths: through a*b, and through 1 + a.")

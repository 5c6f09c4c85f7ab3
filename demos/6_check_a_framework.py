"""Check a custom rule of HIPS autograd against its function.

Run: python demos/6_check_a_framework.py  (needs: pip install autograd)
"""

import sys

from autograd_tiny.check import GradcheckError, gradcheck_property, reals

try:
    import autograd.numpy as np
    from autograd.extend import defvjp, primitive
except ModuleNotFoundError:
    sys.exit("this demo needs autograd: pip install autograd")


@primitive
def logsumexp(x, y):
    return np.log(np.exp(x) + np.exp(y))


defvjp(logsumexp, lambda ans, x, y: lambda g: g * np.exp(x - ans), lambda ans, x, y: lambda g: g * np.exp(y - ans))
gradcheck_property(logsumexp, x=reals(-30, 30), y=reals(-30, 30), max_examples=100)()
print("logsumexp: its rule is right at 100 points")

defvjp(logsumexp, lambda ans, x, y: lambda g: g * np.exp(y - ans), lambda ans, x, y: lambda g: g * np.exp(x - ans))
try:
    gradcheck_property(logsumexp, x=reals(-30, 30), y=reals(-30, 30), max_examples=100)()
except GradcheckError as error:
    print("\nwith its two rules swapped:", error)

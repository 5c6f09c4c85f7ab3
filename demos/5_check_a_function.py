"""Check two derivatives written by hand: one right that loses digits, one wrong in the ninth digit.

Run: python demos/5_check_a_function.py
"""

import math

from autograd_tiny.check import GradcheckError, gradcheck, gradcheck_property, reals


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def slope(x):
    return sigmoid(x) * (1 - sigmoid(x))


def almost(x):
    return slope(x) * 1.000000001


# This line is a test: pytest collects it by its name.
test_sigmoid = gradcheck_property(sigmoid, slope, x=reals(-700, 700))

test_sigmoid()
print("slope:  agrees with the exact derivative at 400 points of [-700, 700]")
print(f"at 30:  {gradcheck(sigmoid, 30.0, grad=slope)}\n")
try:
    gradcheck_property(sigmoid, almost, x=reals(-700, 700))()
except GradcheckError as error:
    print("almost:", error)

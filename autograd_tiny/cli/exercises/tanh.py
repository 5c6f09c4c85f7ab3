"""The slope of tanh.

A local derivative says how much an op's result moves for each unit that its operand moves.
Write that of tanh at a number x.
"""

import math


def slope(x):
    """Return d tanh(x) / dx."""
    # your turn
    y = math.tanh(x)
    return 1 - y * y
    # end


# %% wrong: this is 1 - x²; in 1 - y² the y is the result, tanh(x)
def slope(x):
    return 1 - x * x


# %% wrong: this is 1 - tanh(x): the square is missing
def slope(x):
    return 1 - math.tanh(x)


# %% wrong: this is tanh(x), the value; the slope is how fast the value moves
def slope(x):
    return math.tanh(x)


# %% wrong: this is y (1 - y), the slope of the sigmoid
def slope(x):
    y = math.tanh(x)
    return y * (1 - y)

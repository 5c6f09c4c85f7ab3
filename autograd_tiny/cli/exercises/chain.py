"""The chain rule.

In y = sin(x * x), x moves the square, and the square moves the sine. The two local derivatives along the path are
multiplied.
"""

import math


def slope(x):
    """Return d sin(x * x) / dx."""
    # your turn
    return math.cos(x * x) * 2 * x
    # end


# %% wrong: cos(x²) is how much the sine moves with the square; times how much the square moves with x
def slope(x):
    return math.cos(x * x)


# %% wrong: cos(2x) puts the square's slope inside; it is a factor, and the cosine is taken at x²
def slope(x):
    return math.cos(2 * x)


# %% wrong: the slope of sin is cos; the outer function is left as it is
def slope(x):
    return math.sin(x * x) * 2 * x


# %% wrong: the slopes along a path are multiplied, and here they are added
def slope(x):
    return math.cos(x * x) + 2 * x

"""The slopes of max, and a tie.

max(a, b) follows the larger of the two, and the other one does not move it. Where a = b there is a tie. There is no
one right answer then, but there are wrong ones: if both move by 1, then max(a, b) moves by 1.
"""


def slopes(a, b):
    """Return d max(a, b) / da and d max(a, b) / db, a pair."""
    # your turn
    if a == b:
        return 0.5, 0.5
    return (1.0, 0.0) if a > b else (0.0, 1.0)
    # end


# %% wrong: at a tie both get 1: together they say that max moves by 2 when both move by 1
def slopes(a, b):
    return float(a >= b), float(b >= a)


# %% wrong: at a tie both get 0, as if nothing could move max
def slopes(a, b):
    return float(a > b), float(b > a)


# %% wrong: this follows the smaller one: these are the slopes of min
def slopes(a, b):
    return float(a < b), float(a >= b)


# %% wrong: these are the values; the larger one's slope is 1, whatever its value
def slopes(a, b):
    return (a, 0.0) if a >= b else (0.0, b)

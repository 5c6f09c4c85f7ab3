"""The slopes of a product.

A product has two operands, so it has two local derivatives: how much a * b moves for each unit that a moves while b
stays, and for each unit that b moves while a stays.
"""


def slopes(a, b):
    """Return d(a * b) / da and d(a * b) / db, a pair."""
    # your turn
    return b, a
    # end


# %% wrong: the two are exchanged: if a moves by 1, then a * b moves by b
def slopes(a, b):
    return a, b


# %% wrong: 1 and 1 are the slopes of a + b
def slopes(a, b):
    return 1.0, 1.0


# %% wrong: a * b is the value; if a moves by 1, it moves by b
def slopes(a, b):
    return a * b, a * b

"""A value used twice.

The sweep visits every computed value, the output first, and calls `hand_down` with it. By then `value.grad` is
complete. `value.operands` are the Values it was computed from, and `value.local_derivatives` has a number for each of
them. All gradients start at 0, the output's at 1. A value may be an operand of two others, or twice of one.
"""


def hand_down(value):
    """Pass the gradient of a value on to its operands: upstream times local, to the grad of each."""
    # your turn
    for operand, local in zip(value.operands, value.local_derivatives, strict=True):
        operand.grad += value.grad * local
    # end


# %% wrong: it has = where += is needed: a value used twice keeps only one of its contributions
def hand_down(value):
    for operand, local in zip(value.operands, value.local_derivatives, strict=True):
        operand.grad = value.grad * local


# %% wrong: the upstream gradient, value.grad, is missing: a contribution is upstream times local
def hand_down(value):
    for operand, local in zip(value.operands, value.local_derivatives, strict=True):
        operand.grad += local


# %% wrong: the local derivative is missing: a contribution is upstream times local
def hand_down(value):
    for operand in value.operands:
        operand.grad += value.grad


# %% wrong: upstream and local are added; a contribution is upstream times local
def hand_down(value):
    for operand, local in zip(value.operands, value.local_derivatives, strict=True):
        operand.grad += value.grad + local

"""A whole engine.

Two ops are given as an example, and the rest is yours: a number that remembers what it was computed from, and a
backward pass with seed, order and sum.
"""

import math


class Number:
    """A number with a gradient."""

    def __init__(self, data, operands=(), local_derivatives=()):
        self.data, self.grad = data, 0.0
        self.operands, self.local_derivatives = operands, local_derivatives

    def __add__(self, other):
        return Number(self.data + other.data, (self, other), (1.0, 1.0))

    def __neg__(self):
        return Number(-self.data, (self,), (-1.0,))

    def __mul__(self, other):
        # your turn
        return Number(self.data * other.data, (self, other), (other.data, self.data))
        # end

    def tanh(self):
        # your turn
        y = math.tanh(self.data)
        return Number(y, (self,), (1 - y * y,))
        # end

    def backward(self):
        """Set the grad of every number below this one to d self / d number; all of them are 0 before."""
        # your turn
        order, seen = [], set()

        def visit(v):
            if v not in seen:
                seen.add(v)
                for x in v.operands:
                    visit(x)
                order.append(v)

        visit(self)
        self.grad = 1.0
        for v in reversed(order):
            for x, local in zip(v.operands, v.local_derivatives, strict=True):
                x.grad += v.grad * local
        # end


# %% wrong: there is no seed: the output's own grad must be 1 before the sweep, and 0 times anything is 0
class Number(Number):
    def backward(self):
        order = ordered(self)
        for v in reversed(order):
            for x, local in zip(v.operands, v.local_derivatives, strict=True):
                x.grad += v.grad * local


# %% wrong: it has = where += is needed: a number used twice keeps only one of its contributions
class Number(Number):
    def backward(self):
        order = ordered(self)
        self.grad = 1.0
        for v in reversed(order):
            for x, local in zip(v.operands, v.local_derivatives, strict=True):
                x.grad = v.grad * local


# %% wrong: it has no order: a number passes its gradient on before all contributions have arrived
class Number(Number):
    def backward(self):
        self.grad = 1.0
        waiting, seen = [self], {self}
        for v in waiting:
            for x, local in zip(v.operands, v.local_derivatives, strict=True):
                x.grad += v.grad * local
                if x not in seen:
                    seen.add(x)
                    waiting.append(x)


# %% wrong: the two slopes of the product are exchanged: if self moves by 1, the product moves by other.data
class Number(Number):
    def __mul__(self, other):
        return Number(self.data * other.data, (self, other), (self.data, other.data))


# %% with
def ordered(output):
    found, seen = [], set()

    def visit(v):
        if v not in seen:
            seen.add(v)
            for x in v.operands:
                visit(x)
            found.append(v)

    visit(output)
    return found

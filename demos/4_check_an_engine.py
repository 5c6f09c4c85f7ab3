"""Check an engine with a bug: the checker finds it, shrinks the graph and locates the wrong node.

Run: python demos/4_check_an_engine.py
"""

from autograd_tiny.check import GradcheckError, ValueEngine, engine_property
from autograd_tiny.engine import ops


class Sum(ValueEngine):
    """The engine of this package with a bug: a value used twice ignores its first use."""

    def backward(self, y):
        super().backward(y)
        for x in y.parents:
            if y.parents.count(x) > 1:
                x.grad = y.local_derivatives[-1] * y.grad


table = [ops.add, ops.sub, ops.mul, ops.div, ops.pow, ops.exp, ops.log, ops.tanh, ops.relu]  # default: all ops
engine_property(ValueEngine(), table, max_examples=100)()
print("The engine as it is: nine ops alone, 100 random graphs, a deep chain: no errors.\n")

try:
    engine_property(Sum(), [ops.add, ops.mul, ops.tanh], max_examples=400)()
except GradcheckError as error:
    print("With the bug:", error)

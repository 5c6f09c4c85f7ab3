"""A scalar reverse-mode automatic differentiation engine to see, trust and use a gradient."""

from autograd_tiny.op import Op
from autograd_tiny.value import Value

__all__ = ["Op", "Value"]

"""Tables of data: CSV files, named sets, standardised columns."""

from autograd_tiny.engine.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {})

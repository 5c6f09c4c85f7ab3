"""Models trained, kept, loaded and resumed."""

from autograd_tiny.engine.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {})

"""Entry point of hypothesis, so that ``st.from_type(Value)`` works."""

from __future__ import annotations

from autograd_tiny.engine.extras import needed_by
from autograd_tiny.engine.value import Value

with needed_by("autograd_tiny.strategies"):
    pass


def register() -> None:
    """Register a strategy for Value; called when hypothesis is imported."""
    from hypothesis import strategies as st  # not at the top: hypothesis may be importing this file

    st.register_type_strategy(Value, st.builds(Value, st.floats(-1e4, 1e4)))

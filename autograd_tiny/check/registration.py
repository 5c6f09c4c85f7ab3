"""Hypothesis finds this by its entry point, and can then draw a Value by its type: ``st.from_type(Value)``."""

from __future__ import annotations

from autograd_tiny.engine.extras import needed_by
from autograd_tiny.engine.value import Value

with needed_by("autograd_tiny.strategies"):
    pass


def register() -> None:
    """Teach hypothesis what a Value is; called when hypothesis is imported."""
    from hypothesis import strategies as st  # here: hypothesis may be what imports this file

    st.register_type_strategy(Value, st.builds(Value, st.floats(-1e4, 1e4)))

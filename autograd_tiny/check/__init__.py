"""Checks that find a wrong gradient and never cry wolf, by exact oracles, node by node.

exact.py       the oracle: a forward function in mpmath's numbers, and its slopes
graph.py       one graph against the oracle: values, local derivatives, accumulation
programs.py    random straight-line programs, and the strategies that make them
frameworks.py  custom rules of HIPS autograd, JAX and torch, taken apart
oracles.py     the slopes of anybody's function: exact, by its framework, by a complex step, by stencils
engines.py     what is asked of an engine, and adapters
properties.py  `engine_property`, `check_engine`: random graphs over an engine
functions.py   `gradcheck`, `gradgradcheck`, `check_grads`, `gradcheck_property`
report.py      what was found, told
"""

from autograd_tiny.extras import needed_by

with needed_by("autograd_tiny.check"):
    from autograd_tiny.check.engines import Callables, Engine, MicrogradLike, ValueEngine
    from autograd_tiny.check.functions import check_grads, gradcheck, gradcheck_property, gradgradcheck
    from autograd_tiny.check.programs import expressions, programs, reals, special_reals
    from autograd_tiny.check.properties import check_engine, engine_property
    from autograd_tiny.check.report import GradcheckError, Report

__all__ = [
    "Callables",
    "Engine",
    "GradcheckError",
    "MicrogradLike",
    "Report",
    "ValueEngine",
    "check_engine",
    "check_grads",
    "engine_property",
    "expressions",
    "gradcheck",
    "gradcheck_property",
    "gradgradcheck",
    "programs",
    "reals",
    "special_reals",
]

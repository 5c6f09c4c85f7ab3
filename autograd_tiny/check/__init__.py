"""Gradient checks by exact oracles, node by node, without false alarms.

exact.py       the oracle: a forward function run in exact numbers, and its slopes
balls.py       exact numbers of python-flint, where it is installed
graph.py       one graph against the oracle: values, local derivatives, accumulation
strategies.py  the hypothesis strategies: random programs, expressions, floats
runs.py        runs of hypothesis that leave no files
registration.py  registers `Value` with hypothesis
frameworks.py  custom rules of HIPS autograd, JAX and torch
oracles.py     the slopes of any function: exact, by its framework, by a complex step, by stencils
engines.py     the interface of an engine, and adapters
points.py      programs of one op, at the points where rules often fail
limits.py      where floats raise, inf and nan, ints, and large graphs
shrinking.py   the simplest program that is still wrong
properties.py  `engine_property`, `check_engine`: random graphs run through an engine
causes.py      the likely cause of a finding, if other points confirm it
jets.py        Taylor series with balls as coefficients, over a whole box
proofs.py      `prove`: a gradient is right on all of a box
conforming.py  `conformance`: a table of named properties of an engine
functions.py   `gradcheck`, `gradgradcheck`, `check_grads`, `gradcheck_property`
report.py      reports and errors
sweeps.py      sweeps that leave other gradients as they were
"""

from typing import TYPE_CHECKING

from autograd_tiny.engine.lazy import lazy

if TYPE_CHECKING:
    from autograd_tiny.check.conforming import conformance as conformance
    from autograd_tiny.check.engines import Callables as Callables
    from autograd_tiny.check.engines import Engine as Engine
    from autograd_tiny.check.engines import MicrogradLike as MicrogradLike
    from autograd_tiny.check.engines import ValueEngine as ValueEngine
    from autograd_tiny.check.functions import check_grads as check_grads
    from autograd_tiny.check.functions import gradcheck as gradcheck
    from autograd_tiny.check.functions import gradcheck_property as gradcheck_property
    from autograd_tiny.check.functions import gradgradcheck as gradgradcheck
    from autograd_tiny.check.proofs import prove as prove
    from autograd_tiny.check.properties import check_engine as check_engine
    from autograd_tiny.check.properties import engine_property as engine_property
    from autograd_tiny.check.report import GradcheckError as GradcheckError
    from autograd_tiny.check.report import Report as Report
    from autograd_tiny.check.strategies import expressions as expressions
    from autograd_tiny.check.strategies import programs as programs
    from autograd_tiny.check.strategies import reals as reals
    from autograd_tiny.check.strategies import special_reals as special_reals

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        ".engines": "Callables Engine MicrogradLike ValueEngine",
        ".functions": "check_grads gradcheck gradcheck_property gradgradcheck",
        ".strategies": "expressions programs reals special_reals",
        ".conforming": "conformance",
        ".proofs": "prove",
        ".properties": "check_engine engine_property",
        ".report": "GradcheckError Report",
    },
)

"""A scalar reverse-mode automatic differentiation engine to see, trust and use a gradient.

engine/      values that record their operations, and the op table: `Value`, `Op`, `ops`, `backward()`
nn/          neurons, layers, networks, losses
transforms/  derivatives of functions: `grad`, `jvp`, `jacobian`, …; functions traced to programs
pictures/    graphs, ops and networks as pictures
check/       gradient checks against exact oracles
stepper/     backprop step by step, in the terminal, the browser and a notebook; `diagnose`
compiler/    functions traced once and run as machine code
optim/       optimisers, each a rule of one number, compiled over all parameters; schedules, clipping, LBFGS
data/        tables of data: CSV files, named sets, standardised columns
train/       models trained, kept, loaded and resumed
live/        pages that compute in the browser, by a script generated from the op table
cli/         the command `autograd-tiny`

Imports point up this list: a folder imports only from folders above it. Public names are imported on first use.
"""

from collections.abc import Callable as _Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from autograd_tiny.engine.faces import FACES
from autograd_tiny.engine.lazy import lazy

if TYPE_CHECKING:
    from autograd_tiny import check as check
    from autograd_tiny import compiler as compiler
    from autograd_tiny import data as data
    from autograd_tiny import engine as engine
    from autograd_tiny import live as live
    from autograd_tiny import nn as nn
    from autograd_tiny import optim as optim
    from autograd_tiny import pictures as pictures
    from autograd_tiny import stepper as stepper
    from autograd_tiny import train as train
    from autograd_tiny import transforms as transforms
    from autograd_tiny.check import gradcheck as gradcheck
    from autograd_tiny.compiler import jit as jit
    from autograd_tiny.engine import Op as Op
    from autograd_tiny.engine import Value as Value
    from autograd_tiny.engine import explain as explain
    from autograd_tiny.engine import ops as ops
    from autograd_tiny.engine import tracing as tracing
    from autograd_tiny.pictures import draw as draw
    from autograd_tiny.pictures import network as network
    from autograd_tiny.stepper import diagnose as diagnose
    from autograd_tiny.stepper import trace as trace
    from autograd_tiny.transforms import grad as grad
    from autograd_tiny.transforms import hessian as hessian
    from autograd_tiny.transforms import hvp as hvp
    from autograd_tiny.transforms import jacobian as jacobian
    from autograd_tiny.transforms import jvp as jvp
    from autograd_tiny.transforms import stop_gradient as stop_gradient
    from autograd_tiny.transforms import value_and_grad as value_and_grad
    from autograd_tiny.transforms import vjp as vjp

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        ".": "check compiler data engine live nn optim pictures stepper train transforms",
        ".engine": "Op Value explain ops tracing",
        ".transforms": "grad hessian hvp jacobian jvp stop_gradient value_and_grad vjp",
        ".pictures": "draw network",
        ".check": "gradcheck",
        ".stepper": "diagnose trace",
        ".compiler": "jit",
    },
)


def _face(module: str, name: str) -> _Callable[..., Any]:
    """Wrap a function of an upper folder and import it on the first call."""
    return lambda *args, **kwargs: getattr(import_module(f"{__name__}.{module}"), name)(*args, **kwargs)


# The only place where upper folders are wired into the engine.
FACES |= {
    "picture": _face("pictures.drawing", "draw"),
    "picture in a notebook": _face("pictures.drawing", "shown"),
    "is differentiated": _face("transforms.doors", "depends"),
    "steps": _face("stepper.traces", "trace"),
    "page": _face("stepper.views.page", "write_page"),
    "page in a notebook": _face("stepper.views.page", "embedded"),
    "prompt": _face("stepper.views.prompt", "debug"),
    "source": _face("compiler.backends.registry", "source"),
}

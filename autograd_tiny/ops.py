"""The op table under a short name: ``from autograd_tiny.ops import tanh``."""

import sys

from autograd_tiny.engine import ops
from autograd_tiny.engine.ops import *  # noqa: F403 - for type checkers; at run time the two are one module

sys.modules[__name__] = ops

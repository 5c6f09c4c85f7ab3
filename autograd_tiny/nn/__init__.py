"""Neural networks with micrograd's names, signatures and argument order.

holding.py  the walk from a Module to its parameters
copying.py  copies of Modules, with other parameters or deep
modules.py  `Module`, `Neuron`, `Layer`, `MLP`
"""

from autograd_tiny.nn.modules import MLP, Layer, Module, Neuron

__all__ = ["MLP", "Layer", "Module", "Neuron"]


def __dir__() -> list[str]:
    return __all__

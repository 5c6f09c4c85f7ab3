"""Neural networks with the names of micrograd (`Neuron`, `Layer`, `MLP`) and of PyTorch (the rest).

holding.py      the walk from a Module to its parameters
remembering.py  the parameters found before, as long as nothing has changed
copying.py      copies of Modules, with other parameters or deep
init.py         initial weights
inputs.py       what a Module is given: numbers, rows, indices
states.py       the parameters of a Module as numbers by name, and a table of them
modules.py      `Module`, `Neuron`, `Layer`, `MLP`
layers.py       `Linear`, `Sequential`, `Embedding`, `Dropout`
norms.py        `LayerNorm`, `RMSNorm`
attending.py    `attention`, `softmax`, `log_softmax`
losses.py       `mse`, `cross_entropy` and the other losses
"""

from autograd_tiny.nn import init, losses
from autograd_tiny.nn.attending import attention, log_softmax, softmax
from autograd_tiny.nn.layers import Dropout, Embedding, Linear, Sequential
from autograd_tiny.nn.modules import MLP, Layer, Module, Neuron
from autograd_tiny.nn.norms import LayerNorm, RMSNorm

__all__ = [
    "MLP", "Dropout", "Embedding", "Layer", "LayerNorm", "Linear", "Module", "Neuron", "RMSNorm", "Sequential",
    "attention", "init", "log_softmax", "losses", "softmax",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__

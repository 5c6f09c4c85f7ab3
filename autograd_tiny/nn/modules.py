"""Neurons, layers and multilayer perceptrons: micrograd's names, signatures and argument order."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from math import sqrt
from typing import Any, Self

from autograd_tiny.engine import ops
from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.tree import COMPUTED, attributes
from autograd_tiny.engine.value import Value
from autograd_tiny.nn.copying import copied, deep_copied, state_of
from autograd_tiny.nn.holding import computed_in, parameters_of
from autograd_tiny.nn.init import Seed, generator
from autograd_tiny.nn.inputs import inputs, one_sample, shown, size
from autograd_tiny.nn.remembering import known_parameters
from autograd_tiny.nn.states import load_state_dict, state_dict_of, summary_of

Activation = Callable[[Any], Any]  # an op, or any function of one number


class _Making(ABCMeta):
    """Class of Module classes, which notes the computed numbers that a Module is made with: they are parameters."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__call__(*args, **kwargs)
        if isinstance(made, Module) and (computed := computed_in(made)):
            vars(made)[COMPUTED] = computed
        return made


class Module(metaclass=_Making):
    """Base class of networks: every Value it holds, directly or in nested containers and objects, is a parameter.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.at_zero = Value(2.0), Value(1.0)
    ...     def __call__(self, x):
    ...         return self.slope * x + self.at_zero
    >>> [name for name, _ in Line().named_parameters()], Line()(3.0).data
    (['slope', 'at_zero'], 7.0)

    A Value computed in a forward pass and kept, such as a last loss, is not a parameter.
    """

    def parameters(self) -> list[Value]:
        """Return every parameter once, in the order of the attributes."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_parameters(self) -> list[tuple[str, Value]]:
        """Return every parameter with its path: ``("layers[0].neurons[3].w[1]", Value)``."""
        return known_parameters(self)

    def name_parameters(self) -> None:
        """Set the `.name` of each parameter to its path, for messages and pictures."""
        for name, parameter in parameters_of(self):
            parameter.name = name

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0, because `backward()` accumulates."""
        for parameter in self.parameters():
            parameter.grad = 0.0

    def state_dict(self) -> dict[str, float]:
        """Return the number of each parameter by its path, as `load_state_dict` takes them.

        >>> model = MLP(1, [1], seed=0)
        >>> model.load_state_dict({"layers[0].neurons[0].w[0]": 2.0, "layers[0].neurons[0].b": 1.0})
        >>> model.state_dict()
        {'layers[0].neurons[0].w[0]': 2.0, 'layers[0].neurons[0].b': 1.0}
        """
        return state_dict_of(self)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Set the number of each parameter by its path; to set some of them, pass ``{**model.state_dict(), **some}``.

        Raises ValueError, and changes nothing, unless the paths are those of the parameters; TypeError for what is not
        a number.
        """
        load_state_dict(self, state_dict)

    def summary(self, depth: int = 1) -> str:
        """Return a table of the Modules inside, down to a depth of nesting, with their numbers of parameters.

        >>> print(MLP(2, [16, 1], seed=0).summary())
         module                    parameters
        ──────────────────────────────────────
         MLP(2, [16, 1])                   65
         layers[0]         Layer           48
         layers[1]         Layer           17
        """
        return summary_of(self, depth)

    def with_parameters(self, values: Iterable[Any]) -> Self:
        """Return a copy with other parameters, in the order of `parameters()`; self is unchanged.

        >>> MLP(1, [1]).with_parameters([10.0, 1.0])([2.0])  # w and b as floats
        21.0

        Raises ValueError unless there are as many values as parameters.
        """
        old, new = [parameter for _, parameter in self.named_parameters()], list(values)
        if len(old) != len(new):
            raise ValueError(f"{self!r} has {counted(len(old), 'parameter')}, got {counted(len(new), 'value')}")
        made: Self = copied(self, {id(p): v for p, v in zip(old, new, strict=True)})
        return made

    def __copy__(self) -> Self:
        made = object.__new__(self.__class__)
        for name, item in [*attributes(self), *vars(self).items()]:
            object.__setattr__(made, name, item)
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return deep_copied(self, memo)

    def __getstate__(self) -> Any:
        """Return the attributes for pickles and deep copies; a number kept of a forward pass is a float in them."""
        return state_of(self, super().__getstate__())


class Neuron(Module):
    """A neuron, activation(b + Σ wᵢ·xᵢ) of `nin` inputs; without the activation if `nonlin` is False.

    >>> n = Neuron(2, seed=0)
    >>> n, len(n.parameters())
    (Neuron(2), 3)

    Weights start uniform with variance 2/nin, the bias at 0 (He et al., Delving Deep into Rectifiers, 2015, §2.2).
    A call raises ValueError unless it gets `nin` inputs.
    """

    def __init__(self, nin: int, nonlin: bool = True, *, activation: Activation = ops.relu, seed: Seed = None) -> None:
        if size(nin) < 0:
            raise TypeError(f"Neuron(nin) takes a number of inputs, such as Neuron(2), got {nin!r:.60}")
        if not callable(activation):
            raise TypeError(f"activation takes a function such as ops.tanh, got {activation!r:.60}")
        rng, bound = generator(seed), sqrt(6 / max(nin, 1))
        self.w = [Value(rng.uniform(-bound, bound)) for _ in range(nin)]
        self.b = Value(0.0)
        self.nonlin, self.activation = nonlin, activation
        self.name_parameters()

    def __call__(self, x: Iterable[Any]) -> Any:
        x = shown(inputs(self, x, len(self.w)))
        total = self.b
        for wi, xi in zip(self.w, x, strict=True):
            total = total + wi * xi
        return self.activation(total) if self.nonlin else total

    def __repr__(self) -> str:
        return f"Neuron({len(self.w)}{'' if self.nonlin else ', nonlin=False'})"


class Layer(Module):
    """A layer of `nout` neurons over the same `nin` inputs; a single neuron returns a number instead of a list.

    >>> len(Layer(2, 3, seed=0)([1.0, -1.0]))
    3

    A call raises ValueError unless it gets `nin` inputs.
    """

    def __init__(
        self, nin: int, nout: int, nonlin: bool = True, *, activation: Activation = ops.relu, seed: Seed = None
    ) -> None:
        if size(nout) < 1:
            raise TypeError(f"Layer(nin, nout) takes sizes such as Layer(2, 16), got Layer({nin!r:.60}, {nout!r:.60})")
        rng = generator(seed)
        self.neurons = [Neuron(nin, nonlin, activation=activation, seed=rng) for _ in range(nout)]
        self.name_parameters()

    def __call__(self, x: Iterable[Any]) -> Any:
        x = shown(one_sample(self, x, len(self.neurons[0].w)))
        return _alone([n(x) for n in self.neurons])

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(map(repr, self.neurons))}]"


class MLP(Module):
    """A multilayer perceptron: `nin` inputs and layers of `nouts` neurons; the last layer is linear.

    >>> model = MLP(2, [16, 16, 1], seed=0)
    >>> model, len(model.parameters()), model.parameters()[0].name
    (MLP(2, [16, 16, 1]), 337, 'layers[0].neurons[0].w[0]')
    >>> round(model([1.0, -1.0]).data, 4)
    0.7581
    >>> model([1.0, -1.0, 0.5])
    Traceback (most recent call last):
    ValueError: MLP(2, [16, 16, 1]) takes 2 inputs, got 3

    Raises TypeError unless the sizes are positive integers.
    """

    def __init__(self, nin: int, nouts: Sequence[int], *, activation: Activation = ops.relu, seed: Seed = None) -> None:
        sizes = [*map(size, (nin, *nouts))] if isinstance(nouts, Iterable) else []
        if min(sizes, default=0) < 1:
            raise TypeError(f"MLP(nin, nouts) takes sizes such as MLP(2, [16, 1]), got MLP({nin!r}, {nouts!r})")
        rng, self.sizes = generator(seed), sizes
        self.layers = [
            Layer(nin, nout, i + 2 < len(sizes), activation=activation, seed=rng)
            for i, (nin, nout) in enumerate(pairwise(sizes))
        ]
        self.name_parameters()

    def __call__(self, x: Iterable[Any]) -> Any:
        x = shown(one_sample(self, x, self.sizes[0]))
        for layer in self.layers:
            x = [n(x) for n in layer.neurons]
        return _alone(x)

    def __repr__(self) -> str:
        return f"MLP({self.sizes[0]}, {self.sizes[1:]})"


def _alone(outputs: Any) -> Any:
    return outputs[0] if len(outputs) == 1 else outputs

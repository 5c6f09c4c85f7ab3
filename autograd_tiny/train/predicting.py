"""`Predictor`: a model with the features and the target of the tables it was trained on."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autograd_tiny.data import Features, Table, Target
from autograd_tiny.nn import losses
from autograd_tiny.train.flat import flat, values_of
from autograd_tiny.train.keeping.models import read_model, write_model
from autograd_tiny.train.keeping.specs import spec_of

FEW = 1_000_000  # rows × parameters: computed by Python itself before compiled code would be ready
LOSSES = {"classification": losses.cross_entropy, "regression": losses.mse}  # by the task of a Target


@dataclass(frozen=True)
class Predictor:
    """A model that predicts a column of a table from others: a class, or a number in the unit of the column.

    >>> from autograd_tiny.nn import MLP
    >>> table = Table({"size": [1.0, 3.0], "kind": ["cat", "dog"]})
    >>> predictor = Predictor(MLP(1, [2], seed=0), Features.of(table, except_="kind"), Target.of(table, name="kind"))
    >>> predictor.predict(table), predictor.probabilities(table).shape  # not yet trained
    (['dog', 'cat'], (2, 2))

    A prediction needs the columns of the features only, and raises ValueError, naming column and row, for one that is
    missing and for a cell that training did not have.
    """

    model: Any
    features: Features
    target: Target

    def outputs(self, table: Table) -> Any:
        """Return what the model computes for each row: scores of the classes, or a standardised number."""
        X, parameters = self.features.array(table), flat(values_of(self.model))
        if len(X) * len(parameters) <= FEW and spec_of(self.model) is not None:
            run = self.model.with_parameters(parameters.tolist())  # plain floats
            with suppress(ArithmeticError, ValueError):  # compiled code gives inf or nan then
                return np.array([run(x) for x in X.tolist()])
        from autograd_tiny.train.functions import NO_MASKS, functions_of  # brings the compiler

        return functions_of(self.model, LOSSES[self.target.task], NO_MASKS).outputs(parameters, X)

    def probabilities(self, table: Table) -> Any:
        """Return the probability of each class of `target.classes`, by row."""
        if self.target.task != "classification":
            raise ValueError(f"{self.target.name} is a number: it has no classes and no probabilities")
        scores = self.outputs(table)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def predict(self, table: Table) -> Any:
        """Return the predicted classes as a list, or the predicted numbers as an array."""
        outputs = self.outputs(table)
        return self.target.labels(outputs if self.target.task == "regression" else outputs.argmax(axis=1))

    def save(self, path: Any, **more: Any) -> Path:
        """Write the predictor to a file of the suffix .safetensors or .json, and return its path; JSON knows `more`.

        Raises what `train.save` raises.
        """
        return write_model(path, self.model, meta={"predictor": described(self), **more})

    @classmethod
    def load(cls, path: Any) -> Predictor:
        """Return the predictor of a file that `save` wrote; raise ValueError, naming the file, for another."""
        model, _, meta = read_model(path)
        try:
            kept = meta["predictor"]
            return cls(model, Features.from_json(kept["features"]), Target.from_json(kept["target"]))
        except (KeyError, TypeError):
            told = f"{path} holds a model, but not the columns it was trained on: train.load(path) gives the model"
            raise ValueError(told) from None
        except ValueError as error:
            raise ValueError(f"{path} cannot be loaded: {error}") from None


def described(predictor: Predictor) -> dict[str, Any]:
    """Return features and target for JSON."""
    return {"features": predictor.features.as_json(), "target": predictor.target.as_json()}

"""`MLPClassifier` and `MLPRegressor`: networks with scikit-learn's names, for its pipelines and searches."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import check_is_fitted, validate_data

from autograd_tiny.engine.digits import counted
from autograd_tiny.nn import MLP, losses
from autograd_tiny.train.flat import fill, flat, values_of
from autograd_tiny.train.functions import NO_MASKS, Loss, functions_of
from autograd_tiny.train.samples import samples_of
from autograd_tiny.train.scikit.settings import activation_of, checked, first_weights, sizes_of
from autograd_tiny.train.scikit.solving import Curves, is_stochastic, solve


class _MLP(BaseEstimator):  # type: ignore[misc] # scikit-learn is without types
    """What classifier and regressor share; a subclass encodes targets, has a loss of one sample, and a score."""

    module_: Any
    _curves: Curves
    n_outputs_: int
    out_activation_: str

    def __init__(  # noqa: PLR0913 - scikit-learn's names and order
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on samples until the loss, or with early stopping the validation score, no longer improves.

        With `warm_start=True`, a fit after the first goes on: weights, optimiser's state and curves are kept. Raises
        ValueError or TypeError, naming what is wrong, for parameters and samples; FloatingPointError if a step
        diverges, naming the step, the sample and the op.
        """
        checked(self)
        goes_on = bool(self.warm_start) and hasattr(self, "module_")
        X, y = self._validated(X, y, reset=not goes_on)
        return self._trained(X, self._encoded(y, goes_on), sample_weight, goes_on)

    @available_if(is_stochastic)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch on these samples, and go on from what was trained before."""
        goes_on = self._checked_partial()
        X, y = self._validated(X, y, reset=not goes_on)
        return self._trained(X, self._encoded(y, goes_on), sample_weight, goes_on, partial=True)

    def _checked_partial(self) -> bool:
        checked(self)
        if self.early_stopping:
            raise ValueError("partial_fit trains on all it is given: set early_stopping=False, or call fit")
        return hasattr(self, "module_")

    def _validated(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=self._is_numeric, reset=reset)
        y = y.toarray() if hasattr(y, "toarray") else y
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _trained(self, X: Any, y: Any, sample_weight: Any, goes_on: bool, partial: bool = False) -> Self:
        samples = samples_of(X, y, sample_weight)
        if samples.weight is not None:  # a sample of weight 0 is none
            samples = samples.part(np.flatnonzero(samples.weight))
        if not partial:
            self._check_targets(samples.y)
        random = check_random_state(self.random_state)
        sizes = [X.shape[1], *sizes_of(self.hidden_layer_sizes), self.n_outputs_]
        if not goes_on:
            model = MLP(sizes[0], sizes[1:], activation=activation_of(self.activation), seed=0)
            fill(values_of(model), first_weights(sizes, self.activation, random))
            curves = Curves()
        else:
            model, curves = self.module_, self._curves
            if model.sizes != sizes:
                raise ValueError(
                    f"hidden_layer_sizes={self.hidden_layer_sizes!r} asks for {MLP.__name__}({sizes[0]}, {sizes[1:]}), "
                    f"and what was trained before is {model!r}: set warm_start=False"
                )
        solve(self, model, samples, random, curves, max_iter=1 if partial else self.max_iter, partial=partial)
        self.module_, self._curves = model, curves
        self.n_layers_, self.n_iter_, self.t_ = len(sizes), curves.epochs, curves.seen
        self.loss_curve_, self.loss_, self.best_loss_ = curves.losses, curves.losses[-1], curves.best_loss
        self.validation_scores_, self.best_validation_score_ = curves.scores, curves.best_score
        self.validation_loss_curve_ = curves.validation_losses
        return self

    @property
    def coefs_(self) -> list[Any]:
        """Weights of each layer, inputs first, as arrays that are read only: `module_` holds the numbers."""
        return [matrix[:, :-1].T for matrix in self._matrices()]

    @property
    def intercepts_(self) -> list[Any]:
        """Biases of each layer, as arrays that are read only."""
        return [matrix[:, -1] for matrix in self._matrices()]

    def _matrices(self) -> list[Any]:
        if "module_" not in vars(self):
            raise AttributeError(f"this {type(self).__name__} is not fitted: it has no weights before fit")
        numbers, found, at = flat(values_of(self.module_)), [], 0
        numbers.flags.writeable = False
        for nin, nout in zip(self.module_.sizes, self.module_.sizes[1:], strict=False):
            found.append(numbers[at : at + nout * (nin + 1)].reshape(nout, nin + 1))
            at += nout * (nin + 1)
        return found

    def _outputs(self, X: Any) -> Any:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return functions_of(self.module_, self._loss(), NO_MASKS).outputs(flat(values_of(self.module_)), X)


class MLPClassifier(ClassifierMixin, _MLP):  # type: ignore[misc]
    """A classifier for scikit-learn: its `MLPClassifier`, on compiled gradients of this package.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier([8], learning_rate_init=0.05, tol=1e-3, random_state=0).fit(X, y)
    >>> network.score(X, y) > 0.95, network.module_
    (True, MLP(4, [8, 3]))

    Parameters, attributes and random numbers are scikit-learn's, so that the same `random_state` gives the same
    network. `activation` may be the name of any op of one operand, too, and `solver`
    an optimizer of `optim`, such as AdamW(0.01), with its rate. `warm_start` and `partial_fit` keep the optimizer's
    state. With early stopping `validation_loss_curve_` stands beside `loss_curve_`, and the best weights are restored.
    Targets are one column of two classes or more, or a column of 0 and 1 for each label. `module_` is the network, a
    Module whose outputs are logits.
    """

    _is_numeric = False

    @available_if(is_stochastic)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one epoch on these samples, and go on from what was trained before.

        `classes` are all that any call will have; the first call needs them, unless y has a column for each label.
        """
        goes_on = self._checked_partial()
        X, y = self._validated(X, y, reset=not goes_on)
        is_multilabel = type_of_target(y) == "multilabel-indicator"
        if not goes_on and classes is None and not is_multilabel:
            raise ValueError("classes must be passed on the first call to partial_fit, as in classes=np.unique(all_y)")
        given = None if classes is None or is_multilabel else unique_labels(classes)
        if goes_on and given is not None and not np.array_equal(given, self.classes_):
            raise ValueError(f"classes={classes!r:.60} are not those of the first call to partial_fit, {self.classes_}")
        y = self._encoded(y, goes_on, given)
        return self._trained(X, y, sample_weight, goes_on, partial=True)

    def _encoded(self, y: Any, goes_on: bool, classes: Any = None) -> Any:
        check_classification_targets(y)
        kind = type_of_target(y)
        if kind == "multiclass-multioutput":
            raise ValueError("y has several columns: each is a label of 0 and 1, or there is one column of classes")
        is_multilabel = kind == "multilabel-indicator"
        if not goes_on:
            self.classes_ = np.arange(y.shape[1]) if is_multilabel else unique_labels(y) if classes is None else classes
            if len(self.classes_) < 2:
                raise ValueError(
                    f"y has one class, {self.classes_.tolist()[0]!r}: a classifier needs two classes or more"
                )
            self._is_multilabel = is_multilabel
            self.n_outputs_ = 1 if len(self.classes_) == 2 and not is_multilabel else len(self.classes_)
            self.out_activation_ = "logistic" if is_multilabel or self.n_outputs_ == 1 else "softmax"
        known = np.arange(y.shape[1]) if is_multilabel else np.unique(y)
        if is_multilabel != self._is_multilabel or not np.isin(known, self.classes_).all():
            raise ValueError(f"y has the classes {known}, and what was trained before has {self.classes_}")
        return y if is_multilabel else np.searchsorted(self.classes_, y)

    def _check_targets(self, y: Any) -> None:
        if not self._is_multilabel and len(found := np.unique(y)) < 2:
            one = self.classes_.tolist()[int(found[0])]
            raise ValueError(f"y has one class, {one!r}, of a weight above 0: a classifier needs two classes or more")

    def _loss(self) -> Loss:
        return losses.cross_entropy if self.out_activation_ == "softmax" else binary_cross_entropy

    def _decided(self, outputs: Any) -> Any:
        """Return encoded targets for logits."""
        return outputs.argmax(axis=1) if self.out_activation_ == "softmax" else (outputs > 0).astype(int)

    def _judged(self, samples: Any, outputs: Any) -> float:
        return accuracy_score(samples.y, self._decided(outputs), sample_weight=samples.weight)

    def _strata(self, y: Any) -> Any:
        return y if self.n_outputs_ == 1 else None  # as in scikit-learn

    def predict(self, X: Any) -> Any:
        """Return the class of each sample, or a row of 0 and 1 for each of several labels."""
        decided = self._decided(self._outputs(X))
        return decided if self._is_multilabel else self.classes_[decided]

    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class, a row for each sample; those of several labels are apart."""
        outputs = self._outputs(X)
        if self.out_activation_ == "softmax":
            return np.exp(outputs - np.logaddexp.reduce(outputs, axis=1, keepdims=True))
        return np.exp(-np.logaddexp(0, -outputs if self._is_multilabel else np.column_stack([outputs, -outputs])))

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithm of each probability, as scikit-learn's checks have it: -inf where that is 0."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MLPRegressor(RegressorMixin, _MLP):  # type: ignore[misc]
    """A regression for scikit-learn: its `MLPRegressor`, on compiled gradients of this package.

    >>> X = [[0.0], [1.0], [2.0], [3.0]]
    >>> line = MLPRegressor([], solver="lbfgs", alpha=0.0, random_state=0).fit(X, [1.0, 3.0, 5.0, 7.0])
    >>> line.predict([[10.0]]).round(3), line.coefs_[0].round(3), line.intercepts_[0].round(3)
    (array([21.]), array([[2.]]), array([1.]))

    All is as for `MLPClassifier`. The loss is half the squared error, summed over the columns of y. Targets are numbers
    near 1: TransformedTargetRegressor(MLPRegressor(), transformer=StandardScaler()) scales them.
    """

    _is_numeric = True

    def _encoded(self, y: Any, goes_on: bool) -> Any:
        columns = 1 if y.ndim == 1 else y.shape[1]
        if goes_on and columns != self.n_outputs_:
            raise ValueError(f"y has {counted(columns, 'column')}, and what was trained before {self.n_outputs_}")
        self.n_outputs_, self.out_activation_ = columns, "identity"
        return y

    def _check_targets(self, y: Any) -> None:
        pass

    def _loss(self) -> Loss:
        return half_squared_error

    def _judged(self, samples: Any, outputs: Any) -> float:
        return r2_score(samples.y, outputs, sample_weight=samples.weight)

    def _strata(self, y: Any) -> None:
        return None

    def predict(self, X: Any) -> Any:
        """Return a number for each sample, or a row for several targets."""
        return self._outputs(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def binary_cross_entropy(output: Any, target: Any) -> Any:
    """Compute the loss of one logit, or the sum over those of several labels."""
    return losses.binary_cross_entropy_with_logits(output, target, reduction="sum")


def half_squared_error(output: Any, target: Any) -> Any:
    """Compute half the squared error of one number, or the sum over several."""
    return losses.mse(output, target, reduction="sum") / 2

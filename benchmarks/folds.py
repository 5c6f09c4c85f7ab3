"""Breast cancer in five folds, by `MLPClassifier` and by scikit-learn's, in the same pipeline: a row of train.py."""

import importlib
import math
import time
import warnings

OURS, THEIRS = "autograd_tiny.train", "sklearn.neural_network"


def network(module):
    """The classifier of a module; the parameters are the same, and so are the weights it starts from."""
    MLPClassifier = importlib.import_module(module).MLPClassifier
    return MLPClassifier((16,), learning_rate_init=0.01, random_state=0)


def accuracy(module, quick=False):
    """Mean accuracy over the folds, with the features scaled by the part that is trained on."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    warnings.simplefilter("ignore")  # of epochs at an end, both alike
    pipeline = make_pipeline(StandardScaler(), network(module))
    return cross_val_score(pipeline, *load_breast_cancer(return_X_y=True), cv=2 if quick else 5).mean()


def fit_seconds(modules, often):
    """The least seconds of a fit on all samples, for each module, one after another."""
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    X, found = (X - X.mean(axis=0)) / X.std(axis=0), {module: [] for module in modules}
    for _ in range(often):
        for module, seconds in found.items():
            start = time.perf_counter()
            network(module).fit(X, y)
            seconds.append(time.perf_counter() - start)
    return [min(seconds) for seconds in found.values()]


def breast_cancer(quick, started):
    """Accuracy and seconds from the first import to the accuracy, beside scikit-learn's in the same run."""
    cold = warm = theirs = math.nan
    if not quick:
        cold, warm = started("breast-cancer", quick, after="scikit-learn")
        _, theirs = started("scikit-learn", quick)
    found, expected = (accuracy(module, quick) for module in (OURS, THEIRS))
    ours_fit, their_fit = fit_seconds([OURS, THEIRS], 2 if quick else 7)
    n = "breast cancer, 30-16-1"
    return [
        (f"{n}: accuracy in five folds", found, "≥", 0.965),
        (f"{n}: apart from scikit-learn's accuracy", abs(found - expected), "≤", 1e-9),
        (f"{n}: s from the first import, cold", cold, "≤", 3),
        (f"{n}: s from the first import, warm", warm, "≤", 3),
        (f"{n}: the same, over scikit-learn's", warm / theirs, "≤", 1.5),
        (f"{n}: a fit again, over scikit-learn's", ours_fit / their_fit, "≤", 1),
    ]

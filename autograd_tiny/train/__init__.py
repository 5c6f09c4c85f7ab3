"""Models trained, kept, loaded and resumed.

metrics.py   accuracy, a confusion matrix, precision and recall, R², MAE and RMSE
surfaces.py  the numbers behind pictures: matrices of weights, classes and losses over a plane
canvas.py    the style of figures
plots.py     pictures of training: curves, boundaries, weights, landscapes, confusion, residuals
"""

from typing import TYPE_CHECKING

from autograd_tiny.engine.lazy import lazy

if TYPE_CHECKING:
    from autograd_tiny.train import metrics as metrics
    from autograd_tiny.train import plots as plots

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        ".": "metrics plots",
    },
)

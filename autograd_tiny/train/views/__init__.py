"""How well a model predicts, and what its training did, in numbers, pictures and a report.

metrics.py   accuracy, a confusion matrix, precision and recall, R², MAE and RMSE
surfaces.py  the numbers behind pictures: matrices of weights, classes and losses over a plane
canvas.py    the style of figures
plots.py     pictures of training: curves, boundaries, weights, landscapes, confusion, residuals
judging.py   what a report says of predictions
report.py    a report in the terminal and as a web page
report.css   the style of that page
"""

from typing import TYPE_CHECKING

from autograd_tiny.engine.lazy import lazy

if TYPE_CHECKING:
    from autograd_tiny.train.views import metrics as metrics
    from autograd_tiny.train.views import plots as plots

__getattr__, __dir__, __all__ = lazy(__name__, {".": "metrics plots"})

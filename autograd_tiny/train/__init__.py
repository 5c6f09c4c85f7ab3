"""Models trained, kept, loaded and resumed.

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
    from autograd_tiny.train import metrics as metrics
    from autograd_tiny.train import plots as plots
    from autograd_tiny.train.judging import Report as Report
    from autograd_tiny.train.judging import make_report as make_report
    from autograd_tiny.train.report import print_report as print_report
    from autograd_tiny.train.report import write_report as write_report

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        ".": "metrics plots",
        ".judging": "Report make_report",
        ".report": "print_report write_report",
    },
)

"""Models trained, kept, loaded and resumed.

flat.py        parameters of a Module in one array, and back
samples.py     inputs, targets and weights as arrays, checked
masks.py       masks of the Dropout layers of a model
keeping/       models and other arrays in files
functions.py   gradient, loss and outputs as functions of the array, compiled or eager
divergence.py  nan and inf while training, and where they began
training.py    state of a training, and the loop that does one step after another
resuming.py    `checkpoint`: a training in a file, and gone on with from it
stepping.py    `steps`: an event after each step
interrupts.py  Ctrl-C asks to stop after the step under way
fitting.py     `fit`: epochs, progress, validation, history
predicting.py  `Predictor`: a model with the columns it was trained on
learning.py    `learn`: from a table to a predictor
scikit/        `MLPClassifier` and `MLPRegressor` for scikit-learn
views/         metrics, pictures and reports
"""

from typing import TYPE_CHECKING

from autograd_tiny.engine.lazy import lazy

if TYPE_CHECKING:
    from autograd_tiny.train.divergence import Diverged as Diverged
    from autograd_tiny.train.fitting import Fitted as Fitted
    from autograd_tiny.train.fitting import fit as fit
    from autograd_tiny.train.keeping.models import load as load
    from autograd_tiny.train.keeping.models import read_model as read_model
    from autograd_tiny.train.keeping.models import save as save
    from autograd_tiny.train.learning import Learned as Learned
    from autograd_tiny.train.learning import learn as learn
    from autograd_tiny.train.predicting import Predictor as Predictor
    from autograd_tiny.train.resuming import checkpoint as checkpoint
    from autograd_tiny.train.scikit.estimators import MLPClassifier as MLPClassifier
    from autograd_tiny.train.scikit.estimators import MLPRegressor as MLPRegressor
    from autograd_tiny.train.stepping import steps as steps
    from autograd_tiny.train.training import Event as Event
    from autograd_tiny.train.training import Training as Training
    from autograd_tiny.train.views import metrics as metrics
    from autograd_tiny.train.views import plots as plots
    from autograd_tiny.train.views.judging import Report as Report
    from autograd_tiny.train.views.judging import make_report as make_report
    from autograd_tiny.train.views.report import print_report as print_report
    from autograd_tiny.train.views.report import write_report as write_report

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        ".divergence": "Diverged",
        ".fitting": "Fitted fit",
        ".keeping.models": "load read_model save",
        ".learning": "Learned learn",
        ".predicting": "Predictor",
        ".resuming": "checkpoint",
        ".scikit.estimators": "MLPClassifier MLPRegressor",
        ".stepping": "steps",
        ".training": "Event Training",
        ".views": "metrics plots",
        ".views.judging": "Report make_report",
        ".views.report": "print_report write_report",
    },
)

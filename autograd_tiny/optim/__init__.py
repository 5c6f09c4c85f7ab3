"""Optimizers with PyTorch's names, each a scalar rule; schedules, clipping and LBFGS.

rules.py       the table of optimisers: `sgd`, `momentum`, `nesterov`, `adam`, `adamw`, `rmsprop`, `adagrad`, `lion`
parameters.py  the Values that an optimizer moves, with their names and gradients
optimizers.py  `Optimizer` on Values and on arrays: `SGD`, `Adam`, `AdamW`, `RMSprop`, `Adagrad`, `Lion`
schedules.py   factors of a learning rate, as functions of the step
clipping.py    gradients clipped by their global norm
minimising.py  `lbfgs`, by SciPy on the compiled gradient
"""

from typing import TYPE_CHECKING

from autograd_tiny.engine.lazy import lazy

if TYPE_CHECKING:
    from autograd_tiny.optim import rules as rules
    from autograd_tiny.optim.clipping import clip_grad_norm_ as clip_grad_norm_
    from autograd_tiny.optim.clipping import clip_norm_ as clip_norm_
    from autograd_tiny.optim.minimising import lbfgs as lbfgs
    from autograd_tiny.optim.optimizers import SGD as SGD
    from autograd_tiny.optim.optimizers import Adagrad as Adagrad
    from autograd_tiny.optim.optimizers import Adam as Adam
    from autograd_tiny.optim.optimizers import AdamW as AdamW
    from autograd_tiny.optim.optimizers import Lion as Lion
    from autograd_tiny.optim.optimizers import Optimizer as Optimizer
    from autograd_tiny.optim.optimizers import RMSprop as RMSprop
    from autograd_tiny.optim.rules import Rule as Rule
    from autograd_tiny.optim.schedules import cosine as cosine
    from autograd_tiny.optim.schedules import exponential as exponential
    from autograd_tiny.optim.schedules import step_decay as step_decay
    from autograd_tiny.optim.schedules import warmup as warmup

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        ".": "rules",
        ".rules": "Rule",
        ".optimizers": "Adagrad Adam AdamW Lion Optimizer RMSprop SGD",
        ".schedules": "cosine exponential step_decay warmup",
        ".clipping": "clip_grad_norm_ clip_norm_",
        ".minimising": "lbfgs",
    },
)

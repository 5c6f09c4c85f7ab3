"""Models trained, kept, loaded and resumed.

formats.py  safetensors and plain JSON, parsed strictly
files.py    files of arrays and metadata, written aside and replaced
shapes.py   the parameters of a Module as arrays by name
specs.py    a Module of the classes of `nn` as plain data, and back
keeping.py  `save`, `load` and `read_model`
"""

from typing import TYPE_CHECKING

from autograd_tiny.engine.lazy import lazy

if TYPE_CHECKING:
    from autograd_tiny.train.keeping import load as load
    from autograd_tiny.train.keeping import read_model as read_model
    from autograd_tiny.train.keeping import save as save

__getattr__, __dir__, __all__ = lazy(__name__, {".keeping": "load read_model save"})

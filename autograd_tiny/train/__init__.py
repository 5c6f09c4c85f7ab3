"""Models trained, kept, loaded and resumed.

formats.py  safetensors and plain JSON, parsed strictly
files.py    files of arrays and metadata, written aside and replaced
shapes.py   the parameters of a Module as arrays by name
specs.py    a Module of the classes of `nn` as plain data, and back
"""

from autograd_tiny.engine.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {})

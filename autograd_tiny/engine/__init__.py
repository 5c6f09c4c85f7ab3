"""Values that record their operations, and the op table.

special.py     float functions missing from `math`
spelling.py    text of ops and of their domains
op.py          `Op`, a row of the table
ops.py         the table: every primitive with its local derivatives
expansions.py  rules and lowerings of rows that take more than a line
numpy_names.py names by which NumPy calls the methods of numbers
operand.py     operators and methods shared by every kind of number
ieee.py        local derivatives at poles: ±inf or nan, never an exception
familiar.py    interactive side of `Value`: text, pictures, steps, names from micrograd and PyTorch
value.py       `Value`, `topological_order`, `sweep`, `backward()`
chain_rule.py  `topological_order`; the sweep, one contribution at a time, for any kind of number
symbol.py      symbolic numbers that print as formulas; `explain`
names.py       labels of nodes
digits.py      numbers rounded for display
expression.py  arithmetic parsed from text
tables.py      Series and DataFrames of pandas as containers
tree.py        nested containers of numbers: lists, dicts, arrays, Modules
provenance.py  source line and module of each value; `tracing`
execution.py   the order in which a graph was computed
files.py       atomic file writes
terminal.py    text for a terminal, with control characters escaped
extras.py      errors for missing optional packages
faces.py       registry of functions that upper folders provide
lazy.py        lazy imports of public names
"""

from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Op
from autograd_tiny.engine.provenance import tracing
from autograd_tiny.engine.symbol import explain
from autograd_tiny.engine.value import Value

__all__ = ["Op", "Value", "explain", "ops", "tracing"]


def __dir__() -> list[str]:
    return __all__

"""Numbers that record how they were made, and the table of what can be done with them.

special.py     functions of floats that `math` lacks
spelling.py    how ops and their domains are written
op.py          an op: a row of the table
ops.py         the table: every primitive with its local derivatives
operand.py     Python's operators and the usual methods, written out once for every kind of number
ieee.py        a derivative at a pole: ±inf or nan, never an exception
familiar.py    what a Value answers to a person: text, pictures, steps, the names of micrograd and PyTorch
value.py       `Value`, `topological_order`, `sweep`, `backward()`
chain_rule.py  the same sweep use by use, in any numbers
symbol.py      a number that spells what is done with it; `explain`
names.py       names for nodes
digits.py      a number as a person reads it
expression.py  arithmetic written as text
tree.py        nested lists, dicts, arrays and Modules of numbers
provenance.py  the source line and the module that made a value; `tracing`
files.py       a file written whole or not at all
terminal.py    text for a terminal, with nothing that moves its cursor
extras.py      the sentence that names a package that is missing
faces.py       how numbers show themselves, registered by what lies above
lazy.py        names that are imported when they are first used
"""

from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Op
from autograd_tiny.engine.provenance import tracing
from autograd_tiny.engine.symbol import explain
from autograd_tiny.engine.value import Value

__all__ = ["Op", "Value", "explain", "ops", "tracing"]


def __dir__() -> list[str]:
    return __all__

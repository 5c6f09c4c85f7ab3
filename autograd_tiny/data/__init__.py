"""Tables of data: CSV files, named sets, standardised columns.

tables.py       `Table`: columns of numbers or text, by name
reading.py      `read_csv`, by pandas or by Python's csv module
"""

from typing import TYPE_CHECKING

from autograd_tiny.engine.lazy import lazy

if TYPE_CHECKING:
    from autograd_tiny.data.reading import read_csv as read_csv
    from autograd_tiny.data.tables import Table as Table

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        ".tables": "Table",
        ".reading": "read_csv",
    },
)

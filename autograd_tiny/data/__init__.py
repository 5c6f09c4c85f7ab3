"""Tables of data: CSV files, named sets, standardised columns.

tables.py       `Table`: columns of numbers or text, by name
reading.py      `read_csv`, by pandas or by Python's csv module
encoding.py     `Features`: columns as standardised numbers
targets.py      `Target`: the column that is asked for, as classes or as a standardised number
splitting.py    `split` and `folds`
sets.py         `load_set`: moons, circles, spirals, xor, penguins, and scikit-learn's
first_names.py  `names`: first names in small letters
penguins.csv    the Palmer penguins of Horst, Hill and Gorman (CC0)
names.txt       first names of many languages, and invented ones
"""

from typing import TYPE_CHECKING

from autograd_tiny.engine.lazy import lazy

if TYPE_CHECKING:
    from autograd_tiny.data.encoding import Features as Features
    from autograd_tiny.data.first_names import names as names
    from autograd_tiny.data.reading import read_csv as read_csv
    from autograd_tiny.data.sets import load_set as load_set
    from autograd_tiny.data.splitting import folds as folds
    from autograd_tiny.data.splitting import split as split
    from autograd_tiny.data.tables import Table as Table
    from autograd_tiny.data.targets import Target as Target

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        ".tables": "Table",
        ".reading": "read_csv",
        ".encoding": "Features",
        ".targets": "Target",
        ".splitting": "folds split",
        ".sets": "load_set",
        ".first_names": "names",
    },
)

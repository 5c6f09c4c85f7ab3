"""What a Module is given: numbers, rows of numbers, and indices, with an error for anything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from operator import index
from typing import Any

from autograd_tiny.engine import ops
from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.op import real
from autograd_tiny.engine.operand import Operand
from autograd_tiny.engine.provenance import recorded
from autograd_tiny.engine.value import Value


def by_rows(module: Any, f: Callable[[Any], Any], x: Any, n: int) -> Any:
    """Apply f to n numbers, or to each row of them in lists of any depth.

    Raises ValueError unless each row has n numbers.
    """
    if isinstance(x, (str, Mapping, Set)):  # no order of numbers
        raise TypeError(f"{module!r} takes a list of numbers, got {x!r:.60} of type {type(x).__name__}")
    x = rows_of(x) if is_list(x) else inputs(module, x, n)
    if len(x) and is_list(x[0] if isinstance(x, Sequence) else next(iter(x))):
        return [by_rows(module, f, row, n) for row in x]
    x = shown(inputs(module, x, n))
    try:
        return f(x)
    except TypeError as error:
        _refuse_others(module, x, error)
        raise


def rows_of(x: Any) -> Any:
    """Return the rows of a DataFrame, which iterates over the names of its columns; anything else as it is."""
    return x.to_numpy() if hasattr(x, "to_numpy") and getattr(x, "ndim", 1) == 2 else x


def _refuse_others(module: Any, x: Any, error: TypeError) -> None:
    for i, item in enumerate(x):
        if not isinstance(item, Operand):
            try:
                real(item)
            except TypeError:
                got = f"x[{i}] = {item!r:.60} of type {type(item).__name__}"
                raise TypeError(f"{module!r} takes a list of numbers, got {got}") from error


def is_list(x: Any) -> bool:
    """Return True for a list, a tuple, an array with axes: what has a length."""
    return hasattr(x, "__len__") and not isinstance(x, str) and getattr(x, "shape", None) != ()


def chosen(i: Any, items: Sequence[Any], what: str) -> Any:
    """Return the item of an index; a number of this package chooses by `where`, so that it may be an input.

    Raises TypeError for a float, and ValueError if the index is out of range; while tracing, such an item is nan.
    """
    if is_traced(i):
        made: Any = float("nan")
        for k, item in reversed(list(enumerate(items))):
            made = ops.where(ops.equal(i, float(k)), item, made)
        return made
    return items[checked_index(i, len(items), what)]


def checked_index(i: Any, n: int, what: str) -> int:
    """Return an integer from 0 to n - 1 as an int; raise TypeError or ValueError for anything else."""
    if _is_known(i) and i.data.is_integer():
        i = int(i.data)
    if not hasattr(i, "__index__") or isinstance(i, Operand):
        i, kind = float(i) if isinstance(i, float) else i, type(i).__name__  # not np.float64(1.0)
        hint = f": write int({i!r})" if isinstance(i, float) and i.is_integer() else ""
        raise TypeError(f"{what} is an integer from 0 to {n - 1}, got {i!r:.60} of type {kind}{hint}")
    if not 0 <= index(i) < n:
        raise ValueError(f"{what} is an integer from 0 to {n - 1}, got {index(i)}")
    return index(i)


def is_traced(x: Any) -> bool:
    """Return True for a number whose data are not known: an input of compiled code, a Symbol, a Dual."""
    return isinstance(x, Operand) and not _is_known(x)


def _is_known(x: Any) -> bool:
    return isinstance(x, Value) and x.data.__class__ is float


def size(n: Any) -> int:
    """Return an integer, of NumPy too, as an int, and -1 for anything else."""
    return index(n) if hasattr(n, "__index__") else -1


def inputs(module: Any, x: Any, nin: int) -> Any:
    """Return x as a sequence of nin numbers."""
    if not hasattr(x, "__len__") or getattr(x, "shape", None) == ():
        if not hasattr(x, "__iter__") or hasattr(x, "shape"):
            raise TypeError(f"{module!r} takes a list of numbers, got {x!r:.60} of type {type(x).__name__}")
        x = list(x)
    if len(x) != nin:
        raise _not_inputs(module, x, nin)
    return x


def shown(x: Any) -> Any:
    """While a computation is recorded, return the floats of x as inputs with names."""
    if recorded() is None:
        return x
    return [Value(item, f"x[{i}]") if isinstance(item, float) else item for i, item in enumerate(x)]


def one_sample(module: Any, x: Any, nin: int) -> Any:
    """Return x as `_inputs` does; refuse as many rows as there are inputs, too."""
    x = inputs(module, x, nin)
    if nin and (x.__class__ is str or hasattr(next(iter(x)), "__len__")):
        raise _not_inputs(module, x, nin)
    return x


def _not_inputs(module: Any, x: Any, nin: int) -> Exception:
    """Make the error for inputs that are not nin numbers: rows of numbers, or too few or many."""
    first = next(iter(x), None)
    if isinstance(x, str) or isinstance(first, str):
        return TypeError(f"{module!r} takes a list of numbers, got {x!r:.60} of type {type(x).__name__}")
    got = f"{module!r} takes {counted(nin, 'input')}, got"
    if hasattr(first, "__len__"):
        return ValueError(
            f"{got} {counted(len(x), 'row')}: call it on each, [model(x) for x in X], or compile it for all of them, "
            'jit(lambda model, x: model(x), batch="x")(model, X)'
        )
    return ValueError(f"{got} {len(x):,}")

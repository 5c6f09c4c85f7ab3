"""An op is a row and a method; if one is missing, the message names the file to edit."""

from __future__ import annotations

import pytest

from autograd_tiny import Op, Value, grad, jvp
from autograd_tiny.engine import ops
from autograd_tiny.engine.operand import Operand
from autograd_tiny.engine.symbol import Symbol

MACHINERY = {"apply", "as_integer_ratio", "binary", "outranking", "rank", "unary"}
NUMPYS: set[str] = set()
METHODS = {name for name in vars(Operand) if not name.startswith("_")} - MACHINERY - NUMPYS


def forgotten(table, methods):
    """List a message for each one-operand row without a method, unless a slope, and for each method without a row."""
    for name, row in table.items():
        if name.endswith("_rule"):  # for the derivatives of other rows only
            continue
        if isinstance(row.partials, tuple) and len(row.partials) == 1 and not {name, f"__{name}__"} & methods:
            yield f"{name} is a row without a method: open autograd_tiny/engine/operand.py and write `def {name}(self)`"
    for name in methods:
        if not name.startswith("_") and name not in table:
            yield f"{name} is a method without a row: open autograd_tiny/engine/ops.py and write `{name} = Op(…)`"


def test_every_row_of_one_operand_has_a_method_and_every_method_a_row():
    assert not list(forgotten(ops.TABLE, METHODS | {n for n in vars(Operand) if n.startswith("__")}))


def test_a_forgotten_method_or_row_is_told_with_the_file_to_open():
    new = Op("sinc", lambda x: x, (lambda y, x: 1.0,))
    (told,) = forgotten({"sinc": new}, set())
    assert told.startswith("sinc is a row without a method: open autograd_tiny/engine/operand.py")
    (told,) = forgotten({}, {"sinc"})
    assert told.startswith("sinc is a method without a row: open autograd_tiny/engine/ops.py")


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_method_applies_the_row_of_its_name(name):
    row = ops.TABLE[name]
    others = tuple(Symbol(c) for c in "bc"[: len(row.partials) - 1])
    applied = getattr(Symbol("a"), name)(*others)
    assert applied.op is row
    assert [str(x) for x in applied.operands] == ["a", "b", "c"][: len(row.partials)]


def test_divmod_is_both_operators():
    x = Value(7.5)
    assert [y.data for y in divmod(x, 2)] == [*divmod(7.5, 2)]
    assert [y.data for y in divmod(20, x)] == [*divmod(20, 7.5)]
    assert grad(lambda x: sum(divmod(x, 2)))(7.5) == jvp(lambda x: sum(divmod(x, 2)), (7.5,), (1.0,))[1] == 1.0

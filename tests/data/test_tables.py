"""Tables: made of dicts, DataFrames and arrays; rows and columns chosen; what is missing is told."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny.data import Table


def test_of_a_dict_a_frame_and_an_array():
    pandas = pytest.importorskip("pandas")
    table = Table({"a": [1, None, 2.5], "b": ["x", None, "z"], "c": [True, False, True]})
    assert table["a"].dtype == np.float64
    assert table == Table({"a": np.array([1, math.nan, 2.5]), "b": ["x", "", "z"], "c": [1.0, 0.0, 1.0]})
    for frame in (
        pandas.DataFrame(table.columns),
        pandas.DataFrame(
            {"a": pandas.array([1, None, 2.5], "Float64"), "b": ["x", None, "z"], "c": [True, False, True]}
        ),
        pandas.DataFrame(
            {"a": [1, None, 2.5], "b": pandas.Categorical(["x", None, "z"]), "c": [1, 0, 1]}, index=[5, 5, 7]
        ),
    ):
        assert Table(frame) == Table({**table.columns, "b": ["x", "", "z"]}, names=[*"abc"]), frame
    assert Table(np.arange(6, dtype=np.float32).reshape(3, 2)) == Table({"x1": [0, 2, 4], "x2": [1, 3, 5]})
    assert Table([[1, 2], [3, 4]], names=["a", "b"])["b"].tolist() == [2.0, 4.0]
    assert Table({"a": [Decimal("0.5"), Fraction(1, 4), np.int8(3)]})["a"].tolist() == [0.5, 0.25, 3.0]
    assert Table(table) == table
    assert table != Table({"a": [1, 2, 3]})
    assert table != "table"
    assert len(Table({"a": []})) == 0


@pytest.mark.parametrize("make", [lambda a: a[::2], lambda a: a[::-1], lambda a: a.astype(np.float32), lambda a: a > 3])
def test_columns_are_copies(make):
    array = np.arange(10.0)
    table = Table({"a": make(array)})
    given = table["a"].copy()
    array[:] = -1
    assert np.array_equal(table["a"], given)
    assert table["a"].flags.c_contiguous


BAD = [
    ({"a": [1, 2], "b": [1]}, ValueError, "columns of different lengths: a has 2 rows, b has 1"),
    ({}, ValueError, "a table needs at least one column"),
    ({"a": "xyz"}, TypeError, "the column a is a list or an array of one axis, not str"),
    ({"a": 3.0}, TypeError, "the column a is a list or an array of one axis, not float"),
    ({"a": [1, "x"]}, TypeError, "the column a has text, and 1 in row 1: make both text or both numbers"),
    ({"a": [1, 2j]}, TypeError, "the column a has complex 2j in row 2: numbers or text are needed"),
    ({"a": [1, [2]]}, TypeError, "the column a has list [2] in row 2: numbers or text are needed"),
    ({"a": np.zeros((2, 2))}, TypeError, "the column a has shape (2, 2): one axis is needed"),
    (
        {"a": np.array(["2020-01-01"], "M8[D]")},
        TypeError,
        "the column a has dates or complex numbers (datetime64[D]): numbers or text are needed",
    ),
    ({"a": [10**400]}, ValueError, "a is beyond the largest double in row 1"),
    ({3: [1]}, TypeError, "the name of a column is a string, not 3"),
    ({"": [1]}, TypeError, "the name of a column is a string, not ''"),
    (
        np.zeros(3),
        ValueError,
        "a table is made of a dict of columns, a DataFrame or an array of two axes, not of shape (3,)",
    ),
    (3, ValueError, "a table is made of a dict of columns, a DataFrame or an array, not int"),
]


@pytest.mark.parametrize(("source", "kind", "told"), BAD, ids=range(len(BAD)))
def test_what_is_not_a_table(source, kind, told):
    with pytest.raises(kind, match=f"^{re.escape(told)}$"):
        Table(source)


def test_names():
    with pytest.raises(ValueError, match=r"^1 name for 2 columns$"):
        Table(np.zeros((2, 2)), names=["a"])
    with pytest.raises(ValueError, match=r"^the name 'a' is given to two columns$"):
        Table(np.zeros((2, 2)), names=["a", "a"])
    table = Table({"species": [1.0], "size": [2.0]})
    with pytest.raises(KeyError) as caught:
        table["specis"]
    assert str(caught.value) == "the table has no column 'specis': did you mean 'species'?"
    with pytest.raises(ValueError, match=r"^the table has no column 'qq': it has species, size$"):
        table.drop(["qq"])
    assert "size" in table
    assert "qq" not in table
    assert [*table] == table.names
    assert repr(Table(np.zeros((2, 20)))) == "Table(2 rows: x1, x2, x3, x4, x5, x6, …, x20)"


@given(st.lists(st.tuples(st.floats(), st.sampled_from(["", "x", "y"])), min_size=1), st.randoms())
def test_missing_and_infinite_values_are_told_by_their_row(cells, random):
    table = Table({"a": np.array([a for a, _ in cells]), "b": [b for _, b in cells]})
    lacking = [i for i, (a, b) in enumerate(cells) if a != a or not b]
    left = table.drop_missing()
    assert left.rows.tolist() == [i + 1 for i in range(len(cells)) if i not in lacking]
    if lacking:
        with pytest.raises(
            ValueError, match=rf"^[ab] is missing in row {lacking[0] + 1}; {len(lacking)} of {len(cells)} row"
        ):
            table.check()
    infinite = [i + 1 for i in (left.rows - 1).tolist() if math.isinf(cells[i][0])]
    if infinite:
        with pytest.raises(ValueError, match=rf"^a is -?inf in row {infinite[0]}: a finite number is needed$"):
            left.check()
    elif len(left):
        left.check()
    order = random.sample(range(len(left)), len(left))
    assert left.take(order).rows.tolist() == left.rows[order].tolist()
    assert len(table.drop_missing(["b"])) == sum(bool(b) for _, b in cells)


def test_rows_of_a_file_keep_their_numbers():
    table = Table({"a": [1, 2, 3, math.inf], "b": ["", "x", "y", "z"]}).drop_missing().drop("b").take([2, 1])
    with pytest.raises(ValueError, match="a is inf in row 4"):
        table.check()
    assert Table(table).rows.tolist() == [4, 3]
    assert table.take(np.array([False, True]))["a"].tolist() == [3.0]
    assert len(table.take([])) == 0

"""Features and targets: standardised, one column for each value, back again, and as JSON."""

from __future__ import annotations

import json
import math
import re
import string

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from autograd_tiny.data import Features, Table, Target, read_csv

NUMBERS = st.floats(-1e300, 1e300)
LABELS = (
    st.text(string.ascii_letters.replace("n", "").replace("N", "") + " é=", min_size=1, max_size=3)
    .map(str.strip)
    .filter(bool)
)


@st.composite
def tables(draw, numbers=NUMBERS):
    n = draw(st.integers(2, 9))
    return Table(
        {
            f"c{k}": draw(st.lists(draw(st.sampled_from([numbers, LABELS])), min_size=n, max_size=n))
            for k in range(draw(st.integers(1, 4)))
        }
    )


def features_of(table, **options):
    try:
        return Features.of(table, **options)
    except ValueError as error:
        assert "no column is left to learn from" in str(error)  # noqa: PT017
        assume(False)


@given(tables())
def test_numbers_are_standardised_and_text_is_ones(table):
    features = features_of(table)
    array = features.array(table)
    assert array.shape == (len(table), len(features.names))
    assert array.dtype == np.float64
    assert array.flags.c_contiguous
    for k, name in enumerate(features.names):
        column, _, value = name.partition("=")
        if isinstance(table[column], list):
            assert array[:, k].tolist() == [float(cell == value) for cell in table[column]]
        elif np.ptp(table[column] / 2) > 1e-6 * np.abs(table[column]).max():
            assert abs(array[:, k].mean()) < 1e-9
            assert abs(array[:, k].std() - 1) < 1e-9


@given(tables())
def test_features_survive_json(table):
    features = features_of(table)
    again = Features.from_json(json.loads(json.dumps(features.as_json())))
    assert again == features
    assert np.array_equal(again.array(table), features.array(table))


@given(tables(st.floats(-1e6, 1e6).map(lambda x: round(x, 3))), st.data())
def test_only_the_training_part_is_measured(table, data):
    rows = data.draw(st.lists(st.integers(0, len(table) - 1), min_size=2, unique=True))
    features = features_of(table, rows=rows)
    part = features.array(table.take(rows))
    assert np.array_equal(features.array(table)[rows], part)
    for k, name in enumerate(features.names):
        seen = table.take(rows)[name.partition("=")[0]]
        if not isinstance(seen, list) and np.ptp(seen / 2) > 1e-6 * np.abs(seen).max():
            assert abs(part[:, k].mean()) < 1e-9


def test_numbers_at_the_ends_of_the_doubles():
    for least, most in ((-1.7e308, 1.7e308), (1e308, 1.5e308), (0.0, 1e-300)):
        table = Table({"a": [least, most]})
        features = Features.of(table)
        assert features.array(table)[:, 0] == pytest.approx([-1.0, 1.0])
        assert Target.of([least, most]).labels([-1.0, 1.0]) == pytest.approx([least, most])
    with pytest.raises(ValueError, match=r"^a is 1e\+10 in row 1: in training it was 5e-301 ± 5e-301$"):
        features.array(Table({"a": [1e10]}))
    with pytest.raises(ValueError, match=r"^target is 1e\+10 in row 1: in training"):
        Target.of([0.0, 1e-300]).codes([1e10])


def test_what_is_left_out_is_told():
    table = Table({"a": [1, 1, 2], "b": [1, 2, 3], "c": [0.5, 0.5, 0.5], "kind": ["x", "x", "x"]})
    assert Features.of(table).left_out == ("c is 0.5 in every row", "kind is x in every row")
    assert Features.of(table, except_=["c", "kind"], rows=[0, 1]).left_out == (
        "a is 1 in every row of the training part",
    )


def test_columns_are_found_by_name():
    features = Features.of(Table({"a": [1, 2], "b": [3, 5], "kind": ["x", "y"], "y": [0, 1]}), except_="y")
    assert features.names == ["a", "b", "kind=x", "kind=y"]
    new = Table({"more": ["", ""], "kind": ["y", "x"], "b": [5, 3], "a": [1, 2]})
    assert features.array(new).tolist() == [[-1, 1, 0, 1], [1, -1, 1, 0]]
    assert features.array(new.take([])).shape == (0, 4)
    assert Features.of(Table({"kind": ["1", "2b"]})).array(Table({"kind": [1.0]})).tolist() == [[1.0, 0.0]]


LEAVE = "drop_missing() or --drop-missing leaves them out"
MANY = [f"w{k}" for k in range(10)]
BAD = [
    ({"a": []}, "the table has no rows"),
    ({"a": [1.0, None]}, f"a is missing in row 2; 1 of 2 rows has missing values: {LEAVE}"),
    ({"a": [1.0, math.inf]}, "a is inf in row 2: a finite number is needed"),
    ({"a": [3.0, 3.0], "b": ["x", "x"]}, "no column is left to learn from: a is 3 in every row; b is x in every row"),
    ({"name": MANY}, "name has 10 different texts in 10 rows, such as 'w0', too many to learn from: drop('name') "
     "or --drop name leaves the column out"),
    ({"a": ["1", "2", "x", "4"]}, "a is a number in 3 of 4 rows, and 'x' in row 3: correct it or leave the cell empty; "
     "drop('a') or --drop a leaves the column out"),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "told"), BAD, ids=range(len(BAD)))
def test_columns_that_cannot_be_learned_from(columns, told):
    with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
        Features.of(Table(columns))


def test_what_is_asked_is_not_learned_from():
    with pytest.raises(ValueError, match=r"^no column is left to learn from: the table has only a$"):
        Features.of(Table({"a": [1, 2]}), except_=["a"])
    with pytest.raises(ValueError, match=r"^the table has no column 'b': it has a$"):
        Features.of(Table({"a": [1, 2]}), except_="b")
    with pytest.raises(ValueError, match=r"^the training part has no rows$"):
        Features.of(Table({"a": [1, 2]}), rows=[])


def test_rows_are_called_as_in_the_file():
    features, target = Features.of(Table({"a": [1, 2], "kind": ["x", "y"]})), Target.of(["x", "y"], name="kind")
    new = Table({"a": ["1", "1", "?x"], "kind": ["x", "", "z"]}).drop_missing()
    with pytest.raises(ValueError, match=r"^a is '\?x' in row 3: in training it was a number$"):
        features.array(new)
    for of in (features.array, target.codes):
        with pytest.raises(ValueError, match=r"^kind is 'z' in row 3, which training did not have"):
            of(Table({"a": [1, 1, 1], "kind": ["x", "", "z"]}).drop_missing())
    numbers = Table({"a": [1, None, 1e300], "b": ["", "1", "x"]}).drop_missing(["a"])
    with pytest.raises(ValueError, match=r"^a is 1e\+300 in row 3: in training it was"):
        Target.of([0.0, 1e-300], name="a").codes(numbers)
    with pytest.raises(ValueError, match=r"^b is 'x' in row 3: a regression needs numbers$"):
        Target.of(numbers.drop_missing(), "regression", name="b")


NEW = [
    ({"b": [1]}, "the table has no column 'a', 'kind', which training had: it has b"),
    ({"a": ["?x"], "kind": ["x"]}, "a is '?x' in row 1: in training it was a number"),
    ({"a": [1, 2], "kind": ["x", "z"]}, "kind is 'z' in row 2, which training did not have: it had x, y"),
    ({"a": [1, 2], "kind": [1, 2]}, "kind is 1.0 in row 1, which training did not have: it had x, y"),
    ({"a": [1, 2], "kind": ["x", ""]}, f"kind is missing in row 2; 1 of 2 rows has missing values: {LEAVE}"),
    ({"a": [1], "kind": [math.nan]}, f"kind is missing in row 1; 1 of 1 row has missing values: {LEAVE}"),
    ({"a": [1, math.inf], "kind": ["x", "y"]}, "a is inf in row 2: a finite number is needed"),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "told"), NEW, ids=range(len(NEW)))
def test_tables_that_training_did_not_have(columns, told):
    features = Features.of(Table({"a": [1, 2], "kind": ["x", "y"]}))
    with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
        features.array(Table(columns))


A = {"name": "a", "mean": 0.0, "deviation": 1.0}
HOSTILE = [
    None, [], {}, {"columns": []}, {"columns": [], "left_out": []}, {"columns": [A], "left_out": [], "x": 1},
    {"columns": [A, A], "left_out": []}, {"columns": [A], "left_out": [1]}, {"columns": [[]], "left_out": []},
    *({"columns": [column], "left_out": []} for column in [
        {}, {**A, "name": ""}, {**A, "name": 3}, {**A, "name": [[]]}, {**A, "mean": math.nan}, {**A, "mean": "0"},
        {**A, "mean": 10**400}, {**A, "mean": True}, {**A, "deviation": -1.0}, {**A, "deviation": math.inf},
        {**A, "x": 1}, {"name": "a", "values": []}, {"name": "a", "values": "xy"},
        {"name": "a", "values": ["x", "x"]},
        {"name": "a", "values": [1]}, {"name": "a", "values": [[]]}, {"name": "a", "values": [""]},
        {"name": "a", "values": ["x"], "mean": 0.0},
    ]),
]  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE, ids=range(len(HOSTILE)))
def test_json_that_is_not_features(data):
    with pytest.raises(ValueError, match=r"^not features: "):
        Features.from_json(data)


KINDS = [
    (["cat", "dog", "cat"], "classification", ("cat", "dog")),
    ([True, False], "classification", (0, 1)),
    (np.array([0, 1]), "classification", (0, 1)),
    ([3, 1, 2, 1, 2, 3], "classification", (1, 2, 3)),
    ([*range(20)] * 2, "classification", tuple(range(20))),
    ([*range(21)] * 9, "regression", ()),
    ([1, 2, 3, 4], "regression", ()),
    ([0.5, 1.5] * 9, "regression", ()),
    (["1", "1", "2", "2"], "classification", ("1", "2")),
]


@pytest.mark.parametrize(("column", "task", "classes"), KINDS, ids=range(len(KINDS)))
def test_the_task_is_seen_in_the_column(column, task, classes):
    target = Target.of(column)
    assert (target.task, target.classes) == (task, classes)
    assert Target.from_json(json.loads(json.dumps(target.as_json()))) == target
    if task == "classification":
        assert target.codes(column).dtype == np.int64
    again = target.labels(target.codes(column))
    assert [*again] == pytest.approx([*column]) if task == "regression" else [*again] == [*column]


@given(st.lists(NUMBERS, min_size=2, max_size=20, unique=True))
def test_a_number_is_standardised_and_comes_back(column):
    assume(np.ptp(np.array(column) / 2) > 1e-6 * max(map(abs, column)))
    target = Target.of(column, "regression")
    codes = target.codes(column)
    assert abs(codes.mean()) < 1e-9
    assert abs(codes.std() - 1) < 1e-9
    assert target.labels(codes) == pytest.approx(column, rel=1e-9, abs=1e-9 * max(map(abs, column)))
    assert Target.from_json(json.loads(json.dumps(target.as_json()))) == target


def test_the_task_is_chosen():
    assert Target.of([1, 2, 1, 2], "regression").codes([1, 2]).tolist() == [-1.0, 1.0]
    assert Target.of([0.5, 1.5, 0.5], "classification").labels([1]) == [1.5]
    assert Target.of(["1", "2", "3+"], "classification").codes(["3+", "1"]).tolist() == [2, 0]
    assert Target.of([1.0, 2.0, 9.0], rows=[0, 1]).mean == 1.5
    table = Table({"a": ["", "x", "y"]}).drop_missing()
    assert Target.of(table, name="a").codes(table).tolist() == [0, 1]
    assert Target.of(["1", "2"]).codes([2.0, 1.0]).tolist() == [1, 0]  # a file with numbers alone
    assert Target.of([1, 2, 1, 2]).codes(["2", "1"]).tolist() == [1, 0]
    assert Target.of(["1", "1.0"]).codes(["1.0", "1"]).tolist() == [1, 0]


REFUSED = [
    (["a", "a"], None, "y is a in every row: classification needs two classes or more"),
    ([1, 1], "classification", "y is 1 in every row: classification needs two classes or more"),
    ([0.5, 0.5], None, "y is 0.5 in every row: there is nothing to learn"),
    ([], None, "y has no rows"),
    (["a", "b", ""], None, f"y is missing in row 3; 1 of 3 rows has missing values: {LEAVE}"),
    ([1.0, math.inf], None, "y is inf in row 2: a finite number is needed"),
    (["1", "b"], "regression", "y is 'b' in row 2: a regression needs numbers"),
    (["1", "2", "b"], None, "y is a number in 2 of 3 rows, and 'b' in row 3: correct it or leave the cell empty; as a "
     "classification all are classes"),
    (MANY, None, "y has 10 different texts in 10 rows, such as 'w0', too many for classes"),
    ([*range(10)], "classification", "y has 10 different numbers in 10 rows, too many for classes: the task is "
     "regression"),
    ([1, 2], "guess", "the task is classification or regression, not 'guess'"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "task", "told"), REFUSED, ids=range(len(REFUSED)))
def test_a_column_that_cannot_be_asked_for(column, task, told):
    with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
        Target.of(column, task, name="y")


def test_an_unknown_class_is_told():
    with pytest.raises(ValueError, match=r"^target is 3 in row 2, which training did not have: it had 1, 2$"):
        Target.of([1, 2, 1, 2]).codes([1, 3])
    with pytest.raises(ValueError, match=r"^target is 'x' in row 1: in training it was a number$"):
        Target.of([1.5, 2.5]).codes(["x"])


HOSTILE_TARGETS = [
    None, {}, [], {"classes": ["a", "b"]}, {"name": "a", "task": "regression", "classes": ["a", "b"]},
    *({"name": "a", "task": "classification", "classes": classes} for classes in [
        [], ["a"], ["a", "a"], ["a", 1], [[], []], "ab", [math.nan, 1.0], [True, False], {"a": 1}, [None, None],
        [10**400, 1],    ]),
    *({"name": "a", "task": "regression", "mean": mean, "deviation": deviation} for mean, deviation in [
        (0.0, 0.0), (math.nan, 1.0), ("0", 1.0), (0.0, -1.0), (0.0, math.inf),
    ]),
    {"name": "", "task": "regression", "mean": 0.0, "deviation": 1.0},
    {"name": "a", "task": "classification", "mean": 0.0, "deviation": 1.0},
]  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE_TARGETS, ids=range(len(HOSTILE_TARGETS)))
def test_json_that_is_not_a_target(data):
    with pytest.raises(ValueError, match=r"^not a target: "):
        Target.from_json(data)


def with_decimal_commas(path, cell, rows=40):
    cells = [f"{i % 4},{i % 3}" for i in range(rows)]
    cells[rows - 2] = cell
    path.write_text("\n".join(["x;kind", *(f"{x};{'ab'[i % 2]}" for i, x in enumerate(cells))]), encoding="utf-8")
    return read_csv(path)


@pytest.mark.parametrize("cell", ["3,x1", "1.234,50", "2,1 kg"])
def test_a_cell_that_is_no_number_is_named_beside_decimal_commas_too(tmp_path, cell):
    table = with_decimal_commas(tmp_path / "a.csv", cell)
    told = re.escape(f"x is a number in 39 of 40 rows, and {cell!r} in row 39: correct it")
    with pytest.raises(ValueError, match=told):
        Features.of(table, except_="kind")
    with pytest.raises(ValueError, match=told):
        Target.of(table, name="x")
    with pytest.raises(ValueError, match=re.escape(f"x is {cell!r} in row 39: a regression needs numbers")):
        Target.of(table, "regression", name="x")
    features = Features.of(with_decimal_commas(tmp_path / "b.csv", "1,5"), except_="kind")
    with pytest.raises(ValueError, match=re.escape(f"x is {cell!r} in row 39: in training it was a number")):
        features.array(table)


@pytest.mark.parametrize("spelled", ["{}.000,50", "{} €", "C{}", "2020-01-{}"])
def test_text_that_differs_in_most_rows_is_told_with_an_example(spelled):
    cells = [spelled.format(i) for i in range(10, 30)]
    table = Table({"x": cells, "kind": [*"ab"] * 10})
    told = re.escape(f"x has 20 different texts in 20 rows, such as {cells[0]!r}, too many")
    with pytest.raises(ValueError, match=told):
        Features.of(table, except_="kind")
    with pytest.raises(ValueError, match=told):
        Target.of(table, name="x")


def test_all_columns_of_text_that_differ_in_most_rows_are_told_at_once():
    table = Table({"id": [f"C{i}" for i in range(20)], "day": [f"d{i}" for i in range(20)], "x": [*range(20)]})
    with pytest.raises(ValueError, match=r"drop\(\['id', 'day'\]\) or --drop id --drop day leaves them out$"):
        Features.of(table, except_="x")

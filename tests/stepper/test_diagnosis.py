"""`diagnose` tells where a nan or an inf began, why, and what to write instead."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny import Value, diagnose, jit, nn, ops, tracing
from autograd_tiny.engine.op import Variadic
from autograd_tiny.stepper.origins import CANCELS, GIVEN, OVERFLOWS, POLES

NAN, INF = math.nan, math.inf


def big():
    return Value(1e200, "big")


BEGINNINGS = [
    (lambda: big() * big() - big() * big(), ["1e+200 * 1e+200 overflows", "inf - inf has no value", CANCELS]),
    (lambda: Value(INF, "i") * 0.0, ["i is given as inf", "i * 0 is nan: inf * 0 has no value", "`where`"]),
    (lambda: Value(INF, "i") - Value(INF, "j"), ["i is given as inf", "i - j is nan: inf - inf has no value"]),
    (lambda: Value(NAN, "q") + 1.0, ["q is given as nan", GIVEN]),
    (lambda: Value(2.0, "w") * NAN, ["w * nan is nan", "given as nan"]),
    (lambda: Value(0.0, "x").sqrt() + 1.0, ["∂sqrt(x)/∂x is inf where x = 0", "(x + eps).sqrt()"]),
    (lambda: abs(Value(0.0, "x")).sqrt(), ["∂sqrt(abs(x))/∂abs(x) is inf"]),
    (lambda: (Value(0.0, "x") * 2.0) ** 0.5, ["∂((x * 2) ** 0.5)/∂(x * 2) is inf", "(x * 2 + eps) ** p"]),
    (lambda: Value(1e-300, "t").reciprocal(), ["the local derivative ∂reciprocal(t)/∂t is larger"]),
    (lambda: Value(-1.0, "x").relu(), ["dead: 1 of 2 values passes no gradient"]),
    (lambda: Value(-1.0, "x").relu() + Value(-1.0, "y").relu(), ["dead: 2 of 5 values pass no gradient"]),
]  # fmt: skip


@pytest.mark.parametrize(("make", "parts"), BEGINNINGS)
def test_the_beginning_is_told_as_what_it_is(make, parts):
    text = str(diagnose(make()))
    for part in parts:
        assert part in text, text


@given(st.integers(1, 5), st.integers(1, 4), st.data())
def test_a_nan_in_the_data_is_named_with_its_row(rows, columns, data):
    r, c = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    points = [[0.5] * columns for _ in range(rows)]
    points[r][c] = NAN
    w = Value(2.0, "w")

    def loss(points):
        return sum((w * x for row in points for x in row), Value(0.0))

    with tracing():
        of_value = str(diagnose(loss(points)))
    assert f"points[{r}][{c}] (row {r} of points) is given as nan at test_diagnosis.py:" in of_value
    assert str(diagnose(loss, points)).startswith(f"points[{r}][{c}] (row {r} of points) is given as nan")


def test_a_nan_in_an_array():
    np = pytest.importorskip("numpy")
    table = np.ones((4, 2))
    table[3, 1] = NAN
    model = nn.MLP(2, [2, 1], seed=0)
    loss = sum((model(row) for row in table), Value(0.0))
    assert "table[3, 1] (row 3 of table) is given as nan" in str(diagnose(loss))


@pytest.mark.parametrize("kind", ["list", "array"])
def test_a_nan_in_the_data_of_a_recorded_network(kind):
    table = [[0.5, 1.0], [0.5, 1.0], [1.0, NAN]]
    if kind == "array":
        table = pytest.importorskip("numpy").array(table)
    model = nn.MLP(2, [2, 1], seed=0)
    with tracing():
        loss = sum((model(row) for row in table), Value(0.0))
    path = "table[2, 1]" if kind == "array" else "table[2][1]"
    assert f"{path} (row 2 of table) is given as nan" in str(diagnose(loss))


def test_compiled_code_raises_the_same_sentence():
    f = jit(lambda x: x[0] * x[1], batch="x", backend="python", check_finite=True)
    with pytest.raises(FloatingPointError, match=r"in sample 2: the result is nan: x\[1\] is given as nan"):
        f([[1.0, 2.0], [1.0, 3.0], [1.0, NAN]])


RAISING = [
    (lambda x: x * math.exp(x), "raises TypeError at test_diagnosis.py:", "cannot be converted to float"),
    (lambda x: (x - x).log(), "raises ValueError at test_diagnosis.py:", "log1p(u) for log(1 + u)"),
    (lambda x: 1 / (x - x), "raises ZeroDivisionError at test_diagnosis.py:", "a / where(b, b, 1.0)"),
    (lambda x: (x * 1000).exp(), "raises OverflowError at test_diagnosis.py:", "subtract the largest exponent"),
    (lambda x: 3.0, "is 3.0 of type float", "records nothing"),
    (lambda x, y: x, "raises TypeError", "missing"),
]


@pytest.mark.parametrize(("f", "said", "why"), RAISING)
def test_what_a_function_raises_is_found(f, said, why):
    found = diagnose(f, 2.0)
    assert found
    assert said in str(found)
    assert why in str(found)


def test_what_cannot_be_diagnosed():
    with pytest.raises(TypeError, match="diagnose takes a Value, a Trace or a function and its arguments, got 3"):
        diagnose(3.0)
    with pytest.raises(TypeError, match="arguments after a function only"):
        diagnose(Value(1.0), 2.0)


def test_advice_is_of_rows_of_the_table():
    assert set(POLES) | set(OVERFLOWS) <= {
        row.name for row in ops.TABLE.values() if not isinstance(row.partials, Variadic)
    }


def test_a_diagnosis_shows_itself_in_a_notebook():
    shown = diagnose(Value(NAN, "<b>"))._repr_mimebundle_()
    assert "&lt;b&gt; is given as nan" in shown["text/html"]
    assert shown["text/plain"].startswith("<b> is given as nan")

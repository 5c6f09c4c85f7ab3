"""Expressions: accepted texts agree with Python, all others are refused in one clear line."""

from __future__ import annotations

import contextlib
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny.engine import ops
from autograd_tiny.engine.expression import MAX_CHARACTERS, ExpressionError, evaluate, number

ATOMS = st.sampled_from(["a", "b", "2", "0.5", "1e-3"])


def combined(inner):
    return st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from(["+", "-", "*"]), inner),
        st.builds("({})".format, inner),
        st.builds("-{}".format, inner),
        st.builds("tanh({})".format, inner),
        st.builds("{}**2".format, ATOMS),
    )


@given(st.recursive(ATOMS, combined, max_leaves=12))
def test_an_expression_is_what_python_computes(text):
    text = f"a + b + {text}"
    expected = eval(text, {"a": 1.25, "b": -0.75, "tanh": math.tanh})  # the text is this test's own
    assert evaluate(text, {"a": 1.25, "b": -0.75}).data == expected


def test_names_and_reuse():
    y = evaluate("b = a + a; c = b * 1; c + b", {"a": 3.0})
    y.backward()
    assert [x.name for x in y.parents] == ["c", "b"]
    b = y.parents[1]
    assert b.parents[0] is b.parents[1]
    assert b.parents[0].grad == 4.0


@pytest.mark.parametrize("name", [name for name, op in ops.TABLE.items() if isinstance(op.partials, tuple)])
def test_every_row_can_be_called(name):
    operands = {1: ["a"], 2: ["a", "b"], 3: ["a", "b", "c"]}[len(ops.TABLE[name].partials)]
    try:
        expected = ops.TABLE[name](*(0.25, 0.5, 0.75)[: len(operands)])
    except ValueError:
        return
    values = dict(zip(operands, (0.25, 0.5, 0.75), strict=False))
    assert evaluate(f"{name}({', '.join(operands)})", values).data == expected


NUMBERS = {
    "pi": math.pi, "-pi/2": -math.pi / 2, "1/2": 0.5, "2**-3": 0.125, "sqrt(2)": math.sqrt(2), "-inf": -math.inf,
    "inf": math.inf, "1e-3": 1e-3, " 2 * (3 + 4) ": 14.0, "1_000": 1000.0, "+3": 3.0, "exp(1)": math.e,
}  # fmt: skip


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_may_be_arithmetic(text):
    assert number(text) == NUMBERS[text]


def test_nan_is_a_number_given_by_name():
    assert math.isnan(number("nan"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one", "one is not a number"), ("", "the number is empty"), ("x.real", "is an attribute"),
        ("__import__('os')", "is an unknown op"), ("1/0", "division by zero"), ("1; 2", "one number"),
        ("a = 1", "one number"), ("10**400", "too large for a float"), ("1e999", "too large"),
        ("log(-1)", "outside the domain"),
    ],
)  # fmt: skip
def test_what_is_not_a_number(text, message):
    with pytest.raises(ExpressionError, match=re.escape(message)):
        number(text)


def test_an_unknown_function_lists_the_near_ones():
    for text, near in [("sigmod(a)", "sigmoid"), ("arctan(a)", "atan"), ("logn(a)", "log"), ("maxi(a, a)", "maximum")]:
        with pytest.raises(ExpressionError) as caught:
            evaluate(text, {"a": 1.0})
        assert near in str(caught.value)
        assert len(str(caught.value)) < 120
    with pytest.raises(ExpressionError, match="qqqq is an unknown op; ops are such as exp, tanh"):
        evaluate("qqqq(a)", {"a": 1.0})


BAD = [
    ("", "the expression is empty"),
    ("a + c", "column 5: c is an unknown name; give it a value: c=…"),
    ("alpha2 + a", "did you mean alpha?"),
    ("tanhh(a)", "column 1: tanhh is an unknown op; did you mean tanh?"),
    ("max(a, alpha)", "did you mean maximum?"),
    ("tanh + a", "tanh is an op: write tanh(…)"),
    ("tanh(a, a)", "tanh takes 1 operand, got 2"),
    ("tanh(x=a)", "give the operands in order"),
    ("tanh(*a)", "*a is a star"),
    ("a b", "column 3: invalid syntax"),
    ("a.real", "a.real is an attribute"),
    ("a.__class__.__mro__", "is an attribute"),
    ("a[0]", "a[0] is a subscript"),
    ("__import__('os')", "__import__ is an unknown op"),
    ("__builtins__", "__builtins__ is an unknown name"),
    ("(lambda: a)()", "not arithmetic"),
    ("[a for a in a]", "is a comprehension"),
    ("{a}", "is a set"),
    ("a, a", "is a tuple"),
    ("a < 1", "is a comparison"),
    ("a if a else a", "is an if"),
    ("a and a", "is and/or"),
    ("not a", "is not"),
    ("a @ a", "is @"),
    ("a ^ 2", "a power is **"),
    ("(b := a)", "is :="),
    ("import os", "is an import"),
    ("del a", "is not arithmetic"),
    ("a += 1", "is not arithmetic"),
    ("f'{a}'", "is a string"),
    ("'3' * a", "'3' is a str"),
    ("1j * a", "1j is a complex"),
    ("True * a", "True is a bool"),
    ("a * 1e999", "1e999 is too large for a float"),
    ("a * 1" + "0" * 400, "is too large for a float"),
    ("9**9**9**9 * a", "too large for a float"),
    ("a\x00", "null bytes"),
    ("(" * 500 + "a" + ")" * 500, "nested"),
    ("-" * 500 + "a", "nested"),
    ("**".join(["a"] * 500), "nested more than 200 levels deep"),
    ("a - " * 300 + "-" * 300 + "a", "nested more than 200 levels deep"),
    ("a + tanh(" * 190 + "-" * 20 + "a" + ")" * 190, "nested more than 200 levels deep"),
    ("a" * (MAX_CHARACTERS + 1), "characters: at most 20,000"),
    ("a = 3; a", "a has a value already"),
    ("a; a", "has no effect"),
    ("2 * 3", "a has a value but is not in the expression"),
    ("log(a - 9)", "log(-8.0): outside the domain (0, ∞)"),
    ("a / 0", "division by zero"),
    ("a\n + a", "unexpected indent"),
    ("b = a\nb.x", "line 2, column 1"),
]


@pytest.mark.parametrize(("text", "complaint"), BAD, ids=[text[:20] for text, _ in BAD])
def test_all_else_is_refused(text, complaint):
    values = {"a": 1.0, **({"alpha": 2.0} if "alpha" in text else {})}
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, values)
    assert complaint in str(caught.value)
    assert len(str(caught.value)) < 800


@pytest.mark.parametrize("signs", ["+", "-", "*", "/", "+-", "+*", "-/*+"])
def test_a_long_row_of_terms_is_flat(signs):
    """Read a left-nested chain without parentheses."""
    text = "a" + "".join(f" {signs[k % len(signs)]} b{k % 7}" for k in range(1500))
    values = {"a": 1.25} | {f"b{k}": 1 + k / 1000 for k in range(7)}
    y = evaluate(text, values)
    assert y.data == eval(text, values)  # the text is this test's own
    y.backward()


def test_a_sum_is_read_or_refused_in_a_sentence():
    """Python 3.11 accepts 2,900 terms."""
    text = "+".join(["a"] * 10_000)
    with contextlib.suppress(ExpressionError):
        assert evaluate(text, {"a": 1.0}).data == 10_000
        return
    with pytest.raises(ExpressionError, match="more than Python's parser accepts: name parts of it, as in `b = …; b"):
        evaluate(text, {"a": 1.0})


def test_names_are_read_as_python_reads_them():
    assert evaluate("\u00b5 * 2", {"\u00b5": 3.0}).data == 6.0  # the micro sign, which Python takes for the letter


def test_a_number_alone_has_no_gradient():
    with pytest.raises(ExpressionError, match="name something to differentiate with respect to"):
        evaluate("2 * pi", {})
    with pytest.raises(ExpressionError, match="not a name"):
        evaluate("a", {"a b": 1.0})


@pytest.mark.slow
@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(ExpressionError):
        evaluate(text, {"a": 1.0})

"""Kinds of number and of table as arguments: right, or refused by name and type, the same in every face."""

from __future__ import annotations

import array
from decimal import Decimal
from fractions import Fraction

import pytest

from autograd_tiny import Value, ops
from autograd_tiny.compiler import jit
from autograd_tiny.engine.tree import leaves
from autograd_tiny.transforms.derivatives import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

np = pytest.importorskip("numpy", reason="most of these kinds are NumPy's")


def squares(x):
    return sum((a * a for _, a in leaves(x)), 0.0)


def flat(tree):
    return [float(x) for _, x in leaves(tree)]


def python(f, **options):
    return jit(f, backend="python", **options)


# Each gives the derivative of the sum of squares, as numbers in a row.
FACES = {
    "grad": lambda x: grad(squares)(x),
    "value_and_grad": lambda x: value_and_grad(squares)(x)[1],
    "jacobian": lambda x: jacobian(squares)(x),
    "vjp": lambda x: vjp(squares, x)[1](1.0),
    "jit": lambda x: python(grad(squares))(x),
    "jit in a list": lambda x: python(grad(squares))([x]),
    "batch": lambda x: python(grad(squares), batch="x")([x, x])[0],
    "batch of a list": lambda x: python(grad(lambda xs: squares(xs)), batch="xs")([[x]]),
}

NUMBERS = {
    "bool": (True, [1.0]),
    "np.bool": (np.bool_(True), [1.0]),
    "int": (3, [3.0]),
    "int of 54 bits": (2**53 + 1, [2.0**53]),
    "float16": (np.float16(0.1), [0.0999755859375]),
    "float32": (np.float32(0.1), [0.10000000149011612]),
    "longdouble": (np.longdouble(1) / 3, [1 / 3]),
    "Decimal": (Decimal("0.1"), [0.1]),
    "Fraction": (Fraction(1, 3), [1 / 3]),
    "infinite Decimal": (Decimal("Infinity"), [float("inf")]),
    "0-d": (np.array(1.5), [1.5]),
    "0-d int": (np.array(3), [3.0]),
}
ARRAYS = {
    "bool array": (np.array([True, False]), [1.0, 0.0]),
    "float16 array": (np.array([0.1, 2], np.float16), [0.0999755859375, 2.0]),
    "longdouble array": (np.array([1, 2], np.longdouble) / 3, [1 / 3, 2 / 3]),
    "int array": (np.array([1, 2], np.uint8), [1.0, 2.0]),
    "array of objects": (np.array([Decimal(1), Fraction(1, 2)], object), [1.0, 0.5]),
}
REFUSED = {
    "complex": (1 + 2j, "of type complex"),
    "np.complex128": (np.complex128(1 + 2j), "of type complex128"),
    "str": ("1.5", "'1.5' of type str"),
    "bytes": (b"1", "of type bytes"),
    "complex array": (np.array([1j]), "of type complex"),
    "array of text": (np.array(["1.5"]), "of type str"),
    "dates": (np.array(["2020-01-01"], "datetime64[D]"), "date"),
    "records": (np.array([(1, 2.0)], [("a", int), ("b", float)]), "an array of records"),
    "matrix": (np.array([[1.0, 2.0]]).view(np.matrix), r"of type matrix; np.asarray\(x\) is the array"),
    "masked": (
        np.ma.array([1.0, 2.0], mask=[0, 1]),
        r"of type MaskedArray; x.compressed\(\) leaves out",
    ),
    "nothing masked": (np.ma.array([1.0, 2.0]), "of type MaskedArray"),
    "the masked constant": (np.ma.masked, "of type MaskedConstant"),
    "set": ({1.0}, "of type set"),
    "range": (range(3), "of type range"),
    "array.array": (array.array("d", [1.0]), "of type array"),
    "large int": (10**400, "int too large"),
    "large longdouble": (np.longdouble("1e4000"), "of type longdouble is too large"),
    "large Decimal": (Decimal("1e400"), "of type Decimal is too large"),
}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("kind", NUMBERS | ARRAYS)
def test_a_real_number_of_any_kind_is_the_nearest_double(face, kind):
    x, xs = (NUMBERS | ARRAYS)[kind]
    assert flat(FACES[face](x))[: len(xs)] == [2 * a for a in xs]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("kind", REFUSED)
def test_anything_else_is_refused_by_name_and_type(face, kind):
    x, text = REFUSED[kind]
    with pytest.raises((TypeError, OverflowError), match=rf"^(argument|xs?\b).*{text}"):
        FACES[face](x)


@pytest.mark.parametrize("kind", NUMBERS)
def test_a_value_computes_with_it(kind):
    x, (a,) = NUMBERS[kind]
    v = Value(2.0)
    assert Value(x).data == (v * x).data / 2 == (x * v).data / 2 == ops.mul(v, x).data / 2 == a
    assert jvp(lambda y: y * x, (1.0,), (1.0,)) == (a, a)
    assert hvp(squares, [x], [1.0]) == [2.0]


@pytest.mark.parametrize("kind", REFUSED)
def test_a_value_refuses_it(kind):
    x, _ = REFUSED[kind]
    for call in (lambda: Value(x), lambda: ops.mul(Value(2.0), x), lambda: ops.mul(x, Value(2.0))):
        with pytest.raises((TypeError, OverflowError), match=r"expected a real number, got|too large"):
            call()


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (np.array(1.5), r"x is batched: expected an array with one item per sample, got one number, array\(1.5\)"),
        ((a for a in [1.0]), "x is batched: expected an array, a list, .* of type generator"),
        (np.array([[1.0]]).view(np.matrix), r"of type matrix; np.asarray\(x\)"),
        (np.ma.array([1.0]), "of type MaskedArray; x.compressed"),
        (np.array([1j]), r"x\[0\]: expected a real number, got .* of type complex128"),
        (np.array(["2020-01-01"], "datetime64[D]"), r"x\[0\]: .*date"),
        ([1.0, None], r"x\[1\] differs in structure from x\[0\]"),
        ([1.0, "a"], r"x\[1\]: expected a real number, got 'a' of type str"),
        ([1.0, 10**400], r"x\[1\]: int too large"),
    ],
)
def test_a_batch_is_refused_by_name_and_type(x, text):
    with pytest.raises((TypeError, ValueError, OverflowError), match=text):
        python(lambda x: x * 1.0, batch="x")(x)


class TestPandas:
    """Series and DataFrames keep their labels; a row of a batch is a Series."""

    pd = None

    @pytest.fixture(autouse=True)
    def pandas(self):
        type(self).pd = pytest.importorskip("pandas")

    @property
    def person(self):
        return self.pd.Series([1.5, 2.0, -1.0], index=["age", "height", 7], name="person")

    @property
    def people(self):
        return self.pd.DataFrame({"age": [1.5, 2.0, 3.0], "height": [1, -2, 4]}, index=["a", "b", "c"])

    @staticmethod
    def loss(x):
        return x["age"] * x["height"] + (x * x).sum()

    def test_a_series_has_a_gradient_with_its_labels(self):
        x = self.person
        expected = 2 * x + self.pd.Series([2.0, 1.5, 0.0], index=x.index)
        for f in (grad(self.loss), python(grad(self.loss))):
            for _ in range(2):
                found = f(x)
                assert found.index.equals(x.index)
                assert found.name == "person"
                assert found.dtype == float
                assert found.tolist() == expected.tolist()
        assert value_and_grad(self.loss)(x)[0] == jvp(self.loss, (x,), (x,))[0] == self.loss(x)
        second = hessian(self.loss)(x)
        assert second.loc["age", "height"] == 1.0
        assert second.to_numpy().tolist() == python(hessian(self.loss))(x).to_numpy().tolist()
        assert hvp(self.loss, x, x).tolist() == (second.to_numpy() @ x.to_numpy()).tolist()

    def test_other_labels_are_traced_anew(self):
        f = python(lambda x: x["a"] - x["b"])
        assert f(self.pd.Series({"a": 1.0, "b": 3.0})) == -2.0
        assert f(self.pd.Series({"b": 1.0, "a": 3.0})) == 2.0

    def test_a_frame_has_a_gradient_with_its_labels(self):
        x = self.people
        for f in (grad(lambda x: (x["age"] * x["height"]).sum()), python(grad(lambda x: (x["age"] * x.height).sum()))):
            found = f(x)
            assert found.columns.tolist() == ["age", "height"]
            assert found.index.equals(x.index)
            assert found.to_numpy().tolist() == x[["height", "age"]].to_numpy().tolist()

    @pytest.mark.parametrize("backend", ["python", "numpy"])
    def test_rows_of_a_frame_are_samples(self, backend):
        x = self.people
        each = jit(value_and_grad(self.loss), batch="x", backend=backend)
        values, gradients = each(x)
        assert list(values) == [self.loss(row) for _, row in x.iterrows()]
        assert np.array_equal(gradients, [grad(self.loss)(row) for _, row in x.iterrows()])
        y = self.pd.Series([1.0, 2.0, 3.0], index=list("abc"))
        fit = jit(value_and_grad(lambda w, x, y: (w * x["age"] - y) ** 2), batch=("x", "y"), reduce="sum")
        assert fit(2.0, x, y) == (4.0 + 4.0 + 9.0, 2 * (2 * 1.5 + 2 * 2.0 + 3 * 3.0))
        assert fit(2.0, x, y) == fit(2.0, x.astype("Int64", errors="ignore"), [1, 2, 3])
        with pytest.raises(ValueError, match="the batch is empty: x has no samples"):
            each(x[:0])

    def test_branches_split_the_rows(self):
        f = python(lambda x: x["age"] if x["height"] > 0 else x["height"] * 2, batch="x")
        assert list(f(self.people)) == [1.5, -4.0, 3.0]
        assert list(python(lambda y: y if y > 0 else -2 * y, batch="y")(self.people["height"])) == [1.0, 4.0, 4.0]

    def test_a_missing_value_or_a_text_is_refused_by_row_and_column(self):
        x = self.people.astype({"height": "Int64"})
        x.loc["b", "height"] = self.pd.NA
        texts = self.people.astype(object)
        texts.loc["c", "age"] = "three"
        for call in (grad(squares), python(squares)):
            with pytest.raises(TypeError, match=r"\.loc\['b', 'height'\]: expected a real number, got <NA>"):
                call(x)
        with pytest.raises(TypeError, match=r"^x\.loc\['b', 'height'\]: expected a real number, got <NA>"):
            python(squares, batch="x")(x)
        with pytest.raises(TypeError, match=r"^x\.loc\['c', 'age'\]: expected a real number, got 'three' of type str"):
            python(squares, batch="x")(texts)
        nan = self.people.astype(float).where(self.people > 0)
        assert np.isnan(python(squares, batch="x")(nan)[1])

    def test_an_index_is_refused(self):
        with pytest.raises(TypeError, match="argument 0: expected a real number, got Index"):
            grad(squares)(self.pd.Index([1.0, 2.0]))
        with pytest.raises(TypeError, match=r"expected a real number, got .* of type Series"):
            ops.mul(Value(2.0), self.person)


@pytest.mark.parametrize(
    "op", [op for op in ops.TABLE.values() if isinstance(op.partials, tuple)], ids=lambda op: op.name
)
def test_every_row_takes_arguments_that_are_arrays_without_axes(op):
    xs = (1.5,) if op is ops.acosh else (0.25, 0.125, 0.625)[: len(op.partials)]
    given, every = tuple(map(np.array, xs)), tuple(range(len(xs)))
    y, gradient = value_and_grad(op, every)(*xs)
    for face in (value_and_grad(op, every), jit(value_and_grad(op, every), backend="python")):
        assert face(*given) == (y, gradient)
    assert jvp(op, given, (1.0,) * len(xs))[0] == jit(op, backend="python")(*given) == y

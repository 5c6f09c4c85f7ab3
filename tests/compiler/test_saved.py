"""Compiled functions in files: what is loaded computes the same bits, and a broken file is refused by name."""

from __future__ import annotations

import json
import math
from array import array
from base64 import b64decode, b64encode
from contextlib import suppress

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from autograd_tiny import Value, nn
from autograd_tiny.compiler import jit, load
from autograd_tiny.engine import ops
from autograd_tiny.engine.op import Op
from autograd_tiny.transforms.columns import NONE
from autograd_tiny.transforms.derivatives import hessian, value_and_grad

ROWS = [op for op in ops.FUNCTIONS.values() if op.partials.__class__ is tuple]


def by_file(f, folder):
    return load(f.save(folder / "f.json"), backend=f.backend)


@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)
def test_every_row_and_its_derivatives_pass_through_a_file(tmp_path, op):
    xs = [0.625, 0.375, 0.25][: len(op.partials)]
    f = jit(value_and_grad(lambda xs: op(*xs)), backend="python")
    expected = f(xs)
    assert repr(by_file(f, tmp_path)(xs)) == repr(expected)


def line(w, x):
    return {"value": (w[0] * x if x > 0 else w[1] - x) ** 2, "twice": [w[0], 2 * x]}


@pytest.mark.parametrize("options", [{}, {"batch": "x"}], ids=str)
@pytest.mark.parametrize("backend", ["python", "numpy", "llvm"])
def test_branches_structures_and_batches(tmp_path, backend, options):
    if backend != "python":
        pytest.importorskip("numpy")
    if backend == "llvm":
        pytest.importorskip("llvmlite")
    f = jit(line, backend=backend, **options)
    calls = [([2.0, 3.0], x if not options else [x, -x]) for x in (1.0, -1.0)]
    expected = [f(*call) for call in calls]
    again = by_file(f, tmp_path)
    assert repr([again(*call) for call in calls]) == repr(expected)
    with pytest.raises(TypeError, match=r"f\.json has no recording of line for this call, but for 1 structure"):
        again([1.0, 2.0, 3.0], calls[0][1])


def test_a_path_that_was_not_taken_is_refused(tmp_path):
    f = jit(line, backend="python")
    f([2.0, 3.0], 1.0)
    with pytest.raises(TypeError, match="through each of its branches"):
        by_file(f, tmp_path)([2.0, 3.0], -1.0)


def test_models_and_captured_values(tmp_path):
    model, scale = nn.MLP(2, [3, 1]), Value(2.0, "scale")
    f = jit(value_and_grad(lambda model, x: scale * model(x)), backend="python")
    f(model, [0.5, 0.25])
    scale.data = 3.0
    expected = f(model, [0.5, 0.25])
    assert by_file(f, tmp_path)(model, [0.5, 0.25]) == expected


def test_second_derivatives_and_families(tmp_path):
    f = jit(hessian(lambda x: x[0].lgamma() * x[1] ** x[0] * x[1].sinc()), backend="python")
    x = [2.5, 1.5]
    assert repr(f(x)) == repr(by_file(f, tmp_path)(x))


def test_options_travel(tmp_path):
    f = jit(lambda w, n, x: w * x**n, batch="x", static="n", reduce="mean", backend="python", threads=2)
    expected = f(2.0, 3, [1.0, 2.0])
    again = by_file(f, tmp_path)
    assert again(2.0, 3, [1.0, 2.0]) == expected
    with pytest.raises(TypeError, match="no recording"):
        again(2.0, 4, [1.0, 2.0])
    assert again._given_options() == f._given_options()


def test_before_a_call_there_is_nothing_to_save(tmp_path):
    with pytest.raises(ValueError, match="line has no recording: call it with"):
        jit(line, backend="python").save(tmp_path / "f.json")
    assert not list(tmp_path.iterdir())


def test_an_op_of_the_user_is_refused(tmp_path):
    mine = Op("mine", lambda x: x * 2.0, (lambda y, x: 2.0,))
    f = jit(lambda x: mine(x), backend="python")
    f(1.0)
    with pytest.raises(TypeError, match="<lambda> cannot be saved: the op mine is not in the table"):
        f.save(tmp_path / "f.json")
    assert not list(tmp_path.iterdir())


def test_a_path_that_cannot_be_written_is_named(tmp_path):
    f = jit(line, backend="python")
    f([2.0, 3.0], 1.0)
    with pytest.raises(OSError, match="no/such"):
        f.save(tmp_path / "no/such/f.json")


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    f = jit(value_and_grad(line_loss), backend="python")
    for x in (1.0, -1.0):
        f([2.0, 3.0], x)
    return json.loads(f.save(tmp_path_factory.mktemp("saved") / "f.json").read_bytes())


def line_loss(w, x):
    return (w[0] * x if x > 0 else w[1] - x).exp() ** 2.5


def places(data, path=()):
    yield path
    for key, item in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from places(item, (*path, key))


def is_taken(tmp_path_factory, document, *args):
    """Load a document as a file and call it, whatever it returns; False if the file is refused by name."""
    path = tmp_path_factory.mktemp("changed") / "f.json"
    path.write_text(json.dumps(document))
    try:
        found = load(path, backend="python")
    except ValueError as error:
        assert "f.json cannot be loaded: " in str(error)  # noqa: PT017
        return False
    with suppress(TypeError, ValueError, ArithmeticError):
        found(*args)
    return True


JUNK = st.sampled_from([None, -1, 10**9, -(10**9), 0.5, math.inf, "junk", "exp", [], {}, ["polygamma", -3], True])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_changed_file_is_refused_or_runs(tmp_path_factory, document, data):
    changed = json.loads(json.dumps(document))
    *above, last = data.draw(st.sampled_from([p for p in places(document) if p]))
    holder = changed
    for key in above:
        holder = holder[key]
    holder[last] = data.draw(JUNK)
    is_taken(tmp_path_factory, changed, [2.0, 3.0], 1.0)


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    f = jit(value_and_grad(lambda w: ops.logsumexp(*w) + ops.fsum(*w, w[0]) + ops.hypot(w[0], w[1])), backend="python")
    f([0.5, 0.25, 2.0, 1.5])
    return json.loads(f.save(tmp_path_factory.mktemp("saved") / "f.json").read_bytes())


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_changed_operands_of_wide_steps_are_refused_or_run(tmp_path_factory, wide, data):
    changed = json.loads(json.dumps(wide))
    more = changed["recordings"][0]["paths"][0]["program"]["more"]
    assert more
    row = data.draw(st.sampled_from(more))
    match data.draw(st.sampled_from(["place", "junk", "shorter", "twice", "longer"])):
        case "place":
            row[data.draw(st.integers(0, len(row) - 1))] = data.draw(st.sampled_from([*WRONG, 1 << 40]))
        case "junk":
            row[data.draw(st.integers(0, len(row) - 1))] = data.draw(JUNK)
        case "shorter":
            row.pop()
        case "twice":
            more.append(row)
        case "longer":
            row.append(0)
    taken = is_taken(tmp_path_factory, changed, [0.5, 0.25, 2.0, 1.5])
    inputs, count = (len(changed["recordings"][0]["paths"][0]["program"][name]) for name in ("inputs", "code"))
    assert not taken or all(0 <= i < count and all(x < inputs + i for x in xs) for i, *xs in more)


WRONG = [-(1 << 31), -(1 << 20), -7, -1, 0, 1, 5, 1 << 20, (1 << 31) - 1]


@pytest.mark.parametrize("name", ["code", "operands", "outputs"])
@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_changed_column_is_refused_or_runs(tmp_path_factory, document, name, data):
    """Every place is that of an earlier number, and every step has an op with so many operands."""
    changed = json.loads(json.dumps(document))
    program = data.draw(st.sampled_from(changed["recordings"][0]["paths"]))["program"]
    holder, key = (program[name], data.draw(st.integers(0, 1))) if name == "operands" else (program, name)
    column = array("i", b64decode(holder[key]))
    at = data.draw(st.integers(0, len(column) - 1))
    column[at] = data.draw(st.sampled_from(WRONG))
    column = column[: data.draw(st.sampled_from([None, None, None, -1]))]
    holder[key] = b64encode(column.tobytes()).decode()
    path = tmp_path_factory.mktemp("changed") / "f.json"
    path.write_text(json.dumps(changed))
    try:
        found = load(path, backend="python")
    except ValueError as error:
        assert "f.json cannot be loaded: " in str(error)  # noqa: PT017
        return
    for one in changed["recordings"][0]["paths"]:
        columns = one["program"]
        code, operands = array("i", b64decode(columns["code"])), [array("i", b64decode(x)) for x in columns["operands"]]
        n, low = len(columns["inputs"]), -len(b64decode(columns["constants"])) // 8
        for i, (op, *places) in enumerate(zip(code, *operands, strict=True)):
            assert 0 <= op < len(columns["ops"])
            assert all(low <= x < n + i for x in places if x != NONE)
    with suppress(TypeError, ValueError, ArithmeticError):
        found([2.0, 3.0], 1.0)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"{}", b"[1]", b"null", b'{"format": "autograd_tiny recording"}']
)
def test_a_file_of_another_kind_is_refused_by_name(tmp_path, content):
    path = tmp_path / "other.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"other\.json cannot be loaded: "):
        load(path)

"""Names from other libraries work on a Value, or their error names the replacement."""

from __future__ import annotations

import copy
import gc
import math
import pickle
import random
import weakref

import pytest

from autograd_tiny import Value, draw, grad, hessian, jit, jvp, trace
from autograd_tiny.engine import Value as OfEngine
from autograd_tiny.nn import MLP


def lecture_graph(root):
    """The nodes and edges of a graph as micrograd's lecture collects them for its picture."""
    nodes, edges = set(), set()

    def build(v):
        if v not in nodes:
            nodes.add(v)
            for child in v._prev:
                edges.add((child, v))
                build(child)

    build(root)
    return nodes, edges


def test_the_names_of_micrograd_work():
    a = Value(2.0, label="a")
    assert (a.name, a.label, Value(1.0, "b").label) == ("a", "a", "b")
    a.label = "weight"
    assert a.name == "weight"
    y = a * a + 1.0
    assert y._prev == y.parents
    assert (a._op, y._op, y.tanh()._op, a._prev) == ("", "+", "tanh", ())


def test_a_micrograd_script_runs_with_one_name_changed():
    import autograd_tiny.engine as engine
    from autograd_tiny.engine import Value

    assert engine.Value is Value is OfEngine
    random.seed(7)
    xs, ys = [[2.0, 3.0], [3.0, -1.0], [0.5, 1.0]], [1.0, -1.0, 1.0]
    model = MLP(2, [4, 1])
    losses = []
    for _ in range(20):
        scores = [model(list(map(engine.Value, x))) for x in xs]
        loss = sum((score - y) ** 2 for score, y in zip(scores, ys, strict=True))
        for p in model.parameters():
            p.grad = None
        loss.backward()
        for p in model.parameters():
            p.data += -0.02 * p.grad
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2

    nodes, edges = lecture_graph(Value(1.0) * Value(2.0) + 3.0)  # its trace_graph.ipynb
    assert (len(nodes), len(edges)) == (4, 3)
    assert {v._op for v in nodes} == {"", "*", "+"}


def test_detach_is_a_constant_in_every_kind_of_derivative():
    def f(x):
        return x * x.detach() * x

    x = Value(3.0, "x")
    assert (x.detach().data, x.detach().name, x.detach().op) == (3.0, "x", None)
    f(x).backward()
    assert x.grad == grad(f)(3.0) == jvp(f, (3.0,), (1.0,))[1] == 18.0
    assert hessian(f)(3.0) == 6.0
    assert jit(grad(f))(3.0) == 18.0


def test_item_is_the_number_and_no_number_while_recording():
    assert Value(2.0).tanh().item() == math.tanh(2.0)
    with pytest.raises(TypeError, match="cannot be converted to float, int or bool"):
        jit(lambda x: x * x.item())(2.0)


def test_none_as_grad_means_that_there_is_none_yet():
    x = Value(3.0, "x")
    (x * x).backward()
    x.grad = None
    assert repr(x) == "Value(data=3.0, name='x')"
    assert not copy.copy(x).has_grad
    y = x * x
    steps = trace(y)
    assert "grad –" in draw(y).source
    y.backward()
    assert x.grad == steps[-1].after == 6.0
    x.grad = None
    x.backward()
    assert x.grad == 1.0


def test_zero_grad_is_that_of_this_value():
    x, z = Value(3.0), Value(2.0)
    y = x * z
    y.backward()
    x.zero_grad()
    y.backward()
    assert (x.grad, z.grad) == (2.0, 6.0)


def test_a_leaf_is_copied_and_pickled_with_its_gradient_and_name():
    x = Value(3.0, "x")
    for again in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert (again.data, again.name, again.has_grad) == (3.0, "x", False)
    (x * x).backward()
    for again in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert (again.data, again.name, again.grad) == (3.0, "x", 6.0)


SAID = {
    "step": r"no \.step: the Heaviside function is \.heaviside\(\); to step through backprop, y\.trace\(\) or",
    "_backward": r"\.local_derivatives",
    "requires_grad": r"every Value records",
    "dtype": r"takes floats: write it with arithmetic and ops, as in v\.sinc",
    "numpy": r"no \.numpy: the number is \.data",
    "pow": r"write a \*\* b$",
    "abs": r"write abs\(a\)$",
    "flurb": r"'Value' object has no attribute 'flurb'",
}


@pytest.mark.parametrize("name", SAID)
def test_other_names_say_what_to_write(name):
    assert name not in dir(Value(1.0))
    assert not hasattr(Value(1.0), name)
    with pytest.raises(AttributeError, match=SAID[name]):
        getattr(Value(1.0), name)


def test_to_set_such_a_name_says_it_too():
    with pytest.raises(AttributeError, match=r"no \.requires_grad: every Value records"):
        Value(1.0).requires_grad = False


@pytest.mark.parametrize("rounded", [round, lambda v: round(v, 2), math.floor, math.ceil, math.trunc])
def test_rounding_says_that_it_would_cut_the_gradient(rounded):
    with pytest.raises(TypeError, match=r"cut its gradient: write round\(v\.data, 2\)"):
        rounded(Value(2.5))


NODES_OF_MICROGRAD = [
    lambda a, b: Value(3.0, (a, b), "+"),
    lambda a, b: Value(3.0, (a, b)),
    lambda a, b: Value(3.0, {a, b}),
    lambda a, b: Value(3.0, _children=(a, b)),
    lambda a, b: Value(3.0, (), ""),
    lambda a, b: Value(3.0, a),
    lambda a, b: Value(3.0, 4.0),
]


@pytest.mark.parametrize("make", NODES_OF_MICROGRAD)
def test_operands_given_to_a_value_are_refused(make):
    with pytest.raises(
        TypeError, match=r"^Value\(data, name\) takes a number and a name, got .*: operands are recorded by"
    ):
        make(Value(1.0), Value(2.0))


def test_the_picture_of_the_lecture():
    a = Value(2.0, label="a")
    d = a * Value(-3.0, label="b") + 10.0
    d.label = "d"
    d.backward()
    nodes, edges = lecture_graph(d)
    lines = {"{ %s | data %.4f | grad %.4f }" % (n.label, n.data, n.grad) for n in nodes}  # noqa: UP031
    assert lines == {
        "{ a | data 2.0000 | grad -3.0000 }",
        "{ b | data -3.0000 | grad 2.0000 }",
        "{  | data -6.0000 | grad 1.0000 }",
        "{ d | data 4.0000 | grad 1.0000 }",
    }
    assert len(edges) == 3
    assert {str(id(n)) + n._op for n in nodes if n._op} == {str(id(d)) + "+", str(id(d._prev[0])) + "*"}
    assert d._children == d._prev
    for name in ("_prev", "_children", "_op"):
        with pytest.raises(AttributeError):
            setattr(d, name, ())


def test_weak_references():
    a = Value(2.0)
    y = a * a
    kept = weakref.WeakKeyDictionary({a: "leaf", y: "square"})
    assert (weakref.ref(y)() is y, kept[a]) == (True, "leaf")
    del y
    gc.collect()
    assert list(kept.values()) == ["leaf"]
    assert copy.deepcopy(a).data == 2.0


def test_item_within_a_derivative_is_refused_instead_of_a_gradient_of_0():
    for differentiated in (grad, hessian, lambda f: lambda x: jvp(f, (x,), (1.0,))):
        for f in (lambda x: (x * x).item(), lambda x: x * x.item()):
            with pytest.raises(TypeError, match=r"item\(\) has no gradient"):
                differentiated(f)(2.0)
    assert grad(lambda x: x * Value(3.0).item())(2.0) == 3.0

"""Parameters as arrays: every number comes back to its place, and another network's are refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny import Value, nn, ops
from autograd_tiny.nn import MLP, Linear, Module, Sequential
from autograd_tiny.train.keeping.shapes import arrays_of, fill, flat_of, places_of


class Own(Module):
    def __init__(self, holding):
        self.holding = holding


def numbered(tree):
    return [numbered(x) for x in tree] if isinstance(tree, list) else Value(0.0)


TREES = st.recursive(st.just(0), lambda inner: st.lists(inner, min_size=1, max_size=3), max_leaves=12)
HOLDINGS = st.dictionaries(st.sampled_from(["a", "b", 3, 0, 1]), TREES.map(numbered), min_size=1).filter(
    lambda x: len({type(key) for key in x}) == 1
)


@given(HOLDINGS | TREES.map(numbered))
def test_every_number_has_one_place_and_comes_back(holding):
    model = Own(holding)
    n = len(model.parameters())
    places = places_of(model)
    assert sorted(i for x in places.values() for i in x.ravel().tolist()) == [*range(n)]
    numbers = np.arange(n) + 0.5
    arrays = arrays_of(model, numbers)
    fill(model, arrays)
    assert [p.data for p in model.parameters()] == numbers.tolist()
    assert flat_of(model, arrays).tolist() == numbers.tolist()
    assert {name: x.tolist() for name, x in arrays_of(model).items()} == {n: x.tolist() for n, x in arrays.items()}


def test_lists_are_arrays_and_all_else_is_single():
    shared = Value(1.0)
    model = Own(
        {
            "matrix": [[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]],
            "ragged": [[Value(1.0)], [Value(2.0), Value(3.0)]],
            "number": Value(5.0),
            "objects": np.array([[Value(1.0), Value(2.0)]], object),
            "tied": [shared, shared, Value(2.0)],
            7: Value(8.0),
        }
    )
    assert {name: x.tolist() for name, x in arrays_of(model).items()} == {
        "holding['matrix']": [[1.0, 2.0], [3.0, 4.0]],
        "holding['number']": 5.0,
        "holding['objects']": [[1.0, 2.0]],
        "holding['ragged'][0][0]": 1.0,
        "holding['ragged'][1][0]": 2.0,
        "holding['ragged'][1][1]": 3.0,
        "holding['tied'][0]": 1.0,
        "holding['tied'][2]": 2.0,
        "holding[7]": 8.0,
    }
    assert {name: x.shape for name, x in arrays_of(Linear(2, 3)).items()} == {"weight": (3, 2), "bias": (3,)}
    assert [*arrays_of(MLP(2, [2]))][:2] == ["layers[0].neurons[0].w", "layers[0].neurons[0].b"]


def test_numbers_stand_in_the_order_of_their_indices():
    model = Own({"name": Value(-1.0), **{i: Value(float(i)) for i in range(11)}})
    assert [p.data for p in model.parameters()] != [*range(11), -1.0]  # by the text of keys of several types
    assert arrays_of(model)["holding"].tolist() == [*range(11)]


def test_two_parameters_of_one_name_are_refused():
    model = Own([Value(1.0)])
    setattr(model, "holding[0]", Value(2.0))
    with pytest.raises(ValueError, match="two parameters of Own have one name"):
        arrays_of(model)


def test_arrays_in_any_order_in_memory_fill_a_module():
    model, w = Linear(2, 3, bias=False), np.arange(6.0).reshape(3, 2)
    for array in (np.asfortranarray(w), np.repeat(w, 2, axis=1)[:, ::2]):
        fill(model, {"weight": array})
        assert [[p.data for p in row] for row in model.weight] == w.tolist()


OTHERS = {
    "more inputs": (MLP(3, [2, 1]), r"layers\[0\].neurons\[0\].w is 3 instead of 2, "),
    "fewer neurons": (MLP(2, [1, 1]), r"layers\[0\].neurons\[1\].w, layers\[0\].neurons\[1\].b are missing"),
    "more layers": (MLP(2, [2, 1, 1]), r"layers\[2\].neurons\[0\].w, layers\[2\].neurons\[0\].b are unexpected"),
    "another class": (Linear(2, 3), "and 3 more are missing, weight, bias are unexpected"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_arrays_of_another_network_are_refused_by_name_and_change_nothing(name):
    model, (other, told) = MLP(2, [2, 1], seed=0), OTHERS[name]
    before = model.state_dict()
    with pytest.raises(ValueError, match=rf"the arrays are not those of MLP\(2, \[2, 1\]\): .*{told}"):
        fill(model, arrays_of(other))
    assert model.state_dict() == before


@pytest.mark.parametrize("name", ["\x1b[2J\n", "x" * 100_000])
def test_names_of_others_are_told_in_a_line(name):
    model = Linear(1, 1, seed=0)
    for told, f in (("arrays", lambda: fill(model, arrays_of(model) | {name: 1.0})),
                    ("state", lambda: model.load_state_dict(model.state_dict() | {name: 1.0}))):  # fmt: skip
        with pytest.raises(ValueError, match=rf"the {told} .* is unexpected$") as caught:
            f()
        assert len(str(caught.value)) < 160


def test_shapes_are_compared_not_only_sizes():
    with pytest.raises(ValueError, match=r"Linear\(2, 3, bias=False\): weight is 2×3 instead of 3×2$"):
        fill(Linear(2, 3, bias=False), {"weight": np.zeros((2, 3))})
    with pytest.raises(ValueError, match="weight is one number instead of 3×2"):
        fill(Linear(2, 3, bias=False), {"weight": 1.0})
    with pytest.raises(ValueError, match="weight is of dtype int64"):
        fill(Linear(2, 3, bias=False), {"weight": np.zeros((3, 2), np.int64)})


def test_a_state_names_what_differs_in_arrays_of_objects_too():
    model = Own(np.array([[Value(1.0), Value(2.0)]], object))
    with pytest.raises(ValueError, match="not one of Own: holding is 1×1 instead of 1×2"):
        model.load_state_dict({"holding[0, 0]": 1.0})


def test_layers_of_every_kind_come_back():
    model = Sequential(nn.Embedding(3, 2), nn.LayerNorm(2), ops.tanh, nn.RMSNorm(2), nn.Dropout(0.5), Linear(2, 1))
    fill(model, arrays_of(model, np.arange(15.0)))
    assert [p.data for p in model.parameters()] == [*map(float, range(15))]
